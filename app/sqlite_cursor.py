"""A statement of SQLite in one switch of threads.

SQLAlchemy's cursor takes four for a SELECT (make a cursor, execute, fetch, close), and each costs more than what most
statements ask of SQLite.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import aiosqlite
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
)
from sqlalchemy.util.concurrency import await_only


def _run(ask: Callable[[sqlite3.Cursor], object], connection: sqlite3.Connection) -> tuple[Any, list[Any]]:
    """For the connection's thread: what a cursor says of itself after `ask`, and its rows."""
    cursor = connection.cursor()
    try:
        ask(cursor)
        rows = cursor.fetchall() if cursor.description else []
        said = SimpleNamespace(
            description=cursor.description, rowcount=cursor.rowcount, lastrowid=cursor.lastrowid, arraysize=1
        )
    finally:
        cursor.close()
    return said, rows


class Cursor(AsyncAdapt_aiosqlite_cursor):
    """Made and closed beside its one statement, so it has nothing to await for these."""

    __slots__ = ()

    def _aenter_cursor(self, cursor: Any) -> Any:
        return cursor

    def _make_new_cursor(self, connection: Any) -> Any:  # noqa: ARG002
        return SimpleNamespace(description=None, rowcount=-1, lastrowid=None, arraysize=1)

    async def _async_soft_close(self) -> None:
        pass

    def close(self) -> None:
        self._rows.clear()

    async def _execute_async(self, operation: Any, parameters: Any) -> None:
        await self._ask(lambda cursor: cursor.execute(operation, parameters or ()))

    async def _executemany_async(self, operation: Any, seq_of_parameters: Any) -> None:
        await self._ask(lambda cursor: cursor.executemany(operation, seq_of_parameters))

    async def _ask(self, ask: Callable[[sqlite3.Cursor], object]) -> None:
        connection: Any = self._connection
        async with self._adapt_connection._execute_mutex:
            self._cursor, rows = await connection._execute(_run, ask, connection._conn)
            self._rows = deque(rows)


class Connection(AsyncAdapt_aiosqlite_connection):
    """One whose cursors are these."""

    __slots__ = ()
    _cursor_cls = Cursor


class Driver(AsyncAdapt_aiosqlite_dbapi):
    """What `create_async_engine` takes as `module`."""

    def __init__(self) -> None:
        super().__init__(aiosqlite, sqlite3)

    def connect(self, *arguments: Any, **options: Any) -> Connection:
        connection: Any = aiosqlite.connect(*arguments, **options)
        connection._thread.daemon = True
        return Connection(self, await_only(connection))
