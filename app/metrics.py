"""What is counted and timed for Prometheus, in this process or over all workers of this machine."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from time import perf_counter
from types import TracebackType
from typing import Generic, ParamSpec, TypeVar

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.datastructures import State
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import Refused

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # where workers keep their numbers; the library's own name
SAMPLE_SECONDS = 1
SLOW_SECONDS = 1
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SEND_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
REQUEST_BUCKETS = (0.005, 0.025, 0.1, 0.5, 1, 5)

SENDS = Histogram("parley_send_seconds", "Messages sent, by outcome.", ["outcome"], buckets=SEND_BUCKETS)
REQUESTS = Histogram(
    "parley_http_request_seconds",
    "HTTP requests until the answer begins.",
    ["method", "route", "status"],
    buckets=REQUEST_BUCKETS,
)
FRAMES = Counter("parley_frames_delivered", "Frames put into the outboxes of sockets.")
EVICTIONS = Counter("parley_outbox_evictions", "Sockets closed with 1013 because they read too slowly.")
WORKS = Counter("parley_works", "Database transactions, by outcome.", ["kind", "outcome"])
WAITING = Gauge("parley_works_waiting", "Works that wait to begin.", multiprocess_mode="livesum")
SOCKETS = Gauge("parley_sockets", "Open pages.", multiprocess_mode="livesum")
POOL_USED = Gauge("parley_database_connections_used", "Connections in use.", multiprocess_mode="livesum")
POOL_SIZE = Gauge("parley_database_connections_most", "Connections allowed.", multiprocess_mode="livesum")
# All processes share the jobs, so whoever looked last knows.
JOBS = Gauge(
    "parley_jobs", "Background jobs that are due, or given up.", ["state"], multiprocess_mode="livemostrecent"
)
BUS_WHOLE = Gauge("parley_bus_whole", "Whether all processes hear each other.", multiprocess_mode="livemin")
BUS_LAG = Gauge("parley_bus_lag_seconds", "Age of what the bus brings.", multiprocess_mode="livemax")

_SENT = {outcome: SENDS.labels(outcome) for outcome in ("stored", "refused", "failed")}
_WORKED = {
    kind: {outcome: WORKS.labels(kind, outcome) for outcome in ("done", "refused", "failed")}
    for kind in ("read", "write")
}


def _outcome(error: BaseException | None, good: str) -> str:
    if error is None:
        return good
    return "refused" if isinstance(error, Refused) and error.status < 500 else "failed"


def sending(door: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Time a door through which messages are sent."""

    @functools.wraps(door)
    async def timed(*args: P.args, **kwargs: P.kwargs) -> T:
        began = perf_counter()
        outcome = "failed"
        try:
            answer = await door(*args, **kwargs)
            outcome = "stored"
        except Refused as refusal:
            outcome = _outcome(refusal, "")
            raise
        finally:
            _SENT[outcome].observe(perf_counter() - began)
        return answer

    return timed


class counted(Generic[T]):
    """Count a work, of the kind `read` or `write`, while it waits and when it is over."""

    def __init__(self, kind: str, work: AbstractAsyncContextManager[T]) -> None:
        self.outcomes = _WORKED[kind]
        self.work = work

    async def __aenter__(self) -> T:
        WAITING.inc()
        try:
            return await self.work.__aenter__()
        except BaseException as error:
            self.outcomes[_outcome(error, "")].inc()
            raise
        finally:
            WAITING.dec()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> bool | None:
        try:
            swallowed = await self.work.__aexit__(kind, error, at)
        except BaseException as failure:
            self.outcomes[_outcome(failure, "")].inc()
            raise
        self.outcomes[_outcome(error, "done")].inc()
        return swallowed


def sample(state: State) -> None:
    """Note what is not counted but looked up: what an app holds right now."""
    SOCKETS.set(len(state.sockets))
    pools = [each.sync_engine.pool for each in state.database.engines]
    POOL_USED.set(sum(pool.checkedout() for pool in pools))
    POOL_SIZE.set(sum(pool.size() for pool in pools))
    BUS_WHOLE.set(state.bus.is_whole)
    BUS_LAG.set(state.bus.lag)


def exposition() -> bytes:
    """All numbers as Prometheus reads them, those of the other workers included."""
    registry = REGISTRY
    if FOLDER in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def route_of(scope: Scope) -> str:
    """The template of the path that a request took: there are few, while paths are without end."""
    route = scope.get("route")
    if isinstance(route, Route):
        return route.path
    return "/static" if getattr(route, "path", "").startswith("/static") else "none"


class Measured:
    """Times requests, tells the log of slow ones, and samples the app while it runs."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._time(scope, receive, send)
        elif scope["type"] == "lifespan":
            async with _sampling(scope["app"].state):
                await self.app(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _time(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = perf_counter()
        status = 500  # of what the framework answers outside of all middleware

        async def send_and_look(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_and_look)
        finally:
            _note(scope, status, perf_counter() - began)


@functools.lru_cache(4096)
def _requests(method: str, route: str, kind: int) -> Histogram:
    return REQUESTS.labels(method, route, f"{kind}xx")


def _note(scope: Scope, status: int, seconds: float) -> None:
    method = scope["method"] if scope["method"] in METHODS else "other"
    route = route_of(scope)
    _requests(method, route, status // 100).observe(seconds)
    if seconds > SLOW_SECONDS:
        log.warning("a slow request: %s %s", method, route, extra={"status": status, "seconds": round(seconds, 3)})
    elif log.isEnabledFor(logging.DEBUG):
        log.debug("a request: %s %s", method, route, extra={"status": status, "seconds": round(seconds, 3)})


@asynccontextmanager
async def _sampling(state: State) -> AsyncIterator[None]:
    """Another worker may be the one that is asked, so each notes what it holds."""
    task = asyncio.create_task(_sample_for_ever(state))
    try:
        yield
    finally:
        task.cancel()


async def _sample_for_ever(state: State) -> None:
    while True:
        sample(state)
        await asyncio.sleep(SAMPLE_SECONDS)
