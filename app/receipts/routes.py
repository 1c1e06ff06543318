"""Receipts by frame, gathered; reading by POST, at once; the end of what is old."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.chats import service as chats
from app.db import Database
from app.errors import Refused
from app.forms import form, whole
from app.realtime import topics
from app.realtime.frames import signal
from app.receipts import log, service
from app.receipts.marks import Mark, Marks
from app.socket import Socket, chat_of
from app.users.service import me
from app.web import database, done, number

FLUSH_SECONDS = 0.25
MOST_CHATS = 500
PRUNE_SECONDS = 30  # what one sweep takes at most; the next one goes on


async def read(request: Request) -> Response:
    """Say that one has read up to `seq`; without it, everything."""
    fields = await form(request)
    chat_id, text = number(request, "chat_id"), fields.get("seq", "")
    seq = whole(text, "seq") if text else None
    async with database(request).write() as work:
        chat = await chats.require_member(work, chat_id, me(request), locked=True)
        await service.read(work, chat, me(request), chat.last_seq if seq is None else seq)
        if chat.is_marked_unread:
            await chats.switch(work, chat_id, me(request).id, is_marked_unread=False)
    return done(request, f"/chats/{chat_id}", "")


def _mark(socket: Socket, frame: dict[str, Any], marked: str) -> None:
    """Frames carry {"chats": {"7": 42}}: chat → seq. What this socket does not hear is passed over."""
    pairs = frame.get("chats")
    if not isinstance(pairs, dict) or len(pairs) > MOST_CHATS:
        return
    marks: Marks = socket.app.state.marks
    for chat, seq in pairs.items():
        is_mark = chat.isdecimal() and len(chat) < 16 and isinstance(seq, int) and 0 < seq < 2**53
        if is_mark and socket.hears(topics.chat(int(chat))):
            marks.add(int(chat), socket.user.id, Mark(seq, seq if marked == "read" else 0))


async def delivered(socket: Socket, frame: dict[str, Any]) -> None:
    _mark(socket, frame, "delivered")


async def read_frame(socket: Socket, frame: dict[str, Any]) -> None:
    _mark(socket, frame, "read")


async def watch(socket: Socket, frame: dict[str, Any]) -> None:
    """Hear whenever somebody comes further in a chat, or with `on` false no more. Joins first: the page asks then."""
    chat_id = chat_of(frame)
    topic = topics.receipts(chat_id)
    if frame.get("on") is False:
        socket.hub.leave(socket.outbox, [topic])
    elif socket.hears(topics.chat(chat_id)):
        socket.hub.join(socket.outbox, [topic])
        await socket.app.state.bus.hears([topic])
        socket.outbox.put(signal("receipt.moved", chat=chat_id))


async def prune(app: Starlette) -> None:
    """Forget when old messages were read, a little at a time, so that nobody waits for it."""
    began, more = time.monotonic(), True
    while more and time.monotonic() - began < PRUNE_SECONDS:
        async with app.state.database.write() as work:
            more = await log.prune(work)


async def flush(app_database: Database, marks: Marks, stopping: asyncio.Event) -> None:
    """Store what has gathered, over and over; when `stopping` is set, the rest, and no more."""
    while not stopping.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), FLUSH_SECONDS)
        if taken := marks.take():
            await _store(app_database, marks, taken)


async def _store(app_database: Database, marks: Marks, taken: dict[tuple[int, int], Mark]) -> None:
    """Store marks; what the database would not take now waits for the next time."""
    try:
        async with app_database.write() as work:
            await service.store(work, taken)
    except Refused:
        for (chat_id, user_id), mark in taken.items():
            marks.add(chat_id, user_id, mark)


routes = [Route("/chats/{chat_id:int}/read", read, methods=["POST"])]
frames = {"receipt.delivered": delivered, "receipt.read": read_frame, "receipt.watch": watch}
sweeps = {"receipts.prune": (3600, prune)}
