"""Pins: three a chat at most, each with an end, and seen by nobody who may not see the message."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col
from starlette.applications import Starlette

from app.db import now
from app.messages.models import Message
from app.pins import service
from app.pins.models import Pin
from app.pins.routes import sweep
from app.realtime import topics
from tests.conftest import RecordingBus
from tests.expiry.test_disappearing import count_of, rows
from tests.expiry.test_disappearing import expire as let_message_end
from tests.make import CURL, HTML, HTMX, JSON, Member, make_chat, make_group, make_message, make_messages, statuses
from tests.polls.test_asking import ask
from tests.test_queries import statements

HOSTILE = '<img src=x onerror=alert(1)> "><b hx-get="/logout">'


async def pin(member: Member, chat_id: int, seq: int, duration: str = "7d", **fields: str) -> int:
    path = f"/chats/{chat_id}/messages/{seq}/pin"
    return (await member.post(path, data={"duration": duration, **fields}, headers=JSON)).status_code


async def pins(member: Member, chat_id: int) -> list[int]:
    """The seqs of what somebody sees pinned; the banner shows the same."""
    listed = [each["message"]["seq"] for each in await member.read(f"/chats/{chat_id}/pins")]
    banner = (await member.get(f"/chats/{chat_id}/pins/banner", headers=HTMX)).text
    assert [f'data-seq="{seq}"' in banner for seq in listed] == [True] * len(listed)
    assert banner.count("<li") == len(listed)
    return listed


async def let_pin_end(app: Starlette, chat_id: int, seq: int) -> None:
    async with app.state.database.write() as work:
        this = col(Pin.chat_id) == chat_id, col(Pin.seq) == seq
        await work.execute(update(Pin).where(*this).values(ends_at=now() - timedelta(seconds=1)))


async def revision_of(app: Starlette, member: Member, chat_id: int) -> int:
    return int((await member.read(f"/chats/{chat_id}"))["revision"])


@pytest.fixture
async def five(app: Starlette, ann: Member, bob: Member, chat_id: int) -> int:
    """A chat in which Ann and Bob said five things."""
    for number, member in enumerate((ann, bob, ann, bob, ann), 1):
        await make_message(app, member, chat_id, f"Message {number}")
    return chat_id


async def test_what_is_pinned_is_seen_by_all_the_latest_first(ann: Member, bob: Member, five: int) -> None:
    assert [await pin(ann, five, 2), await pin(bob, five, 1)] == [200, 200]
    assert await pins(ann, five) == await pins(bob, five) == [1, 2]
    (first, second) = await ann.read(f"/chats/{five}/pins")
    assert (first["by"]["username"], second["by"]["username"]) == ("bob", "ann")
    assert first["message"]["extras"] == {"pin": True}
    page = (await bob.get(f"/chats/{five}", headers=HTML)).text
    assert page.index("</header>") < page.index("<pin-banner") < page.index("<message-list")
    assert page.index('class="pin__link" href="/chats/') < page.index("Message 1") < page.index("Message 2")


@pytest.mark.parametrize(("duration", "days"), [("24h", 1), ("7d", 7), ("30d", 30), (None, 7)])
async def test_a_pin_has_an_end(ann: Member, five: int, duration: str | None, days: int) -> None:
    before = now()
    await ann.post(f"/chats/{five}/messages/1/pin", data={"duration": duration} if duration else {})
    (shown,) = await ann.read(f"/chats/{five}/pins")
    end = datetime.fromisoformat(shown["ends_at"])
    assert timedelta() <= end - before - timedelta(days=days) < timedelta(minutes=1)


async def test_a_line_tells_of_a_pin_with_a_link_and_none_of_its_end(
    app: Starlette, ann: Member, bob: Member, five: int
) -> None:
    await pin(ann, five, 2)
    assert (await bob.bodies(five))[-1] == "pinned"
    shown = (await bob.read(f"/chats/{five}/messages"))["messages"]
    link = f'href="/chats/{five}?at=2#message-{shown[1]["id"]}" data-chat="{five}" data-seq="2">a message</a>'
    assert link in (await bob.get(f"/chats/{five}")).text
    count = len(shown)
    assert await pin(bob, five, 2, "") == 200
    await pin(bob, five, 3)
    await let_pin_end(app, five, 3)
    await sweep(app)
    assert len(await bob.bodies(five)) == count + 1
    assert {each.extras for each in await rows(app, five)} == {""}


async def test_repeats_change_nothing_but_the_end(ann: Member, bob: Member, five: int) -> None:
    for duration in ("24h", "24h", "30d"):
        assert await pin(ann, five, 2, duration) == 200
    (shown,) = await bob.read(f"/chats/{five}/pins")
    assert datetime.fromisoformat(shown["ends_at"]) > now() + timedelta(days=29)
    assert (await bob.bodies(five)).count("pinned") == 1
    for word in ("", "unpin"):
        assert await pin(bob, five, 2, word) == 200
        assert await pins(ann, five) == []


async def test_other_durations_are_refused(ann: Member, five: int) -> None:
    for wrong in ("8d", "0", "x" * 9, "-1"):
        answer = await ann.post(f"/chats/{five}/messages/1/pin", data={"duration": wrong}, headers=JSON)
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["duration"])
    again = await ann.post(f"/chats/{five}/messages/1/pin", data={"duration": "8d"}, headers=HTMX)
    assert (again.status_code, 'role="alert"' in again.text) == (422, True)
    assert await pins(ann, five) == []


async def test_a_fourth_takes_the_place_of_the_oldest_when_that_is_said(ann: Member, bob: Member, five: int) -> None:
    for seq in (1, 2, 3):
        assert await pin(ann, five, seq) == 200
    path = f"/chats/{five}/messages/4/pin"
    for headers in (CURL, JSON):
        refused = await bob.post(path, data={"duration": "24h"}, headers=headers)
        assert (refused.status_code, "oldest" in refused.json()["detail"]) == (409, True)
    for answer in (await bob.get(path, headers=HTML), await bob.post(path, data={"duration": "24h"}, headers=HTML)):
        assert answer.status_code == (200 if answer.request.method == "GET" else 409)
        assert "takes down the oldest pin" in answer.text
        assert '<input type="hidden" name="replace" value="1">' in answer.text
    assert await pins(bob, five) == [3, 2, 1]
    assert await pin(bob, five, 3, "30d") == 200  # no fourth
    assert await pin(bob, five, 4, replace="1") == 200
    assert await pins(ann, five) == [4, 3, 2]
    assert [each["extras"] for each in (await ann.read(f"/chats/{five}/messages"))["messages"][:4]] == [
        {},
        *[{"pin": True}] * 3,
    ]
    assert 'name="replace"' not in (await bob.get(f"/chats/{five}/messages/4/pin", headers=HTML)).text


async def test_a_pin_that_has_ended_holds_no_place(app: Starlette, ann: Member, bob: Member, five: int) -> None:
    for seq in (1, 2, 3):
        await pin(ann, five, seq)
    await let_pin_end(app, five, 2)
    assert await pins(bob, five) == [3, 1]
    assert await pin(bob, five, 4) == 200
    assert await pin(bob, five, 2, replace="1") == 200
    assert await pins(bob, five) == [2, 4, 3]


@pytest.mark.parametrize("replaces", [{}, {"replace": "1"}])
async def test_two_at_once_are_never_four(
    app: Starlette, ann: Member, bob: Member, five: int, replaces: dict[str, str]
) -> None:
    for seq in (1, 2):
        await pin(ann, five, seq)
    ends = await asyncio.gather(pin(ann, five, 3, **replaces), pin(bob, five, 4, **replaces))
    assert sorted(ends) == ([200, 200] if replaces else [200, 409])
    assert len(await pins(ann, five)) == 3
    assert await count_of(app, "pins") == 3


async def test_the_same_twice_at_once_is_one_pin_and_one_line(ann: Member, bob: Member, five: int) -> None:
    path = f"/chats/{five}/messages/2/pin"
    assert statuses(await asyncio.gather(*[member.post(path) for member in (ann, bob) * 3])) == [200] * 6
    assert (await ann.bodies(five)).count("pinned") == 1


async def test_in_a_group_everybody_who_is_in_may_pin(app: Starlette, ann: Member, bob: Member, cara: Member) -> None:
    group = await make_group(app, ann, bob)
    seq = (await make_message(app, ann, group)).seq
    assert [await pin(member, group, seq) for member in (bob, cara)] == [200, 404]
    assert await pin(bob, group, 1) == 422  # a system line
    assert [await pin(member, group, 999) for member in (ann, cara)] == [404, 404]
    await bob.post(f"/groups/{group}/leave")
    assert await pin(bob, group, seq, "") == 403
    assert (await bob.get(f"/chats/{group}/messages/{seq}/pin", headers=JSON)).status_code == 403
    assert (await pins(bob, group), await pins(ann, group)) == ([], [seq])
    assert (await cara.get(f"/chats/{group}/pins", headers=JSON)).status_code == 404
    assert (await cara.get(f"/chats/{group}/pins/banner", headers=JSON)).status_code == 404


async def test_newcomers_see_no_pin_of_what_was_said_before_them(
    app: Starlette, ann: Member, bob: Member, cara: Member, bus: RecordingBus
) -> None:
    group = await make_group(app, ann, bob)
    before = (await make_message(app, ann, group, "Before her")).seq
    await pin(ann, group, before)
    await ann.post(f"/groups/{group}/members", data={"members": "cara"})
    after = (await make_message(app, ann, group, "With her")).seq
    bus.told.clear()
    await pin(bob, group, after)
    await pin(bob, group, before, "30d")
    assert (await pins(ann, group), await pins(cara, group)) == ([after, before], [after])
    assert "Before her" not in (await cara.get(f"/chats/{group}", headers=HTML)).text
    assert await pin(cara, group, before, "") == 404
    told = bus.signals(topics.chat(group), "chat.pins")
    assert told == [{"type": "chat.pins", "chat": group}] * 2


async def test_what_one_hid_or_cleared_is_gone_from_ones_own_banner(ann: Member, bob: Member, five: int) -> None:
    for seq in (1, 2):
        await pin(ann, five, seq)
    await bob.post(f"/chats/{five}/messages/1/hide")
    assert (await pins(bob, five), await pins(ann, five)) == ([2], [2, 1])
    await bob.post(f"/chats/{five}/clear")
    assert (await pins(bob, five), await pins(ann, five)) == ([], [2, 1])


async def test_a_deleted_message_is_pinned_no_more(
    app: Starlette, ann: Member, bob: Member, five: int, bus: RecordingBus
) -> None:
    await pin(bob, five, 1)
    bus.told.clear()
    await ann.post(f"/chats/{five}/messages/3/delete")
    assert bus.signals(topics.chat(five), "chat.pins") == []
    await ann.post(f"/chats/{five}/messages/1/delete")
    assert len(bus.signals(topics.chat(five), "chat.pins")) == 1
    assert (await pins(bob, five), await count_of(app, "pins")) == ([], 0)
    assert await pin(bob, five, 1) == 422
    assert "Pin" not in (await bob.get(f"/chats/{five}/messages/1/menu", headers=HTMX)).text


async def test_the_banner_says_what_an_edited_message_says(ann: Member, five: int, bus: RecordingBus) -> None:
    await pin(ann, five, 1)
    bus.told.clear()
    for seq in (1, 3):
        await ann.post(f"/chats/{five}/messages/{seq}/edit", data={"body": f"Other words {seq}"})
    assert len(bus.signals(topics.chat(five), "chat.pins")) == 1
    assert "Other words 1" in (await ann.get(f"/chats/{five}/pins/banner")).text


async def test_a_message_that_disappears_takes_its_pin_along(
    app: Starlette, ann: Member, bob: Member, five: int
) -> None:
    for seq in (1, 2, 3):
        await pin(ann, five, seq)
    await let_message_end(app, five, 2)
    assert await pins(bob, five) == [3, 1]
    assert await pin(bob, five, 4) == 200
    async with app.state.database.write() as work:
        ends = {"expires_at": now() + timedelta(hours=1)}
        await work.execute(update(Message).where(col(Message.seq) == 1).values(ends))
    banner = (await bob.get(f"/chats/{five}/pins/banner")).text
    soon = (now() + timedelta(hours=1)).isoformat()[:13]
    assert banner.count(f'data-expires="{soon}') == 1


async def test_the_sweep_clears_what_has_ended_and_tells_pages(
    app: Starlette, ann: Member, five: int, bus: RecordingBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "AT_ONCE", 1)
    for seq in (1, 2, 3):
        await pin(ann, five, seq)
    for seq in (1, 2):
        await let_pin_end(app, five, seq)
    await let_message_end(app, five, 2)
    known = await revision_of(app, ann, five)
    bus.told.clear()
    await sweep(app)
    assert await count_of(app, "pins") == 1
    assert len(bus.signals(topics.chat(five), "chat.pins")) == 2
    (changed,) = bus.html(topics.chat(five))
    assert 'data-seq="1"' in changed
    assert "pin-mark" not in changed
    missed = await ann.get(f"/chats/{five}/messages", params={"since": known})
    assert int(missed.headers["x-revision"]) == known + 1
    assert [each["extras"] for each in (await ann.read(f"/chats/{five}/messages"))["messages"][:2]] == [
        {},
        {"pin": True},
    ]
    bus.told.clear()
    await sweep(app)
    assert bus.told == []


async def test_a_pin_that_was_made_longer_meanwhile_is_not_swept(app: Starlette, ann: Member, five: int) -> None:
    await pin(ann, five, 1)
    async with app.state.database.write() as work:
        await service.end(work, five, [1])
    assert await pins(ann, five) == [1]


async def test_pages_that_were_away_learn_that_something_changed(app: Starlette, ann: Member, five: int) -> None:
    known = await revision_of(app, ann, five)
    for change in (pin(ann, five, 2), pin(ann, five, 2, "30d"), pin(ann, five, 2, "")):
        assert await change == 200
        after = await revision_of(app, ann, five)
        assert after > known
        known = after


async def test_the_signal_comes_before_the_revision_that_contains_it(
    ann: Member, five: int, bus: RecordingBus
) -> None:
    await pin(ann, five, 2)
    for duration in ("7d", "30d", ""):
        bus.told.clear()
        await pin(ann, five, 1 if duration else 2, duration)
        first, *rest = bus.frames(topics.chat(five))
        assert "chat.pins" in first
        assert any("data-revision" in each for each in rest)


async def test_hostile_text_is_text(ann: Member, bob: Member, app: Starlette) -> None:
    group = await make_group(app, ann, bob)
    seq = (await make_message(app, ann, group, HOSTILE)).seq
    await pin(bob, group, seq)
    for path in (f"/chats/{group}/pins/banner", f"/chats/{group}/pins", f"/chats/{group}"):
        shown = (await bob.get(path, headers=HTML)).text
        assert "&lt;img src=x" in shown
        assert "<img src=x" not in shown
        assert '<b hx-get="' not in shown


async def test_other_kinds_are_told_of_as_in_the_list(ann: Member, bob: Member, chat_id: int) -> None:
    await ask(ann, chat_id)
    await pin(bob, chat_id, 1)
    banner = (await ann.get(f"/chats/{chat_id}/pins/banner")).text
    assert "chart-bar-decreasing" in banner
    assert "Where to?" in banner


async def test_the_menu_offers_the_one_or_the_other(ann: Member, bob: Member, five: int) -> None:
    menu = f"/chats/{five}/messages/2/menu"
    shown = (await bob.get(menu, headers=HTMX)).text
    assert f'href="/chats/{five}/messages/2/pin"' in shown
    await pin(ann, five, 2)
    shown = (await bob.get(menu, headers=HTMX)).text
    assert ("Unpin" in shown, f'href="/chats/{five}/messages/2/pin"' in shown) == (True, False)
    assert (await bob.read(menu))["may_pin"] is True


async def test_without_scripts_one_comes_back_to_the_message(ann: Member, five: int) -> None:
    form = (await ann.get(f"/chats/{five}/messages/2/pin", headers=HTML)).text
    assert 'value="7d" checked' in form
    answer = await ann.post(f"/chats/{five}/messages/2/pin", data={"duration": "7d"}, headers=HTML)
    id_ = (await ann.read(f"/chats/{five}/messages"))["messages"][1]["id"]
    assert (answer.status_code, answer.headers["location"]) == (303, f"/chats/{five}?at=2#message-{id_}")
    listed = (await ann.get(f"/chats/{five}/pins", headers=HTML)).text
    assert "Message 2" in listed
    assert "Unpin" in listed


async def test_a_forwarded_message_is_not_pinned_there(
    app: Starlette, ann: Member, bob: Member, cara: Member, five: int
) -> None:
    other = await make_chat(app, ann, cara)
    await pin(ann, five, 2)
    await ann.post(f"/chats/{five}/messages/2/forward", data={"chats": str(other)})
    assert await pins(cara, other) == []
    (sent,) = (await cara.read(f"/chats/{other}/messages"))["messages"]
    assert "pin" not in sent["extras"]


async def test_a_chat_without_pins_is_asked_once_and_a_full_one_no_more_for_many(
    app: Starlette, ann: Member, bob: Member, cara: Member
) -> None:
    async def count(group: int) -> list[Any]:
        with statements(app) as sent:
            assert (await ann.get(f"/chats/{group}", headers=HTMX)).status_code == 200
        return sent

    group = await make_group(app, ann, bob, cara)
    await make_messages(app, bob, group, 60)
    assert len([each for each in await count(group) if "pins" in each]) == 1
    await pin(ann, group, 3)
    one = len(await count(group))
    for member, seq in ((bob, 4), (cara, 5)):
        await pin(member, group, seq)
    assert len(await count(group)) <= one
