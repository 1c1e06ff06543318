"""GET /ws, the one WebSocket door: who is it, what do they hear, and what do they say."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.auth import service as auth
from app.auth.broadcasts import SESSION_OVER
from app.auth.guard import KNOWN, who
from app.chats import service as chats
from app.errors import NotFound, Refused, Unavailable
from app.limits import Limit
from app.protocols import WIRE
from app.realtime import topics
from app.realtime.frames import Parcel, signal
from app.realtime.hub import TOO_SLOW, Hub, Outbox
from app.realtime.writer import Wire
from app.settings import Settings
from app.users import service as users
from app.users.models import Person

log = logging.getLogger(__name__)

FRAMES_A_SECOND, FRAMES_AT_ONCE = 20, 60  # from a page that says what was read, who types and that it is looked at
FRAMES_A_SEND = 2  # more where its user may send more
AT_ONCE = 1000  # sockets whose rights one look into the database checks


@dataclass(eq=False, slots=True)
class Socket:
    """One open page."""

    app: Starlette
    user: Person  # as they were when the page came up, or said something
    session_id: int
    outbox: Outbox
    is_listening: bool = False  # whether it has joined its topics
    known_at: float = 0.0  # when `user` was looked up, on the event loop's clock

    async def me(self) -> Person:
        """Who they are now, or were within KNOWN seconds. Raises NotFound for an account that is gone."""
        now = asyncio.get_running_loop().time()
        if now - self.known_at > KNOWN:
            self.user = await self.app.state.database.look(users.get, self.user.id)
            self.known_at = now
        return self.user

    def hears(self, topic: str) -> bool:
        return self.hub.hears(self.outbox, topic)

    @property
    def hub(self) -> Hub:
        hub: Hub = self.app.state.hub
        return hub


Handler = Callable[[Socket, dict[str, Any]], Awaitable[None]]


class Door:
    """The endpoint; `handlers` are the features' frames by their `type`.

    A raw ASGI app, as what Starlette would wrap around a function is kept by every socket while it is open.
    """

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self.handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        if not websocket.state.same_origin:
            await websocket.close()  # before accepting: the handshake is answered with 403
            return
        found = await who(websocket)
        await websocket.accept()
        if found is None:
            await websocket.close(SESSION_OVER)
            return
        socket = Socket(websocket.app, found.person, found.session_id, Outbox())
        await _serve(websocket, socket, self.handlers)


async def _serve(websocket: WebSocket, socket: Socket, handlers: Mapping[str, Handler]) -> None:
    state = socket.app.state
    most = state.settings.sockets_per_user
    if len(socket.hub.listeners(topics.user(socket.user.id))) >= most:
        await websocket.close(TOO_SLOW, "too many open pages")
        return
    state.sockets.add(socket)
    state.writer.attach(socket.outbox, _wire(websocket))
    try:
        try:
            await _listen(websocket, socket)
        except Unavailable:  # the database is away: come back later
            socket.outbox.close(TOO_SLOW)
        await _read(websocket, socket, handlers)
    finally:
        state.sockets.discard(socket)
        state.writer.detach(socket.outbox)
        socket.hub.remove(socket.outbox)
        state.presence.went(socket.user.id, socket)


async def _listen(websocket: WebSocket, socket: Socket) -> None:
    """Join first and look then: what changes in between is heard or seen, never neither."""
    hub, bus, user_id = socket.hub, socket.app.state.bus, socket.user.id
    own = [topics.everyone(), topics.user(user_id), topics.session(socket.session_id)]
    hub.join(socket.outbox, own)
    await bus.hears(own)
    theirs = [topics.chat(chat_id) for chat_id in await socket.app.state.database.look(chats.topic_ids, user_id)]
    hub.join(socket.outbox, theirs)
    await bus.hears(theirs)
    if await who(websocket, known=False) is None:  # signed out between the handshake and the joining
        socket.outbox.close(SESSION_OVER)
    socket.is_listening = True
    socket.outbox.put(signal("ready"))
    if not bus.is_whole:
        socket.outbox.put(signal("limited", on=True))


async def recheck(app: Starlette) -> None:
    """May the sockets of this process still hear what they hear? For when orders to leave may have been lost."""
    sockets: list[Socket] = list(app.state.sockets)
    for start in range(0, len(sockets), AT_ONCE):
        some = sockets[start : start + AT_ONCE]
        async with app.state.database.read() as work:
            living = await auth.living(work, {socket.session_id for socket in some})
            chat_ids = await chats.topic_ids_of(work, {socket.user.id for socket in some})
        for socket in some:
            if socket.session_id not in living:
                socket.outbox.close(SESSION_OVER)
            elif socket.is_listening:
                _adjust(socket, {topics.chat(chat_id) for chat_id in chat_ids.get(socket.user.id, ())})


def _adjust(socket: Socket, right: set[str]) -> None:
    hears = {topic for topic in socket.hub.joined.get(socket.outbox, ()) if topics.is_chat(topic)}
    socket.hub.leave(socket.outbox, hears - right)
    socket.hub.join(socket.outbox, right - hears)


def _wire(websocket: WebSocket) -> Wire:
    wire: Wire | None = websocket.scope.get("extensions", {}).get(WIRE)
    return wire or SlowWire(websocket)


class SlowWire:
    """The way out by a server that is not ours: it has each message awaited, so one task at a time sends them."""

    def __init__(self, websocket: WebSocket) -> None:
        self.websocket = websocket
        self.is_free = True
        self.freed: Callable[[], None] | None = None
        self.sending: asyncio.Task[None] | None = None

    def send_parcel(self, parcel: Parcel) -> None:
        self.is_free = False
        self.sending = asyncio.create_task(self._send(parcel))

    def close_with(self, code: int) -> None:
        self.sending = asyncio.create_task(self._close(self.sending, code))

    async def _send(self, parcel: Parcel) -> None:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # the reader hears of it, too, and cleans up
            for text in parcel.messages:
                await self.websocket.send_text(text)
            self.is_free = True
            if self.freed is not None:
                self.freed()

    async def _close(self, sending: asyncio.Task[None] | None, code: int) -> None:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            if sending is not None:
                await sending
            await self.websocket.close(code)


async def _read(websocket: WebSocket, socket: Socket, handlers: Mapping[str, Handler]) -> None:
    settings: Settings = socket.app.state.settings
    credits = Limit(
        max(FRAMES_A_SECOND, FRAMES_A_SEND * settings.send_rate),
        max(FRAMES_AT_ONCE, FRAMES_A_SEND * settings.send_burst),
    )
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        if credits.take("frame"):
            socket.outbox.close(TOO_SLOW)
            continue
        frame = _parse(message.get("text"))
        handler = handlers.get(str(frame.get("type")))
        if handler and socket.outbox.closed is None:
            await _handle(handler, socket, frame)


def _parse(text: str | None) -> dict[str, Any]:
    """The frame, or an empty one for what is none."""
    try:
        frame = json.loads(text or "")
    except (ValueError, RecursionError):
        return {}
    return frame if isinstance(frame, dict) else {}


def chat_of(frame: Mapping[str, Any]) -> int:
    """The chat that a frame is about; raises NotFound for what is no chat's number."""
    chat_id = frame.get("chat")
    if type(chat_id) is not int or not 0 < chat_id < 2**53:
        raise NotFound
    return chat_id


async def _handle(handler: Handler, socket: Socket, frame: dict[str, Any]) -> None:
    try:
        await handler(socket, frame)
    except Refused as refusal:
        socket.outbox.put(signal("refused", of=frame.get("type"), id=frame.get("id"), message=refusal.message))
    except Exception:
        log.exception("a frame failed: %s", frame.get("type"))
