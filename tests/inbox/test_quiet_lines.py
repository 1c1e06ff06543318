"""A line that tells of a pin or of the timer is no news: chats stay where they are, and put away."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette

from app.realtime import topics
from tests.conftest import RecordingBus
from tests.expiry.test_disappearing import expire, set_to
from tests.make import HTMX, Member, make_chat, make_group, make_message
from tests.pins.test_pinning import pin


@pytest.fixture
async def upper(app: Starlette, ann: Member, bob: Member) -> int:
    return await make_group(app, ann, bob, name="Upper")


@pytest.fixture
async def lower(app: Starlette, ann: Member, bob: Member, upper: int) -> int:
    """The direct chat of Ann and Bob, beneath a group of theirs; Bob has one message unread in each."""
    chat_id = await make_chat(app, ann, bob)
    await make_message(app, ann, chat_id, "Below")
    await make_message(app, ann, upper, "Above")
    return chat_id


async def rows(member: Member, shown: str = "all") -> dict[int, Any]:
    return {row["id"]: row for row in (await member.read("/chats", filter=shown))["chats"]}


async def test_they_neither_raise_a_chat_nor_count_nor_take_the_preview(
    ann: Member, bob: Member, upper: int, lower: int
) -> None:
    before = await rows(bob)
    assert [await pin(ann, lower, 1), await set_to(ann, lower)] == [200, 200]
    assert await ann.bodies(lower) == ["Below", "pinned", "lifetime"]
    assert await rows(bob) == before
    assert list(before) == [upper, lower]
    assert (before[lower]["last"]["preview"], before[lower]["unread"]) == ("Below", 1)


async def test_other_lines_do(ann: Member, bob: Member, upper: int, lower: int) -> None:
    await bob.say(lower, "Now")
    assert list(await rows(bob)) == [lower, upper]
    await ann.post(f"/groups/{upper}/edit", data={"name": "Renamed"})
    assert list(await rows(bob)) == [upper, lower]


async def test_a_chat_that_was_put_away_stays_away(ann: Member, bob: Member, upper: int, lower: int) -> None:
    await bob.post("/archive", data={"on": "0"})
    await bob.post(f"/chats/{lower}/archive", data={"on": "1"})
    await bob.post(f"/chats/{upper}/remove")
    assert [await pin(ann, lower, 1), await set_to(ann, lower), await pin(ann, upper, 3)] == [200, 200, 200]
    assert (list(await rows(bob)), list(await rows(bob, "archived"))) == ([], [lower])
    await ann.say(lower, "News")
    await ann.say(upper, "News")
    assert list(await rows(bob)) == [upper, lower]


async def test_where_nothing_else_is_left_the_row_tells_of_them(
    app: Starlette, ann: Member, bob: Member, upper: int, lower: int
) -> None:
    await set_to(ann, lower)
    seq = (await make_message(app, ann, lower, "Short-lived")).seq
    await pin(ann, lower, seq)
    await make_message(app, bob, upper)
    await expire(app, lower, 1, seq)
    assert list(await rows(bob)) == [upper, lower]
    row = (await bob.get(f"/chats/{lower}/row", headers=HTMX)).text.partition('class="row__text"')[2]
    assert "pinned a message" in row.partition("</a>")[0]  # the row's own link is not cut short by one inside


async def test_who_emptied_a_chat_finds_it_where_it_was(ann: Member, bob: Member, upper: int, lower: int) -> None:
    await bob.post(f"/chats/{lower}/clear")
    await bob.say(upper, "Later")
    await pin(ann, lower, 1)
    assert list(await rows(bob)) == [upper, lower]
    assert (await rows(bob))[lower]["last"] is None


async def test_pages_hear_of_the_line_and_no_row_rises(bus: RecordingBus, ann: Member, lower: int) -> None:
    bus.told.clear()
    await set_to(ann, lower)
    assert "promote" not in "".join(bus.html(topics.chat(lower)))
    assert bus.signals(topics.chat(lower), "chat.noted") == [{"type": "chat.noted", "chat": lower, "seq": 2}]
