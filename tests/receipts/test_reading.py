"""Receipts: said by POST or frame, told to senders as ticks and to one's other pages, and never backwards."""

from __future__ import annotations

from typing import Any

import pytest
from sqlmodel import col, select
from starlette.applications import Starlette

from app.chats.models import Membership
from app.main import create_app
from app.realtime import topics
from app.receipts.marks import Mark
from app.settings import Settings
from tests.conftest import RecordingBus
from tests.make import HTML, JSON, Member, make_chat, make_group, make_message, make_user
from tests.server import Running
from tests.sockets import Ear, listening


@pytest.fixture
async def three(app: Starlette, ann: Member, bob: Member, chat_id: int, bus: RecordingBus) -> int:
    """The chat, after three messages of Ann's."""
    for body in ("one", "two", "three"):
        await make_message(app, ann, chat_id, body)
    bus.told.clear()
    return chat_id


async def unread(member: Member) -> int:
    return int((await member.read("/chats"))["chats"][0]["unread"])


async def ticks(member: Member, chat_id: int) -> tuple[int, int]:
    page = await member.read(f"/chats/{chat_id}")
    return page["delivered"], page["read"]


async def read(member: Member, chat_id: int, seq: str = "") -> int:
    return (await member.post(f"/chats/{chat_id}/read", data={"seq": seq})).status_code


async def test_reading_up_to_a_message(ann: Member, bob: Member, three: int) -> None:
    assert await read(bob, three, "2") == 200
    assert (await unread(bob), await ticks(ann, three)) == (1, (2, 2))


async def test_reading_everything(ann: Member, bob: Member, three: int) -> None:
    await read(bob, three)
    assert (await unread(bob), await ticks(ann, three)) == (0, (3, 3))


async def test_never_backwards_and_never_beyond_the_end(ann: Member, bob: Member, three: int) -> None:
    for seq, expected in (("2", 2), ("1", 2), ("0", 2), ("999999999999999", 3)):
        await read(bob, three, seq)
        assert await ticks(ann, three) == (expected, expected)
    await ann.say(three, "four")
    assert await unread(bob) == 1


@pytest.mark.parametrize("seq", ["x", "-1", "1.5", "9" * 5000])
async def test_what_is_no_number_is_refused(bob: Member, three: int, seq: str) -> None:
    assert await read(bob, three, seq) == 422


async def test_the_sender_hears_ticks_and_my_other_pages_hear_my_reading(
    ann: Member, bob: Member, three: int, bus: RecordingBus
) -> None:
    await read(bob, three, "2")
    (heard,) = bus.signals(topics.chat(three))
    assert heard == {"type": "receipt.ticks", "chat": three, "delivered": [0, ann.id, 2], "read": [0, ann.id, 2]}
    assert bus.signals(topics.user(bob.id)) == [{"type": "receipt.read", "chat": three, "seq": 2}]


async def test_what_moves_nothing_is_told_nobody(bob: Member, three: int, bus: RecordingBus) -> None:
    await read(bob, three, "2")
    bus.told.clear()
    await read(bob, three, "2")
    await read(bob, three, "1")
    assert bus.told == []


async def test_in_groups_the_slowest_counts(
    app: Starlette, ann: Member, bob: Member, cara: Member, bus: RecordingBus
) -> None:
    group = await make_group(app, ann, bob, cara)
    await make_message(app, ann, group)
    await read(bob, group)
    assert await ticks(ann, group) == (0, 0)
    bus.told.clear()
    await read(cara, group)
    assert await ticks(ann, group) == (3, 3)
    assert [each["read"] for each in bus.signals(topics.chat(group))] == [[0, ann.id, 3]]


async def test_nobody_waits_for_who_left(
    app: Starlette, ann: Member, bob: Member, cara: Member, bus: RecordingBus
) -> None:
    group = await make_group(app, ann, bob, cara)
    await make_message(app, ann, group)
    await read(bob, group)
    bus.told.clear()
    await cara.post(f"/groups/{group}/leave")
    assert [each["read"] for each in bus.signals(topics.chat(group))] == [[0, ann.id, 3]]


