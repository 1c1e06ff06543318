"""Several messages at once: copied, starred, forwarded, deleted, each by the rules that hold for one."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from sqlalchemy import update
from sqlmodel import col
from starlette.applications import Starlette

from app.messages.models import Message
from app.realtime import topics
from tests.conftest import RecordingBus
from tests.make import CURL, HTML, HTMX, JSON, Member, make_chat, make_group, make_message, make_messages, seqs
from tests.test_queries import statements

ACTIONS = ("star", "unstar", "hide", "delete")


async def act(
    member: Member, chat_id: int, action: str, chosen: Sequence[int], headers: dict[str, str] = CURL
) -> httpx.Response:
    data = {"action": action, "seq": [str(seq) for seq in chosen]}
    return await member.post(f"/chats/{chat_id}/selection", data=data, headers=headers)


async def text(member: Member, chat_id: int, *chosen: int, zone: str = "UTC") -> Any:
    response = await member.get(f"/chats/{chat_id}/selection", params={"seq": chosen, "zone": zone}, headers=JSON)
    return response.json().get("text", response.status_code)


async def forward(member: Member, chat_id: int, chosen: Sequence[int], *targets: int, **more: str) -> httpx.Response:
    data = {"seq": [str(seq) for seq in chosen], "chats": [str(target) for target in targets], **more}
    return await member.post(f"/chats/{chat_id}/forward", data=data, headers=JSON)


async def starred(member: Member, chat_id: int) -> list[int]:
    return sorted(each["message"]["seq"] for each in await member.read(f"/chats/{chat_id}/starred"))


@pytest.fixture
async def talk(app: Starlette, ann: Member, bob: Member, chat_id: int) -> int:
    """1 and 3 are Ann's, 2 and 4 are Bob's."""
    for sender, body in ((ann, "One"), (bob, "Two\nwith *more*"), (ann, "Three"), (bob, "Four")):
        await make_message(app, sender, chat_id, body)
    return chat_id


@pytest.fixture
async def other(app: Starlette, ann: Member, cara: Member) -> int:
    return await make_chat(app, ann, cara)


async def test_what_is_copied_has_times_and_names(app: Starlette, ann: Member, bob: Member, talk: int) -> None:
    at = (await ann.read(f"/chats/{talk}/messages"))["messages"][0]["at"]
    day, time = f"{at[8:10]}/{at[5:7]}/{at[:4]}", at[11:19]
    copied = await text(ann, talk, 3, 1, 2)
    assert re.sub(r"\[.*?\]", "[]", copied) == "[] Ann: One\n[] Bob: Two\nwith *more*\n[] Ann: Three"
    assert copied.startswith(f"[{day}, {time}] Ann: One\n")
    assert await text(ann, talk, 1, zone="no/where") == copied.split("\n")[0]


async def test_times_are_those_of_the_reader(ann: Member, talk: int) -> None:
    here, there = [int((await text(ann, talk, 1, zone=zone))[13:15]) for zone in ("UTC", "Asia/Tokyo")]
    assert (there - here) % 24 == 9


async def test_deleted_and_system_lines_are_not_copied(app: Starlette, ann: Member, bob: Member) -> None:
    group = await make_group(app, ann, bob)
    for body in ("Gone", "Stays, @bob"):
        await ann.say(group, body)
    await ann.post(f"/chats/{group}/messages/3/delete")
    assert (await text(ann, group, 1, 2, 3, 4)).endswith("] Ann: Stays, @Bob")
    assert await text(ann, group, 1, 3) == 422


async def test_all_are_starred_and_the_stars_taken_away(
    bus: RecordingBus, ann: Member, bob: Member, talk: int
) -> None:
    assert (await act(ann, talk, "star", [1, 2, 4])).status_code == 200
    assert bus.signals(topics.user(ann.id), "chat.starred")[-1]["seqs"] == [1, 2, 4]
    await act(ann, talk, "star", [1, 2, 3])
    assert await starred(ann, talk) == [1, 2, 3, 4]
    await act(ann, talk, "unstar", [1, 3])
    assert (await starred(ann, talk), await starred(bob, talk)) == ([2, 4], [])


async def test_all_are_hidden_from_oneself_alone(bus: RecordingBus, ann: Member, bob: Member, talk: int) -> None:
    ids = [each["id"] for each in (await ann.read(f"/chats/{talk}/messages"))["messages"]]
    before = (await ann.read(f"/chats/{talk}"))["revision"]
    response = await act(ann, talk, "hide", [1, 2], HTMX)
    assert response.text == f'<li id="message-{ids[0]}" data-gone></li><li id="message-{ids[1]}" data-gone></li>'
    assert (response.headers["hx-retarget"], response.headers["hx-reswap"]) == (f"#chat-{talk}-messages", "renew")
    told = "".join(bus.html(topics.user(ann.id)))
    assert re.findall(r'hx-target="#message-([^"]+)" hx-swap="delete"', told) == ids[:2]
    assert await ann.bodies(talk) == ["Three", "Four"]
    assert len(await bob.bodies(talk)) == 4
    gone = (await ann.read(f"/chats/{talk}/messages", since=before))["gone"]
    assert sorted(gone) == sorted(ids[:2])
    assert (await act(ann, talk, "hide", [1, 2])).status_code == 200


async def test_own_messages_are_deleted_for_everyone(bus: RecordingBus, ann: Member, bob: Member, talk: int) -> None:
    bus.told.clear()
    response = await act(ann, talk, "delete", [1, 3], HTMX)
    assert seqs(response.text) == [1, 3]
    assert seqs("".join(bus.html(topics.chat(talk)))) == [1, 3]
    assert [each["seq"] for each in bus.signals(topics.chat(talk), "chat.deleted")] == [1, 3]
    assert [each["body"] for each in (await bob.read(f"/chats/{talk}/messages"))["messages"]] == [
        "", "Two\nwith *more*", "", "Four"
    ]  # fmt: skip
    assert (await act(ann, talk, "delete", [1, 3])).status_code == 200


async def test_for_everyone_only_where_all_may_be(app: Starlette, ann: Member, bob: Member, talk: int) -> None:
    path = f"/chats/{talk}/selection/delete"
    assert (await ann.read(path, seq=[1, 3])) == {"seqs": [1, 3], "for_everyone": True}
    assert (await ann.read(path, seq=[1, 2])) == {"seqs": [1, 2], "for_everyone": False}
    assert (await act(ann, talk, "delete", [1, 2])).status_code == 403
    assert (await bob.bodies(talk))[0] == "One"
    for chosen, offered in (([1, 3], True), ([1, 2], False)):
        page = (await ann.get(path, params={"seq": chosen}, headers=HTML)).text
        assert ("Delete for everyone" in page, "Delete for me" in page) == (offered, True)


async def test_an_admin_deletes_what_others_said_and_that_is_told(app: Starlette, ann: Member, bob: Member) -> None:
    group = await make_group(app, ann, bob)
    for member in (ann, bob):
        await member.say(group, f"By {member.username}")
    shown = (await act(ann, group, "delete", [3, 4])).text
    assert "This message was deleted" in shown.split('data-seq="4"')[0]
    assert "deleted this message" in shown.split('data-seq="4"')[1]


async def test_many_deletions_are_asked_for(app: Starlette, bus: RecordingBus, ann: Member, bob: Member) -> None:
    chat_id = await make_chat(app, ann, bob)
    await make_messages(app, ann, chat_id, 30)
    revision = (await bob.read(f"/chats/{chat_id}"))["revision"]
    bus.told.clear()
    await act(ann, chat_id, "delete", range(1, 31))
    assert bus.frames(topics.chat(chat_id)) == ['{"type":"limited","on":false}']
    changed = (await bob.read(f"/chats/{chat_id}/messages", since=revision))["messages"]
    assert [each["deleted"] for each in changed] == [True] * 30


async def test_several_are_forwarded_in_their_order(
    app: Starlette, ann: Member, cara: Member, talk: int, other: int
) -> None:
    second = await make_group(app, ann, cara)
    sent = await forward(ann, talk, [4, 1, 2], other, second)
    assert (sent.status_code, len(sent.json())) == (201, 6)
    said = ["One", "Two\nwith *more*", "Four"]
    assert (await cara.bodies(other), (await cara.bodies(second))[-3:]) == (said, said)
    found = (await cara.read(f"/chats/{other}/messages"))["messages"]
    assert [each["extras"] for each in found] == [{}, {"forwarded": 1}, {"forwarded": 1}]


async def test_a_repeated_forward_says_nothing_twice(ann: Member, cara: Member, talk: int, other: int) -> None:
    form_id = str(uuid.uuid4())
    answers = await asyncio.gather(*[forward(ann, talk, [1, 2, 4], other, id=form_id) for _ in range(3)])
    assert [each.status_code for each in answers] == [201] * 3
    assert {tuple(each["seq"] for each in answer.json()) for answer in answers} == {(1, 2, 3)}
    assert len(await cara.bodies(other)) == 3


async def test_chats_are_offered_for_what_can_be_forwarded(
    app: Starlette, ann: Member, bob: Member, talk: int
) -> None:
    await ann.post(f"/chats/{talk}/messages/1/delete")
    path = f"/chats/{talk}/forward"
    page = await ann.get(path, params={"seq": [1, 2, 3]}, headers=HTML)
    assert "Forward 2 messages to" in page.text
    assert re.findall(r'name="seq" value="(\d+)"', page.text) == ["2", "3"]
    assert (await ann.get(path, params={"seq": 1}, headers=JSON)).status_code == 403


@pytest.mark.parametrize("action", ACTIONS)
async def test_strangers_and_absent_messages_are_not_found(
    app: Starlette, ann: Member, cara: Member, talk: int, action: str
) -> None:
    assert (await act(cara, talk, action, [1])).status_code == 404
    assert (await act(ann, talk, action, [888, 999])).status_code == (200 if action == "unstar" else 404)
    assert (await act(ann, talk, action, [])).status_code == 422
    assert (await act(ann, talk, "dance", [1])).status_code == 422


async def test_what_cannot_be_seen_is_left_out(app: Starlette, ann: Member, bob: Member, cara: Member) -> None:
    group = await make_group(app, ann, bob)
    await ann.say(group, "Before")
    await ann.post(f"/groups/{group}/members", data={"members": "cara"})
    await ann.say(group, "After")
    assert (await text(cara, group, 3, 5)).endswith("] Ann: After")
    assert await text(cara, group, 3) == 404
    await act(cara, group, "star", [3, 5])
    assert await starred(cara, group) == [5]
    await act(cara, group, "hide", [3, 5])
    assert await cara.bodies(group) == ["added"]
    target = await make_chat(app, cara, bob)
    assert (await forward(cara, group, [3], target)).status_code == 404


async def test_a_hundred_at_once_and_no_more(app: Starlette, ann: Member, bob: Member, chat_id: int) -> None:
    await make_messages(app, ann, chat_id, 101)
    too_many = await act(ann, chat_id, "star", range(1, 102), JSON)
    assert (too_many.status_code, too_many.json()["errors"]["seq"]) == (422, "Choose at least one, and at most 100.")
    assert (await act(ann, chat_id, "star", range(1, 101))).status_code == 200


@pytest.mark.parametrize("action", [*ACTIONS, "forward", "again", "copy"])
async def test_a_hundred_cost_as_many_statements_as_two(
    app: Starlette, ann: Member, bob: Member, cara: Member, action: str
) -> None:
    asked = []
    for count in (2, 100):
        chat_id, target = await make_group(app, ann, bob), await make_group(app, ann, cara)
        await make_messages(app, ann, chat_id, count)
        async with app.state.database.write() as work:
            await work.execute(update(Message).where(col(Message.chat_id) == chat_id).values(sender_id=ann.id))
        chosen, form_id = range(3, 3 + count), str(uuid.uuid4())
        if action == "again":
            await forward(ann, chat_id, chosen, target, id=form_id)
        with statements(app) as sent:
            if action in ("forward", "again"):
                done = await forward(ann, chat_id, chosen, target, id=form_id)
            elif action == "copy":
                done = await ann.get(f"/chats/{chat_id}/selection", params={"seq": [*chosen]}, headers=JSON)
            else:
                done = await act(ann, chat_id, action, chosen)
        assert done.status_code in (200, 201)
        asked.append(len(sent))
    assert asked[0] == asked[1]


@pytest.mark.parametrize("action", ACTIONS)
async def test_the_answer_tells_of_what_was_there(ann: Member, talk: int, action: str) -> None:
    done = await act(ann, talk, action, [1, 3, 999], JSON)
    assert done.json() == {"seqs": [1, 3]}
    done = await act(ann, talk, action, [1, 3, 999], HTML)
    assert "at=3#message-" in done.headers["location"]


async def test_without_scripts_boxes_stay_ticked_from_page_to_page(
    app: Starlette, ann: Member, bob: Member, chat_id: int
) -> None:
    await make_messages(app, bob, chat_id, 120)
    path = f"/chats/{chat_id}/select"
    page = (await ann.get(path, params={"around": 60, "seq": [5, 60]}, headers=HTML)).text
    assert re.findall(r'type="hidden" name="seq" value="(\d+)"', page) == ["5"]
    assert re.findall(r'value="(\d+)" aria-label="[^"]*" checked', page) == ["60"]
    assert "1 more ticked elsewhere" in page
    again = await ann.post(f"/chats/{chat_id}/selection", data={"action": "star"}, headers=HTML)
    assert (again.status_code, "Choose at least one, and at most 100." in again.text) == (422, True)
    done = await act(ann, chat_id, "star", [5, 60], HTML)
    (last,) = (await ann.read(f"/chats/{chat_id}/messages", after=59, limit=1))["messages"]
    assert (done.status_code, done.headers["location"]) == (303, f"/chats/{chat_id}?at=60#message-{last['id']}")
    copied = (await ann.get(f"/chats/{chat_id}/selection", params={"seq": [5, 60]}, headers=HTML)).text
    assert re.search(r"<textarea[^>]*>\n\[.*\] Bob: 5\n\[.*\] Bob: 60</textarea>", copied)


async def test_system_lines_and_deleted_messages_have_no_box(app: Starlette, ann: Member, bob: Member) -> None:
    group = await make_group(app, ann, bob)
    for body in ("Gone", "Stays"):
        await ann.say(group, body)
    await ann.post(f"/chats/{group}/messages/3/delete")
    page = (await ann.get(f"/chats/{group}/select", headers=HTML)).text
    assert re.findall(r'type="checkbox"[^>]* value="(\d+)"', page) == ["4"]
    may = [(await ann.read(f"/chats/{group}/messages/{seq}/menu"))["may_select"] for seq in (1, 3, 4)]
    assert may == [False, False, True]
