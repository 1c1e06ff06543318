"""Parley as a process of its own, started as its operator starts it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType

from app.settings import ROOT

PATIENCE = 20  # seconds in which a process must start or stop


class Parley:
    """`python -m app serve` on a free port, which it keeps over restarts; `url` is known once it answers.

    What it writes to standard error is kept in `lines`.
    """

    def __init__(self, data: Path, **settings: str) -> None:
        self.environment = environment(data, **{"PARLEY_PORT": "0", **settings})
        self.url = ""
        self.is_up = False
        self.lines: list[str] = []

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def start(self) -> None:
        """Raises AssertionError with its last lines for one that does not start."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "app", "serve"],
            cwd=ROOT, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        decided = threading.Event()
        self.reader = threading.Thread(target=self._read, args=[self.process, decided], daemon=True)
        self.reader.start()
        decided.wait(PATIENCE)
        assert self.is_up, f"Parley did not start: {self.lines[-5:]}"
        self.environment["PARLEY_PORT"] = str(self.port)

    def _read(self, process: subprocess.Popen[str], decided: threading.Event) -> None:
        """Take what it writes, for a full pipe would stop it, and see when it listens or ends."""
        assert process.stderr
        for line in process.stderr:
            self.lines.append(line)
            if found := re.search(r"listening on (http://\S+?)\"", line):
                self.url, self.is_up = found.group(1), True
                decided.set()
        self.is_up = False
        decided.set()

    def stop(self, how: int = signal.SIGTERM) -> None:
        """End it: as one should, or with SIGKILL. Raises TimeoutExpired for one that does not end."""
        self.process.send_signal(how)
        self.process.wait(PATIENCE)
        self.reader.join()
        assert self.process.stderr
        self.process.stderr.close()

    def __enter__(self) -> Parley:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.stop()


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
