"""Works on PostgreSQL: what they change goes there in as few round trips as may be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import CursorResult, Executable
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel.sql.expression import Select, SelectOfScalar

from app.hot import Guard, Hot, guarded, packed, together
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
        await self.many(statement, rows)

    async def change(self, statement: Hot, rows: Iterable[Mapping[str, Any]]) -> None:
        if any(each.table == statement.table for each, _ in self.waiting):
            await self.flush()
        self.waiting.append((statement, packed(rows)))

    async def flush(self) -> None:
        waiting, self.waiting = self.waiting, []
        if waiting:
            text = together([statement for statement, _ in waiting])
            await self.connection.exec_driver_sql(text, tuple(rows for _, rows in waiting))

    async def commit(self) -> None:
        await self.flush()
        await self.connection.commit()

    async def execute(self, statement: Executable, values: Any = None) -> CursorResult[Any]:
        await self.flush()
        return await super().execute(statement, values)

    async def all(self, statement: SelectOfScalar[T], values: Mapping[str, Any] | None = None) -> Sequence[T]:
        await self.flush()
        return await super().all(statement, values)

    async def rows(
        self, statement: Select[Any] | Executable, values: Mapping[str, Any] | None = None
    ) -> Sequence[Any]:
        await self.flush()
        return await super().rows(statement, values)

    async def _ask(self, statement: Hot, rows: str) -> Sequence[Sequence[Any]]:
        await self.flush()
        return await many_of(self.connection)(statement, rows)


class Optimistic(Writing):
    """A work that locks nothing, on a connection that commits by itself: its changes are one statement at its end.

    The first change is a guard: where it does not find its one row any more, nothing is changed. Raises Raced then,
    where something is asked after a change, and for whatever is not hot.
    """

    async def lock(self, statement: Hot, rows: Iterable[Mapping[str, Any]]) -> None:
        """The guard takes the place of locks."""

    async def change(self, statement: Hot, rows: Iterable[Mapping[str, Any]]) -> None:
        rows = list(rows)
        if not self.waiting and not (isinstance(statement, Guard) and len(rows) == 1):
            raise Raced
        await super().change(statement, rows)

    async def flush(self) -> None:
        raise Raced

    async def commit(self) -> None:
        if not self.waiting:
            return
        text = guarded([statement for statement, _ in self.waiting])
        result = await self.connection.exec_driver_sql(text, tuple(rows for _, rows in self.waiting))
        if not result.scalar_one():
            raise Raced

    async def _ask(self, statement: Hot, rows: str) -> Sequence[Sequence[Any]]:
        if self.waiting:
            raise Raced
        return await many_of(self.connection)(statement, rows)


def many_of(connection: AsyncConnection) -> Many:
    async def many(statement: Hot, rows: str) -> Sequence[Sequence[Any]]:
        result = await connection.exec_driver_sql(statement.postgresql, (rows,))
        return result.all() if result.returns_rows else []

    return many
