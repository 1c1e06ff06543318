"""PostgreSQL: a bounded pool, transactions that cannot hang, and announcements in the order of the locks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import event
from sqlalchemy import text as sql
from sqlalchemy.exc import DBAPIError, DisconnectionError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from app.errors import Unavailable
from app.postgres_work import Optimistic, Raced, Writing, many_of
from app.work import Publisher, Service, Work

T = TypeVar("T")

log = logging.getLogger(__name__)

# Together less than the four seconds after which a page tries again.
CONNECT_SECONDS = 2.5  # to get a connection out of the pool, or to make one
WORK_SECONDS = 3.4  # for a whole work
RECYCLE_SECONDS = 1800
# Between two attempts to reach a database that was lost during a commit; by then nothing is under way any more, as
# the statement_timeout says.
DOUBT_SECONDS = 3.1
DOUBTS = 40
AWAY = "The server cannot reach its database right now. Please try again in a moment."
BUSY = "The server is very busy. Please try again in a moment."
# SQLSTATEs that no second try mends: wrong values, a change in a work that only looks, wrong statements.
OUR_FAULT = ("22", "25006", "42")
# Those with which a statement that would have committed did not: a timeout, another one's lock, a deadlock.
REFUSED = ("57014", "55P03", "40P01", "40001")
SERVER = {
    "application_name": "parley",
    "timezone": "UTC",
    "random_page_cost": "1.1",  # what is looked for is in memory or on an SSD
    "default_transaction_isolation": "read committed",  # for statements that are their own transaction
    # A process that dies or freezes must not hold its locks for long.
    "statement_timeout": "3000",
    "lock_timeout": "2000",
    "idle_in_transaction_session_timeout": "5000",
}
# A pooler gives each transaction another session, so nothing may be prepared by name.
UNNAMED: dict[str, Any] = {
    "statement_cache_size": 0,
    "prepared_statement_cache_size": 0,
    "prepared_statement_name_func": str,  # "": the unnamed one, which the next one replaces
}
# What was acknowledged must be on disk; an operator who waits for replicas, too, keeps that.
DURABLE = """
    SELECT set_config('synchronous_commit', 'on', false)
    WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')
"""


def address(url: str) -> str:
    """What libpq and asyncpg take, out of SQLAlchemy's URL."""
    return url.replace("+asyncpg", "", 1)


def plain_engine(url: str) -> AsyncEngine:
    """An engine for long work that nobody waits for, like migrations: nothing cuts it short."""
    options = {"dsn": address(url), "server_settings": {"application_name": "parley"}, **UNNAMED}
    return create_async_engine("postgresql+asyncpg://", connect_args=options)


def make_engine(url: str, pool: int, pooler: str) -> AsyncEngine:
    """An engine of at most `pool` connections; `pooler` is `transaction` behind a pgbouncer in that mode.

    Behind such a pooler nothing can be set for a session, either: the operator sets it for the role.
    """
    options: dict[str, Any] = {"dsn": address(url), "timeout": CONNECT_SECONDS, "server_settings": SERVER}
    if pooler == "transaction":
        options |= {"server_settings": {"application_name": "parley"}, **UNNAMED}
    engine = create_async_engine(
        "postgresql+asyncpg://", connect_args=options, isolation_level="READ COMMITTED",
        pool_size=pool, max_overflow=0, pool_timeout=CONNECT_SECONDS, pool_recycle=RECYCLE_SECONDS,
        pool_use_lifo=True,
    )  # fmt: skip
    event.listen(engine.sync_engine, "checkout", _require_alive)
    if pooler != "transaction":
        event.listen(engine.sync_engine, "connect", _require_durable)
    return engine


