"""The bus on a Redis Cluster: topics on all nodes, and what happens when one of them goes, hangs, or loses a slot."""

from __future__ import annotations

import asyncio
import signal as signals
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from redis.crc import key_slot

from app.errors import TooMany
from app.limits import SharedLimit
from app.presence.leases import RedisLeases
from app.realtime.bus import Hooks
from app.realtime.frames import Frame, signal
from app.realtime.hub import Hub, Outbox
from app.realtime.lanes import LANES
from app.realtime.redis_bus import RedisBus
from app.redis import connect
from tests.backing import RedisCluster, RedisNode
from tests.waiting import PATIENCE, until

ASK_AGAIN = signal("limited", on=False)
LIMITED = signal("limited", on=True)
TOPICS = [f"chat:{number}" for number in range(200)]


class Process:
    """One end of the bus, and a page that listens to all topics."""

    def __init__(self, url: str) -> None:
        self.redis = connect(url)
        self.hub = Hub()
        self.bus = RedisBus(self.hub, self.redis, "ours")
        self.page = Outbox()
        self.began = asyncio.Event()

    async def whole(self) -> None:
        self.began.set()

    async def listen(self) -> None:
        async with asyncio.timeout(PATIENCE):
            await self.began.wait()
        self.hub.join(self.page, ["everyone", *TOPICS])
        await self.bus.hears(["everyone", *TOPICS])

    async def heard(self, count: int) -> list[str]:
        await until(lambda: len(self.page.frames) >= count)
        return [self.page.frames.pop(0) for _ in range(count)]

    def publish(self, text: str) -> None:
        """The text on each of the topics."""
        for topic in TOPICS:
            self.bus.publish(Frame(topic, f"<p>{text} {topic}</p>"))


Two = tuple[Process, Process]


@pytest.fixture
async def two(cluster: RedisCluster) -> AsyncIterator[Two]:
    async with joined(cluster) as processes:
        yield processes


@asynccontextmanager
async def joined(cluster: RedisCluster) -> AsyncIterator[Two]:
    """Two processes that meet on this cluster, each with a page that hears all."""
    made = Process(cluster.url), Process(cluster.url)
    async with AsyncExitStack() as stack:
        for process in made:
            stack.push_async_callback(process.redis.aclose)
            hooks = Hooks(nothing, process.whole, nothing)
            await stack.enter_async_context(process.bus.running(hooks))
            await process.listen()
        yield made


async def nothing(*_: Any) -> None:
    """The hooks' part is tested elsewhere."""


def texts(text: str) -> list[str]:
    return [f"<p>{text} {topic}</p>" for topic in TOPICS]


def channels(node: RedisNode) -> list[str]:
    return [channel for channel in node.ask("PUBSUB", "SHARDCHANNELS").split() if ":topic:" in channel]


async def test_topics_are_spread_over_all_nodes_and_lanes(cluster: RedisCluster, two: Two) -> None:
    shares = [len(channels(node)) for node in cluster.nodes]
    assert sum(shares) == 201
    assert min(shares) > 40
    assert len({key_slot(prefix.encode()) for prefix in two[0].bus.lanes.prefixes}) == LANES


async def test_each_topic_keeps_its_order(two: Two) -> None:
    for _ in range(5):
        two[0].publish("first")
        two[0].publish("second")
        for process in two:
            got = await process.heard(2 * len(TOPICS))
            for first, second in zip(texts("first"), texts("second"), strict=True):
                assert got.index(first) < got.index(second)


async def test_without_one_node_each_process_delivers_and_the_others_still_carry(
    cluster: RedisCluster, two: Two
) -> None:
    one, other = two
    away = set(channels(cluster.nodes[1]))
    cluster.nodes[1].stop(signals.SIGKILL)
    await until(lambda: not one.bus.is_whole and not other.bus.is_whole)
    for process in two:
        assert await process.heard(1) == [LIMITED]
    one.publish("alone")
    assert await one.heard(len(TOPICS)) == texts("alone")
    carried = len(TOPICS) - len([channel for channel in away if ":chat:" in channel])
    assert set(await other.heard(carried)) < set(texts("alone"))
    cluster.start()
    await until(lambda: one.bus.is_whole and other.bus.is_whole)
    await until(lambda: ASK_AGAIN in one.page.frames and ASK_AGAIN in other.page.frames)
    assert set(channels(cluster.nodes[1])) == away
    one.page.frames.clear()
    other.page.frames.clear()
    other.publish("together")
    await until(lambda: {*texts("together")} <= {*one.page.frames} and {*texts("together")} <= {*other.page.frames})


