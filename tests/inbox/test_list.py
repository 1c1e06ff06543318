"""The list of chats: latest first, with preview and unread count, filtered, searched, and not sent twice."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette

from tests.make import CURL, HTML, HTMX, JSON, Member, make_chat, make_group, make_message, make_messages


@pytest.fixture
async def group(app: Starlette, ann: Member, bob: Member, cara: Member) -> int:
    return await make_group(app, ann, bob, cara, name="Book club")


@pytest.fixture
async def direct(app: Starlette, group: int, ann: Member, bob: Member) -> int:
    """The direct chat of Ann and Bob, younger than the group, with two messages of Ann's."""
    chat_id = await make_chat(app, ann, bob)
    for body in ("Hello Bob", "*Really*\nlong"):
        await make_message(app, ann, chat_id, body)
    return chat_id


async def rows(member: Member, **query: str) -> dict[int, Any]:
    return {row["id"]: row for row in (await member.read("/chats", **query))["chats"]}


async def test_the_latest_is_first(app: Starlette, ann: Member, group: int, direct: int) -> None:
    assert list(await rows(ann)) == [direct, group]
    await make_message(app, ann, group)
    assert list(await rows(ann)) == [group, direct]


async def test_reading_typing_and_editing_move_nothing(
    app: Starlette, ann: Member, bob: Member, group: int, direct: int
) -> None:
    seq = (await make_message(app, ann, group)).seq
    await ann.post(f"/chats/{direct}/messages/1/edit", data={"body": "Hi"})
    await bob.post(f"/chats/{direct}/read")
    await bob.post(f"/chats/{direct}/messages/1/hide")
    assert list(await rows(bob)) == list(await rows(ann)) == [group, direct]
    assert seq == 3


async def test_the_preview_is_one_line_without_marks(bob: Member, direct: int) -> None:
    last = (await rows(bob))[direct]["last"]
    assert (last["sender"], last["preview"], last["seq"]) == ("Ann", "Really long", 2)


async def test_the_preview_of_a_tombstone_says_what_it_is(ann: Member, bob: Member, group: int, direct: int) -> None:
    options = {"question": "Tea?", "options": ["Yes", "No"]}
    seq = (await ann.post(f"/chats/{group}/polls", data=options, headers=JSON)).json()["seq"]
    for chat_id, gone in ((group, seq), (direct, 2)):
        await ann.post(f"/chats/{chat_id}/messages/{gone}/delete")
        assert (await rows(bob))[chat_id]["last"]["preview"] == "This message was deleted"
        row = (await bob.get(f"/chats/{chat_id}/row", headers=HTML)).text
        assert 'data-tone="deleted"' in row
        assert ">This message was deleted</span>" in row


async def test_a_group_names_the_sender_a_direct_chat_does_not(
    app: Starlette, ann: Member, bob: Member, group: int, direct: int
) -> None:
    await make_message(app, ann, group, "To all")
    for chat_id, named in ((group, True), (direct, False)):
        row = (await bob.get(f"/chats/{chat_id}/row", headers=HTMX)).text
        assert ('class="row__sender"' in row) is named


async def test_the_preview_of_a_system_line(bob: Member, group: int) -> None:
    row = (await bob.get(f"/chats/{group}/row", headers=HTMX)).text
    assert "added" in row
    assert 'data-tone="note"' in row


async def test_unread_are_the_messages_of_others(ann: Member, bob: Member, group: int, direct: int) -> None:
    assert {id_: row["unread"] for id_, row in (await rows(bob)).items()} == {direct: 2, group: 0}
    assert {row["unread"] for row in (await rows(ann)).values()} == {0}
    assert (await bob.read("/chats"))["unread_chats"] == 1


async def test_unread_stops_counting_at_a_thousand(app: Starlette, ann: Member, bob: Member, direct: int) -> None:
    await make_messages(app, ann, direct, 1100)
    assert (await rows(bob))[direct]["unread"] == 1000
    assert '<unread-badge class="badge">999+</unread-badge>' in (await bob.get("/chats", headers=HTMX)).text


