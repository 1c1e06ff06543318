"""Middleware: headers of every answer, and who may send what from where."""

from __future__ import annotations

import re
import secrets
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.log import request_id
from app.settings import LOOPBACK, Settings

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'nonce-{nonce}'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types htmx",
    )
)

HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
    (b"cache-control", b"no-store"),
]
NAMES = frozenset(name for name, _ in HEADERS)


def is_same_origin(scope: Scope, base_url: str) -> bool:
    """Whether a request comes from our own pages, or from no browser at all.

    Browsers say `Origin` with every write and every socket; one that has it must
    name us exactly. What has neither `Origin` nor `Sec-Fetch-Site` is curl or a bot,
    which carries nobody's cookies without wanting to.
    """
    headers = Headers(scope=scope)
    site = headers.get("sec-fetch-site")
    if site in ("cross-site", "same-site"):
        return False
    origin = headers.get("origin")
    if origin is None:
        return site in (None, "same-origin", "none")
    parts = urlsplit(base_url)
    scheme = {"ws": "http", "wss": "https"}.get(scope["scheme"], scope["scheme"])
    ours = {f"{scheme}://{headers.get('host', '')}"}
    if base_url:
        ours = {f"{parts.scheme}://{parts.netloc}"}
        if parts.hostname in LOOPBACK:
            ours.add(f"http://{headers.get('host', '')}")
    return origin in ours


def given_id(scope: Scope) -> str:
    """The id that a trusted proxy gave the request; empty if none did."""
    given = Headers(scope=scope).get("x-request-id", "") if scope["state"].get("is_trusted") else ""
    return given if REQUEST_ID.fullmatch(given) else ""


def protect(headers: list[tuple[bytes, bytes]], nonce: str, base_url: str) -> None:
    """Add what browsers obey, and the id by which the log's lines about this request are found."""
    said = {name for name, _ in headers}
    headers.append((b"x-request-id", request_id.get().encode()))
    headers.append((b"content-security-policy", POLICY.replace("{nonce}", nonce).encode()))
    headers += HEADERS if said.isdisjoint(NAMES) else [each for each in HEADERS if each[0] not in said]
    if base_url.startswith("https:"):
        headers.append((b"strict-transport-security", b"max-age=31536000"))


class Security:
    """Outermost: an id for the request, the same-origin guard, and the headers that browsers obey."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.base_url = settings.base_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        random = secrets.token_hex(22)  # to ask the system twice takes twice the time
        request_id.set(given_id(scope) or random[:12])
        state["nonce"] = random[12:]
        state["same_origin"] = is_same_origin(scope, self.base_url)
        if scope["type"] == "websocket":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                protect(message["headers"], state["nonce"], self.base_url)
            await send(message)

        await self.app(scope, receive, send_with_headers)
