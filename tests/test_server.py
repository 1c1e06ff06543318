"""Peers that are slow, greedy or stuck, against the real server; and how it starts and stops."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import socket
import sys
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import websockets
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.protocols import Deadlines
from app.server import PortTaken, listen
from tests.server import Running, running

SHORT = Deadlines(header=0.15, body=0.2, write=0.2, close=0.2)
PATIENCE = 10
IN_TIME = 4  # less than requests in flight may delay a stop
FRAME = "x" * 32_768
GET = b"GET / HTTP/1.1\r\nHost: parley\r\n\r\n"
UPLOAD = b"POST /upload HTTP/1.1\r\nHost: parley\r\nContent-Length: %d\r\n\r\n"
GATE = b"POST /gate HTTP/1.1\r\nHost: parley\r\n%s\r\n\r\n"
CHUNKED = b"POST /upload HTTP/1.1\r\nHost: parley\r\nTransfer-Encoding: chunked\r\n\r\n"
HANDSHAKE = (
    b"GET %s HTTP/1.1\r\nHost: parley\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n%s\r\n"
)
CLOSE = b"\x88\x82\0\0\0\0\x03\xe8"  # masked with zeros, code 1000


class Door:
    """An app with a route for each way to keep a server waiting."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.waiting = asyncio.Event()  # somebody is at the gate
        self.blocked = asyncio.Event()  # a frame to somebody cannot be sent
        self.ended: asyncio.Queue[str] = asyncio.Queue()  # paths whose peers have gone
        self.outboxes: set[asyncio.Queue[str]] = set()
        self.app = Starlette(
            routes=[
                Route("/", self.client),
                Route("/upload", self.upload, methods=["POST"]),
                Route("/gate", self.behind_gate, methods=["POST"]),
                Route("/blocked", self.until_blocked),
                WebSocketRoute("/echo", self.echo),
                WebSocketRoute("/quick", self.room),
                WebSocketRoute("/stalled", self.room),
                WebSocketRoute("/over", self.over),
                WebSocketRoute("/flood", self.unhearing),
            ]
        )

    async def client(self, request: Request) -> Response:
        assert request.client is not None
        return PlainTextResponse(request.client.host)

    async def upload(self, request: Request) -> Response:
        try:
            return PlainTextResponse(str(len(await request.body())))
        except ClientDisconnect:
            self.ended.put_nowait(request.url.path)
            return Response()

    async def behind_gate(self, request: Request) -> Response:
        self.waiting.set()
        await self.gate.wait()
        return await self.upload(request)

    async def until_blocked(self, _: Request) -> Response:
        await self.blocked.wait()
        return PlainTextResponse()

    async def echo(self, peer: WebSocket) -> None:
        await peer.accept()
        async for text in peer.iter_text():
            await peer.send_text(text)

    async def over(self, peer: WebSocket) -> None:
        await peer.accept()
        await peer.close(4401)

    async def unhearing(self, peer: WebSocket) -> None:
        await peer.accept()
        await self.flood(peer)

    async def room(self, peer: WebSocket) -> None:
        """Send what is published; a client that says "flood" gets frames without end."""
        await peer.accept()
        outbox: asyncio.Queue[str] = asyncio.Queue()
        self.outboxes.add(outbox)
        writing = asyncio.create_task(self.write(peer, outbox))
        async for _ in peer.iter_text():
            writing.cancel()
            writing = asyncio.create_task(self.flood(peer))
        writing.cancel()
        self.outboxes.remove(outbox)
        self.ended.put_nowait(peer.url.path)

    async def write(self, peer: WebSocket, outbox: asyncio.Queue[str]) -> None:
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                await peer.send_text(await outbox.get())

    async def flood(self, peer: WebSocket) -> None:
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                frame = asyncio.create_task(peer.send_text(FRAME))
                if not (await asyncio.wait({frame}, timeout=0.05))[0]:
                    self.blocked.set()
                await frame

    def publish(self, frame: str) -> None:
        for outbox in self.outboxes:
            outbox.put_nowait(frame)


