"""When pointers moved: a row for each time, kept for thirty days.

A pointer moves over a stretch of messages. Stretches of 1 message have `level` 0, those of 2 have 1, of 3 to 4 have
2, of 5 to 8 have 3 … A stretch of level n that holds a message ends at it or at one of the next 2**n - 1. So the
times of a message are one short range for each level and day, however long its chat is and however late somebody
came. What is flushed together is written side by side, and what is old is the beginning of the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import bindparam, delete, tuple_, update
from sqlmodel import col, select

from app.db import Work, now
from app.hot import Hot
from app.receipts.marks import Mark
from app.receipts.models import ReceiptLog

DAY = 86_400_000  # milliseconds
DAYS = 30
AT_ONCE = 2000

APPEND = Hot(
    """INSERT INTO receipt_log (day, level, chat_id, seq, user_id, is_read, before_seq, at)
    SELECT w.at / 86400000, w.level, w.chat, w.seq, w.member, w.is_read, w.before, w.at FROM {rows}
    WHERE true ON CONFLICT DO NOTHING""",
    level="smallint",
    chat="bigint",
    seq="bigint",
    member="bigint",
    is_read="boolean",
    before="bigint",
    at="bigint",
)
TIMES = Hot(
    """SELECT l.user_id, min(l.at), min(CASE WHEN l.is_read THEN l.at END)
    FROM {rows} JOIN receipt_log l ON l.day = w.day AND l.level = w.level AND l.chat_id = w.chat
        AND l.seq >= w.seq AND l.seq < w.seq + w.most AND l.before_seq < w.seq
    GROUP BY l.user_id""",
    day="smallint",
    level="smallint",
    chat="bigint",
    seq="bigint",
    most="bigint",
)
KEY = list(ReceiptLog.__table__.primary_key)  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Times:
    """When somebody got a message, and when they read it, in milliseconds; None where that is not known."""

    delivered: int | None = None
    read: int | None = None


async def append(work: Work, moved: Iterable[tuple[int, int, Mark, Mark]]) -> None:
    """Note that marks moved now: in which chat, whose, from where to where."""
    at = _milliseconds(now())
    await work.change(APPEND, [row for each in moved for row in _rows(at, *each)])


def _rows(at: int, chat_id: int, user_id: int, before: Mark, after: Mark) -> Iterator[dict[str, Any]]:
    """At most two: what was read was delivered, so that needs no row of its own."""
    ids = {"at": at, "chat": chat_id, "member": user_id}
    if after.read > before.read:
        yield {**ids, "is_read": True, **_stretch(before.read, after.read)}
    if after.delivered > max(before.delivered, after.read):
        yield {**ids, "is_read": False, **_stretch(before.delivered, after.delivered)}


def _stretch(before: int, seq: int) -> dict[str, int]:
    return {"before": before, "seq": seq, "level": (seq - before - 1).bit_length()}


async def times(work: Work, chat_id: int, seq: int, said: datetime, last: int) -> dict[int, Times]:
    """When people got a message that was `said` then, and read it, by their ids, as far as is known; `last` is the
    last seq of its chat.
    """
    today = _milliseconds(now()) // DAY
    days = range(max(_milliseconds(said) // DAY, today - DAYS), today + 1)
    levels = range(last.bit_length() + 1)
    ranges = [
        {"day": day, "level": level, "chat": chat_id, "seq": seq, "most": 2**level}
        for day in days
        for level in levels
    ]
    rows = await work.many(TIMES, ranges)
    return {user_id: Times(delivered, read) for user_id, delivered, read in rows}


async def backdate(work: Work, chat_id: int, times: Sequence[datetime]) -> None:
    """Pretend that each pointer of a chat moved at the time of the message that it reached; these are of seq 1 on."""
    here = update(ReceiptLog).where(col(ReceiptLog.chat_id) == chat_id, col(ReceiptLog.seq) == bindparam("reached"))
    dated = [(seq, _milliseconds(at)) for seq, at in enumerate(times, 1)]
    rows = [{"reached": seq, "on": at // DAY, "then": at} for seq, at in dated]
    await work.execute(here.values(day=bindparam("on"), at=bindparam("then")), rows)


async def prune(work: Work) -> bool:
    """Forget some of what is older than DAYS; answers whether there may be more."""
    old = select(*KEY).where(col(ReceiptLog.day) < _milliseconds(now()) // DAY - DAYS).limit(AT_ONCE)
    result = await work.execute(delete(ReceiptLog).where(tuple_(*KEY).in_(old)))
    return result.rowcount == AT_ONCE


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def moment(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
