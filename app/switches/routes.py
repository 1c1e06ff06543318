"""Pin, mute, archive, favourite, mark unread, clear and remove a chat: for oneself, on all one's devices."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.chats import service as chats
from app.chats.models import Conversation
from app.chats.panes import Pane
from app.db import Work
from app.forms import form
from app.messages import history
from app.switches import service
from app.users.models import Person
from app.users.service import me
from app.web import Endpoint, database, done, number, page

Switch = Callable[[Work, Person, int, bool], Awaitable[None]]


async def index(request: Request) -> Response:
    """All that may be chosen about a chat."""
    user = me(request)
    async with database(request).read() as work:
        chat = await chats.require_member(work, number(request, "chat_id"), user)
        unread, _ = await history.unread(work, chat, user)
    is_unread = chat.is_marked_unread or unread > 0
    values = {"chat": chat, "is_unread": is_unread, "section": "chats"}
    return await page(request, "switches/index.html", values, data=_data(chat))


def _data(chat: Conversation) -> dict[str, Any]:
    """What is chosen, for programs."""
    return {
        "pinned": chat.pinned_at is not None,
        "muted_until": chat.muted_until if chat.is_muted else None,
        "archived": chat.is_archived,
        "favourite": chat.is_favourite,
        "marked_unread": chat.is_marked_unread,
    }


def switch(change: Switch) -> Endpoint:
    """The door of a switch: on, or with the field `on` = 0 off."""

    async def answer(request: Request) -> Response:
        on = (await form(request)).get("on", "1") != "0"
        async with database(request).write() as work:
            await change(work, me(request), number(request, "chat_id"), on)
        return _done(request, "/")

    return answer


async def mute(request: Request) -> Response:
    how_long = (await form(request)).get("for", "always")
    async with database(request).write() as work:
        await service.mute(work, me(request), number(request, "chat_id"), how_long)
    return _done(request, "/")


async def clear(request: Request) -> Response:
    """With the field `keep_starred` all but what one starred."""
    chat_id, keep_starred = number(request, "chat_id"), "keep_starred" in await form(request)
    async with database(request).write() as work:
        await service.clear(work, me(request), chat_id, keep_starred)
    return _done(request, f"/chats/{chat_id}")


async def remove(request: Request) -> Response:
    chat_id = number(request, "chat_id")
    async with database(request).write() as work:
        await service.remove(work, me(request), chat_id)
    return _done(request, "/")


async def keep_archived(request: Request) -> Response:
    on = (await form(request)).get("on", "1") != "0"
    async with database(request).write() as work:
        await service.keep_archived(work, me(request), on)
    return done(request, "/archive")


async def archive_settings(request: Request) -> Response:
    """Whether archived chats stay archived."""
    async with database(request).read() as work:
        keeps = await service.keeps_archived(work, me(request))
    return await page(request, "switches/archive.html", {"keeps": keeps, "section": "chats"}, data={"keeps": keeps})


def _done(request: Request, location: str) -> Response:
    """In the dialog over a page nothing is left to show, since the row is asked for; a page of its own leads away."""
    is_page = request.headers.get("hx-target") == "main#pane"
    return done(request, location, None if is_page else "")


CHAT = "/chats/{chat_id:int}"
routes = [
    Route(f"{CHAT}/switches", index, methods=["GET"]),
    Route(f"{CHAT}/pin", switch(service.pin), methods=["POST"]),
    Route(f"{CHAT}/mute", mute, methods=["POST"]),
    Route(f"{CHAT}/archive", switch(service.archive), methods=["POST"]),
    Route(f"{CHAT}/favourite", switch(service.favour), methods=["POST"]),
    Route(f"{CHAT}/unread", switch(service.mark_unread), methods=["POST"]),
    Route(f"{CHAT}/clear", clear, methods=["POST"]),
    Route(f"{CHAT}/remove", remove, methods=["POST"]),
    Route("/archive", archive_settings, methods=["GET"]),
    Route("/archive", keep_archived, methods=["POST"]),
]
panes = {"switches": Pane(slot="info", template="switches/_info.html")}
