"""Token buckets: so many at once, so many a second, each key by itself, and memory only for who is active."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator

import pytest

from app.errors import TooMany
from app.limits import Limit, SharedLimit
from app.redis import connect
from tests.backing import Redis


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_burst_and_then_a_rate(clock: Clock) -> None:
    limit = Limit(2, 5, clock)
    assert [limit.take("a") for _ in range(6)] == [0, 0, 0, 0, 0, 0.5]
    clock.now += 0.5
    assert [limit.take("a"), limit.take("a")] == [0, 0.5]


def test_it_never_holds_more_than_the_burst(clock: Clock) -> None:
    limit = Limit(1, 2, clock)
    limit.take("a")
    clock.now += 1000
    assert [limit.take("a") for _ in range(3)] == [0, 0, 1]


def test_asking_in_vain_costs_nothing(clock: Clock) -> None:
    limit = Limit(1, 1, clock)
    limit.take("a")
    for _ in range(10):
        assert limit.take("a") > 0
    clock.now += 1
    assert limit.take("a") == 0


def test_keys_do_not_share(clock: Clock) -> None:
    limit = Limit(1, 1, clock)
    limit.take("a")
    assert limit.take("b") == 0


async def test_a_refusal_says_when_to_come_back(clock: Clock) -> None:
    limit = Limit(0.1, 1, clock)
    await limit.require("a", "b")
    with pytest.raises(TooMany) as refusal:
        await limit.require("b", "c")
    assert 10 <= int(refusal.value.headers["Retry-After"]) <= 11


async def test_given_back_it_is_there_again(clock: Clock) -> None:
    limit = Limit(0.1, 2, clock)
    limit.take("a")
    for _ in range(3):
        await limit.give_back("a")
    assert [limit.take("a") for _ in range(3)] == [0, 0, 10]


def test_who_is_idle_is_forgotten(clock: Clock) -> None:
    limit = Limit(1, 10, clock)
    for number in range(1000):
        limit.take(f"key {number}")
    for _ in range(600):
        clock.now += 20
        limit.take("active")
    assert list(limit.buckets) == ["active"]


class Processes:
    """The same limit in two processes: one token a minute, three at once."""

    def __init__(self, url: str) -> None:
        self.clients = [connect(url), connect(url)]
        self.reachable = True
        self.limits = [SharedLimit(client, "logins", 1 / 60, 3, lambda: self.reachable) for client in self.clients]

    async def take(self, key: str, times: int) -> list[str]:
        """What each of so many attempts gets, the processes in turn."""
        said = []
        for number in range(times):
            try:
                await self.limits[number % 2].require(key)
                said.append("yes")
            except TooMany as refusal:
                wait = refusal.headers["Retry-After"]
                said.append("no" if wait in ("59", "60", "61") else wait)
        return said


@pytest.fixture
async def processes(redis: Redis) -> AsyncIterator[Processes]:
    made = Processes(redis.url)
    yield made
    for client in made.clients:
        await client.aclose()


async def test_processes_share_a_limit(processes: Processes) -> None:
    assert await processes.take("a", 4) == ["yes", "yes", "yes", "no"]
    assert await processes.take("b", 1) == ["yes"]


async def test_what_one_gives_back_another_may_take(processes: Processes) -> None:
    await processes.take("a", 3)
    await processes.limits[0].give_back("a")
    assert await processes.take("a", 2) == ["yes", "no"]
    for _ in range(9):
        await processes.limits[1].give_back("a")
    assert await processes.take("a", 4) == ["yes", "yes", "yes", "no"]


async def test_many_at_once_get_no_more_than_there_is(processes: Processes) -> None:
    waits = await asyncio.gather(*(processes.limits[n % 2].require("a") for n in range(40)), return_exceptions=True)
    assert sum(each is None for each in waits) == 3


async def test_redis_forgets_a_bucket_that_is_full_again(processes: Processes) -> None:
    await processes.take("a", 1)
    (key,) = await processes.clients[0].keys()
    assert 59_000 < await processes.clients[0].pttl(key) <= 60_000
    await processes.limits[0].give_back("a")
    assert await processes.clients[0].keys() == []


async def test_without_redis_each_process_counts_for_itself(processes: Processes, redis: Redis) -> None:
    await processes.take("a", 3)
    redis.stop(signal.SIGKILL)
    assert await processes.take("a", 8) == ["yes"] * 6 + ["no", "no"]
    processes.reachable = False
    assert await processes.take("b", 8) == ["yes"] * 6 + ["no", "no"]
