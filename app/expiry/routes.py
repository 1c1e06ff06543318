"""Choose when messages disappear; remove those that are due."""

from __future__ import annotations

import time

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.chats import service as chats
from app.chats.models import Conversation
from app.chats.panes import Pane
from app.db import Work
from app.expiry import service
from app.expiry.service import LIFETIMES
from app.forms import form, whole
from app.messages import service as messages
from app.users.service import me
from app.web import database, done, number, page

SECONDS = 30  # what one sweep takes at most; the next one goes on


async def edit(request: Request) -> Response:
    async with database(request).read() as work:
        chat = await chats.require_member(work, number(request, "chat_id"), me(request))
    values = {
        "chat": chat,
        "lifetimes": LIFETIMES,
        "section": "chats",
    }
    return await page(request, "expiry/edit.html", values, data={"lifetime": chat.lifetime})


async def update(request: Request) -> Response:
    fields = await form(request, again=edit)
    chat_id, lifetime = number(request, "chat_id"), whole(fields.get("lifetime", ""), "lifetime")
    async with database(request).write() as work:
        await service.choose(work, me(request), chat_id, lifetime)
    in_page = request.headers.get("hx-target") == "main#pane"
    return done(request, f"/chats/{chat_id}", None if in_page else "", data={"lifetime": lifetime})


async def sweep(app: Starlette) -> None:
    """Remove what is due, a little at a time, so that nobody waits for it."""
    began = time.monotonic()
    while time.monotonic() - began < SECONDS:
        async with app.state.database.read() as work:
            due = await service.due(work)
        for chat_id, seqs in due.items():
            async with app.state.database.write() as work:
                await messages.expire(work, chat_id, seqs)
        if not due:
            break


async def lifetime_of(_: Request, __: Work, chat: Conversation) -> str:
    return LIFETIMES[chat.lifetime] if chat.lifetime else ""


routes = [
    Route("/chats/{chat_id:int}/expiry", edit, methods=["GET"]),
    Route("/chats/{chat_id:int}/expiry", update, methods=["POST"]),
]
sweeps = {"expiry.sweep": (60, sweep)}
panes = {
    "timer": Pane(slot="header", template="expiry/_header.html", load=lifetime_of),
    "lifetime": Pane(slot="info", template="expiry/_info.html", load=lifetime_of),
}
