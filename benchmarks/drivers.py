"""asyncpg against psycopg 3 on Parley's own send and page of 50, in turns on one PostgreSQL.

    PYTHONPATH=. .venv/bin/python benchmarks/drivers.py

psycopg is no dependency of Parley: install it elsewhere and add its folder to PYTHONPATH.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import uvloop
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from app.auth import service as auth
from app.chats import service as chats
from app.db import Work
from app.hot import Hot
from app.messages import history
from app.messages import service as messages
from app.messages.drafts import Draft
from app.users.models import Person
from tests.backing import Postgres
from tests.process import parley

DRIVERS = ("asyncpg", "psycopg")
CHATS, AT_ONCE, ROUNDS, SECONDS = 16, 16, 6, 3

Do = Callable[[AsyncEngine, Person, int], Awaitable[None]]


def work_on(connection: AsyncConnection) -> Work:
    """A work whose hot statements either driver takes."""
    is_ours = connection.dialect.driver == "asyncpg"

    async def many(statement: Hot, rows: str) -> Sequence[Sequence[Any]]:
        text = statement.postgresql if is_ours else statement.postgresql.replace("$1", "%s")
        result = await connection.exec_driver_sql(text, (rows,))
        return result.all() if result.returns_rows else []

    return Work(connection, many)


async def send(engine: AsyncEngine, person: Person, chat_id: int) -> None:
    async with engine.begin() as connection:
        await messages.send(work_on(connection), person, chat_id, Draft(body="Hello there"))


async def page(engine: AsyncEngine, person: Person, chat_id: int) -> None:
    look = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    async with look.connect() as connection:
        work = work_on(connection)
        chat = await chats.require_member(work, chat_id, person)
        await history.page(work, chat, person)


async def fill(engine: AsyncEngine) -> tuple[Person, list[int]]:
    async with engine.begin() as connection:
        work = work_on(connection)
        ann, *others = [
            await auth.sign_up(work, auth.SignUp(username=f"u{n}", display_name=f"U {n}")) for n in range(CHATS + 1)
        ]
        chat_ids = [(await chats.open_direct(work, ann, other))[0] for other in others]
        for chat_id in chat_ids * 100:
            await messages.send(work, ann, chat_id, Draft(body="Hello there"))
    return ann, chat_ids


async def rate(do: Do, engine: AsyncEngine, person: Person, chat_ids: list[int]) -> tuple[float, float]:
    """How often a second, by AT_ONCE that go on without a pause, and how often in a second of this process's CPU.

    The latter does not depend on what else the machine does.
    """
    ends, done, cpu = time.perf_counter() + SECONDS, 0, time.process_time()

    async def go_on(chat_id: int) -> None:
        nonlocal done
        while time.perf_counter() < ends:
            await do(engine, person, chat_id)
            done += 1

    await asyncio.gather(*[go_on(chat_ids[n % len(chat_ids)]) for n in range(AT_ONCE)])
    return done / SECONDS, done / (time.process_time() - cpu)


async def measure(url: str) -> None:
    engines = {name: create_async_engine(url.replace("://", f"+{name}://"), pool_size=10) for name in DRIVERS}
    person, chat_ids = await fill(engines["asyncpg"])
    for do in (send, page):
        rates: dict[str, list[tuple[float, float]]] = {name: [] for name in DRIVERS}
        for turn in range(ROUNDS + 1):
            for name in DRIVERS if turn % 2 else reversed(DRIVERS):
                measured = await rate(do, engines[name], person, chat_ids)
                if turn:  # the first warms up
                    rates[name].append(measured)
        for index, unit in enumerate(("second", "second of CPU")):
            medians = {name: round(statistics.median(each[index] for each in rates[name])) for name in DRIVERS}
            ratios = sorted(one[index] / other[index] for one, other in zip(*rates.values(), strict=True))
            print(f"{do.__name__}, a {unit}: {medians}, ratio {statistics.median(ratios):.2f}", end=" ")
            print(f"({ratios[0]:.2f} to {ratios[-1]:.2f})")
    for engine in engines.values():
        await engine.dispose()


if __name__ == "__main__":
    with Postgres(durable=True) as server:
        parley(Path(tempfile.mkdtemp()), "migrate", PARLEY_DATABASE_URL=server.url)
        uvloop.run(measure(server.url))
