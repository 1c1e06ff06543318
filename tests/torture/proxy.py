"""What stands before several processes: gives connections out in turn, and can cut and freeze them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from asyncio import StreamReader, StreamWriter
from collections.abc import Sequence
from types import TracebackType
from typing import Self

PIECE = 65_536


class Connection:
    """One client's way to one process."""

    def __init__(self, client: StreamWriter, server: StreamWriter) -> None:
        self.ends = client, server
        self.begins_with = b""
        self.flows = asyncio.Event()
        self.flows.set()

    @property
    def is_socket(self) -> bool:
        return self.begins_with.startswith(b"GET /ws ")

    def cut(self) -> None:
        """As a lost network does: a reset for both ends."""
        for end in self.ends:
            end.transport.abort()

    def freeze(self) -> None:
        """Nothing arrives any more, and nobody is told."""
        self.flows.clear()

    async def pump(self, source: StreamReader, target: StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await source.read(PIECE):
                self.begins_with = self.begins_with or piece[:8]
                await self.flows.wait()
                target.write(piece)
                await target.drain()
        target.close()


class Proxy:
    """Connections go to the next port that takes one, in turn."""

    def __init__(self, ports: Sequence[int]) -> None:
        self.ports = ports
        self.turn = itertools.count()
        self.connections: set[Connection] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def sockets(self) -> list[Connection]:
        return [each for each in self.connections if each.is_socket]

    async def __aenter__(self) -> Self:
        self.listener = await asyncio.start_server(self._carry, "127.0.0.1", 0, backlog=2048)
        self.port: int = self.listener.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.listener.close()
        for each in list(self.connections):
            each.cut()

    async def _carry(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            server_reader, server_writer = await self._reach()
        except OSError:
            writer.transport.abort()
            return
        connection = Connection(writer, server_writer)
        self.connections.add(connection)
        try:
            await asyncio.gather(
                connection.pump(reader, server_writer), connection.pump(server_reader, writer)
            )  # fmt: skip
        finally:
            self.connections.discard(connection)
            connection.cut()

    async def _reach(self) -> tuple[StreamReader, StreamWriter]:
        """The next process that answers. Raises OSError when none does."""
        for _ in self.ports[1:]:
            with contextlib.suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", self._next())
        return await asyncio.open_connection("127.0.0.1", self._next())

    def _next(self) -> int:
        return self.ports[next(self.turn) % len(self.ports)]
