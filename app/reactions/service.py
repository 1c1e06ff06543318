"""React, take it back, and who did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, bindparam, delete, func, insert, update
from sqlmodel import col, select

from app.chats import service as chats
from app.chats.models import Conversation
from app.db import Work, joined, now
from app.errors import Forbidden, Invalid
from app.messages import history
from app.messages import service as messages
from app.messages.bubbles import Bubble, bubbles
from app.messages.emoji import emoji_count, qualified
from app.messages.models import Message
from app.reactions.models import Chip, Reaction, Reactions
from app.users.models import Person, User

EXTRA = "reactions"
CHIPS = 8
NAMES = 8
PAGE = 100

_KIND = (col(Reaction.seq), col(Reaction.emoji))
_THESE = select(Reaction).where(
    Reaction.chat_id == bindparam("chat"), col(Reaction.seq).in_(bindparam("seqs", expanding=True))
)
_ALL = _THESE.group_by(*_KIND).with_only_columns(*_KIND, joined(col(Reaction.user_id)).label("users")).subquery()
_ORDER = (col(Reaction.created_at), col(Reaction.user_id))
_RANKED = _THESE.with_only_columns(
    *_KIND, *_ORDER, func.row_number().over(partition_by=_KIND, order_by=_ORDER).label("place")
).subquery()
# A row for each name that is shown, and the ids of all in the first of them: a thousand people make it no longer.
CHOSEN = (
    select(User)
    .join(_RANKED, _RANKED.c.user_id == col(User.id))
    .outerjoin(_ALL, and_(_RANKED.c.place == 1, _ALL.c.seq == _RANKED.c.seq, _ALL.c.emoji == _RANKED.c.emoji))
    .where(_RANKED.c.place <= NAMES)
    .order_by(_RANKED.c.seq, _RANKED.c.created_at, _RANKED.c.user_id)
    .with_only_columns(_RANKED.c.seq, _RANKED.c.emoji, _RANKED.c.user_id, col(User.display_name), _ALL.c.users)
)


@dataclass(frozen=True, slots=True)
class Reactor:
    """Somebody and the emoji they chose."""

    person: Person
    emoji: str


def read_emoji(text: str) -> str:
    """The one emoji in a text, as it is always spelled, or "" for none at all. Raises Invalid."""
    emoji = qualified(text.strip())
    if text.strip() and emoji_count(emoji) != 1:
        raise Invalid(emoji="Please choose one emoji.")
    return emoji


def may_react(chat: Conversation, message: Message) -> bool:
    """Whoever is in the chat may, also where only admins write."""
    return chat.is_present and message.kind != "note" and message.deleted_at is None


async def react(work: Work, user: Person, chat_id: int, seq: int, emoji: str, *, toggle: bool = False) -> Bubble:
    """Choose `emoji` for a message, in place of another one chosen before; "" takes it back, and with `toggle` so
    does the same again.

    Raises NotFound for strangers and for what is not for their eyes, Forbidden for who left, and for system lines and
    tombstones.
    """
    chat = await chats.require_present(work, chat_id, user)
    message = await _require_reactable(work, chat, user, seq)
    before = await chosen(work, chat_id, seq, user)
    after = "" if toggle and emoji == before else emoji
    if before == after:
        return (await bubbles(work, chat, [message]))[0]
    await _store(work, chat_id, seq, user.id, before, after)
    if not after and not await _is_any(work, chat_id, seq):
        return await messages.revise(work, chat_id, seq, remove=[EXTRA])
    return await messages.revise(work, chat_id, seq, add=[EXTRA])


async def require_reactable(work: Work, user: Person, chat_id: int, seq: int) -> tuple[Conversation, Message]:
    """The chat, and a message of it to which somebody may react. Raises NotFound or Forbidden."""
    chat = await chats.require_member(work, chat_id, user)
    return chat, await _require_reactable(work, chat, user, seq)


async def _require_reactable(work: Work, chat: Conversation, user: Person, seq: int) -> Message:
    message = await history.require_visible(work, chat, user, seq)
    if not may_react(chat, message):
        raise Forbidden(chat.why_not or "Nobody can react to this.")
    return message


async def _store(work: Work, chat_id: int, seq: int, user_id: int, before: str, after: str) -> None:
    mine = col(Reaction.chat_id) == chat_id, col(Reaction.seq) == seq, col(Reaction.user_id) == user_id
    if not after:
        await work.execute(delete(Reaction).where(*mine))
    elif before:
        await work.execute(update(Reaction).where(*mine).values(emoji=after, created_at=now()))
    else:
        values = {"chat_id": chat_id, "seq": seq, "user_id": user_id, "emoji": after, "created_at": now()}
        await work.execute(insert(Reaction).values(values))


async def _is_any(work: Work, chat_id: int, seq: int) -> bool:
    return await work.first(select(Reaction.seq).where(Reaction.chat_id == chat_id, Reaction.seq == seq)) is not None


async def chosen(work: Work, chat_id: int, seq: int, user: Person) -> str:
    """What somebody chose for a message, or ""."""
    mine = Reaction.chat_id == chat_id, Reaction.seq == seq, Reaction.user_id == user.id
    return await work.first(select(Reaction.emoji).where(*mine)) or ""


async def load(work: Work, chat_id: int, seqs: Sequence[int]) -> dict[int, Reactions]:
    """What the bubbles of these messages show."""
    found: dict[int, dict[str, list[Any]]] = {}
    for row in await work.rows(CHOSEN, {"chat": chat_id, "seqs": list(seqs)}):
        found.setdefault(row.seq, {}).setdefault(row.emoji, []).append(row)
    return {seq: _reactions([_chip(emoji, rows) for emoji, rows in each.items()]) for seq, each in found.items()}


def _chip(emoji: str, rows: Sequence[Any]) -> Chip:
    # The database joins the ids in any order.
    users = tuple(sorted(map(int, rows[0].users.split())))
    return Chip(emoji, users, tuple((row.user_id, row.display_name) for row in rows))


def _reactions(chips: Sequence[Chip]) -> Reactions:
    return Reactions(tuple(chips[:CHIPS]), tuple(sorted(user for chip in chips[CHIPS:] for user in chip.users)))


async def counts(work: Work, chat_id: int, seq: int) -> list[tuple[str, int]]:
    """How many chose each emoji, the first one first."""
    statement = (
        select(Reaction)
        .where(Reaction.chat_id == chat_id, Reaction.seq == seq)
        .group_by(col(Reaction.emoji))
        .order_by(func.min(col(Reaction.created_at)), func.min(col(Reaction.user_id)))
        .with_only_columns(col(Reaction.emoji), func.count().label("number"))
    )
    return [(row.emoji, row.number) for row in await work.rows(statement)]


async def reactors(
    work: Work, chat_id: int, seq: int, *, emoji: str = "", skip: int = 0
) -> tuple[list[Reactor], bool]:
    """A page of those who chose `emoji`, or any, the latest first; and whether there are more."""
    statement = (
        select(User)
        .join(Reaction, col(Reaction.user_id) == col(User.id))
        .where(Reaction.chat_id == chat_id, Reaction.seq == seq)
        .order_by(col(Reaction.created_at).desc(), col(Reaction.user_id))
        .offset(skip)
        .limit(PAGE + 1)
        .with_only_columns(*User.__table__.columns, col(Reaction.emoji))  # type: ignore[attr-defined]
    )
    if emoji:
        statement = statement.where(col(Reaction.emoji) == emoji)
    rows = await work.rows(statement)
    return [Reactor(Person.of(row), row.emoji) for row in rows[:PAGE]], len(rows) > PAGE


async def drop(work: Work, chat_id: int, seqs: Sequence[int]) -> None:
    """Forget what was thought of messages that are deleted."""
    await work.execute(delete(Reaction).where(col(Reaction.chat_id) == chat_id, col(Reaction.seq).in_(seqs)))