async def test_a_stay_in_one_chat_says_nothing_about_another(
    app: Starlette, ann: Member, bob: Member, group: int
) -> None:
    """Bob may see the group from 1 on, the other one from its line 5 on only."""
    late = await make_group(app, ann)
    for body in ("one", "two", "three"):
        await make_message(app, ann, late, body)
    await ann.post(f"/groups/{late}/members", data={"members": "bob"})
    await make_message(app, ann, late, "Welcome")
    await ann.post(f"/groups/{late}/members/{bob.id}/remove")
    await make_message(app, ann, late, "He is gone")
    row = (await rows(bob))[late]
    assert (row["unread"], row["last"]["seq"]) == (1, 7)


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ({"filter": "all"}, ["direct", "group"]),
        ({"filter": "unread"}, ["direct"]),
        ({"filter": "groups"}, ["group"]),
        ({"filter": "nonsense"}, ["direct", "group"]),
        ({"q": "BOOK"}, ["group"]),
        ({"q": "ann"}, ["direct"]),
        ({"q": "nothing like it"}, []),
        ({"q": "%"}, []),
    ],
)
async def test_filters(bob: Member, group: int, direct: int, query: dict[str, str], kept: list[str]) -> None:
    names = {direct: "direct", group: "group"}
    assert [names[id_] for id_ in await rows(bob, **query)] == kept


async def test_the_search_finds_people_too(bob: Member, cara: Member, group: int) -> None:
    for query, found in (("car", True), ("bob", False), ("", False)):
        page = (await bob.get("/chats", params={"q": query}, headers=HTMX)).text
        assert (">@cara<" in page) is found
        assert "@bob<" not in page


async def test_an_unchanged_list_is_not_sent_again(ann: Member, bob: Member, direct: int) -> None:
    first = await bob.get("/chats", headers=HTMX)
    condition = {**HTMX, "if-none-match": first.headers["etag"]}
    again = await bob.get("/chats", headers=condition)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    await ann.say(direct, "News")
    assert (await bob.get("/chats", headers=condition)).status_code == 200


async def test_the_list_of_another_has_another_tag(ann: Member, bob: Member, direct: int) -> None:
    tags = [(await member.get("/chats", headers=HTMX)).headers["etag"] for member in (ann, bob)]
    assert tags[0] != tags[1]


async def test_programs_and_pages_have_different_tags(ann: Member, direct: int) -> None:
    tags = {(await ann.get("/chats", headers=headers)).headers["etag"] for headers in (JSON, HTMX)}
    assert len(tags) == 2


async def test_one_row(bob: Member, group: int, direct: int) -> None:
    row = await bob.get(f"/chats/{direct}/row", headers=HTMX)
    assert row.text.lstrip().startswith(f'<li class="row" id="chat-{direct}"')
    assert row.text in (await bob.get("/chats", headers=HTMX)).text


async def test_a_row_of_strangers_is_absent(app: Starlette, cara: Member, direct: int) -> None:
    assert (await cara.get(f"/chats/{direct}/row")).status_code == 404


async def test_nobody_sees_the_chats_of_others(cara: Member, group: int, direct: int) -> None:
    assert list(await rows(cara)) == [group]


async def test_a_page_has_the_list_beside_what_is_open(bob: Member, group: int, direct: int) -> None:
    page = (await bob.get(f"/chats/{direct}", headers=HTML)).text
    assert page.count('<li class="row"') == 2
    assert page.count('aria-current="page"') == 1


async def test_an_empty_list_says_what_to_do(app: Starlette, cara: Member) -> None:
    for path, headers in (("/", HTML), ("/chats", HTMX), ("/", CURL)):
        response = await cara.get(path, headers=headers)
        assert response.status_code == 200
        assert '<li class="row"' not in response.text


async def test_curl_gets_the_list_at_the_door(bob: Member, group: int) -> None:
    assert f'id="chat-{group}"' in (await bob.get("/", headers=CURL)).text


async def test_ticks_of_the_preview(app: Starlette, ann: Member, bob: Member, direct: int) -> None:
    async def tick() -> str:
        row = (await ann.get(f"/chats/{direct}/row", headers=HTMX)).text
        return row.split('data-tick="')[1].split('"')[0]

    assert await tick() == "sent"
    await bob.post(f"/chats/{direct}/read")
    assert await tick() == "read"
