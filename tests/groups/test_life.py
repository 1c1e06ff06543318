"""The life of a group: made, changed, joined, left; who may what; and the lines that tell of it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from app.realtime import topics
from tests.conftest import RecordingBus
from tests.make import HTML, HTMX, JSON, Member, location, make_group, make_message, make_user


async def act(member: Member, group: int, verb: str, about: Member | None = None, **fields: str) -> httpx.Response:
    path = f"members/{about.id}/{verb}" if about else verb
    return await member.post(f"/groups/{group}/{path}", data=fields)


async def roles(member: Member, group: int) -> dict[str, str]:
    """Username → role, in the order in which the page lists them."""
    members = await member.read(f"/chats/{group}/info")
    return {each["user"]["username"]: each["role"] for each in members}


async def events(member: Member, group: int) -> list[tuple[str, list[int], str]]:
    found = (await member.read(f"/chats/{group}/messages"))["messages"]
    told = [each["event"] for each in found if each["event"]]
    return [(event["type"], sorted(event["subjects"]), event["value"]) for event in told]


@pytest.fixture
async def group(app: Starlette, ann: Member, bob: Member, cara: Member) -> int:
    """Ann's, with Bob and Cara in it."""
    return await make_group(app, ann, bob, cara)


async def test_it_is_made_with_its_first_people(ann: Member, bob: Member, cara: Member) -> None:
    response = await ann.post("/groups", data={"name": " Book \n club ", "members": ["bob", str(cara.id)]})
    assert response.status_code == 201
    group = location(response)
    assert await roles(bob, group) == {"ann": "owner", "bob": "member", "cara": "member"}
    assert await events(bob, group) == [("created", [], "Book club"), ("added", [bob.id, cara.id], "")]


async def test_a_line_counts_as_nothing_unread(ann: Member, bob: Member, group: int) -> None:
    lines = (await bob.get(f"/chats/{group}/messages")).text
    assert ('data-kind="note"' in lines, "data-counts" in lines) == (True, False)
    assert "data-counts" in (await ann.say(group, "Hello")).text


async def test_it_may_be_made_alone(ann: Member) -> None:
    group = location(await ann.post("/groups", data={"name": "Me"}))
    assert await events(ann, group) == [("created", [], "Me")]


async def test_everyone_hears_of_it(ann: Member, bob: Member, bus: RecordingBus) -> None:
    group = location(await ann.post("/groups", data={"name": "Book club", "members": "bob"}))
    for member in (ann, bob):
        assert ("join", topics.chat(group)) in bus.orders(topics.user(member.id))
        assert bus.signals(topics.user(member.id), "chat.joined") == [{"type": "chat.joined", "chat": group}]


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"name": ""}, "name"),
        ({"name": "\u200b\u2800"}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "x", "description": "x" * 2049}, "description"),
        ({"name": "x", "members": "nobody"}, "members"),
        ({"name": "x", "members": "999"}, "members"),
        ({"name": "x", "members": "9" * 30}, "members"),
        ({"name": "x", "members": "9" * 5000}, "members"),
    ],
)
async def test_what_is_wrong_is_said(ann: Member, fields: dict[str, str], wrong: str) -> None:
    response = await ann.post("/groups", data=fields, headers=JSON)
    assert (response.status_code, list(response.json()["errors"])) == (422, [wrong])
    assert (await ann.read("/chats"))["chats"] == []


async def test_the_form_keeps_what_was_typed(ann: Member, bob: Member, cara: Member) -> None:
    fields = {"name": "", "description": "About <books>", "members": str(bob.id), "public": "1"}
    for headers in (HTML, HTMX):
        page = (await ann.post("/groups", data=fields, headers=headers)).text
        assert "About &lt;books&gt;</textarea>" in page
        assert f'value="{bob.id}" checked' in page
        assert f'value="{cara.id}" checked' not in page
        assert 'name="public" value="1" checked' in page


@pytest.mark.parametrize("changes", [{"group_size": 3}])
async def test_it_is_not_larger_than_set(app: Starlette, ann: Member, bob: Member, cara: Member) -> None:
    dan = await make_user(app, "dan")
    group = await make_group(app, ann, bob, cara, is_public=True)
    assert (await act(ann, group, "members", members="dan")).status_code == 422
    data = {"name": "x", "members": ["bob", "cara", str(dan.id)]}
    assert (await ann.post("/groups", data=data)).status_code == 422
    await act(bob, group, "leave")
    assert (await act(ann, group, "members", members="dan")).status_code == 200
    assert (await act(bob, group, "join")).status_code == 409


