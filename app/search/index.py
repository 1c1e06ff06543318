"""The index follows the messages: triggers note in `search_texts` what is new, changed or gone, in the work that
changes it; from then on its old text is not found any more. A moment later a process indexes what is there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from app.db import Database, Work
from app.errors import Refused
from app.hot import moment
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

TAKE = """
    SELECT t.id, t.chat_id, t.text, t.facts, m.body, m.kind, m.sender_id, m.created_at
    FROM search_texts t LEFT JOIN messages m ON m.chat_id = t.chat_id AND m.seq = t.seq AND m.deleted_at IS NULL
    WHERE t.is_stale ORDER BY t.id DESC LIMIT :most
"""
LOCKED = text(f"{TAKE} FOR UPDATE OF t SKIP LOCKED")  # other processes take other rows
UNLOCKED = text(TAKE)
WAITING = text("SELECT id FROM search_texts WHERE is_stale LIMIT 1")
ALL = text("""
    INSERT INTO search_texts (chat_id, seq) SELECT chat_id, seq FROM messages
    WHERE kind <> 'note' AND deleted_at IS NULL ORDER BY created_at, chat_id, seq
""")
FORGET = text("DELETE FROM search_texts WHERE id = :id")
KEEP = text("UPDATE search_texts SET text = :text, facts = :facts, is_stale = false WHERE id = :id")
# An index without content is told what to take out, too.
TAKE_OUT = text("INSERT INTO search_tokens (search_tokens, rowid, tokens) VALUES ('delete', :id, :tokens)")
PUT_IN = text("INSERT INTO search_tokens (rowid, tokens) VALUES (:id, :tokens)")
KEEP_ALL = text("""
    UPDATE search_texts SET text = :text, facts = :facts, is_stale = false,
        tokens = array_to_tsvector(string_to_array(CAST(:tokens AS text), ' ')) WHERE id = :id
""")


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
            done = await _step(database)
        except Refused as refusal:  # the database is away; the rows wait
            log.warning("nothing is indexed for now: %s", refusal.message)
            done = 0
        except Exception:
            log.exception("the index could not follow")
            done = 0
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), min(PAUSE, REST * (loop.time() - began)) if done else PAUSE)


async def _step(database: Database) -> int:
    async with database.read() as work:
        if not await work.rows(WAITING):
            return 0
    async with database.write() as work:
        return await step(work)


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


async def step(work: Work, most: int = AT_ONCE) -> int:
    """Index some of what waits, the newest first; answers how much it was."""
    is_sqlite = work.connection.dialect.name == "sqlite"
    taken = _few(await work.rows(UNLOCKED if is_sqlite else LOCKED, {"most": most}), most * LENGTH)
    rows = sorted(taken, key=lambda row: row.id)  # FTS5 begins a part of its index with each number that is lower
    gone = [{"id": row.id} for row in rows if row.body is None]
    kept = [_entry(row, is_sqlite) for row in rows if row.body is not None]
    if is_sqlite:
        known = [{"id": row.id, "tokens": _joined(row.chat_id, row.text, row.facts)} for row in rows if row.facts]
        if known:
            await enqueue_once(work, ERASE, SOON)
        for statement, values in ((TAKE_OUT, known), (PUT_IN, kept), (KEEP, kept)):
            if values:
                await work.execute(statement, values)
    elif kept:
        await work.execute(KEEP_ALL, kept)
    if gone:
        await work.execute(FORGET, gone)
    return len(rows)


def _few(rows: Sequence[Any], characters: int) -> Sequence[Any]:
    """As many as are soon done: others wait for the writer meanwhile."""
    total = 0
    for count, row in enumerate(rows):
        total += len(row.body or "") + len(row.text)
        if total > characters and count:
            return rows[:count]
    return rows


def _entry(row: Any, is_sqlite: bool) -> dict[str, Any]:
    folded = fold(row.body)[: tokens.MOST]
    facts = " ".join(_facts(row))
    places = [] if is_sqlite else tokens.of_place(row.id)
    return {
        "id": row.id,
        "text": folded,
        "facts": facts,
        "tokens": _joined(row.chat_id, folded, facts, *places),
    }


def _facts(row: Any) -> list[str]:
    facts = [f"u{row.sender_id}", f"d{tokens.day_of(moment(row.created_at))}"]
    if row.kind != "text":
        facts.append(f"h{row.kind}")
    if links.find(row.body):
        facts.append("hlink")
    return facts


def _joined(chat_id: int, folded: str, facts: str, *others: str) -> str:
    found = tokens.of_text(folded) | tokens.of_facts(chat_id, facts.split()) | set(others)
    return " ".join(sorted(found))
