"""Frames about being here and about typing; the database is not on their way."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from starlette.applications import Starlette

from app.chats import service as chats
from app.db import now
from app.presence import broadcasts, service
from app.presence.leases import Leases
from app.presence.service import Presence
from app.realtime import topics
from app.socket import Socket


def presence_of(app: Starlette, leases: Leases) -> Presence:
    """Presence that tells the direct partners, and keeps when people were last seen."""

    async def tell(user_ids: Collection[int], online: bool) -> None:
        async with app.state.database.read() as work:
            partners = await chats.direct_partner_ids(work, user_ids)
        for user_id in user_ids:
            for frame in broadcasts.presence(user_id, online, now(), partners.get(user_id, ())):
                app.state.bus.publish(frame)
        if not online:
            async with app.state.database.write() as work:
                await service.saw(work, user_ids)

    return Presence(tell, leases)


async def here(socket: Socket, _: dict[str, Any]) -> None:
    socket.app.state.presence.came(socket.user.id, socket)


async def away(socket: Socket, _: dict[str, Any]) -> None:
    socket.app.state.presence.went(socket.user.id, socket)


def _typing(socket: Socket, frame: dict[str, Any], on: bool) -> None:
    chat_id = frame.get("chat")
    if isinstance(chat_id, int) and socket.hears(topics.chat(chat_id)):
        socket.app.state.bus.publish(broadcasts.typing(chat_id, socket.user, on))


async def start(socket: Socket, frame: dict[str, Any]) -> None:
    _typing(socket, frame, True)


async def stop(socket: Socket, frame: dict[str, Any]) -> None:
    _typing(socket, frame, False)


frames = {"presence.here": here, "presence.away": away, "typing.start": start, "typing.stop": stop}
