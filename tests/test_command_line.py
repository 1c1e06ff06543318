"""The commands that an operator types."""

from __future__ import annotations

import re
import socket
import stat
import subprocess
from pathlib import Path

from tests.process import Parley, parley


def test_a_wrong_setting_is_one_sentence_that_names_it(tmp_path: Path) -> None:
    done = parley(tmp_path, "serve", PARLEY_PORT="eighty")
    assert done.returncode == 1
    assert done.stderr == "parley: PARLEY_PORT is 'eighty', but it must be a whole number from 0 to 65,535.\n"


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = parley(tmp_path, "serve", PARLEY_PORT=str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "is taken by another program" in done.stderr.splitlines()[-1]


def test_what_is_kept_is_for_its_owner_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert parley(data, "migrate").returncode == 0
    parley(data, "create-admin", "ann", given="a sentence of some length\n")
    for path in (data / "secret", data / "parley.db"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE(data.stat().st_mode) == 0o700


def test_an_admin_made_here_signs_in(tmp_path: Path) -> None:
    made = parley(tmp_path, "create-admin", "ann", given="a sentence of some length\n")
    assert made.returncode == 0, made.stderr
    with Parley(tmp_path) as server:
        fields = ["-d", "username=ann", "--data-urlencode", "password=a sentence of some length"]
        answer = subprocess.run(
            ["curl", "-s", "-H", "Accept: application/json", f"{server.url}/login", *fields],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    assert '"is_admin":true' in answer.stdout


def test_a_weak_password_is_refused_in_a_sentence(tmp_path: Path) -> None:
    done = parley(tmp_path, "create-admin", "ann", given="short\n")
    assert done.returncode == 1
    assert re.match(r"parley: .*8 characters", done.stderr.splitlines()[-1])


def test_serving_ends_in_time_when_asked(tmp_path: Path) -> None:
    server = Parley(tmp_path)
    with server:
        pass
    assert server.process.returncode in (0, -15)
