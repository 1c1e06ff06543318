"""Works: durable, then told; together where they wait together; never half."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, OperationalError
from starlette.applications import Starlette

from app.db import Database, Render, Work
from app.errors import Invalid, Unavailable
from app.hot import Hot
from app.realtime.frames import Announcement, Control, Frame
from app.sqlite import Sqlite
from app.sqlite_writer import GROUP_WORKS
from tests.conftest import RecordingBus
from tests.make import JSON, Member


def said(_: Render, *announcements: Announcement) -> Iterator[Announcement]:
    yield from announcements


def failing(_: Render) -> Iterator[Announcement]:
    yield Frame("chat:1", "<before>")
    raise RuntimeError("a template is broken")


@pytest.fixture
def database(app: Starlette) -> Database:
    found = app.state.database
    assert isinstance(found, Database)
    return found


@contextmanager
def at_commits(database: Database, do: Callable[[], object]) -> Iterator[None]:
    """Do something right before each commit; if it fails the commit does."""
    if not isinstance(database.backend, Sqlite):
        engine = database.engines[0].sync_engine
        event.listen(engine, "commit", hear := lambda _: do())
        yield
        event.remove(engine, "commit", hear)
        return
    writer, ask = database.backend.writer, database.backend.writer._ask

    def watched(statement: str) -> None:
        if statement == "COMMIT":
            do()
        ask(statement)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "_ask", watched)
        yield


@pytest.fixture
def commits(database: Database) -> Iterator[list[str]]:
    """Grows with every commit of the writer."""
    seen: list[str] = []
    with at_commits(database, lambda: seen.append("commit")):
        yield seen


ADD = Hot(
    """INSERT INTO users (username, username_key, display_name, about, password_hash, is_admin, created_at)
    SELECT w.word, w.word, w.word, '', '', false, '2026-01-01 00:00:00' FROM {rows} WHERE true""",
    word="text",
)


async def add(work: Work, word: str, error: Exception | None = None) -> str:
    """The same as a service of a hot path."""
    await work.many(ADD, [{"word": word}])
    work.announce(said, Frame("topic", f"<{word}>"))
    if error:
        raise error
    return word


async def note(database: Database, word: str, error: Exception | None = None) -> None:
    """A work that adds a contact-less user named `word`, tells it, and may fail."""
    async with database.write() as work:
        await work.execute(text(INSERT), {"word": word})
        work.announce(said, Frame("topic", f"<{word}>"))
        if error:
            raise error


INSERT = """
    INSERT INTO users (username, username_key, display_name, about, password_hash, is_admin, created_at)
    VALUES (:word, :word, :word, '', '', false, '2026-01-01 00:00:00')
