"""Choosing, changing, withdrawing, and who sees it."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from starlette.applications import Starlette

from app.chats.models import Membership, MembershipInterval
from app.polls.models import Vote
from app.polls.results import NAMED
from app.realtime import topics
from app.users.models import User
from tests.conftest import RecordingBus
from tests.make import HTML, HTMX, JSON, PASSWORD_HASH, Member, make_group
from tests.polls.test_asking import ask
from tests.server import Running
from tests.sockets import listening
from tests.test_queries import add


@pytest.fixture
async def single(ann: Member, chat_id: int) -> str:
    """The address of a poll in which one may choose one of three."""
    await ask(ann, chat_id)
    return f"/chats/{chat_id}/messages/1/votes"


@pytest.fixture
async def several(ann: Member, chat_id: int) -> str:
    await ask(ann, chat_id, multiple="1")
    return f"/chats/{chat_id}/messages/1/votes"


async def choose(member: Member, place: str, *options: int, **headers: str) -> httpx.Response:
    return await member.post(place, data={"options": [str(option) for option in options]}, headers=headers)


async def turn(member: Member, place: str, option: int) -> httpx.Response:
    return await member.post(place, data={"turn": str(option)})


async def counts(member: Member, place: str) -> list[int]:
    return [option["count"] for option in (await member.read(place))["options"]]


async def mine(member: Member, place: str) -> Any:
    return (await member.read(place))["mine"]


async def test_a_vote_changes_and_is_withdrawn(bob: Member, single: str) -> None:
    for options, expected in (([1], [0, 1, 0]), ([2], [0, 0, 1]), ([2], [0, 0, 1]), ([], [0, 0, 0])):
        assert (await choose(bob, single, *options)).status_code == 200
        assert await counts(bob, single) == expected
        assert await mine(bob, single) == options


async def test_several_answers_replace_those_before(bob: Member, several: str) -> None:
    await choose(bob, several, 0, 1)
    await choose(bob, several, 1, 2, 2)
    assert await mine(bob, several) == [1, 2]
    found = await bob.read(several)
    assert (found["voters"], found["multiple"]) == (1, True)


async def test_the_buttons_turn_one_option(bob: Member, single: str) -> None:
    ends = []
    for option in (0, 2, 2):
        await turn(bob, single, option)
        ends.append(await mine(bob, single))
    assert ends == [[0], [2], []]


async def test_the_buttons_turn_one_of_several(bob: Member, several: str) -> None:
    ends = []
    for option in (0, 2, 0):
        await turn(bob, several, option)
        ends.append(await mine(bob, several))
    assert ends == [[0], [0, 2], [2]]


@pytest.mark.parametrize("options", [["3"], ["-1"], ["one"], ["0", "1"], ["9" * 30], ["0", "x"]])
async def test_what_is_no_answer_is_refused(bob: Member, single: str, options: list[str]) -> None:
    refused = await bob.post(single, data={"options": options}, headers=JSON)
    assert (refused.status_code, list(refused.json()["errors"])) == (422, ["options"])
    assert await counts(bob, single) == [0, 0, 0]


async def test_all_see_it_live_and_who_was_away_by_since(
    ann: Member, bob: Member, chat_id: int, single: str, bus: RecordingBus
) -> None:
    bus.told.clear()
    voted = await choose(bob, single, 1)
    (frame,) = bus.html(topics.chat(chat_id))
    assert voted.text in frame
    assert 'hx-swap="renew"' in frame
    assert "-moving" not in frame
    missed = await ann.get(f"/chats/{chat_id}/messages", params={"since": 1})
    assert (missed.text, missed.headers["x-revision"]) == (voted.text, "2")
    assert bus.signals(topics.user(bob.id), "poll.voted") == [
        {"type": "poll.voted", "chat": chat_id, "seq": 1, "options": [1]}
    ]


async def test_a_vote_that_changes_nothing_is_told_to_nobody(bob: Member, single: str, bus: RecordingBus) -> None:
    first = await choose(bob, single, 1)
    bus.told.clear()
    assert (await choose(bob, single, 1)).text == first.text
    assert bus.told == []


async def test_the_bubble_names_who_chose_so_that_each_finds_their_own(ann: Member, bob: Member, single: str) -> None:
    await choose(ann, single, 1)
    text = (await choose(bob, single, 1)).text
    assert f'value="1" data-users="{ann.id} {bob.id}"' in text
    assert text.count("data-users") == 1
    assert '<meter class="poll__bar" max="2" value="2"' in text


async def test_the_page_of_votes_tells_who_and_when(ann: Member, bob: Member, single: str) -> None:
    await choose(bob, single, 1)
    page = (await ann.get(single, headers=HTMX)).text
    assert page.index("Noodles") < page.index(f'data-name-of="{bob.id}">Bob')
    found = (await ann.read(single))["options"][1]
    assert [(each["display_name"], each["at"] is not None) for each in found["voters"]] == [("Bob", True)]
    assert (await ann.get(f"{single}?option=3")).status_code == 404


async def test_answers_suit_who_asks(bob: Member, chat_id: int, single: str) -> None:
    led = await choose(bob, single, 1, **HTML)
    assert (led.status_code, led.headers["location"].split("#")[0]) == (303, f"/chats/{chat_id}?at=1")
    aimed = await choose(bob, single, 2, **HTMX)
    assert (aimed.headers["hx-retarget"], aimed.headers["hx-reswap"]) == (f"#chat-{chat_id}-messages", "renew")
    assert (await choose(bob, single, 0, **JSON)).json()["extras"]["poll"]["choices"][0]["count"] == 1


async def test_strangers_and_those_who_left_do_not_vote(
    app: Starlette, ann: Member, bob: Member, cara: Member
) -> None:
    group = await make_group(app, ann, bob)
    seq = (await ask(ann, group, headers=JSON)).json()["seq"]
    place = f"/chats/{group}/messages/{seq}/votes"
    await choose(bob, place, 1)
    await bob.post(f"/groups/{group}/leave")
    assert [(await choose(member, place, 0)).status_code for member in (bob, cara)] == [403, 404]
    assert [(await member.get(place)).status_code for member in (bob, cara)] == [200, 404]
    assert await counts(ann, place) == [0, 1, 0]  # who leaves keeps their vote
    await ann.post(f"/groups/{group}/members", data={"members": "cara"})
    assert (await choose(cara, place, 0)).status_code == 404  # asked before they came


async def test_many_presses_at_once_never_make_two_votes(
    app: Starlette, ann: Member, bob: Member, single: str
) -> None:
    presses = [choose(member, single, n) for n in range(3) for member in (ann, bob)]
    presses += [turn(member, single, n) for n in range(3) for member in (ann, bob)]
    assert {answer.status_code for answer in await asyncio.gather(*presses)} == {200}
    for member in (ann, bob):
        assert len(await mine(member, single)) <= 1


async def test_the_database_itself_takes_no_second_vote(
    app: Starlette, bob: Member, chat_id: int, single: str
) -> None:
    await choose(bob, single, 1)
    async with app.state.database.read() as work:
        (vote,) = await work.all(select(Vote).where(col(Vote.user_id) == bob.id))
    with pytest.raises(IntegrityError):
        await add(app, (Vote, [{**vote._mapping, "option": 2}]))


async def test_votes_come_by_the_socket(
    app: Starlette, ann: Member, bob: Member, chat_id: int, single: str, server: Running
) -> None:
    async with listening(server, app, ann) as ear:
        await choose(bob, single, 2)
        assert f'data-users="{bob.id}"' in await ear.html("poll-card")


async def crowd(app: Starlette, group: int, count: int, seq: int) -> None:
    """So many people in a group, who have all chosen something."""
    ids = range(1000, 1000 + count)
    people = [
        {"id": id_, "username": f"p{id_}", "username_key": f"p{id_}", "display_name": f"P {id_}"} for id_ in ids
    ]
    await add(app, (User, [{**each, "password_hash": PASSWORD_HASH} for each in people]))
    await add(app, (Membership, [{"chat_id": group, "user_id": id_} for id_ in ids]))
    await add(app, (MembershipInterval, [{"chat_id": group, "user_id": id_, "from_seq": 1} for id_ in ids]))
    votes = [{"chat_id": group, "seq": seq, "user_id": id_, "option": id_ % 3, "is_only": True} for id_ in ids]
    async with app.state.database.write() as work:
        await work.execute(insert(Vote), votes)


async def test_a_bubble_with_a_thousand_votes_stays_small(app: Starlette, ann: Member, bob: Member) -> None:
    group = await make_group(app, ann, bob)
    seq = (await ask(ann, group, headers=JSON)).json()["seq"]
    place = f"/chats/{group}/messages/{seq}/votes"
    await crowd(app, group, NAMED, seq)
    small = (await ann.get(f"/chats/{group}/messages?after={seq - 1}")).text
    assert small.count("data-users") == 3
    assert "data-big" not in small
    big = (await choose(bob, place, 1)).text
    assert "data-users" not in big
    assert "data-big" in big
    assert len(big) < 8_000
    assert await mine(bob, place) == [1]
    found = await ann.read(place)
    assert (found["voters"], sum(each["count"] for each in found["options"])) == (NAMED + 1, NAMED + 1)
    assert [len(each["voters"]) for each in found["options"]] == [20, 20, 20]
    assert len((await ann.read(place, option=1))["options"][1]["voters"]) == found["options"][1]["count"]
