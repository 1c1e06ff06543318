"""Setting up: the environment is made once and said plainly when it cannot be; the locks name no place."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPTS = sorted((ROOT / "scripts").iterdir())
FAKES = {
    "python": """#!/bin/sh
echo "$@" >>"$FAKE/calls"
case "$*" in
    *version_info*) echo "${VERSION-3.11}" ;;
    *ensurepip*) exit "${NO_VENV-0}" ;;
    "-m venv .venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
    *"pip install"*) exit "${NO_NETWORK-0}" ;;
    *"-m ${FAILING-nothing}"*) exit 3 ;;
    *) echo "ran $*" ;;
esac
""",
    "uv": """#!/bin/sh
[ -n "${UV-}" ] || exit 127
echo "uv $@" >>"$FAKE/calls"
[ "$1" != venv ] || { mkdir -p .venv/bin && cp "$FAKE/python" .venv/bin/python; }
""",
}


class Checkout:
    """The scripts in an empty folder, with a Python and a uv that only note what they are asked."""

    def __init__(self, folder: Path) -> None:
        self.root, self.fake = folder / "checkout", folder / "fake"
        self.fake.mkdir()
        shutil.copytree(ROOT / "scripts", self.root / "scripts")
        for name in ("requirements.txt", "requirements-dev.txt"):
            (self.root / name).write_text(name)
        for name, text in FAKES.items():
            (self.fake / name).write_text(text)
            (self.fake / name).chmod(0o755)

    def run(self, *command: str, **settings: str) -> subprocess.CompletedProcess[str]:
        env = {
            "PATH": f"{self.fake}:{os.environ['PATH']}",
            "FAKE": str(self.fake),
            "PYTHON": f"{self.fake}/python",
        }
        return subprocess.run(command, cwd=self.root, env=env | settings, capture_output=True, text=True, check=False)

    def installs(self, lock: str, **settings: str) -> bool:
        (self.fake / "calls").write_text("")
        ended = self.run("scripts/env", lock, **settings)
        assert ended.returncode == 0, ended.stderr
        return f"--require-hashes --only-binary :all: -r {lock}" in (self.fake / "calls").read_text()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def tracked() -> list[Path]:
    # The folder may belong to another user than the one who tests, as in a container.
    command = [
        "git",
        "-c",
        "safe.directory=*",
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in names.split("\0") if (ROOT / name).is_file()]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_script_is_plain_sh_and_says_what_it_does(script: Path) -> None:
    first, second = script.read_text().splitlines()[:2]
    assert (first, second[:2]) == ("#!/bin/sh", "# ")
    assert os.access(script, os.X_OK)
    subprocess.run(["sh", "-n", script], check=True)


def test_environment_is_made_once(checkout: Checkout) -> None:
    assert checkout.installs("requirements.txt")
    assert not checkout.installs("requirements.txt")


def test_run_and_test_share_it(checkout: Checkout) -> None:
    assert checkout.installs("requirements.txt")
    kept = checkout.root / ".venv/kept"
    kept.touch()
    assert checkout.installs("requirements-dev.txt")
    assert not checkout.installs("requirements.txt")
    assert not checkout.installs("requirements-dev.txt")
    assert kept.exists()


def test_tools_alone_bring_the_runtime(checkout: Checkout) -> None:
    assert checkout.installs("requirements-dev.txt")
    assert not checkout.installs("requirements.txt")


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt"])
def test_changed_lock_makes_it_afresh(checkout: Checkout, lock: str) -> None:
    checkout.installs("requirements-dev.txt")
    left = checkout.root / ".venv/left"
    left.touch()
    (checkout.root / lock).write_text("changed")
    assert checkout.installs(lock)
    assert not left.exists()


def test_another_python_makes_it_afresh(checkout: Checkout) -> None:
    assert checkout.installs("requirements.txt")
    assert checkout.installs("requirements.txt", VERSION="3.14")


def test_the_python_it_was_made_with_is_kept(checkout: Checkout) -> None:
    assert checkout.installs("requirements.txt")
    (checkout.fake / "python3").write_text("#!/bin/sh\nexit 1\n")
    (checkout.fake / "python3").chmod(0o755)
    assert not checkout.installs("requirements.txt", PYTHON="")


def test_failed_install_is_tried_again(checkout: Checkout) -> None:
    assert checkout.run("scripts/env", "requirements.txt", NO_NETWORK="1").returncode == 1
    assert checkout.installs("requirements.txt")


def test_uv_is_used_where_it_runs(checkout: Checkout) -> None:
    assert checkout.installs("requirements.txt", UV="1")
    assert "uv pip install" in (checkout.fake / "calls").read_text()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"VERSION": "3.10"}, "is 3.10: install a newer one"),
        ({"VERSION": "2.7"}, "is 2.7: install a newer one"),
        ({"PYTHON": "no-such-python"}, "'no-such-python' does not run: install it"),
        ({"NO_VENV": "1"}, "Python's venv module is missing: install it"),
        ({"NO_NETWORK": "1"}, "could not be installed, as said above"),
    ],
)
@pytest.mark.parametrize("verb", ["run", "test", "check", "bench"])
def test_what_is_missing_is_said_in_one_sentence(
    checkout: Checkout, verb: str, settings: dict[str, str], said: str
) -> None:
    ended = checkout.run(f"scripts/{verb}", **settings)
    *progress, sentence = ended.stderr.splitlines()
    assert ended.returncode == 1
    assert said in sentence
    assert all(line.startswith("Installing") for line in progress)
    assert ended.stdout == ""


@pytest.mark.parametrize(
    ("command", "ran"),
    [
        ("scripts/run --port 9", "-m app serve --port 9"),
        ("scripts/test tests/chats", "-m pytest tests/chats"),
        ("scripts/test --torture -x", "-m pytest -m torture -x"),
        ("scripts/bench --only W5", "-m benchmarks --only W5"),
    ],
)
def test_arguments_are_handed_on(checkout: Checkout, command: str, ran: str) -> None:
    assert checkout.run(*command.split()).stdout == f"ran {ran}\n"


def test_parley_runs_from_any_folder(checkout: Checkout, tmp_path: Path) -> None:
    checkout.installs("requirements.txt")
    command = f"cd / && '{checkout.root}/.venv/bin/parley' create-admin 'Ann B'"
    assert checkout.run("sh", "-c", command).stdout == "ran -P -m app create-admin Ann B\n"


def test_check_runs_every_step_and_fails_if_one_does(checkout: Checkout) -> None:
    ended = checkout.run("scripts/check", FAILING="ruff format")
    assert ended.returncode == 1
    assert "ran -m ruff check" in ended.stdout
    assert "ran -m pytest tests/test_architecture.py" in ended.stdout


def test_ci_script_is_bash() -> None:
    subprocess.run(["bash", "-n", ROOT / ".ci/run"], check=True)


def pins(lock: str) -> dict[str, str]:
    """Each requirement's line, and the hashes under it."""
    entries = re.split(r"\n(?=\S)", (ROOT / lock).read_text().strip())
    return {entry.partition("==")[0]: entry for entry in entries}


