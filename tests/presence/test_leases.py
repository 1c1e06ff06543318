"""Who is here in which process: leases on a real Redis, between processes that come, go and die."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Collection

import pytest

from app.presence.leases import RedisLeases
from app.presence.service import Presence
from app.redis import connect
from tests.backing import Redis
from tests.waiting import until


class Process:
    """One process's presence, and what it told."""

    def __init__(self, url: str, process: str) -> None:
        self.redis = connect(url)
        self.reachable = True
        self.leases = RedisLeases(self.redis, process, lambda: self.reachable)
        self.presence = Presence(self.tell, self.leases, 0)
        self.told: list[tuple[int, bool]] = []

    async def tell(self, user_ids: Collection[int], online: bool) -> None:
        self.told += [(user_id, online) for user_id in sorted(user_ids)]

    async def came(self, user_id: int) -> None:
        self.presence.came(user_id, "page")
        await self.presence.settle()

    async def went(self, user_id: int) -> None:
        self.presence.went(user_id, "page")
        await until(self.presence.changed.is_set)
        await self.presence.settle()


@pytest.fixture
async def two(redis: Redis) -> AsyncIterator[tuple[Process, Process]]:
    made = Process(redis.url, "one"), Process(redis.url, "other")
    yield made
    for process in made:
        await process.redis.aclose()


Two = tuple[Process, Process]


async def test_who_is_here_in_two_processes_came_once_and_goes_once(two: Two) -> None:
    one, other = two
    await one.came(1)
    await other.came(1)
    await one.went(1)
    assert await one.presence.online([1, 2]) == await other.presence.online([1, 2]) == {1}
    await other.went(1)
    assert (one.told, other.told) == ([(1, True)], [(1, False)])
    assert await one.presence.online([1]) == await other.presence.online([1]) == set()


async def test_of_two_that_come_at_once_one_is_told(two: Two) -> None:
    for user_id in range(100):
        await asyncio.gather(*(process.came(user_id) for process in two))
    assert sorted(two[0].told + two[1].told) == [(user_id, True) for user_id in range(100)]


async def test_a_thousand_who_go_together_leave_nothing_behind(two: Two) -> None:
    one, other = two
    for user_id in range(1000):
        one.presence.came(user_id, "page")
    await one.presence.settle()
    assert len(await other.presence.online(range(2000))) == 1000
    await one.presence.close()
    assert (len(one.told), await one.redis.keys()) == (2000, [])


async def test_who_was_in_a_process_that_died_is_told_to_be_gone_by_one_of_the_others(redis: Redis, two: Two) -> None:
    one, other = two
    dead = Process(redis.url, "dead")
    for user_id in (1, 2):
        await dead.came(user_id)
    await one.came(2)
    await dead.redis.aclose()
    await asyncio.gather(one.presence.bury("dead"), other.presence.bury("dead"))
    assert one.told + other.told == [(1, False)]
    assert await one.presence.online([1, 2]) == {2}


async def test_a_lease_ends_by_itself(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = two
    monkeypatch.setattr("app.presence.leases.LEASE", 1)
    await one.came(1)
    assert await other.presence.online([1]) == {1}
    await until(lambda: _gone(other))


async def _gone(process: Process) -> bool:
    return not await process.presence.online([1])


async def test_a_redis_that_forgot_everything_is_told_again(redis: Redis, two: Two) -> None:
    one, other = two
    await one.came(1)
    redis.stop(signal.SIGKILL)
    redis.start()
    assert await other.presence.online([1]) == set()
    await one.presence.renew()
    assert await other.presence.online([1]) == {1}


async def test_without_redis_each_process_speaks_for_itself(redis: Redis, two: Two) -> None:
    one, other = two
    redis.stop(signal.SIGKILL)
    for process in two:
        await process.came(1)
    one.reachable = False
    await one.went(1)
    assert (one.told, other.told) == ([(1, True), (1, False)], [(1, True)])
    assert (await one.presence.online([1]), await other.presence.online([1])) == (set(), {1})