async def test_who_comes_later_waits_for_nothing_of_before(
    app: Starlette, ann: Member, bob: Member, cara: Member
) -> None:
    group = await make_group(app, ann, bob)
    await make_message(app, ann, group)
    await read(bob, group)
    await ann.post(f"/groups/{group}/members", data={"members": "cara"})
    assert await ticks(ann, group) == (3, 3)


async def test_my_own_words_are_never_unread_nor_read_for_me(ann: Member, bob: Member, three: int) -> None:
    """Answering says nothing about having read; `seen` does."""
    await bob.say(three, "Hm?")
    assert (await unread(bob), await unread(ann), await ticks(ann, three)) == (3, 1, (0, 0))


async def test_only_members_read(cara: Member, three: int) -> None:
    assert await read(cara, three, "1") == await read(cara, 999, "1") == 404


async def test_looking_is_not_reading(ann: Member, bob: Member, three: int) -> None:
    for path in (f"/chats/{three}", f"/chats/{three}/messages", "/", "/chats"):
        for headers in (HTML, JSON):
            await bob.get(path, headers=headers)
    assert (await unread(bob), await ticks(ann, three)) == (3, (0, 0))


async def test_the_page_without_scripts_offers_to_mark_read(bob: Member, three: int) -> None:
    path = f"/chats/{three}/read"
    assert f'action="{path}"' in (await bob.get(f"/chats/{three}", headers=HTML)).text
    response = await bob.post(path, data={"seq": "3"}, headers=HTML)
    assert (response.status_code, response.headers["location"]) == (303, f"/chats/{three}")
    assert f'action="{path}"' not in (await bob.get(f"/chats/{three}", headers=HTML)).text


async def test_the_page_carries_the_marks(ann: Member, bob: Member, three: int) -> None:
    await read(bob, three, "2")
    page = (await ann.get(f"/chats/{three}", headers=HTML)).text
    assert 'data-delivered="2" data-read="2"' in page
    assert page.index('data-seq="2"') < page.index('data-mark="read"') < page.rindex('data-seq="3"')


async def heard(ear: Ear, **expected: Any) -> dict[str, Any]:
    """The next ticks of which `expected` holds for their reader."""
    while True:
        found = await ear.signal("receipt.ticks")
        if all(found[name][2] == seq for name, seq in expected.items()):
            return found


async def test_by_frame(server: Running, app: Starlette, ann: Member, bob: Member, three: int) -> None:
    async with listening(server, app, ann) as sender, listening(server, app, bob) as reader:
        await reader.say("receipt.delivered", chats={str(three): 3})
        await heard(sender, delivered=3, read=0)
        await reader.say("receipt.read", chats={str(three): 2})
        await heard(sender, delivered=3, read=2)
    assert (await ticks(ann, three), await unread(bob)) == ((3, 2), 1)


async def test_frames_are_stored_together(
    server: Running, app: Starlette, ann: Member, bob: Member, three: int, bus: RecordingBus
) -> None:
    async with listening(server, app, ann) as sender, listening(server, app, bob) as reader:
        for seq in (1, 2, 3):
            await reader.say("receipt.read", chats={str(three): seq})
        await heard(sender, read=3)
    assert len(bus.signals(topics.chat(three), "receipt.ticks")) < 3


async def test_for_chats_of_others_a_frame_does_nothing(
    server: Running, app: Starlette, ann: Member, bob: Member, cara: Member, three: int
) -> None:
    mine = await make_group(app, cara, bob)
    await make_message(app, bob, mine)
    async with listening(server, app, bob) as ear, listening(server, app, cara) as stranger:
        await stranger.say("receipt.read", chats={str(three): 3, str(mine): 3})
        await heard(ear, read=3)
    assert await ticks(ann, three) == (0, 0)


async def test_what_gathered_is_stored_at_the_end(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.receipts.routes.FLUSH_SECONDS", 60)
    for last in (False, True):
        app = create_app(settings)
        async with app.router.lifespan_context(app):
            if last:
                async with app.state.database.read() as work:
                    assert await work.all(select(Membership.read_seq).order_by(col(Membership.user_id))) == [0, 1]
            else:
                ann, bob = [await make_user(app, name) for name in ("ann", "bob")]
                chat_id = await make_chat(app, ann, bob)
                await make_message(app, ann, chat_id)
                app.state.marks.add(chat_id, bob.id, Mark(1, 1))