async def test_somebody_named_twice_is_in_once(ann: Member, bob: Member) -> None:
    group = location(await ann.post("/groups", data={"name": "x", "members": ["bob", "BOB", str(bob.id), "ann"]}))
    assert list(await roles(ann, group)) == ["ann", "bob"]


async def test_somebody_added_by_two_names_is_in_once(app: Starlette, ann: Member, bob: Member) -> None:
    group = await make_group(app, ann)
    response = await ann.post(f"/groups/{group}/members", data={"members": ["@bob", str(bob.id)]})
    assert response.status_code == 200
    assert list(await roles(ann, group)) == ["ann", "bob"]


async def test_who_is_added_sees_from_the_line_on(app: Starlette, ann: Member, bob: Member) -> None:
    group = await make_group(app, ann)
    await make_message(app, ann, group, "Before")
    await act(ann, group, "members", members="bob")
    await make_message(app, ann, group, "After")
    assert await bob.bodies(group) == ["added", "After"]
    assert (await bob.read("/chats"))["chats"][0]["unread"] == 1


async def test_who_was_removed_keeps_what_they_had(app: Starlette, ann: Member, bob: Member, group: int) -> None:
    await make_message(app, ann, group, "Before")
    await act(ann, group, "remove", bob)
    await make_message(app, ann, group, "After")
    assert await bob.bodies(group) == ["created", "added", "Before", "removed"]
    assert "Before" in (await bob.get(f"/chats/{group}", headers=HTML)).text
    assert (await bob.read("/chats"))["chats"][0]["last"]["seq"] == 4


async def test_and_says_nothing_more(ann: Member, bob: Member, group: int, bus: RecordingBus) -> None:
    await act(ann, group, "remove", bob)
    bus.told.clear()
    assert (await bob.say(group, "But")).status_code == 422
    page = await bob.post(f"/chats/{group}/messages", data={"body": "But <b>"}, headers=HTML)
    assert "no longer a member" in page.text
    assert "But &lt;b&gt;</textarea>" in page.text
    assert bus.told == []


async def test_nor_learns_what_came_after(app: Starlette, ann: Member, bob: Member, group: int) -> None:
    await act(ann, group, "remove", bob)
    await make_user(app, "dan", display_name="Newcomer Dan")
    await act(ann, group, "members", members="dan")
    for path in (f"/chats/{group}", f"/chats/{group}/info", "/chats", f"/chats/{group}/row"):
        for headers in (HTML, JSON):
            assert "Newcomer Dan" not in (await bob.get(path, headers=headers)).text, path


async def test_may_read_what_is_left(
    app: Starlette, ann: Member, bob: Member, cara: Member, group: int, bus: RecordingBus
) -> None:
    await make_message(app, ann, group, "Unread")
    await act(ann, group, "remove", bob)
    assert (await bob.read("/chats"))["chats"][0]["unread"] == 1
    for member in (ann, cara):
        await member.post(f"/chats/{group}/read")
    bus.told.clear()
    await bob.post(f"/chats/{group}/read")
    assert (await bob.read("/chats"))["chats"][0]["unread"] == 0
    assert bus.frames(topics.chat(group)) == []  # nobody waits for them any more


async def test_does_not_hold_up_the_ticks_of_others(app: Starlette, ann: Member, bob: Member, cara: Member) -> None:
    group = await make_group(app, ann, bob, cara)
    await make_message(app, ann, group)
    await cara.post(f"/chats/{group}/read")
    assert (await ann.read(f"/chats/{group}"))["read"] < 3
    await act(ann, group, "remove", bob)
    assert (await ann.read(f"/chats/{group}"))["read"] == 3


async def test_the_removed_hears_the_line_and_no_more(
    ann: Member, bob: Member, group: int, bus: RecordingBus
) -> None:
    bus.told.clear()
    await act(ann, group, "remove", bob)
    order = [(each.topic, getattr(each, "order", "frame")) for each in bus.told]
    assert order[:2] == [(topics.chat(group), "frame"), (topics.user(bob.id), "leave")]
    assert bus.signals(topics.user(bob.id)) == [{"type": "chat.left", "chat": group}]