"""


async def words(database: Database) -> list[str]:
    async with database.read() as work:
        return [row.username for row in await work.rows(text("SELECT username FROM users ORDER BY id"))]


@contextmanager
def broken_commit(database: Database) -> Iterator[None]:
    """The disk is full for one commit."""
    refusals = [OperationalError("COMMIT", {}, Exception("database or disk is full"))]

    def refuse() -> None:
        if refusals:
            raise refusals.pop()

    with at_commits(database, refuse):
        yield


async def test_what_is_done_is_told(database: Database, bus: RecordingBus) -> None:
    await note(database, "one")
    assert (await words(database), bus.frames("topic")) == (["one"], ["<one>"])


async def test_it_is_durable_before_it_is_told(
    database: Database, bus: RecordingBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    monkeypatch.setattr(bus, "publish", lambda _: order.append("told"))
    with at_commits(database, lambda: order.append("commit")):
        await note(database, "one")
    assert order == ["commit", "told"]


@pytest.mark.sqlite
async def test_commits_are_synced_to_disk(database: Database) -> None:
    async with database.write() as work:
        assert (await work.rows(text("PRAGMA synchronous")))[0][0] == 2
        assert (await work.rows(text("PRAGMA journal_mode")))[0][0] == "wal"
        assert (await work.rows(text("PRAGMA foreign_keys")))[0][0] == 1


async def test_what_fails_changes_nothing_and_tells_nobody(database: Database, bus: RecordingBus) -> None:
    with pytest.raises(Invalid):
        await note(database, "one", Invalid(body="No."))
    assert (await words(database), bus.told) == ([], [])


async def test_among_others_only_the_failing_one_is_undone(database: Database, bus: RecordingBus) -> None:
    works = [note(database, f"w{n}", Invalid(body="No.") if n % 3 == 0 else None) for n in range(30)]
    ends = await asyncio.gather(*works, return_exceptions=True)
    kept = [f"w{n}" for n in range(30) if n % 3]
    assert [n for n, end in enumerate(ends) if end] == list(range(0, 30, 3))
    assert sorted(await words(database)) == sorted(kept)
    assert sorted(bus.frames("topic")) == sorted(f"<{word}>" for word in kept)


async def test_hot_services_share_transactions_with_other_works(
    database: Database, bus: RecordingBus, commits: list[str]
) -> None:
    def work(n: int) -> Coroutine[Any, Any, object]:
        error = Invalid(body="No.") if n % 5 == 0 else None
        return database.run(add, f"w{n}", error) if n % 2 else note(database, f"w{n}", error)

    ends = await asyncio.gather(*[work(n) for n in range(40)], return_exceptions=True)
    kept = [f"w{n}" for n in range(40) if n % 5]
    assert [n for n, end in enumerate(ends) if isinstance(end, Invalid)] == list(range(0, 40, 5))
    assert sorted(await words(database)) == sorted(kept)
    assert sorted(bus.frames("topic")) == sorted(f"<{word}>" for word in kept)
    assert await database.run(add, "last") == "last"


async def test_a_hot_service_that_fails_alone_changes_nothing(database: Database, bus: RecordingBus) -> None:
    with pytest.raises(Invalid):
        await database.run(add, "one", Invalid(body="No."))
    assert (await words(database), bus.told) == ([], [])
    await database.run(add, "two")
    assert (await words(database), bus.frames("topic")) == (["two"], ["<two>"])


async def test_a_hot_service_whose_commit_fails_tells_nobody(database: Database, bus: RecordingBus) -> None:
    with broken_commit(database), pytest.raises(Unavailable):
        await database.run(add, "one")
    assert (await words(database), bus.told) == ([], [])
    await database.run(add, "two")
    assert await words(database) == ["two"]


@pytest.mark.sqlite
async def test_a_hot_service_can_ask_nothing_else(database: Database) -> None:
    async def cold(work: Work) -> None:
        await work.execute(text(INSERT), {"word": "cold"})

    with pytest.raises(RuntimeError):
        await database.run(cold)
    await database.run(add, "hot")
    assert await words(database) == ["hot"]


async def test_a_look_changes_nothing(database: Database) -> None:
    with pytest.raises((DBAPIError, sqlite3.OperationalError, Unavailable)):
        await database.look(add, "one")
    assert await words(database) == []


@pytest.mark.sqlite
async def test_they_are_told_in_their_order(database: Database, bus: RecordingBus) -> None:
    await asyncio.gather(*[note(database, f"w{n}") for n in range(30)])
    assert bus.frames("topic") == [f"<{word}>" for word in await words(database)]


@pytest.mark.sqlite
async def test_works_that_wait_share_commits(database: Database, commits: list[str]) -> None:
    await asyncio.gather(*[note(database, f"w{n}") for n in range(100)])
    assert len(await words(database)) == 100
    assert len(commits) <= 60


@pytest.mark.sqlite
async def test_but_not_without_end(database: Database, commits: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.sqlite_writer.GROUP_SECONDS", 60)
    await asyncio.gather(*[note(database, f"w{n}") for n in range(2 * GROUP_WORKS)])
    assert len(commits) == 2


async def test_alone_nobody_is_waited_for(database: Database, commits: list[str]) -> None:
    for word in ("one", "two"):
        await note(database, word)
    assert len(commits) == 2


@pytest.mark.sqlite
async def test_a_failed_commit_fails_all_and_tells_nobody(
    database: Database, bus: RecordingBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.sqlite_writer.GROUP_SECONDS", 60)
    with broken_commit(database):
        ends = await asyncio.gather(*[note(database, f"w{n}") for n in range(10)], return_exceptions=True)
    assert [type(end) for end in ends] == [Unavailable] * 10
    assert (await words(database), bus.told) == ([], [])


async def test_after_which_it_works_again(database: Database, bus: RecordingBus) -> None:
    with broken_commit(database), pytest.raises(Unavailable):
        await note(database, "one")
    await note(database, "two")
    assert (await words(database), bus.frames("topic")) == (["two"], ["<two>"])


@pytest.mark.sqlite
async def test_without_a_connection_nobody_is_left_waiting(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse() -> None:
        raise OperationalError("CONNECT", {}, Exception("unable to open database file"))

    with monkeypatch.context() as patch:
        assert isinstance(database.backend, Sqlite)
        await database.backend.writer.close()  # jobs were looked for already
        patch.setattr(database.backend.writer, "engine", SimpleNamespace(connect=refuse))
        ends = await asyncio.gather(*[note(database, f"w{n}") for n in range(3)], return_exceptions=True)
    assert [type(end) for end in ends] == [Unavailable] * 3
    await note(database, "after")
    assert await words(database) == ["after"]


async def test_the_sender_is_told_to_try_again(ann: Member, bob: Member, chat_id: int, database: Database) -> None:
    with broken_commit(database):  # on PostgreSQL a send that marks what was read commits, a plain one needs no more
        refused = await ann.post(f"/chats/{chat_id}/messages", data={"body": "Hello", "seen": "1"}, headers=JSON)
    assert (refused.status_code, refused.headers["content-type"]) == (503, "application/problem+json")
    assert (await ann.say(chat_id, "Hello")).status_code == 201
    assert await bob.bodies(chat_id) == ["Hello"]


async def test_who_gives_up_waiting_leaves_nothing_behind(database: Database, bus: RecordingBus) -> None:
    async with database.write() as work:
        await work.execute(text(INSERT), {"word": "first"})
        waiting = asyncio.create_task(note(database, "second"))
        await asyncio.sleep(0)
        waiting.cancel()
    assert (await asyncio.gather(waiting, return_exceptions=True))[0].__class__ is asyncio.CancelledError
    await note(database, "third")
    assert await words(database) == ["first", "third"]


@pytest.mark.sqlite
async def test_the_first_is_stored_though_who_waited_gave_up(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The only one that waits is cancelled at the moment at which the open transaction is handed on to it."""
    async with database.write() as work:
        await work.execute(text(INSERT), {"word": "first"})
        waiting = asyncio.create_task(note(database, "second"))
        await asyncio.sleep(0)
        monkeypatch.setattr("app.sqlite_writer._Group.may_grow", lambda _: waiting.cancel())
    assert await words(database) == ["first"]
    assert waiting.cancelled()


