"""What a chat is, and what one has begun to write in it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.chats import service
from app.chats.panes import panes_of
from app.forms import form
from app.users.service import me
from app.web import database, done, number, page


async def info(request: Request) -> Response:
    """Who and what a chat is: the person, or the group and its members."""
    async with database(request).read() as work:
        chat = await service.require_member(work, number(request, "chat_id"), me(request))
        is_in = chat.in_group and chat.is_present
        members = await service.members(work, chat.id, me(request)) if is_in else []
        chat = await service.with_count(work, chat)
        values = {"chat": chat, "members": members, "panes": await panes_of(request, work, chat, "info")}
    values["chat"] = await service.with_online(chat, request.app.state.presence.online)
    return await page(request, "chats/info.html", {**values, "section": "chats"}, data=members)


async def save_draft(request: Request) -> Response:
    """Keep what is being written, for the next time and the other devices."""
    fields = await form(request)
    chat_id = number(request, "chat_id")
    async with database(request).write() as work:
        await service.save_draft(work, chat_id, me(request), fields.get("body", ""))
    return done(request, f"/chats/{chat_id}", "")


routes = [
    Route("/chats/{chat_id:int}/info", info, methods=["GET"]),
    Route("/chats/{chat_id:int}/draft", save_draft, methods=["POST"]),
]
