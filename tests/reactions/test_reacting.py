"""One emoji a person a message: chosen, changed, taken back, seen by everybody, and nobody is disturbed by it."""

from __future__ import annotations

import asyncio
import gzip
import re
from typing import Any

import pytest
from sqlalchemy import insert
from sqlmodel import select
from starlette.applications import Starlette

from app.groups import service as groups
from app.messages.models import Message
from app.reactions import catalogue, service
from app.reactions.models import Reaction, short
from app.realtime import topics
from tests.conftest import RecordingBus
from tests.make import HTML, HTMX, JSON, Member, make_group, make_message, statuses
from tests.test_queries import make_people, statements

HOSTILE = [
    "no",
    "👍👍",
    "👍 👎",
    "1",
    "#",
    "©x",
    "<b>",
    "a\u0301",
    "\u200d",
    "\ufe0f",
    "🏻" * 2,
    "👍" + "\u200d" * 200,
]


async def react(member: Member, chat_id: int, emoji: str, seq: int = 1, **fields: str) -> Any:
    return await member.post(f"/chats/{chat_id}/messages/{seq}/react", data={"emoji": emoji, **fields})


async def shown(member: Member, chat_id: int, seq: int = 1) -> dict[str, list[int]]:
    """Who chose what, as a program sees it."""
    (message,) = (await member.read(f"/chats/{chat_id}/messages", around=seq, limit=1))["messages"]
    chips = message["extras"].get("reactions", {"chips": []})["chips"]
    return {chip["emoji"]: chip["users"] for chip in chips}


async def rows(app: Starlette) -> list[tuple[int, str]]:
    async with app.state.database.read() as work:
        return [(row.user_id, row.emoji) for row in await work.all(select(Reaction).order_by(Reaction.user_id))]  # type: ignore[arg-type]


@pytest.fixture
async def said(app: Starlette, ann: Member, chat_id: int) -> int:
    """The chat of Ann and Bob, in which she said something."""
    await make_message(app, ann, chat_id)
    return chat_id


async def test_one_for_each_person_and_the_last_one_counts(ann: Member, bob: Member, said: int) -> None:
    answer = await react(bob, said, "👍")
    assert answer.status_code == 200
    assert 'value="👍"' in answer.text
    assert await shown(ann, said) == {"👍": [bob.id]}
    await react(ann, said, "👍")
    await react(bob, said, "❤️")
    assert await shown(bob, said) == {"👍": [ann.id], "❤️": [bob.id]}
    await react(bob, said, "")
    await react(bob, said, "")
    assert await shown(bob, said) == {"👍": [ann.id]}


async def test_the_same_again_takes_it_back_only_where_that_was_asked_for(ann: Member, said: int) -> None:
    path = f"/chats/{said}/messages/1/react"
    for emoji, toggled in (("👍", {"👍": [ann.id]}), ("👍", {}), ("🎉", {"🎉": [ann.id]})):
        await ann.post(path, data={"toggle": emoji})
        assert await shown(ann, said) == toggled
    await react(ann, said, "🎉")
    assert await shown(ann, said) == {"🎉": [ann.id]}


async def test_everybody_hears_the_bubble_and_the_list_of_chats_does_not(
    ann: Member, bob: Member, said: int, bus: RecordingBus
) -> None:
    bus.told.clear()
    answer = await react(bob, said, "😂")
    (frame,) = bus.html(topics.chat(said))
    assert answer.text in frame
    assert 'hx-swap="renew"' in frame
    assert "-moving" not in frame
    assert [each for each in bus.told if each.topic != topics.chat(said)] == []
    missed = await ann.get(f"/chats/{said}/messages", params={"since": 1})
    assert missed.text == answer.text
    assert missed.headers["x-revision"] == "2"
    await react(bob, said, "😂")
    assert len(bus.html(topics.chat(said))) == 1
    await react(bob, said, "")
    (told,) = (await ann.read(f"/chats/{said}/messages", since=2))["messages"]
    assert told["extras"] == {}
    assert "reactions" not in (await ann.get(f"/chats/{said}/messages")).text


async def test_it_makes_nothing_unread_and_lifts_no_chat(app: Starlette, ann: Member, bob: Member, said: int) -> None:
    group = await make_group(app, ann, bob)
    before = (await ann.read("/chats"))["chats"]
    assert [each["id"] for each in before] == [group, said]
    await react(bob, said, "👍")
    assert (await ann.read("/chats"))["chats"] == before
    assert (await ann.read(f"/chats/{said}"))["unread"] == 0


