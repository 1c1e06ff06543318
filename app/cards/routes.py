"""The pictures of cards, and removing a card."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.cards import making, service
from app.chats.models import Conversation
from app.db import Work
from app.messages.models import Message
from app.messages.parts import Action, Extra, Watcher
from app.settings import Settings
from app.users.models import Person
from app.users.service import me
from app.web import database, done, number

DAY = 86_400
FOR_EVER = {"Cache-Control": "private, max-age=31536000, immutable"}


async def image(request: Request) -> Response:
    async with database(request).read() as work:
        path = number(request, "chat_id"), number(request, "seq"), request.path_params["hash"]
        data = await service.image(work, me(request), *path)
    return Response(data, media_type="image/webp", headers=FOR_EVER)


async def remove(request: Request) -> Response:
    chat_id = number(request, "chat_id")
    async with database(request).write() as work:
        bubble = await service.remove(work, me(request), chat_id, number(request, "seq"))
    is_page = request.headers.get("hx-target") == "main#pane"
    return done(request, f"/chats/{chat_id}?at={bubble.seq}#message-{bubble.id}", None if is_page else "")


def _is_offered(chat: Conversation, message: Message, user: Person, _: Settings) -> bool:
    return chat.may_write and message.sender_id == user.id and service.EXTRA in message.extras.split()


async def _has_card(work: Work, chat: Conversation, message: Message, _: Person) -> bool:
    return bool(await service.load(work, chat.id, [message.seq]))


async def sweep(app: Starlette) -> None:
    async with app.state.database.write() as work:
        await service.sweep(work)


CARD = "/chats/{chat_id:int}/messages/{seq:int}/card"
routes = [
    Route(f"{CARD}/remove", remove, methods=["POST"]),
    Route(f"{CARD}/{{hash}}", image, methods=["GET"]),
]
jobs = {"cards.fetch": making.make}
sweeps = {"cards.sweep": (DAY, sweep)}
extras = {
    service.EXTRA: Extra(
        slot="after", template="cards/_card.html", load=service.load, read=service.read, store=service.store
    )
}
actions = {"remove_card": Action(template="cards/_remove.html", is_offered=_is_offered, rank=50, load=_has_card)}
watchers = {"cards": Watcher(edited=service.edited, deleted=service.deleted)}
