"""Ask servers that strangers named: nothing but the public internet, and never much, long or often."""

from __future__ import annotations

import asyncio
import socket
import ssl
import zlib
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import httpcore

from app.cards.addresses import is_public

PORTS = {"http": 80, "https": 443}
REDIRECTS = 3
MOVED = (301, 302, 303, 307, 308)
KEPT = "/%:=&~+!$,;'()*@?"  # what has a meaning in an address, or is quoted already
AGENT = "Mozilla/5.0 (compatible; Parley link card)"
PACKED = ("gzip", "x-gzip", "deflate")

Resolve = Callable[[str, int], Awaitable[Collection[str]]]


class Unfit(Exception):
    """There will be no card of this address, however often it is asked."""


class Unreachable(Exception):
    """It did not answer this time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server sent; `url` is where it was in the end."""

    url: str
    content_type: str
    body: bytes


async def resolve(host: str, port: int) -> list[str]:
    """All addresses of a host, numbers in any spelling among them, as the system knows them."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(where[0]) for *_, where in found))


class Fetcher:
    """Asks by GET. What it may reach can be set by tests, whose servers are on this machine."""

    def __init__(
        self,
        resolve: Resolve = resolve,
        is_allowed: Callable[[str], bool] = is_public,
        ports: Collection[int] = tuple(PORTS.values()),
    ) -> None:
        self.resolve = resolve
        self.is_allowed = is_allowed
        self.ports = ports

    async def get(self, url: str, types: Collection[str], most: int, end: bytes = b"") -> Answer:
        """What is at `url`, if it is of one of these media types and has at most so many bytes.

        With `end` only the beginning is read, to `end` or to the `most`th byte. Raises Unfit or Unreachable.
        """
        try:
            for _ in range(REDIRECTS + 1):
                answer = await self._step(url, types, most, end)
                if isinstance(answer, Answer):
                    return answer
                url = answer
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError) as error:
            raise Unreachable(str(error)) from error
        raise Unfit("it is moved too often")

    async def _step(self, url: str, types: Collection[str], most: int, end: bytes) -> Answer | str:
        """The answer, or where it says that the thing has moved to."""
        target, host = self._target(url)
        headers = [("Host", host), ("User-Agent", AGENT), ("Accept", ", ".join(types)), ("Accept-Encoding", "gzip")]
        async with (
            httpcore.AsyncConnectionPool(ssl_context=_ssl(), network_backend=_Checked(self)) as pool,
            pool.stream("GET", target, headers=headers) as response,
        ):
            sent = {name.lower(): value.decode("latin-1") for name, value in response.headers}
            if response.status in MOVED and b"location" in sent:
                return urljoin(url, sent[b"location"])
            if response.status >= 500 or response.status == 429:
                raise Unreachable(f"it answers {response.status}")
            content_type = sent.get(b"content-type", "")
            if response.status != 200 or content_type.split(";")[0].strip().lower() not in types:
                raise Unfit(f"it answers {response.status} with {content_type!r}")
            unpack = _unpacker(sent.get(b"content-encoding", ""))
            return Answer(url, content_type, await _read(response, unpack, most, end))

    def _target(self, url: str) -> tuple[httpcore.URL, str]:
        """The address as it is asked for, and the host as it is named there. Raises Unfit for another one."""
        try:
            parts = urlsplit(url)
            usual = PORTS[parts.scheme]
            port = usual if parts.port is None else parts.port
            host = (parts.hostname or "").encode("ascii" if url.isascii() else "idna")
        except (ValueError, KeyError) as error:
            raise Unfit("it is no web address") from error
        if not host or "@" in parts.netloc or port not in self.ports:
            raise Unfit("it is no web address that is asked for")
        path = quote(parts.path or "/", safe=KEPT) + (f"?{quote(parts.query, safe=KEPT)}" if parts.query else "")
        name = f"[{host.decode()}]" if b":" in host else host.decode()
        shown = name if port == usual else f"{name}:{port}"
        return httpcore.URL(scheme=parts.scheme.encode(), host=host, port=port, target=path.encode()), shown

    async def addresses(self, host: str, port: int) -> Collection[str]:
        """Where a host is. Raises Unfit when it is anywhere that is not allowed, Unreachable when it is nowhere."""
        found = await self.resolve(host, port)
        if not found:
            raise Unreachable("it has no address")
        if not all(map(self.is_allowed, found)):
            raise Unfit("it is in a network that is not public")
        return found


class _Checked(httpcore.AsyncNetworkBackend):
    """Connects to the very address that was looked at, so that a second look cannot find another one.

    The name stays what the certificate must be for.
    """

    def __init__(self, fetcher: Fetcher) -> None:
        self.fetcher = fetcher
        self.tcp = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 – the caller's way
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        failure: Exception = Unreachable("it has no address")
        for address in await self.fetcher.addresses(host, port):
            try:
                return await self.tcp.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.NetworkError as error:
                failure = error
        raise failure


@cache
def _ssl() -> ssl.SSLContext:
    return ssl.create_default_context()


def _unpacker(encoding: str) -> Callable[[bytes, int], bytes]:
    """A function that unpacks a piece to at most so many bytes. Raises Unfit for packings that were not asked for."""
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return lambda piece, most: piece[:most]
    if name not in PACKED:
        raise Unfit(f"it is packed as {encoding!r}")
    return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress


async def _read(response: httpcore.Response, unpack: Callable[[bytes, int], bytes], most: int, end: bytes) -> bytes:
    body = bytearray()
    try:
        async for piece in response.aiter_stream():
            before = max(0, len(body) - len(end))
            body += unpack(piece, most + 1 - len(body))
            if len(body) > most or (end and body.find(end, before) >= 0):
                break
    except zlib.error as error:
        raise Unfit("it is packed wrong") from error
    if len(body) > most and not end:
        raise Unfit("it is too large")
    return bytes(body[:most])
