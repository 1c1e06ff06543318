"""Token buckets: how often something may happen, kept in memory."""

from __future__ import annotations

import time
from collections.abc import Callable

from app.errors import TooMany


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

    def require(self, *keys: str) -> None:
        """Take a token for each key; raises TooMany when one of them has none."""
        if wait := max(self.take(key) for key in keys):
            raise TooMany(wait)

    def give_back(self, *keys: str) -> None:
        """Undo a `take`, for what turned out not to count."""
        for key in keys:
            tokens, since = self.buckets.get(key, (self.burst, self.clock()))
            self.buckets[key] = (min(self.burst, tokens + 1), since)

    def _forget(self, now: float) -> None:
        # Keys stand in the order of their last use, so the stale ones are in front.
        for key, (_, since) in list(self.buckets.items())[:2]:
            if (now - since) * self.rate < self.burst:
                break
            del self.buckets[key]