async def test_the_leaver_does_not_hear_who_follows(
    app: Starlette, ann: Member, bob: Member, bus: RecordingBus
) -> None:
    """The line of the new owner lies behind the leave line, so it must not go out before the leaver is out."""
    group = await make_group(app, ann, bob)
    bus.told.clear()
    await act(ann, group, "leave")
    left = next(n for n, each in enumerate(bus.told) if getattr(each, "order", "") == "leave")
    before = "".join(getattr(each, "text", "") for each in bus.told[:left])
    assert ('data-seq="3"' in before, 'data-seq="4"' in before) == (True, False)
    assert 'data-seq="4"' in "".join(getattr(each, "text", "") for each in bus.told[left:])


async def test_leaving(ann: Member, bob: Member, group: int) -> None:
    assert (await act(bob, group, "leave")).status_code == 200
    assert await events(ann, group) == [*(await events(bob, group))]
    assert (await events(ann, group))[-1] == ("left", [], "")
    assert (await bob.read("/chats"))["chats"][0]["member"] is False


async def test_leaving_twice_says_it_once(ann: Member, bob: Member, group: int) -> None:
    for _ in range(2):
        assert (await act(bob, group, "leave")).status_code == 200
    assert [type_ for type_, _, _ in await events(ann, group)] == ["created", "added", "left"]


async def test_the_last_admin_leaves_it_to_the_longest_standing(
    ann: Member, bob: Member, cara: Member, group: int
) -> None:
    await act(ann, group, "leave")
    assert await roles(bob, group) == {"bob": "owner", "cara": "member"}
    assert (await events(bob, group))[-1] == ("promoted", [bob.id], "")


async def test_standing_counts_from_the_last_coming(ann: Member, bob: Member, cara: Member, group: int) -> None:
    await act(bob, group, "leave")
    await act(ann, group, "members", members="bob")
    await act(ann, group, "leave")
    assert await roles(bob, group) == {"cara": "owner", "bob": "member"}


async def test_an_admin_comes_before_a_member(ann: Member, bob: Member, cara: Member, group: int) -> None:
    await act(ann, group, "promote", cara)
    await act(ann, group, "leave")
    assert await roles(bob, group) == {"cara": "owner", "bob": "member"}


async def test_the_last_one_closes_the_door(ann: Member, bob: Member, cara: Member, group: int) -> None:
    for member in (bob, cara, ann):
        assert (await act(member, group, "leave")).status_code == 200
    assert (await ann.bodies(group))[-1] == "left"


async def test_members_are_listed_by_rank_and_name(app: Starlette, ann: Member, bob: Member, cara: Member) -> None:
    aaron = await make_user(app, "zoe", display_name="aaron")
    group = await make_group(app, ann, bob, cara, aaron)
    await act(ann, group, "promote", cara)
    assert list(await roles(ann, group)) == ["ann", "cara", "zoe", "bob"]


async def test_promoting_and_dismissing(
    ann: Member, bob: Member, cara: Member, group: int, bus: RecordingBus
) -> None:
    assert (await act(ann, group, "promote", bob)).status_code == 200
    assert bus.signals(topics.user(bob.id), "chat.role") == [{"type": "chat.role", "chat": group}]
    assert (await act(bob, group, "promote", cara)).status_code == 200
    assert (await act(cara, group, "demote", bob)).status_code == 200
    assert await roles(ann, group) == {"ann": "owner", "cara": "admin", "bob": "member"}
    told = [(type_, subjects) for type_, subjects, _ in await events(ann, group)][2:]
    assert told == [("promoted", [bob.id]), ("promoted", [cara.id]), ("demoted", [bob.id])]


@pytest.mark.parametrize(("verb", "about"), [("remove", "ann"), ("demote", "ann"), ("remove", "bob")])
async def test_not_even_an_admin(ann: Member, bob: Member, cara: Member, group: int, verb: str, about: str) -> None:
    await act(ann, group, "promote", bob)
    assert (await act(bob, group, verb, {"ann": ann, "bob": bob}[about])).status_code == 403
    assert await roles(ann, group) == {"ann": "owner", "bob": "admin", "cara": "member"}


@pytest.mark.parametrize("verb", ["remove", "promote", "demote", "members", "edit"])
async def test_members_manage_nothing(ann: Member, bob: Member, cara: Member, group: int, verb: str) -> None:
    about = None if verb in ("members", "edit") else cara
    assert (await act(bob, group, verb, about, members="ann", name="Mine")).status_code == 403
    assert await roles(ann, group) == {"ann": "owner", "bob": "member", "cara": "member"}


@pytest.mark.parametrize("verb", ["remove", "promote", "demote"])
async def test_only_members_are_managed(app: Starlette, ann: Member, group: int, verb: str) -> None:
    dan = await make_user(app, "dan")
    for user_id in (dan.id, 999):
        assert (await ann.post(f"/groups/{group}/members/{user_id}/{verb}")).status_code == 404


