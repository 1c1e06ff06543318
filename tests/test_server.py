"""How the server starts and stops."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import socket
import sys
from asyncio import StreamReader
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import websockets

from app.server import PortTaken, listen
from tests.door import GATE, GET, IN_TIME, PATIENCE, Door, answer, close_code, deaf, dial
from tests.server import running


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
from tests.door import Door
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
