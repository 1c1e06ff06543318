"""What every door needs: who is calling, reading forms, answering in the caller's way."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any, cast

from starlette.convertors import IntegerConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from app.db import Database
from app.errors import NotFound, Refused, Unauthenticated
from app.security import protect
from app.settings import Settings
from app.templates import Templates

Endpoint = Callable[[Request], Awaitable[Response]]

VARY = "Accept, HX-Request, Cookie"
ERROR = "error.html"
THEMES = ("auto", "light", "dark")


class Whole(IntegerConvertor):
    """A number in a path: with more digits than the database takes it is no address."""

    regex = "[0-9]{1,18}"


register_url_convertor("int", Whole())


class Caller(Enum):
    """Who wants the answer, and so in which form."""

    BROWSER = "a browser that loads a page"
    HTMX = "htmx, which swaps a fragment into the page"
    SCRIPT = "curl and the like: the fragment with the right status"
    JSON = "a program that wants the data"


def caller(request: Request) -> Caller:
    accept = request.headers.get("accept", "")
    if "application/json" in accept:
        return Caller.JSON
    if "hx-history-restore-request" in request.headers:
        return Caller.BROWSER  # Back and Forward pick the pane out of the whole page
    if request.headers.get("hx-request") == "true":
        return Caller.HTMX
    return Caller.BROWSER if "text/html" in accept else Caller.SCRIPT


def direct(endpoint: Endpoint) -> ASGIApp:
    """An endpoint as an ASGI app whose refusals go up to the one place that answers them; the framework's own would
    look out for them here, too.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = await endpoint(Request(scope, receive, send))
        await response(scope, receive, send)

    return app


def database(request: Request) -> Database:
    return cast("Database", request.app.state.database)


def settings(request: Request) -> Settings:
    return cast("Settings", request.app.state.settings)


def render(request: Request, template: str, **values: Any) -> str:
    templates = cast("Templates", request.app.state.templates)
    return templates.render(template, **values)


def number(request: Request, name: str) -> int:
    """A number from the path."""
    return cast("int", request.path_params[name])


async def page(
    request: Request,
    template: str,
    values: Mapping[str, Any] | None = None,
    *,
    data: Any = None,
    status: int = 200,
) -> Response:
    """Answer with a template: whole for browsers, its own block for htmx and curl, `data` as JSON."""
    kind = caller(request)
    if kind is Caller.JSON:
        return as_json(data if data is not None else values, status)
    whole = kind is Caller.BROWSER
    # A card stands alone, so an error can be shown while there is no database to fill the left column from.
    context = {**await _context(request, whole and template != ERROR), **(values or {})}
    templates = cast("Templates", request.app.state.templates)
    html = templates.render(template, **context) if whole else templates.render_block(template, context)
    return _html(html, status)


async def _context(request: Request, whole: bool) -> dict[str, Any]:
    """What every template may count on."""
    state = request.state
    user = getattr(state, "user", None)
    context: dict[str, Any] = {
        "nonce": state.nonce,
        "me": user,
        "theme": theme if (theme := request.cookies.get("theme")) in THEMES else "auto",
        "insecure": getattr(state, "insecure", False),
        "registration": request.app.state.registration_is_open(request),
        "form": getattr(state, "form", None) or {},
        "errors": getattr(state, "errors", {}),
    }
    if user and whole:
        context |= await request.app.state.shell(request)
    return context


def done(
    request: Request, location: str, html: str | None = None, *, data: Any = None, status: int = 200
) -> Response:
    """Answer a change: browsers are led to `location`, htmx and curl get `html`, programs get `data`.

    Without `html`, htmx is led to `location`, too: it follows and pushes the address.
    """
    address = settings(request).base_path + location
    kind = caller(request)
    if kind is Caller.BROWSER or (kind is Caller.HTMX and html is None):
        return RedirectResponse(address, 303)
    if kind is Caller.JSON:
        response = as_json(data if data is not None else {"location": address}, status)
    else:
        response = _html(html or "", status)
    response.headers["Location"] = address
    return response


