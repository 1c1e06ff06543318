"""A Dockerfile done without Docker: its instructions, one after another, in a temporary folder."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from app.settings import ROOT

OURS = re.compile(r"(?<![\w./-])/(?=(app|data)\b)")  # the two folders that the image has and this machine has not


def instructions(text: str) -> list[tuple[str, str]]:
    """Its words and what follows each, comments left out and broken lines joined."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in joined.splitlines()) if word]


def exec_form(text: str) -> list[str]:
    """Raises ValueError for the shell form: a shell would keep SIGTERM to itself."""
    return [str(each) for each in json.loads(text)]


class Ignored:
    """What .dockerignore keeps from the builder: the last pattern that matches a path or a folder above decides."""

    def __init__(self, text: str) -> None:
        lines = [line.strip() for line in text.splitlines()]
        self.rules = [(_pattern(line.lstrip("!")), line[0] != "!") for line in lines if line and line[0] != "#"]

    def __contains__(self, path: Path) -> bool:
        ignored = False
        for pattern, ignores in self.rules:
            if any(pattern.fullmatch(each.as_posix()) for each in (path, *path.parents)):
                ignored = ignores
        return ignored


def _pattern(glob: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|\*|\?)", glob)
    words = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(words.get(part, re.escape(part)) for part in parts))


class Image:
    """What the Dockerfile makes, below `root`: /app is root/app and /data root/data."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.steps = instructions((ROOT / "Dockerfile").read_text())
        self.ignored = Ignored((ROOT / ".dockerignore").read_text())
        self.folder = root
        self.environment: dict[str, str] = {}

    def said(self, word: str) -> str:
        """What the only instruction of a sort says."""
        (found,) = [rest for each, rest in self.steps if each == word]
        return found

    @property
    def user(self) -> int:
        return int(self.said("USER").split(":")[0])

    @property
    def command(self) -> list[str]:
        return exec_form(self.said("ENTRYPOINT")) + exec_form(self.said("CMD"))

    @property
    def check(self) -> list[str]:
        """What HEALTHCHECK runs."""
        return exec_form(self.said("HEALTHCHECK").partition("CMD")[2])

    def here(self, text: str) -> str:
        """The same with /app and /data where they are on this machine."""
        return OURS.sub(f"{self.root}/", text)

    def build(self, runs: bool = True) -> None:
        """COPY, WORKDIR, ENV and, unless `runs` is false, RUN.

        Raises RuntimeError for a RUN that fails, FileNotFoundError for a COPY of what is not there.
        """
        for word, rest in self.steps:
            if word == "WORKDIR":
                self.folder = Path(self.here(rest))
                self.folder.mkdir(parents=True)
            elif word == "ENV":
                self.environment |= {name: self.here(value) for name, value in _pairs(rest)}
            elif word == "COPY":
                *sources, target = rest.split()
                for source in sources:
                    self._copy(source, self.folder / target, target.endswith("/"))
            elif word == "RUN" and runs:
                self._run(rest)

    def _copy(self, source: str, target: Path, into: bool) -> None:
        found = list(self._context(ROOT / source))
        if not found:
            raise FileNotFoundError(f"COPY {source} copies nothing")
        for file in found:
            below = file.relative_to(ROOT / source) if (ROOT / source).is_dir() else Path(file.name if into else "")
            (target / below).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target / below)

    def _context(self, source: Path) -> Iterator[Path]:
        """The files of a COPY that reach the builder."""
        for file in [source] if source.is_file() else sorted(source.rglob("*")):
            if file.is_file() and file.relative_to(ROOT) not in self.ignored:
                yield file

    def _run(self, line: str) -> None:
        if os.geteuid() != 0:  # nobody to hand a folder to
            line = re.sub(r"-[og] \d+ ", "", line)
        path = {"PATH": f"{self.root}/venv/bin:{os.environ['PATH']}"}
        done = subprocess.run(
            ["sh", "-ec", self.here(line)],
            cwd=self.folder, env={**os.environ, **self.environment, **path}, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"RUN {line} failed: {done.stderr}")

    def words(self, command: list[str], python: Path | str = sys.executable) -> list[str]:
        """A command of the image, with the Python of this machine that stands for its own."""
        return [str(python) if each == "python" else self.here(each) for each in command]


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for each in shlex.split(text):
        name, _, value = each.partition("=")
        yield name, value
