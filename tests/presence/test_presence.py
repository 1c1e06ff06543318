"""Who is here and who types: told to those it concerns, to nobody else, and not for every blink."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Collection
from datetime import datetime

import pytest
from starlette.applications import Starlette

from app.presence.leases import NoLeases
from app.presence.service import Presence
from tests.make import HTML, Member, make_group, sign_in
from tests.server import Running
from tests.sockets import listening
from tests.waiting import until


class Told:
    """What Presence told, and a Presence that waits for nobody to come back."""

    def __init__(self, away_after: float = 0) -> None:
        self.changes: asyncio.Queue[tuple[int, bool]] = asyncio.Queue()
        self.presence = Presence(self.tell, NoLeases(), away_after)
        self.running = asyncio.create_task(self.presence.run())

    async def tell(self, user_ids: Collection[int], online: bool) -> None:
        for user_id in user_ids:
            await self.changes.put((user_id, online))

    async def close(self) -> None:
        self.running.cancel()
        await self.presence.close()

    async def next(self) -> tuple[int, bool]:
        async with asyncio.timeout(5):
            return await self.changes.get()


@pytest.fixture
async def told() -> AsyncIterator[Told]:
    made = Told()
    yield made
    await made.close()


async def test_coming_and_going_is_told_once(told: Told) -> None:
    told.presence.came(1, "laptop")
    told.presence.came(1, "laptop")
    told.presence.came(1, "phone")
    assert (await told.next(), await told.presence.online([1]) == {1}) == ((1, True), True)
    told.presence.went(1, "laptop")
    assert await told.presence.online([1]) == {1}
    told.presence.went(1, "phone")
    assert (await told.next(), await told.presence.online([1]) == {1}) == ((1, False), False)
    assert told.changes.empty()


async def test_a_short_look_elsewhere_is_nobodys_business() -> None:
    told = Told(away_after=60)
    told.presence.came(1, "laptop")
    await told.next()
    told.presence.went(1, "laptop")
    assert await told.presence.online([1]) == {1}
    told.presence.came(1, "laptop")
    assert (told.presence.leaving, told.changes.empty()) == ({}, True)
    await told.close()


async def test_who_is_back_in_time_never_left(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    told.presence.came(1, "laptop")
    await told.next()
    told.presence.went(1, "laptop")
    told.presence.came(1, "laptop")
    for _ in range(3):  # the clock would strike at the next turn of the loop
        await asyncio.sleep(0)
    assert (await told.presence.online([1]) == {1}, told.changes.empty(), caplog.text) == (True, True, "")


async def test_who_never_came_does_not_go(told: Told) -> None:
    told.presence.went(1, "laptop")
    told.presence.came(2, "laptop")
    assert await told.next() == (2, True)


async def test_closing_ends_every_stay_at_once() -> None:
    told = Told(away_after=60)
    told.presence.came(1, "laptop")
    assert await told.next() == (1, True)
    told.presence.went(1, "laptop")
    await told.close()
    assert (await told.next(), told.presence.leaving) == ((1, False), {})
    assert told.changes.empty()


async def test_what_cannot_be_told_does_not_end_the_telling(caplog: pytest.LogCaptureFixture) -> None:
    told = Told()
    tell, told.presence.tell = told.presence.tell, cannot
    told.presence.came(1, "laptop")
    await until(lambda: "could not be told" in caplog.text)
    told.presence.tell = tell
    told.presence.came(2, "laptop")
    assert await told.next() == (2, True)
    await told.close()


async def cannot(user_ids: Collection[int], online: bool) -> None:
    raise RuntimeError("no database")


async def test_partners_see_who_comes_and_goes(
    server: Running, app: Starlette, ann: Member, bob: Member, chat_id: int
) -> None:
    app.state.presence.away_after = 0
    async with listening(server, app, bob) as ear:
        async with listening(server, app, ann) as page:
            await page.say("presence.here")
            came = await ear.signal("presence")
            assert "data-online" in (await bob.get(f"/users/{ann.id}", headers=HTML)).text
        went = await ear.signal("presence")
    assert (came["user"], came["online"]) == (ann.id, True)
    assert (went["user"], went["online"]) == (ann.id, False)
    assert datetime.fromisoformat(went["at"]).tzinfo


async def test_a_hidden_page_is_away(server: Running, app: Starlette, ann: Member, bob: Member, chat_id: int) -> None:
    app.state.presence.away_after = 0
    async with listening(server, app, bob) as ear, listening(server, app, ann) as page:
        await page.say("presence.here")
        assert (await ear.signal("presence"))["online"] is True
        await page.say("presence.away")
        assert (await ear.signal("presence"))["online"] is False


async def test_an_open_page_that_nobody_looks_at_is_not_here(
    server: Running, app: Starlette, ann: Member, bob: Member, chat_id: int
) -> None:
    async with listening(server, app, bob) as ear, listening(server, app, ann):
        assert await ear.all() == []
    assert not await app.state.presence.online([ann.id])


async def test_strangers_and_groups_do_not_see_it(
    server: Running, app: Starlette, ann: Member, bob: Member, cara: Member, chat_id: int
) -> None:
    await make_group(app, ann, cara)
    async with (
        listening(server, app, bob) as partner,
        listening(server, app, cara) as other,
        listening(server, app, ann) as page,
    ):
        await page.say("presence.here")
        await partner.signal("presence")
        assert await other.all() == []


async def test_when_somebody_was_last_seen_is_kept(
    server: Running, app: Starlette, ann: Member, bob: Member, chat_id: int
) -> None:
    app.state.presence.away_after = 0
    async with listening(server, app, bob) as ear:
        async with listening(server, app, ann) as page:
            await page.say("presence.here")
            await ear.signal("presence")
        await ear.signal("presence")
    await app.state.presence.settle()
    assert "last seen" in (await bob.get(f"/chats/{chat_id}", headers=HTML)).text


async def test_typing_is_heard_in_the_chat(
    server: Running, app: Starlette, ann: Member, bob: Member, cara: Member, chat_id: int
) -> None:
    async with (
        listening(server, app, bob) as partner,
        listening(server, app, cara) as stranger,
        listening(server, app, ann) as page,
    ):
        for verb, on in (("start", True), ("stop", False)):
            await page.say(f"typing.{verb}", chat=chat_id)
            assert await partner.signal("typing") == {
                "type": "typing", "chat": chat_id, "user": ann.id, "name": "Ann", "on": on,
            }  # fmt: skip
        assert await stranger.all() == []


async def test_typing_after_leaving_is_not_heard(server: Running, app: Starlette, ann: Member, bob: Member) -> None:
    group = await make_group(app, ann, bob)
    async with listening(server, app, ann) as ear, listening(server, app, bob) as page:
        await bob.post(f"/groups/{group}/leave")
        await ear.all()
        await page.say("typing.start", chat=group)
        await page.say("message.send", chat=group, body="x")
        await page.signal("refused")
        assert await ear.all() == []


async def test_two_devices_are_one_person(
    server: Running, app: Starlette, ann: Member, bob: Member, chat_id: int
) -> None:
    app.state.presence.away_after = 0
    async with await sign_in(app, ann.person) as phone, listening(server, app, bob) as ear:
        async with listening(server, app, ann) as page, listening(server, app, phone) as other:
            for each in (page, other):
                await each.say("presence.here")
            await ear.signal("presence")
            await other.connection.close()
        assert (await ear.signal("presence"))["online"] is False
    assert [json.loads(text)["online"] for text in ear.heard[1:]] == [True, False]
