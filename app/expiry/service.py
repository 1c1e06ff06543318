"""Messages that disappear: for how long a chat keeps what is said, and the end of what is due."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import update
from sqlmodel import col, select

from app.chats import service as chats
from app.chats.models import Chat
from app.db import Work, now
from app.errors import Forbidden, Invalid
from app.expiry import broadcasts
from app.messages import service as messages
from app.messages.models import Message
from app.users.models import Person

DAY = 86_400
# Seconds, and how they are called.
LIFETIMES: Mapping[int, str] = {0: "Off", DAY: "24 hours", 7 * DAY: "7 days", 90 * DAY: "90 days"}
AT_ONCE = 200


async def choose(work: Work, user: Person, chat_id: int, lifetime: int) -> None:
    """Have what is said from now on disappear after so many seconds. Raises NotFound for strangers, Forbidden
    for who may not or left, Invalid for a time that is none of LIFETIMES.
    """
    chat = await chats.require_present(work, chat_id, user)
    if not chat.may_time:
        raise Forbidden("Only the group’s admins can do that.")
    if lifetime not in LIFETIMES:
        raise Invalid(lifetime="Please choose one of these times.")
    if lifetime == chat.lifetime:
        return
    await work.execute(update(Chat).where(col(Chat.id) == chat_id).values(lifetime=lifetime))
    await messages.note(work, chat, user, "lifetime", value=str(lifetime))
    work.announce(broadcasts.chosen, chat_id, LIFETIMES[lifetime] if lifetime else "")


async def due(work: Work) -> dict[int, list[int]]:
    """Some of the messages whose time is over: their seqs, by chat."""
    over = col(Message.expires_at).is_not(None), col(Message.expires_at) <= now()
    statement = select(Message).where(*over).order_by(col(Message.expires_at)).limit(AT_ONCE)
    found: dict[int, list[int]] = {}
    for row in await work.rows(statement.with_only_columns(col(Message.chat_id), col(Message.seq))):
        found.setdefault(row.chat_id, []).append(row.seq)
    return found
