"""Choose messages of a chat, and do something with all of them."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.chats import service as chats
from app.chats.models import Conversation
from app.chats.panes import Pane
from app.errors import Invalid
from app.forms import form, many, query_number, query_text, whole, wholes
from app.messages import history
from app.messages import service as messages
from app.messages.bubbles import Bubble, message_data
from app.messages.history import MOST_CHOSEN
from app.messages.models import Message
from app.messages.parts import Action
from app.selecting import service
from app.stars import service as stars
from app.users.service import me
from app.web import database, done, number, page, render, settings

ACTIONS = ("star", "unstar", "hide", "delete")
PANE = "main#pane"
# What the page without scripts leads to, with what is ticked.
THEN = {"copy": "selection", "delete": "selection/delete", "forward": "forward"}


async def select(request: Request) -> Response:
    """A stretch of the chat with a box at each message, for who has no scripts; what is ticked stays so from one
    stretch to the next. `then` leads to one of THEN, unless nothing is ticked.
    """
    then = THEN.get(request.query_params.get("then", ""))
    if then and not hasattr(request.state, "again"):
        request.state.again = select
        chosen = urlencode({"seq": wholes(request, "seq", MOST_CHOSEN)}, doseq=True)
        return done(request, f"/chats/{number(request, 'chat_id')}/{then}?{chosen}")
    before, after, around = (query_number(request, name) for name in ("before", "after", "around"))
    around = around if before is after is None else None
    async with database(request).read() as work:
        chat = await chats.require_member(work, number(request, "chat_id"), me(request))
        window = await history.page(work, chat, me(request), before=before, after=after, around=around)
    ticked = _ticked(request)
    values = {
        "chat": chat,
        "messages": window.messages,
        "has_older": window.has_older,
        "has_newer": window.has_newer,
        "ticked": ticked,
        "elsewhere": sorted(ticked - {each.seq for each in window.messages}),
        "most": MOST_CHOSEN,
        "section": "chats",
    }
    return await page(request, "selecting/index.html", values, data=[message_data(each) for each in window.messages])


def _ticked(request: Request) -> set[int]:
    values = many(request, "seq") if hasattr(request.state, "form") else request.query_params.getlist("seq")
    return {whole(value, "seq") for value in values}


async def transcript(request: Request) -> Response:
    """The messages as text, with times as they are in the reader's `zone`."""
    seqs = wholes(request, "seq", MOST_CHOSEN)
    zone = service.zone_of(query_text(request, "zone"), settings(request).timezone)
    async with database(request).read() as work:
        text = await service.transcript(work, me(request), number(request, "chat_id"), seqs, zone)
    values = {"chat_id": number(request, "chat_id"), "text": text, "seqs": seqs, "section": "chats"}
    return await page(request, "selecting/transcript.html", values, data={"text": text})


async def deleting(request: Request) -> Response:
    """For whom the messages may be deleted."""
    seqs, chat_id = wholes(request, "seq", MOST_CHOSEN), number(request, "chat_id")
    async with database(request).read() as work:
        found = await service.deletable(work, me(request), chat_id, seqs, settings(request))
    data = {"seqs": found.seqs, "for_everyone": found.for_everyone}
    return await page(request, "selecting/delete.html", {**data, "chat_id": chat_id, "section": "chats"}, data=data)


async def update(request: Request) -> Response:
    """Do one of ACTIONS with the messages."""
    fields = await form(request, again=select)
    seqs, chat_id, user = wholes(request, "seq", MOST_CHOSEN), number(request, "chat_id"), me(request)
    action = fields.get("action", "")
    if action not in ACTIONS:
        raise Invalid(action=f"This must be one of {', '.join(ACTIONS)}.")
    html = ""
    async with database(request).write() as work:
        found: Sequence[Message | Bubble]
        if action == "star":
            found = await stars.star(work, user, chat_id, seqs)
        elif action == "unstar":
            found = await stars.unstar(work, user, chat_id, seqs)
        elif action == "hide":
            found = await messages.hide(work, user, chat_id, seqs)
            html = "".join(f'<li id="message-{each.id}" data-gone></li>' for each in found)
        else:
            found = deleted = await messages.delete(work, user, chat_id, seqs, settings(request).delete_window)
            shown = [bubble.seen_by(user.id) for bubble in deleted]
            html = "".join(render(request, "messages/_bubble.html", message=bubble) for bubble in shown)
    return _changed(request, chat_id, found, html)


def _changed(request: Request, chat_id: int, found: Sequence[Message | Bubble], html: str) -> Response:
    in_page = request.headers.get("hx-target") == PANE
    data = {"seqs": sorted(each.seq for each in found)}
    last = "".join(f"?at={each.seq}#message-{each.id}" for each in found[-1:])
    response = done(request, f"/chats/{chat_id}{last}", None if in_page else html, data=data)
    response.headers["HX-Retarget"] = f"#chat-{chat_id}-messages"
    response.headers["HX-Reswap"] = "renew"
    return response


def _may_select(_: Conversation, message: Message, *__: object) -> bool:
    return service.may_select(message)


routes = [
    Route("/chats/{chat_id:int}/select", select, methods=["GET"]),
    Route("/chats/{chat_id:int}/selection", transcript, methods=["GET"]),
    Route("/chats/{chat_id:int}/selection", update, methods=["POST"]),
    Route("/chats/{chat_id:int}/selection/delete", deleting, methods=["GET"]),
]
actions = {"select": Action(template="selecting/_action.html", is_offered=_may_select, rank=35)}
panes = {"selection": Pane(slot="banner", template="selecting/_bar.html")}
