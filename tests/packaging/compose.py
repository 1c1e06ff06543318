"""The compose files as their own program understands them, and the servers that they name on this machine."""

from __future__ import annotations

import functools
import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from app.settings import ROOT
from tests.backing import Postgres, Redis

# PyYAML comes with Debian's docker-compose, for Debian's Python.
TO_JSON = ["/usr/bin/python3", "-c", "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)"]


@functools.cache
def compose(name: str, **variables: str) -> dict[str, Any]:
    """A file with everything filled in. Raises CalledProcessError for one that is wrong."""
    if not shutil.which("docker-compose"):
        pytest.skip("docker-compose is missing")
    kept = {each: os.environ[each] for each in ("PATH", "HOME") if each in os.environ}
    command = ["docker-compose", "--file", name, "config"]
    text = subprocess.run(command, cwd=ROOT, env=kept | variables, check=True, capture_output=True).stdout
    found: dict[str, Any] = json.loads(subprocess.run(TO_JSON, input=text, check=True, capture_output=True).stdout)
    return found


def make_secrets(folder: Path) -> Path:
    """What deploy/make-secrets makes, below `folder`."""
    shutil.copy(ROOT / "deploy/make-secrets", folder)
    subprocess.run([folder / "make-secrets"], check=True)
    return folder / "secrets"


class ComposedRedis(Redis):
    """As the service's command says, but for place and port."""

    def __init__(self, service: dict[str, Any]) -> None:
        super().__init__()
        self.words = _words(service["command"])

    def command(self) -> list[str]:
        return [*self.words, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]

    def check(self, service: dict[str, Any]) -> None:
        """Raises CalledProcessError when the service's health check fails."""
        words = _words(service["healthcheck"]["test"])[1:]
        subprocess.run([words[0], "-p", str(self.port), *words[1:]], check=True, capture_output=True)


class ComposedPostgres(Postgres):
    """With the user, the database and the password that its service says."""

    def __init__(self, password: str) -> None:
        super().__init__()
        self.password = password

    def start(self) -> None:
        super().start()
        self.sql(f"ALTER USER parley PASSWORD '{self.password}'")
        (self.data / "pg_hba.conf").write_text("host all all 127.0.0.1/32 scram-sha-256\n")
        self.sql("SELECT pg_reload_conf()")

    def check(self, service: dict[str, Any]) -> None:
        """Raises CalledProcessError when the service's health check fails."""
        words = _words(service["healthcheck"]["test"])[1:]
        subprocess.run([f"{self.bin}/{words[0]}", f"--port={self.port}", *words[1:]], check=True, capture_output=True)


def _words(command: str | list[str]) -> list[str]:
    return shlex.split(command) if isinstance(command, str) else command
