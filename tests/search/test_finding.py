"""Who finds what: by words, filters and pages; nothing that is not theirs, and nothing that is gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import text, update
from sqlmodel import col
from starlette.applications import Starlette

from app.messages.models import Message
from app.search import index, walk
from tests.make import CURL, HTML, HTMX, Member, make_chat, make_group, make_member, make_message, make_messages
from tests.search.conftest import Indexed


async def bodies(member: Member, path: str = "/search", **query: Any) -> list[str]:
    """The texts that a search finds."""
    found = (await member.read(path, **query))["messages"]
    return ["".join(part for part, _ in hit["snippet"]) for hit in found]


async def test_strangers_find_nothing(ann: Member, bob: Member, cara: Member, chat_id: int, indexed: Indexed) -> None:
    await ann.say(chat_id, "The treasure is under the oak")
    await indexed()
    assert await bodies(bob, q="treasure") == ["The treasure is under the oak"]
    for query in ("treasure", "from:ann", "from:ann treasure", "has:link", "before:2999-01-01"):
        assert await bodies(cara, q=query) == []
    assert (await cara.get(f"/chats/{chat_id}/search?q=treasure")).status_code == 404
    assert (
        "treasure"
        not in (await cara.get("/search?q=treasure+in:ann", headers=HTML)).text.split("<main")[1].split("<input")[0]
    )


async def test_who_left_or_came_later_finds_what_they_had(
    app: Starlette, ann: Member, bob: Member, cara: Member, indexed: Indexed
) -> None:
    group = await make_group(app, ann, bob)
    await ann.say(group, "plum one")
    await ann.post(f"/groups/{group}/members", data={"members": "cara"})
    await ann.say(group, "plum two")
    await bob.post(f"/groups/{group}/leave")
    await ann.say(group, "plum three")
    await indexed()
    assert await bodies(ann, q="plum") == ["plum three", "plum two", "plum one"]
    assert await bodies(bob, q="plum") == ["plum two", "plum one"]
    assert await bodies(cara, q="plum") == ["plum three", "plum two"]
    assert await bodies(cara, f"/chats/{group}/search", q="plum") == ["plum three", "plum two"]


async def test_what_is_gone_is_not_found_from_that_moment_on(
    ann: Member, bob: Member, chat_id: int, indexed: Indexed
) -> None:
    for body in ("cherry deleted", "cherry edited", "cherry hidden", "cherry kept"):
        await ann.say(chat_id, body)
    await indexed()
    place = f"/chats/{chat_id}/messages"
    await ann.post(f"{place}/1/delete")
    assert await bodies(bob, q="cherry") == ["cherry kept", "cherry hidden", "cherry edited"]
    await ann.post(f"{place}/2/edit", data={"body": "a plum now"})
    assert await bodies(bob, q="cherry") == ["cherry kept", "cherry hidden"]
    await bob.post(f"{place}/3/hide")
    assert await bodies(bob, q="cherry") == ["cherry kept"]
    assert await bodies(ann, q="cherry") == ["cherry kept", "cherry hidden"]
    assert await bodies(bob, f"/chats/{chat_id}/search", q="cherry") == ["cherry kept"]
    await indexed()
    assert await bodies(bob, q="cherry") == ["cherry kept"]
    assert await bodies(bob, q="plum") == ["a plum now"]


async def test_what_was_kept_of_a_cleared_chat_is_found(
    app: Starlette, ann: Member, bob: Member, chat_id: int, indexed: Indexed
) -> None:
    for body in ("cherry one", "cherry two"):
        await make_message(app, ann, chat_id, body)
    await indexed()
    await bob.post(f"/chats/{chat_id}/messages/2/star")
    await bob.post(f"/chats/{chat_id}/clear", data={"keep_starred": "1"})
    for path in ("/search", f"/chats/{chat_id}/search"):
        assert await bodies(bob, path, q="cherry") == ["cherry two"]


async def test_hits_show_the_names_that_people_have_now(app: Starlette, ann: Member, indexed: Indexed) -> None:
    dee = await make_member(app, "d77", display_name="Dee")
    group = await make_group(app, ann, dee)
    await ann.say(group, "*Pears* for @d77, and " + "more " * 10)
    await ann.say(group, "@d77 ate pears, see @ann and `@d77`, " + "hay " * 1000)
    await indexed()
    await dee.post("/you/edit", data={"display_name": "Dee Apple", "about": ""})
    shown = await bodies(ann, q="pears")
    assert shown[0].startswith("@Dee Apple ate pears, see @Ann and `@d77`, hay")
    assert shown[1].startswith("Pears for @Dee Apple, and more")

    async def marked(words: str) -> list[list[str]]:
        found = (await ann.read("/search", q=words))["messages"]
        return [[part for part, is_hit in hit["snippet"] if is_hit] for hit in found]

    assert await marked("pears") == [["pears"], ["Pears"]]
    assert await marked("d77") == [["d77"], ["d77"]]
    assert (await bodies(ann, q="for d77"))[0].startswith("Pears for @d77, and more")


async def test_nothing_of_a_deleted_text_stays_in_the_index(
    app: Starlette, ann: Member, chat_id: int, indexed: Indexed
) -> None:
    await ann.say(chat_id, "secretword")
    await ann.say(chat_id, "another secretword")
    await indexed()
    await ann.post(f"/chats/{chat_id}/messages/1/delete")
    await ann.post(f"/chats/{chat_id}/messages/2/edit", data={"body": "nothing"})
    await indexed()
    async with app.state.database.read() as work:
        assert [row.text for row in await work.rows(text("SELECT text FROM search_texts"))] == ["nothing"]
        if work.connection.dialect.name == "sqlite":
            found = text("SELECT rowid FROM search_tokens WHERE search_tokens MATCH 'ecr'")
        else:
            found = text("SELECT id FROM search_texts WHERE tokens @@ CAST('ecr' AS tsquery)")
        assert await work.rows(found) == []


async def test_messages_that_were_removed_by_whatever_statement_are_gone(
    app: Starlette, ann: Member, chat_id: int, indexed: Indexed
) -> None:
    await ann.say(chat_id, "cherry")
    await indexed()
    async with app.state.database.write() as work:
        await work.execute(text("DELETE FROM messages"))
    assert await bodies(ann, q="cherry") == []
    await indexed()
    async with app.state.database.read() as work:
        assert await work.rows(text("SELECT id FROM search_texts")) == []


async def test_filters(app: Starlette, ann: Member, bob: Member, cara: Member, indexed: Indexed) -> None:
    direct = await make_chat(app, ann, bob)
    group = await make_group(app, ann, bob, cara, name="Família Souza")
    await ann.say(direct, "soup https://example.org/soup")
    await bob.say(direct, "soup of Bob")
    await bob.say(group, "soup for all")
    await cara.say(group, "soup of Cara")
    await indexed()
    expected = {
        "soup from:bob": ["soup for all", "soup of Bob"],
        "soup from:@bob": ["soup for all", "soup of Bob"],
        "soup FROM:me": ["soup https://example.org/soup"],
        'soup in:"familia souza"': ["soup of Cara", "soup for all"],
        "soup in:fam": ["soup of Cara", "soup for all"],
        "in:bob from:bob": ["soup of Bob"],
        "has:link": ["soup https://example.org/soup"],
        "soup has:link from:bob": [],
        "soup has:dragon": [],
    }
    found = {query: await bodies(ann, q=query) for query in expected}
    assert found == expected
    assert await bodies(ann, q="soup", **{"from": "cara"}) == ["soup of Cara"]
    inside = {
        "soup from:bob": ["soup for all"],
        "from:cara": ["soup of Cara"],
        "soup from:ann": [],
        "soup in:bob": [],
    }
    assert {query: await bodies(ann, f"/chats/{group}/search", q=query) for query in inside} == inside
    assert (await ann.read("/search", q="soup from:nobody"))["problem"] == "Nobody here is called “nobody”."
    assert (await ann.read("/search", q="soup in:nowhere"))["problem"] == "You have no chat called “nowhere”."
    assert (await ann.read("/search", q="soup before:soon"))["problem"].startswith("Please give a date")


@pytest.mark.parametrize(
    ("typed", "filters"),
    [
        ("soup from:", {}), ("from: soup", {}), ("soup in: before:", {}), ('soup from:"', {}), ('soup from:""', {}),
        ('soup from:"Ann', {"from": "Ann"}), ('from:"Ann" soup', {"from": "Ann"}),
    ],
)  # fmt: skip
async def test_half_a_filter_hides_nothing(
    ann: Member, chat_id: int, indexed: Indexed, typed: str, filters: dict[str, str]
) -> None:
    await ann.say(chat_id, "hot soup")
    await indexed()
    found = await ann.read("/search", q=typed)
    assert (found["query"], found["filters"], len(found["messages"])) == ("soup", filters, 1)


async def test_what_stands_in_quotes_is_no_filter(ann: Member, chat_id: int, indexed: Indexed) -> None:
    for body in ("Costs, all in: rent, heat", "rent"):
        await ann.say(chat_id, body)
    await indexed()
    assert await bodies(ann, q='"all in: rent"') == ["Costs, all in: rent, heat"]
    assert await bodies(ann, q='"in:"') == ["Costs, all in: rent, heat"]
    page = (await ann.get(f"/chats/{chat_id}/search?q=in:", headers=HTML)).text
    assert "Nothing found" not in page


async def test_dates(app: Starlette, ann: Member, chat_id: int, indexed: Indexed) -> None:
    days = [
        datetime(2023, 12, 31, 23, 59, 59, tzinfo=UTC),
        *(datetime(2024, 1, day, 12, tzinfo=UTC) for day in (1, 2, 31)),
    ]
    days += [datetime(2024, 2, 1, tzinfo=UTC), datetime(2025, 6, 15, tzinfo=UTC)]
    for seq, at in enumerate(days, 1):
        await ann.say(chat_id, f"day {at:%Y-%m-%d}")
        async with app.state.database.write() as work:
            await work.execute(update(Message).where(col(Message.seq) == seq).values(created_at=at))
    await indexed()

    async def found(query: str) -> list[str]:
        return [body.removeprefix("day ") for body in await bodies(ann, q=query)][::-1]

    assert await found("day before:2024-01-02") == ["2023-12-31", "2024-01-01"]
    assert await found("day after:2024-01-02") == ["2024-01-31", "2024-02-01", "2025-06-15"]
    assert await found("after:2023-12-31 before:2024-02-01") == ["2024-01-01", "2024-01-02", "2024-01-31"]
    assert await found("day after:2025-06-15") == []
    assert await found("day before:0001-01-01") == []
    assert await found("day after:9999-12-31") == []


async def test_pages_go_on_where_the_last_one_ended_whatever_comes_meanwhile(
    app: Starlette, ann: Member, chat_id: int, indexed: Indexed
) -> None:
    await make_messages(app, ann, chat_id, 45)
    await indexed()
    first = await ann.read("/search", q="from:me")
    await ann.say(chat_id, "a late one")
    await indexed()
    second = await ann.read("/search", q="from:me", page=first["next"])
    third = await ann.read("/search", q="from:me", page=second["next"])
    seqs = [hit["seq"] for page in (first, second, third) for hit in page["messages"]]
    assert seqs == list(range(45, 0, -1))
    assert third["next"] is None


async def test_a_search_that_takes_long_says_where_to_go_on(
    app: Starlette, ann: Member, chat_id: int, indexed: Indexed, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ann.say(chat_id, "needle")
    await make_messages(app, ann, chat_id, 1200)
    await indexed()
    monkeypatch.setattr(walk, "BUDGET", 0)
    monkeypatch.setattr(walk, "ORDERED", (8, 11))
    page, pages = await ann.read("/search", q="needle"), 1
    while page["next"]:
        assert page["messages"] == []
        page, pages = await ann.read("/search", q="needle", page=page["next"]), pages + 1
    assert [hit["seq"] for hit in page["messages"]] == [1]
    assert pages > 1


async def test_all_hits_of_one_chat_are_counted(app: Starlette, ann: Member, bob: Member, indexed: Indexed) -> None:
    here, there = await make_group(app, ann), await make_group(app, ann, name="Other")
    for number in range(25):
        await make_message(app, ann, here, f"kiwi {number}")
        await make_message(app, ann, there, f"kiwi {number}")
    await indexed()
    found = await ann.read(f"/chats/{here}/search", q="KIWI")
    assert found["count"] == 25
    assert found["seqs"] == sorted(found["seqs"], reverse=True)
    assert len(found["messages"]) == 20
    assert {hit["chat"]["id"] for hit in found["messages"]} == {here}
    html = (await ann.get(f"/chats/{here}/search?q=kiwi", headers=HTML)).text
    assert "25 messages" in html


async def test_chats_and_people_are_found_by_name(app: Starlette, ann: Member, bob: Member, cara: Member) -> None:
    await make_group(app, ann, name="Café des Amis")
    found = await ann.read("/search", q="cafe")
    assert [chat["title"] for chat in found["chats"]] == ["Café des Amis"]
    assert [person["username"] for person in (await ann.read("/search", q="cara"))["people"]] == ["cara"]
    assert (await ann.read("/search", q="cafe from:me"))["chats"] == []
    switch = await ann.read("/switch", q="amis")
    assert [chat["title"] for chat in switch["chats"]] == ["Café des Amis"]
    assert (await bob.read("/switch", q="amis"))["chats"] == []
    assert [person["username"] for person in (await ann.read("/switch", q="bob"))["people"]] == ["bob"]


async def test_a_day_leads_to_its_first_message_or_the_nearest(
    app: Starlette, ann: Member, bob: Member, cara: Member, chat_id: int
) -> None:
    began = datetime(2024, 5, 1, 12, tzinfo=UTC)
    await make_messages(app, ann, chat_id, 30)
    async with app.state.database.write() as work:
        for seq in range(1, 31):
            at = began + timedelta(hours=8 * seq)
            await work.execute(update(Message).where(col(Message.seq) == seq).values(created_at=at))
    path = f"/chats/{chat_id}/day"
    assert (await ann.read(path, day="2024-05-03"))["seq"] == 5
    assert (await ann.read(path, day="2024-05-03", zone="Asia/Tokyo"))["seq"] == 4
    assert (await ann.read(path, day="2024-05-03", zone="../../etc/passwd"))["seq"] == 5
    assert (await ann.read(path, day="1999-01-01"))["seq"] == 1
    assert (await ann.read(path, day="2099-01-01"))["seq"] == 30
    led = await ann.get(f"{path}?day=2024-05-03", headers=HTML)
    assert led.status_code == 303
    assert led.headers["location"].startswith(f"/chats/{chat_id}?at=5#message-")
    assert (await ann.get(f"{path}?day=soon")).status_code == 422
    assert (await cara.get(f"{path}?day=2024-05-03")).status_code == 404


HOSTILE = [
    '"', '""', "NEAR(a b)", "*", "a*", "^", "a AND", "OR", "NOT x", "tokens:x", "{a b}: c", "'", "\\",
    "' OR 1=1 --", "a'b", "%", "_", "\0", "a\0b", "&", "|", "!", "<->", ":*", "()", "(", "a:b", "from:", 'from:"',
    "in:''", "from:\\", "has:'", "has:\"x' & y\"", "\ud800", "before:99999-01-01", "before:2026-13-45",
    "x" * 10_000, "a " * 300, "😀" * 399, "\x01c1", "{{7*7}}", "<script>alert(1)</script>",
    "after:2026-01-01 before:2020-01-01", "\u202e", "\t\n", "1 2 3 4 5 6 7 8 9 10 11 12 13",
]  # fmt: skip


async def test_whatever_is_typed_gets_an_answer(ann: Member, chat_id: int, indexed: Indexed) -> None:
    callers = cycle((HTML, HTMX, CURL))  # seven questions of each text, so that every place is asked by every caller
    for query in HOSTILE:
        await ann.say(chat_id, query[:200].encode("utf-8", "ignore").decode() or "x")
    await indexed()
    for query in (each.encode("utf-8", "replace").decode() for each in HOSTILE):
        for path in ("/search", f"/search?from={quote(query[:300])}", f"/chats/{chat_id}/search", "/switch"):
            address = f"{path}{'&' if '?' in path else '?'}q={quote(query)}"
            answer = await ann.get(address, headers=next(callers))
            assert answer.status_code == 200, (path, query, answer.text)
            assert "<script>alert" not in answer.text
        for name in ("has", "in", "before"):
            answer = await ann.get("/search", params={"q": "x", name: query[:300]}, headers=next(callers))
            assert answer.status_code == 200, (name, query, answer.text)


async def test_messages_that_came_late_stand_where_they_belong_after_a_new_beginning(
    app: Starlette, ann: Member, chat_id: int, indexed: Indexed
) -> None:
    for body in ("fig new", "fig old"):
        await ann.say(chat_id, body)
    async with app.state.database.write() as work:
        old = datetime(2020, 1, 1, tzinfo=UTC)
        await work.execute(update(Message).where(col(Message.seq) == 2).values(created_at=old))
        await index.begin_anew(work)
    await indexed()
    assert await bodies(ann, q="fig") == ["fig new", "fig old"]


async def test_what_was_said_before_there_was_an_index_is_found(
    app: Starlette, ann: Member, chat_id: int, indexed: Indexed
) -> None:
    await ann.say(chat_id, "cherry")
    await indexed()
    async with app.state.database.write() as work:  # as the migration leaves it
        await work.execute(text("UPDATE search_texts SET is_stale = true"))
    await indexed()
    assert await bodies(ann, q="cherry") == ["cherry"]
