"""The real server on a free port, in the event loop of the test."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Generator
from typing import Any

import websockets
from starlette.types import ASGIApp

from app.protocols import DEADLINES, Deadlines
from app.server import Server, config, listen

PATIENCE = 10  # seconds after which a server that does not start or stop fails the test


class Running(Server):
    """A server that is up, until the block of `running` ends."""

    def __init__(self, app: ASGIApp, deadlines: Deadlines) -> None:
        super().__init__(config(app, deadlines))
        self.app = app
        self.listener = listen("127.0.0.1", 0)
        self.port: int = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.ws_url = f"ws://127.0.0.1:{self.port}"
        self.is_up = asyncio.Event()
        self.is_asked_to_stop = asyncio.Event()
        self.stopped = asyncio.Event()

    def connect(self, path: str, **options: Any) -> websockets.connect:
        """`async with server.connect("/ws") as client:`, past any proxy that the environment names."""
        return websockets.connect(self.ws_url + path, proxy=None, **options)

    def stop(self) -> None:
        """Begin to stop, like SIGTERM; the end of the block waits for it."""
        self.is_asked_to_stop.set()

    async def run_here(self) -> None:
        with self.listener:
            try:
                await self.serve([self.listener])
            except SystemExit as exit:  # would end the event loop, and pytest with it
                raise RuntimeError("the app failed to start: see the log") from exit
            finally:
                self.stopped.set()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.is_up.set()

    async def main_loop(self) -> None:
        while not self.is_asked_to_stop.is_set():
            await self.on_tick(0)  # sets the clock of the answers
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.is_asked_to_stop.wait(), 1)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield  # signals stay with pytest


@contextlib.asynccontextmanager
async def running(app: ASGIApp, deadlines: Deadlines = DEADLINES) -> AsyncGenerator[Running]:
    """Serve the app, its lifespan included, while the block runs.

    Raises RuntimeError when the app fails to start, TimeoutError when the server does not start or stop.
    """
    server = Running(app, deadlines)
    serving = asyncio.create_task(server.run_here())
    starting = asyncio.create_task(server.is_up.wait())
    try:
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait({serving, starting}, return_when=asyncio.FIRST_COMPLETED)
        if server.is_up.is_set():
            yield server
    finally:
        starting.cancel()
        server.stop()
        async with asyncio.timeout(PATIENCE):
            await serving
