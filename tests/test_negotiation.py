"""The same routes for browsers, htmx, curl and programs: each gets its own kind of answer, refusals as well."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette

from app import forms
from tests.make import CURL, HTML, HTMX, JSON, PASSWORD, Client, Member, make_chat, make_message

CALLERS = {"page": HTML, "htmx": HTMX, "json": JSON, "curl": CURL}
VARY = {"Accept", "HX-Request", "Cookie"}
PROBLEM = "application/problem+json"
READING = [
    *("/chats", "/chats/{chat}", "/chats/{chat}/info", "/chats/{chat}/messages", "/users", "/users/{bob}", "/you"),
    *("/groups", "/groups/new", "/devices"),
]
UNDER = [{"base_url": "https://testserver/talk"}]

# What a form posts, where to, what is wrong with it, in which field, and what of it is shown again.
WRONG = {
    "message": ("/chats/{chat}/messages", {"body": "x" * 20_001}, "body", "a message takes 20,000", "x" * 20_001),
    "edit": ("/chats/{chat}/messages/1/edit", {"body": "y" * 20_001}, "body", "a message takes 20,000", "y" * 20_001),
    "group": ("/groups", {"name": " ", "description": "a < b"}, "name", "give the group a name", "a &lt; b"),
    "profile": ("/you/edit", {"display_name": "", "about": "a < b"}, "display_name", "tell people", "a &lt; b"),
    "contact": ("/contacts", {"username": "a<b"}, "username", "Nobody here has", "a&lt;b"),
    "password": ("/password", {"current": "wrong", "password": "x"}, "current", "not your current password", ""),
    "account": ("/register", {"username": "a<b", "password": PASSWORD}, "username", "2 to 32", "a&lt;b"),
}

each_caller = pytest.mark.parametrize("headers", CALLERS.values(), ids=CALLERS)


@pytest.fixture
async def chat(app: Starlette, ann: Member, bob: Member) -> int:
    """The chat of Ann and Bob with one message of Ann's."""
    chat_id = await make_chat(app, ann, bob)
    await make_message(app, ann, chat_id)
    return chat_id


def kind(response: httpx.Response) -> str:
    """What a body is: page, fragment, or a kind of data."""
    if "html" not in response.headers.get("content-type", "html"):
        return response.headers["content-type"]
    return "page" if response.text.startswith("<!doctype html>") else "fragment" if response.text else ""


@pytest.mark.parametrize("name", CALLERS)
async def test_everybody_reads_in_their_own_way(ann: Member, bob: Member, chat: int, name: str) -> None:
    expected = {"page": "page", "htmx": "fragment", "json": "application/json", "curl": "fragment"}[name]
    for path in READING:
        answer = await ann.get(path.format(chat=chat, bob=bob.id), headers=CALLERS[name])
        assert (answer.status_code, kind(answer)) == (200, expected), path
        assert set(answer.headers["vary"].split(", ")) >= VARY
        assert answer.headers["cache-control"] == "no-store"


async def test_going_back_asks_for_the_page(ann: Member, chat: int) -> None:
    answer = await ann.get(f"/chats/{chat}", headers={**HTMX, "hx-history-restore-request": "true"})
    assert kind(answer) == "page"


# What is posted where, which address the answer names, and what htmx and curl get; programs get curl's status.
WRITING: dict[str, tuple[str, dict[str, str], str, str, str]] = {
    "message": ("/chats/{chat}/messages", {"body": "Hi"}, "/chats/{chat}#latest", "201 fragment", "201 fragment"),
    "edit": ("/chats/{chat}/messages/1/edit", {"body": "Hi"}, "/chats/{chat}?at=1#", "200 fragment", "200 fragment"),
    "open": ("/chats", {"username": "bob"}, "/chats/{chat}", "303 ", "200 fragment"),
    "group": ("/groups", {"name": "Club"}, "/chats/", "303 ", "201 "),
    "contact": ("/contacts", {"username": "bob"}, "/users/{bob}", "303 ", "201 fragment"),
    "profile": ("/you/edit", {"display_name": "Anna"}, "/you", "303 ", "200 "),
    "devices": ("/devices/revoke-others", {}, "/devices", "303 ", "200 "),
    "read": ("/chats/{chat}/read", {"seq": "1"}, "/chats/{chat}", "200 ", "200 "),
    "draft": ("/chats/{chat}/draft", {"body": "Hi"}, "/chats/{chat}", "200 ", "200 "),
    "theme": ("/theme", {"theme": "dark"}, "/you", "200 ", "200 "),
}


