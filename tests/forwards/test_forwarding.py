"""Forwarding: into five chats at most, with a label, and without a word of where it comes from."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from app.groups import service as groups
from app.realtime import topics
from tests.conftest import RecordingBus
from tests.make import CURL, HTML, HTMX, JSON, Member, make_chat, make_group, make_message


async def forward(member: Member, chat_id: int, seq: int, *targets: int, **fields: Any) -> httpx.Response:
    data = {"chats": [str(target) for target in targets], **fields}
    return await member.post(f"/chats/{chat_id}/messages/{seq}/forward", data=data, headers=JSON)


async def last(member: Member, chat_id: int) -> dict[str, Any]:
    found: dict[str, Any] = (await member.read(f"/chats/{chat_id}/messages"))["messages"][-1]
    return found


@pytest.fixture
async def other(app: Starlette, ann: Member, cara: Member) -> int:
    return await make_chat(app, ann, cara)


async def test_it_is_said_again_with_a_label(
    app: Starlette, bus: RecordingBus, ann: Member, bob: Member, cara: Member, chat_id: int, other: int
) -> None:
    seq = (await make_message(app, bob, chat_id, "Good *news*")).seq
    sent = await forward(ann, chat_id, seq, other)
    assert (sent.status_code, len(sent.json())) == (201, 1)
    heard = await last(cara, other)
    assert (heard["body"], heard["sender"]["id"], heard["extras"]) == ("Good *news*", ann.id, {"forwarded": 1})
    page = (await cara.get(f"/chats/{other}", headers=HTML)).text
    assert ">Forwarded<" in page
    assert "Bob" not in page
    assert any(">Forwarded<" in html for html in bus.html(topics.chat(other)))


async def test_chats_are_offered_in_which_something_was_said_last(
    app: Starlette, ann: Member, bob: Member, cara: Member, chat_id: int, other: int
) -> None:
    group = await make_group(app, ann, bob)
    seq = (await make_message(app, bob, chat_id)).seq
    for latest in (group, other, chat_id):
        await make_message(app, ann, latest)
        offered = [each["id"] for each in await ann.read(f"/chats/{chat_id}/messages/{seq}/forward")]
        assert offered[0] == latest
    assert offered == [chat_id, other, group]
    silent = await make_chat(app, ann, ann)
    offered = [each["id"] for each in await ann.read(f"/chats/{chat_id}/messages/{seq}/forward")]
    assert offered == [chat_id, other, group, silent]


async def test_ones_own_words_have_no_label(
    app: Starlette, ann: Member, cara: Member, chat_id: int, other: int
) -> None:
    seq = (await make_message(app, ann, chat_id, "Mine")).seq
    await forward(ann, chat_id, seq, other)
    assert (await last(cara, other))["extras"] == {}


async def test_who_forwards_what_was_forwarded_counts_on(
    app: Starlette, ann: Member, bob: Member, chat_id: int, other: int
) -> None:
    seq = (await make_message(app, bob, chat_id, "Chain letter")).seq
    for hops in range(1, 6):
        assert (await forward(ann, chat_id, seq, chat_id)).status_code == 201
        message = await last(ann, chat_id)
        seq = message["seq"]
        assert message["extras"] == {"forwarded": hops}
    assert "Forwarded many times" in (await ann.get(f"/chats/{chat_id}", headers=HTML)).text
    refused = await forward(ann, chat_id, seq, chat_id, other)
    assert (refused.status_code, list(refused.json()["errors"])) == (422, ["chats"])
    assert (await forward(ann, chat_id, seq, other)).status_code == 201


async def test_five_chats_at_once_and_no_more(app: Starlette, ann: Member, bob: Member, chat_id: int) -> None:
    seq = (await make_message(app, bob, chat_id, "Everybody")).seq
    chats = [await make_group(app, ann, bob) for _ in range(6)]
    assert (await forward(ann, chat_id, seq, *chats)).status_code == 422
    assert (await forward(ann, chat_id, seq)).status_code == 422
    assert (await forward(ann, chat_id, seq, *chats[:5])).status_code == 201
    assert [(await last(bob, chat))["body"] for chat in chats[:5]] == ["Everybody"] * 5
    assert (await last(bob, chats[5]))["body"] == ""


async def test_into_all_chats_or_into_none(
    app: Starlette, bus: RecordingBus, ann: Member, bob: Member, cara: Member, chat_id: int, other: int
) -> None:
    seq = (await make_message(app, bob, chat_id, "Secret")).seq
    left = await make_group(app, bob, ann)
    async with app.state.database.write() as work:
        await groups.leave(work, ann.person, left)
    foreign = await make_chat(app, bob, cara)
    bus.told.clear()
    for closed in (left, foreign, 999_999):
        assert (await forward(ann, chat_id, seq, other, closed)).status_code == 422
    assert await cara.bodies(other) == []
    assert bus.told == []


async def test_a_form_that_is_sent_twice_says_it_once(
    app: Starlette, ann: Member, bob: Member, cara: Member, chat_id: int, other: int
) -> None:
    seq = (await make_message(app, bob, chat_id, "Once")).seq
    form_id = str(uuid.uuid4())
    sent = await asyncio.gather(*[forward(ann, chat_id, seq, other, id=form_id) for _ in range(3)])
    assert [each.status_code for each in sent] == [201] * 3
    assert await cara.bodies(other) == ["Once"]
    assert (await forward(ann, chat_id, seq, other, id="no uuid")).status_code == 422


async def test_what_cannot_be_seen_or_stands_no_more_cannot_be_forwarded(
    app: Starlette, ann: Member, bob: Member, cara: Member, chat_id: int, other: int
) -> None:
    seq = (await make_message(app, bob, chat_id)).seq
    assert (await forward(cara, chat_id, seq, other)).status_code == 404
    assert (await forward(ann, chat_id, 999, other)).status_code == 404
    group = await make_group(app, ann, bob)
    assert (await forward(ann, group, 1, other)).status_code == 403
    await bob.post(f"/chats/{chat_id}/messages/{seq}/delete")
    assert (await forward(ann, chat_id, seq, other)).status_code == 403


async def test_nobody_can_claim_that_something_was_forwarded(ann: Member, bob: Member, chat_id: int) -> None:
    await ann.say(chat_id, "Believe me", forwarded="7")
    assert (await last(bob, chat_id))["extras"] == {}


async def test_the_page_offers_the_chats_in_which_one_may_write(
    app: Starlette, ann: Member, bob: Member, chat_id: int, other: int
) -> None:
    seq = (await make_message(app, bob, chat_id)).seq
    left = await make_group(app, bob, ann, name="Left")
    async with app.state.database.write() as work:
        await groups.leave(work, ann.person, left)
    path = f"/chats/{chat_id}/messages/{seq}/forward"
    assert {each["id"] for each in await ann.read(path)} == {chat_id, other}
    page = await ann.get(path, headers=HTML)
    assert (page.status_code, "Left</bdi>" in page.text) == (200, False)
    again = await ann.post(path, data={"chats": ["999999"], "id": str(uuid.uuid4())}, headers=HTML)
    assert (again.status_code, "in one of these chats" in again.text) == (422, True)


async def test_each_caller_is_answered_in_its_way(
    app: Starlette, ann: Member, bob: Member, chat_id: int, other: int
) -> None:
    message = await make_message(app, bob, chat_id)
    seq = message.seq
    path, data = f"/chats/{chat_id}/messages/{seq}/forward", {"chats": str(other)}
    several = await ann.post(path, data={"chats": [str(other), str(chat_id)]}, headers=HTML)
    assert several.headers["location"] == f"/chats/{chat_id}?at={seq}#message-{message.id}"
    browser = await ann.post(path, data=data, headers=HTML)
    assert (browser.status_code, browser.headers["location"]) == (303, f"/chats/{other}#latest")
    assert (await ann.post(path, data=data, headers=HTMX)).status_code == 201
    assert (await ann.post(path, data=data, headers=CURL)).status_code == 201
