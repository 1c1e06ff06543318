"""What a WebSocket may take, against the real server: peers that do not read, answer or leave."""

from __future__ import annotations

import asyncio
from typing import Any

from app.protocols import Deadlines
from tests.door import (
    FRAME,
    HANDSHAKE,
    IN_TIME,
    PATIENCE,
    SHORT,
    Door,
    close_code,
    deaf,
    dial,
    rest,
    send_text,
)
from tests.server import running
from tests.waiting import until

CLOSE = b"\x88\x82\0\0\0\0\x03\xe8"  # masked with zeros, code 1000


async def test_frames_are_not_compressed_and_end_at_64_kib() -> None:
    async with running(Door().app) as server, server.connect("/echo") as client:
        assert client.protocol.extensions == []
        await client.send("x" * 65_536)
        assert await client.recv() == "x" * 65_536
        await client.send("x" * 65_537)
        assert await close_code(client) == 1009


async def test_a_reader_that_stalls_is_freed_while_others_get_their_frames() -> None:
    door = Door()
    async with (
        asyncio.timeout(PATIENCE),
        running(door.app, SHORT) as server,
        server.connect("/quick") as quick,
        deaf(server.port, b"/stalled"),
    ):
        while door.ended.empty():
            door.publish(FRAME)
            assert await quick.recv() == FRAME
        assert door.ended.get_nowait() == "/stalled"
        door.publish("after")
        assert await quick.recv() == "after"
        assert len(server.server_state.connections) == 1


async def test_what_a_stalled_reader_leaves_waits_in_its_outbox_until_it_is_freed() -> None:
    door = Door()
    async with running(door.app, SHORT) as server, deaf(server.port, b"/wired"):
        await until(lambda: door.wired_outboxes)
        (outbox,) = door.wired_outboxes
        wire: Any = door.writer.wires[outbox]
        for _ in range(30):
            outbox.put(FRAME)
        await until(lambda: not wire.is_free)
        assert len(outbox.frames) > 20
        assert wire.transport.get_write_buffer_size() < 256 * 1024
        assert await asyncio.wait_for(door.ended.get(), PATIENCE) == "/wired"
        assert (door.writer.wires, wire.transport.is_closing()) == ({}, True)


async def test_a_slow_reader_hears_all_that_waited_in_its_order() -> None:
    door = Door()
    texts = [f"<p>{number}" + "x" * 30_000 for number in range(30)]
    async with running(door.app) as server, server.connect("/wired", max_size=None) as client:
        await until(lambda: door.wired_outboxes)
        (outbox,) = door.wired_outboxes
        client.transport.pause_reading()
        for text in texts:
            outbox.put(text)
        await until(lambda: not door.writer.wires[outbox].is_free)
        client.transport.resume_reading()
        heard = ""
        async with asyncio.timeout(PATIENCE):
            while len(heard) < sum(map(len, texts)):
                heard += str(await client.recv())
    assert heard == "".join(texts)


async def test_a_reader_that_goes_on_reading_is_kept() -> None:
    door = Door()
    deadlines = Deadlines(write=0.3)
    async with running(door.app, deadlines) as server, deaf(server.port, b"/stalled") as peer:
        loop = asyncio.get_running_loop()
        await send_text(peer, b"flood")
        async with asyncio.timeout(PATIENCE):
            await door.blocked.wait()
            enough = loop.time() + 1.5 * deadlines.write
            while loop.time() < enough:
                assert await loop.sock_recv(peer, 65_536)
        assert door.ended.empty()


async def test_a_peer_that_does_not_answer_a_close_is_let_go() -> None:
    handshake = HANDSHAKE % (b"/over", b"")
    async with running(Door().app, SHORT) as server, dial(server.port, handshake) as (reader, _):
        assert (await rest(reader)).endswith(b"\x88\x02\x11\x31")  # 4401


async def test_a_peer_that_reads_nothing_and_misses_a_ping_is_let_go() -> None:
    door = Door()
    async with running(door.app, Deadlines(close=0.1)) as server:
        server.config.ws_ping_interval = server.config.ws_ping_timeout = 0.1
        async with deaf(server.port, b"/stalled") as peer:
            await send_text(peer, b"flood")
            assert await asyncio.wait_for(door.ended.get(), PATIENCE) == "/stalled"


async def test_a_peer_that_closes_and_reads_nothing_does_not_disturb_the_stop() -> None:
    door = Door()
    async with (
        asyncio.timeout(PATIENCE),
        running(door.app, Deadlines(close=0.3)) as server,
        server.connect("/quick") as quick,
        deaf(server.port, b"/stalled") as peer,
    ):
        await send_text(peer, b"flood")
        await door.blocked.wait()
        await asyncio.get_running_loop().sock_sendall(peer, CLOSE)
        await door.ended.get()
        server.stop()
        assert await close_code(quick) == 1012
        await asyncio.wait_for(server.stopped.wait(), IN_TIME)
