"""How far everyone has come: two pointers on each membership, never a row per message."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import bindparam, func, update
from sqlmodel import col, select

from app.chats.models import Chat, Conversation, Membership
from app.db import Work
from app.receipts import broadcasts
from app.receipts.marks import Mark, Ticks
from app.users.models import Person


async def others(work: Work, user: Person, chat_ids: Collection[int]) -> dict[int, Mark]:
    """For each chat how far all its other present members came; a chat without others is left out."""
    statement = (
        select(Membership)
        .where(col(Membership.chat_id).in_(chat_ids), col(Membership.is_present), Membership.user_id != user.id)
        .group_by(col(Membership.chat_id))
        .with_only_columns(
            col(Membership.chat_id),
            func.min(Membership.delivered_seq).label("delivered"),
            func.min(Membership.read_seq).label("read"),
        )
    )
    return {row.chat_id: Mark(row.delivered, row.read) for row in await work.rows(statement)}


async def read(work: Work, chat: Conversation, user: Person, seq: int) -> None:
    """Note that somebody read up to `seq`; a pointer never moves back."""
    await store(work, {(chat.id, user.id): Mark(seq, seq)})


async def store(work: Work, marks: Mapping[tuple[int, int], Mark]) -> None:
    """Raise the pointers of (chat id, user id) pairs together, and announce what that changes for others.

    Pairs of people who are not in the chat change nothing.
    """
    stored = await _pointers(work, {chat_id for chat_id, _ in marks})
    changed: list[dict[str, Any]] = []
    for chat_id, (last, before) in stored.items():
        after = {
            user_id: mark.raised(marks.get((chat_id, user_id), Mark()), last) for user_id, mark in before.items()
        }
        moved = {user_id: mark for user_id, mark in after.items() if mark != before[user_id]}
        for user_id, mark in moved.items():
            changed.append({"chat": chat_id, "user": user_id, "delivered": mark.delivered, "read": mark.read})
            if mark.read > before[user_id].read:
                work.announce(broadcasts.read, chat_id, user_id, mark.read)
        if moved and _ticks(before, last) != _ticks(after, last):
            work.announce(broadcasts.ticked, chat_id, *_ticks(after, last))
    if changed:
        await work.execute(RAISE, changed)


RAISE = (
    update(Membership)
    .where(col(Membership.chat_id) == bindparam("chat"), col(Membership.user_id) == bindparam("user"))
    .where(col(Membership.delivered_seq) <= bindparam("delivered"), col(Membership.read_seq) <= bindparam("read"))
    .values(delivered_seq=bindparam("delivered"), read_seq=bindparam("read"))
)


async def _pointers(work: Work, chat_ids: Collection[int]) -> dict[int, tuple[int, dict[int, Mark]]]:
    """For each chat its last seq and the marks of its present members."""
    statement = (
        select(Membership)
        .join(Chat, col(Chat.id) == col(Membership.chat_id))
        .where(col(Membership.chat_id).in_(chat_ids), col(Membership.is_present))
        .with_only_columns(
            col(Membership.chat_id),
            col(Membership.user_id),
            col(Membership.delivered_seq),
            col(Membership.read_seq),
            col(Chat.last_seq),
        )
    )
    stored: dict[int, tuple[int, dict[int, Mark]]] = {}
    for row in await work.rows(statement):
        _, marks = stored.setdefault(row.chat_id, (row.last_seq, {}))
        marks[row.user_id] = Mark(row.delivered_seq, row.read_seq)
    return stored


def _ticks(marks: Mapping[int, Mark], last: int) -> tuple[Ticks, Ticks]:
    return (
        Ticks.of([(mark.delivered, user_id) for user_id, mark in marks.items()], last),
        Ticks.of([(mark.read, user_id) for user_id, mark in marks.items()], last),
    )
