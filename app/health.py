"""For those who watch over the server: is it alive, is it ready, what is it?"""

from __future__ import annotations

import shutil

from sqlmodel import select
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.settings import ROOT
from app.users.models import User
from app.web import database, settings

LEAST_FREE = 64 * 2**20


def version() -> str:
    """The top heading of the changelog is the version."""
    lines = (ROOT / "CHANGELOG.md").read_text().splitlines()
    return next(line.removeprefix("## ").split()[0] for line in lines if line.startswith("## "))


async def healthz(_: Request) -> Response:
    """The process answers."""
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """Database and disk do what they should; 503 names what does not."""
    problems = {}
    try:
        async with database(request).read() as work:
            await work.first(select(User.id).limit(1))
    except Exception as error:
        problems["database"] = type(error).__name__
    if shutil.disk_usage(settings(request).data).free < LEAST_FREE:
        problems["disk"] = "nearly full"
    return JSONResponse({"status": "not ready" if problems else "ready", **problems}, 503 if problems else 200)


routes = [Route("/healthz", healthz, methods=["GET"]), Route("/readyz", readyz, methods=["GET"])]