async def test_who_comes_back_comes_as_a_member(ann: Member, bob: Member, group: int) -> None:
    await act(ann, group, "promote", bob)
    await act(bob, group, "leave")
    await act(ann, group, "members", members="bob")
    assert (await roles(ann, group))["bob"] == "member"


async def test_the_gap_stays_missing(app: Starlette, ann: Member, bob: Member, group: int) -> None:
    await act(bob, group, "leave")
    await make_message(app, ann, group, "Meanwhile")
    await act(ann, group, "members", members="bob")
    await make_message(app, ann, group, "Welcome back")
    assert await bob.bodies(group) == ["created", "added", "left", "added", "Welcome back"]


async def test_renaming(ann: Member, bob: Member, group: int, bus: RecordingBus) -> None:
    await act(ann, group, "edit", name="Readers <3", description="All about books")
    assert (await bob.read("/chats"))["chats"][0]["title"] == "Readers <3"
    assert (await events(bob, group))[2:] == [
        ("renamed", [], "Readers <3"), ("described", [], "All about books"),
    ]  # fmt: skip
    heard = "".join(bus.html(topics.chat(group)))
    assert f'hx-target="[data-title-of=\'{group}\']" hx-swap="innerHTML">Readers &lt;3<' in heard


async def test_unchanged_is_told_nobody(ann: Member, group: int, bus: RecordingBus) -> None:
    bus.told.clear()
    await act(ann, group, "edit", name="Book club")
    assert bus.told == []


async def test_the_edit_form_shows_how_it_is(ann: Member, bob: Member, group: int) -> None:
    page = (await ann.get(f"/groups/{group}/edit", headers=HTML)).text
    assert 'value="Book club"' in page
    assert (await bob.get(f"/groups/{group}/edit", headers=HTML)).status_code == 403


async def test_the_picker_offers_who_is_not_in(app: Starlette, ann: Member, group: int) -> None:
    await make_user(app, "dan")
    assert [each["username"] for each in await ann.read(f"/groups/{group}/members")] == ["dan"]


@pytest.fixture
async def public(app: Starlette, ann: Member) -> int:
    return await make_group(app, ann, name="Town square", is_public=True)


async def test_public_groups_are_listed(ann: Member, bob: Member, public: int, group: int) -> None:
    (listed,) = await bob.read("/groups")
    assert (listed["id"], listed["title"], listed["member_count"], listed["role"]) == (public, "Town square", 1, None)
    assert (await ann.read("/groups"))[0]["role"] == "owner"
    assert f'action="/groups/{public}/join"' in (await bob.get("/groups", headers=HTML)).text


async def test_anybody_joins_them(app: Starlette, ann: Member, bob: Member, public: int, bus: RecordingBus) -> None:
    await make_message(app, ann, public, "Before")
    assert (await act(bob, public, "join")).status_code == 200
    await make_message(app, ann, public, "After")
    assert await bob.bodies(public) == ["joined", "After"]
    assert ("join", topics.chat(public)) in bus.orders(topics.user(bob.id))


async def test_joining_twice_says_it_once(ann: Member, bob: Member, public: int) -> None:
    for _ in range(2):
        assert (await act(bob, public, "join")).status_code == 200
    assert await ann.bodies(public) == ["created", "joined"]


async def test_before_joining_nothing_is_seen(app: Starlette, ann: Member, bob: Member, public: int) -> None:
    for path in (f"/chats/{public}", f"/chats/{public}/messages", f"/chats/{public}/info", f"/chats/{public}/row"):
        assert (await bob.get(path)).status_code == 404
    assert (await bob.say(public, "Hello")).status_code == 404


async def test_nobody_joins_a_private_one(app: Starlette, ann: Member, bob: Member, group: int) -> None:
    private = await make_group(app, ann)
    absent, there = [(await act(bob, each, "join")) for each in (999, private)]
    assert absent.status_code == there.status_code == 404
    assert absent.content == there.content


async def test_made_private_it_is_listed_no_more(ann: Member, bob: Member, public: int) -> None:
    await act(ann, public, "edit", name="Town square", public="")
    assert await bob.read("/groups") == []
    assert (await act(bob, public, "join")).status_code == 404


def named(values: list[dict[str, Any]]) -> list[str]:
    return [each["username"] for each in values]


async def test_the_form_for_a_new_one_offers_everybody_else(ann: Member, bob: Member) -> None:
    assert named(await ann.read("/groups/new")) == ["bob"]
