"""What topics travel on. One Redis is one lane; a cluster has several, so that its nodes share the load.

In a cluster the channels of a lane share a slot, hence a node, and have a connection of their own. When the slot
moves, by resharding or failover, the lane is lost, and comes back where the slot is now: nothing here knows nodes.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import zlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable

from redis.asyncio import Redis
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot

from app.realtime.subscriber import Subscriber
from app.redis import FAILURES, PATIENCE, Client, name

LANES = 16  # in a cluster, spread evenly over its slots; more nodes than that are of no use to topics

Command = tuple[str | int, ...]


class Lanes:
    """Carries texts on topics. `receive(channel, text)` gets what is heard, `lost(why)` is told of a lane's end.

    Each lane has a channel for signs of life. The first lane's, `beats`, is that of all processes; in the others
    each process has its own, since it is enough to hear oneself.
    """

    def __init__(
        self,
        redis: Client,
        process: str,
        silence: float,
        receive: Callable[[str, str], None],
        lost: Callable[[str], None],
    ) -> None:
        self.redis = redis
        self.completed = asyncio.Event()  # set for whoever wants to know at once, who clears it
        self.publish = "PUBLISH" if isinstance(redis, Redis) else "SPUBLISH"
        tags = [()] if isinstance(redis, Redis) else [(_tag(lane),) for lane in range(LANES)]
        self.prefixes = [name(redis, *tag, "topic", "") for tag in tags]
        self.beats = name(redis, *tags[0], "beats")
        self.signs = [self.beats, *(name(redis, *tag, "beats", process) for tag in tags[1:])]
        self.subscribers = [Subscriber(redis, sign, silence, receive, lost, self._complete) for sign in self.signs]

    @property
    def is_complete(self) -> bool:
        return all(subscriber.is_complete for subscriber in self.subscribers)

    def want(self, topic: str, on: bool) -> None:
        lane = self._lane(topic)
        self.subscribers[lane].want(self.prefixes[lane] + topic, on)

    def has(self, topic: str) -> bool:
        """Whether Redis has confirmed that we hear this topic."""
        lane = self._lane(topic)
        return self.prefixes[lane] + topic in self.subscribers[lane].heard

    async def hears(self, topics: Collection[str]) -> None:
        """Wait until Redis has confirmed these topics, or their lanes are lost."""
        channels = defaultdict(list)
        for topic in topics:
            lane = self._lane(topic)
            channels[lane].append(self.prefixes[lane] + topic)
        for lane, some in channels.items():
            await self.subscribers[lane].hears(some)

    async def run(self) -> None:
        """Listen on all lanes until cancelled."""
        await asyncio.gather(*(subscriber.run() for subscriber in self.subscribers))

    async def bring(self, texts: Iterable[tuple[str, str]]) -> None:
        """Publish a text on each topic. Raises one of the FAILURES; the lanes that work have their part then."""
        batches = defaultdict(list)
        for topic, text in texts:
            lane = self._lane(topic)
            batches[lane].append((self.publish, self.prefixes[lane] + topic, text))
        await self._execute(batches.values())

    async def say(self, text: str, command: Command) -> None:
        """Give a sign of life on each lane, and this command besides. Raises as `bring` does."""
        first, *others = [[(self.publish, sign, text)] for sign in self.signs]
        await self._execute([[command, *first], *others])

    async def look_again(self) -> None:
        """After a failure: a cluster's slots may be somewhere else now."""
        if not isinstance(self.redis, Redis):
            with contextlib.suppress(*FAILURES):
                async with asyncio.timeout(PATIENCE):
                    await self.redis.nodes_manager.initialize()

    async def _execute(self, batches: Iterable[Iterable[Command]]) -> None:
        """Each batch in one round trip, and each on its own: a node that is down must not hold up the others."""
        pipelines = []
        for batch in batches:
            pipeline = self.redis.pipeline(transaction=False)
            for command in batch:
                pipeline.execute_command(*command)
            pipelines.append(pipeline.execute())
        async with asyncio.timeout(PATIENCE):
            for answer in await asyncio.gather(*pipelines, return_exceptions=True):
                if isinstance(answer, BaseException):
                    raise answer

    def _complete(self) -> None:
        if self.is_complete:
            self.completed.set()

    def _lane(self, topic: str) -> int:
        return zlib.crc32(topic.encode()) % len(self.prefixes)


def topic_of(channel: str) -> str:
    """What topic a channel carries; empty for one with signs of life."""
    return channel.partition(":topic:")[2]


def _tag(lane: int) -> str:
    """The first number that Redis puts into this lane's part of the slots."""
    tags = map(str, itertools.count())
    return "{" + next(tag for tag in tags if key_slot(tag.encode()) * LANES // REDIS_CLUSTER_HASH_SLOTS == lane) + "}"
