"""Stars: private marks on messages, with a list of a chat's and one of all."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette

from app.realtime import topics
from tests.conftest import RecordingBus
from tests.make import HTML, HTMX, JSON, Member, make_chat, make_group, make_message


async def bodies(member: Member, path: str = "/starred") -> list[str]:
    return [each["message"]["body"] for each in await member.read(path)]


async def star(member: Member, chat_id: int, seq: int, on: str = "1") -> int:
    path = f"/chats/{chat_id}/messages/{seq}/star"
    return (await member.post(path, data={"on": on}, headers=JSON)).status_code


async def test_what_is_starred_is_found_again_the_last_first(
    app: Starlette, ann: Member, bob: Member, cara: Member, chat_id: int
) -> None:
    other = await make_chat(app, ann, cara)
    for chat, sender, body in ((chat_id, bob, "One"), (other, cara, "Two"), (chat_id, ann, "Three")):
        message = await make_message(app, sender, chat, body)
        assert await star(ann, chat, message.seq) == 200
    assert await bodies(ann) == ["Three", "Two", "One"]
    assert await bodies(ann, f"/chats/{chat_id}/starred") == ["Three", "One"]
    assert await bodies(bob) == []


async def test_a_star_can_be_taken_away_and_neither_is_done_twice(
    app: Starlette, ann: Member, bob: Member, chat_id: int
) -> None:
    seq = (await make_message(app, bob, chat_id)).seq
    for on, left in (("1", ["Hello"]), ("1", ["Hello"]), ("0", []), ("0", [])):
        assert await star(ann, chat_id, seq, on) == 200
        assert await bodies(ann) == left


async def test_the_menu_offers_what_can_be_done(app: Starlette, ann: Member, bob: Member, chat_id: int) -> None:
    seq = (await make_message(app, bob, chat_id)).seq
    menu = f"/chats/{chat_id}/messages/{seq}/menu"
    assert "Remove star" not in (await ann.get(menu, headers=HTML)).text
    await star(ann, chat_id, seq)
    assert "Remove star" in (await ann.get(menu, headers=HTML)).text
    assert "Remove star" not in (await bob.get(menu, headers=HTML)).text
    assert (await ann.read(menu))["may_star"] is True


async def test_only_ones_own_pages_hear_of_it(
    app: Starlette, bus: RecordingBus, ann: Member, bob: Member, chat_id: int
) -> None:
    seq = (await make_message(app, bob, chat_id)).seq
    bus.told.clear()
    await star(ann, chat_id, seq)
    assert bus.signals(topics.user(ann.id), "chat.starred") == [
        {"type": "chat.starred", "chat": chat_id, "seqs": [seq], "on": True}
    ]
    assert {each.topic for each in bus.told} == {topics.user(ann.id)}


async def test_strangers_find_nothing_to_star(app: Starlette, ann: Member, cara: Member, chat_id: int) -> None:
    seq = (await make_message(app, ann, chat_id)).seq
    assert await star(cara, chat_id, seq) == 404
    assert await star(ann, chat_id, 999) == 404
    assert (await cara.get(f"/chats/{chat_id}/starred", headers=JSON)).status_code == 404


async def test_system_lines_and_deleted_messages_take_no_star(
    app: Starlette, ann: Member, bob: Member, chat_id: int
) -> None:
    group = await make_group(app, ann, bob)
    assert await star(bob, group, 2) == 422
    seq = (await make_message(app, ann, chat_id)).seq
    await star(bob, chat_id, seq)
    await ann.post(f"/chats/{chat_id}/messages/{seq}/delete")
    assert await bodies(bob) == []
    assert await star(bob, chat_id, seq) == 422


async def test_what_one_may_not_see_any_more_is_not_listed(
    app: Starlette, ann: Member, bob: Member, chat_id: int
) -> None:
    seq = (await make_message(app, bob, chat_id)).seq
    await star(ann, chat_id, seq)
    await ann.post(f"/chats/{chat_id}/messages/{seq}/hide")
    assert await bodies(ann) == []


async def test_long_lists_have_pages(
    app: Starlette, ann: Member, bob: Member, chat_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.stars.service.PAGE", 2)
    for number in range(5):
        await star(ann, chat_id, (await make_message(app, bob, chat_id, str(number))).seq)
    seen: list[str] = []
    before = ""
    while page := await ann.read("/starred", before=before):
        seen += [each["message"]["body"] for each in page]
        before = page[-1]["starred_at"]
    assert seen == ["4", "3", "2", "1", "0"]
    assert "Older ones" in (await ann.get("/starred", headers=HTML)).text
    for wrong in ("yesterday", "2026-01-01"):
        assert (await ann.get("/starred", params={"before": wrong}, headers=JSON)).status_code == 422


async def test_a_page_knows_which_of_its_messages_are_starred(
    app: Starlette, ann: Member, bob: Member, chat_id: int
) -> None:
    seqs = [(await make_message(app, bob, chat_id)).seq for _ in range(3)]
    for seq in seqs[1:]:
        await star(ann, chat_id, seq)
    page = (await ann.get(f"/chats/{chat_id}", headers=HTMX)).text
    assert f'data-seqs="{seqs[2]} {seqs[1]}"' in page
    assert 'data-seqs=""' in (await bob.get(f"/chats/{chat_id}", headers=HTMX)).text


async def test_without_scripts_one_comes_back_to_the_message(
    app: Starlette, ann: Member, bob: Member, chat_id: int
) -> None:
    message = await make_message(app, bob, chat_id, "<b>Keep</b> this")
    seq = message.seq
    for on in ("0", "1"):
        answer = await ann.post(f"/chats/{chat_id}/messages/{seq}/star", data={"on": on}, headers=HTML)
        place = f"/chats/{chat_id}?at={seq}#message-{message.id}"
        assert (answer.status_code, answer.headers["location"]) == (303, place)
    listed = (await ann.get("/starred", headers=HTML)).text
    assert "&lt;b&gt;Keep&lt;/b&gt; this" in listed
    assert f"/chats/{chat_id}?at={seq}#message-" in listed
