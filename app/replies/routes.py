"""Begin a reply and give it up; what bubbles, menus and the composer show of it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.chats.models import Conversation
from app.chats.panes import Pane
from app.db import Work
from app.errors import Invalid
from app.forms import form, query_number
from app.messages.models import Message
from app.messages.parts import Action, Extra, Watcher
from app.replies import service
from app.replies.models import Begun
from app.users.service import me
from app.web import database, done, number, render


async def begin(request: Request) -> Response:
    """Answer a message with what is being written; without one, answer none."""
    fields = await form(request)
    chat_id = number(request, "chat_id")
    origin = service.read(fields)
    async with database(request).write() as work:
        begun = await service.begin(work, me(request), chat_id, origin)
    html = render(request, "replies/_begun.html", value=begun) if begun else ""
    return done(request, f"/chats/{chat_id}", html, data=begun or {})


async def open_private(request: Request) -> Response:
    async with database(request).write() as work:
        path = number(request, "chat_id"), number(request, "seq")
        chat_id = await service.open_private(work, me(request), *path)
    return done(request, f"/chats/{chat_id}")


async def tell(app: Starlette, chat_id: int, seqs: list[int]) -> None:
    """The job by which other chats hear that what they quote has changed."""
    async with app.state.database.write() as work:
        await service.tell(work, chat_id, seqs)


async def _strip(request: Request, work: Work, chat: Conversation) -> Begun | tuple[()]:
    """What the composer is about to answer: as a refused form says, the address, or what was begun."""
    user, asked = me(request), query_number(request, "reply")
    typed: Any = getattr(request.state, "form", None)
    if not chat.may_write:
        return ()
    if typed is None and asked is None:
        return await service.begun(work, user, chat.id) or ()
    origin = (None, asked) if asked is not None else _typed(typed)
    return (await service.quoting(work, user, chat.id, origin) if origin else None) or ()


def _typed(fields: Mapping[str, str]) -> service.Origin | None:
    with suppress(Invalid):
        return service.read(fields)
    return None


def _may_reply(chat: Conversation, message: Message, *_: object) -> bool:
    return service.may_reply(chat, message)


def _may_reply_privately(chat: Conversation, message: Message, user: Any, _: object) -> bool:
    is_living = message.kind != "note" and message.deleted_at is None
    return chat.in_group and is_living and message.sender_id != user.id


routes = [
    Route("/chats/{chat_id:int}/reply", begin, methods=["POST"]),
    Route("/chats/{chat_id:int}/messages/{seq:int}/reply-privately", open_private, methods=["POST"]),
]
jobs = {"replies.tell": tell}
extras = {
    "quote": Extra(
        slot="before",
        template="replies/_quote.html",
        load_as=service.load,
        read=service.read,
        check=service.check,
        store=service.store,
        row=lambda quote: str(quote.sender_id),
    )
}
actions = {
    "reply": Action(template="replies/_reply.html", is_offered=_may_reply, rank=10),
    "reply_privately": Action(template="replies/_reply_privately.html", is_offered=_may_reply_privately, rank=11),
}
watchers = {"quotes": Watcher(edited=service.edited, deleted=service.deleted)}
panes = {"reply": Pane(slot="strip", template="replies/_strip.html", load=_strip)}
