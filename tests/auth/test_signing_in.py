"""Sign-in: generic about what is wrong, limited in how often, and always a fresh session."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import update
from sqlmodel import col
from starlette.applications import Starlette

from app.auth.models import Session
from app.db import now
from tests.make import HTML, HTMX, JSON, PASSWORD, Client, Member, make_user

FEW = [{"login_attempts": 3}]


async def login(client: Client, username: str, password: str = PASSWORD, **headers: str) -> httpx.Response:
    data = {"username": username, "password": password}
    return await client.post("/login", data=data, headers={**JSON, **headers})


@pytest.mark.parametrize("name", ["ann", "Ann", "@ann", " ann ", "ann@example.org", "ANN@example.org"])
async def test_by_username_or_address(app: Starlette, anonymous: Client, name: str) -> None:
    await make_user(app, "ann", email="ann@example.org", email_key="ann@example.org")
    assert (await login(anonymous, name)).status_code == 200
    assert (await anonymous.read("/you"))["username"] == "ann"


async def test_the_cookie_is_kept_from_scripts_and_strangers(anonymous: Client, ann: Member) -> None:
    cookies = (await login(anonymous, "ann")).headers.get_list("set-cookie")
    (cookie,) = [each for each in cookies if each.startswith("__Host-sid=")]
    parts = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "secure", "samesite=lax", "path=/"} <= parts
    assert not any(part.startswith("domain") for part in parts)


async def test_plain_http_on_a_network_gets_a_plain_cookie(app: Starlette, ann: Member) -> None:
    async with Client(app) as client:
        client.base_url = httpx.URL("http://parley.lan:8000")
        response = await login(client, "ann")
        cookies = response.headers.get_list("set-cookie")
        assert any(each.startswith("sid=") and "secure" not in each.lower() for each in cookies)
        assert "not encrypted" in (await client.get("/", headers=HTML)).text


async def test_wrong_name_and_wrong_password_answer_alike(anonymous: Client, ann: Member) -> None:
    answers = [await login(anonymous, "ann", "wrong password"), await login(anonymous, "nobody", "wrong password")]
    assert answers[0].status_code == answers[1].status_code == 422
    assert answers[0].content == answers[1].content


async def test_the_page_keeps_the_name(anonymous: Client, ann: Member) -> None:
    response = await login(anonymous, "ann", "wrong password", accept="text/html")
    assert response.status_code == 422
    assert 'value="ann"' in response.text
    assert "do not match" in response.text
    assert "wrong password" not in response.text


@pytest.mark.parametrize("changes", FEW)
async def test_an_account_is_guessed_at_a_few_times(app: Starlette, ann: Member, bob: Member) -> None:
    statuses = [(await login(Client(app), "ann", f"guess {n}")).status_code for n in range(4)]
    assert statuses == [422, 422, 422, 429]
    refused = await login(Client(app), "ann")
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    assert (await login(Client(app), "bob")).status_code == 200


@pytest.mark.parametrize("changes", FEW)
async def test_another_spelling_is_no_new_chance(app: Starlette) -> None:
    await make_user(app, "ann", email="ann@example.org", email_key="ann@example.org")
    spellings = ["ann", "@ann", "ann@example.org", "ANN"]
    statuses = [(await login(Client(app), name, "guess")).status_code for name in spellings]
    assert statuses == [422, 422, 422, 429]


@pytest.mark.parametrize("changes", FEW)
async def test_who_does_not_exist_is_limited_alike(app: Starlette) -> None:
    statuses = [(await login(Client(app), "nobody", "guess")).status_code for _ in range(4)]
    assert statuses == [422, 422, 422, 429]


@pytest.mark.parametrize("changes", FEW)
async def test_strangers_cannot_lock_the_owner_out(app: Starlette, anonymous: Client, ann: Member) -> None:
    await login(anonymous, "ann")
    await anonymous.post("/logout")
    for n in range(5):
        await login(Client(app), "ann", f"guess {n}")
    assert (await login(anonymous, "ann")).status_code == 200


@pytest.mark.parametrize("changes", FEW)
async def test_signing_in_costs_no_attempt(app: Starlette, ann: Member) -> None:
    assert [(await login(Client(app), "ann")).status_code for _ in range(5)] == [200] * 5


@pytest.mark.parametrize("changes", [{"address_attempts": 3}])
async def test_an_address_guesses_a_few_times(app: Starlette) -> None:
    statuses = [(await login(Client(app), f"person{n}", "guess")).status_code for n in range(4)]
    assert statuses == [422, 422, 422, 429]


async def test_a_session_brought_along_does_not_survive(app: Starlette, ann: Member, bob: Member) -> None:
    """Fixation: whoever planted the cookie must not be in the session that begins."""
    planted = ann.cookie
    await login(ann, "bob")
    assert (await ann.read("/you"))["username"] == "bob"
    async with Client(app) as attacker:
        attacker.cookies.set("__Host-sid", planted)
        assert (await attacker.get("/you")).status_code == 401


@pytest.mark.parametrize("cookie", ["chosen-by-me", "chosen.by-me", "", "é"])
async def test_a_cookie_of_ones_own_is_worth_nothing(anonymous: Client, cookie: str) -> None:
    anonymous.headers["cookie"] = f"__Host-sid={cookie}".encode("latin-1").decode("latin-1")
    assert (await anonymous.get("/you")).status_code == 401


async def test_tokens_differ(app: Starlette) -> None:
    made = {app.state.session_tokens.new() for _ in range(10_000)}
    assert len({signed for signed, _ in made}) == len({digest for _, digest in made}) == 10_000


async def test_a_device_not_used_for_long_is_signed_out(app: Starlette, ann: Member) -> None:
    async def used(days: int) -> int:
        async with app.state.database.write() as work:
            at = now() - timedelta(days=days)
            await work.execute(update(Session).where(col(Session.id) == ann.session_id).values(last_active_at=at))
        return (await ann.get("/you")).status_code

    assert (await used(29), await used(31)) == (200, 401)


@pytest.mark.parametrize("way", ["/chats/7?at=3", "/users?q=a%20b"])
async def test_the_way_back(anonymous: Client, ann: Member, way: str) -> None:
    login_page = (await anonymous.get(way, headers=HTML)).headers["location"]
    data = {"username": "ann", "password": PASSWORD}
    response = await anonymous.post(login_page, data=data, headers=HTML)
    assert response.headers["location"] == way


@pytest.mark.parametrize("way", ["https://evil.example", "//evil.example", "/\\evil.example", "/%0d%0aX:1", "x"])
async def test_no_way_leads_elsewhere(anonymous: Client, ann: Member, way: str) -> None:
    data = {"username": "ann", "password": PASSWORD}
    response = await anonymous.post("/login", params={"next": way}, data=data, headers=HTML)
    assert response.headers["location"] in ("/", "/%0d%0aX:1")


async def test_the_form_keeps_the_way_back(anonymous: Client) -> None:
    page = await anonymous.get("/login", params={"next": "/chats/7?at=3"}, headers=HTML)
    assert 'action="/login?next=/chats/7%3Fat%3D3"' in page.text


async def test_htmx_loads_the_page_anew(anonymous: Client, ann: Member) -> None:
    response = await login(anonymous, "ann", accept=HTMX["accept"], **{"hx-request": "true"})
    assert response.headers["hx-redirect"] == "/"


async def test_signing_out_ends_the_session(app: Starlette, ann: Member) -> None:
    response = await ann.post("/logout", headers=HTML)
    assert (response.status_code, response.headers["location"]) == (303, "/login")
    async with Client(app) as thief:
        thief.cookies.set("__Host-sid", ann.cookie)
        assert (await thief.get("/you")).status_code == 401


async def test_signed_in_people_need_no_form(ann: Member) -> None:
    for path in ("/login", "/register"):
        assert (await ann.get(path, headers=HTML)).headers["location"] == "/"


async def test_signing_in_twice_at_once_works_twice(ann: Member) -> None:
    """Both end the session that the browser brought along; the second finds it ended."""
    answers = await asyncio.gather(login(ann, "ann"), login(ann, "ann"))
    assert [answer.status_code for answer in answers] == [200, 200]
