"""The commands that an operator types."""

from __future__ import annotations

import re
import shutil
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from tests.process import Parley, parley


@pytest.fixture
def migrated(blank: Path, tmp_path: Path) -> Path:
    """A folder with a database, where making it is not what a test is about."""
    shutil.copy(blank, tmp_path)
    return tmp_path


def test_a_wrong_setting_is_one_sentence_that_names_it(tmp_path: Path) -> None:
    done = parley(tmp_path, "serve", PARLEY_PORT="eighty")
    assert done.returncode == 1
    assert done.stderr == "parley: PARLEY_PORT is 'eighty', but it must be a whole number from 0 to 65,535.\n"


def test_a_taken_port_is_one_sentence(migrated: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = parley(migrated, "serve", PARLEY_PORT=str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "is taken by another program" in done.stderr.splitlines()[-1]


def test_an_admin_made_here_signs_in_and_what_is_kept_is_for_its_owner_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    made = parley(data, "create-admin", "ann", given="a sentence of some length\n")
    assert made.returncode == 0, made.stderr
    server = Parley(data)
    with server:
        fields = ["-d", "username=ann", "--data-urlencode", "password=a sentence of some length"]
        answer = subprocess.run(
            ["curl", "-s", "-H", "Accept: application/json", f"{server.url}/login", *fields],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        for path in (data / "secret", data / "parley.db"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert '"is_admin":true' in answer.stdout
    assert server.process.returncode in (0, -15)  # it ended in time when it was asked


def test_a_weak_password_is_refused_in_a_sentence(migrated: Path) -> None:
    done = parley(migrated, "create-admin", "ann", given="short\n")
    assert done.returncode == 1
    assert re.match(r"parley: .*8 characters", done.stderr.splitlines()[-1])