def _require_alive(connection: Any, _record: Any, _proxy: Any) -> None:
    """Replace a connection whose other end is gone. The socket knows: asking the server would cost a round trip."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError


def _require_durable(connection: Any, _record: Any) -> None:
    connection.run_async(lambda driver: driver.execute(DURABLE))


class Turns:
    """Who locks a chat later, or changes it later without a lock, is heard later.

    PostgreSQL lets a lock go before it says that the commit is done, so who waited for it may be told sooner.
    """

    def __init__(self) -> None:
        self.last: dict[int, asyncio.Event] = {}

    @asynccontextmanager
    async def turn(self, work: Work) -> AsyncIterator[list[asyncio.Event]]:
        """While the block runs, `work.hold` takes turns; answers the ends of those that came before."""
        mine = asyncio.Event()
        earlier: list[asyncio.Event] = []
        held: list[int] = []

        def hold(chat_ids: Collection[int]) -> None:
            new = [chat_id for chat_id in chat_ids if chat_id not in held]  # who locks again came no later for that
            earlier.extend(self.last[chat_id] for chat_id in new if chat_id in self.last)
            self.last.update(dict.fromkeys(new, mine))
            held.extend(new)

        work.hold = hold
        try:
            yield earlier
        finally:
            mine.set()
            for chat_id in held:
                if self.last.get(chat_id) is mine:
                    del self.last[chat_id]


class Postgres:
    """Works on a PostgreSQL that other processes use as well."""

    def __init__(self, url: str, publisher: Publisher, pool: int, pooler: str) -> None:
        self.engine = make_engine(url, pool, pooler)
        self.readers = self.engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self.unlocked = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self.engines = [self.engine]
        self.publisher = publisher
        self.doubts: set[asyncio.Task[None]] = set()
        self.turns = Turns()

    def write(self) -> AbstractAsyncContextManager[Writing]:
        return self._write(self.engine, Writing, _end())

    async def run(self, service: Service[T], *arguments: Any) -> T:
        async with self.write() as work:
            return await service(work, *arguments)

    async def optimistic(self, service: Service[T], *arguments: Any) -> T:
        end = _end()
        try:
            async with self._write(self.unlocked, Optimistic, end) as work:
                return await service(work, *arguments)
        except Raced:
            async with self._write(self.engine, Writing, end) as work:
                return await service(work, *arguments)

    @asynccontextmanager
    async def _write(self, engine: AsyncEngine, kind: type[Writing], end: float) -> AsyncIterator[Writing]:
        async with _connected(engine, end) as connection:
            work = kind(connection)
            async with self.turns.turn(work) as earlier:
                yield work
                finishing = asyncio.create_task(self._finish(work, earlier))
                try:
                    await asyncio.shield(finishing)
                except asyncio.CancelledError:
                    await asyncio.wait([finishing])  # what is durable is told, whoever waits for it
                    raise

    async def _finish(self, work: Writing, earlier: Collection[asyncio.Event]) -> None:
        await work.prepare()
        try:
            await work.commit()
        except (DBAPIError, asyncpg.InternalClientError, OSError) as error:
            if not _is_ours(error) and _sqlstate(error) not in REFUSED:
                doubt = asyncio.create_task(self._doubt(work))
                self.doubts.add(doubt)
                doubt.add_done_callback(self.doubts.discard)
            raise
        for each in earlier:
            await each.wait()
        self.publisher.publish(work)

    async def _doubt(self, work: Work) -> None:
        """The answer to a commit was lost, so it may be durable: who would have heard of it asks, once they can."""
        for _ in range(DOUBTS):
            await asyncio.sleep(DOUBT_SECONDS)
            try:
                async with self.read() as looking:
                    await looking.rows(sql("SELECT 1"))
            except Unavailable:
                continue
            self.publisher.doubt(work)
            return

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Work]:
        async with _connected(self.readers, _end()) as connection:
            yield Work(connection, many_of(connection))

    async def look(self, service: Service[T], *arguments: Any) -> T:
        async with self.read() as work:
            return await service(work, *arguments)

    async def close(self) -> None:
        for doubt in self.doubts:
            doubt.cancel()
        await asyncio.gather(*self.doubts, return_exceptions=True)
        await self.engine.dispose()


def _end() -> float:
    """When a work that begins now has to be over, by the loop's clock."""
    return asyncio.get_running_loop().time() + WORK_SECONDS


@asynccontextmanager
async def _connected(engine: AsyncEngine, end: float) -> AsyncIterator[AsyncConnection]:
    """A connection for one transaction, which ends in time whatever becomes of the server. Raises Unavailable."""
    connection = await _connect(engine)
    driver = (await connection.get_raw_connection()).driver_connection
    assert driver
    deadline = asyncio.get_running_loop().call_at(end, driver.terminate)
    try:
        yield connection
    except asyncio.CancelledError:
        driver.terminate()  # a statement may be under way: nobody waits for its end
        raise
    except (DBAPIError, asyncpg.InternalClientError, OSError) as error:
        if _is_ours(error):
            raise
        driver.terminate()  # whatever it was in the middle of, the next work begins with another
        log.error("the database refused: %s", error)
        raise Unavailable(AWAY) from error
    finally:
        await _give_back(connection, driver)
        deadline.cancel()


async def _give_back(connection: AsyncConnection, driver: Any) -> None:
    """End the transaction; what had to be durable is, so that a server which goes away just now is no error."""
    try:
        if driver.is_closed():
            await connection.invalidate()
        await connection.close()
    except (DBAPIError, asyncpg.InternalClientError, OSError) as error:
        log.error("a connection was lost at its end: %s", error)


async def _connect(engine: AsyncEngine) -> AsyncConnection:
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            return await engine.connect()
    except PoolTimeout as error:
        raise Unavailable(BUSY) from error
    except (DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        log.error("the database cannot be reached: %s: %s", type(error).__name__, error)
        raise Unavailable(AWAY) from error


def _is_ours(error: Exception) -> bool:
    """Whether to try again would not help."""
    if isinstance(error, IntegrityError):
        return True
    return _sqlstate(error).startswith(OUR_FAULT)


def _sqlstate(error: Exception) -> str:
    return str(getattr(getattr(error, "orig", None), "sqlstate", None) or "")
