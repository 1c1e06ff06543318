"""How far everyone has come: two pointers on each membership, never a row per message."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, func
from sqlmodel import col, select

from app.chats import service as chats
from app.chats.models import Conversation, Membership
from app.db import Work
from app.hot import Hot
from app.receipts import broadcasts, log
from app.receipts.marks import Mark, Ticks
from app.users.models import Person

OTHERS = (
    select(Membership)
    .where(col(Membership.chat_id).in_(bindparam("chats", expanding=True)))
    .where(col(Membership.is_present), col(Membership.user_id) != bindparam("user"))
    .group_by(col(Membership.chat_id))
    .with_only_columns(
        col(Membership.chat_id),
        func.min(Membership.delivered_seq).label("delivered"),
        func.min(Membership.read_seq).label("read"),
    )
)


# All that were ever in these chats: who left may still read.
POINTERS = Hot(
    """SELECT m.chat_id, m.user_id, m.delivered_seq, m.read_seq, m.is_present, c.last_seq
    FROM {rows} JOIN chats c ON c.id = w.chat JOIN memberships m ON m.chat_id = w.chat""",
    chat="bigint",
)
RAISE = Hot(
    """UPDATE memberships SET delivered_seq = w.delivered, read_seq = w.read
    FROM {rows} WHERE memberships.chat_id = w.chat AND memberships.user_id = w.member
        AND delivered_seq <= w.delivered AND read_seq <= w.read""",
    chat="bigint",
    member="bigint",
    delivered="bigint",
    read="bigint",
)


async def others(work: Work, user: Person, chat_ids: Collection[int]) -> dict[int, Mark]:
    """For each chat how far all its other present members came; a chat without others is left out."""
    values = {"chats": list(chat_ids), "user": user.id}
    return {row.chat_id: Mark(row.delivered, row.read) for row in await work.rows(OTHERS, values)}


async def read(work: Work, chat: Conversation, user: Person, seq: int) -> None:
    """Note that somebody read up to `seq` of a chat that is locked; a pointer never moves back."""
    await store_locked(work, {(chat.id, user.id): Mark(seq, seq)})


async def store(work: Work, marks: Mapping[tuple[int, int], Mark]) -> None:
    """Raise the pointers of (chat id, user id) pairs together, and announce what that changes for others.

    Pairs of people who were never in the chat change nothing.
    """
    await chats.lock(work, {chat_id for chat_id, _ in marks})
    await store_locked(work, marks)


async def store_locked(work: Work, marks: Mapping[tuple[int, int], Mark]) -> None:
    """The same, of chats that are locked already."""
    changed: list[dict[str, Any]] = []
    moves: list[tuple[int, int, Mark, Mark]] = []
    wanted: dict[int, dict[int, Mark]] = {}
    for (chat_id, user_id), mark in marks.items():
        wanted.setdefault(chat_id, {})[user_id] = mark
    for chat_id, pointers in (await _pointers(work, marks)).items():
        before = pointers.marks
        moved = pointers.moved(wanted[chat_id])
        for user_id, mark in moved.items():
            changed.append({"chat": chat_id, "member": user_id, "delivered": mark.delivered, "read": mark.read})
            moves.append((chat_id, user_id, before[user_id], mark))
            if mark.read > before[user_id].read:
                work.announce(broadcasts.read, chat_id, user_id, mark.read)
        if moved:
            work.announce(broadcasts.moved, chat_id)
            ticks = pointers.ticks(before | moved)
            if ticks != pointers.ticks(before):
                work.announce(broadcasts.ticked, chat_id, *ticks)
    if changed:
        await work.change(RAISE, changed)
        await log.append(work, moves)


async def tell_after_leaving(work: Work, chat_id: int) -> None:
    """Announce of a chat that is locked how far those came who are still waited for: nobody waits for who left."""
    for pointers in (await _pointers(work, [(chat_id, 0)])).values():
        work.announce(broadcasts.ticked, chat_id, *pointers.ticks(pointers.marks))


@dataclass(frozen=True, slots=True)
class Pointers:
    """A chat's last seq, and how far people came; those who left may still read, but nobody waits for them."""

    last: int
    marks: dict[int, Mark]
    present: set[int]

    def moved(self, by: Mapping[int, Mark]) -> dict[int, Mark]:
        """The new marks of those who came further."""
        known = [user_id for user_id in by if user_id in self.marks]
        after = {user_id: self.marks[user_id].raised(by[user_id], self.last) for user_id in known}
        return {user_id: mark for user_id, mark in after.items() if mark != self.marks[user_id]}

    def ticks(self, marks: Mapping[int, Mark]) -> tuple[Ticks, Ticks]:
        waited_for = [(user_id, mark) for user_id, mark in marks.items() if user_id in self.present]
        return (
            Ticks.of([(mark.delivered, user_id) for user_id, mark in waited_for], self.last),
            Ticks.of([(mark.read, user_id) for user_id, mark in waited_for], self.last),
        )


async def _pointers(work: Work, pairs: Collection[tuple[int, int]]) -> dict[int, Pointers]:
    """For each chat of the pairs the pointers of its present members, and of the pairs' people."""
    user_ids = {user_id for _, user_id in pairs}
    stored: dict[int, Pointers] = {}
    for row in await work.many(POINTERS, [{"chat": chat_id} for chat_id in {chat_id for chat_id, _ in pairs}]):
        chat_id, user_id, delivered, read, is_present, last = row
        pointers = stored.setdefault(chat_id, Pointers(last, {}, set()))
        if is_present:
            pointers.present.add(user_id)
        if is_present or user_id in user_ids:
            pointers.marks[user_id] = Mark(delivered, read)
    return stored
