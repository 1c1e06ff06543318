"""A skipped test is said loudly, and fails where REQUIRE_ALL=1."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = {
    "test_inside.py": "import pytest\ndef test_it():\n    pytest.skip('no moon')\n",
    "test_module.py": "import pytest\npytest.skip('no moon', allow_module_level=True)\n",
    "test_marked.py": "import pytest\n@pytest.mark.skip(reason='no moon')\ndef test_it(): pass\n",
    "test_known.py": "import pytest\n@pytest.mark.xfail(reason='known')\ndef test_it(): assert False\n",
}


def run(folder: Path, require_all: str) -> tuple[int, str]:
    (folder / "pytest.ini").write_text("[pytest]\n")
    env = os.environ | {"REQUIRE_ALL": require_all, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.skips", "-p", "no:cacheprovider"]
    ended = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_skipping_is_said_in_one_line(folder: Path) -> None:
    status, said = run(folder, "")
    assert status == 0
    assert said.count("!!! SKIPPED 3: no moon") == 1


@pytest.mark.parametrize("name", ["test_inside.py", "test_module.py", "test_marked.py"])
def test_nothing_may_be_skipped_where_all_is_required(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(FILES[name])
    status, said = run(tmp_path, "1")
    assert status != 0
    assert "lets nothing be skipped: no moon" in said


def test_an_expected_failure_is_no_skip(tmp_path: Path) -> None:
    (tmp_path / "test_known.py").write_text(FILES["test_known.py"])
    assert run(tmp_path, "1")[0] == 0
