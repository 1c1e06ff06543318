"""SQLite: one writer, and readers beside it."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from app.errors import Unavailable
from app.sqlite_cursor import Driver
from app.sqlite_look import Look
from app.sqlite_writer import NO_ROOM, SqliteWriter, driver_of, finish, many_of
from app.work import Publish, Service, Work

T = TypeVar("T")

log = logging.getLogger(__name__)

READERS = 4


class Sqlite:
    """Works on a file of this machine."""

    def __init__(self, url: str, publish: Publish) -> None:
        self.engine = create_async_engine(url, module=Driver(), pool_size=1, max_overflow=0)
        self.readers = create_async_engine(
            url, module=Driver(), pool_size=READERS + 1, max_overflow=0, pool_timeout=10, pool_reset_on_return=None
        )
        _prepare(self.engine, "PRAGMA query_only=OFF", "PRAGMA secure_delete=ON")
        _prepare(self.readers, "PRAGMA query_only=ON")
        event.listen(self.readers.sync_engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
        self.engines = [self.engine, self.readers]
        self.writer = SqliteWriter(self.engine, publish)
        self.connection: AsyncConnection | None = None
        self.looker: Any = None  # the driver's end of it
        self.looking = asyncio.Lock()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Work]:
        try:
            async with self.writer.work() as work:
                yield work
        except (OperationalError, sqlite3.OperationalError) as error:
            log.error("the database refused: %s", error)
            raise Unavailable(NO_ROOM) from error

    async def run(self, service: Service[T], *arguments: Any) -> T:
        try:
            return await self.writer.run(service, *arguments)
        except sqlite3.OperationalError as error:
            log.error("the database refused: %s", error)
            raise Unavailable(NO_ROOM) from error

    optimistic = run  # there is one writer: whoever changes something has locked it all

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Work]:
        try:
            async with self.readers.connect() as connection, connection.begin():
                yield Work(connection, many_of(await driver_of(connection)))
        except PoolTimeout as error:
            raise Unavailable("The server is very busy. Please try again in a moment.") from error

    async def look(self, service: Service[T], *arguments: Any) -> T:
        driver = self.looker or await self._looker()
        return cast("T", await driver._execute(_look, driver, service, arguments))

    async def _looker(self) -> Any:
        """The reader that answers all looks, one after the other in its thread."""
        async with self.looking:
            if self.looker is None:
                self.connection = await self.readers.connect()
                self.looker = await driver_of(self.connection)
            return self.looker

    async def close(self) -> None:
        await self.writer.close()
        if self.connection:
            await self.connection.close()
        await self.readers.dispose()
        await self.engine.dispose()


def _lower(text: str | None) -> str | None:
    """SQLite's own knows ASCII only."""
    return text and text.lower()


def _look(driver: Any, service: Service[T], arguments: Iterable[Any]) -> T:
    """For the connection's thread: what a service sees of one state of the database."""
    driver._conn.execute("BEGIN")
    try:
        return finish(service(Look(driver), *arguments))
    finally:
        driver._conn.execute("ROLLBACK")


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
