"""What one does in one process is heard in the other at once, and is what pages say that ask or are opened anew."""

from __future__ import annotations

import asyncio
import itertools
import signal
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
from sqlmodel import select

from app.cards import making
from app.cards.models import LinkCard
from app.main import create_app
from app.settings import Settings
from tests.backing import Postgres, Redis
from tests.cards.sites import local_fetcher, page, serving
from tests.cluster import Cluster
from tests.make import Member, make_chat, make_group, make_member, sign_in
from tests.process import environment
from tests.torture.screen import AT_ONCE, Screen, agree, heard
from tests.waiting import until

pytestmark = pytest.mark.torture

DAY = "86400"
NUMBERS = itertools.count()


@dataclass
class Stage:
    """Two processes; they fetch no cards, as what the cards of these tests lead to is on this machine."""

    cluster: Cluster
    redis: Redis

    async def is_idle(self) -> bool:
        """Whether all jobs are done."""
        return not await self.cluster.select("SELECT id FROM jobs WHERE sweep IS NULL")


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    with Postgres() as postgres, Redis() as redis:
        settings = {"PARLEY_DATABASE_URL": postgres.url, "PARLEY_REDIS_URL": redis.url, "PARLEY_LINK_CARDS": "off"}
        async with Cluster(tmp_path_factory.mktemp("features"), 2, **settings) as cluster:
            yield Stage(cluster, redis)


@dataclass
class Scene:
    """Ann at the first process; Bob with his laptop at the second, and with his phone at the first."""

    stage: Stage
    stack: AsyncExitStack
    ann: Member
    bob: Member
    bobs_phone: Member
    group: int
    direct: int

    async def open(self, chat_id: int) -> tuple[Screen, Screen, Screen]:
        one, other = (process.url for process in self.stage.cluster.processes)
        places = ((one, self.ann), (other, self.bob), (one, self.bobs_phone))
        screens = [await self.stack.enter_async_context(Screen(url, who, chat_id)) for url, who in places]
        return screens[0], screens[1], screens[2]

    async def sweep(self, name: str, somebody: Screen) -> None:
        """Have a sweep run now: a link sent wakes the workers, who then see that it is due."""
        await self.stage.cluster.change(f"UPDATE jobs SET due_at = now() WHERE sweep = '{name}'")
        await somebody.say(f"http://nowhere.invalid/{next(NUMBERS)}")


@pytest.fixture
async def scene(stage: Stage) -> AsyncIterator[Scene]:
    app, number = stage.cluster.app, next(NUMBERS)
    ann, bob = await make_member(app, f"ann{number}"), await make_member(app, f"bob{number}")
    group, direct = await make_group(app, ann, bob), await make_chat(app, ann, bob)
    async with AsyncExitStack() as stack:
        yield Scene(stage, stack, ann, bob, await sign_in(app, bob.person, "phone"), group, direct)


async def test_reply_edit_and_delete(scene: Scene) -> None:
    ann, bob, phone = screens = await scene.open(scene.group)
    there = await scene.open(scene.direct)
    seq = await ann.say("Who is hungry?")
    async with heard(*screens):
        await bob.say("Me", reply_to=seq)
    async with heard(*there):
        await there[1].say("Ask me here", reply_to=seq, reply_from=scene.group)
    for path, fields in ((f"messages/{seq}/edit", {"body": "Who is thirsty?"}), (f"messages/{seq}/delete", {})):
        async with heard(*screens, *there):
            await ann.do(path, **fields)
            await until(lambda: "hungry" not in str(there[1].shown), AT_ONCE)
            await until(scene.stage.is_idle)
    assert "thirsty" not in str(there[1].shown) + str(phone.shown)


async def test_react_change_withdraw(scene: Scene) -> None:
    ann, bob, phone = screens = await scene.open(scene.group)
    seq = await ann.say("News!")
    for screen, emoji in ((bob, "👍"), (ann, "👍"), (phone, "❤️"), (bob, ""), (ann, "")):
        async with heard(*screens):
            await screen.do(f"messages/{seq}/react", emoji=emoji)
    assert "reaction__emoji" not in str(ann.shown.bubbles)


