"""A group’s admins choose whether members may pin messages and set the timer."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette

from tests.expiry.test_disappearing import set_to
from tests.make import HTML, JSON, Member, make_group, make_message
from tests.pins.test_pinning import pin, pins


@pytest.fixture
async def group(app: Starlette, ann: Member, bob: Member) -> int:
    """Ann's, with Bob; the third message is hers."""
    group = await make_group(app, ann, bob)
    await make_message(app, ann, group)
    return group


async def choose(member: Member, group: int, **fields: str) -> int:
    edited = {"name": "Book club", **fields}
    return (await member.post(f"/groups/{group}/edit", data=edited, headers=JSON)).status_code


async def test_pins_may_be_for_admins_only(ann: Member, bob: Member, group: int) -> None:
    assert [await pin(bob, group, 3), await choose(ann, group, members_pin="0")] == [200, 200]
    for duration in ("7d", ""):
        assert await pin(bob, group, 3, duration) == 403
    assert (await bob.get(f"/chats/{group}/messages/3/pin", headers=HTML)).status_code == 403
    for path in (f"/chats/{group}/messages/3/menu", f"/chats/{group}/pins"):
        assert ["Unpin" in (await member.get(path)).text for member in (ann, bob)] == [True, False]
    assert await pins(bob, group) == [3]
    assert [await pin(ann, group, 3, ""), await choose(ann, group, members_pin="1"), await pin(bob, group, 3)] == [
        200
    ] * 3


async def test_the_timer_may_be_for_all(ann: Member, bob: Member, group: int) -> None:
    assert [await set_to(bob, group), await choose(ann, group, members_time="1"), await set_to(bob, group)] == [
        403,
        200,
        200,
    ]
    assert 'name="lifetime"' in (await bob.get(f"/chats/{group}/expiry", headers=HTML)).text
    assert [await choose(ann, group, members_time="0"), await set_to(bob, group, "0")] == [200, 403]


async def test_only_admins_choose_and_what_a_form_does_not_name_stays(ann: Member, bob: Member, group: int) -> None:
    await choose(ann, group, members_pin="0", members_time="1")
    assert await choose(bob, group, members_pin="1") == 403
    await choose(ann, group, description="New")
    assert [await pin(bob, group, 3), await set_to(bob, group)] == [403, 200]
    form = (await ann.get(f"/groups/{group}/edit", headers=HTML)).text
    shown = {
        name: form.partition(f'type="checkbox" name="{name}" value="1"')[2].startswith(" checked")
        for name in ("members_pin", "members_time")
    }
    assert shown == {"members_pin": False, "members_time": True}
