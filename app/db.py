"""The database, and Work: one transaction with what to announce when it is durable."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from sqlalchemy import Column, CursorResult, Executable, Integer, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlmodel import SQLModel
from sqlmodel.sql.expression import Select, SelectOfScalar

from app.errors import Unavailable
from app.realtime.bus import Bus
from app.realtime.frames import Announcement, Control, Frame, is_html

log = logging.getLogger(__name__)

T = TypeVar("T")
Render = Callable[..., str]
Broadcast = Callable[..., Iterable[Announcement]]

GROUP_WORKS = 64
GROUP_SECONDS = 0.005
READERS = 4
NO_ROOM = "The server could not store that. Nothing was changed; please try again in a moment."


# Constraints have names, so that migrations can find them again.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


def now() -> datetime:
    return datetime.now(UTC)


def identity() -> Column[int]:
    """A primary key that the database counts up."""
    return Column(Integer, primary_key=True)


class Work:
    """One transaction, opened by a door and passed to services as their first argument.

    Rows come back as SQLAlchemy rows, which read like the models that were
    selected and cannot be written to.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection
        self.announcements: list[tuple[Broadcast, tuple[Any, ...]]] = []

    async def execute(self, statement: Executable, values: Any = None) -> CursorResult[Any]:
        """Run an INSERT, UPDATE or DELETE; a list of `values` runs it once for each."""
        return cast("CursorResult[Any]", await self.connection.execute(statement, values))

    async def all(self, statement: SelectOfScalar[T]) -> Sequence[T]:
        """The rows of a select of one model or one column."""
        result = await self.connection.execute(statement)
        rows = result.all()
        return cast("Sequence[T]", [row[0] for row in rows] if len(result.keys()) == 1 else rows)

    async def first(self, statement: SelectOfScalar[T]) -> T | None:
        """The first row of such a select, or None."""
        rows = await self.all(statement)
        return rows[0] if rows else None

    async def rows(self, statement: Select[Any] | Executable) -> Sequence[Any]:
        """The rows of a select of several columns, read by the columns' names."""
        return (await self.connection.execute(statement)).all()

    def announce(self, broadcast: Broadcast, *values: Any) -> None:
        """Tell, once this work is durable and only then, what `broadcast(render, *values)` says.

        `values` are frozen: they are read after the transaction is over.
        """
        self.announcements.append((broadcast, values))

    def told(self, render: Render) -> list[Announcement]:
        """What to publish: the fragments for one topic joined into one frame, in the order they were announced."""
        told: list[Announcement] = []
        growing: dict[str, int] = {}  # topic → where its frame stands that may still grow
        for each in self._each(render):
            if isinstance(each, Control):
                growing.clear()  # who joins or leaves here hears nothing from the other side of it
            elif is_html(each.text):
                known = told[growing[each.topic]] if each.topic in growing else None
                if isinstance(known, Frame):
                    told[growing[each.topic]] = Frame(each.topic, known.text + each.text)
                    continue
                growing[each.topic] = len(told)
            told.append(each)
        return told

    def _each(self, render: Render) -> Iterator[Announcement]:
        for broadcast, values in self.announcements:
            try:
                yield from broadcast(render, *values)
            except Exception:  # the change is durable; who misses the frame asks for it
                log.exception("a broadcast failed: %s", broadcast.__qualname__)


