"""Polls: ask, vote, see who chose what."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.chats import service as chats
from app.chats.panes import Pane
from app.errors import Forbidden, Unavailable
from app.forms import form, many, query_number, whole
from app.messages.bubbles import Bubble
from app.messages.parts import Extra, Kind, Watcher
from app.metrics import sending
from app.polls import drafts, results, service
from app.polls.results import Answers, Voter
from app.users.service import me
from app.web import database, done, number, page, render

LATEST = 4.0  # seconds until a sender must know
IN_PAGE = "main#pane"  # what a form in the middle of the page is answered in, not one in the dialog


async def new(request: Request) -> Response:
    """The form of a poll."""
    async with database(request).read() as work:
        chat = await chats.require_member(work, number(request, "chat_id"), me(request))
    if not chat.may_write:
        raise Forbidden(chat.why_not)
    typed = getattr(request.state, "form", None)
    given = [option for option in many(request, "options") if option.strip()] if typed else []
    values = {
        "chat": chat,
        "options": (given + [""] * drafts.MOST)[: max(drafts.MOST, len(given))],
        "message_id": str(uuid.uuid4()),
        "question_most": drafts.QUESTION,
        "option_most": drafts.OPTION,
        "section": "chats",
    }
    return await page(request, "polls/new.html", values)


@sending
async def create(request: Request) -> Response:
    """Ask. The answer is the bubble, as for any message."""
    fields = await form(request, again=new)
    draft = drafts.read(fields, many(request, "options"))
    chat_id, user = number(request, "chat_id"), me(request)
    try:
        async with asyncio.timeout(LATEST - request.state.waited):
            await request.app.state.sends.require(f"user:{user.id}")
            sent = await request.app.state.send_queue.send(user, chat_id, draft)
    except TimeoutError as error:
        raise Unavailable("The server is very busy. Please try again in a moment.") from error
    location, status = f"/chats/{chat_id}#latest", 201 if sent.is_new else 200
    return _bubble(request, sent.bubble, location, "place", status)


async def vote(request: Request) -> Response:
    """Choose `options` and no others, none to withdraw; or turn one, as its button in the bubble does."""
    fields = await form(request)
    turned = fields.get("turn", "")
    options = [whole(value, "options") for value in ([turned] if turned else many(request, "options"))]
    path = number(request, "chat_id"), number(request, "seq")
    async with database(request).write() as work:
        bubble = await service.vote(work, me(request), *path, options, bool(turned))
    location = f"/chats/{bubble.chat_id}?at={bubble.seq}#message-{bubble.id}"
    return _bubble(request, bubble, location, "renew")


def _bubble(request: Request, bubble: Bubble, location: str, swap: str, status: int = 200) -> Response:
    """The bubble, aimed at the conversation whatever asked for it."""
    in_page = request.headers.get("hx-target") == IN_PAGE
    html = None if in_page else render(request, "messages/_bubble.html", message=bubble)
    extras = {extra.name: extra.value for extra in bubble.extras}
    data = {"id": bubble.id, "seq": bubble.seq, "revision": bubble.revision, "extras": extras}
    response = done(request, location, html, data=data, status=status)
    response.headers["HX-Retarget"] = f"#chat-{bubble.chat_id}-messages"
    response.headers["HX-Reswap"] = swap
    return response


async def votes(request: Request) -> Response:
    """Who chose what; with `option` all who chose that one."""
    option = query_number(request, "option")
    async with database(request).read() as work:
        chat = await chats.require_member(work, number(request, "chat_id"), me(request))
        found, bubble = await service.answers(work, chat, me(request), number(request, "seq"), option)
    values = {"chat": chat, "message": bubble, "answers": found, "only": option, "section": "chats"}
    return await page(request, "polls/votes.html", values, data=_data(found))


def _data(found: Answers) -> dict[str, Any]:
    """The answers for programs."""
    options = [
        {"text": choice.text, "count": choice.count, "voters": [_voter(each) for each in found.voters.get(index, [])]}
        for index, choice in enumerate(found.result.choices)
    ]
    return {"multiple": found.result.multiple, "voters": found.result.voters, "mine": found.mine, "options": options}


def _voter(voter: Voter) -> dict[str, Any]:
    return {"id": voter.user.id, "display_name": voter.user.display_name, "at": voter.at}


routes = [
    Route("/chats/{chat_id:int}/polls/new", new, methods=["GET"]),
    Route("/chats/{chat_id:int}/polls", create, methods=["POST"]),
    Route("/chats/{chat_id:int}/messages/{seq:int}/votes", votes, methods=["GET"]),
    Route("/chats/{chat_id:int}/messages/{seq:int}/votes", vote, methods=["POST"]),
]
extras = {"poll": Extra(slot="after", template="polls/_poll.html", load=results.load, store=service.store)}
kinds = {"poll": Kind(icon="chart-bar-decreasing")}
watchers = {"polls": Watcher(deleted=service.forget)}
panes = {"poll": Pane(slot="attach", template="polls/_attach.html")}
