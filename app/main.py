"""Puts the house together: the features in their order, what they share, and what runs beside them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from itsdangerous import Signer
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Mount, WebSocketRoute

from app import health
from app.auth import routes as auth
from app.auth.guard import Guard
from app.auth.passwords import Passwords
from app.auth.tokens import Tokens
from app.chats import routes as chats
from app.db import Database
from app.errors import Refused
from app.files import StaticFolder
from app.groups import routes as groups
from app.inbox import routes as inbox
from app.limits import Limit
from app.messages import routes as messages
from app.presence import routes as presence
from app.presence.service import saw
from app.realtime.bus import LocalBus
from app.realtime.hub import Hub
from app.receipts import routes as receipts
from app.receipts.marks import Marks
from app.security import Security
from app.settings import Settings
from app.socket import Handler, door
from app.templates import Templates
from app.users import routes as users
from app.web import broken, gone, no_route, refused

# A feature uses those before it, never one after it.
FEATURES: list[Any] = [users, auth, chats, receipts, presence, messages, groups, inbox]
QUARTER_HOUR = 900


def create_app(settings: Settings) -> Starlette:
    """The ASGI application; its parts hang on `app.state`."""
    frames: dict[str, Handler] = {}
    routes: list[BaseRoute] = [*health.routes, WebSocketRoute("/ws", door(frames))]
    for feature in FEATURES:
        routes += getattr(feature, "routes", [])
        frames |= getattr(feature, "frames", {})
    templates = Templates(settings)
    static = Mount(f"/static/{templates.release}", StaticFolder())
    app = Starlette(
        routes=[Mount(settings.base_path, routes=[static, *routes], middleware=[Middleware(Guard)])],
        middleware=[
            Middleware(Security, settings=settings),
            Middleware(GZipMiddleware, minimum_size=1000, compresslevel=4),
        ],
        exception_handlers={Refused: refused, HTTPException: no_route, ClientDisconnect: gone, Exception: broken},
        lifespan=_lifespan,
    )
    _furnish(app, settings, templates)
    return app


def _furnish(app: Starlette, settings: Settings, templates: Templates) -> None:
    state = app.state
    state.settings = settings
    state.templates = templates
    state.hub = Hub()
    state.bus = LocalBus(state.hub)
    state.database = Database(settings.database, state.bus, templates.render)
    state.passwords = Passwords()
    state.session_tokens = Tokens(settings.secret, "session")
    state.invite_tokens = Tokens(settings.secret, "invite")
    state.known_devices = Signer(settings.secret, salt="known device", digest_method=hashlib.sha256)
    state.registration_is_open = auth.registration_is_open
    state.shell = inbox.shell
    state.presence = presence.presence_of(app)
    state.marks = Marks()
    state.logins = Limit(settings.login_attempts / QUARTER_HOUR, settings.login_attempts)
    state.addresses = Limit(settings.address_attempts / QUARTER_HOUR, settings.address_attempts)
    state.sends = Limit(settings.send_rate, settings.send_burst)
    state.writes = Limit(settings.request_rate, settings.request_rate * 4)


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    state = app.state
    stopping = asyncio.Event()
    flushing = asyncio.create_task(receipts.flush(state.database, state.marks, stopping))
    try:
        yield
    finally:
        stopping.set()
        await flushing
        await state.presence.close()
        async with state.database.write() as work:
            await saw(work, state.presence.online)
        await state.database.close()
