"""The conversation: read, send, edit, delete, hide."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.chats import service as chats
from app.chats.models import Conversation
from app.chats.panes import panes_of
from app.db import Work
from app.errors import Forbidden, Unavailable
from app.forms import form, query_number
from app.messages import broadcasts, history, service
from app.messages.actions import OWN
from app.messages.bubbles import Bubble, bubbles, message_data
from app.messages.drafts import Draft, clean_body
from app.messages.history import Changes, Window
from app.messages.parts import ACTIONS
from app.metrics import sending
from app.receipts import service as receipts
from app.receipts.marks import Mark
from app.socket import Socket, chat_of
from app.users.models import Person
from app.users.service import me
from app.web import VARY, Caller, as_json, caller, database, done, number, page, settings

UNREAD_SHOWN = 40
LATEST = 4.0  # seconds until a sender must know: what limits each work does not limit their sum


async def index(request: Request) -> Response:
    """The chat: at its newest messages, at the first unread one, or around, before or after a seq."""
    values = await database(request).look(_conversation, request)
    values["chat"] = await chats.with_online(values["chat"], request.app.state.presence.online)
    data = _data(values) if caller(request) is Caller.JSON else None
    return await page(request, "messages/index.html", values, data=data)


async def _conversation(work: Work, request: Request) -> dict[str, Any]:
    user = me(request)
    chat = await chats.require_member(work, number(request, "chat_id"), user)
    asked = {name: query_number(request, name) for name in ("before", "after", "at")}
    unread, first_unread = await history.unread(work, chat, user)
    around = asked["at"]
    if not any(value is not None for value in asked.values()) and unread > UNREAD_SHOWN:
        around = first_unread
    window = await history.page(work, chat, user, before=asked["before"], after=asked["after"], around=around)
    others = await _others(work, chat, user)
    chat = await chats.with_count(work, chat)
    typed = getattr(request.state, "form", None)
    return {
        "chat": chat,
        "messages": window.messages,
        "has_older": window.has_older,
        "has_newer": window.has_newer,
        "revision": chat.revision,
        "read_seq": chat.read_seq,
        "unread": unread,
        "divider_seq": first_unread,
        "focus_seq": asked["at"],
        "delivered": others.delivered,
        "read": others.read,
        "marks": history.ends(window.messages, delivered=others.delivered, read=others.read),
        "draft": typed.get("body", "") if typed else chat.draft,
        "message_id": str(uuid.uuid4()),
        "error": getattr(request.state, "errors", {}).get("body", ""),
        "panes": await panes_of(request, work, chat, "header", "banner", "strip", "attach"),
        "section": "chats",
    }


def _data(values: dict[str, Any]) -> dict[str, Any]:
    """The conversation for programs."""
    chat: Conversation = values["chat"]
    names = ("has_older", "has_newer", "revision", "read_seq", "unread", "delivered", "read", "draft")
    return {
        "chat": {
            "id": chat.id,
            "kind": chat.kind,
            "title": chat.title,
            "last_seq": chat.last_seq,
            "role": chat.role,
            "lifetime": chat.lifetime,
        },
        "messages": [message_data(bubble) for bubble in values["messages"]],
        **{name: values[name] for name in names},
    }


async def messages(request: Request) -> Response:
    """A stretch of messages, or with `since` what changed: the items alone, without the page around."""
    revision = query_number(request, "since")
    if revision is not None:
        return _changes(request, *await database(request).look(_since, request, revision))
    if caller(request) is Caller.BROWSER:
        return await index(request)
    return await _window(request, *await database(request).look(_stretch, request))


async def _since(work: Work, request: Request, revision: int) -> tuple[Changes, Mark]:
    user = me(request)
    chat = await chats.require_member(work, number(request, "chat_id"), user)
    changes = await history.since(work, chat, user, revision, query_number(request, "from") or 0)
    return changes, await _others(work, chat, user)


async def _stretch(work: Work, request: Request) -> tuple[Conversation, Window]:
    user = me(request)
    chat = await chats.require_member(work, number(request, "chat_id"), user)
    ends = {name: query_number(request, name) for name in ("before", "after", "around")}
    limit = query_number(request, "limit") or history.PAGE
    return chat, await history.page(work, chat, user, **ends, limit=limit)


async def _others(work: Work, chat: Conversation, user: Person) -> Mark:
    """How far all the others have come; who is alone waits for nobody."""
    return (await receipts.others(work, user, [chat.id])).get(chat.id, Mark(chat.last_seq, chat.last_seq))


def _changes(request: Request, changes: Changes, others: Mark) -> Response:
    if caller(request) is Caller.JSON:
        return as_json(
            {
                "revision": changes.revision,
                "messages": [message_data(bubble) for bubble in changes.messages],
                "gone": changes.gone,
                "reload": changes.reload,
            }
        )
    html = "".join(_item(request, bubble) for bubble in changes.messages)
    gone = "".join(f'<li id="message-{id_}" data-gone></li>' for id_ in changes.gone)
    headers = {
        "X-Revision": str(changes.revision),
        "X-Delivered": str(others.delivered),
        "X-Read": str(others.read),
        "Vary": VARY,
    }
    if changes.reload:
        headers["X-Reload"] = "1"
    return Response(html + gone, media_type="text/html", headers=headers)


async def _window(request: Request, chat: Conversation, window: Window) -> Response:
    said = {"has_older": window.has_older, "has_newer": window.has_newer, "revision": chat.revision}
    if caller(request) is Caller.JSON:
        return as_json({"messages": [message_data(bubble) for bubble in window.messages], **said})
    without: dict[str, Any] = {"divider_seq": None, "unread": 0, "marks": {}}
    values = {**said, **without, "chat": chat, "messages": window.messages}
    response = await page(request, "messages/_page.html", values)
    response.headers["X-Has-Older"] = "1" if window.has_older else "0"
    response.headers["X-Has-Newer"] = "1" if window.has_newer else "0"
    response.headers["X-Revision"] = str(chat.revision)
    return response


def _item(request: Request, bubble: Bubble) -> str:
    return broadcasts.item(request.app.state.templates.render, bubble)


@sending
async def create(request: Request) -> Response:
    """Send. The answer is the bubble, the same that everybody hears."""
    fields = await form(request, again=index)
    draft = Draft.read(fields, settings(request).message_length)
    chat_id = number(request, "chat_id")
    try:
        async with asyncio.timeout(LATEST - request.state.waited):
            await request.app.state.sends.require(f"user:{me(request).id}")
            sent = await request.app.state.send_queue.send(me(request), chat_id, draft)
    except TimeoutError as error:
        raise Unavailable("The server is very busy. Please try again in a moment.") from error
    location = f"/chats/{chat_id}#latest"
    bubble, status = sent.bubble.seen_by(me(request).id), 201 if sent.is_new else 200
    return done(request, location, _item(request, bubble), data=message_data(bubble), status=status)


@sending
async def send(socket: Socket, frame: dict[str, Any]) -> None:
    """The frame message.send: like the POST; the sender hears the bubble as everybody does."""
    app = socket.app.state
    await app.sends.require(f"user:{socket.user.id}")
    texts = {name: value for name, value in frame.items() if isinstance(value, str)}
    numbers = {name: str(value) for name, value in frame.items() if type(value) is int}
    draft = Draft.read({**numbers, "body": "", **texts}, app.settings.message_length)
    chat_id = chat_of(frame)
    await app.send_queue.send(await socket.me(), chat_id, draft)


async def menu(request: Request) -> Response:
    """What may be done with a message."""
    values = await _menu(request)
    data = {name: value for name, value in values.items() if name.startswith("may_")}
    return await page(request, "messages/menu.html", values, data=data)


async def _menu(request: Request) -> dict[str, Any]:
    user = me(request)
    async with database(request).read() as work:
        chat, message, bubble = await _one(request, work, user)
        may = {name: each.is_offered(chat, message, user, settings(request)) for name, each in ACTIONS.items()}
        offered = sorted((each for name, each in ACTIONS.items() if may[name]), key=lambda each: each.rank)
        items = [(each.template, await each.load(work, chat, message, user) if each.load else ()) for each in offered]
    allowed = {f"may_{name}": is_offered for name, is_offered in may.items()}
    return {"chat": chat, "message": bubble, "items": items, "section": "chats", **allowed}


async def _one(request: Request, work: Work, user: Person) -> tuple[Conversation, Any, Bubble]:
    chat = await chats.require_member(work, number(request, "chat_id"), user)
    message = await history.require_visible(work, chat, user, number(request, "seq"))
    return chat, message, (await bubbles(work, chat, [message], reader=user))[0]


async def edit(request: Request) -> Response:
    values = await _menu(request)
    if not values["may_edit"]:
        raise Forbidden("This message can’t be edited.")
    return await page(request, "messages/edit.html", values)


async def update(request: Request) -> Response:
    fields = await form(request, again=edit)
    body = clean_body(fields.get("body", ""), settings(request).message_length)
    path = number(request, "chat_id"), number(request, "seq")
    async with database(request).write() as work:
        bubble = await service.edit(work, me(request), *path, body, settings(request).edit_window)
    return _changed(request, bubble)


async def delete(request: Request) -> Response:
    chat_id, seq = number(request, "chat_id"), number(request, "seq")
    async with database(request).write() as work:
        (bubble,) = await service.delete(work, me(request), chat_id, [seq], settings(request).delete_window)
    return _changed(request, bubble)


def _changed(request: Request, bubble: Bubble) -> Response:
    bubble = bubble.seen_by(me(request).id)
    location = f"/chats/{bubble.chat_id}?at={bubble.seq}#message-{bubble.id}"
    html = None if _is_page(request) else _item(request, bubble)
    response = done(request, location, html, data=message_data(bubble))
    return _aimed(response, f"#chat-{bubble.chat_id}-messages", "renew")


def _is_page(request: Request) -> bool:
    """Whether the form stands in the middle of the page, not in the dialog over a conversation."""
    return request.headers.get("hx-target") == "main#pane"


def _aimed(response: Response, target: str, swap: str) -> Response:
    """Tell htmx where in the conversation the answer belongs, whatever dialog asked."""
    response.headers["HX-Retarget"] = target
    response.headers["HX-Reswap"] = swap
    return response


async def hide(request: Request) -> Response:
    chat_id = number(request, "chat_id")
    async with database(request).write() as work:
        (message,) = await service.hide(work, me(request), chat_id, [number(request, "seq")])
    response = done(request, f"/chats/{chat_id}", None if _is_page(request) else "")
    return _aimed(response, f"#message-{message.id}", "delete")


MESSAGE = "/chats/{chat_id:int}/messages/{seq:int}"
routes = [
    Route("/chats/{chat_id:int}", index, methods=["GET"]),
    Route("/chats/{chat_id:int}/messages", messages, methods=["GET"]),
    Route("/chats/{chat_id:int}/messages", create, methods=["POST"]),
    Route(f"{MESSAGE}/menu", menu, methods=["GET"]),
    Route(f"{MESSAGE}/edit", edit, methods=["GET"]),
    Route(f"{MESSAGE}/edit", update, methods=["POST"]),
    Route(f"{MESSAGE}/delete", delete, methods=["POST"]),
    Route(f"{MESSAGE}/hide", hide, methods=["POST"]),
]
frames = {"message.send": send}
actions = OWN
