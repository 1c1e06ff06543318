"""Puts the house together: the features in their order, what they share, and what runs beside them."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from itsdangerous import Signer
from starlette.applications import Starlette
from starlette.datastructures import State
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute

from app import health, jobs
from app.auth import routes as auth
from app.auth.guard import Guard, KnownSessions
from app.auth.passwords import Passwords
from app.auth.tokens import Tokens
from app.cards import routes as cards
from app.cards.fetch import Fetcher
from app.chats import routes as chats
from app.chats.panes import PANES
from app.db import Database
from app.errors import Refused, Unavailable
from app.expiry import routes as expiry
from app.files import StaticFolder
from app.forwards import routes as forwards
from app.groups import routes as groups
from app.inbox import routes as inbox
from app.info import routes as info
from app.limits import Limit, SharedLimit
from app.mentions import routes as mentions
from app.messages import routes as messages
from app.messages.parts import ACTIONS, EXTRAS, KINDS, WATCHERS
from app.messages.queue import SendQueue
from app.metrics import Measured
from app.packing import GZIP_LEVEL, LEAST, Packing
from app.pins import routes as pins
from app.polls import routes as polls
from app.presence import routes as presence
from app.presence.leases import Leases, NoLeases, RedisLeases
from app.reactions import routes as reactions
from app.realtime.bus import Hooks, LocalBus
from app.realtime.hub import Hub
from app.realtime.redis_bus import RedisBus
from app.realtime.writer import Writer
from app.receipts import routes as receipts
from app.receipts.marks import Marks
from app.redis import connect
from app.replies import routes as replies
from app.search import index as search_index
from app.search import routes as search
from app.security import Security
from app.selecting import routes as selecting
from app.settings import Settings
from app.socket import Door, Handler, recheck
from app.stars import routes as stars
from app.switches import routes as switches
from app.templates import Templates
from app.users import routes as users
from app.web import broken, direct, gone, no_route, refused

# A feature uses those before it, never one after it.
FEATURES: list[Any] = [
    users,
    auth,
    chats,
    receipts,
    presence,
    messages,
    info,
    reactions,
    polls,
    expiry,
    cards,
    stars,
    forwards,
    pins,
    selecting,
    switches,
    groups,
    mentions,
    replies,
    inbox,
    search,
]
# What a feature hands in for others to show, by the name under which it does.
PARTS: dict[str, dict[str, Any]] = {
    "extras": EXTRAS,
    "kinds": KINDS,
    "actions": ACTIONS,
    "watchers": WATCHERS,
    "panes": PANES,
}
QUARTER_HOUR = 900
JOBS_END = 2.0  # seconds that running jobs have when the server stops


def hand_in(feature: Any) -> None:
    """Make a feature's parts known, to all apps of this process and to commands without one."""
    for name, known in PARTS.items():
        known.update(getattr(feature, name, {}))


for _feature in FEATURES:
    hand_in(_feature)


def create_app(settings: Settings) -> Starlette:
    """The ASGI application; its parts hang on `app.state`."""
    frames: dict[str, Handler] = {}
    handlers: dict[str, jobs.Handler] = {}
    sweeps: dict[str, tuple[int, jobs.Handler]] = {}
    # Found by going through them, so what is asked for most stands in front.
    routes: list[BaseRoute] = [*messages.routes, WebSocketRoute("/ws", Door(frames)), *health.routes]
    for feature in FEATURES:
        routes += getattr(feature, "routes", []) if feature is not messages else []
        frames |= getattr(feature, "frames", {})
        handlers |= getattr(feature, "jobs", {})
        sweeps |= getattr(feature, "sweeps", {})
    for route in routes:
        if isinstance(route, Route):
            route.app = direct(route.endpoint)
    templates = Templates(settings)
    static = Mount("/static/{release}", StaticFolder())
    app = Starlette(
        routes=[Mount(settings.base_path, routes=[static, *routes], middleware=[Middleware(Guard)])],
        middleware=[
            Middleware(Security, settings=settings),
            Middleware(Measured),
            Middleware(Packing, minimum_size=LEAST, compresslevel=GZIP_LEVEL),
        ],
        exception_handlers={Refused: refused, HTTPException: no_route, ClientDisconnect: gone, Exception: broken},
        lifespan=_lifespan,
    )
    _furnish(app, settings, templates)
    app.state.worker = jobs.Worker(app, handlers, sweeps)
    return app


def _furnish(app: Starlette, settings: Settings, templates: Templates) -> None:
    state = app.state
    state.settings = settings
    state.templates = templates
    state.hub = Hub()
    state.writer = Writer()
    state.sockets = set()
    state.redis = connect(settings.redis_url) if settings.redis_url else None
    state.bus = RedisBus(state.hub, state.redis, settings.badge) if state.redis else LocalBus(state.hub)
    state.database = Database(
        settings.database, state.bus, templates.render, settings.database_pool, settings.database_pooler
    )
    state.send_queue = SendQueue(state.database)
    state.known_sessions = KnownSessions()
    state.passwords = Passwords()
    state.session_tokens = Tokens(settings.secret, "session")
    state.invite_tokens = Tokens(settings.secret, "invite")
    state.known_devices = Signer(settings.secret, salt="known device", digest_method=hashlib.sha256)
    state.registration_is_open = auth.registration_is_open
    state.shell = inbox.shell
    state.presence = presence.presence_of(app, _leases(state))
    state.marks = Marks()
    state.fetcher = Fetcher()
    state.logins = _limit(state, "logins", settings.login_attempts / QUARTER_HOUR, settings.login_attempts)
    state.addresses = _limit(state, "addresses", settings.address_attempts / QUARTER_HOUR, settings.address_attempts)
    state.sends = _limit(state, "sends", settings.send_rate, settings.send_burst)
    state.writes = _limit(state, "writes", settings.request_rate, settings.request_rate * 4)


def _limit(state: State, purpose: str, rate: float, burst: float) -> Limit:
    if state.redis is None:
        return Limit(rate, burst)
    return SharedLimit(state.redis, purpose, rate, burst, lambda: state.bus.is_whole)


def _leases(state: State) -> Leases:
    if state.redis is None:
        return NoLeases()
    return RedisLeases(state.redis, state.bus.process, lambda: state.bus.is_whole)


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    state = app.state

    async def whole() -> None:
        await recheck(app)
        await state.presence.renew()

    stopping = asyncio.Event()
    await state.worker.introduce()
    async with state.bus.running(Hooks(functools.partial(recheck, app), whole, state.presence.bury)):
        flushing = asyncio.create_task(receipts.flush(state.database, state.marks, stopping))
        telling = asyncio.create_task(state.presence.run())
        working = asyncio.create_task(state.worker.run(stopping))
        indexing = asyncio.create_task(search_index.follow(state.database, stopping))
        try:
            yield
        finally:
            stopping.set()
            await asyncio.wait([working], timeout=JOBS_END)
            working.cancel()
            telling.cancel()
            await asyncio.gather(flushing, working, telling, indexing, return_exceptions=True)
            with contextlib.suppress(Unavailable):  # the log says why; a full disk is no reason to end badly
                await state.presence.close()
    await state.database.close()
    if state.redis:
        await state.redis.aclose()
