"""SQLite: one writer, whose works share commits, and readers beside it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from app.errors import Unavailable
from app.work import Publish, Work

log = logging.getLogger(__name__)

GROUP_WORKS = 64
GROUP_SECONDS = 0.005
READERS = 4
NO_ROOM = "The server could not store that. Nothing was changed; please try again in a moment."


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

    def __init__(self, engine: AsyncEngine, publish: Publish) -> None:
        self.engine = engine
        self.publish = publish
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
            if isinstance(error, asyncio.CancelledError):
                raise  # who is cancelled must not take it for a refusal and go on
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
                self.publish(work)
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


class Sqlite:
    """Works on a file of this machine."""

    def __init__(self, url: str, publish: Publish) -> None:
        self.engine = create_async_engine(url, pool_size=1, max_overflow=0)
        self.readers = create_async_engine(
            url, pool_size=READERS, max_overflow=0, pool_timeout=10, pool_reset_on_return=None
        )
        _prepare(self.engine, "BEGIN IMMEDIATE", "PRAGMA query_only=OFF")
        _prepare(self.readers, "BEGIN", "PRAGMA query_only=ON")
        self.engines = [self.engine, self.readers]
        self.writer = SqliteWriter(self.engine, publish)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Work]:
        try:
            async with self.writer.work() as work:
                yield work
        except OperationalError as error:
            log.error("the database refused: %s", error)
            raise Unavailable(NO_ROOM) from error

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Work]:
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
