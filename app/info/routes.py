"""Who has a message of one's own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.chats.models import Conversation
from app.errors import Invalid
from app.forms import query_number, query_text
from app.info import service
from app.info.service import STATES, Info, Recipient
from app.messages.bubbles import moving
from app.messages.models import Message
from app.messages.parts import Action
from app.users.models import Person
from app.users.service import me
from app.web import database, number, page

PAGE = 100  # people of one state


@dataclass(frozen=True, slots=True)
class Section:
    """Some of those of one state, how many there are, and where the next page begins; 0 for nowhere."""

    state: str
    count: int
    people: list[Recipient]
    more: int


async def show(request: Request) -> Response:
    """All states, each with its first people; with `state` that one alone, from `skip` on."""
    path = number(request, "chat_id"), number(request, "seq")
    only, skip = query_text(request, "state"), query_number(request, "skip") or 0
    if only and only not in STATES:
        raise Invalid(state="This must be one of " + ", ".join(STATES) + ".")
    found = await database(request).look(service.info, me(request), *path)
    sections = [_section(found, state, skip if only else 0) for state in STATES if only in ("", state)]
    values = {
        "chat": found.chat,
        "message": found.message,
        # The same message stands in the page beneath, and after others.
        "shown": replace(found.message, id=f"info-{found.message.id}", starts_run=True),
        "preview": moving(found.message).preview,
        "ticks_of_all": found.ticks,
        "sections": sections,
        "only": only,
        "query": f"?state={only}&skip={skip}" if only else "",
        "section": "chats",
    }
    return await page(request, "info/show.html", values, data={each.state: _data(each) for each in sections})


def _section(found: Info, state: str, skip: int) -> Section:
    people = found.recipients[state]
    more = skip + PAGE if len(people) > skip + PAGE else 0
    return Section(state, len(people), people[skip : skip + PAGE], more)


def _data(section: Section) -> dict[str, Any]:
    """A section for programs."""
    people = [
        {
            "id": each.person.id,
            "username": each.person.username,
            "display_name": each.person.display_name,
            "delivered_at": each.delivered_at,
            "read_at": each.read_at,
        }
        for each in section.people
    ]
    return {"count": section.count, "people": people, "has_more": section.more > 0}


def _may_ask(chat: Conversation, message: Message, user: Person, _: object) -> bool:
    return service.may_ask(chat, message, user)


routes = [Route("/chats/{chat_id:int}/messages/{seq:int}/info", show, methods=["GET"])]
actions = {"info": Action(template="info/_action.html", is_offered=_may_ask, rank=45)}
