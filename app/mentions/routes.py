"""Whom one may name; what bubbles and rows show of it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.chats import service as chats
from app.forms import query_text
from app.mentions import service
from app.mentions.models import ALL, Mentions
from app.messages.parts import Extra, Watcher
from app.users.service import me
from app.web import database, number, page

OFFERED = 8


async def index(request: Request) -> Response:
    """Whom one may name in this chat, by the beginning of a name."""
    typed = query_text(request, "q")
    async with database(request).read() as work:
        chat = await chats.require_member(work, number(request, "chat_id"), me(request))
        found = await service.candidates(work, chat, me(request), typed, OFFERED) if chat.may_write else []
    everybody = chat.may_manage and ALL.startswith(typed.lower())
    names = ("id", "username", "display_name", "hue", "initials")
    members = [{name: getattr(person, name) for name in names} for person in found]
    data = {"members": members, "everybody": everybody}
    return await page(request, "mentions/index.html", {"chat": chat, "section": "chats", **data}, data=data)


routes = [Route("/chats/{chat_id:int}/mentions", index, methods=["GET"])]
extras = {
    "mentions": Extra(
        slot="text",
        template="mentions/_text.html",
        load=service.load,
        read=service.read,
        store=service.store,
        plain=Mentions.plain,
        row=lambda mentions: mentions.ids,
    )
}
watchers = {"mentions": Watcher(edited=service.edited, deleted=service.deleted)}
