"""What the README shows is what happens."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.settings import ROOT, table
from tests.process import Parley

README = (ROOT / "README.md").read_text()


def block(language: str, containing: str) -> str:
    """The code block of the README in which something stands."""
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return next(each for each in blocks if containing in each)


@pytest.fixture
def parley(blank: Path, tmp_path: Path) -> Iterator[Parley]:
    (tmp_path / "data").mkdir()
    shutil.copy(blank, tmp_path / "data")
    with Parley(tmp_path / "data") as server:
        yield server


def test_the_table_of_settings_is_the_one_in_the_code() -> None:
    assert table() in README


def test_the_session_of_two_people_works_as_printed(parley: Parley, tmp_path: Path) -> None:
    session = block("sh", "/register").replace("http://127.0.0.1:8000", parley.url)
    done = subprocess.run(["sh", "-ec", session], cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert "HTTP/1.1 201" in done.stdout
    assert (
        done.stdout.count('id="message-5b0c4ea6-6a3c-4b8e-9f0e-0d4e6b7e6f10"') == 3
    )  # sent, read by Bob, and reacted to
    assert '"revision":1' in done.stdout

    listener = tmp_path / "listen.py"
    listener.write_text(block("python", "websockets").replace("127.0.0.1:8000", parley.url.removeprefix("http://")))
    with subprocess.Popen(
        [sys.executable, "-u", listener, "bob"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as listening:
        assert listening.stdout
        assert '"ready"' in listening.stdout.readline()
        subprocess.run(
            ["curl", "-sb", "ann", f"{parley.url}/chats/1/messages", "-d", "body=live"],
            cwd=tmp_path, check=True, capture_output=True,
        )  # fmt: skip
        assert any("live" in line for line in listening.stdout)
        listening.kill()
