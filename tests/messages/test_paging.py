"""Reading a chat: newest first, older and newer stretches, and the neighbourhood of a permalink."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette

from tests.make import HTML, HTMX, JSON, Member, make_messages, seqs

PAGE = 50


@pytest.fixture
async def long(app: Starlette, ann: Member, chat_id: int) -> int:
    """The chat after 120 messages, the numbers 1 to 120."""
    await make_messages(app, ann, chat_id, 120)
    return chat_id


async def stretch(member: Member, chat_id: int, **query: int) -> tuple[int, int, bool, bool]:
    """First and last seq of a stretch without gaps, and whether there is more before and after."""
    data = await member.read(f"/chats/{chat_id}/messages", **query)
    numbers = [each["seq"] for each in data["messages"]]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    return numbers[0], numbers[-1], data["has_older"], data["has_newer"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, (71, 120, True, False)),
        ({"before": 71}, (21, 70, True, True)),
        ({"before": 21}, (1, 20, False, True)),
        ({"before": 51}, (1, 50, False, True)),
        ({"before": 1000}, (71, 120, True, False)),
        ({"after": 0}, (1, 50, False, True)),
        ({"after": 20}, (21, 70, True, True)),
        ({"after": 70}, (71, 120, True, False)),
        ({"around": 60}, (20, 100, True, True)),
        ({"around": 1}, (1, 41, False, True)),
        ({"around": 120}, (80, 120, True, False)),
        ({"limit": 7}, (114, 120, True, False)),
        ({"before": 71, "limit": 1}, (70, 70, True, True)),
        ({"after": 20, "limit": 1000}, (21, 120, True, False)),
        ({"limit": 1000}, (1, 120, False, False)),
    ],
)
async def test_a_stretch(ann: Member, long: int, query: dict[str, int], expected: Any) -> None:
    assert await stretch(ann, long, **query) == expected


async def test_a_stretch_is_never_longer_than_200(app: Starlette, ann: Member, chat_id: int) -> None:
    await make_messages(app, ann, chat_id, 300)
    assert await stretch(ann, chat_id, limit=1000) == (101, 300, True, False)


async def test_all_pages_together_are_the_chat(ann: Member, long: int) -> None:
    seen: list[int] = []
    query: dict[str, int] = {}
    while True:
        data = await ann.read(f"/chats/{long}/messages", **query)
        seen = [each["seq"] for each in data["messages"]] + seen
        if not data["has_older"]:
            break
        query = {"before": seen[0]}
    assert seen == list(range(1, 121))


async def test_scripts_get_the_items_alone_and_what_there_is_more(ann: Member, long: int) -> None:
    response = await ann.get(f"/chats/{long}/messages", params={"before": 21}, headers=HTMX)
    assert seqs(response.text) == list(range(1, 21))
    assert "<html" not in response.text
    headers = [response.headers[name] for name in ("x-has-older", "x-has-newer", "x-revision")]
    assert headers == ["0", "1", "120"]


async def test_the_page_holds_the_newest(ann: Member, long: int) -> None:
    page = (await ann.get(f"/chats/{long}", headers=HTML)).text
    assert seqs(page) == list(range(71, 121))
    assert f'id="chat-{long}-messages"' in page
    assert f'href="/chats/{long}?before=71"' in page


async def test_a_page_of_the_past_has_another_name(ann: Member, long: int) -> None:
    """Frames with new messages pass it by."""
    page = (await ann.get(f"/chats/{long}", params={"before": 71}, headers=HTML)).text
    assert f'id="chat-{long}-messages"' not in page
    assert "data-newest" not in page
    assert f'href="/chats/{long}?after=70"' in page


async def test_a_permalink_opens_around_its_message(ann: Member, long: int) -> None:
    page = (await ann.get(f"/chats/{long}", params={"at": 60}, headers=HTML)).text
    assert seqs(page) == list(range(20, 101))
    assert 'data-focus="60"' in page


async def test_a_permalink_is_nothing_to_strangers(cara: Member, long: int) -> None:
    there = await cara.get(f"/chats/{long}", params={"at": 60}, headers=HTML)
    nowhere = await cara.get("/chats/999", params={"at": 60}, headers=HTML)
    assert there.status_code == nowhere.status_code == 404


async def test_with_much_unread_the_chat_opens_there(bob: Member, long: int) -> None:
    page = (await bob.get(f"/chats/{long}", headers=HTML)).text
    assert seqs(page)[0] == 1
    assert "120 unread messages" in page
    assert page.index('id="unread"') < page.index('data-seq="1"')


async def test_the_divider_stands_before_the_first_unread(bob: Member, long: int) -> None:
    await bob.post(f"/chats/{long}/read", data={"seq": "118"})
    page = (await bob.get(f"/chats/{long}", headers=HTML)).text
    assert "2 unread messages" in page
    assert page.index('data-seq="118"') < page.index('id="unread"') < page.index('data-seq="119"')


async def test_an_empty_chat_is_empty(ann: Member, chat_id: int) -> None:
    data = await ann.read(f"/chats/{chat_id}/messages")
    assert (data["messages"], data["has_older"], data["has_newer"]) == ([], False, False)


@pytest.mark.parametrize("query", ["before=x", "after=-1", "around=1e3", "since=", "limit=x", "before=" + "9" * 30])
async def test_what_is_no_number_is_refused(ann: Member, chat_id: int, query: str) -> None:
    response = await ann.get(f"/chats/{chat_id}/messages?{query}", headers=JSON)
    assert response.status_code == (200 if query == "since=" else 422)


async def test_a_chat_of_any_number_is_just_absent(ann: Member) -> None:
    for number in ("0", "999", "9" * 25, "9" * 5000):
        assert (await ann.get(f"/chats/{number}")).status_code == 404
