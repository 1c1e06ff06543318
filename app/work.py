"""Work: one transaction with what to announce when it is durable."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Iterator, Mapping, Sequence
from typing import Any, Concatenate, TypeVar, cast

from sqlalchemy import CursorResult, Executable
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel.sql.expression import Select, SelectOfScalar

from app.hot import Hot, packed
from app.realtime.bus import Bus
from app.realtime.frames import ASK_AGAIN, Announcement, Control, Frame, is_html

log = logging.getLogger(__name__)

T = TypeVar("T")
Render = Callable[..., str]
Broadcast = Callable[..., Iterable[Announcement]]
Publish = Callable[["Work"], None]
Service = Callable[Concatenate["Work", ...], Coroutine[Any, Any, T]]
# Runs a hot statement with its rows, packed.
Many = Callable[[Hot, str], Awaitable[Sequence[Sequence[Any]]]]


class Publisher:
    """Tells the bus what works announced."""

    def __init__(self, bus: Bus, render: Render) -> None:
        self.bus = bus
        self.render = render

    def publish(self, work: Work) -> None:
        """All that a durable work announced."""
        for announcement in work.told(self.render):
            self.bus.publish(announcement)

    def doubt(self, work: Work) -> None:
        """That a work may have become durable without a word of it: who would have heard of it asks."""
        for topic in dict.fromkeys(announcement.topic for announcement in work.told(self.render)):
            self.bus.publish(Frame(topic, ASK_AGAIN))


class Work:
    """One transaction, opened by a door and passed to services as their first argument.

    Rows come back as SQLAlchemy rows, which read like the models that were
    selected and cannot be written to.
    """

    def __init__(self, connection: AsyncConnection, many: Many) -> None:
        self.connection = connection
        self._many = many
        self.announcements: list[tuple[Broadcast, tuple[Any, ...]]] = []
        # To be called with the ids of chats that were just locked, or are just to be changed: works are heard in that
        # order.
        self.hold: Callable[[Collection[int]], object] = len

    async def execute(self, statement: Executable, values: Any = None) -> CursorResult[Any]:
        """Run an INSERT, UPDATE or DELETE; a list of `values` runs it once for each."""
        return cast("CursorResult[Any]", await self.connection.execute(statement, values))

    async def all(self, statement: SelectOfScalar[T], values: Mapping[str, Any] | None = None) -> Sequence[T]:
        """The rows of a select of one model or one column; `values` are those of its bound parameters."""
        result = await self.connection.execute(statement, values)
        rows = result.all()
        return cast("Sequence[T]", [row[0] for row in rows] if len(result.keys()) == 1 else rows)

    async def first(self, statement: SelectOfScalar[T]) -> T | None:
        """The first row of such a select, or None."""
        rows = await self.all(statement)
        return rows[0] if rows else None

    async def rows(
        self, statement: Select[Any] | Executable, values: Mapping[str, Any] | None = None
    ) -> Sequence[Any]:
        """The rows of a select of several columns, read by the columns' names."""
        return (await self.connection.execute(statement, values)).all()

    async def lock(self, statement: Hot, rows: Iterable[Mapping[str, Any]]) -> None:
        """Run a hot statement that locks chats and answers their ids; on SQLite there is one writer."""

    async def require_lock(self) -> None:
        """For what nothing but such a lock keeps right."""

    async def many(self, statement: Hot, rows: Iterable[Mapping[str, Any]]) -> Sequence[Sequence[Any]]:
        """Run a statement of a hot path for all these rows at once; answers plain values."""
        return await self._many(statement, packed(rows))

    async def change(self, statement: Hot, rows: Iterable[Mapping[str, Any]]) -> None:
        """Run a hot statement that changes a table and answers nothing; it may wait for the next thing that is asked,
        or for the end of the work, to go to the database with others.
        """
        await self._many(statement, packed(rows))

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
