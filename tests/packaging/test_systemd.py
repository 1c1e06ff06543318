"""deploy/parley.service: systemd takes it, it leaves little to attack, and what it starts lives with that."""

from __future__ import annotations

import ctypes
import os
import re
import shlex
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from app.settings import ROOT
from tests.packaging.people import Person, talk
from tests.packaging.programs import DEPLOY, Command

UNIT = (DEPLOY / "parley.service").read_text()
EXPOSURE = 2.0  # of 10; systemd calls up to 4.9 OK
NO_NEW_PRIVILEGES, DENY_WRITE_EXECUTE = 38, 65  # of prctl(2), the second since Linux 6.3


def values(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", UNIT, re.MULTILINE)


def value(name: str) -> str:
    (found,) = values(name)
    return found


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is missing")
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True)


def restrict() -> None:
    """In the process that becomes Parley: what the unit says and who is not root may do, too."""
    prctl = ctypes.CDLL(None).prctl
    os.umask(int(value("UMask"), 8))
    prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    prctl(DENY_WRITE_EXECUTE, 1, 0, 0, 0)


class Unit(Command):
    """The unit's ExecStart with its Environment, its checkout and its StateDirectory here."""

    def __init__(self, state: Path) -> None:
        here = {"/opt/parley": str(ROOT), f"/var/lib/{value('StateDirectory')}": str(state), "%i": ""}
        text = [value("ExecStart"), value("Environment"), value("WorkingDirectory")]
        for place, now in here.items():
            text = [each.replace(place, now) for each in text]
        variables = dict(each.split("=", 1) for each in shlex.split(text[1]))
        super().__init__(shlex.split(text[0]), Path(text[2]), variables)
        self.prepare = restrict


@pytest.mark.parametrize("name", ["parley.service", "parley@.service"])
def test_systemd_takes_it_alone_and_as_one_of_many(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(UNIT.replace("/opt/parley", str(ROOT)))
    done = analyze("verify", "--man=no", str(tmp_path / name.replace("@", "@8001")))
    assert (done.returncode, done.stderr) == (0, "")


def test_little_is_left_to_attack(tmp_path: Path) -> None:
    shutil.copy(DEPLOY / "parley.service", tmp_path)
    done = analyze("security", "--offline=true", "--no-pager", str(tmp_path / "parley.service"))
    found = re.search(r"Overall exposure level for parley.service: ([\d.]+)", done.stdout)
    assert found, done.stderr
    assert float(found[1]) <= EXPOSURE


def test_what_it_starts_lives_with_what_it_forbids(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with Unit(state) as unit, Person(unit.url, "ann") as ann, Person(unit.url, "bob") as bob:
        for person in (ann, bob):
            person.sign_up()
        talk(ann, bob)
        assert unit.ended() == 0
    assert {stat.S_IMODE(path.stat().st_mode) for path in state.iterdir()} == {0o600}
    assert stat.S_IMODE(state.stat().st_mode) == int(value("StateDirectoryMode"), 8)


def test_it_ends_before_systemd_loses_patience() -> None:
    assert (value("KillSignal"), value("Restart")) == ("SIGTERM", "on-failure")
    assert int(value("TimeoutStopSec")) > 5
