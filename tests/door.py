"""An app with a door for each way to keep a server waiting, and the peers that try them."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator

import websockets
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.protocols import WIRE, Deadlines
from app.realtime.hub import Outbox
from app.realtime.writer import Writer

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


class Door:
    """An app with a route for each way to keep a server waiting."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.waiting = asyncio.Event()  # somebody is at the gate
        self.blocked = asyncio.Event()  # a frame to somebody cannot be sent
        self.ended: asyncio.Queue[str] = asyncio.Queue()  # paths whose peers have gone
        self.outboxes: set[asyncio.Queue[str]] = set()
        self.writer = Writer()
        self.wired_outboxes: list[Outbox] = []
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
                WebSocketRoute("/wired", self.wired),
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

    async def wired(self, peer: WebSocket) -> None:
        """Send what is put into an outbox as Parley does."""
        await peer.accept()
        outbox = Outbox()
        self.writer.attach(outbox, peer.scope["extensions"][WIRE])
        self.wired_outboxes.append(outbox)
        async for _ in peer.iter_text():
            pass
        self.writer.detach(outbox)
        self.ended.put_nowait(peer.url.path)

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
