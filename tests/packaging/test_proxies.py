"""deploy/Caddyfile and deploy/nginx.conf in front of Parley, with the real programs."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from app.settings import ROOT
from tests.packaging.people import FROM, PATIENCE, Person, hear, talk
from tests.packaging.programs import Caddy, Command, Nginx, Proxy

ELSEWHERE = "203.0.113.9"
LIES = {
    "X-Forwarded-For": ELSEWHERE,
    "X-Forwarded-Proto": "http",
    "X-Request-Id": "made-up-by-me",
}
BEATS = 3  # of 25 seconds: longer than the minute after which proxies cut what is silent
TOO_LARGE = (600 * 1024, 2 * 2**20)  # for Parley, and for nginx, too

Make = Callable[..., Proxy]


@pytest.fixture(params=[Caddy, Nginx])
def make(request: pytest.FixtureRequest) -> Make:
    program = "caddy" if request.param is Caddy else "/usr/sbin/nginx"
    if not shutil.which(program):
        pytest.skip(f"{program} is missing")
    made: Make = request.param
    return made


@contextmanager
def served(make: Make, data: Path, blank: Path, path: str = "") -> Iterator[Proxy]:
    """A Parley with a proxy in front, under a path of it or not."""
    data.mkdir()
    shutil.copy(blank, data / "parley.db")
    settings = {"PARLEY_DATA": str(data), "PARLEY_REGISTRATION": "open"}
    parley = Command([sys.executable, "-m", "app", "serve"], ROOT, settings)
    proxy = make(f"127.0.0.1:{parley.port}", **({"path": path} if path else {}))
    parley.environment["PARLEY_BASE_URL"] = proxy.url + path
    with parley, proxy:
        yield proxy


@contextmanager
def two_people(proxy: Proxy, path: str = "") -> Iterator[tuple[Person, Person]]:
    with Person(proxy.url + path, "ann", proxy.trust) as ann, Person(proxy.url + path, "bob", proxy.trust) as bob:
        cookie = ann.sign_up().headers["set-cookie"]
        assert "__Host-sid=" in cookie
        assert "Secure" in cookie
        bob.sign_up()
        yield ann, bob


def test_people_talk_through_it(make: Make, tmp_path: Path, blank: Path) -> None:
    with served(make, tmp_path / "data", blank) as proxy, two_people(proxy) as (ann, bob):
        talk(ann, bob)
        page = ann.page()
        assert page.status_code == 200
        assert "nonce-" in page.headers["content-security-policy"]
        assert "max-age" in page.headers["strict-transport-security"]
        (style,) = [each for each in page.text.split('"') if "/static/" in each and each.endswith("app.css")]
        for size in TOO_LARGE:
            assert ann.http.post("/chats", data={"username": "x" * size}).status_code == 413
        assert "immutable" in ann.http.get(proxy.url + style).headers["cache-control"]


def test_it_says_who_calls_and_nobody_else_may(make: Make, tmp_path: Path, blank: Path) -> None:
    with served(make, tmp_path / "data", blank) as proxy, Person(proxy.url, "ann", proxy.trust) as ann:
        ann.http.headers.update(LIES)
        ann.sign_up()
        assert ann.address() == FROM


def test_nginx_serves_it_under_a_path(tmp_path: Path, blank: Path) -> None:
    with served(Nginx, tmp_path / "data", blank, "/chat") as proxy, two_people(proxy, "/chat") as (ann, bob):
        talk(ann, bob)
        assert ann.page().status_code == 200
        assert httpx.get(proxy.url, verify=proxy.trust, trust_env=False).status_code == 404


@pytest.mark.torture
def test_a_silent_page_keeps_its_socket(make: Make, tmp_path: Path, blank: Path) -> None:
    with served(make, tmp_path / "data", blank) as proxy, two_people(proxy) as (ann, bob):
        chat_id = ann.open_chat(bob)
        with bob.listening() as ear:
            for _ in range(BEATS):
                hear(ear, '"beat"', 40)
            ann.say(chat_id, "Still there?")
            hear(ear, "Still there?")


class Upstream(ThreadingHTTPServer):
    """Stands for Parleys at two ports; the first request to any of them is dropped unless `is_well`."""

    other: Second

    def __init__(self, is_well: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.is_well = is_well
        self.asked: list[Message] = []


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Upstream

    def do_GET(self) -> None:
        main = self.server.main if isinstance(self.server, Second) else self.server
        size = int(self.headers.get("content-length") or 0)
        is_whole = len(self.rfile.read(size)) == size  # else the proxy gave up half-way
        self.close_connection = True
        if self.path != "/healthz" and is_whole:
            main.asked.append(self.headers)
        if main.is_well or len(main.asked) != 1:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.send_header("Connection", "close")
            self.end_headers()

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        pass


class Second(Upstream):
    """The other port of an Upstream."""

    def __init__(self, main: Upstream) -> None:
        super().__init__()
        self.main = main


@contextmanager
def before(make: Make, upstream: Upstream) -> Iterator[httpx.Client]:
    """A browser before a proxy before two ports of an Upstream."""
    with ExitStack() as stack:
        upstream.other = Second(upstream)
        servers = [stack.enter_context(each) for each in (upstream, upstream.other)]
        for server in servers:
            threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
            stack.callback(server.shutdown)
        proxy = stack.enter_context(make(*(f"127.0.0.1:{each.server_port}" for each in servers)))
        transport = httpx.HTTPTransport(verify=proxy.trust, local_address=FROM)
        yield stack.enter_context(httpx.Client(base_url=proxy.url, transport=transport, timeout=PATIENCE))


def test_what_was_sent_is_repeated_only_if_it_is_safe(make: Make) -> None:
    upstream = Upstream(is_well=False)
    with before(make, upstream) as client:
        assert client.get("/").status_code == 200
        assert len(upstream.asked) == 2
    upstream = Upstream(is_well=False)
    with before(make, upstream) as client:
        assert client.post("/", data={"body": "once"}).status_code == 502
        assert len(upstream.asked) == 1


def test_a_parley_that_is_gone_is_passed_by(make: Make) -> None:
    upstream = Upstream()
    with before(make, upstream) as client:
        assert client.post("/").status_code == 200
        upstream.other.shutdown()
        upstream.other.server_close()
        assert [client.get("/").status_code for _ in range(6)] == [200] * 6
        sent = [client.post("/", data={"body": "x"}).status_code for _ in range(6)]
    # Caddy before 2.11.2 says 502 where it should try another, until it asks for the health once more.
    assert sent == [200] * 6 or make is Caddy
    assert set(sent) <= {200, 502}
    assert len(upstream.asked) == 7 + sent.count(200)


def test_what_parley_hears_of_a_request(make: Make) -> None:
    upstream = Upstream()
    with before(make, upstream) as client:
        for headers in ({}, LIES):
            client.get("/", headers=headers)
        here = client.base_url.netloc.decode()
    for heard in upstream.asked[:2]:
        assert heard.get_all("x-forwarded-for") == [FROM]
        assert heard.get_all("x-forwarded-proto") == ["https"]
        assert heard.get_all("host") == [here]
        assert "made-up" not in heard["x-request-id"]
    assert upstream.asked[0]["x-request-id"] != upstream.asked[1]["x-request-id"]


def test_without_tls_there_is_only_the_way_to_it(make: Make) -> None:
    with make("127.0.0.1:9") as proxy:
        answer = httpx.get(f"http://localhost:{proxy.plain}/chats?q=a", trust_env=False)
    assert answer.status_code == 308
    assert answer.headers["location"].startswith("https://localhost")
    assert answer.headers["location"].endswith("/chats?q=a")


def test_nginx_finds_no_fault() -> None:
    proxy = Nginx("127.0.0.1:8000")
    try:
        proxy.configure()
        done = subprocess.run(proxy.nginx("-t"), capture_output=True, text=True)
    finally:
        proxy.__exit__(None, None, None)
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr
