"""Bubbles that were rendered before: none is shown that is not what it would be now."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette

from app.templates import Kept
from tests.make import HTML, JSON, Member, make_chat, make_group, make_message


async def shown(member: Member, chat_id: int) -> str:
    return (await member.get(f"/chats/{chat_id}", headers=HTML)).text.partition("<message-list")[2]


async def test_it_is_not_rendered_twice(
    app: Starlette, ann: Member, bob: Member, chat_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_message(app, ann, chat_id, "Hello")
    first = await shown(ann, chat_id)
    monkeypatch.setattr("app.messages.bubbles.emoji_count", None)
    assert "Hello" in first
    assert "Hello" in await shown(bob, chat_id)


async def test_a_new_name_is_shown_wherever_the_old_one_was(app: Starlette, ann: Member, bob: Member) -> None:
    group = await make_group(app, ann, bob)
    await make_message(app, bob, group, "Hello")
    before = await shown(ann, group)
    assert (before.count(">Bob<"), before.count(">Ann<")) == (
        2,
        3,
    )  # who spoke and was added; who did both, and the reader
    await bob.post("/you/edit", data={"display_name": "Zoe", "about": ""}, headers=JSON)
    after = await shown(ann, group)
    assert (after.count(">Zoe<"), after.count(">Bob<"), after.count(">Ann<")) == (2, 0, 3)


async def test_a_change_is_shown_and_the_same_number_elsewhere_is_another_message(
    app: Starlette, ann: Member, bob: Member, cara: Member, chat_id: int
) -> None:
    other = await make_chat(app, ann, cara)
    await make_message(app, ann, chat_id, "For Bob")
    await make_message(app, ann, other, "For Cara")
    assert "For Bob" in await shown(ann, chat_id)
    assert "For Bob" not in await shown(ann, other)
    await ann.post(f"/chats/{chat_id}/messages/1/edit", data={"body": "Changed"})
    after = await shown(bob, chat_id)
    assert "Changed" in after
    assert "For Bob" not in after
    await ann.post(f"/chats/{chat_id}/messages/1/delete")
    assert "Changed" not in await shown(bob, chat_id)


def test_what_was_not_used_for_long_makes_room() -> None:
    kept = Kept(3500)
    for key in "abc":
        kept.put(key, key * 1000)
    kept.get("a")
    kept.put("d", "d" * 1000)
    assert [key for key in "abcd" if kept.get(key)] == ["a", "c", "d"]
    kept.put("e", "e" * 9000)
    assert [key for key in "abcde" if kept.get(key)] == []
