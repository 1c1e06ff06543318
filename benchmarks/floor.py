"""What a server costs that does nothing: the same framework and server program, with two routes and no product.

No part of Parley can be faster than this, whatever it leaves out.
"""

from __future__ import annotations

import sys
from urllib.parse import parse_qsl, urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from benchmarks.load import CONNECTIONS, repeat
from benchmarks.served import Served
from benchmarks.tally import Figures
from benchmarks.wire import body_of, request

BUBBLE = "<li>" + "b" * 900 + "</li>"
PAGE = "<html>" + "p" * 55_000 + "</html>"
SENDERS = 32
NAMES = ("floor_send", "floor_page")


async def health(_: Request) -> Response:
    return Response("ok")


async def send(asked: Request) -> Response:
    """Read a form, and answer as much as a bubble is."""
    fields = dict(parse_qsl((await asked.body()).decode()))
    return HTMLResponse(BUBBLE, 201, {"Location": f"/{len(fields['body'])}"})


async def page(_: Request) -> Response:
    """As much as a chat's page is."""
    return HTMLResponse(PAGE)


app = Starlette(
    routes=[Route("/send", send, methods=["POST"]), Route("/page", page), Route("/healthz", health)],
)


class Floor(Served):
    """Such a server, on the same cores as another one."""

    def __init__(self, beside: Served) -> None:
        super().__init__(beside.data, cores=beside.cores)

    def command(self, port: int) -> list[str]:
        quiet = ["--no-access-log", "--log-level", "error", "--no-server-header"]
        return [sys.executable, "-m", "uvicorn", "benchmarks.floor:app", "--port", str(port), *quiet]


async def floor(name: str, beside: Served, seconds: float) -> Figures:
    """How many sends or pages such a server answers, while the other one rests."""
    with Floor(beside) as bare:
        bare.start()
        if name == "floor_page":
            return await repeat(bare, request("GET", bare.url + "/page", {}), seconds, CONNECTIONS)
        form = urlencode({"body": body_of(0)}).encode()
        return await repeat(bare, request("POST", bare.url + "/send", {}, form), seconds, SENDERS)
