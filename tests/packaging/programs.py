"""Programs as the files for operators start them: Parley by a command of theirs, Caddy and nginx in front of it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from app.settings import ROOT
from tests.backing import NOBODY, PATIENCE, Server, free_port, wait_for_port

DEPLOY = ROOT / "deploy"


def clean(**variables: str) -> dict[str, str]:
    """This process's environment without what belongs to Parley or Python, and with what is given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PARLEY_", "PYTHON"))}
    return kept | variables


def stepping_down(command: Sequence[str], user: str = NOBODY, group: str = "nogroup") -> list[str]:
    """The command as somebody without any rights; who is not root has nobody to step down to."""
    if os.geteuid() != 0:
        return list(command)
    rights = ["--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"]
    return ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", *rights, *command]


class Program(Server):
    """A server that says on `output` what it says; `environment` and `cwd` are its own.

    `prepare` is called in its process before it begins.
    """

    def __init__(self) -> None:
        super().__init__()
        self.prepare: Callable[[], None] | None = None
        self.environment = clean()
        self.cwd = self.folder

    def start(self) -> None:
        with (self.folder / "output").open("ab") as file:
            self.process = subprocess.Popen(
                self.command(),
                cwd=self.cwd, env=self.environment, preexec_fn=self.prepare,
                stdin=subprocess.DEVNULL, stdout=file, stderr=file,
            )  # fmt: skip
        try:
            wait_for_port(self.port, self.process)
        except RuntimeError as error:
            raise RuntimeError(f"{error}: {self.output}") from error

    @property
    def output(self) -> str:
        return (self.folder / "output").read_text()

    def ended(self) -> int:
        """Stop as every supervisor does, and answer the exit status. Raises TimeoutExpired when it takes too long."""
        process = self.process
        assert process
        self.stop()
        return process.returncode


class Command(Program):
    """Parley by a command that one of the files says, with the variables that it says; on a free port."""

    def __init__(self, command: Sequence[str], cwd: Path, variables: Mapping[str, str]) -> None:
        super().__init__()
        self.words = list(command)
        self.cwd = cwd
        self.environment = clean(**{**variables, "PARLEY_PORT": str(self.port)})
        self.url = f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        return self.words


class Proxy(Program):
    """A proxy at https://localhost:port, without the rights of root; `trust` knows its certificate."""

    def __init__(self) -> None:
        super().__init__()
        self.plain = free_port()
        self.url = f"https://localhost:{self.port}"
        if os.geteuid() == 0:
            shutil.chown(self.folder, NOBODY)

    @property
    def trust(self) -> ssl.SSLContext:
        raise NotImplementedError


class Caddy(Proxy):
    """deploy/Caddyfile as it is, by the variables that it reads."""

    def __init__(self, *upstreams: str, **variables: str) -> None:
        super().__init__()
        self.environment = clean(
            CADDY_ADMIN="off",
            PARLEY_HTTP_PORT=str(self.plain),
            PARLEY_HTTPS_PORT=str(self.port),
            PARLEY_UPSTREAMS=" ".join(upstreams),
            HOME=str(self.folder),
            XDG_DATA_HOME=str(self.folder),
            XDG_CONFIG_HOME=str(self.folder),
            **variables,
        )

    def command(self) -> list[str]:
        shutil.copy(DEPLOY / "Caddyfile", self.folder)
        return stepping_down(["caddy", "run", "--config", "Caddyfile", "--adapter", "caddyfile"])

    def start(self) -> None:
        """It listens before it has a certificate."""
        super().start()
        deadline = time.monotonic() + PATIENCE
        while not self._shakes_hands():
            if time.monotonic() > deadline:
                raise RuntimeError(f"Caddy has no certificate: {self.output}")
            time.sleep(0.02)

    def _shakes_hands(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port)) as plain:
                self.trust.wrap_socket(plain, server_hostname="localhost").close()
        except OSError:
            return False
        return True

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.folder / "caddy/pki/authorities/local/root.crt"))


class Nginx(Proxy):
    """deploy/nginx.conf with this machine's ports and a certificate of its own, in the smallest frame around it."""

    def __init__(self, *upstreams: str, path: str = "/") -> None:
        super().__init__()
        self.upstreams = upstreams
        self.path = path

    def command(self) -> list[str]:
        self.configure()
        return stepping_down(self.nginx())

    def stop(self, how: int = signal.SIGTERM) -> None:
        """Never by SIGKILL: that would leave its workers behind."""
        super().stop(signal.SIGTERM if how == signal.SIGKILL else how)

    def nginx(self, *options: str) -> list[str]:
        return ["/usr/sbin/nginx", "-p", str(self.folder), "-c", "nginx.conf", "-e", "stderr", *options]

    def configure(self) -> None:
        """Write the configuration and the certificate. Raises ValueError where the example is no longer as known."""
        kept = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        frame = "\n".join(f"{each}_temp_path {self.folder}/{each};" for each in kept)
        (self.folder / "nginx.conf").write_text(
            f"daemon off;\npid {self.folder}/pid;\nevents {{}}\n"
            f"http {{\naccess_log off;\n{frame}\ninclude parley.conf;\n}}\n"
        )
        text = (DEPLOY / "nginx.conf").read_text()
        for old, new in {
            "listen 80;": f"listen 127.0.0.1:{self.plain};",
            "listen 443 ": f"listen 127.0.0.1:{self.port} ",
            "chat.example.org": "localhost",
            "/etc/ssl/parley/": f"{self.folder}/",
            "    server 127.0.0.1:8000;\n": "".join(f"    server {each};\n" for each in self.upstreams),
            "location / {": f"location {self.path} {{",
        }.items():
            if old not in text:
                raise ValueError(f"deploy/nginx.conf has no {old!r}")
            text = text.replace(old, new)
        (self.folder / "parley.conf").write_text(text)
        _make_certificate(self.folder)

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.folder / "fullchain.pem"))


def _make_certificate(folder: Path) -> None:
    what = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", "privkey.pem", "-out", "fullchain.pem"]
    subprocess.run(["openssl", "req", *what, *name, *files], cwd=folder, check=True, capture_output=True)
    if os.geteuid() == 0:
        shutil.chown(folder / "privkey.pem", NOBODY)