def leave_for(request: Request, location: str, *, data: Any = None, status: int = 200) -> Response:
    """Like `done`, but the whole page is loaded anew: who is signed in has changed, or the look of everything."""
    response = done(request, location, "", data=data, status=status)
    if caller(request) is Caller.HTMX:
        response.headers["HX-Redirect"] = settings(request).base_path + location
    return response


def _html(html: str, status: int) -> HTMLResponse:
    return HTMLResponse(html, status, headers={"Vary": VARY})


def as_json(data: Any, status: int = 200, media_type: str = "application/json") -> Response:
    text = json.dumps(data, default=_plain, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, {"Vary": VARY}, media_type)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
    if isinstance(value, datetime):
        return value.isoformat()
    if hasattr(value, "_mapping"):
        return dict(value._mapping)
    raise TypeError(f"{type(value).__name__} has no JSON form")


async def refused(request: Request, error: Exception) -> Response:
    """Answer a refusal: as a page, a fragment, or application/problem+json."""
    assert isinstance(error, Refused)
    kind = caller(request)
    if isinstance(error, Unauthenticated):
        return _sign_in_first(request, error, kind)
    again: Endpoint | None = getattr(request.state, "again", None)
    if kind in (Caller.SCRIPT, Caller.JSON):
        response = as_json(_problem(error), error.status, "application/problem+json")
    elif again and error.errors:
        request.state.errors = error.errors
        try:
            response = await again(request)
        except Refused as other:  # there is no such form for them
            request.state.again = None
            return await refused(request, other)
        response.status_code = error.status
    else:
        response = await page(
            request, ERROR, {"status": error.status, "title": error.title, "message": error.message}
        )
        response.status_code = error.status
    response.headers.update(error.headers)
    return response


def _problem(error: Refused) -> dict[str, Any]:
    """RFC 9457; `errors` maps fields to sentences."""
    return {"type": "about:blank", "title": error.title, "status": error.status, "detail": error.message} | (
        {"errors": error.errors} if error.errors else {}
    )


def _sign_in_first(request: Request, error: Refused, kind: Caller) -> Response:
    base = settings(request).base_path
    if kind is Caller.BROWSER:
        way_back = request.url.path.removeprefix(base) if request.method == "GET" else "/"
        query = f"?{request.url.query}" if request.url.query and request.method == "GET" else ""
        request_url = request.url.replace_query_params(next=way_back + query).query
        return RedirectResponse(f"{base}/login?{request_url}", 303)
    if kind is Caller.HTMX:
        response = _html("", 401)
        response.headers["HX-Redirect"] = f"{base}/login"
        return response
    return as_json(_problem(error), 401, "application/problem+json")


async def no_route(request: Request, error: Exception) -> Response:
    """Give the framework's own refusals (404, 405 …) the product's look."""
    assert isinstance(error, HTTPException)
    refusal = NotFound() if error.status_code == 404 else Refused(error.detail)
    refusal.status = error.status_code
    refusal.headers = dict(error.headers or {})
    if error.status_code == 405:
        refusal.headers["Allow"] = ", ".join(sorted(_methods(request.app.routes, request.scope)))
    return await refused(request, refusal)


def _methods(routes: Iterable[BaseRoute], scope: Scope) -> set[str]:
    """What may be done at an address, by all of its routes; the framework looks at the first of them only."""
    found: set[str] = set()
    for route in routes:
        match, inner = route.matches(scope)
        if match is not Match.NONE and isinstance(route, Mount):
            found |= _methods(route.routes, {**scope, **inner})
        elif match is not Match.NONE and isinstance(route, Route):
            found |= route.methods or set()
    return found


async def gone(*_: object) -> Response:
    """For who hung up before the whole request was here, so nobody hears the answer."""
    return Response(status_code=400)


async def broken(request: Request, _: Exception) -> Response:
    """The page for what should never happen; the log has the reason."""
    refusal = Refused("Something went wrong on the server. It is written down; please try again.")
    refusal.status, refusal.title = 500, "That should not have happened"
    response = await refused(request, refusal)
    # The framework answers these outside of all middleware.
    protect(response.raw_headers, request.state.nonce, settings(request).base_url)
    return response
