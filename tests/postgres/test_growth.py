"""A database that has grown: every query on the hot path finds its rows by an index, also in partitions."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest
from sqlalchemy import event
from starlette.applications import Starlette

from app.postgres import SERVER
from app.receipts import service as receipts
from app.receipts.marks import Mark
from tests.backing import Postgres
from tests.make import HTML, Member
from tests.test_queries import statements, watched

CHATS, MESSAGES = 1_000, 100  # of each chat
# A hundred members each: with fewer rows PostgreSQL would rather read all memberships than look for some hundred.
MINE = 50  # chats of Ann's
# Ann is 1; the others of chat n are n + 1 to n + 100. Chats are groups, so that lists need no names of partners.
FILL = f"""
    INSERT INTO users (id, username, username_key, display_name, about, password_hash, is_admin, created_at)
    SELECT n, 'u' || n, 'u' || n, 'User ' || n, '', '', false, now() FROM generate_series(10, {CHATS} + 120) n;
    INSERT INTO chats (id, kind, name, description, is_public, last_seq, revision, created_by, created_at)
    SELECT n, 'group', 'Group ' || n, '', false, {MESSAGES}, {MESSAGES}, 10, now()
    FROM generate_series(10, {CHATS} + 9) n;
    CREATE TEMP TABLE here AS
    SELECT n AS chat_id, n + k AS user_id FROM generate_series(10, {CHATS} + 9) n, generate_series(1, 100) k
    UNION SELECT n, 1 FROM generate_series(10, {MINE} + 9) n;
    INSERT INTO memberships (chat_id, user_id, role, is_present, joined_at, read_seq, delivered_seq, draft)
    SELECT chat_id, user_id, 'member', true, now(), {MESSAGES} - 20, {MESSAGES} - 10, '' FROM here;
    INSERT INTO membership_intervals (chat_id, user_id, from_seq) SELECT chat_id, user_id, 1 FROM here;
    INSERT INTO messages (chat_id, seq, id, sender_id, kind, body, fingerprint, revision, starts_run, created_at)
    SELECT n, s, gen_random_uuid()::text, n + 1 + s % 2, 'text', 'Hello ' || s, '', s, true, now()
    FROM generate_series(10, {CHATS} + 9) n, generate_series(1, {MESSAGES}) s;
    INSERT INTO hidden_messages (user_id, chat_id, seq, revision)
    SELECT user_id, chat_id, 7, 7 FROM here;
    ANALYZE;
"""
# The same table, cut by chat: what its migration will have to do once a single table has become too large.
PARTITION = """
    CREATE TABLE whole (LIKE messages INCLUDING ALL) PARTITION BY HASH (chat_id);
    CREATE TABLE part_0 PARTITION OF whole FOR VALUES WITH (MODULUS 4, REMAINDER 0);
    CREATE TABLE part_1 PARTITION OF whole FOR VALUES WITH (MODULUS 4, REMAINDER 1);
    CREATE TABLE part_2 PARTITION OF whole FOR VALUES WITH (MODULUS 4, REMAINDER 2);
    CREATE TABLE part_3 PARTITION OF whole FOR VALUES WITH (MODULUS 4, REMAINDER 3);
    ALTER TABLE whole ADD FOREIGN KEY (chat_id) REFERENCES chats ON DELETE CASCADE;
    INSERT INTO whole SELECT * FROM messages;
    ALTER TABLE messages RENAME TO before;
    ALTER TABLE whole RENAME TO messages;
    ANALYZE;
"""

# Ann's chat has thousands of messages, and on the mean a chat has a dozen: no reason to read all of hers.
LOPSIDED = """
    INSERT INTO chats (id, kind, name, description, is_public, last_seq, revision, created_by, created_at)
    SELECT n, 'group', 'Group ' || n, '', false, many, many, 1, now()
    FROM generate_series(1000, 1400) n, LATERAL (SELECT CASE n WHEN 1000 THEN 5000 ELSE 2 END AS many) m;
    INSERT INTO memberships (chat_id, user_id, role, is_present, joined_at, read_seq, delivered_seq, draft)
    SELECT n, u.id, 'member', true, now(), 0, 0, '' FROM generate_series(1000, 1400) n, users u;
    INSERT INTO messages (chat_id, seq, id, sender_id, kind, body, fingerprint, revision, starts_run, created_at)
    SELECT n, s, gen_random_uuid()::text, 1, 'text', 'Hello ' || s, '', s, true, now()
    FROM chats, LATERAL (SELECT id AS n) c, generate_series(1, last_seq) s WHERE n >= 1000;
    ANALYZE;
