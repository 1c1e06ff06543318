"""A subscription to Redis's channels that follows what is wanted, and comes back after whatever ends it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import ConnectionError

from app.redis import FAILURES, Client, listen

AT_ONCE = 1000  # channels a command
RETRY = 0.25  # seconds from a failure to the next attempt

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Waiter:
    """Somebody who waits for the last of some channels."""

    missing: set[str]
    done: asyncio.Future[None]

    def finish(self) -> None:
        if not self.done.done():
            self.done.set_result(None)


class Subscriber:
    """Hears the channels in `wanted`, and gives each message to `receive(channel, text)`.

    `always` is heard, too; when it is silent for `silence` seconds the connection counts as dead, whatever TCP
    says. `lost` is called when a connection ends that was complete, `complete` when one hears everything that was
    wanted as it began. In a cluster all channels must share a slot.
    """

    def __init__(
        self,
        redis: Client,
        always: str,
        silence: float,
        receive: Callable[[str, str], None],
        lost: Callable[[str], None],
        complete: Callable[[], None],
    ) -> None:
        self.redis = redis
        self.is_sharded = not isinstance(redis, Redis)
        self.always = always
        self.silence = silence
        self.receive = receive
        self.lost = lost
        self.complete = complete
        self.wanted = {always}
        self.asked: set[str] = set()
        self.heard: set[str] = set()  # asked for, and confirmed by Redis
        self.unanswered: Counter[str] = Counter()
        self.at_first: set[str] = set()  # what a new connection asked for and has not heard of yet
        self.waiting: dict[str, list[_Waiter]] = {}
        self.woken = asyncio.Event()

    @property
    def is_complete(self) -> bool:
        """Whether everything is heard that was wanted when the connection began."""
        return bool(self.asked) and not self.at_first

    def want(self, channel: str, on: bool) -> None:
        if on:
            self.wanted.add(channel)
        else:
            self.wanted.discard(channel)
        self.woken.set()

    async def hears(self, channels: Collection[str]) -> None:
        """Wait until Redis has confirmed these channels, or the connection is lost."""
        missing = set(channels) - self.heard
        if missing and self.asked:
            waiter = _Waiter(missing, asyncio.get_running_loop().create_future())
            for channel in missing:
                self.waiting.setdefault(channel, []).append(waiter)
            await waiter.done

    async def run(self) -> None:
        """Connect, listen, and begin again after a failure, until cancelled."""
        while True:
            try:
                await self._listen()
            except FAILURES as error:
                self._forget(f"{type(error).__name__}: {error}")
            except Exception as error:
                log.exception("the subscription failed")
                self._forget(str(error))
            await asyncio.sleep(RETRY)

    async def _listen(self) -> None:
        async with await listen(self.redis, self.always) as pubsub:
            self.at_first = self.wanted.copy()
            await self._ask(pubsub, self.at_first.copy())
            following = asyncio.create_task(self._follow(pubsub))
            try:
                await self._read(pubsub)
            finally:
                following.cancel()
                with contextlib.suppress(asyncio.CancelledError, *FAILURES):
                    await following

    async def _read(self, pubsub: PubSub) -> None:
        while True:
            message = await pubsub.get_message(timeout=self.silence)
            if message is None:
                raise TimeoutError("Redis is silent")
            kind, channel = message["type"], message["channel"]
            if kind in ("message", "smessage"):
                self.receive(channel, message["data"])
            elif kind in ("subscribe", "ssubscribe"):
                self._confirmed(channel)
            elif channel in self.heard:
                raise ConnectionError("the slot has moved")  # nobody here asked to leave

    def _confirmed(self, channel: str) -> None:
        if not self.unanswered[channel]:
            # The client has connected anew by itself, and what was published in between is lost.
            raise ConnectionError("subscribed twice")
        self.unanswered[channel] -= 1
        if self.unanswered[channel] > 0:
            return  # it was left and wanted again: only the last answer counts
        del self.unanswered[channel]
        if channel in self.at_first:
            self.at_first.remove(channel)
            if not self.at_first:
                self.complete()
        if channel in self.asked:
            self.heard.add(channel)
        for waiter in self.waiting.pop(channel, ()):
            waiter.missing.discard(channel)
            if not waiter.missing:
                waiter.finish()

    async def _follow(self, pubsub: PubSub) -> None:
        """Subscribe to what is newly wanted, and leave what is not wanted any more."""
        while True:
            await self.woken.wait()
            self.woken.clear()
            if dropped := self.asked - self.wanted:
                self.asked -= dropped
                self.heard -= dropped
                for some in _chunks(dropped):
                    await (pubsub.sunsubscribe if self.is_sharded else pubsub.unsubscribe)(*some)
            await self._ask(pubsub, self.wanted - self.asked)

    async def _ask(self, pubsub: PubSub, channels: Collection[str]) -> None:
        self.asked |= set(channels)
        self.unanswered.update(channels)
        for some in _chunks(channels):
            await (pubsub.ssubscribe if self.is_sharded else pubsub.subscribe)(*some)

    def _forget(self, why: str) -> None:
        """The connection is gone, and with it every subscription."""
        self.asked.clear()
        self.heard.clear()
        self.unanswered.clear()
        self.at_first.clear()
        self.lost(why)
        for waiters in self.waiting.values():
            for waiter in waiters:
                waiter.finish()
        self.waiting.clear()


def _chunks(channels: Iterable[str]) -> Iterable[list[str]]:
    listed = list(channels)
    return (listed[start : start + AT_ONCE] for start in range(0, len(listed), AT_ONCE))
