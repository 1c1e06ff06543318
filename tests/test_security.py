"""What browsers are told, who may write from where, what reading leaves alone, and what typing cannot make."""

from __future__ import annotations

from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update
from sqlmodel import SQLModel
from starlette.applications import Starlette

from app.auth.models import Session
from app.db import now
from tests.hostile import Page
from tests.make import CURL, HTML, HTMX, JSON, PASSWORD, Client, Member
from tests.walk import World, doors, make_world

HTTPS = [{"base_url": "https://testserver"}]
PROTECTION = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
POLICY = {
    "default-src": "'none'",
    "script-src": "'self' 'nonce-'",
    "style-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "htmx",
}
# Every kind of answer: its status, and how to get it.
ANSWERS: list[tuple[int, str, dict[str, str]]] = [
    *((200, "GET /users", headers) for headers in (HTML, HTMX, JSON, CURL)),
    *((404, "GET /nothing", headers) for headers in (HTML, HTMX, JSON, CURL)),
    *((403, "POST /groups", {**headers, "origin": "null"}) for headers in (HTML, HTMX, JSON, CURL)),
    *((422, "POST /groups", headers) for headers in (HTML, HTMX, JSON, CURL)),
    (200, "HEAD /users", HTML),
    (200, "GET /healthz", CURL),
    (200, "GET {static}", CURL),
    (303, "POST /devices/revoke-others", HTML),
    (303, "GET /login", HTML),
    (304, "GET /chats", HTMX),
    (307, "GET /users/", HTML),
    (404, "GET /static/old/nothing.svg", CURL),
    (405, "DELETE /users", HTML),
    (413, "POST /groups", {**HTML, "content-length": "99999999"}),
]
EVIL = {
    "another site": {"origin": "https://evil.example"},
    "nobody": {"origin": "null"},
    "nothing": {"origin": ""},
    "another port": {"origin": "https://testserver:8443"},
    "without TLS": {"origin": "http://testserver"},
    "a name below": {"origin": "https://sub.testserver"},
    "a longer name": {"origin": "https://testserver.evil.example"},
    "cross-site": {"sec-fetch-site": "cross-site"},
    "same-site": {"sec-fetch-site": "same-site"},
    "cross-site in disguise": {"origin": "https://testserver", "sec-fetch-site": "cross-site"},
}
GOOD: list[dict[str, str]] = [
    {},
    {"origin": "https://testserver"},
    {"origin": "https://testserver", "sec-fetch-site": "same-origin"},
    {"sec-fetch-site": "none"},
]
SECURE = [
    "https://parley.lan",
    "http://localhost:8000",
    "http://localhost",
    "http://127.0.0.1:8000",
    "http://[::1]:8000",
    "http://[::1]",
    "http://chat.localhost:8000",
]
PLAIN = ["http://parley.lan:8000", "http://notlocalhost:8000", "http://192.168.1.5", "http://localhost.evil.example"]


@pytest.fixture
async def world(app: Starlette) -> World:
    return await make_world(app)


def assert_protected(answer: httpx.Response) -> None:
    """Whatever it is, browsers are told to be careful with it."""
    found = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    nonce = found["script-src"].partition("'nonce-")[2].rstrip("'")
    assert len(nonce) >= 22
    found["script-src"] = found["script-src"].replace(nonce, "")
    assert POLICY.items() <= found.items()
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "*" not in answer.headers["content-security-policy"]
    assert {name: answer.headers[name] for name in PROTECTION} == PROTECTION


@pytest.mark.parametrize("changes", HTTPS)
async def test_every_kind_of_answer_is_protected(app: Starlette, ann: Member) -> None:
    tag = (await ann.get("/chats", headers=HTMX)).headers["etag"]
    static = f"/static/{app.state.templates.release}/icon.svg"
    for status, door, headers in ANSWERS:
        method, path = door.format(static=static).split()
        given = {**headers, "if-none-match": tag} if status == 304 else headers
        answer = await ann.request(method, path, headers=given)
        assert answer.status_code == status, door
        assert_protected(answer)
        assert int(answer.headers["strict-transport-security"].removeprefix("max-age=")) >= 180 * 86400


async def test_so_is_what_every_route_answers(world: World) -> None:
    for door in (door for door in doors(world.app) if door.startswith("GET")):
        for role, headers in (("nobody", HTML), ("member", HTML), ("member", HTMX), ("stranger", JSON)):
            answer = await world.knock(role, door, headers)
            assert_protected(answer)
            assert "strict-transport-security" not in answer.headers
            assert answer.headers["cache-control"] == "no-store" or "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize("changes", HTTPS)
