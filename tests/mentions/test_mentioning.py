"""People are named in messages: who counts, how it is shown, and where it waits."""

from __future__ import annotations

import pytest
from sqlmodel import select
from starlette.applications import Starlette

from app.mentions import service
from app.mentions.models import EVERYBODY, Mention
from app.messages.text import named, readings
from app.realtime import topics
from tests.conftest import RecordingBus
from tests.make import HTML, JSON, Member, make_group, make_member, make_message
from tests.test_queries import statements


@pytest.fixture
async def group(app: Starlette, ann: Member, bob: Member) -> int:
    return await make_group(app, ann, bob)


def link(member: Member, name: str = "") -> str:
    id_, name = member.id, name or member.person.display_name
    return f'<a class="mention" data-mention="{id_}" href="/users/{id_}">@<bdi data-name-of="{id_}">{name}</bdi></a>'


async def rows(app: Starlette) -> list[tuple[int, int]]:
    async with app.state.database.read() as work:
        found = await work.all(select(Mention).order_by(Mention.seq, Mention.user_id))  # type: ignore[arg-type]
    return [(row.seq, row.user_id) for row in found]


async def mentioned(member: Member, chat_id: int) -> bool:
    chats = (await member.read("/chats"))["chats"]
    return next(bool(each["mentioned"]) for each in chats if each["id"] == chat_id)


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("@ann", {"ann"}),
        ("Hi @Ann, and (@bob)!", {"ann", "bob"}),
        ("*@ann* _@bob_ ~@cara~ @ann’s", {"ann", "bob", "cara"}),
        ("@ann_lee @ann-lee @ann.lee. @ann.", {"ann_lee", "ann-lee", "ann.lee", "ann"}),
        ("@ann_ @ann-", {"ann"}),
        ("„@ann“ 👋@bob\n> @cara", {"ann", "bob", "cara"}),
        ("mail ann@bob.example or @bob.example", {"bob.example"}),
        ("`@ann` ```@bob``` https://x.example/@cara https://x.example/?a=@cara", set()),
        ("a@ann @@bob @ann@bob @1 @ @äb @annä @ан", set()),
        ("no names", set()),
    ],
)
def test_what_names_somebody(body: str, names: set[str]) -> None:
    assert named(body) == names


def test_a_sentence_may_go_on_right_after_a_name() -> None:
    assert list(readings("ann.lee-Thanks")) == ["ann.lee-Thanks", "ann.lee", "ann"]


async def test_a_name_is_shown_as_it_is_now(
    app: Starlette, ann: Member, bob: Member, group: int, bus: RecordingBus
) -> None:
    sent = await ann.say(group, "Ask *@BOB*, he knows")
    assert f"Ask <b>{link(bob)}</b>, he knows" in sent.text
    frame = bus.html(topics.chat(group))[-1]
    assert sent.text in frame
    assert "Ask @Bob, he knows" in frame.partition("row__text")[2]
    assert await rows(app) == [(3, bob.id)]
    await bob.post("/you/edit", data={"display_name": "<i>Robert & Söhne"})
    assert "Ask @&lt;i&gt;Robert &amp; Söhne, he knows" in (await ann.get("/chats", headers=HTML)).text
    shown = (await ann.get(f"/chats/{group}/messages")).text
    assert link(bob, "&lt;i&gt;Robert &amp; Söhne") in shown
    (told,) = [each for each in (await bob.read(f"/chats/{group}/messages"))["messages"] if each["seq"] == 3]
    assert told["body"] == "Ask *@BOB*, he knows"
    assert [each["id"] for each in told["extras"]["mentions"]["people"]] == [bob.id]


async def test_only_who_is_in_the_chat_is_named(app: Starlette, ann: Member, cara: Member, group: int) -> None:
    sent = await ann.say(group, "@cara @nobody @ann.bob")
    assert "@cara @nobody" in sent.text
    assert sent.text.count('class="mention"') == 1
    assert await rows(app) == [(3, ann.id)]
    assert not await mentioned(ann, group)


async def test_the_longest_username_is_meant(app: Starlette, ann: Member, group: int) -> None:
    longer = await make_member(app, "bob.lee")
    await ann.post(f"/groups/{group}/members", data={"members": "bob.lee"})
    sent = await ann.say(group, "@bob.lee.")
    assert f"{link(longer)}." in sent.text
    assert await rows(app) == [(4, longer.id)]


async def test_all_is_for_admins_of_groups(
    app: Starlette, ann: Member, bob: Member, cara: Member, group: int
) -> None:
    await ann.post(f"/groups/{group}/members", data={"members": "cara"})
    assert "mention" not in (await bob.say(group, "@all wake up")).text
    assert not await mentioned(cara, group)
    sent = await ann.say(group, "@all wake up")
    assert '<span class="mention" data-mention="all">@all</span> wake up' in sent.text
    assert await rows(app) == [(5, EVERYBODY)]
    assert await mentioned(bob, group)
    assert await mentioned(cara, group)
    assert not await mentioned(ann, group)
    direct = await ann.post("/chats", data={"username": "bob"}, headers=JSON)
    assert "mention" not in (await ann.say(direct.json()["id"], "@all")).text


