"""The one writer of SQLite, whose works share commits."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.errors import Unavailable
from app.hot import Hot
from app.sqlite_look import ask
from app.work import Many, Publish, Service, Work

T = TypeVar("T")

log = logging.getLogger(__name__)

GROUP_WORKS = 64
GROUP_SECONDS = 0.005
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

    async def run(self, service: Service[T], *arguments: Any) -> T:
        """What `service(work, *arguments)` answers, in a work of its own that is over in one switch of threads: the
        service runs in the connection's thread, so it may ask nothing but hot statements.
        """
        await self._enter()
        return await asyncio.shield(self._run_there(service, arguments))

    async def _run_there(self, service: Service[T], arguments: Iterable[Any]) -> T:
        try:
            work = Work(await self._connect(), many_there(self.driver))
            nested, group = self.group is not None, self.group or _Group()
            self.group = group
            answer, refusal, is_last = await self.driver._execute(
                self._all_of, service, work, arguments, group, nested
            )
            if refusal is None:
                group.works.append(work)
            if is_last:
                self._tell(group)
        except Exception as error:
            await self._fail(error)
            raise Unavailable(NO_ROOM) from error
        finally:
            self.lock.release()
        if refusal is not None:
            raise refusal
        await group.done
        return cast("T", answer)

    def _all_of(
        self, service: Service[T], work: Work, arguments: Iterable[Any], group: _Group, nested: bool
    ) -> tuple[T | None, Exception | None, bool]:
        """For the connection's thread: a work from its beginning to its end. Answers what the service does, or what
        it raises, and whether the group ended with it.
        """
        answer, refusal = None, None
        self._ask("SAVEPOINT work" if nested else "BEGIN IMMEDIATE")
        try:
            answer = finish(service(work, *arguments))
        except Exception as error:
            refusal = error
        for step in _ends(refusal is None, nested):
            self._ask(step)
        if refusal is not None and not nested:
            return None, refusal, True
        is_last = not self._is_wanted(group)
        if is_last:
            self._ask("COMMIT")
        return answer, refusal, is_last

    async def _connect(self) -> AsyncConnection:
        if self.connection is None:
            self.connection = await self.engine.connect()
            self.driver = await driver_of(self.connection)
            await self.connection.begin()  # says nothing to SQLite: transactions are ours
        return self.connection

    async def _open(self) -> tuple[_Group, Work, bool]:
        """Begin a transaction, or a savepoint in the one that was handed on."""
        try:
            work = Work(await self._connect(), many_of(self.driver))
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
        return self.group, work, nested

    async def _run(self, statement: str) -> None:
        """One statement without rows, in one switch of threads where SQLAlchemy needs several."""
        await self.driver._execute(self._ask, statement)

    def _ask(self, statement: str) -> None:
        """The same for who is in the connection's thread already."""
        self.driver._conn.execute(statement)

    async def _leave(self, group: _Group, work: Work, nested: bool) -> None:
        """Keep what `work` did, and commit or hand the transaction on."""
        try:
            for step in _ends(True, nested):
                await self._run(step)
            group.works.append(work)
            await self._commit_unless_wanted(group)
        except Exception as error:
            await self._fail(error)
        finally:
            self.lock.release()

    async def _undo(self, group: _Group, nested: bool) -> None:
        """Undo what one work did, and leave those of its group alone."""
        try:
            for step in _ends(False, nested):
                await self._run(step)
            if nested:
                await self._commit_unless_wanted(group)
            else:
                self.group = None
        except Exception as error:
            await self._fail(error)
        finally:
            self.lock.release()

    def _is_wanted(self, group: _Group) -> bool:
        return self.waiting > 0 and group.may_grow()

    async def _commit_unless_wanted(self, group: _Group) -> None:
        if not self._is_wanted(group):
            await self._commit(group)

    async def _commit(self, group: _Group) -> None:
        await self._run("COMMIT")
        self._tell(group)

    def _tell(self, group: _Group) -> None:
        """The works of the group are durable: announce, and wake those who wait."""
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


def _ends(is_good: bool, nested: bool) -> Sequence[str]:
    """How a work ends that does not commit."""
    if is_good:
        return ("RELEASE work",) if nested else ()
    return ("ROLLBACK TO work", "RELEASE work") if nested else ("ROLLBACK",)


async def driver_of(connection: AsyncConnection) -> Any:
    return (await connection.get_raw_connection()).driver_connection


def many_of(driver: Any) -> Many:
    async def many(statement: Hot, rows: str) -> Sequence[Sequence[Any]]:
        found: Sequence[Sequence[Any]] = await driver._execute(ask, driver, statement.sqlite, (rows,))
        return found

    return many


def many_there(driver: Any) -> Many:
    """The same for who is in the connection's thread already."""

    async def many(statement: Hot, rows: str) -> Sequence[Sequence[Any]]:
        return ask(driver, statement.sqlite, (rows,))

    return many


def finish(coroutine: Coroutine[Any, Any, T]) -> T:
    """The answer of what never waits. Raises RuntimeError for what would."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return cast("T", end.value)
    coroutine.close()
    raise RuntimeError("This waits for something else than what the database answers at once.")