def test_everything_locked_has_a_hash() -> None:
    for lock in ("requirements.txt", "requirements-dev.txt"):
        assert [name for name, entry in pins(lock).items() if "--hash=sha256:" not in entry] == []


def test_tools_come_on_top_of_exactly_what_runs() -> None:
    assert pins("requirements.txt").items() <= pins("requirements-dev.txt").items()


def test_everything_wanted_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    runtime, tools = project["dependencies"], project["optional-dependencies"]["dev"]
    for lock, wanted in (("requirements.txt", runtime), ("requirements-dev.txt", runtime + tools)):
        names = {re.split(r"[\[<>=]", requirement)[0] for requirement in wanted}
        assert names <= {name.partition("[")[0] for name in pins(lock)}


# Brackets around a letter keep these lines from finding themselves.
PLACES = re.compile(
    r"pyp[i]\.org|pythonhoste[d]\.org|registry\.npmj[s]|npmj[s]\.com|yarnpk[g]\.com|unpk[g]\.com|jsdeliv[r]|cdnj[s]"
    r"|(deb|security|snapshot)\.debia[n]\.org|(archive|ports|security)\.ubunt[u]\.com"
    r"|(?<![\w.~-])/(wor[k]|roo[t]|hom[e]|User[s]|tmp/parle[y]|opt/pyp[i])/\w"
)


def test_no_file_names_a_registry_or_a_place_on_this_machine() -> None:
    found = {
        f"{file.relative_to(ROOT)}: {match[0]}"
        for file in tracked()
        if (match := PLACES.search(file.read_text(errors="replace")))
    }
    assert found == set()


@pytest.mark.parametrize(
    "text", ["https://pypi" + ".org/simple", "http://deb.debian" + ".org", "/hom" + "e/ann/parley"]
)
def test_such_a_place_would_be_found(text: str) -> None:
    assert PLACES.search(text)