async def test_who_comes_later_was_not_meant(app: Starlette, ann: Member, cara: Member, group: int) -> None:
    await ann.say(group, "@all hello")
    await ann.post(f"/groups/{group}/members", data={"members": "cara"})
    assert not await mentioned(cara, group)


async def test_a_mention_waits_until_it_is_read_or_deleted(ann: Member, bob: Member, group: int) -> None:
    await ann.say(group, "@bob?")
    await ann.say(group, "Hello?")
    row = (await bob.get(f"/chats/{group}/row", headers=HTML)).text
    assert " data-mentioned>" in row
    await bob.post(f"/chats/{group}/read", data={"seq": 3})
    assert not await mentioned(bob, group)
    await ann.say(group, "@bob!")
    assert await mentioned(bob, group)
    await ann.post(f"/chats/{group}/messages/5/delete")
    assert not await mentioned(bob, group)


async def test_who_hid_a_mention_has_none(ann: Member, bob: Member, group: int) -> None:
    await ann.say(group, "@bob?")
    await bob.post(f"/chats/{group}/messages/3/hide")
    assert not await mentioned(bob, group)


async def test_an_edit_names_others_and_alerts_the_new_ones_alone(
    app: Starlette, ann: Member, bob: Member, cara: Member, group: int, bus: RecordingBus
) -> None:
    await ann.post(f"/groups/{group}/members", data={"members": "cara"})
    await ann.say(group, "@bob?")
    bus.told.clear()
    path = f"/chats/{group}/messages/4/edit"
    changed = await ann.post(path, data={"body": "@bob and @cara?"})
    assert link(cara) in changed.text
    assert bus.signals(topics.user(cara.id), "chat.row") == [{"type": "chat.row", "chat": group}]
    assert bus.signals(topics.user(bob.id)) == []
    assert await mentioned(cara, group)
    changed = await ann.post(path, data={"body": "Nobody"})
    assert "mention" not in changed.text
    assert await rows(app) == []
    assert not await mentioned(bob, group)


async def test_rows_of_other_pages_hear_who_is_named(ann: Member, bob: Member, group: int, bus: RecordingBus) -> None:
    await ann.say(group, "@bob and @ann")
    frame = bus.html(topics.chat(group))[-1]
    assert f'data-mentions="{ann.id} {bob.id}"' in frame
    await ann.say(group, "@all")
    assert 'data-mentions="all"' in bus.html(topics.chat(group))[-1]
    assert "data-mentions" not in (await bob.get("/chats", headers=HTML)).text


async def test_nothing_is_kept_of_a_deleted_message(app: Starlette, ann: Member, group: int) -> None:
    await ann.say(group, "@bob?")
    await ann.post(f"/chats/{group}/messages/3/delete")
    assert await rows(app) == []


async def test_who_may_be_named_is_offered_latest_speaker_first(
    app: Starlette, ann: Member, bob: Member, cara: Member, group: int
) -> None:
    await make_member(app, "dora", display_name="Cécile Bonnet")
    await ann.post(f"/groups/{group}/members", data={"members": "cara"})
    await ann.post(f"/groups/{group}/members", data={"members": "dora"})
    for member in (cara, bob):
        await make_message(app, member, group)

    async def offered(member: Member, typed: str) -> list[str]:
        found = await member.read(f"/chats/{group}/mentions", q=typed)
        return [each["username"] for each in found["members"]] + ["all"] * found["everybody"]

    assert await offered(ann, "") == ["bob", "cara", "dora", "all"]
    assert await offered(bob, "") == ["cara", "ann", "dora"]
    assert await offered(ann, "B") == ["bob", "dora"]
    assert await offered(ann, "do") == ["dora"]
    assert await offered(ann, "A") == ["all"]
    assert await offered(ann, "%") == []
    page = (await ann.get(f"/chats/{group}/mentions", headers=HTML)).text
    assert "Cécile Bonnet" in page
    await bob.post(f"/groups/{group}/leave")
    assert await offered(bob, "") == []
    assert await offered(ann, "bo") == ["dora"]


async def test_a_page_of_mentions_takes_one_query_more_and_the_list_none_for_each(
    app: Starlette, ann: Member, bob: Member, group: int
) -> None:
    def asked(sent: list[str]) -> int:
        return sum("FROM mentions" in each or "JOIN mentions" in each for each in sent)

    with statements(app) as plain:
        await bob.get(f"/chats/{group}/messages")
    for _ in range(20):
        await ann.say(group, "@bob @ann @all")
    with statements(app) as naming:
        assert (await bob.get(f"/chats/{group}/messages")).text.count('data-mention="all"') == 20
    with statements(app) as listing:
        await bob.get("/chats")
    assert (asked(plain), asked(naming), asked(listing)) == (0, 1, 2)


async def test_others_may_ask_whom_a_message_names(app: Starlette, ann: Member, bob: Member, group: int) -> None:
    await ann.say(group, "@bob @all")
    async with app.state.database.read() as work:
        assert await service.whom(work, group, 3) == {bob.id, EVERYBODY}
