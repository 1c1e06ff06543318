"""The log of how pointers moved: what it says, how it grows and how it ends; and those who hear of each step."""

from __future__ import annotations

import pytest
from sqlalchemy import func
from sqlmodel import select
from starlette.applications import Starlette

from app.db import now
from app.receipts import routes
from app.receipts.marks import Mark
from app.receipts.models import ReceiptLog
from tests.info.test_info import age, at, move, times
from tests.make import Member, make_group, make_message, make_messages
from tests.server import Running
from tests.sockets import listening


@pytest.fixture
async def group(app: Starlette, ann: Member, bob: Member, cara: Member) -> int:
    return await make_group(app, ann, bob, cara)


async def count(app: Starlette) -> int:
    async with app.state.database.read() as work:
        return int((await work.all(select(func.count()).select_from(ReceiptLog)))[0])


@pytest.mark.parametrize("stretch", [1, 2, 3, 4, 5, 8, 9, 33])
async def test_the_time_is_that_of_the_first_step_that_reached_a_message(
    app: Starlette, ann: Member, bob: Member, chat_id: int, stretch: int
) -> None:
    """Bob comes in three steps of so many messages, one a day."""
    await make_messages(app, ann, chat_id, 3 * stretch)
    for step in (1, 2, 3):
        await age(app)
        await move(app, chat_id, {bob: Mark(step * stretch, step * stretch)})
    for seq in {1, stretch, stretch + 1, 2 * stretch, 2 * stretch + 1, 3 * stretch}:
        ((_, read),) = await times(ann, chat_id, seq)
        assert (now() - at(read)).days == 2 - (seq - 1) // stretch, seq


async def test_what_moves_together_takes_one_row_each(
    app: Starlette, ann: Member, bob: Member, cara: Member, group: int
) -> None:
    await make_messages(app, ann, group, 50)
    await move(app, group, {bob: Mark(52, 52), cara: Mark(52)})
    assert await count(app) == 2
    await move(app, group, {bob: Mark(52, 52), cara: Mark(52)})
    assert await count(app) == 2
    await make_messages(app, ann, group, 2)
    await move(app, group, {bob: Mark(54, 53)})
    assert await count(app) == 4


async def test_notes_are_kept_for_thirty_days(
    app: Starlette, ann: Member, bob: Member, cara: Member, group: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.receipts.log.AT_ONCE", 3)
    seqs = [(await make_message(app, ann, group)).seq for _ in range(10)]
    for seq in seqs[:-1]:
        await move(app, group, {bob: Mark(seq, seq)})
    await age(app, 31)
    await move(app, group, {bob: Mark(seqs[-1], seqs[-1])})
    await age(app, 29)
    await routes.prune(app)
    assert await count(app) == 1
    assert await times(ann, group, seqs[0]) == [(None, None)]
    assert (await times(ann, group, seqs[-1]))[0][1] is not None


async def test_who_looks_hears_of_every_step(
    server: Running, app: Starlette, ann: Member, bob: Member, cara: Member, group: int
) -> None:
    seq = (await make_message(app, ann, group)).seq
    async with listening(server, app, ann) as ear:
        await ear.say("receipt.watch", chat=group)
        assert await ear.signal("receipt.moved") == {"type": "receipt.moved", "chat": group}
        await move(app, group, {bob: Mark(seq)})
        assert await ear.signal("receipt.moved") == {"type": "receipt.moved", "chat": group}
        ear.heard.clear()
        await ear.say("receipt.watch", chat=group, on=False)
        await ear.say("receipt.watch", chat=999_999)
        await ear.say("receipt.watch", chat="all")
        assert (await ear.signal("refused"))["of"] == "receipt.watch"
        await move(app, group, {cara: Mark(seq, seq)})
        assert not [text for text in await ear.all() if "receipt.moved" in text]


async def test_strangers_and_who_left_hear_nothing(
    server: Running, app: Starlette, ann: Member, bob: Member, cara: Member, chat_id: int, group: int
) -> None:
    seq = (await make_message(app, ann, chat_id)).seq
    async with listening(server, app, cara) as ear:
        await ear.say("receipt.watch", chat=group)
        await ear.signal("receipt.moved")
        await ear.say("receipt.watch", chat=chat_id)
        await cara.post(f"/groups/{group}/leave")
        await ear.signal("chat.left")
        ear.heard.clear()
        await move(app, group, {bob: Mark(1, 1)})
        await move(app, chat_id, {bob: Mark(seq, seq)})
        assert not [text for text in await ear.all() if "receipt.moved" in text]
