"""Changes by hot statements may go to the database together; nobody who looks can tell."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from starlette.applications import Starlette

from app.db import Work
from app.hot import Hot
from tests.make import Member

CALL = Hot("UPDATE users SET display_name = w.name FROM {rows} WHERE users.id = w.id", id="bigint", name="text")
TELL = Hot(
    "UPDATE users SET about = w.about || users.display_name FROM {rows} WHERE users.id = w.id",
    id="bigint",
    about="text",
)
NAME = Hot("UPDATE chats SET name = w.name FROM {rows} WHERE chats.id = w.id", id="bigint", name="text")
TWIN = Hot(
    """INSERT INTO memberships (chat_id, user_id, role)
    SELECT m.chat_id, m.user_id, m.role FROM {rows} JOIN memberships m ON m.chat_id = w.id""",
    id="bigint",
)
STATE = "SELECT u.display_name, u.about, c.name FROM users u, chats c WHERE u.id = :user AND c.id = :chat"


async def state(work: Work, ann: Member, chat_id: int) -> tuple[Any, ...]:
    (row,) = await work.rows(text(STATE), {"user": ann.id, "chat": chat_id})
    return tuple(row)


async def join_again(app: Starlette, ann: Member, chat_id: int) -> None:
    async with app.state.database.write() as work:
        await work.change(CALL, [{"id": ann.id, "name": "One"}])
        await work.change(TWIN, [{"id": chat_id}])


async def test_each_sees_what_was_changed_before(app: Starlette, ann: Member, chat_id: int) -> None:
    async with app.state.database.write() as work:
        await work.change(CALL, [{"id": ann.id, "name": "One"}])
        await work.change(NAME, [{"id": chat_id, "name": "Two"}])
        await work.change(TELL, [{"id": ann.id, "about": "I am "}])
        assert await state(work, ann, chat_id) == ("One", "I am One", "Two")
        await work.change(NAME, [{"id": chat_id, "name": "Three"}])
        await work.change(CALL, [{"id": ann.id, "name": "Four"}])
    async with app.state.database.read() as work:
        assert await state(work, ann, chat_id) == ("Four", "I am One", "Three")


async def test_one_that_fails_takes_all_of_its_work_with_it(app: Starlette, ann: Member, chat_id: int) -> None:
    async with app.state.database.read() as work:
        before = await state(work, ann, chat_id)
    with pytest.raises((IntegrityError, sqlite3.IntegrityError)):
        await join_again(app, ann, chat_id)
    async with app.state.database.read() as work:
        assert await state(work, ann, chat_id) == before