async def test_reading_does_not_wait_for_writing(database: Database) -> None:
    async with database.write() as work:
        await work.execute(text(INSERT), {"word": "half"})
        async with asyncio.timeout(5):
            assert await words(database) == []
    assert await words(database) == ["half"]


async def test_a_reading_work_sees_one_state(database: Database) -> None:
    count = text("SELECT count(*) FROM users")
    async with database.read() as work:
        before = (await work.rows(count))[0][0]
        await note(database, "one")
        assert (await work.rows(count))[0][0] == before


async def test_a_reading_work_cannot_write(database: Database) -> None:
    with pytest.raises(DBAPIError):
        async with database.read() as work:
            await work.execute(text(INSERT), {"word": "one"})


def told(*announcements: Announcement | str) -> list[Announcement]:
    work = Work(None, None)  # type: ignore[arg-type]
    for each in announcements:
        work.announce(failing) if isinstance(each, str) else work.announce(said, each)
    return work.told(lambda *_, **__: "")


def test_the_fragments_for_a_topic_travel_together() -> None:
    a, b, row = Frame("chat:1", "<a>"), Frame("chat:2", "<b>"), Frame("chat:1", "<row>")
    assert told(a, b, row) == [Frame("chat:1", "<a><row>"), b]


def test_signals_stay_alone_and_in_order() -> None:
    one, two, html = Frame("chat:1", "{1}"), Frame("chat:1", "{2}"), Frame("chat:1", "<a>")
    assert told(one, html, two) == [one, html, two]


def test_nothing_moves_across_a_coming_or_going() -> None:
    before, leave, after = Frame("chat:1", "<a>"), Control("user:1", "leave", "chat:1"), Frame("chat:1", "<b>")
    assert told(before, leave, after) == [before, leave, after]


def test_a_broken_broadcast_takes_nothing_from_the_others(caplog: pytest.LogCaptureFixture) -> None:
    assert told(Frame("chat:2", "<a>"), "failing", Frame("chat:3", "<b>")) == [
        Frame("chat:2", "<a>"), Frame("chat:1", "<before>"), Frame("chat:3", "<b>"),
    ]  # fmt: skip
    assert "a broadcast failed: failing" in caplog.text