async def test_who_may_not_see_it_may_not_react(
    app: Starlette, ann: Member, bob: Member, cara: Member, said: int
) -> None:
    assert (await react(cara, said, "👍")).status_code == 404
    group = await make_group(app, ann, bob)
    await make_message(app, ann, group, "before")
    async with app.state.database.write() as work:
        await groups.add(work, ann.person, group, [cara.person], 100)
    assert (await react(cara, group, "👍", 3)).status_code == 404
    await make_message(app, ann, group, "after")
    assert (await react(cara, group, "👍", 5)).status_code == 200
    await cara.post(f"/groups/{group}/leave")
    await make_message(app, ann, group, "after that")
    for seq in (5, 7):
        assert (await react(cara, group, "", seq)).status_code == 403
    assert (await cara.get(f"/chats/{group}/messages/5/react")).status_code == 403
    assert (await cara.read(f"/chats/{group}/messages/5/reactions"))["counts"] == [{"emoji": "👍", "count": 1}]
    await bob.post(f"/chats/{group}/messages/5/hide")
    assert (await react(bob, group, "👍", 5)).status_code == 404
    assert (await react(ann, group, "👍", 1)).status_code == 403


async def test_a_tombstone_has_none_and_takes_none(app: Starlette, ann: Member, bob: Member, said: int) -> None:
    await react(bob, said, "👍")
    await ann.post(f"/chats/{said}/messages/1/delete")
    assert await rows(app) == []
    assert (await react(bob, said, "👍")).status_code == 403
    menu = await bob.read(f"/chats/{said}/messages/1/menu")
    assert not menu["may_react"]
    assert not menu["may_see_reactions"]


@pytest.mark.parametrize("text", HOSTILE)
async def test_only_one_real_emoji_is_taken(app: Starlette, ann: Member, said: int, text: str) -> None:
    assert (await react(ann, said, text)).status_code == 422
    assert (await ann.get(f"/chats/{said}/messages/1/reactions", params={"emoji": text})).status_code == 422
    assert await rows(app) == []


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("❤", "❤️"), ("👍\ufe0f", "👍"), (" 🧑🏽‍🚀 ", "🧑🏽‍🚀"), ("❤‍🔥", "❤️‍🔥"), ("1⃣", "1️⃣"), ("🇵🇹", "🇵🇹"), ("ℹ", "ℹ️")],
)
async def test_an_emoji_has_one_spelling(app: Starlette, ann: Member, said: int, typed: str, kept: str) -> None:
    await react(ann, said, typed)
    assert await rows(app) == [(ann.id, kept)]


async def test_two_at_once_by_one_person_are_one(app: Starlette, ann: Member, bob: Member, said: int) -> None:
    emoji = ["👍", "❤️", "😂", "😮", "😢", "🙏"]
    posts = [react(who, said, each) for each in emoji for who in (ann, bob)]
    assert statuses(await asyncio.gather(*posts)) == [200] * 12
    assert [user for user, _ in await rows(app)] == [ann.id, bob.id]
    assert sum(len(users) for users in (await shown(ann, said)).values()) == 2
    (now,) = (await ann.read(f"/chats/{said}/messages", since=1))["messages"]
    assert now["revision"] == (await ann.read(f"/chats/{said}"))["revision"]
    takes = [react(who, said, "") for who in (ann, bob) for _ in range(3)]
    assert statuses(await asyncio.gather(*takes)) == [200] * 6
    async with app.state.database.read() as work:
        assert list(await work.all(select(Message.extras))) == [""]


async def test_a_new_name_is_shown_and_a_hostile_one_is_text(ann: Member, bob: Member, said: int) -> None:
    await react(bob, said, "👍")
    await bob.post("/you/edit", data={"display_name": "<img src=x onerror=alert(1)>", "about": ""})
    page = (await ann.get(f"/chats/{said}", headers=HTML)).text
    chip = page.partition('class="reactions"')[2].partition("</div>")[0]
    assert f'<span data-name-of="{bob.id}">&lt;img src=x' in chip
    for path in (f"/chats/{said}", f"/chats/{said}/messages/1/reactions"):
        assert "<img" not in (await ann.get(path, headers=HTML)).text


async def test_all_callers_are_answered_in_their_way(ann: Member, said: int) -> None:
    path = f"/chats/{said}/messages/1/react"
    browser = await ann.post(path, data={"toggle": "👍"}, headers=HTML)
    assert browser.status_code == 303
    assert re.fullmatch(rf"/chats/{said}\?at=1#message-[\w-]+", browser.headers["location"])
    htmx = await ann.post(path, data={"emoji": "😂"}, headers=HTMX)
    assert (htmx.status_code, htmx.headers["hx-reswap"]) == (200, "renew")
    assert htmx.headers["hx-retarget"] == f"#chat-{said}-messages"
    told = (await ann.post(path, data={"emoji": "🎉"}, headers=JSON)).json()
    assert told["reactions"]["chips"] == [{"emoji": "🎉", "users": [ann.id], "names": [[ann.id, "Ann"]]}]
    gone = (await ann.post(path, data={"emoji": ""}, headers=JSON)).json()
    assert gone == {"revision": 5, "reactions": None}
    refused = await ann.post(path, data={"emoji": "x"}, headers=HTML)
    assert refused.status_code == 422
    assert "Please choose one emoji." in refused.text


