"""The bus between processes, on a real Redis and on a real cluster: who hears what, and what if one of them goes."""

from __future__ import annotations

import asyncio
import signal as signals
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from redis.asyncio import Redis as Client

from app.realtime.bus import Hooks
from app.realtime.frames import Control, Frame, signal
from app.realtime.hub import Hub, Outbox
from app.realtime.redis_bus import RedisBus, is_stranger
from app.redis import connect
from tests.backing import Redis, RedisCluster
from tests.waiting import until

ASK_AGAIN = signal("limited", on=False)
LIMITED = signal("limited", on=True)


class Process:
    """One end of the bus, with what its hooks were asked."""

    def __init__(self, url: str, badge: str = "ours") -> None:
        self.redis = connect(url)
        self.hub = Hub()
        self.bus = RedisBus(self.hub, self.redis, badge)
        self.asked: list[str] = []

    async def recheck(self) -> None:
        self.asked.append("recheck")

    async def whole(self) -> None:
        self.asked.append("whole")

    async def died(self, process: str) -> None:
        self.asked.append(f"died {process}")

    async def page(self, *topics: str) -> Outbox:
        """An outbox that listens to everyone and to these topics."""
        outbox = Outbox()
        self.hub.join(outbox, ["everyone", *topics])
        await self.bus.hears(["everyone", *topics])
        return outbox


Start = Any
Server = Redis | RedisCluster


@pytest.fixture(params=["redis", "cluster"])
def server(request: pytest.FixtureRequest) -> Server:
    """What the processes meet on."""
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
async def start(server: Server) -> AsyncIterator[Start]:
    """`await start()` is one more process, connected."""
    async with AsyncExitStack() as stack:

        async def start() -> Process:
            process = Process(server.url)
            hooks = Hooks(process.recheck, process.whole, process.died)
            stack.push_async_callback(process.redis.aclose)
            await stack.enter_async_context(process.bus.running(hooks))
            await until(lambda: process.bus.is_whole and "whole" in process.asked)
            return process

        yield start


def signal_to(server: Server, what: int) -> None:
    for node in nodes(server):
        assert node.process
        node.process.send_signal(what)


def nodes(server: Server) -> list[Redis]:
    return [*server.nodes] if isinstance(server, RedisCluster) else [server]


async def heard(outbox: Outbox, count: int) -> list[str]:
    """The next frames of an outbox, each by itself."""
    await until(lambda: len(outbox.frames) >= count)
    return [outbox.frames.pop(0) for _ in range(count)]


async def ask(server: Server, *command: str) -> list[str]:
    """What all nodes answer, a line each."""
    said: list[str] = []
    for node in nodes(server):
        async with Client(port=node.port, decode_responses=True) as client:
            answer = await client.execute_command(*command)  # type: ignore[no-untyped-call]
            said += map(str, answer) if isinstance(answer, list) else [str(answer)]
    return said


async def channels(server: Server) -> list[str]:
    command = "SHARDCHANNELS" if isinstance(server, RedisCluster) else "CHANNELS"
    return [channel for channel in await ask(server, "PUBSUB", command) if ":topic:" in channel]


async def _has(server: Server, count: int) -> bool:
    return len(await channels(server)) == count


async def test_every_process_hears_what_one_publishes_in_its_order(start: Start) -> None:
    one, other = await start(), await start()
    here, there = await one.page("chat:1"), await other.page("chat:1")
    texts = [f"<p>{number}</p>" for number in range(2000)]
    for text in texts[:500]:
        one.bus.publish(Frame("chat:1", text))
    assert await heard(there, 500) == await heard(here, 500) == texts[:500]
    assert 0 < one.bus.lag < 1


async def test_nobody_hears_what_they_do_not_listen_to(start: Start) -> None:
    one, other = await start(), await start()
    ear = await other.page("chat:1")
    one.bus.publish(Frame("chat:2", "<p>2</p>"))
    one.bus.publish(Frame("chat:1", '{"type":"x"}'))
    assert await heard(ear, 1) == ['{"type":"x"}']
    assert list(ear.frames) == []


async def test_a_process_subscribes_for_its_first_listener_and_leaves_after_the_last(
    start: Start, server: Server
) -> None:
    one = await start()
    first, second = await one.page("chat:1"), await one.page("chat:1", "chat:2")
    assert len(await channels(server)) == 3
    one.hub.remove(first)
    one.hub.leave(second, ["chat:2"])
    await until(lambda: _has(server, 2))
    one.hub.remove(second)
    await until(lambda: _has(server, 0))


async def test_who_leaves_and_comes_back_at_once_hears(start: Start) -> None:
    one, other = await start(), await start()
    for number in range(50):
        ear = await one.page("chat:1")
        other.bus.publish(Frame("chat:1", f"<p>{number}</p>"))
        assert await heard(ear, 1) == [f"<p>{number}</p>"]
        one.hub.remove(ear)


async def test_a_thousand_topics_come_and_go(start: Start, server: Server) -> None:
    one = await start()
    ears = [await one.page(*(f"chat:{100 * page + number}" for number in range(100))) for page in range(10)]
    assert len(await channels(server)) == 1001
    for ear in ears:
        one.hub.remove(ear)
    await until(lambda: _has(server, 0))
    for subscriber in one.bus.lanes.subscribers:
        assert (subscriber.heard, subscriber.waiting) == ({subscriber.always}, {})


