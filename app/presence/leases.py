"""Who is here in which process. A lease that nobody renews ends by itself, so the dead are not here for ever."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from typing import Protocol

from app.redis import FAILURES, Client, name

LEASE = 60  # seconds; three times what lies between two renewals
CHUNK = 500

# For each person there is a sorted set: process → when its lease ends, by Redis's clock. Each script runs as one.
TAKE = """
local now = redis.call('TIME')[1]
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local is_new = redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1]) == 1
redis.call('EXPIRE', KEYS[1], ARGV[2])
return is_new and redis.call('ZCARD', KEYS[1]) == 1
"""
END = """
redis.call('ZREM', KEYS[1], ARGV[1])
return redis.call('ZCOUNT', KEYS[1], redis.call('TIME')[1], '+inf') == 0
"""
HELD = "return redis.call('ZCOUNT', KEYS[1], redis.call('TIME')[1], '+inf') > 0"

log = logging.getLogger(__name__)


class Leases(Protocol):
    """`take`, `drop` and `inherit` answer for whom that makes the difference between here and gone."""

    async def take(self, user_ids: Collection[int]) -> Collection[int]:
        """These people are here in this process, or still are."""

    async def drop(self, user_ids: Collection[int]) -> Collection[int]:
        """They are not any more."""

    async def inherit(self, process: str) -> Collection[int]:
        """A process died, and with it who was here in it; one of those that are left gets an answer."""

    async def held(self, user_ids: Collection[int]) -> set[int]:
        """Who of these people is here in some process."""


class NoLeases:
    """For a single process, which knows everything itself."""

    async def take(self, user_ids: Collection[int]) -> Collection[int]:
        return user_ids

    async def drop(self, user_ids: Collection[int]) -> Collection[int]:
        return user_ids

    async def inherit(self, process: str) -> Collection[int]:  # noqa: ARG002
        return []

    async def held(self, user_ids: Collection[int]) -> set[int]:  # noqa: ARG002
        return set()


class RedisLeases:
    """For the process of that name. While Redis is not `reachable`, each process speaks for itself alone."""

    def __init__(self, redis: Client, process: str, reachable: Callable[[], bool]) -> None:
        self.redis = redis
        self.process = process
        self.reachable = reachable

    async def take(self, user_ids: Collection[int]) -> Collection[int]:
        people = name(self.redis, "here", self.process)  # for those who may have to bury this process
        try:
            if not self.reachable():
                return user_ids
            await self.redis.sadd(people, *user_ids)
            await self.redis.expire(people, LEASE * 2)
            return await self._chosen(TAKE, user_ids, self.process, LEASE)
        except FAILURES as error:
            log.warning("presence is known in this process alone: %s", error)
            return user_ids

    async def drop(self, user_ids: Collection[int]) -> Collection[int]:
        try:
            return await self._end(self.process, user_ids) if self.reachable() else user_ids
        except FAILURES as error:
            log.warning("presence is known in this process alone: %s", error)
            return user_ids

    async def inherit(self, process: str) -> Collection[int]:
        try:
            is_first = await self.redis.set(name(self.redis, "buried", process), self.process, nx=True, ex=LEASE)
            people = await self.redis.smembers(name(self.redis, "here", process)) if is_first else set()
            return await self._end(process, [int(user_id) for user_id in people]) if people else []
        except FAILURES:
            return []  # the leases end by themselves

    async def held(self, user_ids: Collection[int]) -> set[int]:
        try:
            return set(await self._chosen(HELD, user_ids)) if self.reachable() else set()
        except FAILURES:
            return set()

    async def _end(self, process: str, user_ids: Collection[int]) -> Collection[int]:
        await self.redis.srem(name(self.redis, "here", process), *user_ids)
        return await self._chosen(END, user_ids, process)

    async def _chosen(self, script: str, user_ids: Collection[int], *values: str | int) -> list[int]:
        """For whom of these people the script says yes; many of them in one round trip."""
        listed, chosen = list(user_ids), []
        for start in range(0, len(listed), CHUNK):
            some = listed[start : start + CHUNK]
            pipeline = self.redis.pipeline(transaction=False)
            for user_id in some:
                pipeline.eval(script, 1, name(self.redis, "online", user_id), *map(str, values))
            chosen += [user_id for user_id, says in zip(some, await pipeline.execute(), strict=True) if says]
        return chosen