@pytest.mark.parametrize("name", WRITING)
async def test_everybody_writes_in_their_own_way(ann: Member, bob: Member, chat: int, name: str) -> None:
    path, form, location, htmx, curl = WRITING[name]
    wanted = {"page": "303 ", "htmx": htmx, "json": f"{curl[:3]} application/json", "curl": curl}
    path, location = path.format(chat=chat), location.format(chat=chat, bob=bob.id)
    answers = {caller: await ann.post(path, data=form, headers=CALLERS[caller]) for caller in wanted}
    assert {caller: f"{each.status_code} {kind(each)}" for caller, each in answers.items()} == wanted
    assert all(each.headers["location"].startswith(location) for each in answers.values())
    assert all(each.headers["cache-control"] == "no-store" for each in answers.values())


@pytest.mark.parametrize("path", ["/chats/{chat}/info", "/chats/{chat}?at=1", "/users?q=a+b%26c"])
async def test_who_is_not_signed_in_is_led_there_and_back(
    app: Starlette, ann: Member, bob: Member, path: str
) -> None:
    place = path.format(chat=await make_chat(app, ann, bob), bob=bob.id)
    async with Client(app) as client:
        answer = await client.get(place, headers=HTML)
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/login")
        form = await client.get(answer.headers["location"], headers=HTML)
        (action,) = re.findall(r'<form class="form" action="([^"]+)"', form.text)
        back = await client.post(action, data={"username": "ann", "password": PASSWORD}, headers=HTML)
        assert (back.status_code, back.headers["location"]) == (303, place)
        assert (await client.get(place, headers=HTML)).status_code == 200


async def test_no_way_back_leads_elsewhere(ann: Member) -> None:
    form = {"username": "ann", "password": PASSWORD}
    for way in (
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "\\\\x",
        "javascript:x",
    ):
        answers = [await ann.get("/login", params={"next": way}, headers=HTML)]
        answers += [await ann.post("/login", params={"next": way}, data=form, headers=each) for each in (HTML, JSON)]
        assert [answer.headers["location"] for answer in answers] == ["/"] * 3, way


async def test_the_rest_is_told_401(anonymous: Client) -> None:
    for path in READING:
        answers = {name: await anonymous.get(path.format(chat=1, bob=1), headers=CALLERS[name]) for name in CALLERS}
        statuses = {name: answer.status_code for name, answer in answers.items()}
        assert statuses == {"page": 303, "htmx": 401, "json": 401, "curl": 401}
        assert answers["htmx"].headers["hx-redirect"] == "/login"
        assert answers["json"].json()["status"] == answers["curl"].json()["status"] == 401


