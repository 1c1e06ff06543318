"""Editing: one's own words, for a while, live and with a label."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import update
from starlette.applications import Starlette

from app.db import now
from app.messages.models import Message
from app.realtime import topics
from tests.conftest import RecordingBus
from tests.make import HTML, HTMX, JSON, Member, make_group, make_message


@pytest.fixture
async def path(app: Starlette, ann: Member, bob: Member, chat_id: int) -> str:
    """Ann's message to Bob."""
    await make_message(app, ann, chat_id, "Helo")
    return f"/chats/{chat_id}/messages/1"


async def edit(member: Member, path: str, body: str = "Hello", **headers: str) -> httpx.Response:
    return await member.post(f"{path}/edit", data={"body": body}, headers=headers)


async def age(app: Starlette, **passed: float) -> None:
    async with app.state.database.write() as work:
        await work.execute(update(Message).values(created_at=now() - timedelta(**passed)))


async def test_everyone_sees_the_new_words_and_a_label(ann: Member, bob: Member, path: str, chat_id: int) -> None:
    response = await edit(ann, path)
    assert response.status_code == 200
    assert "Hello" in response.text
    assert ">Edited<" in response.text
    assert await bob.bodies(chat_id) == ["Hello"]


async def test_the_chat_hears_the_very_bytes(ann: Member, path: str, chat_id: int, bus: RecordingBus) -> None:
    bus.told.clear()
    response = await edit(ann, path)
    (frame,) = bus.html(topics.chat(chat_id))
    assert f'hx-target="#chat-{chat_id}-messages" hx-swap="renew">{response.text}</hx-partial>' in frame
    assert f"hx-target=\"#chat-{chat_id}-moving[data-seq='1']\"" in frame


async def test_it_does_not_lift_the_chat(ann: Member, path: str, chat_id: int, bus: RecordingBus) -> None:
    bus.told.clear()
    await edit(ann, path)
    assert "promote" not in bus.html(topics.chat(chat_id))[0]


async def test_it_does_not_count_as_unread_again(ann: Member, bob: Member, path: str, chat_id: int) -> None:
    await bob.post(f"/chats/{chat_id}/read")
    await edit(ann, path)
    assert (await bob.read("/chats"))["chats"][0]["unread"] == 0


async def test_the_same_words_change_nothing(ann: Member, path: str, bus: RecordingBus) -> None:
    bus.told.clear()
    response = await edit(ann, path, "Helo")
    assert response.status_code == 200
    assert ">Edited<" not in response.text
    assert bus.told == []


@pytest.mark.parametrize(("passed", "status"), [({"minutes": 14}, 200), ({"minutes": 16}, 409)])
async def test_there_is_a_quarter_of_an_hour(
    app: Starlette, ann: Member, path: str, passed: dict[str, float], status: int
) -> None:
    await age(app, **passed)
    assert (await edit(ann, path)).status_code == status
    assert ("/edit" in (await ann.get(f"{path}/menu", headers=HTML)).text) is (status == 200)


@pytest.mark.parametrize("changes", [{"edit_minutes": 60}])
async def test_the_time_is_a_setting(app: Starlette, ann: Member, path: str, changes: dict[str, Any]) -> None:
    await age(app, minutes=59)
    assert (await edit(ann, path)).status_code == 200


async def test_nobody_edits_the_words_of_another(bob: Member, path: str, chat_id: int) -> None:
    assert (await edit(bob, path)).status_code == 403
    assert await bob.bodies(chat_id) == ["Helo"]


async def test_not_even_the_admin_of_the_group(app: Starlette, ann: Member, bob: Member) -> None:
    group = await make_group(app, ann, bob)
    seq = (await make_message(app, bob, group)).seq
    assert (await edit(ann, f"/chats/{group}/messages/{seq}")).status_code == 403


async def test_strangers_find_nothing(cara: Member, path: str) -> None:
    assert (await edit(cara, path)).status_code == 404
    assert (await edit(cara, path, " ", **HTML)).status_code == 404


async def test_a_tombstone_is_not_edited(ann: Member, path: str) -> None:
    await ann.post(f"{path}/delete")
    assert (await edit(ann, path)).status_code == 403


async def test_a_system_line_is_not_edited(app: Starlette, ann: Member) -> None:
    group = await make_group(app, ann)
    assert (await edit(ann, f"/chats/{group}/messages/1")).status_code == 403


async def test_the_form_holds_the_text_as_it_was_typed(app: Starlette, ann: Member, chat_id: int) -> None:
    await make_message(app, ann, chat_id, "*bold* & <b>")
    page = (await ann.get(f"/chats/{chat_id}/messages/1/edit", headers=HTML)).text
    assert "*bold* &amp; &lt;b&gt;</textarea>" in page


@pytest.mark.parametrize("headers", [HTML, HTMX])
async def test_a_refused_text_stays_in_the_form(ann: Member, path: str, headers: dict[str, str]) -> None:
    body = "x" * 20_001
    response = await edit(ann, path, body, **headers)
    assert response.status_code == 422
    assert f"{body}</textarea>" in response.text
    assert "20,001 characters" in response.text


async def test_blank_words_are_refused(ann: Member, path: str) -> None:
    response = await edit(ann, path, " \n ", **JSON)
    assert (response.status_code, list(response.json()["errors"])) == (422, ["body"])


async def test_a_browser_is_led_back_to_the_message(ann: Member, path: str, chat_id: int) -> None:
    response = await edit(ann, path, **HTML)
    assert response.status_code == 303
    assert response.headers["location"].startswith(f"/chats/{chat_id}?at=1#message-")


async def test_ticks_stay(app: Starlette, ann: Member, bob: Member, path: str, chat_id: int) -> None:
    await bob.post(f"/chats/{chat_id}/read")
    await edit(ann, path)
    assert (await ann.read(f"/chats/{chat_id}"))["read"] == 1
