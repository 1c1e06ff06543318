"""Token buckets: how often something may happen, kept in memory, or in Redis for all processes together."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from itertools import islice

from app.errors import TooMany
from app.redis import FAILURES, Client, name

# A bucket is one number: the time at which it will be full again. Redis forgets it then.
# Answers how long to wait for a token, as text, since Redis cuts numbers off.
TAKE = """
local time, rate, burst = redis.call('TIME'), tonumber(ARGV[1]), tonumber(ARGV[2])
local now = time[1] + time[2] / 1e6
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now) + ARGV[3] / rate
local wait = full - now - burst / rate
if wait > 1e-6 then return tostring(wait) end
local left = math.ceil((full - now) * 1000)
if left <= 0 then redis.call('DEL', KEYS[1])
else redis.call('SET', KEYS[1], string.format('%.6f', full), 'PX', left) end
return '0'
"""


class Limit:
    """At most `burst` at once and `rate` a second from then on, for each key.

    A bucket that is full again is forgotten, so memory follows the active keys.
    """

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self.burst = burst
        self.clock = clock
        self.buckets: dict[str, tuple[float, float]] = {}

    def take(self, key: str) -> float:
        """Take a token; 0.0 when there was one, else the seconds until there will be."""
        now = self.clock()
        tokens, since = self.buckets.pop(key, (self.burst, now))
        tokens = min(self.burst, tokens + (now - since) * self.rate)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / self.rate
        self.buckets[key] = (tokens if wait else tokens - 1, now)
        self._forget(now)
        return wait

    async def require(self, *keys: str) -> None:
        """Take a token for each key; raises TooMany when one of them has none."""
        if wait := max(map(self.take, keys)):
            raise TooMany(wait)

    async def give_back(self, key: str) -> None:
        """Undo a `take`, for what turned out not to count."""
        tokens, since = self.buckets.get(key, (self.burst, self.clock()))
        self.buckets[key] = (min(self.burst, tokens + 1), since)

    def _forget(self, now: float) -> None:
        # Keys stand in the order of their last use, so the stale ones are in front.
        for key, (_, since) in list(islice(self.buckets.items(), 2)):
            if (now - since) * self.rate < self.burst:
                break
            del self.buckets[key]


class SharedLimit(Limit):
    """The same for all processes together. While Redis is not `reachable`, each process counts for itself."""

    def __init__(self, redis: Client, purpose: str, rate: float, burst: float, reachable: Callable[[], bool]) -> None:
        super().__init__(rate, burst)
        self.redis = redis
        self.purpose = purpose
        self.reachable = reachable

    async def require(self, *keys: str) -> None:
        waits = [await self._ask(key, 1) for key in keys]
        if None in waits:
            await super().require(*keys)
        elif wait := max(wait or 0 for wait in waits):
            raise TooMany(wait)

    async def give_back(self, key: str) -> None:
        if await self._ask(key, -1) is None:
            await super().give_back(key)

    async def _ask(self, key: str, tokens: int) -> float | None:
        """Take tokens; answers the seconds until there will be enough, None where Redis does not answer."""
        if not self.reachable():
            return None
        bucket = name(self.redis, "limit", self.purpose, key)
        try:
            wait = float(await self.redis.eval(TAKE, 1, bucket, str(self.rate), str(self.burst), str(tokens)))
        except FAILURES:
            return None
        return math.ceil(wait * 1000) / 1000
