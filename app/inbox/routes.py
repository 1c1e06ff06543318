"""The list of chats, as a page, as a fragment and as the left column of every page; opening new chats."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.chats import service as chats
from app.db import Work
from app.errors import NotFound
from app.forms import form, query_text
from app.inbox import service
from app.inbox.service import Row
from app.users import service as users
from app.users.models import Person
from app.users.service import me
from app.web import VARY, Caller, caller, database, done, number, page, render

FILTERS = ("all", "unread", "favourites", "groups", "archived")
PEOPLE_FOUND = 8


async def shell(request: Request) -> dict[str, Any]:
    """What the left column of a whole page shows."""
    shown = request.query_params.get("filter", "all")
    query = query_text(request, "q") if request.scope["path"].endswith("/chats") else ""
    user = me(request)
    rows, people = await database(request).look(_listed, user, query)
    chosen = service.chosen(rows, shown, query)
    known = {user.id, *(row.partner_id for row in chosen)}
    return {
        "rows": await service.with_state(chosen, request.app.state.presence.online, _open_chat(request)),
        "filter": shown if shown in FILTERS else "all",
        "query": query,
        "unread_chats": sum(1 for row in rows if row.calls),
        "archived": [row for row in rows if row.chat.is_archived],
        "people": [person for person in people if person.id not in known],
        "section": "chats",
    }


async def _listed(work: Work, user: Person, query: str) -> tuple[list[Row], Sequence[Person]]:
    people = await users.directory(work, query, PEOPLE_FOUND) if query else []
    return await service.rows(work, user), people


def _open_chat(request: Request) -> int | None:
    chat_id: int | None = request.path_params.get("chat_id")
    return chat_id


async def index(request: Request) -> Response:
    """The start: the list, and nothing open."""
    kind = caller(request)
    if kind in (Caller.SCRIPT, Caller.JSON):
        return await listing(request)
    return await page(request, "inbox/empty.html", {"section": "chats"})


async def listing(request: Request) -> Response:
    """The list alone; unchanged lists are answered with 304."""
    if caller(request) is Caller.BROWSER:
        return await page(request, "inbox/empty.html", {"section": "chats"})
    values = await shell(request)
    is_json = caller(request) is Caller.JSON
    data = {"chats": list(map(row_data, values["rows"])), "unread_chats": values["unread_chats"]} if is_json else None
    response = await page(request, "inbox/_list.html", values, data=data)
    tag = f'"{hashlib.sha256(bytes(response.body)).hexdigest()[:20]}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"ETag": tag, "Vary": VARY})
    response.headers["ETag"] = tag
    return response


def row_data(row: Row) -> dict[str, Any]:
    """A chat of the list for programs."""
    moving = row.moving
    return {
        "id": row.chat_id,
        "kind": row.kind,
        "title": row.title,
        "unread": row.unread,
        "mentioned": row.mentioned,
        "draft": row.draft,
        "member": row.present,
        "pinned": row.chat.pinned_at is not None,
        "muted_until": row.chat.muted_until if row.chat.is_muted else None,
        "archived": row.chat.is_archived,
        "favourite": row.chat.is_favourite,
        "marked_unread": row.chat.is_marked_unread,
        "last": {"seq": moving.seq, "sender": moving.sender_name, "preview": moving.preview, "at": moving.at}
        if moving
        else None,
    }


async def row(request: Request) -> Response:
    """One chat's line, for a page that hears of a chat that it does not show."""
    found = await database(request).look(service.rows, me(request), [number(request, "chat_id")])
    if not found or found[0].chat.is_removed:
        raise NotFound
    found = await service.with_state(found, request.app.state.presence.online, None)
    return await page(request, "inbox/_row.html", {"row": found[0]}, data=row_data(found[0]))


async def create(request: Request) -> Response:
    """Open the direct chat with somebody, new or not; oneself is somebody, too."""
    fields = await form(request)
    async with database(request).write() as work:
        other = await users.by_username(work, fields.get("username", ""))
        chat_id, is_new = await chats.open_direct(work, me(request), other)
        found = await service.rows(work, me(request), [chat_id])
        if found[0].chat.is_removed:
            await chats.switch(work, chat_id, me(request).id, is_removed=False)
    html = render(request, "inbox/_row.html", row=found[0]) if caller(request) is Caller.SCRIPT else None
    return done(request, f"/chats/{chat_id}", html, data=row_data(found[0]), status=201 if is_new else 200)


routes = [
    Route("/", index, methods=["GET"]),
    Route("/chats", listing, methods=["GET"]),
    Route("/chats", create, methods=["POST"]),
    Route("/chats/{chat_id:int}/row", row, methods=["GET"]),
]
