"""PostgreSQL goes away: nothing hangs, everybody is told clearly, and nobody has to do anything afterwards."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import select
from starlette.applications import Starlette

from app import postgres as postgres_module
from app.chats import service as chats
from app.db import Database
from app.errors import Unavailable
from app.realtime import topics
from app.realtime.frames import ASK_AGAIN
from app.users.models import User
from tests.backing import Postgres
from tests.conftest import RecordingBus
from tests.make import JSON, Member, make_chat, make_message, statuses
from tests.waiting import until

PATIENCE = 4
DEADLINES = {"CONNECT_SECONDS": postgres_module.CONNECT_SECONDS, "WORK_SECONDS": postgres_module.WORK_SECONDS}


@pytest.fixture(autouse=True)
def real_deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in DEADLINES.items():
        monkeypatch.setattr(postgres_module, name, seconds)


async def both(member: Member, chat_id: int) -> list[httpx.Response]:
    """A look and a change at once, more of them than the pool has connections."""
    asked: list[Awaitable[httpx.Response]] = [member.get("/chats", headers=JSON) for _ in range(8)]
    return await asyncio.gather(*asked, *[member.say(chat_id, "Hello") for _ in range(8)])


async def require_soon_and_clear(member: Member, chat_id: int) -> None:
    began = time.monotonic()
    answers = await both(member, chat_id)
    assert time.monotonic() - began < PATIENCE
    assert statuses(answers) == [503] * 16
    assert "try again in a moment" in answers[0].text


@pytest.fixture
def server(postgres: Postgres) -> Iterator[Postgres]:
    """That of all tests, which runs again at the end."""
    yield postgres
    if postgres.process is None:
        postgres.start()
    postgres.thaw()


async def test_a_restart_between_requests_is_not_noticed(server: Postgres, ann: Member, chat_id: int) -> None:
    assert set(statuses(await both(ann, chat_id))) == {200, 201}
    await asyncio.to_thread(server.stop, signal.SIGINT)
    await asyncio.to_thread(server.start)
    assert set(statuses(await both(ann, chat_id))) == {200, 201}


async def test_while_it_is_down_everything_fails_soon(server: Postgres, ann: Member, chat_id: int) -> None:
    await asyncio.to_thread(server.stop, signal.SIGKILL)
    await require_soon_and_clear(ann, chat_id)
    await asyncio.to_thread(server.start)
    assert set(statuses(await both(ann, chat_id))) == {200, 201}


async def test_while_it_is_frozen_everything_fails_soon(server: Postgres, ann: Member, chat_id: int) -> None:
    await both(ann, chat_id)  # some connections are open, others are not
    server.freeze()
    await require_soon_and_clear(ann, chat_id)
    server.thaw()
    assert set(statuses(await both(ann, chat_id))) == {200, 201}


async def test_a_connection_that_dies_within_a_work_fails_it_alone(app: Starlette, postgres: Postgres) -> None:
    database: Database = app.state.database

    async def die() -> None:
        async with database.write() as work:
            pid = (await work.rows(text("SELECT pg_backend_pid()")))[0][0]
            postgres.sql(f"SELECT pg_terminate_backend({pid})")
            await work.first(select(User.id))

    with pytest.raises(Unavailable):
        await die()
    async with database.read() as work:
        assert await work.first(select(User.id)) is None


async def test_of_two_works_that_wait_for_each_other_one_fails(
    app: Starlette, ann: Member, bob: Member, chat_id: int, cara: Member
) -> None:
    database: Database = app.state.database
    other = await make_chat(app, ann, cara)
    meeting = asyncio.Barrier(2)

    async def lock(*chat_ids: int) -> None:
        async with database.write() as work:
            await chats.lock(work, chat_ids[:1])
            await meeting.wait()
            await chats.lock(work, chat_ids[1:])

    ends = await asyncio.gather(lock(chat_id, other), lock(other, chat_id), return_exceptions=True)
    assert [type(end) for end in ends if end] == [Unavailable]


async def test_who_gives_up_in_the_middle_leaves_no_lock(app: Starlette, ann: Member, chat_id: int) -> None:
    database: Database = app.state.database
    locked = asyncio.Event()

    async def hold() -> None:
        async with database.write() as work:
            await chats.lock(work, [chat_id])
            locked.set()
            await work.rows(text("SELECT pg_sleep(2)"))

    holding = asyncio.create_task(hold())
    await locked.wait()
    holding.cancel()
    assert (await ann.say(chat_id, "Hello")).status_code == 201
    assert await asyncio.gather(holding, return_exceptions=True)


async def test_who_is_told_later_waits_for_who_was_first(app: Starlette, chat_id: int, bus: Any) -> None:
    """The first commit is known to the server, and the answer to it is late."""
    database: Database = app.state.database
    second_is_done = asyncio.Event()
    order: list[str] = []

    class Late:
        def __init__(self, connection: Any) -> None:
            self.connection = connection

        async def commit(self) -> None:
            await self.connection.commit()
            await second_is_done.wait()

    class Prompt(Late):
        async def commit(self) -> None:
            await self.connection.commit()
            second_is_done.set()

    def told(_: Any, name: str) -> list[Any]:
        order.append(name)
        return []

    async def work_as(name: str, kind: type[Late], ready: asyncio.Event) -> None:
        await ready.wait()
        async with database.write() as work:
            await chats.lock(work, [chat_id])
            first_has_it.set()
            work.announce(told, name)
            work.connection = kind(work.connection)  # type: ignore[assignment]

    first_has_it, now = asyncio.Event(), asyncio.Event()
    now.set()
    await asyncio.gather(work_as("first", Late, now), work_as("second", Prompt, first_has_it))
    assert order == ["first", "second"]


async def test_every_connection_is_set_up(app: Starlette, postgres: Postgres) -> None:
    """The server of the tests is told not to wait for the disk: Parley waits all the same."""
    names = ("application_name", "TimeZone", "statement_timeout", "lock_timeout", "synchronous_commit")
    assert postgres.sql("SHOW synchronous_commit") == "off"
    async with app.state.database.write() as work:
        found = [(await work.rows(text(f"SHOW {name}")))[0][0] for name in names]
        assert found == ["parley", "UTC", "3s", "2s", "on"]
    async with app.state.database.read() as work:
        assert (await work.rows(text("SHOW transaction_isolation")))[0][0] == "repeatable read"
        assert (await work.rows(text("SHOW transaction_read_only")))[0][0] == "on"


LOST = DBAPIError("COMMIT", {}, OSError("the connection was lost"))


async def test_when_the_answer_to_a_commit_is_lost_its_chat_asks(
    app: Starlette, ann: Member, chat_id: int, bus: RecordingBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_module, "DOUBT_SECONDS", 0.01)
    commit = AsyncConnection.commit

    async def commit_and_lose(connection: AsyncConnection) -> None:
        await commit(connection)
        raise LOST

    with monkeypatch.context() as patch:
        patch.setattr(AsyncConnection, "commit", commit_and_lose)
        with pytest.raises(Unavailable):
            await make_message(app, ann, chat_id)
    await until(lambda: bus.frames(topics.chat(chat_id)) == [ASK_AGAIN])
    assert await ann.bodies(chat_id) == ["Hello"]


async def test_and_to_a_statement_that_commits_by_itself(
    app: Starlette, ann: Member, chat_id: int, bus: RecordingBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_module, "DOUBT_SECONDS", 0.01)

    def lose(*call: Any) -> None:
        if call[2].startswith("WITH change1"):
            raise LOST

    engine = app.state.database.engines[0].sync_engine
    event.listen(engine, "after_cursor_execute", lose)
    assert (await ann.say(chat_id, "Hello")).status_code == 503
    event.remove(engine, "after_cursor_execute", lose)
    await until(lambda: bus.frames(topics.chat(chat_id)) == [ASK_AGAIN])
    assert await ann.bodies(chat_id) == ["Hello"]
