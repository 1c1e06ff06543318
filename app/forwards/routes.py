"""Choose chats, and forward a message into them."""

from __future__ import annotations

import uuid

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.chats.models import Conversation
from app.errors import Invalid
from app.forms import form, many, whole
from app.forwards import service
from app.messages.bubbles import bubbles, message_data
from app.messages.models import Message
from app.messages.parts import Action, Extra, Watcher
from app.users.service import me
from app.web import Caller, caller, database, done, number, page


async def new(request: Request) -> Response:
    """The chats to choose from."""
    path = number(request, "chat_id"), number(request, "seq")
    async with database(request).read() as work:
        chat, message, hops = await service.source(work, me(request), *path)
        targets = await service.targets(work, me(request))
        (shown,) = await bubbles(work, chat, [message], {me(request).id: me(request)})
    typed = getattr(request.state, "form", None)
    values = {
        "chat": chat,
        "message": shown,
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
    path = number(request, "chat_id"), number(request, "seq")
    targets = [whole(value, "chats") for value in many(request, "chats")]
    await request.app.state.sends.require(f"user:{me(request).id}")
    async with database(request).write() as work:
        sent = await service.forward(work, me(request), *path, targets, _form_id(fields.get("id", "")))
    location = f"/chats/{sent[0].chat_id}#latest" if len(sent) == 1 else f"/chats/{path[0]}?at={path[1]}"
    html = "" if caller(request) is not Caller.SCRIPT else f"{len(sent)}\n"
    return done(request, location, html, data=[message_data(bubble) for bubble in sent], status=201)


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
]
extras = {
    service.EXTRA: Extra(slot="before", template="forwards/_label.html", load=service.load, store=service.store),
}
actions = {"forward": Action(template="forwards/_action.html", is_offered=_may_forward, rank=20)}
watchers = {"forwards": Watcher(deleted=service.forget)}
