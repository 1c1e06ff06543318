"""Two processes change what belongs to a message at the same moment, or one while the other deletes it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

from sqlalchemy import update
from sqlmodel import col, select
from starlette.applications import Starlette

from app.cards import making
from app.cards.models import LinkCard, MessageCard
from app.chats.models import Chat, Membership
from app.db import Work, now
from app.expiry import routes as expiry
from app.forwards import service as forwards
from app.forwards.models import Forward
from app.jobs import Job
from app.messages import service as messages
from app.messages.drafts import Draft
from app.messages.models import Message
from app.reactions import service as reactions
from app.reactions.models import Reaction
from app.replies.models import Quote
from app.stars import service as stars
from app.stars.models import Star
from app.switches import service as switches
from tests.cards.sites import local_fetcher, page, serving
from tests.conftest import RecordingBus
from tests.make import Member, make_chat, make_group, make_message
from tests.postgres.test_races import ROUNDS, attempt, found
from tests.waiting import until

DAY = timedelta(days=1)
AT_ONCE = 0.3  # seconds in which what need not wait is done
Service = Callable[[Work], Awaitable[object]]


async def overlap(app: Starlette, twin: Starlette, first: Service, second: Service) -> None:
    """The second begins in the other process when the first is through but for its commit."""
    async with twin.state.database.write() as work:
        await first(work)
        later = asyncio.create_task(attempt(app, second))
        await asyncio.wait({later}, timeout=AT_ONCE)
    assert await later == ""


async def sends(work: Work, user: Member, chat_id: int, origin: tuple[int, int]) -> None:
    """An answer to a message of another chat in this one."""
    await messages.send(work, user.person, chat_id, Draft(body="Really?", brings={"quote": origin}))


async def done(app: Starlette) -> None:
    """All jobs are through."""

    async def is_done() -> bool:
        return not await found(app, select(Job.id).where(col(Job.sweep).is_(None)))

    await until(is_done)


async def test_an_original_and_its_answers_elsewhere_go_at_once(
    app: Starlette, twin: Starlette, ann: Member, bob: Member, chat_id: int
) -> None:
    group = await make_group(app, ann, bob)
    for n in range(ROUNDS):
        original = (await make_message(app, ann, group)).seq
        answers = range(4 * n + 1, 4 * n + 5)
        for _ in answers:
            assert await attempt(app, sends, bob, chat_id, (group, original)) == ""
        deletions = [attempt(twin, messages.delete, bob.person, chat_id, [seq], DAY) for seq in answers]
        deletions.append(attempt(app, messages.delete, ann.person, group, [original], DAY))
        assert set(await asyncio.gather(*deletions)) == {""}


async def test_what_is_forwarded_while_its_answers_change_makes_nobody_wait(
    app: Starlette, twin: Starlette, ann: Member, bob: Member, chat_id: int
) -> None:
    group = await make_group(app, ann, bob)
    for _ in range(ROUNDS):
        original = (await make_message(app, ann, group)).seq
        assert await attempt(app, sends, bob, chat_id, (group, original)) == ""
        forwarding = [
            attempt(twin, forwards.forward, bob.person, group, [original], [chat_id, group], str(uuid.uuid4()))
            for _ in range(4)
        ]
        editing = attempt(app, messages.edit, ann.person, group, original, "Hello again", DAY)
        assert set(await asyncio.gather(*forwarding[:2], editing, *forwarding[2:])) == {""}
    await done(app)


async def test_an_answer_elsewhere_keeps_nothing_of_what_is_deleted_meanwhile(
    app: Starlette, twin: Starlette, ann: Member, bob: Member, chat_id: int
) -> None:
    group = await make_group(app, ann, bob)
    original = (await make_message(app, ann, group, "Forget this")).seq
    await overlap(
        app, twin,
        partial(sends, user=bob, chat_id=chat_id, origin=(group, original)),
        partial(messages.delete, user=ann.person, chat_id=group, seqs=[original], window=DAY),
    )  # fmt: skip
    await done(app)
    assert await found(app, select(Quote.excerpt)) == [""]
    assert await found(app, select(Message.revision).where(Message.chat_id == chat_id)) == [2]
    assert await attempt(app, sends, bob, chat_id, (group, original)) == "Invalid"


async def test_no_star_stays_on_what_is_deleted_meanwhile(
    app: Starlette, twin: Starlette, ann: Member, bob: Member, chat_id: int
) -> None:
    await make_message(app, ann, chat_id)
    await overlap(
        app, twin,
        partial(stars.star, user=bob.person, chat_id=chat_id, seqs=[1]),
        partial(messages.delete, user=ann.person, chat_id=chat_id, seqs=[1], window=DAY),
    )  # fmt: skip
    assert await found(app, select(Star.seq)) == []


async def test_two_processes_never_keep_two_reactions_of_one(
    app: Starlette, twin: Starlette, ann: Member, bob: Member, chat_id: int
) -> None:
    await make_message(app, ann, chat_id)
    for _ in range(ROUNDS):
        ends = [
            attempt((app, twin)[n % 2], reactions.react, bob.person, chat_id, 1, "👍❤😂"[n % 3]) for n in range(4)
        ]
        assert set(await asyncio.gather(*ends)) == {""}
        (chosen,) = await found(app, select(Reaction.emoji))
        toggles = [
            attempt(each, partial(reactions.react, toggle=True), bob.person, chat_id, 1, chosen)
            for each in (app, twin)
        ]
        assert set(await asyncio.gather(*toggles)) == {""}
        assert await found(app, select(Reaction.emoji)) == [chosen]


async def test_a_form_that_two_processes_get_forwards_once(
    app: Starlette, twin: Starlette, ann: Member, bob: Member, cara: Member, chat_id: int
) -> None:
    await make_message(app, ann, chat_id)
    others = [await make_chat(app, bob, cara), await make_group(app, bob, cara)]
    form = str(uuid.uuid4())
    ends = [
        attempt((app, twin)[n % 2], forwards.forward, bob.person, chat_id, [1], others[:: (1, -1)[n % 2]], form)
        for n in range(4)
    ]
    assert set(await asyncio.gather(*ends)) == {""}
    assert sorted(await found(app, select(Forward.chat_id))) == sorted(others)


async def test_two_clears_at_once_are_one(
    app: Starlette, twin: Starlette, ann: Member, bob: Member, chat_id: int
) -> None:
    await make_message(app, ann, chat_id)
    clears = [
        attempt(each, clear, bob.person, chat_id)
        for each in (app, twin)
        for clear in (switches.clear, switches.remove)
    ]
    assert set(await asyncio.gather(*clears)) == {""}
    assert await found(app, select(Chat.revision)) == [5]
    assert await found(app, select(Membership.cleared_seq).order_by(col(Membership.cleared_seq))) == [0, 1]
    assert await bob.bodies(chat_id) == []


async def test_two_sweepers_remove_what_is_due_once(
    app: Starlette, twin: Starlette, ann: Member, bob: Member, chat_id: int, bus: RecordingBus
) -> None:
    for _ in range(20):
        await make_message(app, ann, chat_id)
    async with app.state.database.write() as work:
        await work.execute(update(Message).where(col(Message.seq) <= 15).values(expires_at=now()))
    await asyncio.gather(*[expiry.sweep(each) for each in (app, twin, app, twin)])
    assert await found(app, select(Message.seq).order_by(col(Message.seq))) == list(range(16, 21))
    told = [signal for each in (app, twin) for signal in each.state.bus.signals(f"chat:{chat_id}", "chat.expired")]
    assert [signal["last"] for signal in told] == [15]


async def test_one_link_sent_by_two_processes_is_one_card(
    app: Starlette, twin: Starlette, ann: Member, bob: Member, cara: Member, chat_id: int
) -> None:
    async with serving() as site:
        site.pages["/"] = page("Fish")
        for each in (app, twin):
            each.state.fetcher = local_fetcher(site)
        chat_ids = [chat_id, await make_chat(app, ann, cara), await make_group(app, ann, bob)]
        ends = [
            attempt((app, twin)[n % 2], messages.send, ann.person, chat_ids[n % 3], linking(site.url()))
            for n in range(6)
        ]
        assert set(await asyncio.gather(*ends)) == {""}
        await done(app)
        (card_id,) = await found(app, select(LinkCard.id))
        assert site.asked == {"/": 1}
        await asyncio.gather(*[making.make(each, card_id) for each in (app, twin)])
        assert site.asked == {"/": 1}
    assert await found(app, select(MessageCard.card_id)) == [card_id] * 6
    for place in chat_ids:
        shown = (await ann.read(f"/chats/{place}/messages"))["messages"]
        assert [each["extras"]["card"]["title"] for each in shown if not each["event"]] == ["Fish", "Fish"]


def linking(url: str) -> Draft:
    return Draft(body=url, brings={"card": url})