async def test_a_node_that_hangs_is_noticed_within_seconds(cluster: RedisCluster, two: Two) -> None:
    process = cluster.nodes[2].process
    assert process
    process.send_signal(signals.SIGSTOP)
    try:
        async with asyncio.timeout(5):
            for each in two:
                assert await each.heard(1) == [LIMITED]
    finally:
        process.send_signal(signals.SIGCONT)
    await until(lambda: two[0].bus.is_whole and two[1].bus.is_whole)


async def test_a_slot_that_moves_takes_its_subscriptions_along(cluster: RedisCluster, two: Two) -> None:
    one, other = two
    first, second, _ = cluster.nodes
    slot = key_slot(one.bus.lanes.prefixes[0].encode())
    moving = {channel for channel in channels(first) if key_slot(channel.encode()) == slot}
    assert moving
    for giver, taker in [(first, second), (second, first)]:
        name = taker.ask("CLUSTER", "MYID").strip()
        # Who imports a slot counts as newer: else a word of its giver that is still on its way would take it back.
        taker.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", giver.ask("CLUSTER", "MYID").strip())
        giver.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", name)
        for node in (taker, giver, cluster.nodes[2]):
            node.ask("CLUSTER", "SETSLOT", slot, "NODE", name)
        for process in two:
            assert await process.heard(1) == [LIMITED]
        await until(lambda: one.bus.is_whole and other.bus.is_whole)
        await until(lambda: ASK_AGAIN in one.page.frames and ASK_AGAIN in other.page.frames)
        assert moving <= set(channels(taker))
        one.page.frames.clear()
        other.page.frames.clear()
        one.publish("moved")
        await until(lambda: {*texts("moved")} <= {*other.page.frames})
        one.page.frames.clear()
        other.page.frames.clear()


@pytest.mark.torture
async def test_a_replica_takes_over() -> None:
    with RedisCluster() as cluster, RedisNode() as replica:
        primary = cluster.nodes[0]
        primary.ask("CONFIG", "SET", "repl-diskless-sync-delay", 0)
        replica.ask("CLUSTER", "MEET", "127.0.0.1", primary.port, primary.bus_port)
        name = primary.ask("CLUSTER", "MYID").strip()
        await until(lambda: name in replica.ask("CLUSTER", "NODES"))
        replica.ask("CLUSTER", "REPLICATE", name)
        await until(lambda: all(f"slave {name}" in node.ask("CLUSTER", "NODES") for node in cluster.nodes))
        await until(lambda: "master_link_status:up" in replica.ask("INFO", "replication"))
        async with joined(cluster) as (one, other):
            carried = set(channels(primary))
            primary.stop(signals.SIGKILL)
            await until(lambda: not one.bus.is_whole and not other.bus.is_whole)
            await until(lambda: one.bus.is_whole and other.bus.is_whole, 20)
            assert set(channels(replica)) == carried
            one.publish("after")
            await until(lambda: {*texts("after")} <= {*other.page.frames})


async def test_limits_and_leases_need_not_know_that_it_is_a_cluster(two: Two) -> None:
    limits = [SharedLimit(each.redis, "logins", 1 / 60, 3, lambda: True) for each in two]
    for number in range(60):
        await limits[number % 2].require(f"key {number // 3}")
    with pytest.raises(TooMany):
        await limits[0].require("key 7")
    await limits[1].give_back("key 7")
    await limits[0].require("key 7")
    here, there = (RedisLeases(each.redis, each.bus.process, lambda: True) for each in two)
    people = range(1000)
    assert await here.take(people) == [*people]
    assert await there.take([5, 1000]) == [1000]
    assert await there.held(range(2000)) == {*range(1001)}
    assert sorted(await there.inherit(two[0].bus.process)) == [number for number in people if number != 5]
    assert await there.held(range(2000)) == {5, 1000}
