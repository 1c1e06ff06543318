"""A program whose workers say who they are, for tests of the supervisor; it loads little, so it starts soon."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from app import log
from app.server import config
from app.supervisor import NeverStarted, supervise


async def who(_: Request) -> Response:
    return PlainTextResponse(str(os.getpid()))


async def room(peer: WebSocket) -> None:
    await peer.accept()
    async for text in peer.iter_text():
        await peer.send_text(text)


def make(number: int) -> uvicorn.Config:
    """A worker that says who it is; one whose number is in the file `broken` does not start."""
    log.configure("info", number)
    if str(number) in Path("broken").read_text().split():
        raise RuntimeError("The moon is in the wrong phase.")
    return config(Starlette(routes=[Route("/", who), WebSocketRoute("/ws", room)]))


def serve(count: int) -> int:
    log.configure("info", 0)
    try:
        supervise(make, "127.0.0.1", 0, count)
    except NeverStarted as error:
        print(f"never: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(serve(int(sys.argv[1])))