async def test_all_emoji_are_found_by_name_and_mine_is_marked(ann: Member, said: int) -> None:
    path = f"/chats/{said}/messages/1"
    await react(ann, said, "🦦")
    page = (await ann.get(f"{path}/react", headers=HTML)).text
    values = re.findall(r'name="emoji" value="([^"]+)"', page)
    assert len(values) == len(set(values)) > 1800
    assert "Take 🦦 back" in page
    found = (await ann.get(f"{path}/react", params={"q": "Otter"}, headers=HTML)).text
    assert re.findall(r'name="emoji" value="([^"]+)"', found) == ["🦦"]
    none = (await ann.get(f"{path}/react", params={"q": "<zzz>"}, headers=HTML)).text
    assert "No emoji has this name" in none
    assert "&lt;zzz&gt;" in none
    menu = (await ann.get(f"{path}/menu", headers=HTML)).text
    assert re.findall(r'value="([^"]+)" aria-label="[^"]+" aria-pressed="true"', menu) == ["🦦"]
    await react(ann, said, "🙏")
    menu = (await ann.get(f"{path}/menu", headers=HTML)).text
    assert re.findall(r'value="([^"]+)" aria-label="[^"]+" aria-pressed="true"', menu) == ["🙏"]


def test_every_emoji_of_the_panel_is_taken_as_it_is_spelled_there() -> None:
    for group in catalogue.groups():
        assert [service.read_emoji(each.emoji) for each in group.entries] == [each.emoji for each in group.entries]


def test_what_the_panel_loads_is_small() -> None:
    assert len(gzip.compress(catalogue.FILE.read_bytes(), 9)) <= 40_000


async def crowd(app: Starlette, ann: Member, bob: Member, count: int, emoji: str) -> int:
    """A group where Ann's message has that many reactions of people who need not be in it, in turn from `emoji`."""
    group = await make_group(app, ann, bob)
    await make_message(app, ann, group)
    await react(bob, group, "🎈", 3)
    ids = await make_people(app, count)
    values = [
        {"chat_id": group, "seq": 3, "user_id": id_, "emoji": emoji[number % len(emoji)]}
        for number, id_ in enumerate(ids)
    ]
    async with app.state.database.write() as work:
        await work.execute(insert(Reaction), values)
    return group


async def test_a_thousand_people_on_one_message(app: Starlette, ann: Member, bob: Member) -> None:
    group = await crowd(app, ann, bob, 1023, "😀😁😂😃😄😅😆😇😈😉😊😋")
    page = (await ann.get(f"/chats/{group}", headers=HTML)).text
    chips = re.findall(r'<button class="reaction"[^>]*value="([^"]+)"[^>]*>(.*?)</button>', page)
    assert [emoji for emoji, _ in chips] == ["🎈", *"😀😁😂😃😄😅😆"]
    assert all(re.sub("<.*?>", "", chip).count("P ") <= 8 for _, chip in chips)
    assert re.search(r'reactions__all--shown"[^>]*>\+\d\d\d<', page)
    marked = re.findall(r'data-users="([\d ]+)"', page)
    assert sorted(id_ for each in marked for id_ in each.split()) == sorted(str(user) for user, _ in await rows(app))
    assert len(page.partition('class="reactions"')[2].partition("</div>")[0]) < 16_000
    people = await ann.read(f"/chats/{group}/messages/3/reactions", skip=1000)
    assert (len(people["people"]), people["has_more"]) == (24, False)
    assert sum(each["count"] for each in people["counts"]) == 1024
    first = (await ann.get(f"/chats/{group}/messages/3/reactions", headers=HTML)).text
    assert first.count('class="reactor"') == 100
    assert "skip=100" in first
    await react(ann, group, "😋", 3)
    assert (
        str(ann.id)
        in re.findall(r"reactions__all--shown[^>]*data-users=\"([\d ]+)\"", (await ann.get(f"/chats/{group}")).text)[
            0
        ].split()
    )


async def test_one_query_for_a_page_and_none_where_nobody_reacted(
    app: Starlette, ann: Member, bob: Member, said: int
) -> None:
    for number in range(5):
        await make_message(app, ann, said, str(number))
    with statements(app) as plain:
        await ann.get(f"/chats/{said}/messages")
    assert not any("reactions" in statement and "FROM reactions" in statement for statement in plain)
    for seq in range(1, 7):
        await react(bob, said, "👍", seq)
        await react(ann, said, "❤️", seq)
    with statements(app) as sent:
        await ann.get(f"/chats/{said}/messages")
    assert len(sent) == len(plain) + 1
    with statements(app) as reacted:
        await react(bob, said, "😮")
    assert len(reacted) <= 12


def test_large_numbers_are_short() -> None:
    assert [short(count) for count in (1, 999, 1000, 1024, 1290, 9999, 15_300)] == [
        *("1", "999", "1K", "1K", "1.2K", "9.9K", "15K")
    ]
