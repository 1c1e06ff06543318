"""Pin a message, and what is pinned: as a banner under the chat's header, and as a list."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.chats import service as chats
from app.chats.models import Conversation
from app.chats.panes import Pane
from app.db import Work
from app.errors import Forbidden, Invalid
from app.forms import form
from app.messages import history
from app.messages.bubbles import message_data
from app.messages.models import Message
from app.messages.parts import Action, Extra, Watcher
from app.pins import service
from app.pins.models import Pinned
from app.pins.service import DURATIONS, USUAL
from app.users.service import me
from app.web import database, done, number, page


async def index(request: Request) -> Response:
    """What is pinned in a chat."""
    return await _shown(request, "pins/index.html")


async def banner(request: Request) -> Response:
    """The banner alone, for a page that has heard that it is another one now."""
    return await _shown(request, "pins/_banner.html")


async def _shown(request: Request, template: str) -> Response:
    async with database(request).read() as work:
        chat = await chats.require_member(work, number(request, "chat_id"), me(request))
        pins = await service.pinned(work, me(request), chat)
    values = {"chat": chat, "value": pins, "section": "chats"}
    return await page(request, template, values, data=[_data(pin) for pin in pins])


def _data(pin: Pinned) -> dict[str, Any]:
    by = {name: getattr(pin.by, name) for name in ("id", "username", "display_name")}
    return {"message": message_data(pin.message), "by": by, "pinned_at": pin.pinned_at, "ends_at": pin.ends_at}


async def edit(request: Request) -> Response:
    """For how long, and whether it takes the place of another."""
    async with database(request).read() as work:
        chat = await chats.require_member(work, number(request, "chat_id"), me(request))
        message = await history.require_visible(work, chat, me(request), number(request, "seq"))
        is_full = await service.is_full(work, chat.id, message.seq)
    if not service.may_pin(chat, message):
        raise Forbidden(chat.why_not or ("This can’t be pinned." if chat.may_pin else service.ADMINS_ONLY))
    values = {"chat": chat, "message": message, "durations": DURATIONS, "usual": USUAL, "full": service.FULL}
    data = {"durations": list(DURATIONS), "replaces": is_full}
    return await page(request, "pins/edit.html", {**values, "is_full": is_full, "section": "chats"}, data=data)


async def update(request: Request) -> Response:
    """Pin for a `duration`, or with an empty one take the pin down."""
    fields = await form(request, again=edit)
    length = _length(fields.get("duration", USUAL))
    user, path = me(request), (number(request, "chat_id"), number(request, "seq"))
    async with database(request).write() as work:
        if length:
            id_ = await service.pin(work, user, *path, length, replaces=fields.get("replace") == "1")
        else:
            id_ = await service.unpin(work, user, *path)
    location = f"/chats/{path[0]}?at={path[1]}#message-{id_}"
    in_page = request.headers.get("hx-target") == "main#pane"
    return done(request, location, None if in_page else "", data={"pinned": bool(length)})


def _length(text: str) -> timedelta | None:
    """For how long to pin, or None to take the pin down. Raises Invalid."""
    if text in ("", "unpin"):
        return None
    if text not in DURATIONS:
        raise Invalid(duration="Please choose one of these times.")
    return DURATIONS[text][0]


async def sweep(app: Starlette) -> None:
    """Take down what has ended, also on pages that are open."""
    while True:
        async with app.state.database.read() as work:
            due = await service.due(work)
        for chat_id, seqs in due.items():
            async with app.state.database.write() as work:
                await service.end(work, chat_id, seqs)
        if not due:
            break


async def _pinned(request: Request, work: Work, chat: Conversation) -> list[Pinned]:
    return await service.pinned(work, me(request), chat)


def _may_pin(chat: Conversation, message: Message, *_: object) -> bool:
    return service.may_pin(chat, message)


MESSAGE = "/chats/{chat_id:int}/messages/{seq:int}"
routes = [
    Route("/chats/{chat_id:int}/pins", index, methods=["GET"]),
    Route("/chats/{chat_id:int}/pins/banner", banner, methods=["GET"]),
    Route(f"{MESSAGE}/pin", edit, methods=["GET"]),
    Route(f"{MESSAGE}/pin", update, methods=["POST"]),
]
extras = {service.EXTRA: Extra(slot="meta", template="pins/_mark.html", load=service.load)}
actions = {"pin": Action(template="pins/_action.html", is_offered=_may_pin, rank=27, load=service.is_pinned)}
watchers = {"pins": Watcher(edited=service.edited, deleted=service.forget)}
panes = {"pins": Pane(slot="banner", template="pins/_banner.html", load=_pinned)}
sweeps = {"pins.sweep": (60, sweep)}
