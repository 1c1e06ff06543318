"""A page's ear: what one socket hears, in order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import websockets

from app.realtime import topics
from app.realtime.frames import Frame, signal
from tests.make import Member
from tests.server import Running

PATIENCE = 5


class Ear:
    """The client's end of a socket, with everything that it heard so far."""

    def __init__(self, connection: websockets.ClientConnection, publish: Callable[[Frame], None]) -> None:
        self.connection = connection
        self.publish = publish
        self.heard: list[str] = []

    async def say(self, type_: str, **data: Any) -> None:
        await self.connection.send(json.dumps({"type": type_, **data}))

    async def until(self, matches: Callable[[str], bool]) -> str:
        """The next frame of a sort, whatever comes before it."""
        async with asyncio.timeout(PATIENCE):
            while True:
                text = str(await self.connection.recv())
                self.heard.append(text)
                if matches(text):
                    return text

    async def signal(self, type_: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(await self.until(lambda text: text.startswith(f'{{"type":"{type_}"')))
        return found

    async def html(self, part: str = "") -> str:
        return await self.until(lambda text: text.startswith("<") and part in text)

    async def all(self) -> list[str]:
        """Everything that was published before now and reaches this socket, without its own "ready"."""
        self.publish(Frame(topics.everyone(), signal("until.here")))
        await self.signal("until.here")
        heard, self.heard = self.heard[:-1], []
        return [text for text in heard if text != '{"type":"ready"}']

    async def close_code(self) -> int:
        """The code with which the server closes, whatever comes before."""
        try:
            await self.until(lambda _: False)
        except websockets.ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006
        raise AssertionError("unreachable")


@asynccontextmanager
async def opened(server: Running, app: Any, cookie: str = "", **options: Any) -> AsyncIterator[Ear]:
    """A socket as it is right after the handshake."""
    headers = {"Cookie": f"__Host-sid={cookie}"} if cookie else {}
    async with server.connect("/ws", additional_headers=headers, **options) as connection:
        yield Ear(connection, app.state.bus.publish)


@asynccontextmanager
async def listening(server: Running, app: Any, member: Member) -> AsyncIterator[Ear]:
    """A socket of somebody, once it is ready."""
    async with opened(server, app, member.cookie) as ear:
        await ear.signal("ready")
        yield ear
