"""Search over everything, inside one chat, and by a date; the switcher of chats."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.chats import service as chats
from app.chats.models import Conversation
from app.chats.panes import Pane
from app.errors import Invalid
from app.forms import query_number, query_text
from app.jobs import Again
from app.search import index as index_
from app.search import query, service
from app.search.query import Asked
from app.search.service import Found, Hit
from app.users.service import me
from app.web import database, done, number, page, settings

ZONE_CHARACTERS = 64


def _asked(request: Request) -> Asked:
    fields = {name: query_text(request, name) for name in query.FILTERS}
    return query.read(query_text(request, "q"), fields)


def _zone(request: Request) -> ZoneInfo:
    """The zone in which the reader's days begin, where they say it, else the server's."""
    name = query_text(request, "zone")[:ZONE_CHARACTERS]
    try:
        return ZoneInfo(name or settings(request).timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo(settings(request).timezone)


async def index(request: Request) -> Response:
    """A page of what is found: messages, and on the first one chats and people."""
    asked, before = _asked(request), query_number(request, "page")
    async with database(request).read() as work:
        found = await service.search(work, me(request), asked, _zone(request), before)
        values = {"asked": asked, "found": found, "is_first": before is None, "has_names": service.has_names()}
    return await page(request, "search/index.html", values, data=_data(asked, found))


async def inside(request: Request) -> Response:
    """What is found in one chat."""
    typed = query_text(request, "q")[: query.MOST]
    asked = query.read(query_text(request, "q"), {})
    async with database(request).read() as work:
        chat = await chats.require_member(work, number(request, "chat_id"), me(request))
        before = query_number(request, "page")
        found = await service.inside(work, me(request), chat, asked, _zone(request), before)
        values = {"typed": typed, "asked": asked, "found": found, "chat": chat, "section": "chats"}
        data = {**_data(asked, found), "count": len(found.places), "seqs": [place.seq for place in found.places]}
        data["needles"] = [{"text": each.text, "starts_word": each.starts_word} for each in asked.needles]
    return await page(request, "search/inside.html", values, data=data)


def _data(asked: Asked, found: Found) -> dict[str, Any]:
    """What is found, for programs. `next` is the `page` to ask for."""
    return {
        "query": asked.words,
        "filters": asked.filters,
        "chats": [_chat(each) for each in found.chats],
        "people": [_person(person) for person in found.people],
        "messages": [_hit(hit) for hit in found.hits],
        "next": found.rest,
        "problem": found.problem,
    }


def _person(person: Any) -> dict[str, Any]:
    return {"id": person.id, "username": person.username, "display_name": person.display_name}


def _hit(hit: Hit) -> dict[str, Any]:
    return {
        "chat": {"id": hit.chat.id, "title": hit.chat.title},
        "seq": hit.seq,
        "id": hit.id,
        "sender": _person(hit.sender),
        "at": hit.at,
        "snippet": [[piece.text, piece.is_hit] for piece in hit.snippet],
    }


async def day(request: Request) -> Response:
    """Lead to the first message of a day, or to the nearest there is."""
    chat_id = number(request, "chat_id")
    async with database(request).read() as work:
        chat = await chats.require_member(work, chat_id, me(request))
        wanted = query.as_date(typed := query_text(request, "day"))
        if not wanted:
            raise Invalid(day=query.NO_DATE.format(typed[:40]))
        seq, id_ = await service.on_day(work, me(request), chat, wanted, _zone(request))
    return done(request, f"/chats/{chat_id}?at={seq}#message-{id_}", data={"seq": seq, "id": id_})


async def switch(request: Request) -> Response:
    """Chats, those with news first, and people, to go to."""
    async with database(request).read() as work:
        found = await service.switcher(work, me(request), query_text(request, "q")[: query.MOST])
        data = {"chats": [_chat(each) for each in found.chats], "people": [_person(each) for each in found.people]}
        values = {"found": found, "asked": query_text(request, "q")[: query.MOST]}
    return await page(request, "search/switch.html", values, data=data)


def _chat(chat: Conversation) -> dict[str, Any]:
    return {"id": chat.id, "kind": chat.kind, "title": chat.title}


async def erase(app: Starlette) -> None:
    """Raises Again while there is more to do."""
    if not await index_.erase(app.state.database):
        raise Again


routes = [
    Route("/search", index, methods=["GET"]),
    Route("/switch", switch, methods=["GET"]),
    Route("/chats/{chat_id:int}/search", inside, methods=["GET"]),
    Route("/chats/{chat_id:int}/day", day, methods=["GET"]),
]
jobs = {index_.ERASE: erase}
panes = {
    "search": Pane(slot="header", template="search/_open.html"),
    "search_bar": Pane(slot="banner", template="search/_bar.html"),
}