@contextlib.asynccontextmanager
async def dial(
    port: int, sent: bytes, source: str = "127.0.0.1"
) -> AsyncGenerator[tuple[StreamReader, StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    try:
        writer.write(sent)
        yield reader, writer
    finally:
        writer.transport.abort()


async def rest(reader: StreamReader) -> bytes:
    """What comes until the server closes the connection; raises TimeoutError when it does not."""
    got = b""
    with contextlib.suppress(ConnectionResetError):
        async with asyncio.timeout(PATIENCE):
            while piece := await reader.read(65_536):
                got += piece
    return got


async def answer(reader: StreamReader) -> tuple[str, str]:
    """The head and the body of one response."""
    async with asyncio.timeout(PATIENCE):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = re.search(r"content-length: (\d+)", head)
        assert length is not None
        return head, (await reader.readexactly(int(length[1]))).decode()


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


@contextlib.asynccontextmanager
async def deaf(port: int, path: bytes) -> AsyncGenerator[socket.socket]:
    """A WebSocket whose peer reads nothing after the handshake."""
    loop = asyncio.get_running_loop()
    with socket.socket() as peer:
        peer.setblocking(False)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await loop.sock_connect(peer, ("127.0.0.1", port))
        await loop.sock_sendall(peer, HANDSHAKE % (path, b""))
        head = b""
        async with asyncio.timeout(PATIENCE):
            while not head.endswith(b"\r\n\r\n"):
                head += await loop.sock_recv(peer, 1)
        assert b" 101 " in head
        yield peer


async def send_text(peer: socket.socket, text: bytes) -> None:
    frame = bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text
    await asyncio.get_running_loop().sock_sendall(peer, frame)


async def close_code(client: websockets.ClientConnection) -> int | None:
    async with asyncio.timeout(PATIENCE):
        await client.wait_closed()
    return client.close_code


# What a request may take


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


# What a WebSocket may take


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


# Start and stop


async def test_a_request_in_flight_is_finished_while_the_server_stops() -> None:
    door = Door()
    half = GATE % b"Content-Length: 4" + b"ab"
    async with (
        running(door.app) as server,
        server.connect("/quick") as idle,
        dial(server.port, half) as (reader, writer),
    ):
        await asyncio.wait_for(door.waiting.wait(), PATIENCE)
        server.stop()
        assert await close_code(idle) == 1012
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", server.port)
        door.gate.set()
        writer.write(b"cd")
        head, body = await answer(reader)
        assert "connection: close" in head
        assert body == "4"


SERVE = """
import logging
from app.protocols import Deadlines
from app.server import run
from tests.test_server import Door
logging.basicConfig(level="INFO", format="%(message)s")
run(Door().app, "127.0.0.1", 0, Deadlines(close=0.3))
"""


@contextlib.asynccontextmanager
async def parley() -> AsyncGenerator[tuple[asyncio.subprocess.Process, StreamReader, int]]:
    """A process of its own that serves the door, its standard error and its port."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVE, cwd=Path(__file__).parent.parent, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    try:
        line = (await asyncio.wait_for(process.stderr.readline(), PATIENCE)).decode()
        found = re.fullmatch(r"Parley is listening on http://127\.0\.0\.1:(\d+)\n", line)
        assert found is not None, line
        yield process, process.stderr, int(found[1])
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def signalled(number: signal.Signals) -> tuple[int | None, int, bytes]:
    """An idle client's close code, the exit status and the log of a stop in spite of a stalled client."""
    async with (
        parley() as (process, log, port),
        websockets.connect(f"ws://127.0.0.1:{port}/quick", proxy=None) as idle,
        deaf(port, b"/flood"),
        dial(port, GET.replace(b"/", b"/blocked", 1)) as (reader, _),
    ):
        await answer(reader)
        process.send_signal(number)
        code = await close_code(idle)
        async with asyncio.timeout(IN_TIME):
            return code, await process.wait(), await log.read()


async def test_a_signal_ends_the_process_in_time_and_without_failure() -> None:
    for end in await asyncio.gather(signalled(signal.SIGTERM), signalled(signal.SIGINT)):
        assert end == (1012, 0, b"")


async def test_an_app_that_fails_to_start_fails_the_test() -> None:
    async def failing(scope: object, receive: object, send: object) -> None:
        raise ValueError

    with pytest.raises(RuntimeError, match="failed to start"):
        async with running(failing):
            pass


def test_a_taken_port_says_so() -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(PortTaken, match=f"Port {port} is taken"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "::"])
def test_both_versions_of_ip_are_served(host: str) -> None:
    with listen(host, 0) as listener:
        port = listener.getsockname()[1]
        socket.create_connection(("::1" if host == "::1" else "127.0.0.1", port), PATIENCE).close()