async def test_a_form_of_who_was_signed_out_leads_to_the_start(anonymous: Client) -> None:
    answer = await anonymous.post("/chats/1/messages", data={"body": "Hi"}, headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2F")


@each_caller
async def test_nothing_there(ann: Member, headers: dict[str, str]) -> None:
    for path in ("/nothing", "/chats/999", "/users/999", "/static/old/css/nothing.css", "/chats/9999999999999999999"):
        answer = await ann.get(path, headers=headers)
        assert answer.status_code == 404
        assert_refusal(answer, headers, 404, "Not found")


@each_caller
async def test_a_method_that_is_not_served(ann: Member, headers: dict[str, str]) -> None:
    for asked, allowed in {
        "PUT /chats": "GET, HEAD, POST",
        "DELETE /chats/1/messages": "GET, HEAD, POST",
        "GET /logout": "POST",
        "POST /healthz": "GET, HEAD",
    }.items():
        answer = await ann.request(*asked.split(), headers=headers)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
        assert_refusal(answer, headers, 405, "That did not work")


def assert_refusal(answer: httpx.Response, headers: dict[str, str], status: int, title: str) -> None:
    """A refusal says so in the caller's way."""
    assert set(answer.headers["vary"].split(", ")) >= VARY
    if headers in (HTML, HTMX):
        assert kind(answer) == ("page" if headers == HTML else "fragment")
        assert f"<h1>{title}</h1>" in answer.text
    else:
        assert kind(answer) == PROBLEM
        assert (answer.json()["status"], answer.json()["title"]) == (status, title)
        assert answer.json()["detail"]


@each_caller
async def test_another_text_under_a_known_id_is_offered_again(
    ann: Member, chat: int, headers: dict[str, str]
) -> None:
    form = {"id": str(uuid.uuid4()), "body": "First"}
    await ann.post(f"/chats/{chat}/messages", data=form)
    answer = await ann.post(f"/chats/{chat}/messages", data={**form, "body": "Second <"}, headers=headers)
    assert answer.status_code == 409
    if headers in (JSON, CURL):
        assert (kind(answer), list(answer.json()["errors"])) == (PROBLEM, ["body"])
        return
    (offered,) = re.findall(r'name="id" value="([^"]+)"', answer.text)
    assert offered != form["id"]
    assert ">Second &lt;</textarea>" in answer.text
    again = await ann.post(f"/chats/{chat}/messages", data={"id": offered, "body": "Second <"}, headers=headers)
    assert again.status_code in (201, 303)


async def pieces(size: int) -> AsyncIterator[bytes]:
    """A form that does not say how long it is."""
    yield b"body="
    for _ in range(size // 65_536):
        yield b"x" * 65_536


@each_caller
async def test_too_large(ann: Member, chat: int, headers: dict[str, str]) -> None:
    kinds = {**headers, "content-type": "application/x-www-form-urlencoded"}
    for size in (forms.FORM_BYTES + 65_536, 4 * forms.FORM_BYTES):
        for content in (b"body=" + b"x" * size, pieces(size)):
            answer = await ann.post(f"/chats/{chat}/messages", content=content, headers=kinds)
            assert answer.status_code == 413
            assert_refusal(answer, headers, 413, "Too large")


@pytest.mark.parametrize("name", WRONG)
async def test_what_is_wrong_stands_beside_the_field(ann: Member, chat: int, name: str) -> None:
    path, form, field, sentence, kept = WRONG[name]
    beside = rf'id="{field}-error">[^<]*{sentence}|role="alert">(?:(?!</p>).)*{sentence}'
    for expected, headers in (("page", HTML), ("fragment", HTMX)):
        answer = await ann.post(path.format(chat=chat), data=form, headers=headers)
        assert (answer.status_code, kind(answer)) == (422, expected)
        assert re.search(beside, answer.text)
        assert kept in answer.text
    assert not any("wrong" in each for each in re.findall(r'type="password"[^>]*', answer.text))


@pytest.mark.parametrize("name", WRONG)
async def test_programs_are_told_the_field(ann: Member, chat: int, name: str) -> None:
    path, form, field, sentence, _ = WRONG[name]
    for headers in (JSON, CURL):
        answer = await ann.post(path.format(chat=chat), data=form, headers=headers)
        assert (answer.status_code, kind(answer)) == (422, PROBLEM)
        assert sentence in answer.json()["errors"][field]


@each_caller
@pytest.mark.parametrize("changes", [{"send_rate": 1, "send_burst": 1}])
async def test_too_fast(ann: Member, chat: int, headers: dict[str, str]) -> None:
    for body in ("One", "Two"):
        answer = await ann.post(f"/chats/{chat}/messages", data={"body": body}, headers=headers)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 2
    assert_refusal(answer, headers, 429, "A little slower, please")


@pytest.mark.parametrize("headers", [HTML, HTMX, CURL, JSON])
@pytest.mark.parametrize("host", ["[", "a:b", "chat.example.org:99999"])
async def test_a_host_that_is_none(anonymous: Client, host: str, headers: dict[str, str]) -> None:
    response = await anonymous.get("/login", headers={**headers, "Host": host})
    assert response.status_code == 400
    assert "Host" in response.text


@each_caller
async def test_what_broke_is_told_in_the_same_ways(
    app: Starlette, ann: Member, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.users.service.directory", None)
    app.state.shell = None  # nor can the left column be filled
    async with Client(app, raise_app_exceptions=False) as client:
        client.cookies = ann.cookies
        answer = await client.get("/users", headers=headers)
    assert answer.status_code == 500
    assert_refusal(answer, headers, 500, "That should not have happened")


@pytest.mark.parametrize("changes", UNDER)
async def test_below_a_path_every_address_begins_with_it(app: Starlette, ann: Member, bob: Member, chat: int) -> None:
    for path in ("/", *READING, "/login", "/register", "/you/edit", "/nothing", "/chats/{chat}/messages/1/menu"):
        client = Client(app) if path in ("/login", "/register") else ann
        html = (await client.get("/talk" + path.format(chat=chat, bob=bob.id), headers=HTML)).text
        found = re.findall(r' (?:href|src|action|hx-get|hx-post|hx-ws:connect)="([^"]*)"', html)
        assert len(found) > 5
        assert [each for each in found if not each.startswith(("/talk/", "#"))] == [], path


@pytest.mark.parametrize("changes", UNDER)
async def test_below_a_path_every_way_leads_into_it(app: Starlette, ann: Member, chat: int) -> None:
    assert [(await ann.get(path)).status_code for path in ("/talk/healthz", "/healthz", "/you")] == [200, 404, 404]
    sent = await ann.post(f"/talk/chats/{chat}/messages", data={"body": "Hi"}, headers=HTML)
    assert sent.headers["location"] == f"/talk/chats/{chat}#latest"
    async with Client(app) as client:
        login = (await client.get("/talk/users?q=a", headers=HTML)).headers["location"]
        back = await client.post(login, data={"username": "ann", "password": PASSWORD}, headers=HTML)
        assert (login, back.headers["location"]) == ("/talk/login?next=%2Fusers%3Fq%3Da", "/talk/users?q=a")
        assert (await client.get("/talk/you", headers=HTML)).status_code == 200
        assert (await client.post("/talk/logout", headers=HTMX)).headers["hx-redirect"] == "/talk/login"
