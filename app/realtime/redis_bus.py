"""The bus between processes: Redis carries finished frames; what it loses, pages ask the database for.

A topic is a channel, which a process subscribes to while somebody here listens to the topic. What a process publishes
comes back to itself by Redis, too, so that all hear one order. Pub/sub may lose, so the bus watches itself by a sign
of life that must come back. While it does not, `is_whole` is False: what is published here is delivered here at once,
and pages are told to ask for the rest themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Collection
from contextlib import asynccontextmanager
from typing import Any

from app.errors import Unavailable
from app.log import request_id
from app.realtime import topics
from app.realtime.bus import Hooks, obey
from app.realtime.frames import ASK_AGAIN, Announcement, Control, Frame, signal
from app.realtime.hub import Hub, Outbox
from app.realtime.lanes import Lanes, topic_of
from app.redis import FAILURES, PATIENCE, Client, connect, name

BEAT = 1.0  # seconds from one sign of life to the next
SILENCE = 4.0  # seconds without one, of the bus or of another process, that mean something
LEASE = 10  # seconds for which a badge is kept after the last sign of life
BATCH = 512  # announcements a round trip
MOST = 20_000  # announcements that may wait for Redis

log = logging.getLogger(__name__)


class RedisBus:
    """This process's end of the bus; `process` is its name among the others, `badge` what they have in common."""

    def __init__(self, hub: Hub, redis: Client, badge: str) -> None:
        self.hub = hub
        self.redis = redis
        self.badge = badge
        self.process = uuid.uuid4().hex[:12]
        self.is_whole = False
        self.lag = 0.0
        self.lanes = Lanes(redis, self.process, SILENCE, self._receive, self._lose)
        self.echoed: set[str] = set()  # signs of life that have come back since the bus was not whole
        self.queue: deque[tuple[Announcement, bool, str]] = deque()
        self.queued = asyncio.Event()
        self.unsaid = False  # whether others may have missed what was published here
        self.others: dict[str, float] = {}  # process → when it was last heard of
        self.running_tasks: list[asyncio.Task[None]] = []
        self.tasks: set[asyncio.Task[Any]] = set()
        self.began = asyncio.Event()
        self.is_stopping = False
        self.hooks = Hooks(_nothing, _nothing, _nothing)
        hub.changed = lambda topic: self.lanes.want(topic, topic in hub.topics)

    def publish(self, announcement: Announcement) -> None:
        if self.is_whole and len(self.queue) > MOST:
            self._lose("more is published than Redis takes")
        if not self.is_whole:
            self._deliver(announcement)
            self.unsaid = True
        if len(self.queue) <= MOST:
            self.queue.append((announcement, not self.is_whole, request_id.get()))
            self.queued.set()

    async def hears(self, topics: Collection[str]) -> None:
        await self.lanes.hears(topics)

    @asynccontextmanager
    async def running(self, hooks: Hooks) -> AsyncIterator[None]:
        """Carries while the block runs; what waits when it ends is brought to Redis, where that is possible."""
        self.hooks = hooks
        carrying = asyncio.create_task(self._carry())
        living = asyncio.create_task(self._live())
        self.running_tasks = [carrying, living, asyncio.create_task(self.lanes.run())]
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await self.began.wait()
            yield
        finally:
            self.is_stopping = True
            self.queued.set()
            await asyncio.wait([carrying], timeout=PATIENCE)
            living.cancel()
            await asyncio.wait([living])  # a beat after the goodbye would be that of somebody who died
            await self._say("goodbye")
            ending = [*self.running_tasks, *self.tasks]
            for task in ending:
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)

    # Out

    async def _carry(self) -> None:
        """Bring to Redis what waits, all of it in one round trip."""
        while not self.is_stopping or self.queue:
            await self.queued.wait()
            self.queued.clear()
            while self.queue:
                batch = [self.queue.popleft() for _ in range(min(BATCH, len(self.queue)))]
                try:
                    await self._bring(batch)
                except FAILURES as error:
                    self._lose(f"{type(error).__name__}: {error}")
                    self.unsaid = True
                    for announcement, is_delivered, _ in batch:
                        if not is_delivered:
                            self._deliver(announcement)

    async def _bring(self, batch: list[tuple[Announcement, bool, str]]) -> None:
        texts = []
        for announcement, is_delivered, request in batch:
            text = f"{self.process if is_delivered else '-'} {request or '-'} {_body(announcement)}"
            texts.append((announcement.topic, text))
        await self.lanes.bring(texts)

    async def _say(self, word: str) -> None:
        """Tell all processes something about this one."""
        badge = ("SET", name(self.redis, "badge"), self.badge, "EX", LEASE)
        try:
            await self.lanes.say(f"{self.process} {word} {time.monotonic()}", badge)
        except FAILURES as error:
            self._lose(f"{type(error).__name__}: {error}")
            await self.lanes.look_again()

    # In

    def _receive(self, channel: str, text: str) -> None:
        topic = topic_of(channel)
        if not topic:
            self._hear(channel, *text.split(" "))
            return
        delivered_by, request, body = text.split(" ", 2)
        request_id.set(request)
        log.debug("heard on %s", channel)
        if delivered_by != self.process:
            self._deliver(_announcement(topic, body))

    def _deliver(self, announcement: Announcement) -> None:
        if isinstance(announcement, Frame):
            self.hub.deliver(announcement.topic, announcement.text)
            return
        was_heard = self.lanes.has(announcement.argument)
        outboxes = obey(self.hub, announcement)
        if announcement.order == "join" and not was_heard:
            self._start(self._tell_joined(outboxes, announcement))
        elif announcement.then:
            for outbox in outboxes:
                outbox.put(announcement.then)

    async def _tell_joined(self, outboxes: Collection[Outbox], join: Control) -> None:
        """Who joined a topic that nobody here listened to is told so when Redis has confirmed it, and asks then
        for what was said in between.
        """
        await self.hears([join.argument])
        for outbox in outboxes:
            outbox.put(join.then or ASK_AGAIN)

    def _hear(self, channel: str, process: str, word: str, sent: str) -> None:
        now = time.monotonic()
        if process == self.process and word == "beat":
            self.lag = now - float(sent)
            self.echoed.add(channel)
            if not self.is_whole and self.lanes.is_complete and self.echoed.issuperset(self.lanes.signs):
                self._mend()
        elif process == self.process:
            return
        elif word == "goodbye":
            self.others.pop(process, None)
        else:
            self.others[process] = now
            if word == "gap":
                self._ask_again()

    # Watching itself, and one another

    async def _live(self) -> None:
        """A sign of life, over and over, and at once when the subscription stands."""
        while True:
            await self._say("beat")
            if self.is_whole:
                self._miss()
                await asyncio.sleep(BEAT)
            else:
                await self._call(self.hooks.recheck())
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(BEAT):
                        await self.lanes.completed.wait()
                self.lanes.completed.clear()

    def _miss(self) -> None:
        """Who sends no sign of life any more is dead, and may have stored what it could not publish."""
        silent = [process for process, at in self.others.items() if time.monotonic() - at > SILENCE]
        for process in silent:
            log.warning("process %s fell silent", process)
            del self.others[process]
            self._ask_again()
            self._start(self._call(self.hooks.died(process)))

    def _lose(self, why: str) -> None:
        self.echoed.clear()
        if self.is_whole:
            log.error("live updates are limited to this process: %s", why)
            self.is_whole = False
            self.hub.deliver(topics.everyone(), signal("limited", on=True))

    def _mend(self) -> None:
        log.info("live updates reach all processes")
        self.is_whole = True
        self.began.set()
        self.others = dict.fromkeys(self.others, time.monotonic())
        self._start(self._repair())

    async def _repair(self) -> None:
        """Who may not hear any more goes first; the others ask for what they missed."""
        while not await self._call(self.hooks.whole()):
            await asyncio.sleep(BEAT)  # the database may be away as well
            if not self.is_whole:
                return
        self._ask_again()
        if self.unsaid:
            self.unsaid = False
            await self._say("gap")

    def _ask_again(self) -> None:
        self.hub.deliver(topics.everyone(), ASK_AGAIN)

    async def _call(self, hook: Awaitable[None]) -> bool:
        """Answers whether it went well."""
        try:
            await hook
        except Unavailable as error:
            log.error("a hook of the bus has to wait: %s", error)
            return False
        except Exception:
            log.exception("a hook of the bus failed")
            return False
        return True

    def _start(self, work: Awaitable[Any]) -> None:
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


async def is_stranger(url: str, badge: str) -> bool:
    """Whether the processes that run on that Redis have another badge than this."""
    redis = connect(url)
    try:
        return await redis.get(name(redis, "badge")) not in (None, badge)
    except FAILURES:
        return False  # without Redis they do not meet
    finally:
        await redis.aclose()


async def _nothing(*_: object) -> None:
    """What nobody asked to be told."""


def _body(announcement: Announcement) -> str:
    """A frame as it is, which begins with "<" or "{"; an order as words, and what it has for its sockets."""
    if isinstance(announcement, Frame):
        return announcement.text
    return f"!{announcement.order} {announcement.argument} {announcement.then}"


def _announcement(topic: str, body: str) -> Announcement:
    if not body.startswith("!"):
        return Frame(topic, body)
    order, argument, then = body.removeprefix("!").split(" ", 2)
    return Control(topic, order, argument, then)  # type: ignore[arg-type]