async def test_ask_vote_change_withdraw(scene: Scene) -> None:
    ann, bob, phone = screens = await scene.open(scene.group)
    async with heard(*screens):
        seq = (await ann.do("polls", question="Where to?", options=["Soup", "Noodles"]))["seq"]
    for screen, options in ((bob, [0]), (ann, [1]), (phone, [1]), (bob, [])):
        async with heard(*screens):
            await screen.do(f"messages/{seq}/votes", options=options)
            if screen is not ann:
                for device in (bob, phone):
                    await until(lambda d=device, o=options: d.heard("poll.voted", seq=seq, options=o), AT_ONCE)  # type: ignore[misc]
    assert "1 voted" in str(phone.shown)


async def test_forward(scene: Scene) -> None:
    _, bob, _ = await scene.open(scene.group)
    screens = await scene.open(scene.direct)
    seq = await bob.say("Pass it on")
    path = f"/chats/{scene.group}/messages/{seq}/forward"
    for _ in range(2):
        form = {"id": str(uuid.uuid4()), "chats": [scene.direct, scene.group]}
        async with heard(*screens):
            await asyncio.gather(
                *[each.do(path, **form) for each in (screens[1], screens[2], screens[1], screens[2])]
            )
    assert sum("Pass it on" in html for html in screens[0].shown.bubbles.values()) == 2


async def test_star_and_unstar_on_the_other_device(scene: Scene) -> None:
    ann, bob, phone = screens = await scene.open(scene.group)
    seq = await ann.say("Keep this")
    for on in "10":
        async with heard(*screens):
            await phone.do(f"messages/{seq}/star", on=on)
        assert (bob.shown.stars, ann.shown.stars) == ({str(seq)} if on == "1" else set(), set())


async def test_the_mark_of_a_mention_comes_and_goes(scene: Scene) -> None:
    ann, _, phone = screens = await scene.open(scene.group)
    async with heard(*screens):
        seq = await ann.say(f"@{scene.bob.username} look")
    assert [each.shown.flags for each in screens] == [set(), {"mentioned"}, {"mentioned"}]
    async with heard(*screens):
        await ann.do(f"messages/{seq}/edit", body="Nothing")
    assert [each.shown.flags for each in screens] == [set(), set(), set()]
    async with heard(*screens):
        await ann.say("@all look")
    assert phone.shown.flags == {"mentioned"}


async def test_a_timer_is_set_and_what_is_due_goes(scene: Scene) -> None:
    ann, _, _ = screens = await scene.open(scene.group)
    async with heard(*screens):
        await ann.do("expiry", lifetime=DAY)
    assert "24 hours" in screens[1].shown.timer
    async with heard(*screens):
        seqs = [await ann.say("Soon gone"), await ann.say("Not so soon")]
    this = f"chat_id = {scene.group} AND seq = {seqs[0]}"
    await scene.stage.cluster.change(f"UPDATE messages SET expires_at = now() + interval '1 second' WHERE {this}")
    for screen in screens:
        await screen.load()
    await until(lambda: "Soon gone" not in str(screens[0].shown.lasting().bubbles))
    await agree(*screens)
    await scene.sweep("expiry.sweep", ann)
    await until(lambda: all(each.heard("chat.expired", last=seqs[0]) for each in screens))
    await agree(*screens)
    async with heard(*screens):
        await ann.do("expiry", lifetime="0")
    assert not screens[1].shown.timer


async def test_a_card_arrives_and_is_removed(scene: Scene) -> None:
    cluster = scene.stage.cluster
    ann, _, _ = screens = await scene.open(scene.group)
    settings = {**cluster.settings, "PARLEY_LINK_CARDS": "on"}
    app = create_app(Settings.from_environment(environment(cluster.folder, **settings)))
    async with serving() as site, app.router.lifespan_context(app):
        site.pages["/"] = page("Fish")
        app.state.fetcher = local_fetcher(site)
        seq = await ann.say(site.url())
        async with app.state.database.read() as work:
            card_id = await work.first(select(LinkCard.id).where(LinkCard.url == site.url()))
        async with heard(*screens):
            await making.make(app, card_id=card_id)
            await until(lambda: "Fish" in str(screens[1].shown))
    async with heard(*screens):
        await ann.do(f"messages/{seq}/card/remove")
    assert "Fish" not in str(screens[1].shown)


