"""The index follows the messages: triggers note in `search_texts` what is new, changed or gone, in the work that
changes it; from then on its old text is not found any more. A moment later a process indexes what is there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import text

from app.db import Database, Work
from app.errors import Refused
from app.hot import Hot, moment
from app.jobs import enqueue_once
from app.messages import links
from app.search import tokens
from app.search.folding import fold

PAUSE = 0.4  # seconds between two looks
REST = 4
AT_ONCE = 100  # messages in one work
LENGTH = 400  # characters that one of them has on average, at most
ERASE = "search.erase"  # the job that does it
SOON = 3600  # seconds after which what was taken out is erased
ERASING = 40  # seconds of it at a time
PAGES = 64  # in one work

log = logging.getLogger(__name__)


class _Row(NamedTuple):
    """What waits: what the index has of it (no facts: nothing), and the message as it is (no body: gone)."""

    id: int
    chat_id: int
    text: str
    facts: str
    body: str | None
    kind: str
    sender_id: int
    created_at: datetime | str


_Entries = Mapping[_Row, dict[str, Any] | None]

WAITING = """
    SELECT t.id, t.chat_id, t.text, t.facts, m.body, m.kind, m.sender_id, m.created_at
    FROM {tables}
    LEFT JOIN messages m ON m.chat_id = t.chat_id AND m.seq = t.seq AND m.deleted_at IS NULL
    WHERE t.is_stale ORDER BY t.id {end}
"""
NEWEST = Hot(
    WAITING.format(tables="search_texts t", end="DESC LIMIT (SELECT w.most FROM {rows})"),
    most="integer",
)
# Other processes may have looked at the same ones; each takes what no other has taken.
TAKE = Hot(
    WAITING.format(tables="{rows} JOIN search_texts t ON t.id = w.id", end="{lock}"),
    lock="FOR UPDATE OF t SKIP LOCKED",
    id="bigint",
)
ALL = text("""
    INSERT INTO search_texts (chat_id, seq) SELECT chat_id, seq FROM messages
    WHERE kind <> 'note' AND deleted_at IS NULL ORDER BY created_at, chat_id, seq
""")
FORGET = Hot("DELETE FROM search_texts WHERE id IN (SELECT w.id FROM {rows})", id="bigint")
# SQLite's index has no content, so that it is told what to take out, too.
TAKE_OUT = Hot(
    "INSERT INTO search_tokens (search_tokens, rowid, tokens) SELECT 'delete', w.id, w.tokens FROM {rows}",
    id="bigint",
    tokens="text",
)
PUT_IN = Hot(
    "INSERT INTO search_tokens (rowid, tokens) SELECT w.id, w.tokens FROM {rows}",
    id="bigint",
    tokens="text",
)
KEEP = """
    UPDATE search_texts SET text = w.text, facts = w.facts, is_stale = false{tokens} FROM {{rows}}
    WHERE search_texts.id = w.id
