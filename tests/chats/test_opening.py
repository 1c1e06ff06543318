"""Opening a direct chat: one per pair, one with oneself, seen by the other from the first message on."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from starlette.applications import Starlette

from app.realtime import topics
from tests.conftest import RecordingBus
from tests.make import HTML, HTMX, JSON, Client, Member, location, make_chat, statuses


async def open_chat(member: Client, username: str, **headers: str) -> httpx.Response:
    return await member.post("/chats", data={"username": username}, headers=headers)


async def test_a_new_chat_is_created_and_named(ann: Member, bob: Member) -> None:
    response = await open_chat(ann, "bob")
    assert response.status_code == 201
    assert (await ann.get(response.headers["location"])).status_code == 200
    assert f'id="chat-{location(response)}"' in response.text


@pytest.mark.parametrize("name", ["bob", "BOB", "@bob", " bob "])
async def test_it_exists_from_then_on(ann: Member, bob: Member, name: str) -> None:
    first = await open_chat(ann, "bob")
    again = await open_chat(ann, name)
    assert again.status_code == 200
    assert location(again) == location(first)


async def test_it_is_the_same_from_the_other_side(ann: Member, bob: Member) -> None:
    assert location(await open_chat(ann, "bob")) == location(await open_chat(bob, "ann"))


async def test_twenty_at_once_open_one(ann: Member, bob: Member) -> None:
    asked = [open_chat(ann, "bob") if n % 2 else open_chat(bob, "ann") for n in range(20)]
    answers = await asyncio.gather(*asked)
    assert statuses(answers) == [200] * 19 + [201]
    assert len({location(answer) for answer in answers}) == 1


async def test_with_oneself(ann: Member) -> None:
    response = await open_chat(ann, "ann", **JSON)
    assert (response.status_code, response.json()["kind"]) == (201, "self")
    chat_id = location(response)
    await ann.say(chat_id, "Milk")
    assert (await ann.bodies(chat_id), (await ann.read("/chats"))["chats"][0]["unread"]) == (["Milk"], 0)
    assert (await open_chat(ann, "ann")).status_code == 200


async def test_nobody_else_sees_it(ann: Member, cara: Member) -> None:
    chat_id = location(await open_chat(ann, "ann"))
    assert (await cara.get(f"/chats/{chat_id}")).status_code == 404


async def test_the_other_sees_it_from_the_first_message_on(ann: Member, bob: Member) -> None:
    chat_id = location(await open_chat(ann, "bob"))
    assert ((await ann.read("/chats"))["chats"][0]["id"], (await bob.read("/chats"))["chats"]) == (chat_id, [])
    await ann.say(chat_id, "Hello")
    assert (await bob.read("/chats"))["chats"][0]["id"] == chat_id


async def test_nor_do_the_others_pages_show_it(ann: Member, bob: Member, bus: RecordingBus) -> None:
    """Their sockets hear the chat at once, so that the first message comes live; their lists do not."""
    chat_id = location(await open_chat(ann, "bob"))
    for member in (ann, bob):
        assert ("join", topics.chat(chat_id)) in bus.orders(topics.user(member.id))
    assert bus.signals(topics.user(ann.id), "chat.joined") == [{"type": "chat.joined", "chat": chat_id}]
    assert bus.signals(topics.user(bob.id), "chat.joined") == []


async def test_nobody_by_that_name(ann: Member) -> None:
    response = await open_chat(ann, "nobody", **JSON)
    assert (response.status_code, list(response.json()["errors"])) == (422, ["username"])


async def test_a_browser_is_told_so_in_a_page(ann: Member) -> None:
    response = await open_chat(ann, "<nobody>", **HTML)
    assert response.status_code == 422
    assert "Nobody here has this username." in response.text


async def test_browsers_are_led_there(ann: Member, bob: Member) -> None:
    for headers in (HTML, HTMX):
        response = await open_chat(ann, "bob", **headers)
        assert (response.status_code, response.headers["location"][:7]) == (303, "/chats/")


async def test_the_other_stands_in_the_header(ann: Member, bob: Member) -> None:
    chat_id = location(await open_chat(ann, "bob"))
    for path in (f"/chats/{chat_id}", f"/chats/{chat_id}/info"):
        assert ">Bob<" in (await ann.get(path, headers=HTML)).text


async def test_a_direct_chat_is_no_group(app: Starlette, ann: Member, bob: Member) -> None:
    chat_id = await make_chat(app, ann, bob)
    for path in ("leave", "join", "members", "edit", f"members/{bob.id}/remove"):
        response = await ann.post(f"/groups/{chat_id}/{path}", data={"name": "x", "members": "bob"})
        assert response.status_code == 404, path