async def test_pin_unpin_and_end(scene: Scene) -> None:
    ann, bob, _ = screens = await scene.open(scene.group)
    seq = await ann.say("Pinned")
    for screen, duration in ((bob, "24h"), (ann, "7d"), (ann, ""), (bob, "24h")):
        async with heard(*screens):
            await screen.do(f"messages/{seq}/pin", duration=duration)
        assert ("Pinned" in ann.shown.pins) is bool(duration)
    await scene.stage.cluster.change(f"UPDATE pins SET ends_at = now() WHERE chat_id = {scene.group}")
    before = ann.known
    await scene.sweep("pins.sweep", ann)
    await until(lambda: all(each.known == before + 2 for each in screens))
    await agree(*screens)
    assert "Pinned" not in bob.shown.pins


async def test_what_one_chooses_about_a_chat_on_the_other_device(scene: Scene) -> None:
    ann, bob, phone = screens = await scene.open(scene.group)
    await ann.say("Hello")
    switches = {"pin": "pinned", "favourite": "favourite", "unread": "marked", "archive": "archived"}
    for path, flag in switches.items():
        for on in "10":
            async with heard(*screens):
                await phone.do(path, on=on)
            assert (flag in bob.shown.flags) is (on == "1")
    for length in ("8h", "off"):
        async with heard(*screens):
            await phone.do("mute", **{"for": length})
        assert ("muted" in bob.shown.flags) is (length == "8h")
    for path in ("clear", "remove"):
        async with heard(*screens):
            await ann.say("Hello again")
        async with heard(*screens):
            await phone.do(path)
        assert bob.shown.bubbles == {}
    assert not bob.shown.moving
    assert ann.shown.bubbles


async def test_a_hit_appears_and_vanishes(scene: Scene) -> None:
    ann, bob, _ = await scene.open(scene.group)

    async def hits() -> int:
        answer = await bob.http.get("/search", params={"q": "marmalade"}, headers={"accept": "application/json"})
        return len(answer.json()["messages"])

    async def is_found() -> bool:
        return await hits() == 1

    seq = await ann.say("Marmalade!")
    await until(is_found, 2 * AT_ONCE)
    await ann.do(f"messages/{seq}/delete")
    assert await hits() == 0


async def test_another_name(scene: Scene) -> None:
    ann, *_ = screens = await scene.open(scene.group)
    seq = await ann.say("It’s me")
    await screens[1].do(f"messages/{seq}/react", emoji="👍")
    await ann.do("/you/edit", display_name="Anna Lund")
    await until(lambda: all(scene.ann.person.display_name not in str(each.shown) for each in screens), AT_ONCE)
    assert "Anna Lund" in str(screens[1].shown.bubbles)


async def test_without_redis_nothing_is_lost_and_nothing_comes_twice(scene: Scene) -> None:
    ann, bob, phone = screens = await scene.open(scene.group)
    there = await scene.open(scene.direct)
    everybody = (*screens, *there)
    seqs = [await ann.say(text) for text in ("One", "Two", "Three")]
    poll = (await ann.do("polls", question="Where to?", options=["Soup", "Noodles"]))["seq"]
    await agree(*everybody)
    await asyncio.to_thread(scene.stage.redis.stop, signal.SIGKILL)
    await until(lambda: all(each.is_limited for each in everybody))
    for round_ in range(2):
        await asyncio.gather(
            bob.say("Me", reply_to=seqs[0]),
            phone.do(f"messages/{seqs[1]}/react", emoji="👍❤"[round_]),
            ann.do(f"messages/{poll}/votes", options=[round_]),
            bob.do(f"messages/{poll}/votes", options=[round_]),
            phone.do(f"messages/{seqs[round_]}/star", on="1"),
            bob.do(f"messages/{seqs[round_]}/pin", duration="24h"),
            ann.do("expiry", lifetime=(DAY, "604800")[round_]),
            there[1].say("Here", reply_to=seqs[0], reply_from=scene.group),
            there[0].do("expiry", lifetime=DAY),
            bob.do(f"messages/{seqs[2]}/forward", chats=[scene.direct]),
            ann.say(f"@{scene.bob.username} look"),
            phone.do("mute", **{"for": ("8h", "always")[round_]}),
        )
        await agree(*screens, patience=8, but=("stars", "timer"))
    await ann.do(f"messages/{seqs[0]}/delete")
    await asyncio.to_thread(scene.stage.redis.start)
    await until(lambda: not any(each.is_limited for each in everybody), 20)
    await until(scene.stage.is_idle)
    await agree(*everybody, patience=8)
    assert [sum("Three" in html for html in each.shown.bubbles.values()) for each in there] == [2, 2, 2]
    async with heard(*everybody):
        await bob.say("Back")
        await there[1].say("Back")
