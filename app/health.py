"""For those who watch over the server: is it alive, is it ready, what is it, what does it do?"""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil

from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import func, text
from sqlmodel import col, select
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.auth.guard import host_name
from app.db import now
from app.jobs import Job
from app.metrics import JOBS, exposition, sample
from app.settings import LOOPBACK, ROOT
from app.users.models import User
from app.web import database, settings

log = logging.getLogger(__name__)

LEAST_FREE = 64 * 2**20
DATABASE_SECONDS = 3
NEWEST = max(file.name.split("_")[0] for file in (ROOT / "migrations/versions").glob("[0-9]*.py"))
# What only browsers and proxies say.
FROM_AFAR = frozenset({"origin", "sec-fetch-site", "via", "forwarded", "x-forwarded-for", "x-forwarded-proto"})


def version() -> str:
    """The top heading of the changelog is the version."""
    lines = (ROOT / "CHANGELOG.md").read_text().splitlines()
    return next(line.removeprefix("## ").split()[0] for line in lines if line.startswith("## "))


async def healthz(_: Request) -> Response:
    """The process answers."""
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """Whether to send requests here; 503 names why not.

    A bus that is not whole is no reason: this process serves its own people, and a proxy that
    took it out would take out all, as they share the bus.
    """
    problems = {"process": "stopping"} if getattr(request.state, "is_stopping", False) else {}
    if trouble := await _database_trouble(request):
        problems["database"] = trouble
    if shutil.disk_usage(settings(request).data).free < LEAST_FREE:
        problems["disk"] = "nearly full"
    if problems:
        return JSONResponse({"status": "not ready", **problems}, 503)
    if not request.app.state.bus.is_whole:
        return JSONResponse({"status": "degraded", "bus": "not whole"})
    return JSONResponse({"status": "ready"})


async def _database_trouble(request: Request) -> str:
    """What keeps the database from serving us, or "". A newer one serves: others may have been upgraded before us."""
    try:
        async with asyncio.timeout(DATABASE_SECONDS), database(request).read() as work:
            rows = await work.rows(text("SELECT version_num FROM alembic_version"))
            await work.first(select(User.id).limit(1))
    except Exception as error:
        return type(error).__name__
    revision = rows[0][0] if rows else "none"
    return f"at revision {revision}, not {NEWEST}" if revision < NEWEST else ""


async def metrics(request: Request) -> Response:
    """Numbers for Prometheus: with the token, or for a program on this machine that comes past any proxy."""
    if not (_has_token(request) or _is_at_home(request)):
        raise HTTPException(404)
    sample(request.app.state)
    await _look_for_jobs(request)
    return Response(await asyncio.to_thread(exposition), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _look_for_jobs(request: Request) -> None:
    states = {"due": col(Job.due_at) <= now(), "given up": col(Job.due_at).is_(None)}
    try:
        async with asyncio.timeout(DATABASE_SECONDS), database(request).read() as work:
            for state, condition in states.items():
                counted = await work.rows(select(func.count()).select_from(Job).where(condition))
                JOBS.labels(state).set(counted[0][0])
    except Exception as error:  # the other numbers tell of it
        log.warning("the jobs cannot be counted: %s", error)


def _has_token(request: Request) -> bool:
    token = settings(request).metrics_token
    given = request.headers.get("authorization", "")
    return bool(token) and secrets.compare_digest(given.encode(), f"Bearer {token}".encode())


def _is_at_home(request: Request) -> bool:
    """Also the Host must be this machine's: a page elsewhere may have its name point here."""
    peer = request.client.host.removeprefix("::ffff:") if request.client else ""
    is_direct = FROM_AFAR.isdisjoint(request.headers)
    return is_direct and peer in LOOPBACK and host_name(request) in LOOPBACK


routes = [
    Route("/healthz", healthz, methods=["GET"]),
    Route("/readyz", readyz, methods=["GET"]),
    Route("/metrics", metrics, methods=["GET"]),
]
