"""The two ends of a copy: a database in one transaction, read and filled row by row in Python's own values."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import (
    JSON,
    Boolean,
    ColumnElement,
    Dialect,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    func,
    literal_column,
    make_url,
    select,
    text,
)
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.sql import ClauseElement
from sqlmodel import AutoString, UTCDateTime

from app.db import Number
from app.errors import Refused
from app.models import metadata
from app.postgres import address

BATCH = 1000  # rows in memory, of which some are pictures of 100 KiB
CONNECT_SECONDS = 10
LAST_SECONDS = 2.0  # in which the connections of a process that has just ended go away
IN_USE = "The {} is in use: stop Parley wherever it runs, so that nothing is written that the copy would not have."

Row = tuple[Any, ...]
Change = Callable[[Any], Any]


class End(ABC):
    """A database that is copied from or to; `role` is what sentences call it."""

    dialect: Dialect
    tables: str  # selects the names of its tables

    def __init__(self, url: str, role: str) -> None:
        self.url = url
        self.role = role
        self.nuls = 0  # texts that were read without the NUL that they held

    @abstractmethod
    async def open(self) -> None:
        """Connect. Raises Refused where that cannot be done."""

    @abstractmethod
    async def begin(self, writes: bool) -> None:
        """One transaction, during which nobody else writes. Raises Refused while somebody uses the database."""

    @abstractmethod
    async def ask(self, query: ClauseElement) -> Sequence[Sequence[Any]]:
        """All rows of a short answer."""

    @abstractmethod
    def rows(self, table: Table) -> AsyncIterator[list[Row]]:
        """A table in stretches that fit into memory, in any order."""

    @abstractmethod
    async def add(self, table: Table, rows: list[Row]) -> None: ...

    @abstractmethod
    async def commit(self) -> None:
        """Make durable what was added, and let the next ids be new ones."""

    @abstractmethod
    async def close(self) -> None:
        """Undo what was not committed."""

    async def names(self) -> set[str]:
        return {row[0] for row in await self.ask(text(self.tables))}

    async def count(self, table: Table) -> int:
        return int((await self.ask(select(func.count()).select_from(table)))[0][0])

    async def revision(self) -> str | None:
        """None where there is no database of Parley."""
        if "alembic_version" not in await self.names():
            return None
        found = await self.ask(text("SELECT version_num FROM alembic_version"))
        return str(found[0][0]) if found else None

    def compiled(self, query: ClauseElement) -> str:
        return str(query.compile(dialect=self.dialect))


class SqliteEnd(End):
    """A file of this machine, which nobody else may even open meanwhile."""

    dialect = SQLiteDialect_pysqlite()
    tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"

    def __init__(self, url: str, role: str) -> None:
        super().__init__(url, role)
        self.path = Path(str(make_url(url).database)).absolute()

    async def open(self) -> None:
        # A file that is not there stays so: it is as empty as the one in memory.
        where = f"{self.path.as_uri()}?mode=rw" if self.path.exists() else "file::memory:"
        self.connection = sqlite3.connect(where, uri=True, isolation_level=None, timeout=LAST_SECONDS)

    async def begin(self, writes: bool) -> None:
        try:
            if writes:  # without WAL an undone transaction leaves nothing behind, and needs no room twice
                self.connection.execute("PRAGMA journal_mode=DELETE")
            for line in ("locking_mode=EXCLUSIVE", "synchronous=FULL", "foreign_keys=ON"):
                self.connection.execute(f"PRAGMA {line}")
            self.connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:  # the rest says why
                raise Refused(IN_USE.format(self.role)) from error
            raise

    async def ask(self, query: ClauseElement) -> Sequence[Sequence[Any]]:
        return self.connection.execute(self.compiled(query)).fetchall()

    async def rows(self, table: Table) -> AsyncIterator[list[Row]]:
        cursor = self.connection.execute(self.compiled(select(*table.columns)))
        while found := cursor.fetchmany(BATCH):
            yield list(_changed(found, self.changes(table, read=True)))

    async def add(self, table: Table, rows: list[Row]) -> None:
        self.connection.executemany(self.compiled(table.insert()), _changed(rows, self.changes(table, read=False)))

    async def commit(self) -> None:
        self.connection.execute("COMMIT")

    async def close(self) -> None:
        self.connection.close()

    def changes(self, table: Table, read: bool) -> list[tuple[int, Change]]:
        """What differs between the values that SQLite keeps and Python's, by the places of the columns."""
        same: dict[type, Change | None] = dict.fromkeys(
            (AutoString, Boolean, Integer, JSON, LargeBinary, Number, SmallInteger, Text, UTCDateTime)
        )
        if read:
            texts = dict.fromkeys((AutoString, Text), self._without_nul)
            change = {**same, **texts, Boolean: bool, UTCDateTime: _moment}
        else:
            change = {**same, UTCDateTime: _stored_moment}
        found = [(place, change[type(column.type)]) for place, column in enumerate(table.columns)]
        return [(place, each) for place, each in found if each]

    def _without_nul(self, value: str) -> str:
        if "\0" in value:
            self.nuls += 1
            return value.replace("\0", "")
        return value