"""


@pytest.fixture
async def admin(postgres: Postgres) -> AsyncIterator[Any]:
    same = {"random_page_cost": SERVER["random_page_cost"]}
    connection = await asyncpg.connect(postgres.url, server_settings=same)
    yield connection
    await connection.close()


@pytest.fixture
async def grown(app: Starlette, ann: Member, admin: Any) -> Any:
    assert ann.id == 1
    await admin.execute(FILL)
    return admin


@pytest.fixture
async def partitioned(grown: Any) -> AsyncIterator[Any]:
    await grown.execute(PARTITION)
    yield grown
    await grown.execute("DROP TABLE messages; ALTER TABLE before RENAME TO messages")


async def walk(app: Starlette, ann: Member) -> list[httpx.Response]:
    """What people do all day."""
    async with app.state.database.write() as work:
        await receipts.store(work, {(chat, 1): Mark(MESSAGES - 5, MESSAGES - 5) for chat in range(10, 20)})
    return [
        await ann.get("/chats", headers=HTML),
        await ann.get("/chats/10", headers=HTML),
        await ann.get("/chats/10/messages", params={"before": 60}),
        await ann.get("/chats/10/messages", params={"since": MESSAGES - 10}),
        await ann.get("/chats/10/messages", params={"around": 40}),
        await ann.say(10, "Hello", seen=MESSAGES),
        await ann.post(f"/chats/10/messages/{MESSAGES + 1}/edit", data={"body": "Hello!"}),
        await ann.post("/chats/10/messages/50/hide"),
    ]


async def plans(app: Starlette, ann: Member, admin: Any) -> dict[str, str]:
    """Each statement of the walk with the plan that PostgreSQL has for it."""
    asked: dict[str, Any] = {}

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        asked.setdefault(statement, values[0] if isinstance(values, list) else values)

    (engine,) = app.state.database.engines
    event.listen(engine.sync_engine, "before_cursor_execute", note)
    answers = await walk(app, ann)
    event.remove(engine.sync_engine, "before_cursor_execute", note)
    assert [answer.status_code for answer in answers if answer.status_code not in (200, 201)] == []
    found = {}
    for statement, values in asked.items():
        rows = await admin.fetch(f"EXPLAIN (COSTS OFF) {statement}", *values)
        found[" ".join(statement.split())] = "\n".join(row[0] for row in rows)
    return found


def read_through(plan: str) -> list[str]:
    """The tables that a plan reads from end to end, of those that grow without end."""
    return re.findall(r"Seq Scan on ((?:messages|memberships|membership_intervals|hidden_messages|part_)\w*)", plan)


@pytest.mark.torture
async def test_no_query_reads_a_big_table_through(app: Starlette, ann: Member, grown: Any) -> None:
    found = await plans(app, ann, grown)
    assert len(found) > 15
    for statement, plan in found.items():
        print(f"\n{statement}\n{plan}")
        assert read_through(plan) == [], f"{statement}\n{plan}"


@pytest.mark.torture
async def test_messages_can_be_cut_into_partitions_by_chat(app: Starlette, ann: Member, partitioned: Any) -> None:
    for statement, plan in (await plans(app, ann, partitioned)).items():
        assert read_through(plan) == [], f"{statement}\n{plan}"
    window = await ann.read("/chats/10/messages", after=MESSAGES)
    assert [message["body"] for message in window["messages"]] == ["Hello!"]


async def test_a_send_into_a_long_chat_among_short_ones_looks_up_what_it_wants(
    app: Starlette, ann: Member, bob: Member, admin: Any
) -> None:
    await admin.execute(LOPSIDED)
    asked: dict[str, Any] = {}
    with watched(app, asked.setdefault):
        assert (await ann.say(1000, "Hello")).status_code == 201
    near, changes = [[row[0] for row in await admin.fetch(f"EXPLAIN {sql}", *asked[sql])] for sql in list(asked)[-2:]]
    assert [line for line in near + changes if "Seq Scan" in line] == []
    (known,) = [n for n, line in enumerate(near) if "on messages known" in line]
    assert "Index Cond: ((chat_id = w.chat) AND (id = w.id))" in near[known + 1]
    (member,) = [n for n, line in enumerate(near) if "on memberships m" in line]
    assert "Index Cond: ((chat_id = w.chat) AND (user_id = w.member))" in near[member + 1]


async def test_a_send_asks_little(app: Starlette, ann: Member, bob: Member, chat_id: int) -> None:
    """Who this is; the chat with the membership and what is near; and all that changes at once, if that holds."""
    with statements(app) as sent:
        assert (await ann.say(chat_id, "Hello")).status_code == 201
    assert len(sent) == 3
    await bob.post(f"/chats/{chat_id}/draft", data={"body": "Hi"})
    # The look again, with a lock, as pointers want one; all pointers; and changes in two: memberships change twice.
    with statements(app) as sent:
        assert (await bob.say(chat_id, "Hi there", seen=1)).status_code == 201
    assert len(sent) == 7
    assert [(chat["draft"], chat["unread"]) for chat in (await bob.read("/chats"))["chats"]] == [("", 0)]
