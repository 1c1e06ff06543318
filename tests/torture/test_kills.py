"""SQLite alone: the process is killed in the middle of a thousand sends, twenty times."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cluster import Cluster
from tests.torture.judge import require_agreement, settle
from tests.torture.page import Outgoing, Page
from tests.waiting import until

KILLS = 20
SENDS = 1000
PEOPLE = 20
CHATS = 10


def storm(pages: Sequence[Page], round_: int) -> asyncio.Future[list[float]]:
    """A thousand sends at once, of which the page's outbox alone would make a queue; ends when all have ended."""
    sends = []
    for number in range(SENDS):
        page = pages[number % len(pages)]
        message = Outgoing(random.choice(list(page.shown)), f"storm {round_} message {number}")
        page.waiting.append(message)
        sends.append(page.deliver(message))
    return asyncio.gather(*sends)


def waiting(pages: Sequence[Page]) -> int:
    return sum(len(page.waiting) for page in pages)


@pytest.mark.torture
async def test_what_was_acknowledged_survives_every_kill(tmp_path: Path) -> None:
    began = time.monotonic()
    async with Cluster(tmp_path) as cluster, contextlib.AsyncExitStack() as stack:
        people = await cluster.people(PEOPLE)
        groups = await cluster.groups(people, CHATS, size=4)
        process = cluster.processes[0]
        pages = [
            await stack.enter_async_context(
                Page(cluster.url, person, [chat for chat, members in groups.items() if person in members])
            )
            for person in people
        ]
        open_at_kill = []
        for round_ in range(KILLS):
            few = random.randrange(SENDS // 5, SENDS)
            blowing = storm(pages, round_)
            # Who is refused, because a thousand are too many at once, is not retried before the restart.
            await until(lambda few=few, blowing=blowing: waiting(pages) <= few or blowing.done(), 60)  # type: ignore[misc]
            await cluster.kill(process)
            await blowing
            open_at_kill.append(waiting(pages))
            await cluster.start(process)
            await settle(pages)
            await until(lambda: all(page.is_ready.is_set() for page in pages), 60)
        messages = await require_agreement(cluster, pages)
    bodies = [row.body for rows in messages.values() for row in rows if row.body]
    assert len(bodies) == len(set(bodies)) == KILLS * SENDS
    print(
        f"\n{KILLS} kills, {len(bodies)} messages each stored once, not acknowledged at the kills: {open_at_kill}; "
        f"{time.monotonic() - began:.0f} s"
    )
