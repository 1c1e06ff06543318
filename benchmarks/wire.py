"""The generator's ends of connections, no more than it needs of HTTP/1.1 and RFC 6455, because it must be cheap."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

# A message's token, where its bubble begins; a preview of the same message elsewhere is no delivery.
TOKEN = re.compile(rb"hx-ignore>(?:<\w+>)*q(\d{7})z")
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CLOSE, PING = 8, 9


def body_of(token: int) -> str:
    """What is said: 60 characters with a token in them."""
    return f"q{token:07d}z and some more words".ljust(60, ".")


def request(method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """A request as it travels."""
    parts = urlsplit(url)
    lines = [f"{method} {parts.path}{'?' if parts.query else ''}{parts.query} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body:
        lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Listener(asyncio.Protocol):
    """A page's socket: `heard` is what came when, as tokens; `expect` waits for one."""

    def __init__(self, chat_id: int, hello: bytes) -> None:
        self.chat_id = chat_id
        self.hello = hello
        self.heard: list[tuple[float, list[int]]] = []
        self.count = 0
        self.refused = 0
        self.rest = b""
        self.is_open = False
        self.awaited: dict[int, asyncio.Future[None]] = {}
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class
        self.transport.write(self.hello)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(ConnectionError(f"a socket was not taken: {error or self.rest[:200]!r}"))

    def expect(self, token: int) -> asyncio.Future[None]:
        self.awaited[token] = future = asyncio.get_running_loop().create_future()
        return future

    def say(self, text: str) -> None:
        """Send a frame; its mask is zero, which costs nothing."""
        payload = text.encode()
        size = len(payload)
        wide = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
        self.transport.write(b"\x81" + wide + b"\0\0\0\0" + payload)

    def data_received(self, data: bytes) -> None:
        data = self.rest + data if self.rest else data
        if not self.is_open:
            head, found, data = data.partition(b"\r\n\r\n")
            if not found or b" 101 " not in head[:20]:
                self.rest = head + found
                return
            self.is_open = True
        self.rest = self._frames(data)

    def _frames(self, data: bytes) -> bytes:
        """Take whole frames; answers what is left."""
        at, end, now = 0, len(data), time.perf_counter()
        while end - at >= 2:
            size, start = data[at + 1], at + 2
            if size >= 126:
                wide = 2 if size == 126 else 8
                start += wide
                if end < start:
                    break
                size = int.from_bytes(data[start - wide : start], "big")
            if end < start + size:
                break
            self._frame(data[at] & 15, data[start : start + size], now)
            at = start + size
        return data[at:]

    def _frame(self, opcode: int, payload: bytes, now: float) -> None:
        if opcode == PING:
            self.transport.write(b"\x8a" + bytes([0x80 | len(payload)]) + b"\0\0\0\0" + payload)
        elif opcode == CLOSE:
            self.transport.close()
        elif tokens := [int(each) for each in TOKEN.findall(payload)]:
            self.heard.append((now, tokens))
            self.count += len(tokens)
            for token in tokens if self.awaited else ():
                if (future := self.awaited.pop(token, None)) and not future.done():
                    future.set_result(None)
        elif b'"refused"' in payload:
            self.refused += 1
        elif b'"ready"' in payload and not self.ready.done():
            self.ready.set_result(None)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    head: bytes
    body: bytes


class Caller(asyncio.Protocol):
    """A keep-alive connection, one request at a time."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.held = b""
        self.answer: asyncio.Future[Answer] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class

    def connection_lost(self, error: Exception | None) -> None:
        if self.answer and not self.answer.done():
            self.answer.set_exception(ConnectionError(f"a connection ended: {error or self.held[:200]!r}"))

    async def ask(self, asked: bytes) -> Answer:
        """Raises ConnectionError when no answer comes."""
        async with self.lock:
            if self.transport.is_closing():
                raise ConnectionError("the server closed the connection")
            self.answer = asyncio.get_running_loop().create_future()
            self.transport.write(asked)
            return await self.answer

    def data_received(self, data: bytes) -> None:
        self.held += data
        end = self.held.find(b"\r\n\r\n") + 4
        if end < 4 or not self.answer or self.answer.done():
            return
        head = self.held[:end]
        found = LENGTH.search(head)
        if not found:
            self.answer.set_exception(ConnectionError("an answer without a length"))
        elif len(self.held) >= (whole := end + int(found[1])):
            body, self.held = self.held[end:whole], self.held[whole:]
            self.answer.set_result(Answer(int(head[9:12]), head, body))


async def listen(url: str, chat_id: int, cookie: str) -> Listener:
    """A page's socket, once it is ready. Raises ConnectionError or TimeoutError for one that does not become it."""
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Cookie": f"__Host-sid={cookie}"}
    hello = request("GET", f"{url}/ws", {**upgrade, **key, "Origin": url})
    loop = asyncio.get_running_loop()
    _, listener = await loop.create_connection(lambda: Listener(chat_id, hello), *place(url))
    async with asyncio.timeout(30):
        await listener.ready
    return listener


async def dial(url: str) -> Caller:
    """A connection for requests."""
    _, caller = await asyncio.get_running_loop().create_connection(Caller, *place(url))
    return caller


def place(url: str) -> tuple[str, int]:
    """Where an address is."""
    parts = urlsplit(url)
    return parts.hostname or "127.0.0.1", parts.port or 80
