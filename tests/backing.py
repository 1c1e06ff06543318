"""PostgreSQL and Redis for tests: real servers on free ports, in folders that go away with them."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

PATIENCE = 20  # seconds in which a server must start or stop
PROGRAMS = list(Path("/usr/lib/postgresql").glob("*/bin"))  # of each version that is installed
PGBOUNCER = "/usr/sbin/pgbouncer"
NOBODY = "nobody"  # PostgreSQL refuses to run as root


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until something listens. Raises RuntimeError when the process ends instead, or takes too long."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"{process.args!r} does not listen on port {port}")


class Server(ABC):
    """A program that listens on `port` from `start` to `stop`, and may be killed and started again in between."""

    def __init__(self) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="parley-"))
        self.process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """The program and its arguments; it stays in the foreground."""

    def start(self) -> None:
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(self.command(), stdin=quiet, stdout=quiet, stderr=quiet)
        wait_for_port(self.port, self.process)

    def stop(self, how: int = signal.SIGTERM) -> None:
        """Raises TimeoutExpired for a server that does not end."""
        if self.process is None:
            return
        self.process.send_signal(how)
        self.process.wait(PATIENCE)
        self.process = None

    def freeze(self) -> None:
        """Stop it and its children in their tracks; connections stay open, and nobody answers."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: int) -> None:
        assert self.process
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for each in (pid, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.kill(each, number)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.stop(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)


def as_nobody(command: list[str]) -> list[str]:
    """Root steps down: PostgreSQL and pgbouncer refuse to run as root."""
    if os.geteuid() != 0:
        return command
    return ["setpriv", f"--reuid={NOBODY}", "--regid=nogroup", "--clear-groups", *command]


class Redis(Server):
    """Redis without persistence; `stop(SIGKILL)` and `start()` lose all it held."""

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        where = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        return ["redis-server", *where, "--save", "", "--appendonly", "no"]


class RedisNode(Redis):
    """One of a cluster's; it keeps in its folder who the others are."""

    def __init__(self) -> None:
        super().__init__()
        self.bus_port = free_port()

    def command(self) -> list[str]:
        cluster = ["--cluster-enabled", "yes", "--cluster-port", str(self.bus_port), "--cluster-node-timeout", "1000"]
        return [*super().command(), *cluster]

    def ask(self, *command: object) -> str:
        """What redis-cli prints. Raises CalledProcessError for an error."""
        line = ["redis-cli", "-e", "-p", str(self.port), *map(str, command)]
        return subprocess.run(line, check=True, capture_output=True, text=True).stdout

    def is_well(self) -> bool:
        said = self.ask("CLUSTER", "INFO")
        return "cluster_state:ok" in said and "cluster_known_nodes:3" in said


class RedisCluster:
    """Three nodes with a third of the slots each, and no replicas."""

    def __init__(self) -> None:
        self.nodes = [RedisNode() for _ in range(3)]

    @property
    def url(self) -> str:
        return f"redis+cluster://127.0.0.1:{self.nodes[0].port}"

    def start(self) -> None:
        """Start those that do not run. Raises RuntimeError when they do not find together."""
        for node in self.nodes:
            if node.process is None:
                node.start()
        deadline = time.monotonic() + PATIENCE
        while not all(node.is_well() for node in self.nodes):
            if time.monotonic() > deadline:
                raise RuntimeError("Redis Cluster does not come about")
            time.sleep(0.02)

    def stop(self, how: int = signal.SIGTERM) -> None:
        for node in self.nodes:
            node.stop(how)

    def __enter__(self) -> Self:
        bounds = [0, 5461, 10923, 16384]
        with ExitStack() as stack:
            for epoch, node in enumerate(self.nodes, 1):
                stack.enter_context(node)
                node.ask("CLUSTER", "SET-CONFIG-EPOCH", epoch)
                node.ask("CLUSTER", "ADDSLOTSRANGE", bounds[epoch - 1], bounds[epoch] - 1)
                node.ask("CLUSTER", "MEET", "127.0.0.1", self.nodes[0].port, self.nodes[0].bus_port)
            self.start()
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self.stack.close()


def make_postgres(durable: bool = False) -> Postgres:
    """A PostgreSQL to start. Skips the test where none is installed."""
    if not PROGRAMS:
        pytest.skip("PostgreSQL is not installed (Debian: apt install postgresql)")
    return Postgres(durable)


class Postgres(Server):
    """A cluster of its own with one empty database `parley`; durable like a real one where `durable`."""

    def __init__(self, durable: bool = False) -> None:
        super().__init__()
        self.durable = durable
        self.bin = max(PROGRAMS, key=lambda path: int(path.parent.name))
        self.data = self.folder / "data"

    @property
    def url(self) -> str:
        return self.address("parley")

    def address(self, database: str) -> str:
        return f"postgresql://parley@127.0.0.1:{self.port}/{database}"

    def command(self) -> list[str]:
        options = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.folder,
            "max_connections": 200,
            "fsync": "on" if self.durable else "off",
            "synchronous_commit": "on" if self.durable else "off",
            "full_page_writes": "on" if self.durable else "off",
        }
        settings = [f"--{name}={value}" for name, value in options.items()]
        return as_nobody([f"{self.bin}/postgres", "-D", str(self.data), *settings])

    def start(self) -> None:
        if not self.data.exists():
            self._create()
        super().start()
        self._wait_until_ready()

    def _create(self) -> None:
        if os.geteuid() == 0:
            shutil.chown(self.folder, NOBODY)
        flags = ["--auth=trust", "--username=parley", "--encoding=UTF8", "--locale=C.UTF-8"]
        command = [f"{self.bin}/initdb", "-D", str(self.data), *flags, *([] if self.durable else ["--no-sync"])]
        subprocess.run(as_nobody(command), check=True, capture_output=True)
        Server.start(self)
        self._wait_until_ready()
        self.sql("CREATE DATABASE parley", "postgres")
        self.stop(signal.SIGINT)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while subprocess.run([f"{self.bin}/pg_isready", "-qh127.0.0.1", f"-p{self.port}"]).returncode:
            if time.monotonic() > deadline:
                raise RuntimeError("PostgreSQL does not accept connections")
            time.sleep(0.02)

    def sql(self, statement: str, database: str = "parley") -> str:
        """Run one statement with psql; answers what it prints, unaligned."""
        command = [f"{self.bin}/psql", "-XqtAv", "ON_ERROR_STOP=1", "-c", statement, self.address(database)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def make_pgbouncer(postgres: Postgres) -> Pgbouncer:
    """A pooler to start. Skips the test where it is not installed."""
    if not Path(PGBOUNCER).exists():
        pytest.skip("pgbouncer is not installed (Debian: apt install pgbouncer)")
    return Pgbouncer(postgres)


class Pgbouncer(Server):
    """A pooler before a PostgreSQL: each transaction may run in another of its few sessions."""

    def __init__(self, postgres: Postgres, sessions: int = 3) -> None:
        super().__init__()
        self.database = f"host=127.0.0.1 port={postgres.port} user=parley"
        self.sessions = sessions

    @property
    def url(self) -> str:
        return f"postgresql://parley@127.0.0.1:{self.port}/parley"

    def command(self) -> list[str]:
        settings = self.folder / "pgbouncer.ini"
        settings.write_text(
            f"[databases]\nparley = {self.database}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self.port}\n"
            f"unix_socket_dir =\nauth_type = any\npool_mode = transaction\ndefault_pool_size = {self.sessions}\n"
        )
        self.folder.chmod(0o755)
        return as_nobody([PGBOUNCER, "--quiet", str(settings)])
