"""The one gate of every HTTP route: same origin, signed in, not too fast. Closed unless listed as public."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from itsdangerous import BadSignature
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.auth import service
from app.auth.tokens import Tokens
from app.db import Database, now
from app.errors import Forbidden, Refused, Unauthenticated
from app.limits import Limit
from app.security import SAFE
from app.settings import LOOPBACK, Settings
from app.users.names import key

PUBLIC = frozenset({"/login", "/register", "/healthz", "/readyz", "/metrics", "/theme"})
PUBLIC_FOLDERS = ("/static/", "/join/")
TOUCH_EVERY = timedelta(hours=1)
YEAR = 365 * 86400
KNOWN = 1.0  # seconds
MOST_KNOWN = 10_000


def is_public(path: str) -> bool:
    return path in PUBLIC or path.startswith(PUBLIC_FOLDERS)


def host_name(connection: HTTPConnection) -> str:
    """The name or address by which we were called, without the port."""
    host = connection.headers.get("host", "")
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def is_secure(connection: HTTPConnection) -> bool:
    """Whether browsers take Secure cookies here: by https, or on the machine itself."""
    settings: Settings = connection.app.state.settings
    is_https = settings.base_url.startswith("https:") or connection.scope["scheme"] in ("https", "wss")
    return is_https or (name := host_name(connection)) in LOOPBACK or name.endswith(".localhost")


def cookie_name(connection: HTTPConnection) -> str:
    """A plain-HTTP name in a local network gets a cookie without the protection that needs TLS."""
    return "__Host-sid" if is_secure(connection) else "sid"


def set_cookie(request: Request, response: Response, signed: str) -> None:
    days = request.app.state.settings.session_days
    response.set_cookie(
        cookie_name(request),
        signed,
        max_age=days * 86400,
        secure=is_secure(request),
        httponly=True,
        samesite="lax",
    )


def drop_cookie(request: Request, response: Response) -> None:
    response.delete_cookie(cookie_name(request), secure=is_secure(request), httponly=True, samesite="lax")


def set_known(request: Request, response: Response, user_id: int) -> None:
    """Remember that somebody signed in on this browser, long after the session is over."""
    signed = request.app.state.known_devices.sign(f"{user_id}.{secrets.token_urlsafe(9)}").decode()
    response.set_cookie(
        "known",
        signed,
        max_age=YEAR,
        secure=is_secure(request),
        httponly=True,
        samesite="lax",
        path=request.app.state.settings.base_path + "/login",
    )


def attempts_key(request: Request, username: str, user_id: int | None) -> str:
    """Whose attempts a sign-in counts among: a browser that knows the account has its own,
    so that strangers who guess cannot lock its owner out.
    """
    try:
        known = request.app.state.known_devices.unsign(request.cookies.get("known", "")).decode()
    except BadSignature:
        known = ""
    if user_id is not None and known.startswith(f"{user_id}."):
        return f"device:{known}"
    return account_attempts(user_id) if user_id is not None else f"name:{key(username.removeprefix('@'))}"


def account_attempts(user_id: int) -> str:
    """Among whose attempts a wrong password counts, however its account was named."""
    return f"account:{user_id}"


def address(connection: HTTPConnection) -> str:
    return connection.client.host if connection.client else ""


def neighbourhood(connection: HTTPConnection) -> str:
    """The network that limits count as one visitor: a /24, or the /56 that a household gets."""
    try:
        ip = ip_address(address(connection))
    except ValueError:
        return "address:unknown"
    return f"address:{ip_network((ip, 24 if ip.version == 4 else 56), strict=False)}"


class KnownSessions:
    """Who was behind a cookie a moment ago: nobody is looked up twice within KNOWN seconds, for which a change made
    in another process may stay unseen.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.found: dict[str, tuple[float, service.SignedIn]] = {}

    def get(self, cookie: str) -> service.SignedIn | None:
        since, signed_in = self.found.get(cookie, (0.0, None))
        return signed_in if self.clock() - since < KNOWN else None

    def keep(self, cookie: str, signed_in: service.SignedIn) -> None:
        if len(self.found) >= MOST_KNOWN:
            self.found.clear()
        self.found[cookie] = self.clock(), signed_in

    def forget(self, user_id: int) -> None:
        """Somebody changed something about themselves, or their devices."""
        self.found = {key: known for key, known in self.found.items() if known[1].person.id != user_id}


async def who(connection: HTTPConnection, known: bool = True) -> service.SignedIn | None:
    """Who is behind a request or a socket, by its cookie; looked up for sure unless `known` will do."""
    state = connection.app.state
    tokens: Tokens = state.session_tokens
    sessions: KnownSessions = state.known_sessions
    database: Database = state.database
    signed = connection.cookies.get(cookie_name(connection), "")
    if known and (found := sessions.get(signed)):
        return found
    token_hash = tokens.read(signed)
    if token_hash is None:
        return None
    found = await database.look(service.signed_in, token_hash, state.settings.session_days)
    if found:
        sessions.keep(signed, found)
    return found


@lru_cache(1024)
def _is_sane(host: str) -> bool:
    """Whether a Host header names one: every address that we build begins with it."""
    try:
        urlsplit(f"//{host}").port  # noqa: B018
    except ValueError:
        return False
    return True


class Guard:
    """Wraps all routes; puts `user`, `session_id` and the seconds it took, `waited`, into the request’s state."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request, clock = Request(scope), asyncio.get_running_loop().time
        began = clock()
        path = scope["path"].removeprefix(request.app.state.settings.base_path)
        await self._admit(request, path)
        request.state.waited = clock() - began
        try:
            await self.app(scope, receive, send)
        finally:
            # What is done in chats changes nobody's account and devices; anything else may.
            if request.method not in SAFE and not path.startswith("/chats/") and hasattr(request.state, "user"):
                request.app.state.known_sessions.forget(request.state.user.id)

    async def _admit(self, request: Request, path: str) -> None:
        state, app_state = request.state, request.app.state
        if not _is_sane(request.headers.get("host", "")):
            raise Refused("The Host header of this request makes no sense.")
        if request.method not in SAFE and not state.same_origin:
            raise Forbidden("This was sent by a page that is not Parley’s, so nothing was done.")
        if path.startswith("/static/"):
            return
        state.insecure = not is_secure(request)
        found = await who(request)
        if found is None:
            if not is_public(path):
                raise Unauthenticated("Please sign in first.")
            return
        state.user, state.session_id = found.person, found.session_id
        if request.method not in SAFE:
            writes: Limit = app_state.writes
            await writes.require(f"user:{found.person.id}")
        if now() - found.last_active_at > TOUCH_EVERY:
            async with app_state.database.write() as work:
                await service.touch(work, found.session_id, address(request))
            app_state.known_sessions.forget(found.person.id)
