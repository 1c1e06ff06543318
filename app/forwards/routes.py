"""Choose chats, and forward a message into them."""

from __future__ import annotations

import uuid
from math import ceil

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.chats.models import Conversation
from app.errors import Invalid
from app.forms import form, many, whole, wholes
from app.forwards import service
from app.messages.bubbles import message_data
from app.messages.history import MOST_CHOSEN
from app.messages.models import Message
from app.messages.parts import Action, Extra, Watcher
from app.users.service import me
from app.web import Caller, caller, database, done, number, page, settings

TOGETHER = 20  # messages that cost as much as one send


async def new(request: Request) -> Response:
    """The chats to choose from."""
    async with database(request).read() as work:
        chat, messages, hops = await service.sources(work, me(request), number(request, "chat_id"), _seqs(request))
        targets = await service.targets(work, me(request))
    typed = getattr(request.state, "form", None)
    values = {
        "chat": chat,
        "messages": messages,
        "targets": targets,
        "chosen": set(many(request, "chats")) if typed else set(),
        "most": service.most(hops),
        "form_id": typed.get("id") if typed else str(uuid.uuid4()),
        "section": "chats",
    }
    data = [{"id": target.id, "title": target.title} for target in targets]
    return await page(request, "forwards/new.html", values, data=data)


async def create(request: Request) -> Response:
    fields = await form(request, again=new)
    chat_id, seqs = number(request, "chat_id"), _seqs(request)
    targets = [whole(value, "chats") for value in many(request, "chats")]
    await _take_turns(request, len(seqs) * len(targets))
    async with database(request).write() as work:
        form_id = _form_id(fields.get("id", ""))
        (first, *_), sent = await service.forward(work, me(request), chat_id, seqs, targets, form_id)
    location = f"/chats/{chat_id}?at={first.seq}#message-{first.id}"
    if len({*targets}) == 1:
        location = f"/chats/{sent[0].chat_id}#latest"
    html = "" if caller(request) is not Caller.SCRIPT else f"{len(sent)}\n"
    return done(request, location, html, data=[message_data(bubble) for bubble in sent], status=201)


async def _take_turns(request: Request, count: int) -> None:
    """Raises TooMany for who says more than others do; what is forwarded together costs less than as many sends."""
    turns = min(ceil(count / TOGETHER), settings(request).send_burst)
    await request.app.state.sends.require(*[f"user:{me(request).id}"] * max(turns, 1))


def _seqs(request: Request) -> list[int]:
    """Which messages: the one in the path, or those in the form or the query string."""
    if "seq" in request.path_params:
        return [number(request, "seq")]
    return wholes(request, "seq", MOST_CHOSEN)


def _form_id(text: str) -> str:
    try:
        return str(uuid.UUID(text)) if text else str(uuid.uuid4())
    except ValueError:
        raise Invalid(id="This must be a UUID.") from None


def _may_forward(_: Conversation, message: Message, *__: object) -> bool:
    return service.may_forward(message)


routes = [
    Route("/chats/{chat_id:int}/messages/{seq:int}/forward", new, methods=["GET"]),
    Route("/chats/{chat_id:int}/messages/{seq:int}/forward", create, methods=["POST"]),
    Route("/chats/{chat_id:int}/forward", new, methods=["GET"]),
    Route("/chats/{chat_id:int}/forward", create, methods=["POST"]),
]
extras = {
    service.EXTRA: Extra(slot="before", template="forwards/_label.html", load=service.load, store=service.store),
}
actions = {"forward": Action(template="forwards/_action.html", is_offered=_may_forward, rank=20)}
watchers = {"forwards": Watcher(deleted=service.forget)}
