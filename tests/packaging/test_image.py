"""The image is what its Dockerfile says: done step by step, without Docker."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from app.settings import ROOT
from tests.packaging.dockerfile import Ignored, Image, exec_form
from tests.packaging.people import Person, talk
from tests.packaging.programs import DEPLOY, Command, clean, stepping_down

OFFLINE = re.compile(r"Temporary failure in name resolution|NewConnectionError|ProxyError|Network is unreachable")
IN_TIME = 10  # seconds, as `docker stop` waits


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder that other users may look into."""
    with tempfile.TemporaryDirectory(prefix="parley-image-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def image(root: Path) -> Image:
    return Image(root)


def files(folder: Path) -> dict[str, float]:
    return {str(path.relative_to(folder)): path.stat().st_mtime for path in folder.rglob("*")}


def try_out(image: Image, server: Command, check: list[str]) -> None:
    """The link of the first start makes the first account, whose owner talks to a second; then it is told to end."""
    server.environment["PARLEY_REGISTRATION"] = "open"
    before = files(image.root / "app")
    with server:
        subprocess.run(check, cwd=server.cwd, env=server.environment, check=True)
        (path,) = re.findall(r"within a day at http://0\.0\.0\.0:\d+(/join/\S+)", server.output)
        with Person(server.url, "ann") as ann, Person(server.url, "bob") as bob:
            assert ann.sign_up(path).json()["is_admin"]
            bob.sign_up()
            talk(ann, bob)
            with bob.listening():
                process = server.process
                assert process
                process.terminate()
                assert process.wait(IN_TIME) == 0
        assert subprocess.run(check, cwd=server.cwd, env=server.environment, capture_output=True).returncode == 1
    assert files(image.root / "app") == before, "something was written outside of the volume"


def test_what_is_copied_is_enough_to_run(image: Image, blank: Path) -> None:
    image.build(runs=False)
    (image.root / "data").mkdir()
    shutil.copy(blank, image.root / "data/parley.db")
    server = Command(image.words(image.command), image.folder, image.environment)
    try_out(image, server, image.words(image.check))


@pytest.mark.torture
def test_every_step_works_for_a_user_who_may_nothing(image: Image) -> None:
    python = python_for_all()
    subprocess.run([python, "-m", "venv", image.root / "venv"], check=True)
    try:
        image.build()
    except RuntimeError as error:
        if OFFLINE.search(str(error)):
            pytest.skip("the image's packages need the network")
        raise
    if os.geteuid() != 0:
        subprocess.run(["chmod", "-R", "a-w", image.root / "app"], check=True)
    inside = image.root / "venv/bin/python"
    command, check = (
        stepping_down(image.words(words, inside), str(image.user), str(image.user))
        for words in (image.command, image.check)
    )
    try_out(image, Command(command, image.folder, image.environment), check)
    kept = image.root / "data/parley.db"
    assert os.geteuid() != 0 or kept.stat().st_uid == image.user


def python_for_all() -> str:
    """A Python that any user may run, unlike one in somebody's home."""
    for python in (sys.executable, "/usr/bin/python3"):
        real = str(Path(python).resolve())
        # By a shell: setpriv itself still finds what is in root's home.
        command = stepping_down(["sh", "-c", 'exec "$0" -c "import venv, ensurepip"', real])
        if subprocess.run(command, capture_output=True, cwd="/").returncode == 0:
            return real
    pytest.skip("there is no Python with venv that other users may run")


def test_it_runs_as_nobody_in_particular_and_takes_signals_itself(image: Image) -> None:
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", image.said("USER"))
    assert image.said("VOLUME") == "/data"
    assert image.said("STOPSIGNAL") == "SIGTERM"
    assert exec_form(image.said("ENTRYPOINT"))[0] == "python"
    last = [word for word, _ in image.steps]
    assert last.index("USER") > max(index for index, word in enumerate(last) if word in ("RUN", "COPY"))


def test_it_installs_what_is_locked_and_nothing_else(image: Image) -> None:
    (install,) = [rest for word, rest in image.steps if word == "RUN" and "pip " in rest]
    assert "--require-hashes --only-binary :all: -r requirements.txt" in install


def test_it_begins_with_a_python_that_parley_takes(image: Image) -> None:
    found = re.fullmatch(r"python:3\.(\d+)-slim-[a-z]+", image.said("FROM"))
    assert found
    assert int(found[1]) >= 11


def test_what_does_not_run_stays_outside(image: Image) -> None:
    image.build(runs=False)
    assert not [path for path in (image.root / "app").rglob("*") if path.name.startswith((".", "test"))]
    assert not list((image.root / "app").rglob("*.pyc"))
    top = {path.name for path in (image.root / "app").iterdir()}
    assert not top & {"data", "docs", "tests", "scripts", "deploy", "compose.yaml", "pyproject.toml"}


@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        ("app/main.py", False),
        ("app/auth/routes.py", False),
        ("app/__pycache__/main.cpython-311.pyc", True),
        ("data/parley.db", True),
        ("deploy/healthcheck.py", False),
        ("deploy/secrets/secret_key", True),
        (".git/config", True),
    ],
)
def test_secrets_and_leftovers_never_reach_the_builder(path: str, ignored: bool) -> None:
    assert (Path(path) in Ignored((ROOT / ".dockerignore").read_text())) is ignored


def test_the_linter_finds_nothing() -> None:
    hadolint = shutil.which("hadolint", path=f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}")
    if not hadolint:
        pytest.skip("hadolint is missing")
    done = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


class UnderAPath(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/chat/healthz" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(("base", "status"), [("https://example.org/chat/", 0), ("https://example.org", 1), ("", 1)])
def test_the_health_check_asks_under_the_path_of_parley(base: str, status: int) -> None:
    with HTTPServer(("127.0.0.1", 0), UnderAPath) as server, ThreadPoolExecutor(1) as threads:
        threads.submit(server.handle_request)
        said = {"PARLEY_PORT": str(server.server_port), "PARLEY_BASE_URL": base, "http_proxy": "http://127.0.0.1:9"}
        done = subprocess.run([sys.executable, DEPLOY / "healthcheck.py"], env=clean(**said), capture_output=True)
    assert done.returncode == status


def test_the_health_check_needs_nothing_but_python() -> None:
    tree = ast.parse((ROOT / "deploy/healthcheck.py").read_text())
    modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {module.split(".")[0] for module in modules} <= sys.stdlib_module_names
