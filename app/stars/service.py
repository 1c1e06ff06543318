"""Star messages, and find them again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Integer, bindparam, delete
from sqlmodel import col, select

from app.chats import service as chats
from app.chats.models import Conversation
from app.db import Work, insert_if_new, now
from app.errors import Invalid
from app.messages import history
from app.messages import service as messages
from app.messages.bubbles import Bubble, bubbles, moving
from app.messages.models import KeptMessage, Message
from app.stars import broadcasts
from app.stars.models import Star
from app.users.models import Person

PAGE = 50
MARKED = 1000  # so many of a chat are marked in its page

_STARRED = (col(Star.chat_id) == col(Message.chat_id)) & (col(Star.seq) == col(Message.seq))
MINE = (
    select(Message, Star)
    .join(Star, _STARRED)
    .where(col(Star.user_id) == bindparam("user"), col(Message.deleted_at).is_(None))
    .where(history.visible(col(Star.chat_id), bindparam("user")))
    .order_by(col(Star.created_at).desc(), col(Star.chat_id), col(Star.seq))
    .limit(bindparam("most", type_=Integer))
    .with_only_columns(*Message.__table__.columns, col(Star.created_at).label("starred_at"))  # type: ignore[attr-defined]
)
BEFORE = MINE.where(col(Star.created_at) < bindparam("before", type_=Star.__table__.c.created_at.type))  # type: ignore[attr-defined]
SEQS = (
    select(Star.seq)
    .where(col(Star.user_id) == bindparam("user"), col(Star.chat_id) == bindparam("chat"))
    .order_by(col(Star.seq).desc())
    .limit(MARKED)
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A starred message with the chat in which it stands."""

    chat: Conversation
    message: Bubble
    starred_at: datetime

    @property
    def preview(self) -> str:
        return moving(self.message).preview


def may_star(message: Message) -> bool:
    return message.kind != "note" and message.deleted_at is None


async def star(work: Work, user: Person, chat_id: int, seqs: Collection[int]) -> list[Message]:
    """Star what stands of these messages, and answer that; starring twice is harmless.

    Raises NotFound when none of them can be seen, and Invalid when none is a message that stands.
    """
    chat = await chats.require_member(work, chat_id, user, locked=True)  # or it may be deleted, and its star stay
    found = [each for each in await history.some_visible(work, chat, user, seqs) if may_star(each)]
    if not found:
        raise Invalid(on="Only a message that still stands can be starred.")
    rows = [{"user_id": user.id, "chat_id": chat_id, "seq": each.seq, "created_at": now()} for each in found]
    await work.execute(insert_if_new(Star).values(rows))
    work.announce(broadcasts.starred, user.id, chat_id, [each.seq for each in found], True)
    return found


async def unstar(work: Work, user: Person, chat_id: int, seqs: Collection[int]) -> Sequence[Message]:
    """Answers those of the messages that are there. What has no star keeps having none, and what only its star kept
    is gone. Raises NotFound for strangers to the chat.
    """
    # Locked, or it may be cleared meanwhile, and this one kept.
    chat = await chats.require_member(work, chat_id, user, locked=True)
    await work.execute(delete(Star).where(*_of(user, chat_id), col(Star.seq).in_(seqs)))
    work.announce(broadcasts.starred, user.id, chat_id, sorted(seqs), False)
    found = await work.all(history.seen_by(chat, user).where(col(Message.seq).in_(seqs)).order_by(col(Message.seq)))
    await messages.let_go(work, user, chat_id, seqs)
    return found


def _of(user: Person, chat_id: int) -> tuple[ColumnElement[bool], ...]:
    return col(Star.user_id) == user.id, col(Star.chat_id) == chat_id


async def keep(work: Work, user: Person, chat_id: int) -> None:
    """Have what somebody starred in a chat stay in it when they clear it."""
    mine = select(Star.user_id, Star.chat_id, Star.seq).join(Message, _STARRED).where(*_of(user, chat_id))
    visible = mine.where(history.visible(chat_id, user.id))
    await work.execute(insert_if_new(KeptMessage).from_select(["user_id", "chat_id", "seq"], visible))


async def is_starred(work: Work, chat: Conversation, message: Message, user: Person) -> bool:
    found = select(Star.seq).where(Star.user_id == user.id, Star.chat_id == chat.id, Star.seq == message.seq)
    return await work.first(found) is not None


async def seqs(work: Work, user: Person, chat_id: int) -> Sequence[int]:
    """Which messages of a chat somebody starred, the newest MARKED of them."""
    return await work.all(SEQS, {"user": user.id, "chat": chat_id})


async def listed(
    work: Work, user: Person, chat_id: int | None = None, before: datetime | None = None
) -> tuple[list[Kept], bool]:
    """What somebody starred (in one chat, or everywhere), the last first, and whether there is more.

    Raises NotFound for a chat that is not theirs.
    """
    statement = MINE if before is None else BEFORE
    values = {"user": user.id, "most": PAGE + 1} | ({"before": before} if before else {})
    if chat_id is not None:
        await chats.require_member(work, chat_id, user)
        statement = statement.where(col(Star.chat_id) == chat_id)
    rows = await work.rows(statement, values)
    found = {chat.id: chat for chat in await chats.conversations(work, user, {row.chat_id for row in rows})}
    shown: dict[tuple[int, int], Bubble] = {}
    for chat in found.values():
        here = [row for row in rows if row.chat_id == chat.id]
        shown |= {(chat.id, bubble.seq): bubble for bubble in await bubbles(work, chat, here, {user.id: user})}
    kept = [Kept(found[row.chat_id], shown[row.chat_id, row.seq], row.starred_at) for row in rows]
    return kept[:PAGE], len(kept) > PAGE


async def forget(work: Work, chat_id: int, seqs: Collection[int]) -> None:
    """Messages are gone, and their stars with them."""
    await work.execute(delete(Star).where(col(Star.chat_id) == chat_id, col(Star.seq).in_(seqs)))
