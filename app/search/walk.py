"""Through the index from the newest message back, in stretches of growing length, until a page is full: so a word
that is everywhere costs no more than one that is nowhere.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import TextClause, bindparam, literal_column, text
from sqlmodel import UTCDateTime, col, select

from app.db import Work, now
from app.messages import history
from app.messages.models import Message
from app.search import tokens
from app.search.tokens import Needle

BUDGET = 0.25  # seconds, after which a search says how far it came; the next page goes on from there
# SQLite reads its index from the newest on and stops when it has enough, so a stretch is a million or two.
ORDERED = (20,)
NEWEST = text("SELECT coalesce(max(id), 0) AS newest FROM search_texts")
# The one condition of who sees what, as it stands in every query of messages.
_SEEN = select(col(Message.seq)).where(history.visible(literal_column("t.chat_id"), bindparam("user")))
VISIBLE = str(_SEEN).partition("WHERE ")[2]
# It says that already; but what is in other people's chats is better left out before its message is read.
MINE = "chat_id + 0 IN (SELECT chat_id FROM memberships WHERE user_id = :user)"
# SQLite is told the order of the tables: it cannot know how few rows the index finds.
SQLITE = """
    SELECT t.id, t.chat_id, t.seq FROM search_tokens
    CROSS JOIN search_texts t ON t.id = search_tokens.rowid
    CROSS JOIN messages ON messages.chat_id = t.chat_id AND messages.seq = t.seq
    WHERE search_tokens MATCH :match AND search_tokens.rowid BETWEEN :first AND :last AND t.{mine} AND {conditions}
    ORDER BY search_tokens.rowid DESC LIMIT :most
"""
# PostgreSQL, too, else it would rather read all messages: its index knows stretches by their tokens. What it finds
# there is sorted before it is joined, so that nothing is looked at behind the last hit of the page.
POSTGRESQL = """
    SELECT t.id, t.chat_id, t.seq FROM (
        SELECT id, chat_id, seq, text, is_stale FROM search_texts WHERE tokens @@ CAST(:match AS tsquery) AND {mine}
        ORDER BY id DESC OFFSET 0
    ) t
    JOIN messages ON messages.chat_id = t.chat_id AND messages.seq = t.seq
    WHERE t.id BETWEEN :first AND :last AND {conditions}
    ORDER BY t.id DESC LIMIT :most
"""


class Place(NamedTuple):
    """A message that was found; `number` is its number in the index."""

    number: int
    chat_id: int
    seq: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to find: a token of each group, each needle in the text, and a time not `before` nor `after` a moment."""

    groups: tuple[tuple[str, ...], ...]
    needles: tuple[Needle, ...] = ()
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Walked:
    """The newest messages that were found, and where to go on: None where the whole index was seen."""

    places: Sequence[Place]
    rest: int | None


async def walk(work: Work, user_id: int, wanted: Wanted, most: int, before: int | None = None) -> Walked:
    """At most so many messages that this person may see, the newest first; `before` is where the last page ended."""
    is_sqlite = work.connection.dialect.name == "sqlite"
    newest = (await work.rows(NEWEST))[0].newest
    exact = [each.text for each in wanted.needles if not each.is_exact]
    statement = _statement(is_sqlite, len(exact), wanted.since is not None, wanted.until is not None)
    values: dict[str, Any] = {"user": user_id, "present": now(), "since": wanted.since, "until": wanted.until}
    values |= {f"text{number}": each for number, each in enumerate(exact)}
    groups = [*wanted.groups, *((token,) for each in wanted.needles for token in sorted(each.tokens))]
    found: list[Place] = []
    began = time.monotonic()
    newest = newest if before is None else min(before - 1, newest)
    for level, first, last in tokens.stretches(newest, ORDERED if is_sqlite else tokens.LEVELS):
        match = tokens.fts5(groups) if is_sqlite else tokens.tsquery([*groups, tokens.of_stretch(level, first, last)])
        here = {"match": match, "first": first, "last": last, "most": most - len(found)}
        known = {name: value for name, value in (values | here).items() if name in statement._bindparams}
        found += [Place(*row) for row in await work.rows(statement, known)]
        if len(found) == most:
            return Walked(found, found[-1].number)
        if time.monotonic() - began > BUDGET and first > 1:
            return Walked(found, first)
    return Walked(found, None)


@lru_cache
def _statement(is_sqlite: bool, texts: int, has_since: bool, has_until: bool) -> TextClause:
    find = "instr" if is_sqlite else "strpos"
    conditions = ["NOT t.is_stale", VISIBLE, "messages.deleted_at IS NULL"]
    conditions += [f"{find}(t.text, :text{number}) > 0" for number in range(texts)]
    conditions += ["messages.created_at >= :since"] * has_since + ["messages.created_at < :until"] * has_until
    names = ["present", *["since"] * has_since, *["until"] * has_until]
    times = [bindparam(name, type_=UTCDateTime()) for name in names]
    template = SQLITE if is_sqlite else POSTGRESQL
    return text(template.format(mine=MINE, conditions=" AND ".join(conditions))).bindparams(*times)
