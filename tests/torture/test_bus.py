"""What processes owe one another: orders arrive, an outage is repaired, and nothing is left of who has gone."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import signal
import socket
import statistics
import struct
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx
import pytest
import websockets

from app.db import POOL
from app.redis import CONNECTIONS
from tests.make import Member, sign_in
from tests.torture.conftest import Machines
from tests.torture.judge import require_agreement, settle
from tests.torture.page import SESSION_OVER, Page
from tests.waiting import until

pytestmark = pytest.mark.torture

AT_ONCE = 1.0  # seconds in which an order must have arrived everywhere
SOCKETS = 1000
SENDS = 200
SLOWER = 1.5
POOLS = POOL + CONNECTIONS  # files that a process keeps once it was busy
RESET = struct.pack("ii", 1, 0)  # to linger for no second: closing sends a reset


@contextlib.asynccontextmanager
async def opened(machines: Machines, people: Sequence[Member], chat_id: int) -> AsyncIterator[list[Page]]:
    """A page of each of them, at one process after the other."""
    urls = itertools.cycle(process.url for process in machines.cluster.processes)
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(Page(next(urls), each, [chat_id])) for each in people]


async def stored(page: Page, chat_id: int, body: str) -> str:
    """Say something, and wait until the server has it; answers its id."""
    page.send(chat_id, body)
    id_ = page.waiting[-1].id
    await until(lambda: id_ in page.acknowledged)
    return id_


async def post(page: Page, path: str) -> None:
    answer = await page.http.post(path)
    assert answer.status_code in (200, 303), answer.text


# Orders


async def test_who_was_removed_hears_nothing_from_any_process_after_a_second(machines: Machines) -> None:
    people = await machines.cluster.people(3)
    (chat_id,) = await machines.cluster.groups(people, 1, size=3)
    async with opened(machines, people, chat_id) as (ann, bob, cara):
        before = await stored(cara, chat_id, "before")
        await until(lambda: before in bob.framed)
        await post(ann, f"/groups/{chat_id}/members/{bob.member.id}/remove")
        await asyncio.sleep(AT_ONCE)
        after = {await stored(page, chat_id, f"after {number}") for number in range(50) for page in (ann, cara)}
        await until(lambda: after <= ann.framed & cara.framed)
        assert not after & bob.framed
        answer = await bob.http.get(f"/chats/{chat_id}/messages")
        assert not after & {each["id"] for each in answer.json()["messages"]}


async def test_a_revoked_session_is_over_on_every_process_within_a_second(machines: Machines) -> None:
    (ann,) = await machines.cluster.people(1)
    phone = await sign_in(machines.cluster.app, ann.person, "phone")
    async with opened(machines, [phone] * 3, 0) as pages, Page(machines.cluster.url, ann, []) as other:
        began = time.monotonic()
        await post(other, f"/devices/{phone.session_id}/revoke")
        await until(lambda: all(page.codes for page in pages), AT_ONCE)
        print(
            f"\nthree sockets on three processes were closed {time.monotonic() - began:.2f} s after the request began"
        )
        assert [page.codes for page in pages] == [[SESSION_OVER]] * 3
        assert not other.codes


# Outage


async def test_without_redis_each_process_goes_on_and_all_is_repaired_after(machines: Machines) -> None:
    people = await machines.cluster.people(6)
    (chat_id,) = await machines.cluster.groups(people, 1, size=6)
    async with opened(machines, people, chat_id) as pages:
        ann, bob, neighbour = pages[0], pages[1], pages[3]  # the fourth is at the first process again
        began = time.monotonic()
        await asyncio.to_thread(machines.redis.stop, signal.SIGKILL)
        for page in pages:
            await page.said("limited", on=True)
        said = time.monotonic() - began
        near = await stored(ann, chat_id, "to those at my process")
        await until(lambda: near in neighbour.framed, AT_ONCE)
        await until(lambda: near in bob.shown[chat_id].ids.values(), 8)
        assert near not in bob.framed, "it was asked for"
        async with Page(ann.url, people[0], [chat_id]) as late:
            await late.said("limited", on=True)
        for page in pages:
            page.heard.clear()
        began = time.monotonic()
        await asyncio.to_thread(machines.redis.start)
        for page in pages:
            await page.said("limited", on=False, patience=20)
        back = time.monotonic() - began
        far = await stored(ann, chat_id, "to all again")
        await until(lambda: all(far in page.framed for page in pages))
        await settle(pages)
        await require_agreement(machines.cluster, pages)
        print(f"\nRedis away: said to pages after {said:.1f} s; back: whole after {back:.1f} s")


# A thousand at once


async def left_behind(machines: Machines) -> dict[str, set[str]]:
    """What Redis knows of open sockets: the topics that they hear, and who is here."""
    redis = ["redis-cli", "-p", str(machines.redis.port)]
    return {
        "channels": await lines(*redis, "PUBSUB", "CHANNELS"),
        "here": await lines(*redis, "--scan", "--pattern", "parley:*:here:*"),
        "online": await lines(*redis, "--scan", "--pattern", "parley:*:online:*"),
    }


def files(machines: Machines) -> list[int]:
    """How many each process has open."""
    return [len(list(Path(f"/proc/{each.process.pid}/fd").iterdir())) for each in machines.cluster.processes]


async def lines(*command: str) -> set[str]:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    return set(output.decode().split())


async def connections(machines: Machines) -> int:
    found = await machines.cluster.select("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'parley'")
    return int(found[0][0])


async def median_send(url: str, sender: Member, chat_id: int) -> float:
    """Of many sends, one after the other."""
    seconds = []
    cookie = {"cookie": f"__Host-sid={sender.cookie}"}
    async with httpx.AsyncClient(base_url=url, headers=cookie, trust_env=False, timeout=20) as client:
        for number in range(SENDS):
            began = time.monotonic()
            answer = await client.post(f"/chats/{chat_id}/messages", data={"body": f"send {number}"})
            seconds.append(time.monotonic() - began)
            assert answer.status_code == 201
    return statistics.median(seconds)


async def crowd(machines: Machines, people: Sequence[Member]) -> list[websockets.ClientConnection]:
    """Sockets of all these people on all processes, each of which says that its page is looked at."""
    urls = itertools.cycle(process.url for process in machines.cluster.processes)
    faces = itertools.cycle(people)
    few = asyncio.Semaphore(20)

    async def come(url: str, who: Member) -> websockets.ClientConnection:
        headers = {"cookie": f"__Host-sid={who.cookie}"}
        async with few:
            client = await websockets.connect(
                url.replace("http", "ws") + "/ws", additional_headers=headers, proxy=None, ping_interval=None
            )
            while json.loads(await client.recv())["type"] != "ready":
                pass
            await client.send('{"type":"presence.here"}')
        return client

    return await asyncio.gather(*(come(next(urls), next(faces)) for _ in range(SOCKETS)))


def reset(client: websockets.ClientConnection) -> None:
    client.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    client.transport.abort()


async def test_a_thousand_sockets_that_close_at_once_leave_nothing_behind(machines: Machines) -> None:
    cluster = machines.cluster
    people = await cluster.people(20)
    (chat_id,) = await cluster.groups(people, 1, size=20)
    await median_send(cluster.url, people[0], chat_id)
    before, files_before = await left_behind(machines), files(machines)
    fast = await median_send(cluster.url, people[0], chat_id)
    clients = await crowd(machines, people)
    between, files_between = await left_behind(machines), files(machines)
    began = time.monotonic()
    for client in clients:
        reset(client)
    after = await median_send(cluster.url, people[0], chat_id)

    async def is_as_before() -> bool:
        return await left_behind(machines) == before

    with contextlib.suppress(TimeoutError):
        await until(is_as_before, 30)
    assert await left_behind(machines) == before
    print(
        f"\n{SOCKETS} sockets were reset: {len(between['channels'])} channels and {len(between['online'])} leases "
        f"are {len(before['channels'])} and {len(before['online'])} again after {time.monotonic() - began:.1f} s; "
        f"files {files_before} → {files_between} → {files(machines)}; "
        f"median send {fast * 1000:.1f} ms before, {after * 1000:.1f} ms right after"
    )
    for few, now in zip(files_before, files(machines), strict=True):
        assert now <= few + POOLS
    assert await connections(machines) <= (len(cluster.processes) + 1) * POOL  # this test has some, too
    assert after < SLOWER * fast