"""
KEEP_TEXTS = Hot(KEEP.format(tokens=""), id="bigint", text="text", facts="text")
TOKENS = ", tokens = array_to_tsvector(string_to_array(w.tokens, ' '))"
KEEP_ALL = Hot(KEEP.format(tokens=TOKENS), id="bigint", text="text", facts="text", tokens="text")

# Parts of SQLite's index are merged into one, a few pages at a time: first all are noted for it, then it goes on.
MERGE = text("INSERT INTO search_tokens (search_tokens, rank) VALUES ('merge', :pages)")
CHANGES = text("SELECT total_changes() AS total")


async def begin_anew(work: Work) -> None:
    """Number all messages by their times, and index them again: hits stand in the order of these numbers, which is
    that in which messages were stored, unless some came late, as from another program.
    """
    if work.connection.dialect.name == "sqlite":
        await work.execute(text("INSERT INTO search_tokens (search_tokens) VALUES ('delete-all')"))
    await work.execute(text("DELETE FROM search_texts"))
    await work.execute(ALL)


async def follow(database: Database, stopping: asyncio.Event) -> None:
    """Index what waits, over and over, until `stopping` is set. Between works four times as long is left to others: a
    storm of sends is found a little later, not stored later.
    """
    loop = asyncio.get_running_loop()
    while not stopping.is_set():
        began = loop.time()
        try:
            done = await step(database)
        except Refused as refusal:  # the database is away; the rows wait
            log.warning("nothing is indexed for now: %s", refusal.message)
            done = 0
        except Exception:
            log.exception("the index could not follow")
            done = 0
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), min(PAUSE, REST * (loop.time() - began)) if done else PAUSE)


async def step(database: Database, most: int = AT_ONCE) -> int:
    """Index some of what waits, the newest first; answers how much it was. What is to be written is made before the
    writer is asked for, and a row at a time: nobody waits for that.
    """
    entries = {}
    for row in await database.look(_newest, most):
        entries[row] = _entry(row, not database.is_shared)
        await asyncio.sleep(0)
    if not entries:
        return 0
    if not database.is_shared and any(row.facts for row in entries):
        async with database.write() as work:
            await enqueue_once(work, ERASE, SOON)
    return await database.run(_index_shared if database.is_shared else _index, entries)


async def erase(database: Database) -> bool:
    """Take out of SQLite's file, too, what was taken out of its index: until the parts of it that say so are merged
    with those that have it, old tokens stand there. Answers whether all is done, or more is to do another time.
    """
    loop = asyncio.get_running_loop()
    until, pages = loop.time() + ERASING, -PAGES
    while loop.time() < until:
        began = loop.time()
        async with database.write() as work:
            if work.connection.dialect.name != "sqlite":
                return True
            before = (await work.rows(CHANGES))[0].total
            await work.execute(MERGE, {"pages": pages})
            if (await work.rows(CHANGES))[0].total - before < 2:
                return True
        pages = PAGES
        await asyncio.sleep(loop.time() - began)
    return False


async def _newest(work: Work, most: int) -> Sequence[_Row]:
    """As many of them as are soon done."""
    rows = [_Row(*row) for row in await work.many(NEWEST, [{"most": most}])]
    total = 0
    for count, row in enumerate(rows):
        total += len(row.body or "") + len(row.text)
        if total > most * LENGTH and count:
            return rows[:count]
    return rows


async def _taken(work: Work, entries: _Entries) -> list[_Row]:
    """Those that still are what they were when their entries were made."""
    found = [_Row(*row) for row in await work.many(TAKE, [{"id": row.id} for row in entries])]
    # FTS5 begins a part of its index with each number that is lower.
    return sorted((row for row in found if row in entries), key=lambda row: row.id)


async def _index(work: Work, entries: _Entries) -> int:
    rows = await _taken(work, entries)
    known = [{"id": row.id, "tokens": _joined(row.chat_id, row.text, row.facts)} for row in rows if row.facts]
    kept = [entry for row in rows if (entry := entries[row])]
    for statement, values in ((TAKE_OUT, known), (PUT_IN, kept), (KEEP_TEXTS, kept), (FORGET, _gone(rows))):
        if values:
            await work.many(statement, values)
    return len(rows)


async def _index_shared(work: Work, entries: _Entries) -> int:
    rows = await _taken(work, entries)
    kept = [entry for row in rows if (entry := entries[row])]
    for statement, values in ((KEEP_ALL, kept), (FORGET, _gone(rows))):
        if values:
            await work.many(statement, values)
    return len(rows)


def _gone(rows: Sequence[_Row]) -> list[dict[str, Any]]:
    return [{"id": row.id} for row in rows if row.body is None]


def _entry(row: _Row, is_sqlite: bool) -> dict[str, Any] | None:
    """What the index has of a message; nothing of one that is gone."""
    if row.body is None:
        return None
    folded = fold(row.body)[: tokens.MOST]
    facts = " ".join(_facts(row))
    places = [] if is_sqlite else tokens.of_place(row.id)
    return {
        "id": row.id,
        "text": folded,
        "facts": facts,
        "tokens": _joined(row.chat_id, folded, facts, *places),
    }


def _facts(row: _Row) -> list[str]:
    facts = [f"u{row.sender_id}", f"d{tokens.day_of(moment(row.created_at))}"]
    if row.kind != "text":
        facts.append(f"h{row.kind}")
    if links.find(row.body or ""):
        facts.append("hlink")
    return facts


def _joined(chat_id: int, folded: str, facts: str, *others: str) -> str:
    found = tokens.of_text(folded) | tokens.of_facts(chat_id, facts.split()) | set(others)
    return " ".join(sorted(found))
