"""Who is named hears of it also in a chat that they keep quiet."""

from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.applications import Starlette

from tests.make import HTMX, Member, make_group


@pytest.fixture
async def group(app: Starlette, ann: Member, bob: Member) -> int:
    """Ann's, read by Bob."""
    group = await make_group(app, ann, bob)
    await bob.post(f"/chats/{group}/read")
    return group


async def calling(member: Member) -> int:
    return int((await member.read("/chats"))["unread_chats"])


async def row(member: Member, chat_id: int) -> str:
    return (await member.get(f"/chats/{chat_id}/row", headers=HTMX)).text


async def line(member: Member) -> dict[str, Any]:
    """The line that leads to the archive."""
    html = (await member.get("/chats", headers=HTMX)).text.split('id="archive"')[1].split("</a>")[0]
    found = dict(re.findall(r'data-(\w+)="([^"]*)"', html))
    found["at"] = 'class="archive__mention">' in html
    return found | {"badge": re.findall(r'class="badge">(\d*)<', html)[0]}


async def test_a_muted_chat_calls_who_is_named(ann: Member, bob: Member, group: int) -> None:
    await bob.post(f"/chats/{group}/mute", data={"for": "always"})
    await ann.say(group, "Anybody")
    assert await calling(bob) == 0
    await ann.say(group, "@bob")
    assert await calling(bob) == 1
    shown = await row(bob, group)
    assert all(sign in shown for sign in (" data-mentioned", " data-muted=", "You were mentioned. "))


async def test_a_muted_chat_calls_who_is_answered_until_it_is_read(ann: Member, bob: Member, group: int) -> None:
    await bob.say(group, "Who comes?")
    await bob.post(f"/chats/{group}/mute", data={"for": "always"})
    mine = (await bob.read(f"/chats/{group}/messages"))["messages"][-1]["seq"]
    await ann.say(group, "Anybody")
    await ann.say(group, "To myself", reply_to=mine + 1)
    assert await calling(bob) == 0
    await ann.say(group, "I do", reply_to=mine)
    assert await calling(bob) == 1
    shown = await row(bob, group)
    assert (" data-replied" in shown, " data-mentioned" in shown) == (True, False)
    await bob.post(f"/chats/{group}/read")
    assert await calling(bob) == 0


async def test_an_answer_that_was_deleted_calls_nobody(ann: Member, bob: Member, group: int) -> None:
    await bob.say(group, "Who comes?")
    await bob.post(f"/chats/{group}/mute", data={"for": "always"})
    mine = (await bob.read(f"/chats/{group}/messages"))["messages"][-1]["seq"]
    await ann.say(group, "I do", reply_to=mine)
    await ann.post(f"/chats/{group}/messages/{mine + 1}/delete")
    assert await calling(bob) == 0
