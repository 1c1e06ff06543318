"""Pin messages in a chat, for all who are in it, and take them down again.

Whoever changes what is pinned announces that first and raises the chat's revision then, so a page that holds the new
revision has heard of the change.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, delete, insert, update
from sqlmodel import col, select

from app.chats import service as chats
from app.chats.models import Conversation
from app.db import Work, now
from app.errors import Conflict, Forbidden, Invalid
from app.messages import history
from app.messages import service as messages
from app.messages.bubbles import bubbles
from app.messages.models import Message
from app.pins import broadcasts
from app.pins.models import Pin, Pinned
from app.users import service as users
from app.users.models import Person

EXTRA = "pin"
MOST = 3
AT_ONCE = 200
USUAL = "7d"
# For how long, and how that is called.
DURATIONS: Mapping[str, tuple[timedelta, str]] = {
    "24h": (timedelta(days=1), "24 hours"),
    "7d": (timedelta(days=7), "7 days"),
    "30d": (timedelta(days=30), "30 days"),
}
FULL = f"{MOST} messages are pinned already, and a chat takes no more. Pinning this one takes down the oldest pin."
ADMINS_ONLY = "Only the group’s admins can pin messages here."

# Asked whenever a chat is opened, so it is short: what is to be seen of them is asked where there are any.
_MOMENT = bindparam("moment", callable_=now, type_=Pin.__table__.c.ends_at.type)  # type: ignore[attr-defined]
LIVE = (
    select(Pin)
    .where(col(Pin.chat_id) == bindparam("chat"), col(Pin.ends_at) > _MOMENT)
    .order_by(col(Pin.pinned_at).desc(), col(Pin.seq).desc())
)
_THESE = col(Message.seq).in_(bindparam("seqs", expanding=True)), col(Message.deleted_at).is_(None)
SEEN = history.SEEN.where(*_THESE)
STANDING = select(Message.seq).where(Message.chat_id == bindparam("chat"), *_THESE, history.unexpired())


def may_pin(chat: Conversation, message: Message) -> bool:
    """Who may pin here may pin it, and take down what anybody pinned."""
    return chat.may_pin and message.kind != "note" and message.deleted_at is None


async def pinned(work: Work, user: Person, chat: Conversation) -> list[Pinned]:
    """What is pinned in a chat and this person may see, the latest pin first; nothing for who left."""
    pins = await work.all(LIVE, {"chat": chat.id}) if chat.is_present else ()
    if not pins:
        return []
    found = await work.all(SEEN, {"chat": chat.id, "user": user.id, "seqs": [pin.seq for pin in pins]})
    ids = {message.sender_id for message in found} | {pin.user_id for pin in pins}
    people = await users.several(work, ids, [user])
    shown = {bubble.seq: bubble for bubble in await bubbles(work, chat, found, people, user)}
    return [
        Pinned(shown[pin.seq], people[pin.user_id], pin.pinned_at, pin.ends_at) for pin in pins if pin.seq in shown
    ]


async def load(work: Work, chat_id: int, seqs: Sequence[int]) -> dict[int, bool]:
    """Which of these messages are pinned."""
    return {pin.seq: True for pin in await work.all(LIVE, {"chat": chat_id}) if pin.seq in seqs}


async def is_pinned(work: Work, chat: Conversation, message: Message, _: Person) -> bool:
    return message.seq in await load(work, chat.id, [message.seq])


async def is_full(work: Work, chat_id: int, seq: int) -> bool:
    """Whether a pin of this message would take the place of the oldest."""
    return _is_too_many(await _live(work, chat_id), seq)


def _is_too_many(live: Sequence[int], seq: int) -> bool:
    return seq not in live and len(live) >= MOST


async def _live(work: Work, chat_id: int) -> list[int]:
    """The messages that are pinned for anybody, the latest pin first."""
    pins = await work.all(LIVE, {"chat": chat_id})
    return await _standing(work, chat_id, [pin.seq for pin in pins])


async def _standing(work: Work, chat_id: int, seqs: Sequence[int]) -> list[int]:
    """Those of these messages that are still there, in the same order."""
    found = set(await work.all(STANDING, {"chat": chat_id, "seqs": list(seqs)})) if seqs else ()
    return [seq for seq in seqs if seq in found]


async def pin(work: Work, user: Person, chat_id: int, seq: int, length: timedelta, *, replaces: bool = False) -> str:
    """Pin a message for so long, and answer its id; what is pinned already gets another end, and no line tells of it.

    Raises NotFound for strangers and for what is not for their eyes, Forbidden for who may not pin here or left,
    Invalid for what is no message that stands, Conflict when it would be one too many and it is not said that it
    `replaces` the oldest.
    """
    chat = await _require_pinner(work, chat_id, user)
    message = await history.require_visible(work, chat, user, seq)
    if not may_pin(chat, message):
        raise Invalid(duration="Only a message that still stands can be pinned.")
    live = await _live(work, chat_id)
    if _is_too_many(live, seq) and not replaces:
        raise Conflict(FULL, {"replace": FULL})
    work.announce(broadcasts.changed, chat_id)
    if seq in live:
        await work.execute(update(Pin).where(*_of(chat_id, [seq])).values(ends_at=now() + length))
        await messages.revise(work, chat_id, seq)
        return message.id
    await _take_down(work, chat_id, live[MOST - 1 :])
    await work.execute(delete(Pin).where(*_of(chat_id, [seq])))  # one that has ended may still be there
    row = {"chat_id": chat_id, "seq": seq, "user_id": user.id, "pinned_at": now(), "ends_at": now() + length}
    await work.execute(insert(Pin).values(row))
    await messages.revise(work, chat_id, seq, add=[EXTRA])
    await messages.note(work, chat, user, "pinned", value=f"{seq} {message.id}")  # where the line leads
    return message.id


async def _require_pinner(work: Work, chat_id: int, user: Person) -> Conversation:
    chat = await chats.require_present(work, chat_id, user)
    if not chat.may_pin:
        raise Forbidden(ADMINS_ONLY)
    return chat


def _of(chat_id: int, seqs: Collection[int]) -> tuple[Any, ...]:
    return col(Pin.chat_id) == chat_id, col(Pin.seq).in_(seqs)


async def unpin(work: Work, user: Person, chat_id: int, seq: int) -> str:
    """Take a pin down, and answer the message's id; what is not pinned stays so.

    Raises NotFound for strangers and for what is not for their eyes, Forbidden for who may not pin here or left.
    """
    chat = await _require_pinner(work, chat_id, user)
    message = await history.require_visible(work, chat, user, seq)
    if await work.first(select(Pin.seq).where(*_of(chat_id, [seq]))) is not None:
        work.announce(broadcasts.changed, chat_id)
        await _take_down(work, chat_id, [seq])
    return message.id


async def _take_down(work: Work, chat_id: int, seqs: Sequence[int]) -> None:
    await work.execute(delete(Pin).where(*_of(chat_id, seqs)))
    for seq in await _standing(work, chat_id, seqs):
        await messages.revise(work, chat_id, seq, remove=[EXTRA])


async def due(work: Work) -> dict[int, list[int]]:
    """Some of the pins that have ended: the seqs of their messages, by chat."""
    statement = select(Pin.chat_id, Pin.seq).where(Pin.ends_at <= now()).order_by(col(Pin.ends_at)).limit(AT_ONCE)
    found: dict[int, list[int]] = {}
    for row in await work.rows(statement):
        found.setdefault(row.chat_id, []).append(row.seq)
    return found


async def end(work: Work, chat_id: int, seqs: Sequence[int]) -> None:
    """Take down those of these pins that have ended."""
    await chats.lock(work, [chat_id])
    over = await work.all(select(Pin.seq).where(*_of(chat_id, seqs), Pin.ends_at <= now()))
    if over:
        work.announce(broadcasts.changed, chat_id)
        await _take_down(work, chat_id, over)


async def edited(work: Work, message: Message, _: str) -> Mapping[str, bool]:
    """The banner says what a message says now."""
    if EXTRA in message.extras.split():
        work.announce(broadcasts.changed, message.chat_id)
    return {}


async def forget(work: Work, chat_id: int, seqs: Sequence[int]) -> None:
    """Messages are gone, and their pins with them."""
    gone = await work.execute(delete(Pin).where(*_of(chat_id, seqs)).returning(col(Pin.seq)))
    if gone.all():
        work.announce(broadcasts.changed, chat_id)