@pytest.mark.parametrize("headers", [HTML, HTMX, JSON])
async def test_so_is_what_broke(
    app: Starlette, ann: Member, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.users.service.directory", None)
    async with Client(app, raise_app_exceptions=False) as client:
        client.cookies = ann.cookies
        answer = await client.get("/users", headers=headers)
    assert answer.status_code == 500
    assert_protected(answer)
    assert answer.headers["strict-transport-security"]


async def test_the_nonce_is_fresh_and_scripts_need_it(ann: Member) -> None:
    seen = set()
    for path in ("/", "/users", "/you", "/nothing") * 3:
        answer = await ann.get(path, headers=HTML)
        nonce = answer.headers["content-security-policy"].partition("'nonce-")[2].partition("'")[0]
        page = Page.of(answer.text)
        scripts = [attributes for tag, attributes in page.made if tag == "script"]
        assert scripts
        assert {script["nonce"] for script in scripts} == {nonce}
        assert not [tag for tag, attributes in page.made if tag == "style" or "style" in attributes]
        seen.add(nonce)
    assert len(seen) == 12


@pytest.mark.parametrize("name", ["css/app.css", "js/app.js", "icons.svg", "vendor/htmx/htmx.min.js"])
async def test_static_files_are_packed_and_kept_for_ever(app: Starlette, anonymous: Client, name: str) -> None:
    path = f"/static/{app.state.templates.release}/{name}"
    packed, plain = [await anonymous.get(path, headers={"accept-encoding": how}) for how in ("gzip", "identity")]
    assert packed.content == plain.content
    assert (packed.headers["content-encoding"], plain.headers.get("content-encoding")) == ("gzip", None)
    for answer in (packed, plain):
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert "Accept-Encoding" in answer.headers["vary"]
        assert "set-cookie" not in answer.headers
        assert_protected(answer)


async def stored(app: Starlette) -> dict[str, list[Any]]:
    """All rows of all tables; when a device was last active aside."""
    tables = {}
    async with app.state.database.read() as work:
        for table in SQLModel.metadata.sorted_tables:
            columns = [column for column in table.columns if column.name != "last_active_at"]
            tables[table.name] = list(await work.rows(select(*columns).order_by(*table.primary_key)))
    return tables


async def test_no_other_page_can_write(world: World) -> None:
    before = await stored(world.app)
    assert all(before[table] for table in ("users", "sessions", "invites", "contacts", "chats", "messages"))
    for origin, headers in EVIL.items():
        for door in (door for door in doors(world.app) if door.startswith("POST")):
            answer = await world.knock("owner", door, {**HTML, **headers})
            assert (answer.status_code, answer.headers.get("set-cookie")) == (403, None), (door, origin)
        assert await stored(world.app) == before, origin


@pytest.mark.parametrize("headers", GOOD)
async def test_our_own_pages_and_curl_can(ann: Member, chat_id: int, headers: dict[str, str]) -> None:
    sent = await ann.post(f"/chats/{chat_id}/messages", data={"body": "Hello"}, headers=headers)
    assert (sent.status_code, await ann.bodies(chat_id)) == (201, ["Hello"])


@pytest.mark.parametrize("changes", [{"base_url": "https://chat.example"}])
async def test_behind_a_proxy_the_public_address_counts(ann: Member, chat_id: int) -> None:
    path, statuses = f"/chats/{chat_id}/messages", {}
    for origin in ("https://chat.example", "http://chat.example", "https://testserver", "https://chat.example:8443"):
        statuses[origin] = (await ann.post(path, data={"body": "Hi"}, headers={"origin": origin})).status_code
    assert list(statuses.values()) == [201, 403, 403, 403]


async def test_reading_changes_nothing(world: World) -> None:
    async with world.app.state.database.write() as work:
        await work.execute(update(Session).values(last_active_at=now() - timedelta(hours=2)))
    before = await stored(world.app)
    for door in (door for door in doors(world.app) if door.startswith("GET")):
        for role, headers in (("member", HTML), ("member", JSON), ("owner", HTMX), ("nobody", HTML)):
            await world.knock(role, door, headers)
            await world.knock(role, door.replace("GET", "HEAD"), headers)
            assert await stored(world.app) == before, door


def cookies(answer: httpx.Response) -> dict[str, Any]:
    """The cookies that an answer sets, by name, with their attributes."""
    found: SimpleCookie = SimpleCookie()
    for line in answer.headers.get_list("set-cookie"):
        found.load(line)
    return dict(found)


async def test_every_cookie_is_kept_from_scripts_and_strangers(world: World) -> None:
    set_by: dict[str, set[str]] = {}
    for door in sorted(doors(world.app), key=lambda door: "/logout" in door):
        role = "nobody" if door in ("POST /login", "POST /register", "POST /join/{token}") else "owner"
        found = {} if door.startswith("WEBSOCKET") else cookies(await world.knock(role, door, HTML))
        for name, cookie in found.items():
            assert (cookie["httponly"], cookie["samesite"], cookie["secure"]) == (True, "lax", True), (door, name)
            assert cookie["domain"] == ""
            assert cookie["path"] == "/" or not name.startswith("__Host-")
            set_by.setdefault(door, set()).add(name)
    signed_in = {door: {"__Host-sid", "known"} for door in ("POST /login", "POST /register", "POST /join/{token}")}
    assert set_by == {**signed_in, "POST /logout": {"__Host-sid"}, "POST /theme": {"theme"}}


@pytest.mark.parametrize("address", [*SECURE, *PLAIN])
async def test_cookies_need_tls_where_there_may_be_some(app: Starlette, ann: Member, address: str) -> None:
    secure = address in SECURE
    async with Client(app) as client:
        client.base_url = httpx.URL(address)
        found = cookies(await client.post("/login", data={"username": "ann", "password": PASSWORD}))
        found |= cookies(await client.post("/theme", data={"theme": "dark"}))
        assert set(found) == {"__Host-sid" if secure else "sid", "known", "theme"}
        assert {bool(cookie["secure"]) for cookie in found.values()} == {secure}
        assert {(cookie["httponly"], cookie["samesite"]) for cookie in found.values()} == {(True, "lax")}
        login = await client.get("/register", headers=HTML, follow_redirects=True)
        assert ('class="insecure"' in login.text) is not secure
