"""What changed since a revision: the answer brings a page that missed it to the same state as a fresh load."""

from __future__ import annotations

import httpx
import pytest
from starlette.applications import Starlette

from tests.make import HTMX, Member, make_group, make_message, make_messages, seqs


async def since(member: Member, chat_id: int, revision: int, lowest: int = 0) -> httpx.Response:
    query = {"since": revision, "from": lowest}
    response = await member.get(f"/chats/{chat_id}/messages", params=query, headers=HTMX)
    assert response.status_code == 200
    return response


@pytest.fixture
async def three(app: Starlette, ann: Member, bob: Member, chat_id: int) -> int:
    for body in ("one", "two", "three"):
        await make_message(app, ann, chat_id, body)
    return chat_id


async def act(member: Member, chat_id: int, seq: int, verb: str, **fields: str) -> httpx.Response:
    response = await member.post(f"/chats/{chat_id}/messages/{seq}/{verb}", data=fields)
    assert response.status_code == 200, response.text
    return response


async def test_nothing_changed(bob: Member, three: int) -> None:
    response = await since(bob, three, 3)
    assert response.text == ""
    assert response.headers["x-revision"] == "3"
    assert "x-reload" not in response.headers


async def test_new_messages(bob: Member, three: int) -> None:
    response = await since(bob, three, 1)
    assert seqs(response.text) == [2, 3]
    assert response.headers["x-revision"] == "3"


async def test_how_far_the_others_came_is_told_along(ann: Member, bob: Member, three: int) -> None:
    await bob.post(f"/chats/{three}/read", data={"seq": "2"})
    headers = (await since(ann, three, 3)).headers
    assert (headers["x-delivered"], headers["x-read"]) == ("2", "2")


async def test_an_edit_comes_as_the_bubble_is_now(ann: Member, bob: Member, three: int) -> None:
    edited = await act(ann, three, 1, "edit", body="uno")
    response = await since(bob, three, 3)
    assert response.text == edited.text
    assert response.headers["x-revision"] == "4"


async def test_a_deletion_comes_as_a_tombstone(ann: Member, bob: Member, three: int) -> None:
    await act(ann, three, 2, "delete")
    response = await since(bob, three, 3)
    assert seqs(response.text) == [2]
    assert "data-deleted" in response.text
    assert "two" not in response.text


async def test_what_i_hid_is_named_as_gone(bob: Member, three: int) -> None:
    page = (await since(bob, three, 0)).text
    id_ = page.split('data-seq="2"')[0].rsplit('id="', 1)[1].split('"')[0]
    await act(bob, three, 2, "hide")
    response = await since(bob, three, 3)
    assert response.text == f'<li id="{id_}" data-gone></li>'


async def test_what_is_gone_is_said_once(ann: Member, bob: Member, three: int) -> None:
    await act(bob, three, 2, "hide")
    await act(ann, three, 1, "edit", body="uno")
    assert "data-gone" not in (await since(bob, three, 4)).text


async def test_what_others_hid_is_not_my_business(ann: Member, bob: Member, three: int) -> None:
    await act(bob, three, 2, "hide")
    response = await since(ann, three, 3)
    assert response.text == ""
    assert response.headers["x-revision"] == "4"  # known, or the hole would be asked for again and again


async def test_after_the_answer_there_is_nothing_more(ann: Member, bob: Member, three: int) -> None:
    await act(ann, three, 1, "edit", body="uno")
    await act(bob, three, 2, "hide")
    known = int((await since(bob, three, 1)).headers["x-revision"])
    again = await since(bob, three, known)
    assert (again.text, again.headers["x-revision"]) == ("", str(known))


async def test_only_what_lies_in_the_window(ann: Member, bob: Member, three: int) -> None:
    await act(ann, three, 1, "edit", body="uno")
    await act(ann, three, 3, "edit", body="tre")
    assert seqs((await since(bob, three, 3, lowest=2)).text) == [3]


async def test_two_hundred_changes_come(app: Starlette, ann: Member, bob: Member, chat_id: int) -> None:
    await make_messages(app, ann, chat_id, 200)
    response = await since(bob, chat_id, 0)
    assert len(seqs(response.text)) == 200
    assert "x-reload" not in response.headers


async def test_more_ask_for_a_fresh_load(app: Starlette, ann: Member, bob: Member, chat_id: int) -> None:
    await make_messages(app, ann, chat_id, 201)
    response = await since(bob, chat_id, 0)
    assert (response.text, response.headers["x-reload"]) == ("", "1")


async def test_a_changed_stay_asks_for_a_fresh_load(app: Starlette, ann: Member, bob: Member, cara: Member) -> None:
    group = await make_group(app, ann, bob, cara)  # 1 created, 2 added
    await ann.post(f"/groups/{group}/members/{bob.id}/remove")
    assert (await since(bob, group, 2)).headers["x-reload"] == "1"
    assert "x-reload" not in (await since(cara, group, 2)).headers


async def test_programs_get_the_same(ann: Member, bob: Member, three: int) -> None:
    await act(ann, three, 2, "delete")
    data = await bob.read(f"/chats/{three}/messages", since=1)
    assert [(each["seq"], each["deleted"]) for each in data["messages"]] == [(2, True), (3, False)]
    assert (data["revision"], data["gone"], data["reload"]) == (4, [], False)


async def test_strangers_learn_nothing(cara: Member, three: int) -> None:
    assert (await cara.get(f"/chats/{three}/messages?since=0")).status_code == 404
