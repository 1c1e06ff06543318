"""Three processes, PostgreSQL and Redis under load, while one after another dies."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import pytest

from tests.make import Member
from tests.torture.conftest import Machines
from tests.torture.judge import require_agreement, settle
from tests.torture.page import Page
from tests.torture.proxy import Proxy
from tests.waiting import until

pytestmark = pytest.mark.torture

PEOPLE = 20
CHATS = 10
MEMBERS = 6  # of a chat, besides the one who is in all of them
SECONDS = 30
AT_ONCE = 2  # on their way, of one page: more would be a test of the queue
FILLER = " and more" * 200  # so that the buffers of who reads nothing are full in time
BUFFER = 4096
REDIS_IS_AWAY = 5
LONGEST = 5  # seconds until somebody who sends must know


@contextlib.asynccontextmanager
async def opened(machines: Machines, proxy: Proxy) -> AsyncIterator[list[Page]]:
    """A page of everybody, on all their chats; the last one is in every chat, and at the last process."""
    people = await machines.cluster.people(PEOPLE)
    *others, last = people
    turn = itertools.cycle(others)
    crews: list[list[Member]] = [[next(turn) for _ in range(MEMBERS)] + [last] for _ in range(CHATS)]
    groups = await machines.cluster.groups_of(crews)
    async with contextlib.AsyncExitStack() as stack:
        pages = [Page(proxy.url, each, [chat for chat, crew in groups.items() if each in crew]) for each in others]
        pages.append(Page(proxy.url, last, groups, machines.cluster.processes[-1].url, BUFFER))
        for page in pages:
            await stack.enter_async_context(page)
        yield pages


async def chatter(page: Page) -> None:
    """Say something every now and then, here and there, until cancelled; who waits for much says no more."""
    for number in itertools.count():
        await until(lambda: len(page.waiting) < AT_ONCE, SECONDS)
        page.send(random.choice(list(page.shown)), f"{page.member.username} says {number}" + FILLER)
        await asyncio.sleep(random.uniform(0.2, 1))


@contextlib.asynccontextmanager
async def load(pages: Sequence[Page]) -> AsyncIterator[None]:
    talking = [asyncio.create_task(chatter(page)) for page in pages]
    try:
        yield
    finally:
        for task in talking:
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)


def figures(pages: Sequence[Page]) -> str:
    seconds = sorted(each for page in pages for each in page.seconds)
    refusals = Counter((status, json.loads(text)["detail"]) for page in pages for status, text in page.refusals)
    codes = Counter(code for page in pages for code in page.codes)
    return (
        f"{sum(len(page.acknowledged) for page in pages)} acknowledged in {len(seconds)} posts, "
        f"median {seconds[len(seconds) // 2] * 1000:.0f} ms, slowest {seconds[-1]:.2f} s; refused {dict(refusals)}, "
        f"given up {sum(page.given_up for page in pages)}; sockets closed {dict(codes)}"
    )


async def test_nothing_is_lost_whatever_dies(machines: Machines) -> None:
    cluster = machines.cluster
    async with Proxy([each.port for each in cluster.processes]) as proxy, opened(machines, proxy) as pages:
        deaf, cut = pages[-1], pages[0]
        async with load(pages):
            ends = time.monotonic() + SECONDS
            deaf.is_reading.clear()
            await cluster.kill(cluster.processes[0])
            await cluster.start(cluster.processes[0])
            await asyncio.to_thread(machines.redis.stop, signal.SIGKILL)
            await asyncio.sleep(REDIS_IS_AWAY)
            await asyncio.to_thread(machines.redis.start)
            await until(lambda: cut.is_ready.is_set(), LONGEST)
            await asyncio.to_thread(machines.postgres.stop, signal.SIGINT)
            await asyncio.to_thread(machines.postgres.start)
            for connection in proxy.sockets[:3]:
                connection.cut()
            await asyncio.sleep(max(0, ends - time.monotonic()))
        deaf.is_reading.set()
        await settle(pages)
        messages = await require_agreement(cluster, pages)
        said = [row.body for rows in messages.values() for row in rows if row.body]
        assert len(said) == len(set(said)), "something was said twice"
        print(f"\nwhatever dies: {len(said)} messages in the database; {figures(pages)}; the deaf: {deaf.codes}")
        assert deaf.codes, "who read nothing was let go"
        assert max(second for page in pages for second in page.seconds) < LONGEST


async def test_a_rolling_restart_is_repaired_by_the_pages_alone(machines: Machines) -> None:
    cluster = machines.cluster
    async with (
        Proxy([each.port for each in cluster.processes]) as proxy,
        opened(machines, proxy) as pages,
        idle(proxy, pages, IDLE) as others,
    ):
        async with load(pages):
            for process in cluster.processes:
                began = time.monotonic()
                await cluster.restart(process)
                await until(lambda: all(page.is_ready.is_set() for page in [*pages, *others]), 60)
                require_spread([page.opened[-1] - began for page in others if page.opened[-1] > began])
        await until(lambda: not any(page.waiting for page in pages), 20)
        assert not sum(page.given_up for page in pages)
        messages = await require_agreement(cluster, pages)
        said = [row.body for rows in messages.values() for row in rows if row.body]
        assert len(said) == len(set(said)), "something was said twice"
        print(f"rolling restart: {len(said)} messages in the database; {figures(pages)}")


IDLE = 300
NARROW = 0.25  # seconds


@contextlib.asynccontextmanager
async def idle(proxy: Proxy, pages: Sequence[Page], count: int) -> AsyncIterator[list[Page]]:
    """Sockets on which nobody says anything."""
    people = itertools.cycle(page.member for page in pages)
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(Page(proxy.url, next(people), [])) for _ in range(count)]


def require_spread(instants: Sequence[float]) -> None:
    """Who comes back does not come back in one instant."""
    crowd = max(sum(at <= other < at + NARROW for other in instants) for at in instants)
    print(
        f"\n{len(instants)} came back {min(instants):.1f} to {max(instants):.1f} s after the stop began, "
        f"at most {crowd} within {NARROW} s"
    )
    assert max(instants) - min(instants) > 1
    assert crowd < len(instants) / 2
