"""What it costs to store how far a large group has come, and to show who has a message of it."""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import update
from sqlmodel import col

from app.__main__ import offline
from app.chats.models import Membership
from app.db import Database
from app.messages.models import Message
from app.receipts import service
from app.receipts.marks import Mark
from app.settings import Settings
from benchmarks import report
from benchmarks.load import read
from benchmarks.served import Served
from benchmarks.tally import Figures, percentiles
from benchmarks.world import Talk, World, add_chats, message, put

PEOPLE = 1024
LEAST_PEOPLE = 50
MESSAGES = 500
LEAST = 10
GROUP = 30_000  # the id of the chat made for this
SENDER = 40  # who has few other chats
LATE = 10  # one in so many reads all messages in the end, the others each as it comes

CASES = {"first": "info of the first message", "last": "info of the last message"}


async def fill(settings: Settings, world: World, count: int, tell: Callable[[str], None]) -> Figures:
    """A group that reads so many messages; answers what storing that took for each."""
    people = range(1, world.people + 1)
    database = offline(settings)
    async with database.write() as work:
        await add_chats(work, [Talk(GROUP, people, count)])
        await put(work, Message, (message(GROUP, seq, SENDER) for seq in range(1, count + 1)))
        unread = update(Membership).where(col(Membership.chat_id) == GROUP).values(read_seq=0, delivered_seq=0)
        await work.execute(unread)
    tell(f"{world.people:,} people read {count:,} messages")
    punctual = [person for person in people if person % LATE]
    cpu = time.process_time()
    waits = [await _flush(database, punctual, seq) for seq in range(1, count + 1)]
    cpu = time.process_time() - cpu
    await _flush(database, people, count)
    await database.close()
    return {**percentiles(sorted(waits)), "cpu_ms_per_request": cpu / count * 1000, "pointers": len(punctual)}


async def _flush(database: Database, people: range | list[int], seq: int) -> float:
    """Store that they read up to there; answers the milliseconds."""
    began = time.perf_counter()
    async with database.write() as work:
        await service.store(work, {(GROUP, person): Mark(seq, seq) for person in people})
    return (time.perf_counter() - began) * 1000


async def measure(served: Served, world: World, count: int, seconds: float) -> dict[str, Figures]:
    """The whole page, one request at a time."""
    seqs = {"first": 1, "last": count}
    path = f"/chats/{GROUP}/messages"
    return {
        name: await read(served, f"{path}/{seq}/info", world.cookie(SENDER), seconds, 1) for name, seq in seqs.items()
    }


def table(results: dict[str, Figures]) -> str:
    """All of it, in Markdown."""
    names = {"flush": f"storing {results['flush']['pointers']:,} pointers", **CASES}
    rows = [["", "median ms", "p99 ms", "CPU ms"]]
    for name, words in names.items():
        rows.append(
            [words, *(f"{results[name][figure]:.1f}" for figure in ("p50_ms", "p99_ms", "cpu_ms_per_request"))]
        )
    return report.markdown(rows)
