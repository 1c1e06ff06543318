"""A quote shows nothing to anybody who does not see what is quoted: on no page, in no frame, to no program."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette

from app.realtime import topics
from tests.conftest import RecordingBus
from tests.make import HTML, JSON, Member, make_chat, make_group, make_message
from tests.server import Running
from tests.sockets import listening

WITHHELD = 'data-state="withheld"'


@pytest.fixture
async def group(app: Starlette, ann: Member, bob: Member, cara: Member) -> int:
    """Ann and Bob talk (3 is "Secret"), and Cara joins (4)."""
    group = await make_group(app, ann, bob)
    await make_message(app, ann, group, "Secret")
    await ann.post(f"/groups/{group}/members", data={"members": "cara"})
    return group


async def everything(member: Member, chat_id: int) -> str:
    """All that somebody gets to see of a chat on all ways."""
    found = ""
    for path in ("", "/messages", "/messages?since=0", "/messages/5/menu", "/messages/5/edit"):
        for headers in (HTML, JSON):
            found += (await member.get(f"/chats/{chat_id}{path}", headers=headers)).text
    return found


def heard(bus: RecordingBus, chat_id: int, member: Member) -> str:
    """All that the pages of a member of a chat were told."""
    return "".join(bus.frames(topics.chat(chat_id)) + bus.frames(topics.user(member.id)))


async def test_a_newcomer_sees_no_quote_of_what_was_said_before(
    ann: Member, bob: Member, cara: Member, group: int, bus: RecordingBus
) -> None:
    bus.told.clear()
    sent = await bob.say(group, "Agreed", reply_to=3)
    assert "Secret" in sent.text
    assert "Secret" not in heard(bus, group, cara) + await everything(cara, group)
    assert WITHHELD in heard(bus, group, cara)
    assert "Agreed" in heard(bus, group, cara)
    for member in (ann, bob):
        assert sent.text in heard(bus, group, member)
        page = (await member.get(f"/chats/{group}/messages")).text
        assert sent.text in page
        assert WITHHELD not in page


async def test_the_frames_are_what_each_would_load(
    app: Starlette, ann: Member, bob: Member, cara: Member, group: int, server: Running
) -> None:
    async with listening(server, app, cara) as theirs, listening(server, app, ann) as hers:
        await bob.say(group, "Agreed", reply_to=3)
        for ear, member in ((theirs, cara), (hers, ann)):
            frame = await ear.html("Agreed")
            loaded = (await member.get(f"/chats/{group}/messages?since=4")).text
            assert loaded
            assert loaded in frame


async def test_later_changes_show_no_more(
    ann: Member, bob: Member, cara: Member, group: int, bus: RecordingBus
) -> None:
    await bob.say(group, "Agreed", reply_to=3)
    bus.told.clear()
    changed = await bob.post(f"/chats/{group}/messages/5/edit", data={"body": "Agreed!"})
    assert "Secret" in changed.text
    await ann.post(f"/chats/{group}/messages/3/edit", data={"body": "Secret!"})
    assert "Secret" not in "".join(bus.frames(topics.user(cara.id))) + await everything(cara, group)
    assert "Secret!" in "".join(bus.frames(topics.user(bob.id)))
    assert "Secret!" in await everything(bob, group)


async def test_who_left_keeps_what_they_saw_and_no_more(
    ann: Member, bob: Member, cara: Member, group: int, bus: RecordingBus
) -> None:
    await bob.say(group, "Agreed", reply_to=3)
    for member in (bob, cara):
        await member.post(f"/groups/{group}/leave")
    assert "Secret" in await everything(bob, group)
    assert "Secret" not in await everything(cara, group)
    bus.told.clear()
    await ann.post(f"/chats/{group}/messages/3/edit", data={"body": "News"})
    assert bus.frames(topics.user(bob.id)) == []


async def test_a_gap_in_a_stay_stays_a_gap(ann: Member, bob: Member, cara: Member, group: int) -> None:
    await cara.post(f"/groups/{group}/leave")
    await ann.say(group, "Meanwhile")
    await ann.post(f"/groups/{group}/members", data={"members": "cara"})
    quoted = [(await bob.say(group, f"To {seq}", reply_to=seq)).status_code for seq in (3, 6)]
    assert quoted == [201, 201]
    page = (await cara.get(f"/chats/{group}/messages")).text
    assert page.count(WITHHELD) == 2
    assert "Meanwhile" not in page


async def test_who_deleted_a_message_for_themselves_sees_it_in_no_quote(
    app: Starlette, ann: Member, bob: Member, chat_id: int, bus: RecordingBus
) -> None:
    await make_message(app, bob, chat_id, "Secret")
    await ann.say(chat_id, "Before", reply_to=1)
    await ann.post(f"/chats/{chat_id}/messages/1/hide")
    bus.told.clear()
    sent = await bob.say(chat_id, "After", reply_to=1)
    assert "Secret" in sent.text
    assert "Secret" not in heard(bus, chat_id, ann)
    assert (await ann.get(f"/chats/{chat_id}/messages")).text.count(WITHHELD) == 2
    assert (await bob.get(f"/chats/{chat_id}/messages")).text.count(WITHHELD) == 0
    assert sent.text in heard(bus, chat_id, bob)
    refused = await ann.say(chat_id, "What?", reply_to=1)
    assert refused.status_code == 422


async def test_nobody_is_quoted_by_who_does_not_see_them(cara: Member, group: int) -> None:
    assert (await cara.say(group, "What?", reply_to=3)).status_code == 422
    assert (await cara.post(f"/chats/{group}/reply", data={"reply_to": 3})).status_code == 422
    assert "Secret" not in (await cara.get(f"/chats/{group}?reply=3", headers=HTML)).text


async def test_the_way_back_to_a_group_is_for_those_who_see_it(app: Starlette, ann: Member, bob: Member) -> None:
    group = await make_group(app, ann, bob)
    await make_message(app, ann, group, "Hungry?")
    direct = await make_chat(app, ann, bob)
    await bob.say(direct, "Yes", reply_to=3, reply_from=group)
    await ann.post(f"/chats/{group}/messages/3/hide")
    theirs, hers = [(await each.get(f"/chats/{direct}/messages")).text for each in (bob, ann)]
    assert "Hungry?" in theirs
    assert "Hungry?" in hers
    assert f"/chats/{group}?at=3" in theirs
    assert f"/chats/{group}" not in hers
