"""Servers that behave badly, on this machine, and a fetcher that may reach them."""

from __future__ import annotations

import asyncio
import gzip
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from io import BytesIO

from PIL import Image

from app.cards.fetch import Fetcher

LOCAL = "127.0.0.1"
Answer = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]


def http(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    """A whole answer; `content_type` and the like are headers."""
    named = {"content_type": "text/html; charset=utf-8", "content_length": str(len(body)), **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in named.items() if value]
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode() + body


def page(title: str = "A title", head: str = "") -> bytes:
    return http(f"<!doctype html><html><head><title>{title}</title>{head}</head><body>Hello</body></html>".encode())


def moved(to: str, status: str = "302 Found") -> bytes:
    return http(b"", status, location=to)


def picture(width: int = 800, height: int = 400, name: str = "PNG", mode: str = "RGB") -> bytes:
    made = BytesIO()
    Image.new(mode, (width, height), "teal").save(made, name)
    return made.getvalue()


def packed_zeros(size: int) -> bytes:
    return gzip.compress(bytes(size), 9)


class Site:
    """A server: `pages` has what it answers, by path; it counts who asks for what."""

    def __init__(self) -> None:
        self.pages: dict[str, Answer] = {}
        self.asked: Counter[str] = Counter()
        self.hosts: set[str] = set()
        self.port = 0

    def url(self, path: str = "/", host: str = "site.example") -> str:
        return f"http://{host}:{self.port}{path}"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = (await reader.readuntil(b"\r\n\r\n")).decode()
            path = request.split(" ")[1]
            self.asked[path] += 1
            self.hosts.add(request.lower().split("host: ")[1].split("\r\n")[0])
            answer = self.pages.get(path, http(b"", "404 Not Found"))
            if isinstance(answer, bytes):
                writer.write(answer)
                await writer.drain()
            else:
                await answer(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving() -> AsyncIterator[Site]:
    site = Site()
    server = await asyncio.start_server(site.answer, LOCAL, 0)
    site.port = server.sockets[0].getsockname()[1]
    async with server:
        yield site
        server.close()


async def everything_is_here(_host: str, _port: int) -> list[str]:
    return [LOCAL]


def local_fetcher(site: Site) -> Fetcher:
    """Every host is on this machine, which it may reach."""
    return Fetcher(everything_is_here, lambda address: address == LOCAL, [site.port])


async def drip(writer: asyncio.StreamWriter) -> None:
    """A page that comes byte by byte, and does not end."""
    writer.write(http(b"<html><head><title>Slow", content_length=""))
    while not writer.is_closing():
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(0.05)


async def flood(writer: asyncio.StreamWriter) -> None:
    """As much as anybody takes, without an end."""
    writer.write(http(b"<html><head><title>Endless</title>", content_length=""))
    while not writer.is_closing():
        writer.write(b"<meta name=x content=y>" * 1000)
        await writer.drain()
