"""What somebody chooses about their chats: pin, mute, archive, favourites, unread."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col
from starlette.applications import Starlette

from app.chats.models import Membership
from app.db import now
from app.realtime import topics
from app.switches.service import MOST_PINNED
from tests.conftest import RecordingBus
from tests.make import HTML, HTMX, JSON, Member, make_chat, make_group, make_message, statuses


@pytest.fixture
async def chats(app: Starlette, ann: Member, bob: Member, cara: Member) -> list[int]:
    """Three chats of Ann's, the last one the newest, each with an unread message of Bob's."""
    ids = [await make_group(app, ann, bob, cara, name=f"Group {number}") for number in range(3)]
    for chat_id in ids:
        await make_message(app, bob, chat_id)
    return ids


async def listed(member: Member, **query: str) -> dict[int, Any]:
    return {row["id"]: row for row in (await member.read("/chats", **query))["chats"]}


async def switch(member: Member, chat_id: int, name: str, **fields: str | int) -> None:
    assert (await member.post(f"/chats/{chat_id}/{name}", data=fields)).status_code == 200


async def let_time_pass(app: Starlette, user: Member, by: timedelta) -> None:
    """Mutes end so much earlier."""
    async with app.state.database.write() as work:
        earlier = {"muted_until": now() + timedelta(hours=8) - by}
        await work.execute(update(Membership).where(col(Membership.user_id) == user.id).values(earlier))


async def test_pinned_chats_stand_first_as_they_were_pinned(
    app: Starlette, ann: Member, bob: Member, chats: list[int]
) -> None:
    first, second, third = chats
    await switch(ann, second, "pin")
    await switch(ann, first, "pin")
    for chat_id in (second, third):
        await make_message(app, bob, chat_id)
    assert list(await listed(ann)) == [first, second, third]
    assert list(await listed(bob)) == [third, second, first]
    await switch(ann, first, "pin", on=0)
    await switch(ann, second, "pin", on=0)
    assert list(await listed(ann)) == [third, second, first]


async def test_pinning_again_changes_nothing(ann: Member, chats: list[int]) -> None:
    for chat_id in (chats[0], chats[1], chats[0]):
        await switch(ann, chat_id, "pin")
    assert list(await listed(ann))[:2] == [chats[1], chats[0]]


async def test_only_so_many_chats_can_be_pinned_however_fast(app: Starlette, ann: Member) -> None:
    ids = [await make_group(app, ann, name=f"{number}") for number in range(MOST_PINNED + 3)]
    answers = await asyncio.gather(*(ann.post(f"/chats/{id_}/pin", headers=JSON) for id_ in ids))
    assert statuses(answers) == [200] * MOST_PINNED + [409] * 3
    assert sum(row["pinned"] for row in (await listed(ann)).values()) == MOST_PINNED
    refusal = next(each.json() for each in answers if each.status_code == 409)
    assert "Unpin one" in refusal["detail"]


async def test_a_muted_chat_counts_but_does_not_call(app: Starlette, ann: Member, chats: list[int]) -> None:
    await switch(ann, chats[0], "mute", **{"for": "8h"})
    assert (await ann.read("/chats"))["unread_chats"] == 2
    row = (await listed(ann))[chats[0]]
    assert row["unread"] == 1
    assert row["muted_until"] is not None
    assert "Muted until" in (await ann.get(f"/chats/{chats[0]}/info")).text
    await let_time_pass(app, ann, timedelta(hours=8, seconds=1))
    assert (await ann.read("/chats"))["unread_chats"] == 3
    assert (await listed(ann))[chats[0]]["muted_until"] is None
    assert "Not muted" in (await ann.get(f"/chats/{chats[0]}/info")).text


@pytest.mark.parametrize(("how_long", "hours"), [("8h", 8), ("1w", 168), ("always", 10**6), ("off", 0)])
async def test_how_long_a_mute_is(ann: Member, chats: list[int], how_long: str, hours: int) -> None:
    await switch(ann, chats[0], "mute", **{"for": "1w"})
    await switch(ann, chats[0], "mute", **{"for": how_long})
    page = (await ann.get(f"/chats/{chats[0]}/row", headers=HTMX)).text
    assert ("data-muted=" in page) is (hours > 0)
    assert ("Muted always" in (await ann.get(f"/chats/{chats[0]}/info")).text) is (how_long == "always")


async def test_a_mute_of_another_length_is_refused(ann: Member, chats: list[int]) -> None:
    answer = await ann.post(f"/chats/{chats[0]}/mute", data={"for": "99 years"}, headers=JSON)
    assert answer.status_code == 422
    assert "8h, 1w, always, off" in answer.json()["detail"]


async def test_archived_chats_leave_the_list_and_stay_away(
    app: Starlette, ann: Member, bob: Member, chats: list[int]
) -> None:
    await switch(ann, chats[0], "pin")
    await switch(ann, chats[0], "archive")
    await make_message(app, bob, chats[0], "news")
    for query in ({}, {"filter": "unread"}, {"filter": "groups"}):
        assert set(await listed(ann, **query)) == set(chats[1:])
    assert set(await listed(ann, q="Group")) == set(chats)
    (row,) = (await listed(ann, filter="archived")).values()
    assert (row["id"], row["unread"], row["pinned"]) == (chats[0], 2, False)
    assert (await ann.read("/chats"))["unread_chats"] == 2
    line = (await ann.get("/chats", headers=HTMX)).text.split('id="archive"')[1].split("</a>")[0]
    assert f'data-chats="{chats[0]}" data-waiting="{chats[0]}"' in line
    assert '<span class="badge">1</span>' in line
    await switch(ann, chats[0], "archive", on=0)
    assert list(await listed(ann)) == [chats[0], chats[2], chats[1]]


async def test_who_wants_it_so_gets_archived_chats_back_by_the_next_message(
    app: Starlette, ann: Member, bob: Member, chats: list[int], bus: RecordingBus
) -> None:
    for chat_id in chats[:2]:
        await switch(ann, chat_id, "archive")
    assert (await ann.post("/archive", data={"on": "0"}, headers=HTML)).headers["location"] == "/archive"
    assert bus.signals(topics.user(ann.id), "limited") == [{"type": "limited", "on": False}]
    await make_message(app, bob, chats[0])
    assert set(await listed(ann)) == {chats[0], chats[2]}
    await ann.post("/archive", data={"on": "1"})
    assert set(await listed(ann)) == {chats[2]}


async def test_favourites(ann: Member, chats: list[int]) -> None:
    await switch(ann, chats[1], "favourite")
    assert list(await listed(ann, filter="favourites")) == [chats[1]]
    await switch(ann, chats[1], "favourite", on=0)
    assert not await listed(ann, filter="favourites")


async def test_a_chat_that_is_marked_unread_waits_until_it_is_read(
    ann: Member, bob: Member, chats: list[int], bus: RecordingBus
) -> None:
    await ann.post(f"/chats/{chats[0]}/read")
    before = len(bus.told)
    await switch(ann, chats[0], "unread")
    assert [each.topic for each in bus.told[before:]] == [topics.user(ann.id)]
    row = (await listed(ann, filter="unread"))[chats[0]]
    assert (row["unread"], row["marked_unread"]) == (0, True)
    assert (await ann.read("/chats"))["unread_chats"] == 3
    page = (await ann.get(f"/chats/{chats[0]}", headers=HTML)).text
    assert " data-marked" in page.split("messages__list")[1].split(">")[0]
    assert "Mark read" in page
    await ann.post(f"/chats/{chats[0]}/read")
    assert set(await listed(ann, filter="unread")) == set(chats[1:])


async def test_the_menu_offers_what_is_not_so_yet(ann: Member, chats: list[int]) -> None:
    async def menu() -> str:
        return (await ann.get(f"/chats/{chats[0]}/switches", headers=HTMX)).text

    for label in ("Pin to the top", "Archive", "8 hours", "Add to favourites", "Mark as read"):
        assert label in await menu()
    for name in ("pin", "mute", "favourite", "read"):
        await switch(ann, chats[0], name)
    for label in ("Unpin", "Unmute", "Remove from favourites", "Mark as unread"):
        assert label in await menu()
    assert (await ann.read(f"/chats/{chats[0]}/switches"))["pinned"] is True


async def test_all_of_ones_pages_ask_for_the_row_and_nobody_elses(
    ann: Member, bob: Member, chats: list[int], bus: RecordingBus
) -> None:
    before = len(bus.told)
    for name in ("pin", "mute", "archive", "favourite", "unread"):
        await switch(ann, chats[0], name)
    assert {each.topic for each in bus.told[before:]} == {topics.user(ann.id)}
    assert bus.signals(topics.user(ann.id), "chat.row") == [{"type": "chat.row", "chat": chats[0]}] * 5
    assert "data-pinned" not in (await bob.get("/chats", headers=HTMX)).text


async def test_a_browser_without_scripts_is_led_back_to_its_chats(ann: Member, chats: list[int]) -> None:
    for name, location in (("pin", "/"), ("mute", "/"), ("clear", f"/chats/{chats[0]}"), ("remove", "/")):
        answer = await ann.post(f"/chats/{chats[0]}/{name}", headers=HTML)
        assert (answer.status_code, answer.headers["location"]) == (303, location)


async def test_the_choices_are_everybodys_own(app: Starlette, ann: Member, bob: Member) -> None:
    chat_id = await make_chat(app, ann, bob)
    await make_message(app, ann, chat_id)
    await switch(ann, chat_id, "archive")
    assert list(await listed(bob)) == [chat_id]
