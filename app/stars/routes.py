"""Star a message, and the lists of what one starred."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.chats.models import Conversation
from app.chats.panes import Pane
from app.db import Work
from app.errors import Invalid
from app.forms import form, query_text
from app.messages.bubbles import message_data
from app.messages.models import Message
from app.messages.parts import Action, Watcher
from app.stars import service
from app.stars.service import Kept
from app.users.service import me
from app.web import database, done, number, page


async def index(request: Request) -> Response:
    """Everything that one starred."""
    return await _index(request, None)


async def of_chat(request: Request) -> Response:
    """What one starred in a chat."""
    return await _index(request, number(request, "chat_id"))


async def _index(request: Request, chat_id: int | None) -> Response:
    async with database(request).read() as work:
        kept, has_more = await service.listed(work, me(request), chat_id, _before(request))
    values = {
        "kept": kept,
        "has_more": has_more,
        "chat_id": chat_id,
        "section": "you" if chat_id is None else "chats",
    }
    return await page(request, "stars/index.html", values, data=[_data(each) for each in kept])


def _before(request: Request) -> datetime | None:
    """Where the page before ended; raises Invalid for what is no time."""
    text = query_text(request, "before")
    try:
        at = datetime.fromisoformat(text) if text else None
    except ValueError:
        at = datetime.min
    if at and at.tzinfo is None:
        raise Invalid(before="This must be a time with its zone.")
    return at


def _data(kept: Kept) -> dict[str, Any]:
    return {
        "chat": {"id": kept.chat.id, "title": kept.chat.title},
        "message": message_data(kept.message),
        "starred_at": kept.starred_at,
    }


async def update(request: Request) -> Response:
    """Star a message, or with `on` 0 take the star away."""
    fields = await form(request)
    change = service.unstar if fields.get("on") == "0" else service.star
    chat_id, seq = number(request, "chat_id"), number(request, "seq")
    async with database(request).write() as work:
        found = await change(work, me(request), chat_id, [seq])
    fragment = "".join(f"#message-{each.id}" for each in found)
    return done(request, f"/chats/{chat_id}?at={seq}{fragment}", "", data={"starred": change is service.star})


def _may_star(_: Conversation, message: Message, *__: object) -> bool:
    return service.may_star(message)


async def _marks(request: Request, work: Work, chat: Conversation) -> Sequence[int]:
    return await service.seqs(work, me(request), chat.id)


routes = [
    Route("/starred", index, methods=["GET"]),
    Route("/chats/{chat_id:int}/starred", of_chat, methods=["GET"]),
    Route("/chats/{chat_id:int}/messages/{seq:int}/star", update, methods=["POST"]),
]
actions = {
    "star": Action(template="stars/_action.html", is_offered=_may_star, rank=25, load=service.is_starred),
}
watchers = {"stars": Watcher(deleted=service.forget)}
panes = {
    "stars": Pane(slot="banner", template="stars/_marks.html", load=_marks),
    "starred": Pane(slot="info", template="stars/_info.html"),
}
