"""Two hundred texts of people who mean no good, in every field that is shown: they are text, and nothing more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text as sql
from starlette.applications import Starlette

from app.search import index
from tests.conftest import RecordingBus
from tests.hostile import HOSTILE, Page, Skeleton, assert_inert, assert_safe
from tests.hostile_world import (
    COLUMNS,
    FIELDS,
    FREE,
    NEVER_SHOWN,
    OUR_COLUMNS,
    TYPED_COLUMNS,
    Places,
    echoes,
    make_hostile_world,
    pages,
    see,
    type_everywhere,
)
from tests.make import HTML, HTMX, PASSWORD, Client
from tests.waiting import until
from tests.walk import FORMS, World, doors

_HALVES = [" ".join(HOSTILE[start::2]) for start in range(2)]
TOGETHER = [text.ljust(max(map(len, _HALVES)), "x") for text in _HALVES]  # alike in length, which pages fold by
# What ends a session, a stay or a chat comes last.
OUTSIDE = ("/login", "/register", "/{token}")
LAST = ("/logout", "/revoke", "/leave", "/remove", "/clear", "/password", "/demote")


@pytest.fixture
def changes() -> dict[str, Any]:
    return {"link_cards": "off"}


@pytest.fixture
def soon() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "PAUSE", 0.01)
        yield


@pytest.fixture
async def hostile(app: Starlette) -> tuple[World, Places]:
    return await make_hostile_world(app)


async def indexed(app: Starlette) -> None:
    async def is_done() -> bool:
        async with app.state.database.read() as work:
            return not await work.rows(sql("SELECT id FROM search_texts WHERE is_stale LIMIT 1"))

    await until(is_done)


def test_the_list_is_long_and_every_column_is_known() -> None:
    assert len({*HOSTILE}) == 200
    assert COLUMNS == TYPED_COLUMNS | OUR_COLUMNS
    assert not TYPED_COLUMNS & OUR_COLUMNS


@pytest.mark.usefixtures("soon")
async def test_every_page_stays_as_it_is(app: Starlette, hostile: tuple[World, Places]) -> None:
    world, places = hostile
    clean: list[Skeleton] = []
    shown: set[str] = set()
    for text in ("Harmless ".ljust(len(TOGETHER[0]), "x"), *TOGETHER):
        await type_everywhere(app, world, places, text)
        await indexed(app)
        for number, (who, path) in enumerate(pages(world, places)):
            html = await see(world.people[who], path)
            if len(clean) == number:
                clean.append(Page.of(html).skeleton)
                shown |= {column for column in TYPED_COLUMNS if column in html}
            try:
                assert_inert(html, clean[number])
            except AssertionError as error:
                raise AssertionError(path) from error
    assert shown == TYPED_COLUMNS - NEVER_SHOWN


async def test_each_text_by_itself_in_a_chat(app: Starlette, hostile: tuple[World, Places]) -> None:
    world, places = hostile
    path, skeleton = f"/chats/{world.ids['chat_id']}/messages", None
    for text in ("Harmless", *HOSTILE):
        await type_everywhere(app, world, places, text)
        html = await see(world.people["owner"], path, HTMX)
        skeleton = skeleton or Page.of(html).skeleton
        assert_inert(html, skeleton)


async def test_what_an_address_brings_is_text(hostile: tuple[World, Places]) -> None:
    world, _ = hostile
    for who, path in echoes(world, HOSTILE):
        assert_safe(await see(world.people[who], path))


def forms(door: str, text: str) -> Iterator[dict[str, Any]]:
    """A text in every field that any form has; and in those for free text of this door's own form."""
    yield {**dict.fromkeys(sorted(FIELDS), text), "password": PASSWORD}
    yield {name: text[:60] if name in FREE else value for name, value in FORMS.get(door, {}).items()}


async def test_what_is_sent_is_text_in_answers_and_frames(hostile: tuple[World, Places], bus: RecordingBus) -> None:
    world, _ = hostile
    posts = [door for door in doors(world.app) if door.startswith("POST")]
    for door in sorted(posts, key=lambda door: (door.endswith(LAST), door)):
        for text in TOGETHER:
            for form in forms(door, text):
                answer = await world.knock("nobody" if door.endswith(OUTSIDE) else "owner", door, HTML, form)
                assert answer.status_code < 500, door
                assert_safe(answer.text)
    told = [frame for topic in {each.topic for each in bus.told} for frame in bus.html(topic)]
    assert len(told) > 20
    assert any("alert(1)" in frame for frame in told)
    for frame in told:
        assert_safe(frame)


async def test_a_cookie_is_text(anonymous: Client) -> None:
    for text in HOSTILE:
        if text.isascii() and text.isprintable() and ";" not in text:
            answer = await anonymous.get("/login", headers=HTML | {"cookie": f"theme={text}"})
            assert_safe(answer.text)
            assert 'data-theme="auto"' in answer.text
