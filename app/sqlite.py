"""SQLite: one writer, whose works share commits, and readers beside it."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from app.errors import Unavailable
from app.hot import Hot
from app.sqlite_cursor import Driver
from app.work import Many, Publish, Work

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
        self.driver: Any = None  # the connection beneath it, aiosqlite's

    @asynccontextmanager
    async def work(self) -> AsyncIterator[Work]:
        await self._enter()
        group, work, nested = await self._open()
        try:
            yield work
        except BaseException:
            await asyncio.shield(self._undo(group, nested))
            raise
        await asyncio.shield(self._leave(group, work, nested))
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

    async def _open(self) -> tuple[_Group, Work, bool]:
        """Begin a transaction, or a savepoint in the one that was handed on."""
        try:
            if self.connection is None:
                self.connection = await self.engine.connect()
                self.driver = await _driver(self.connection)
                await self.connection.begin()  # says nothing to SQLite: transactions are ours
            nested = self.group is not None
            await self._run("SAVEPOINT work" if nested else "BEGIN IMMEDIATE")
            self.group = self.group or _Group()
        except asyncio.CancelledError as error:
            await self._fail(error)
            self.lock.release()
            raise
        except BaseException as error:
            await self._fail(error)
            self.lock.release()
            raise Unavailable(NO_ROOM) from error
        return self.group, Work(self.connection, _many(self.driver)), nested

    async def _run(self, statement: str) -> None:
        """One statement without rows, in one switch of threads where SQLAlchemy needs several."""
        await self.driver.execute_fetchall(statement)

    async def _leave(self, group: _Group, work: Work, nested: bool) -> None:
        """Keep what `work` did, and commit or hand the transaction on."""
        try:
            if nested:
                await self._run("RELEASE work")
            group.works.append(work)
            await self._commit_unless_wanted(group)
        except Exception as error:
            await self._fail(error)
        finally:
            self.lock.release()

    async def _undo(self, group: _Group, nested: bool) -> None:
        """Undo what one work did, and leave those of its group alone."""
        try:
            if nested:
                await self._run("ROLLBACK TO work")
                await self._run("RELEASE work")
                await self._commit_unless_wanted(group)
            else:
                await self._run("ROLLBACK")
                self.group = None
        except Exception as error:
            await self._fail(error)
        finally:
            self.lock.release()

    async def _commit_unless_wanted(self, group: _Group) -> None:
        if not (self.waiting and group.may_grow()):
            await self._commit(group)

    async def _commit(self, group: _Group) -> None:
        await self._run("COMMIT")
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
        self.engine = create_async_engine(url, module=Driver(), pool_size=1, max_overflow=0)
        self.readers = create_async_engine(
            url, module=Driver(), pool_size=READERS, max_overflow=0, pool_timeout=10, pool_reset_on_return=None
        )
        _prepare(self.engine, "PRAGMA query_only=OFF")
        _prepare(self.readers, "PRAGMA query_only=ON")
        event.listen(self.readers.sync_engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
        self.engines = [self.engine, self.readers]
        self.writer = SqliteWriter(self.engine, publish)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Work]:
        try:
            async with self.writer.work() as work:
                yield work
        except (OperationalError, sqlite3.OperationalError) as error:
            log.error("the database refused: %s", error)
            raise Unavailable(NO_ROOM) from error

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Work]:
        try:
            async with self.readers.connect() as connection, connection.begin():
                yield Work(connection, _many(await _driver(connection)))
        except PoolTimeout as error:
            raise Unavailable("The server is very busy. Please try again in a moment.") from error

    async def close(self) -> None:
        await self.writer.close()
        await self.readers.dispose()
        await self.engine.dispose()


def _lower(text: str | None) -> str | None:
    """SQLite's own knows ASCII only."""
    return text and text.lower()


async def _driver(connection: AsyncConnection) -> Any:
    return (await connection.get_raw_connection()).driver_connection


def _many(driver: Any) -> Many:
    async def many(statement: Hot, rows: str) -> Sequence[Sequence[Any]]:
        found: Sequence[Sequence[Any]] = await driver.execute_fetchall(statement.sqlite, (rows,))
        return found

    return many


def _prepare(engine: AsyncEngine, *pragmas: str) -> None:
    """Give each connection our pragmas.

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