class PostgresEnd(End):
    """A database of a server, whose tables nobody else may change meanwhile."""

    dialect = PGDialect_asyncpg()  # type: ignore[no-untyped-call]
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"

    async def open(self) -> None:
        options = {"statement_cache_size": 0, "server_settings": {"application_name": "parley-copy"}}
        try:
            self.connection = await asyncpg.connect(address(self.url), timeout=CONNECT_SECONDS, **options)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError, ValueError) as error:
            raise Refused(f"The {self.role} cannot be reached: {error or type(error).__name__}") from error

    async def begin(self, writes: bool) -> None:
        await self._require_idle()
        self.transaction = self.connection.transaction(isolation="repeatable_read")
        await self.transaction.start()
        await self.connection.execute("SET LOCAL statement_timeout = 0")
        await self.connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        await self.connection.execute(f"SET LOCAL lock_timeout = {round(LAST_SECONDS * 1000)}")
        try:  # before the first look, so that it sees all that anybody has written
            await self.connection.execute(f"LOCK TABLE {self._names()} IN {'EXCLUSIVE' if writes else 'SHARE'} MODE")
        except asyncpg.LockNotAvailableError as error:
            raise Refused(IN_USE.format(self.role)) from error

    def _names(self) -> str:
        return ", ".join(f'"{table.name}"' for table in metadata.sorted_tables)

    async def _require_idle(self) -> None:
        others = (
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'parley' AND datname = current_database()"
        )
        deadline = asyncio.get_running_loop().time() + LAST_SECONDS
        while await self.connection.fetchval(others):
            if asyncio.get_running_loop().time() > deadline:
                raise Refused(IN_USE.format(self.role))
            await asyncio.sleep(0.05)

    async def ask(self, query: ClauseElement) -> Sequence[Sequence[Any]]:
        found: Sequence[Sequence[Any]] = await self.connection.fetch(self.compiled(query))
        return found

    async def rows(self, table: Table) -> AsyncIterator[list[Row]]:
        cursor = await self.connection.cursor(self.compiled(select(*table.columns)))
        while found := await cursor.fetch(BATCH):
            yield [tuple(record) for record in found]

    async def add(self, table: Table, rows: list[Row]) -> None:
        names = [column.name for column in table.columns]
        await self.connection.copy_records_to_table(table.name, records=rows, columns=names)

    async def commit(self) -> None:
        for table in metadata.sorted_tables:
            if (column := table.autoincrement_column) is not None:
                sequence: ColumnElement[str] = literal_column(
                    f"pg_get_serial_sequence('{table.name}', '{column.name}')"
                )
                await self.ask(select(func.setval(sequence, func.max(column))))
        await self.connection.execute(f"ANALYZE {self._names()}")  # the planner knows nothing of them yet
        await self.transaction.commit()

    async def close(self) -> None:
        with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
            await self.connection.close(timeout=CONNECT_SECONDS)


def _changed(rows: Iterable[Sequence[Any]], changes: list[tuple[int, Change]]) -> Iterable[Row]:
    for row in rows:
        values = list(row)
        for place, change in changes:
            if values[place] is not None:
                values[place] = change(values[place])
        yield tuple(values)


def _moment(value: str) -> datetime:
    """SQLite keeps times as text, in UTC without saying so."""
    return datetime.fromisoformat(value).replace(tzinfo=UTC)


def _stored_moment(value: datetime) -> str:
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