class _Group:
    """The works that share one commit."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.works: list[Work] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def may_grow(self) -> bool:
        return len(self.works) < GROUP_WORKS and time.monotonic() - self.began < GROUP_SECONDS


class SqliteWriter:
    """SQLite has one writer, so works queue for one connection, each in a savepoint.

    A work that ends while another waits hands the open transaction on; the last
    one commits for all, announces in the order of the works, and wakes them.
    """

    def __init__(self, engine: AsyncEngine, bus: Bus, render: Render) -> None:
        self.engine = engine
        self.bus = bus
        self.render = render
        self.lock = asyncio.Lock()
        self.waiting = 0
        self.flushing: asyncio.Task[None] | None = None
        self.group: _Group | None = None
        self.connection: AsyncConnection | None = None

    @asynccontextmanager
    async def work(self) -> AsyncIterator[Work]:
        await self._enter()
        group, work = await self._open()
        try:
            yield work
        except BaseException:
            await asyncio.shield(self._leave(group, None))
            raise
        await asyncio.shield(self._leave(group, work))
        await asyncio.shield(group.done)

    async def _enter(self) -> None:
        self.waiting += 1
        try:
            await self.lock.acquire()
        except asyncio.CancelledError:
            # The open transaction may have been handed to us, who will not commit it.
            self.flushing = asyncio.create_task(self.flush())
            raise
        finally:
            self.waiting -= 1

    async def _open(self) -> tuple[_Group, Work]:
        try:
            if self.connection is None:
                self.connection = await self.engine.connect()
            if self.group is None:
                self.group = _Group()
                await self.connection.begin()
            await self.connection.exec_driver_sql("SAVEPOINT work")
        except BaseException as error:
            await self._fail(error)
            self.lock.release()
            raise Unavailable(NO_ROOM) from error
        return self.group, Work(self.connection)

    async def _leave(self, group: _Group, work: Work | None) -> None:
        """Close the savepoint, keeping what `work` did or undoing it, then commit or hand on."""
        assert self.connection
        try:
            if work is None:
                await self.connection.exec_driver_sql("ROLLBACK TO work")
            await self.connection.exec_driver_sql("RELEASE work")
            if work:
                group.works.append(work)
            if not (self.waiting and group.may_grow()):
                await self._commit(group)
        except Exception as error:
            await self._fail(error)
        finally:
            self.lock.release()

    async def _commit(self, group: _Group) -> None:
        assert self.connection
        await self.connection.commit()
        self.group = None
        try:
            for work in group.works:
                for announcement in work.told(self.render):
                    self.bus.publish(announcement)
        finally:
            group.done.set_result(None)  # durable, whoever heard of it

    async def _fail(self, error: BaseException) -> None:
        """Undo the whole group: nobody in it was told anything yet."""
        log.error("a transaction failed: %s", error)
        connection, self.connection = self.connection, None
        group, self.group = self.group, None
        if connection is not None:
            await connection.invalidate()
            await connection.close()
        if group and not group.done.done():
            group.done.set_exception(Unavailable(NO_ROOM))
            group.done.exception()  # it may be that nobody waits

    async def flush(self) -> None:
        """Commit what nobody else will."""
        async with self.lock:
            if self.group:
                await self._commit(self.group)

    async def close(self) -> None:
        await self.flush()
        if self.connection:
            await self.connection.close()
            self.connection = None


class Database:
    """Where works begin: `write()` for a change, `read()` for a look."""

    def __init__(self, url: str, bus: Bus, render: Render) -> None:
        self.engine = create_async_engine(url, pool_size=1, max_overflow=0)
        self.readers = create_async_engine(
            url, pool_size=READERS, max_overflow=0, pool_timeout=10, pool_reset_on_return=None
        )
        _prepare(self.engine, "BEGIN IMMEDIATE", "PRAGMA query_only=OFF")
        _prepare(self.readers, "BEGIN", "PRAGMA query_only=ON")
        self.writer = SqliteWriter(self.engine, bus, render)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Work]:
        """A work that changes something; durable when the block is left.

        Raises Unavailable when it could not be stored. Inside, nothing but the
        database is awaited: everybody else's writing waits meanwhile.
        """
        try:
            async with self.writer.work() as work:
                yield work
        except OperationalError as error:
            log.error("the database refused: %s", error)
            raise Unavailable(NO_ROOM) from error

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Work]:
        """A work that only looks, at one state of the database, and waits for no writer."""
        try:
            async with self.readers.connect() as connection, connection.begin():
                yield Work(connection)
        except PoolTimeout as error:
            raise Unavailable("The server is very busy. Please try again in a moment.") from error

    async def close(self) -> None:
        await self.writer.close()
        await self.readers.dispose()
        await self.engine.dispose()


def _lower(text: str | None) -> str | None:
    """SQLite's own knows ASCII only."""
    return text and text.lower()


def _prepare(engine: AsyncEngine, begin: str, *pragmas: str) -> None:
    """Give each connection our pragmas, and let transactions begin as `begin` says.

    Python's own transaction control is switched off: its deferred BEGIN lets two
    writers read the same state, and one of the changes would be lost.
    """
    common = (
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=FULL",
        "PRAGMA foreign_keys=ON",
        "PRAGMA busy_timeout=10000",
        "PRAGMA journal_size_limit=67108864",
    )

    @event.listens_for(engine.sync_engine, "connect")
    def connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        connection.create_function("lower", 1, _lower, deterministic=True)
        cursor = connection.cursor()
        for pragma in (*common, *pragmas):
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Any) -> None:
        connection.exec_driver_sql(begin)
