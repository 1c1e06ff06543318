"""Say again elsewhere what was said here."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import bindparam, delete, insert
from sqlmodel import col, select

from app.cards import service as cards
from app.chats import service as chats
from app.chats.models import Chat, Conversation
from app.db import Work
from app.errors import Forbidden, Invalid, Refused
from app.forwards.models import Forward
from app.messages import history
from app.messages.bubbles import Bubble
from app.messages.drafts import Draft
from app.messages.models import Message
from app.messages.parts import KINDS, Part
from app.messages.sending import Repeat, Sending, Sent, repeated, send_all
from app.users.models import Person

EXTRA = "forwarded"
MOST = 5  # chats at once
MANY = 5  # hops, from which on it is one chat at a time

# When something was said last in each of some chats.
_AT = select(Message.created_at).where(col(Message.chat_id) == col(Chat.id)).order_by(col(Message.seq).desc())
LATEST = select(Chat.id, _AT.limit(1).scalar_subquery().label("at")).where(
    col(Chat.id).in_(bindparam("chats", expanding=True))
)


def may_forward(message: Message) -> bool:
    return KINDS[message.kind].may_forward and message.deleted_at is None


async def load(work: Work, chat_id: int, seqs: Sequence[int]) -> dict[int, int]:
    """How often each of these messages was forwarded on its way."""
    found = await work.rows(
        select(Forward.seq, Forward.hops).where(Forward.chat_id == chat_id, col(Forward.seq).in_(seqs))
    )
    return {row.seq: row.hops for row in found}


async def store(work: Work, parts: Sequence[Part]) -> None:
    await work.execute(
        insert(Forward), [{"chat_id": part.chat_id, "seq": part.seq, "hops": part.value} for part in parts]
    )


async def forget(work: Work, chat_id: int, seqs: Collection[int]) -> None:
    await work.execute(delete(Forward).where(col(Forward.chat_id) == chat_id, col(Forward.seq).in_(seqs)))


async def sources(
    work: Work, user: Person, chat_id: int, seqs: Collection[int]
) -> tuple[Conversation, list[Message], dict[int, int]]:
    """The chat, those of these messages that can be forwarded, and how often each was before.

    Raises NotFound when none can be seen, and Forbidden when none can be forwarded.
    """
    chat = await chats.require_member(work, chat_id, user)
    found = [each for each in await history.some_visible(work, chat, user, seqs) if may_forward(each)]
    if not found:
        raise Forbidden("This message can’t be forwarded." if len(seqs) == 1 else "None of this can be forwarded.")
    return chat, found, await load(work, chat_id, [each.seq for each in found if EXTRA in each.extras.split()])


async def targets(work: Work, user: Person) -> list[Conversation]:
    """The chats into which somebody may forward, those first in which something was said last."""
    mine = [chat for chat in await chats.conversations(work, user) if chat.may_write]
    rows = await work.rows(LATEST, {"chats": [chat.id for chat in mine]})
    said = {row.id: row.at.timestamp() for row in rows if row.at}
    return sorted(mine, key=lambda chat: (-said.get(chat.id, 0.0), chat.title.casefold()))


def most(hops: Mapping[int, int]) -> int:
    """Into how many chats at once messages may go that were forwarded so often."""
    return MOST if max(hops.values(), default=0) < MANY else 1


async def forward(
    work: Work, user: Person, chat_id: int, seqs: Collection[int], target_ids: Collection[int], form_id: str
) -> tuple[list[Message], list[Bubble]]:
    """Say these messages, in their order, in all of these chats, or in none, and answer them and what was said; a
    repeat with the same `form_id` says nothing twice.

    Raises NotFound, Forbidden for what can't be forwarded, Invalid for wrong, too many or no chats.
    """
    _, messages, hops = await sources(work, user, chat_id, seqs)
    wanted = sorted({*target_ids})
    if not 1 <= len(wanted) <= most(hops):
        raise Invalid(chats=_how_many(hops))
    said = [(message.seq, _said(user, message, hops.get(message.seq, 0))) for message in messages]
    wishes = [
        Sending(user, target, replace(draft, id=_id(form_id, target, seq)))
        for target in wanted
        for seq, draft in said
    ]
    sent = await send_all(work, wishes)
    known = await repeated(work, [each for each in sent if isinstance(each, Repeat)])
    sent = [known.pop(0) if isinstance(each, Repeat) else each for each in sent]
    if any(isinstance(each, Refused) for each in sent):
        raise Invalid(chats="You can’t write in one of these chats.")
    return messages, [each.bubble for each in sent if isinstance(each, Sent)]


def _said(user: Person, message: Message, hops: int) -> Draft:
    # One's own words are no news from elsewhere.
    is_own = message.sender_id == user.id and not hops
    brings = {EXTRA: None if is_own else hops + 1, cards.EXTRA: cards.link_of(message.body)}
    return Draft(
        body=message.body,
        kind=message.kind,
        brings={name: value for name, value in brings.items() if value is not None},
    )


def _how_many(hops: Mapping[int, int]) -> str:
    if most(hops) == 1:
        return "This was forwarded many times, so it goes to one chat at a time."
    return f"Choose one to {MOST} chats."


def _id(form_id: str, target: int, seq: int) -> str:
    """The same for a form that is sent twice."""
    return str(uuid.uuid5(uuid.UUID(form_id), f"{target}/{seq}"))
