"""React to a message, choose from all emoji, and see who reacted."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.chats import service as chats
from app.chats.models import Conversation
from app.db import Work
from app.forms import form, query_number, query_text
from app.messages import history
from app.messages.bubbles import Bubble
from app.messages.models import Message
from app.messages.parts import Action, Extra, Watcher
from app.reactions import catalogue, service
from app.settings import Settings
from app.users.models import Person
from app.users.service import me
from app.web import database, done, number, page, render


async def react(request: Request) -> Response:
    """Choose `emoji` (none of them takes it back), or `toggle` one. The answer is the bubble."""
    fields = await form(request, again=choose)
    emoji = service.read_emoji(fields.get("toggle") or fields.get("emoji", ""))
    path = number(request, "chat_id"), number(request, "seq")
    async with database(request).write() as work:
        bubble = await service.react(work, me(request), *path, emoji, toggle="toggle" in fields)
    return _changed(request, bubble)


def _changed(request: Request, bubble: Bubble) -> Response:
    """Lead whole pages to the message; a conversation gets the bubble, whatever dialog over it asked."""
    location = f"/chats/{bubble.chat_id}?at={bubble.seq}#message-{bubble.id}"
    is_page = request.headers.get("hx-target") == "main#pane"
    html = None if is_page else render(request, "messages/_bubble.html", message=bubble)
    shown = next((extra.value for extra in bubble.extras if extra.name == service.EXTRA), None)
    response = done(request, location, html, data={"revision": bubble.revision, "reactions": shown})
    response.headers["HX-Retarget"] = f"#chat-{bubble.chat_id}-messages"
    response.headers["HX-Reswap"] = "renew"
    return response


async def choose(request: Request) -> Response:
    """All emoji, for browsers without scripts."""
    path, query = (number(request, "chat_id"), number(request, "seq")), query_text(request, "q")
    async with database(request).read() as work:
        chat, message = await service.require_reactable(work, me(request), *path)
        mine = await service.chosen(work, *path, me(request))
    values = {"chat": chat, "message": message, "mine": mine, "query": query, "groups": catalogue.search(query)}
    data = {"mine": mine, "groups": values["groups"]}
    return await page(request, "reactions/choose.html", {**values, "section": "chats"}, data=data)


async def index(request: Request) -> Response:
    """Who reacted, with which emoji."""
    user, (chat_id, seq) = me(request), (number(request, "chat_id"), number(request, "seq"))
    emoji, skip = service.read_emoji(query_text(request, "emoji")), query_number(request, "skip") or 0
    async with database(request).read() as work:
        chat = await chats.require_member(work, chat_id, user)
        message = await history.require_visible(work, chat, user, seq)
        counts = await service.counts(work, chat_id, seq)
        reactors, has_more = await service.reactors(work, chat_id, seq, emoji=emoji, skip=skip)
    may = service.may_react(chat, message)
    values = {"chat": chat, "message": message, "counts": counts, "emoji": emoji, "reactors": reactors, "may": may}
    data = {"counts": [{"emoji": each, "count": count} for each, count in counts], "has_more": has_more}
    data["people"] = [_reactor(each) for each in reactors]
    more = skip + service.PAGE if has_more else 0
    return await page(request, "reactions/index.html", {**values, "more": more, "section": "chats"}, data=data)


def _reactor(reactor: service.Reactor) -> dict[str, Any]:
    person = reactor.person
    return {
        "id": person.id,
        "username": person.username,
        "display_name": person.display_name,
        "emoji": reactor.emoji,
    }


def _may_react(chat: Conversation, message: Message, _: Person, __: Settings) -> bool:
    return service.may_react(chat, message)


async def _mine(work: Work, chat: Conversation, message: Message, user: Person) -> str:
    return await service.chosen(work, chat.id, message.seq, user)


def _has_reactions(_: Conversation, message: Message, __: Person, ___: Settings) -> bool:
    return service.EXTRA in message.extras.split()


MESSAGE = "/chats/{chat_id:int}/messages/{seq:int}"
routes = [
    Route(f"{MESSAGE}/react", choose, methods=["GET"]),
    Route(f"{MESSAGE}/react", react, methods=["POST"]),
    Route(f"{MESSAGE}/reactions", index, methods=["GET"]),
]
extras = {service.EXTRA: Extra(slot="edge", template="reactions/_reactions.html", load=service.load)}
actions = {
    "react": Action(template="reactions/_react.html", is_offered=_may_react, rank=10, load=_mine),
    "see_reactions": Action(template="reactions/_see.html", is_offered=_has_reactions, rank=20),
}
watchers = {service.EXTRA: Watcher(deleted=service.drop)}
