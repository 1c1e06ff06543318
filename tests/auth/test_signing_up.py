"""Sign-up: the first is the admin, names are unique, passwords hold, and what is wrong is said beside its field."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlmodel import select
from starlette.applications import Starlette

from app.realtime import topics
from app.users.models import User
from tests.conftest import RecordingBus
from tests.make import HTML, HTMX, JSON, PASSWORD, Client, Member, statuses

INVITE_ONLY = [{"registration": "invite"}]


async def register(client: Client, username: str, **fields: str) -> httpx.Response:
    headers = fields.pop("accept", JSON["accept"])
    form = {"username": username, "display_name": username.title(), "password": PASSWORD} | fields
    return await client.post("/register", data=form, headers={"accept": headers})


async def admins(app: Starlette) -> list[str]:
    async with app.state.database.read() as work:
        return list(await work.all(select(User.username).where(User.is_admin)))


async def test_the_first_is_the_admin(app: Starlette, anonymous: Client) -> None:
    for username in ("ann", "bob"):
        assert (await register(anonymous, username)).status_code == 201
    assert await admins(app) == ["ann"]


async def test_of_twenty_first_visitors_one_becomes_admin(app: Starlette) -> None:
    answers = await asyncio.gather(*[register(Client(app), f"visitor{n}") for n in range(20)])
    assert statuses(answers) == [201] * 20
    assert len(await admins(app)) == 1


async def test_the_database_allows_one_founder(app: Starlette, ann: Member, bob: Member) -> None:
    with pytest.raises(IntegrityError):
        async with app.state.database.write() as work:
            await work.execute(update(User).values(founder=1))


async def test_of_twenty_with_one_name_one_gets_it(app: Starlette) -> None:
    answers = await asyncio.gather(*[register(Client(app), "ann") for _ in range(20)])
    assert statuses(answers) == [201] + [422] * 19


async def test_signing_up_signs_in(anonymous: Client) -> None:
    assert (await anonymous.get("/you")).status_code == 401
    await register(anonymous, "ann")
    assert (await anonymous.read("/you"))["username"] == "ann"


async def test_a_browser_is_led_to_the_start(anonymous: Client) -> None:
    response = await register(anonymous, "ann", accept=HTML["accept"])
    assert (response.status_code, response.headers["location"]) == (303, "/")


@pytest.mark.parametrize("username", ["ann", "ANN", "Ann", " ann "])
async def test_a_name_is_taken_in_every_spelling(anonymous: Client, ann: Member, username: str) -> None:
    response = await register(anonymous, username)
    assert response.status_code == 422
    assert list(response.json()["errors"]) == ["username"]


@pytest.mark.parametrize(
    "username",
    [
        "",
        "a",
        "a" * 33,
        "ann bob",
        "-ann",
        "ann-",
        "a..b",
        "ann@home",
        "änn",
        "аnn",
        "4nn",
        "\u212aara",
        "\u017fam",
        "a\nb",
    ],
)
async def test_a_username_is_plain(anonymous: Client, username: str) -> None:
    response = await register(anonymous, username, display_name="Somebody")
    assert response.status_code == 422
    assert list(response.json()["errors"]) == ["username"]


@pytest.mark.parametrize("username", ["ab", "a" * 32, "ann.b", "ann-b", "ann_b"])
async def test_a_username_may_be(anonymous: Client, username: str) -> None:
    assert (await register(anonymous, username)).status_code == 201


@pytest.mark.parametrize(
    ("password", "status"),
    [
        ("7 signs", 422),
        ("8 signs.", 201),
        ("é" * 8, 201),
        ("x" * 100 + "y" * 924, 201),
        ("x" * 100 + "y" * 925, 422),
        ("password", 422),
        ("PassWord", 422),
        ("iloveyou", 422),
        ("firstuser", 422),
        ("First User", 422),
    ],
)
async def test_a_password_holds(anonymous: Client, password: str, status: int) -> None:
    response = await register(anonymous, "firstuser", display_name="First User", password=password)
    assert response.status_code == status
    assert status == 201 or list(response.json()["errors"]) == ["password"]


async def test_no_part_of_a_long_password_is_cut_off(app: Starlette, anonymous: Client) -> None:
    await register(anonymous, "ann", password="x" * 80)
    wrong, right = [
        await Client(app).post("/login", data={"username": "ann", "password": password}, headers=JSON)
        for password in ("x" * 79, "x" * 80)
    ]
    assert (wrong.status_code, right.status_code) == (422, 200)


async def test_an_address_is_optional_and_unique(anonymous: Client) -> None:
    assert (await register(anonymous, "ann", email="Ann@example.org")).status_code == 201
    response = await register(anonymous, "bob", email="ann@EXAMPLE.org")
    assert list(response.json()["errors"]) == ["email"]


@pytest.mark.parametrize("email", ["ann", "ann@", "@example.org", "ann@localhost", "a b@example.org"])
async def test_an_address_looks_like_one(anonymous: Client, email: str) -> None:
    assert list((await register(anonymous, "ann", email=email)).json()["errors"]) == ["email"]


async def test_without_a_display_name_the_username_stands_for_it(anonymous: Client) -> None:
    assert (await register(anonymous, "ann", display_name="")).json()["display_name"] == "ann"


async def test_the_page_keeps_what_was_typed_and_says_what_is_wrong(anonymous: Client) -> None:
    fields = {"display_name": 'Ann "A" <b>', "password": "short", "accept": HTML["accept"]}
    page = (await register(anonymous, "ann", **fields)).text
    assert 'value="Ann &#34;A&#34; &lt;b&gt;"' in page
    assert 'id="password-error"' in page
    assert "short" not in page.replace("too short", "")


async def test_htmx_gets_the_form_again(anonymous: Client) -> None:
    data = {"username": "x", "display_name": "X", "password": PASSWORD}
    response = await anonymous.post("/register", data=data, headers=HTMX)
    assert response.status_code == 422
    assert response.text.lstrip().startswith("<section")
    assert 'id="username-error"' in response.text


@pytest.mark.parametrize("changes", INVITE_ONLY)
async def test_by_invitation_only(app: Starlette, anonymous: Client) -> None:
    assert (await register(anonymous, "ann")).status_code == 403
    assert "Create an account" not in (await anonymous.get("/login", headers=HTML)).text


@pytest.mark.parametrize("header", ["forwarded", "x-forwarded-for", "x-forwarded-host"])
async def test_behind_a_proxy_nobody_may_just_sign_up(anonymous: Client, header: str) -> None:
    anonymous.headers[header] = "1.2.3.4"
    assert (await register(anonymous, "ann")).status_code == 403


@pytest.mark.parametrize("changes", [{"base_url": "https://testserver"}])
async def test_in_public_nobody_may_just_sign_up(anonymous: Client) -> None:
    assert (await register(anonymous, "ann")).status_code == 403


async def test_a_newcomer_appears_in_open_directories(anonymous: Client, bus: RecordingBus) -> None:
    await register(anonymous, "ann")
    (frame,) = bus.html(topics.everyone())
    assert 'hx-target="#directory"' in frame
    assert ">Ann<" in frame


async def test_the_directory_has_the_place_for_them(ann: Member) -> None:
    assert 'id="directory"' in (await ann.get("/users", headers=HTML)).text


@pytest.mark.parametrize("changes", [{"address_attempts": 3}])
async def test_an_address_makes_few_accounts(anonymous: Client) -> None:
    answers = [await register(anonymous, f"visitor{n}") for n in range(4)]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
    assert int(answers[3].headers["retry-after"]) > 0
