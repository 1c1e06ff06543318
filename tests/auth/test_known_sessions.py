"""Who is behind a cookie is known for a second, and forgotten at once when it changes here."""

from __future__ import annotations

import pytest
from sqlalchemy import delete
from sqlmodel import col
from starlette.applications import Starlette

from app.auth import guard
from app.auth.models import Session
from tests.make import JSON, Member, sign_in


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(app: Starlette, monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setattr(guard, "KNOWN", 1.0)
    app.state.known_sessions.clock = clock = Clock()
    return clock


async def status(member: Member) -> int:
    return (await member.get("/you", headers=JSON)).status_code


async def test_what_another_process_revoked_is_over_within_a_second(
    app: Starlette, ann: Member, clock: Clock
) -> None:
    assert await status(ann) == 200
    async with app.state.database.write() as work:
        await work.execute(delete(Session).where(col(Session.id) == ann.session_id))
    clock.now += 0.9
    assert await status(ann) == 200
    clock.now += 0.2
    assert await status(ann) == 401


async def test_what_is_revoked_here_is_over_at_once(app: Starlette, ann: Member, clock: Clock) -> None:
    phone, tablet = await sign_in(app, ann.person), await sign_in(app, ann.person)
    assert [await status(each) for each in (ann, phone, tablet)] == [200, 200, 200]
    await ann.post(f"/devices/{phone.session_id}/revoke")
    assert [await status(each) for each in (ann, phone, tablet)] == [200, 401, 200]
    await ann.post("/devices/revoke-others")
    assert [await status(each) for each in (ann, tablet)] == [200, 401]
    await ann.post("/logout")
    assert await status(ann) == 401


async def test_a_new_name_is_seen_at_once(ann: Member, chat_id: int, clock: Clock) -> None:
    await ann.say(chat_id, "before")
    await ann.post("/you/edit", data={"display_name": "Anna"})
    await ann.say(chat_id, "after")
    names = [each["sender"]["display_name"] for each in (await ann.read(f"/chats/{chat_id}/messages"))["messages"]]
    answer = await ann.post(f"/chats/{chat_id}/messages", data={"body": "once more"}, headers=JSON)
    assert (names, answer.json()["sender"]["display_name"]) == (["Anna", "Anna"], "Anna")


async def test_an_unknown_cookie_is_looked_up_every_time(app: Starlette, ann: Member, clock: Clock) -> None:
    await ann.post("/logout")
    assert [await status(ann) for _ in range(2)] == [401, 401]
    assert app.state.known_sessions.found == {}


async def test_memory_is_bounded(app: Starlette, ann: Member, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MOST_KNOWN", 3)
    for _ in range(10):
        assert await status(await sign_in(app, ann.person)) == 200
        assert len(app.state.known_sessions.found) <= 3
