"""Invitations: made by admins, good for so many people and days, and for nobody more."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import update
from starlette.applications import Starlette

from app.auth import service as auth
from app.auth.models import Invite
from app.db import now
from tests.make import HTML, JSON, PASSWORD, Client, Member, statuses


@pytest.fixture
def changes() -> dict[str, Any]:
    return {"registration": "invite"}


async def invite(admin: Client, **fields: str) -> str:
    """The path of a new link."""
    response = await admin.post("/invites", data={"max_uses": "1", "days": "7", **fields}, headers=JSON)
    assert response.status_code == 201, response.text
    return str(httpx.URL(response.json()["link"]).path)


async def join(client: Client, path: str, username: str) -> httpx.Response:
    data = {"username": username, "display_name": username.title(), "password": PASSWORD}
    return await client.post(path, data=data, headers=JSON)


async def test_a_link_lets_in(app: Starlette, ada: Member) -> None:
    path = await invite(ada)
    async with Client(app) as guest:
        assert f'action="{path}"' in (await guest.get(path, headers=HTML)).text
        assert (await join(guest, path, "ann")).status_code == 201
        assert (await guest.read("/you"))["is_admin"] is False


async def test_the_link_is_whole_and_shown_once(ada: Member) -> None:
    page = await ada.post("/invites", data={"max_uses": "1", "days": "7"}, headers=HTML)
    assert page.text.count('value="https://testserver/join/') == 1
    assert "/join/" not in (await ada.get("/invites", headers=HTML)).text


async def test_the_list_says_nothing_from_which_links_could_be_told(ada: Member) -> None:
    await invite(ada)
    (listed,) = (await ada.read("/invites"))["invites"]
    assert "token_hash" not in listed


async def test_of_ten_who_race_for_the_last_use_one_wins(app: Starlette, ada: Member) -> None:
    path = await invite(ada)
    answers = await asyncio.gather(*[join(Client(app), path, f"guest{n}") for n in range(10)])
    assert statuses(answers) == [201] + [404] * 9
    assert len((await ada.read("/users"))["users"]) == 2


async def test_a_wrong_sign_up_uses_nothing_up(app: Starlette, ada: Member) -> None:
    path = await invite(ada)
    async with Client(app) as guest:
        assert (await join(guest, path, "ada")).status_code == 422
        assert (await join(guest, path, "ann")).status_code == 201


async def test_several_uses(app: Starlette, ada: Member) -> None:
    path = await invite(ada, max_uses="2")
    answers = [await join(Client(app), path, f"guest{n}") for n in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 404]
    assert (await ada.read("/invites"))["invites"] == []


async def test_an_expired_link_is_none(app: Starlette, ada: Member, anonymous: Client) -> None:
    path = await invite(ada)
    async with app.state.database.write() as work:
        await work.execute(update(Invite).values(expires_at=now() - timedelta(seconds=1)))
    assert (await anonymous.get(path)).status_code == 404
    assert (await join(anonymous, path, "ann")).status_code == 404


async def test_a_withdrawn_link_is_none(ada: Member, anonymous: Client) -> None:
    path = await invite(ada)
    (listed,) = (await ada.read("/invites"))["invites"]
    await ada.post(f"/invites/{listed['id']}/revoke")
    assert (await join(anonymous, path, "ann")).status_code == 404


@pytest.mark.parametrize("token", ["x", "x.y", "eA.eA", "é"])
async def test_a_link_that_nobody_signed_is_none(anonymous: Client, token: str) -> None:
    assert (await anonymous.get(f"/join/{token}")).status_code == 404
    assert (await join(anonymous, f"/join/{token}", "ann")).status_code in (403, 404)


async def test_the_token_of_a_session_is_no_invitation(ada: Member, anonymous: Client) -> None:
    assert (await anonymous.get(f"/join/{ada.cookie}")).status_code == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [("max_uses", "0"), ("max_uses", "101"), ("max_uses", "9" * 5000), ("days", "0"), ("days", "366"), ("days", "x")],
)
async def test_senseless_numbers_are_refused(ada: Member, field: str, value: str) -> None:
    data = {"max_uses": "1", "days": "7", field: value}
    response = await ada.post("/invites", data=data, headers=JSON)
    assert response.status_code == 422
    assert list(response.json()["errors"]) == [field]


async def test_only_admins_invite(ann: Member, ada: Member) -> None:
    await invite(ada)
    assert (await ann.get("/invites")).status_code == 404
    assert (await ann.post("/invites", data={"max_uses": "1", "days": "7"})).status_code == 404
    assert (await ann.post("/invites/1/revoke")).status_code == 404


async def test_the_setup_link_makes_the_first_admin(app: Starlette, anonymous: Client) -> None:
    signed, token_hash = app.state.invite_tokens.new()
    async with app.state.database.write() as work:
        assert await auth.renew_setup_link(work, token_hash)
    assert (await join(anonymous, f"/join/{signed}", "ada")).json()["is_admin"] is True


async def test_no_setup_link_is_left_once_there_is_somebody(app: Starlette, ada: Member) -> None:
    signed, token_hash = app.state.invite_tokens.new()
    async with app.state.database.write() as work:
        assert not await auth.renew_setup_link(work, token_hash)
    assert (await Client(app).get(f"/join/{signed}")).status_code == 404
