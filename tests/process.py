"""Parley as a process of its own, started as its operator starts it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from app.settings import ROOT


class Parley:
    """`python -m app serve` on a free port with a data folder of its own; `url` is known once it answers."""

    def __init__(self, data: Path, **settings: str) -> None:
        self.environment = environment(data, PARLEY_PORT="0", **settings)
        self.url = ""

    def __enter__(self) -> Parley:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "app", "serve"],
            cwd=ROOT, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stderr
        for line in self.process.stderr:
            if found := re.search(r"listening on (http://\S+?)\"", line):
                self.url = found.group(1)
                break
        assert self.url, "Parley did not start"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.process.terminate()
        self.process.communicate(timeout=20)


def environment(data: Path, **settings: str) -> dict[str, str]:
    """This process's variables without its own settings, and with those given."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")}
    return {**clean, "PARLEY_DATA": str(data), **settings}


def parley(data: Path, *arguments: str, given: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the command line to its end."""
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        cwd=ROOT, env=environment(data, **settings), input=given, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
