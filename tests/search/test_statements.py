"""What a search asks of the database: the same few statements for many hits as for few, and none that reads all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event, insert, text
from starlette.applications import Starlette

from app.db import now
from app.messages.models import Message
from tests.make import HTML, Member, make_group
from tests.search.conftest import Indexed
from tests.test_queries import statements

MANY = 3000  # messages, so that it would not be cheaper to read them all
INDEXER = "WHERE t.is_stale"
QUERIES = {
    "a rare word": "quince",
    "a word of each message": "message",
    "two letters": "me",
    "a person": "from:bob message",
    "a time": "message after:2020-05-05",
    "what it has": "has:link",
}


async def fill(app: Starlette, ann: Member, bob: Member, indexed: Indexed) -> list[int]:
    """Ten groups with many messages; answers their ids."""
    groups = [await make_group(app, ann, bob, name=f"Group {number}") for number in range(10)]
    who = {"created_at": now(), "revision": 1}
    rows = [
        {
            "id": f"{n:032}",
            "chat_id": groups[n % 10],
            "seq": 10 + n,
            "sender_id": bob.id,
            "body": f"message {n}",
            **who,
        }
        for n in range(MANY)
    ]
    rows[7]["body"] = "a quince, see https://example.org"
    async with app.state.database.write() as work:
        await work.execute(insert(Message), rows)
    await indexed()
    return groups


async def test_many_hits_take_no_more_statements_than_one(
    app: Starlette, ann: Member, bob: Member, indexed: Indexed
) -> None:
    groups = await fill(app, ann, bob, indexed)
    for path in ("/search", f"/chats/{groups[7]}/search"):
        counts = {}
        for words in ("quince", "message"):
            with statements(app, INDEXER) as sent:
                answer = await ann.get(path, params={"q": words}, headers=HTML)
            assert answer.text.count('class="hit"') == {"quince": 1, "message": 20}[words]
            counts[words] = len(sent)
        assert counts["message"] <= counts["quince"] <= 16, sent


@contextmanager
def asked(app: Starlette) -> Iterator[list[tuple[str, Any]]]:
    """The statements on messages that are sent while the block runs, with their values."""
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if "messages" in statement and statement.lstrip().startswith(("SELECT", "WITH")):
            sent.append((statement, values))

    engines = [engine.sync_engine for engine in app.state.database.engines]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)


async def test_no_search_reads_all_messages(app: Starlette, ann: Member, bob: Member, indexed: Indexed) -> None:
    groups = await fill(app, ann, bob, indexed)
    is_shared = app.state.database.is_shared
    # PostgreSQL would read a table as small as this one, which is cheaper; so it is told not to, unless it must.
    explain, before = (
        ("EXPLAIN ", "SET LOCAL enable_seqscan = off") if is_shared else ("EXPLAIN QUERY PLAN ", "SELECT 1")
    )
    scan = re.compile(r"Seq Scan on (messages|search_texts)|SCAN (messages|search_texts|t)\b")
    for what, words in QUERIES.items():
        with asked(app) as sent:
            assert (await ann.read("/search", q=words))["messages"]
            await ann.read(f"/chats/{groups[7]}/search", q=words)
        assert len(sent) >= 2
        async with app.state.database.read() as work:
            await work.execute(text(before))
            for statement, values in sent:
                plan = await work.connection.exec_driver_sql(explain + statement, values)
                steps = "\n".join(str(row[-1]) for row in plan)
                assert not scan.search(steps), (what, steps)
