"""Works on PostgreSQL: what they change goes there in as few round trips as may be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import CursorResult, Executable
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel.sql.expression import Select, SelectOfScalar

from app.hot import Guard, Hot, packed, together
from app.work import Many, Work

T = TypeVar("T")


class Raced(Exception):
    """What a work saw without a lock has changed since, or it needs more than it may without one."""


class Writing(Work):
    """A work whose changes by hot statements go in one round trip: a change waits until something is asked, until
    another one is to the same table, or until the work ends.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        super().__init__(connection, self._ask)
        self.waiting: list[tuple[Hot, str]] = []

    async def lock(self, statement: Hot, rows: Iterable[Mapping[str, Any]]) -> None:
        self.hold([row[0] for row in await self.many(statement, rows)])

    async def change(self, statement: Hot, rows: Iterable[Mapping[str, Any]]) -> None:
        if any(each.table == statement.table for each, _ in self.waiting):
            await self.before_asking()
        self.waiting.append((statement, packed(rows)))

    async def before_asking(self) -> None:
        """What is asked must see all changes."""
        await self.flush()

    async def flush(self) -> None:
        """Make the changes that wait. Raises Raced where a guard finds that what was seen holds no more."""
        waiting, self.waiting = sorted(self.waiting, key=lambda each: not isinstance(each[0], Guard)), []
        if not waiting:
            return
        text = together([statement for statement, _ in waiting])
        result = await self.connection.exec_driver_sql(text, tuple(rows for _, rows in waiting))
        if isinstance(waiting[0][0], Guard) and not result.scalar_one():
            raise Raced

    async def prepare(self) -> None:
        """All that is left before the commit."""
        await self.flush()

    async def commit(self) -> None:
        await self.connection.commit()

    async def execute(self, statement: Executable, values: Any = None) -> CursorResult[Any]:
        await self.before_asking()
        return await super().execute(statement, values)

    async def all(self, statement: SelectOfScalar[T], values: Mapping[str, Any] | None = None) -> Sequence[T]:
        await self.before_asking()
        return await super().all(statement, values)

    async def rows(
        self, statement: Select[Any] | Executable, values: Mapping[str, Any] | None = None
    ) -> Sequence[Any]:
        await self.before_asking()
        return await super().rows(statement, values)

    async def _ask(self, statement: Hot, rows: str) -> Sequence[Sequence[Any]]:
        await self.before_asking()
        return await many_of(self.connection)(statement, rows)


class Optimistic(Writing):
    """A work that locks nothing, on a connection that commits by itself: its changes are one statement at its end.

    The first change is a guard: where it does not find its one row any more, nothing is changed. Raises Raced then,
    where something is asked after a change, and for whatever is not hot or wants a lock.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        super().__init__(connection)
        self.chats: set[int] = set()

    async def lock(self, statement: Hot, rows: Iterable[Mapping[str, Any]]) -> None:  # noqa: ARG002
        """The guard takes the place of locks; `rows` have a `chat`."""
        self.chats |= {row["chat"] for row in rows}

    async def require_lock(self) -> None:
        raise Raced

    async def change(self, statement: Hot, rows: Iterable[Mapping[str, Any]]) -> None:
        rows = list(rows)
        if not self.waiting and not (isinstance(statement, Guard) and len(rows) == 1):
            raise Raced
        await super().change(statement, rows)

    async def before_asking(self) -> None:
        raise Raced

    async def prepare(self) -> None:
        """What it changes is committed with the statement that changes it."""

    async def commit(self) -> None:
        if self.waiting:
            self.hold(self.chats)
            await self.flush()

    async def _ask(self, statement: Hot, rows: str) -> Sequence[Sequence[Any]]:
        if self.waiting:
            raise Raced
        return await many_of(self.connection)(statement, rows)


def many_of(connection: AsyncConnection) -> Many:
    async def many(statement: Hot, rows: str) -> Sequence[Sequence[Any]]:
        result = await connection.exec_driver_sql(statement.postgresql, (rows,))
        return result.all() if result.returns_rows else []

    return many
