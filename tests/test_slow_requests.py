"""What a request may take, against the real server: peers that are slow, greedy or stuck."""

from __future__ import annotations

import asyncio
import contextlib
from asyncio import StreamWriter

from app.protocols import Deadlines
from tests.door import CHUNKED, GATE, GET, HANDSHAKE, PATIENCE, SHORT, UPLOAD, Door, answer, dial, rest
from tests.server import Running, running

SLOW = {
    "silence": (b"", b""),
    "header": (b"GET / HTTP/1.1\r\nx: ", b"a"),
    "line breaks": (b"", b"\r\n"),
    "silent body": (UPLOAD % 5000 + b"a", b""),
    "body": (UPLOAD % 5000, b"a"),
    "chunks": (CHUNKED, b"1\r\na\r\n"),
    "chunk extension": (CHUNKED + b"1;", b"a"),
    "trailers": (CHUNKED + b"0\r\n", b"a: b\r\n"),
}
SLOW_AFTER_A_REQUEST = {
    "line breaks": (GET, b"\r\n"),
    "header": (GET + b"GET / HTTP/1.1\r\nx: ", b"a"),
}
TOO_LARGE = {
    "header": b"GET / HTTP/1.1\r\nx: " + b"a" * 33_000 + b"\r\n\r\n",
    "address": b"GET /" + b"a" * 33_000 + b" HTTP/1.1\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 6_000 + b"\r\n",
    "handshake": HANDSHAKE % (b"/echo", b"x: " + b"a" * 33_000 + b"\r\n"),
    "handshake that only HTTP accepts": HANDSHAKE % (b"/echo", b"x: " + b"a" * 10_000 + b"\r\n"),
    "handshake with many headers": HANDSHAKE % (b"/echo", b"a: b\r\n" * 200),
}
ENDLESS = {
    "header": (b"GET / HTTP/1.1\r\nx: ", b"a" * 8192),
    "chunk extension": (CHUNKED + b"1;", b"a" * 8192),
    "trailer": (CHUNKED + b"0\r\nx: ", b"a" * 8192),
    "trailers": (CHUNKED + b"0\r\n", b"a: b\r\n" * 1024),
}


async def trickle(writer: StreamWriter, piece: bytes, every: float) -> None:
    with contextlib.suppress(ConnectionError):
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(every)


async def got_before_cut(server: Running, start: bytes, piece: bytes, every: float = 0.02) -> bytes:
    """What a peer gets that sends a start and then a piece at a time, until the server lets it go."""
    async with dial(server.port, start) as (reader, writer):
        trickling = asyncio.create_task(trickle(writer, piece, every))
        try:
            return await rest(reader)
        finally:
            trickling.cancel()


async def test_only_a_peer_that_sends_too_slowly_is_cut_off() -> None:
    door = Door()
    loop = asyncio.get_running_loop()
    async with running(door.app, SHORT) as server, server.connect("/echo") as client:
        began = loop.time()
        got = await asyncio.gather(*(got_before_cut(server, *slow) for slow in SLOW.values()))
        assert dict(zip(SLOW, got, strict=True)) == dict.fromkeys(SLOW, b"")
        assert loop.time() >= began + SHORT.body
        assert await asyncio.wait_for(door.ended.get(), PATIENCE) == "/upload"
        await client.send("still here")
        assert await client.recv() == "still here"


async def test_a_second_request_has_the_same_deadline() -> None:
    async with running(Door().app, SHORT) as server:
        cases = SLOW_AFTER_A_REQUEST.values()
        for got in await asyncio.gather(*(got_before_cut(server, *slow) for slow in cases)):
            assert got.endswith(b"\r\n\r\n127.0.0.1")


async def test_too_many_bytes_of_headers_are_refused() -> None:
    async with running(Door().app) as server:
        for name, request in TOO_LARGE.items():
            async with dial(server.port, request) as (reader, _):
                assert (await rest(reader)).startswith(b"HTTP/1.1 431 "), name
        assert not server.server_state.connections


async def test_a_part_that_never_ends_is_cut_off_by_its_size() -> None:
    async with running(Door().app) as server:
        await asyncio.gather(*(got_before_cut(server, *endless, every=0) for endless in ENDLESS.values()))


async def test_headers_of_30_kib_pass() -> None:
    request = GET[:-2] + b"x: " + b"a" * 30_720 + b"\r\n\r\n"
    async with running(Door().app) as server, dial(server.port, request) as (reader, _):
        assert (await answer(reader))[1] == "127.0.0.1"


async def test_a_connection_serves_request_after_request() -> None:
    async with (
        running(Door().app) as server,
        dial(server.port, UPLOAD % 3 + b"abc" + GET) as (reader, writer),
    ):
        assert [(await answer(reader))[1], (await answer(reader))[1]] == ["3", "127.0.0.1"]
        writer.write(CHUNKED + b"14000\r\n" + b"a" * 0x14000 + b"\r\n0\r\n\r\n" + GET)
        assert [(await answer(reader))[1], (await answer(reader))[1]] == ["81920", "127.0.0.1"]


async def test_a_body_that_keeps_coming_may_take_longer_than_its_deadline() -> None:
    pause = 0.05
    deadlines = Deadlines(body=6 * pause)
    async with running(Door().app, deadlines) as server, dial(server.port, UPLOAD % 1000) as (reader, writer):
        for _ in range(10):
            writer.write(b"a" * 100)
            await asyncio.sleep(pause)
        assert (await answer(reader))[1] == "1000"


async def test_a_peer_is_not_blamed_for_an_app_that_does_not_read() -> None:
    door = Door()
    head = GATE % b"Content-Length: 200000"
    async with (
        running(door.app, SHORT) as server,
        dial(server.port, head + b"a" * 190_000) as (reader, writer),
        dial(server.port, GATE % b"Content-Length: 3\r\nExpect: 100-continue") as (asking, hesitant),
    ):
        await asyncio.wait_for(door.waiting.wait(), PATIENCE)
        await got_before_cut(server, UPLOAD % 9, b"")  # takes as long as the others could have been blamed
        door.gate.set()
        writer.write(b"a" * 10_000)
        assert (await answer(reader))[1] == "200000"
        assert await asyncio.wait_for(asking.readline(), PATIENCE) == b"HTTP/1.1 100 Continue\r\n"
        hesitant.write(b"abc")
        await asking.readline()
        assert (await answer(asking))[1] == "3"


async def test_a_proxy_is_believed_only_on_this_machine() -> None:
    forwarded = GET[:-2] + b"X-Forwarded-For: 192.0.2.7\r\n\r\n"
    async with running(Door().app) as server:
        async with dial(server.port, forwarded) as (reader, _):
            head, host = await answer(reader)
            assert host == "192.0.2.7"
            assert "\r\ndate: " in head
            assert "\r\nserver: " not in head
        async with dial(server.port, forwarded, source="127.0.0.2") as (reader, _):
            assert (await answer(reader))[1] == "127.0.0.2"
