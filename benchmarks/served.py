"""The server under test: real processes, started as an operator starts them, and what the kernel says of them."""

from __future__ import annotations

import http.client
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from types import TracebackType

from app.settings import ROOT, Settings
from tests.backing import Postgres, free_port
from tests.process import environment

PATIENCE = 30
ALL_CORES = os.sched_getaffinity(0)
TICK = os.sysconf("SC_CLK_TCK")
MANY = "1000000"
# Nothing is switched off; only what would refuse a generator that acts for few people.
RAISED = {
    "PARLEY_SEND_RATE": MANY,
    "PARLEY_SEND_BURST": MANY,
    "PARLEY_REQUEST_RATE": MANY,
    "PARLEY_LOGIN_ATTEMPTS": MANY,
    "PARLEY_ADDRESS_ATTEMPTS": MANY,
}
# Slow requests are what is looked for here, not news.
QUIET = {"PARLEY_LOG_LEVEL": "error"}


def pin(pid: int, cores: set[int]) -> None:
    """Keep a process there, with all its threads and those to come."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), cores)


class Served:
    """`processes` times `python -m app serve` over one database. `urls` are where they answer."""

    def __init__(self, data: Path, processes: int = 1, cores: set[int] = ALL_CORES, **settings: str) -> None:
        self.data = data
        self.cores = cores
        self.environment = environment(data, **RAISED, **QUIET, **settings)
        self.ports = [free_port() for _ in range(processes)]
        self.urls = [f"http://127.0.0.1:{port}" for port in self.ports]
        self.running: list[subprocess.Popen[bytes]] = []

    @property
    def url(self) -> str:
        return self.urls[0]

    @property
    def settings(self) -> Settings:
        return Settings.from_environment(self.environment)

    def command(self, _port: int) -> list[str]:
        return [sys.executable, "-m", "app", "serve"]

    def start(self) -> float:
        """Answers the seconds until the last one answers; from then on they keep to their cores.

        Raises RuntimeError for one that does not answer.
        """
        began = time.perf_counter()
        for port in self.ports:
            given = {**self.environment, "PARLEY_PORT": str(port)}
            process = subprocess.Popen(self.command(port), cwd=ROOT, env=given, stdout=subprocess.DEVNULL)  # noqa: S603
            pin(process.pid, ALL_CORES)  # as an operator starts it: the generator's core is not its own
            self.running.append(process)
        for port, process in zip(self.ports, self.running, strict=True):
            _wait(port, process)
        took = time.perf_counter() - began
        for process in self.running:
            pin(process.pid, self.cores)
        return took

    def stop(self) -> None:
        for process in self.running:
            process.send_signal(signal.SIGTERM)
        for process in self.running:
            process.wait(PATIENCE)
        self.running = []

    def restart(self) -> float:
        self.stop()
        return self.start()

    def cpu(self) -> float:
        """Seconds of CPU that the processes have used, in the kernel's ticks of (mostly) 10 ms."""
        return sum(_cpu(process.pid) for process in self.running)

    def cores_cpu(self) -> float:
        """Seconds in which its cores were not idle, whoever used them."""
        names = {f"cpu{core}" for core in self.cores}
        rows = [line.split() for line in Path("/proc/stat").read_text().splitlines()]
        # user, nice, system, (idle, waiting,) interrupts, and what the host gave to others
        return sum(int(row[n]) for row in rows if row[0] in names for n in (1, 2, 3, 6, 7, 8)) / TICK

    def memory(self) -> float:
        """KiB: Pss, so that what processes share counts once."""
        return float(sum(_pss(process.pid) for process in self.running))

    def settle(self) -> None:
        """Until it has nothing left to do from before: at most a tick of CPU within 0.1 s."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            before = self.cpu()
            time.sleep(0.1)
            if self.cpu() - before < 1.5 / TICK:
                return

    def stored(self, postgres: Postgres | None) -> int:
        """How many messages the database holds."""
        question = "SELECT count(*) FROM messages"
        if postgres:
            return int(postgres.sql(question))
        with closing(sqlite3.connect(self.data / "parley.db")) as connection:
            return int(connection.execute(question).fetchone()[0])

    def __enter__(self) -> Served:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.stop()


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.005)
        finally:
            connection.close()
    process.kill()
    raise RuntimeError("Parley did not start")


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def _pss(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