async def test_orders_reach_the_sockets_of_other_processes(start: Start) -> None:
    one, other = await start(), await start()
    ear = await other.page("user:5", "session:9")
    one.bus.publish(Control("user:5", "join", "chat:7", signal("chat.joined", chat=7)))
    assert await heard(ear, 1) == [signal("chat.joined", chat=7)]
    one.bus.publish(Frame("chat:7", "<p>heard</p>"))
    assert await heard(ear, 1) == ["<p>heard</p>"]
    one.bus.publish(Control("user:5", "leave", "chat:7"))
    one.bus.publish(Frame("chat:7", "<p>not heard</p>"))
    one.bus.publish(Control("session:9", "close", "4401"))
    await until(lambda: ear.closed)
    assert (ear.closed, list(ear.frames)) == (4401, [])


async def test_who_joins_without_being_told_asks_for_what_they_may_have_missed(start: Start) -> None:
    one, other = await start(), await start()
    ear = await other.page("user:5")
    one.bus.publish(Control("user:5", "join", "chat:7"))
    assert await heard(ear, 1) == [ASK_AGAIN]


async def test_without_redis_a_process_goes_on_alone_and_asks_when_it_is_back(start: Start, server: Server) -> None:
    one, other = await start(), await start()
    here, there = await one.page("chat:1"), await other.page("chat:1")
    server.stop(signals.SIGKILL)
    assert await heard(here, 1) == await heard(there, 1) == [LIMITED]
    one.bus.publish(Frame("chat:1", "<p>alone</p>"))
    assert await heard(here, 1) == ["<p>alone</p>"]
    one.asked.clear()
    await until(lambda: "recheck" in one.asked)
    assert "whole" not in one.asked
    server.start()
    assert (await heard(here, 1), one.bus.is_whole, one.asked[-1]) == ([ASK_AGAIN], True, "whole")
    await until(lambda: ASK_AGAIN in there.frames and other.bus.is_whole)
    here.frames.clear()
    there.frames.clear()
    other.bus.publish(Frame("chat:1", "<p>together</p>"))
    await until(lambda: "<p>together</p>" in here.frames and "<p>together</p>" in there.frames)


async def test_what_others_missed_they_are_told_to_ask_for(start: Start) -> None:
    """One process alone is cut off: the others do not notice, and could not know of what it published."""
    one, other = await start(), await start()
    here, there = await one.page("chat:1"), await other.page("chat:1")
    one.bus._lose("the test says so")
    one.bus.publish(Frame("chat:1", "<p>x</p>"))
    await until(lambda: ASK_AGAIN in there.frames)
    await until(lambda: one.bus.is_whole)
    assert list(here.frames) == [LIMITED, "<p>x</p>", ASK_AGAIN]


async def test_a_connection_that_redis_drops_is_noticed_and_mended(start: Start, server: Server) -> None:
    one = await start()
    ear = await one.page("chat:1")
    for _ in range(3):
        await ask(server, "CLIENT", "KILL", "TYPE", "pubsub")
        assert await heard(ear, 2) == [LIMITED, ASK_AGAIN]
    one.bus.publish(Frame("chat:1", "<p>x</p>"))
    assert await heard(ear, 1) == ["<p>x</p>"]


async def test_a_redis_that_does_not_answer_is_as_good_as_none(
    start: Start, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.realtime.lanes.PATIENCE", 0.3)
    one = await start()
    ear = await one.page("chat:1")
    signal_to(server, signals.SIGSTOP)
    one.bus.publish(Frame("chat:1", "<p>x</p>"))
    assert await heard(ear, 2) == [LIMITED, "<p>x</p>"]
    signal_to(server, signals.SIGCONT)
    await until(lambda: one.bus.is_whole)


async def test_nobody_waits_for_a_subscription_that_cannot_come(start: Start, server: Server) -> None:
    one = await start()
    server.stop(signals.SIGKILL)
    await until(lambda: not one.bus.is_whole)
    async with asyncio.timeout(5):
        await one.page("chat:1")


async def test_a_process_that_falls_silent_is_missed_and_what_it_left_unsaid_asked_for(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.realtime.redis_bus.BEAT", 0.1)
    monkeypatch.setattr("app.realtime.redis_bus.SILENCE", 1.0)
    one, other = await start(), await start()
    ear = await one.page()
    await until(lambda: other.bus.process in one.bus.others)
    for task in other.bus.running_tasks:
        task.cancel()
    await until(lambda: f"died {other.bus.process}" in one.asked)
    assert list(ear.frames) == [ASK_AGAIN]


async def test_a_process_that_says_goodbye_is_not_missed(server: Server, start: Start) -> None:
    one, leaving = await start(), Process(server.url)
    async with leaving.bus.running(Hooks(leaving.recheck, leaving.whole, leaving.died)):
        await until(lambda: leaving.bus.process in one.bus.others)
        leaving.bus.publish(Frame("everyone", "<p>last</p>"))
        ear = await one.page()
    await until(lambda: leaving.bus.process not in one.bus.others)
    await leaving.redis.aclose()
    assert not [each for each in one.asked if each.startswith("died")]
    assert ASK_AGAIN not in ear.frames


async def test_a_process_with_another_key_is_told_apart(server: Server, start: Start) -> None:
    assert not await is_stranger(server.url, "theirs")
    await start()
    assert [await is_stranger(server.url, badge) for badge in ("ours", "theirs")] == [False, True]
    server.stop(signals.SIGKILL)
    assert not await is_stranger(server.url, "theirs")
