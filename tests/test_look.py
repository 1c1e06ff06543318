"""What a look answers is what any other work answers."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from sqlalchemy import bindparam, func
from sqlmodel import col, select
from starlette.applications import Starlette

from app.db import Work, now
from app.messages.models import Message
from app.users.models import User
from tests.make import Member, make_message

LISTED = select(User).where(col(User.id).in_(bindparam("ids", expanding=True))).order_by(col(User.id))


async def asked(work: Work, ids: list[int], since: Any) -> list[Any]:
    return [
        await work.all(LISTED, {"ids": ids}),
        await work.all(select(User.username).where(col(User.id).in_(ids))),
        await work.all(select(Message).where(col(Message.created_at) > since)),
        await work.first(select(Message.event).where(Message.seq == 1)),
        await work.rows(select(User.id, func.count()).group_by(col(User.id))),
        await work.first(select(User).where(User.id == -1)),
    ]


TICK = count()
TICKED = select(User.id).where(col(User.id) == bindparam("tick", callable_=lambda: next(TICK)))


async def test_what_is_made_anew_for_each_statement_is_so_in_looks(app: Starlette, ann: Member, bob: Member) -> None:
    async def ticks(work: Work) -> list[Any]:
        return [await work.all(TICKED) for _ in range(4)]

    found = await app.state.database.look(ticks)
    assert [each for each in found if each] == [[ann.id], [bob.id]]


@pytest.mark.parametrize("count", [0, 1, 2])
async def test_a_look_answers_what_a_read_answers(
    app: Starlette, ann: Member, bob: Member, chat_id: int, count: int
) -> None:
    since = now()
    await make_message(app, ann, chat_id)
    ids = [ann.id, bob.id][:count]
    async with app.state.database.read() as work:
        expected = await asked(work, ids, since)
    for _ in range(2):  # compiled, and compiled before
        found = await app.state.database.look(asked, ids, since)
        assert found == expected
    assert found[2][0].created_at.tzinfo is not None
    assert [type(value) for value in found[2][0]] == [type(value) for value in expected[2][0]]
