"""A message with a link gets a card after it was sent, everywhere and for as long as its sender wants it."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update
from sqlmodel import col, select
from starlette.applications import Starlette

from app.cards import head, making
from app.cards import picture as picture_of
from app.cards.fetch import Fetcher
from app.cards.making import ATTEMPTS
from app.cards.models import CardImage, LinkCard, MessageCard
from app.db import now
from app.jobs import Job
from app.messages.models import Message
from app.realtime import topics
from tests.cards.sites import Answer, Site, http, local_fetcher, moved, page, picture
from tests.conftest import RecordingBus
from tests.hostile import HOSTILE
from tests.make import CURL, HTML, HTMX, Member, make_group
from tests.server import Running
from tests.sockets import listening
from tests.test_queries import statements
from tests.waiting import until


@pytest.fixture(autouse=True)
def local(app: Starlette, site: Site) -> None:
    app.state.fetcher = local_fetcher(site)
    site.pages["/"] = page("Fish &amp; chips", '<meta name="description" content="Every Friday">')


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks into pages and pictures in this process, where that is not what a test is about."""

    async def run(module: str, data: bytes, *arguments: str) -> bytes:
        return {"head": head.look, "picture": picture_of.look}[module](data, *arguments)  # type: ignore[operator, no-any-return]

    monkeypatch.setattr(making, "run", run)


async def card(member: Member, chat_id: int, seq: int = 1) -> dict[str, Any] | None:
    found = (await member.read(f"/chats/{chat_id}/messages", around=seq, limit=1))["messages"]
    extras = next(each["extras"] for each in found if each["seq"] == seq)
    shown: dict[str, Any] | None = extras.get("card")
    return shown


async def idle(app: Starlette) -> None:
    """No job is left."""

    async def is_done() -> bool:
        async with app.state.database.read() as work:
            return not await work.all(select(Job.id).where(col(Job.sweep).is_(None), col(Job.due_at).is_not(None)))

    await until(is_done)


async def test_a_link_gets_a_card_after_the_message_is_there(
    app: Starlette, ann: Member, bob: Member, chat_id: int, site: Site, bus: RecordingBus
) -> None:
    sent = await ann.say(chat_id, f"Look: {site.url()} and {site.url('/other')}")
    assert 'class="link-card' not in sent.text
    await idle(app)
    shown = await card(bob, chat_id)
    assert shown == {
        "url": site.url(), "host": "site.example", "title": "Fish & chips", "description": "Every Friday",
        "image": "", "width": 0, "height": 0,
    }  # fmt: skip
    assert (site.asked["/"], site.asked["/other"]) == (1, 0)
    html = (await bob.get(f"/chats/{chat_id}/messages")).text
    assert (
        f'<a class="link-card" href="{site.url()}" target="_blank" rel="noopener noreferrer nofollow" hx-ignore>'
        in html
    )
    assert "Fish &amp; chips" in html
    frame = bus.html(topics.chat(chat_id))[-1]
    assert f'hx-target="#chat-{chat_id}-messages" hx-swap="renew"' in frame
    assert "Fish &amp; chips" in frame
    assert re.findall(r"<li id=.*?</li>", html, re.DOTALL)[-1] in frame


async def test_a_link_that_is_forwarded_gets_its_card_there(
    app: Starlette, ann: Member, bob: Member, chat_id: int, site: Site
) -> None:
    group = await make_group(app, ann, bob)
    await ann.say(chat_id, site.url())
    await idle(app)
    await bob.post(f"/chats/{chat_id}/messages/1/forward", data={"chats": [str(group)]})
    await idle(app)
    assert await card(ann, group, seq=3) == await card(ann, chat_id)


async def test_who_was_away_gets_it_too(app: Starlette, ann: Member, bob: Member, chat_id: int, site: Site) -> None:
    await ann.say(chat_id, site.url())
    await idle(app)
    assert "Fish" in (await bob.get(f"/chats/{chat_id}/messages", params={"since": 1}, headers=CURL)).text


async def test_the_socket_brings_cards_too(
    server: Running, app: Starlette, ann: Member, chat_id: int, site: Site
) -> None:
    async with listening(server, app, ann) as ear:
        await ear.say("message.send", chat=chat_id, body=site.url())
        await ear.html("Fish &amp; chips")


@pytest.mark.parametrize(
    "body",
    ["no link", "`http://site.example:{port}/`", "a@site.example", "http://localhost/", "v1.5 of main.py", "…"],
)
async def test_a_message_without_a_link_is_sent_as_ever(
    app: Starlette, ann: Member, chat_id: int, site: Site, body: str
) -> None:
    await ann.say(chat_id, body.format(port=site.port))
    await idle(app)
    async with app.state.database.read() as work:
        assert await work.all(select(Message.extras)) == [""]
        assert not await work.all(select(LinkCard.id))
    assert not site.asked


async def test_the_same_link_is_fetched_once_a_day(
    app: Starlette, ann: Member, bob: Member, chat_id: int, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asyncio.gather(*(member.say(chat_id, site.url()) for member in (ann, bob, ann, bob)))
    await idle(app)
    assert [bool(await card(bob, chat_id, seq)) for seq in (1, 2, 3, 4)] == [True] * 4
    again = await bob.say(chat_id, f"again {site.url()}")
    assert "Fish &amp; chips" in again.text
    assert site.asked["/"] == 1
    site.pages["/"] = page("Another day")
    monkeypatch.setattr("app.cards.service.now", lambda: now() + timedelta(days=1))
    await bob.say(chat_id, site.url())
    await idle(app)
    assert [(await card(ann, chat_id, seq) or {})["title"] for seq in (5, 6)] == ["Fish & chips", "Another day"]
    assert site.asked["/"] == 2


async def test_a_repeated_send_is_one_message_with_one_card(
    app: Starlette, ann: Member, chat_id: int, site: Site
) -> None:
    id_ = "00000000-0000-4000-8000-000000000001"
    first, again = [await ann.say(chat_id, site.url(), id=id_) for _ in range(2)]
    assert (first.status_code, again.status_code) == (201, 200)
    await idle(app)
    assert "Fish" in (await ann.say(chat_id, site.url(), id=id_)).text


@pytest.mark.parametrize("answer", [http(b"<title> </title>"), http(b"", "404 Not Found"), moved("http://x:22/")])
async def test_no_card_is_no_news(
    app: Starlette, ann: Member, chat_id: int, site: Site, answer: Answer, bus: RecordingBus
) -> None:
    site.pages["/"] = answer
    await ann.say(chat_id, site.url())
    await idle(app)
    assert await card(ann, chat_id) is None
    assert len(bus.html(topics.chat(chat_id))) == 1
    await ann.say(chat_id, site.url())
    await idle(app)
    assert site.asked["/"] == 1


async def test_who_does_not_answer_is_asked_again_a_few_times(
    app: Starlette, ann: Member, chat_id: int, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.pages["/"] = http(b"", "503 Service Unavailable")
    await ann.say(chat_id, site.url())
    for times in range(1, ATTEMPTS + 1):
        await until(lambda wanted=times: site.asked["/"] == wanted)  # type: ignore[misc]
        await until(lambda wanted=times: _waits_for(app, wanted))  # type: ignore[misc]
        await _hurry(app)
    await idle(app)
    assert (site.asked["/"], await card(ann, chat_id)) == (ATTEMPTS, None)
    assert "failed" not in caplog.text


async def _waits_for(app: Starlette, attempts: int) -> bool:
    """The job has been put off after so many attempts, or is done."""
    async with app.state.database.read() as work:
        jobs = await work.all(select(Job).where(Job.name == "cards.fetch"))
    return not jobs or (jobs[0].attempts == attempts and jobs[0].due_at - now() < timedelta(seconds=30))


async def _hurry(app: Starlette) -> None:
    async with app.state.database.write() as work:
        await work.execute(update(Job).where(col(Job.name) == "cards.fetch").values(due_at=now()))
    await app.state.worker.step()


async def test_an_edit_brings_another_card_or_none(app: Starlette, ann: Member, chat_id: int, site: Site) -> None:
    site.pages["/other"] = page("Other")

    async def edit(body: str) -> str | None:
        assert (await ann.post(f"/chats/{chat_id}/messages/1/edit", data={"body": body})).status_code == 200
        await idle(app)
        shown = await card(ann, chat_id)
        return shown["title"] if shown else None

    await ann.say(chat_id, site.url())
    await idle(app)
    assert await edit(f"{site.url()} with more words") == "Fish & chips"
    assert await edit(site.url("/other")) == "Other"
    assert await edit("no link") is None
    assert await edit(site.url()) == "Fish & chips"
    assert (site.asked["/"], site.asked["/other"]) == (1, 1)


async def test_a_deleted_message_has_no_card(app: Starlette, ann: Member, chat_id: int, site: Site) -> None:
    await ann.say(chat_id, site.url())
    await idle(app)
    await ann.post(f"/chats/{chat_id}/messages/1/delete")
    assert await card(ann, chat_id) is None
    async with app.state.database.read() as work:
        assert not await work.all(select(MessageCard.seq))


async def test_a_message_that_was_deleted_meanwhile_stays_so(
    app: Starlette, ann: Member, chat_id: int, site: Site
) -> None:
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def answer(writer: asyncio.StreamWriter) -> None:
        arrived.set()
        await go_on.wait()
        writer.write(page("Late"))

    site.pages["/"] = answer
    await ann.say(chat_id, site.url())
    await arrived.wait()
    await ann.post(f"/chats/{chat_id}/messages/1/delete")
    go_on.set()
    await idle(app)
    assert "Late" not in (await ann.get(f"/chats/{chat_id}/messages")).text


async def test_its_sender_alone_removes_a_card_for_good(
    app: Starlette, ann: Member, bob: Member, chat_id: int, site: Site
) -> None:
    await ann.say(chat_id, site.url())
    place = f"/chats/{chat_id}/messages/1"
    await idle(app)
    assert "Remove link card" not in (await bob.get(f"{place}/menu", headers=HTMX)).text
    assert (await bob.post(f"{place}/card/remove")).status_code == 403
    assert "Remove link card" in (await ann.get(f"{place}/menu", headers=HTMX)).text
    assert (await ann.post(f"{place}/card/remove", headers=HTML)).status_code == 303
    assert await card(bob, chat_id) is None
    await ann.post(f"{place}/edit", data={"body": f"still {site.url()}"})
    await idle(app)
    assert await card(bob, chat_id) is None
    assert "Remove link card" not in (await ann.get(f"{place}/menu", headers=HTMX)).text


async def test_the_picture_is_ours_and_for_those_who_see_the_message(
    app: Starlette, ann: Member, bob: Member, cara: Member, chat_id: int, site: Site
) -> None:
    site.pages["/"] = page(head='<meta property="og:image" content="/a.png">')
    site.pages["/a.png"] = http(picture(800, 400), content_type="image/png")
    await ann.say(chat_id, site.url())
    await idle(app)
    shown = await card(bob, chat_id)
    assert shown
    place = f"/chats/{chat_id}/messages/1/card/{shown['image']}"
    html = (await bob.get(f"/chats/{chat_id}/messages")).text
    assert f'<img class="link-card__image" src="{place}" width="640" height="320" alt=""' in html
    answer = await bob.get(place)
    assert answer.content[:4] == b"RIFF"
    headers = {name: answer.headers[name] for name in ("content-type", "x-content-type-options", "cache-control")}
    assert headers == {
        "content-type": "image/webp",
        "x-content-type-options": "nosniff",
        "cache-control": "private, max-age=31536000, immutable",
    }
    assert (await cara.get(place)).status_code == 404
    assert (await bob.get(f"/chats/{chat_id}/messages/1/card/{'0' * 64}")).status_code == 404
    await bob.post(f"/chats/{chat_id}/messages/1/hide")
    assert (await bob.get(place)).status_code == 404
    await ann.post(f"/chats/{chat_id}/messages/1/card/remove")
    assert (await ann.get(place)).status_code == 404
    assert site.asked["/a.png"] == 1


@pytest.mark.parametrize("field", ["title", pytest.param("description", marks=pytest.mark.torture)])
@pytest.mark.usefixtures("in_process")
async def test_whatever_a_page_says_is_text(
    app: Starlette, ann: Member, chat_id: int, site: Site, field: str
) -> None:
    for number, evil in enumerate(HOSTILE):
        quoted = evil.replace("&", "&amp;").replace('"', "&quot;")
        title = quoted if field == "title" else "Title"
        about = quoted if field == "description" else ""
        metas = f'<meta property="og:title" content="{title}"><meta property="og:description" content="{about}">'
        site.pages[f"/{number}"] = page("Title", metas)
        await ann.say(chat_id, site.url(f"/{number}"))
    await idle(app)
    html = (await ann.get(f"/chats/{chat_id}/messages", params={"limit": 200})).text
    inside = "".join(re.findall(r'<a class="link-card.*?</a>', html, re.DOTALL))
    assert inside.count('class="link-card__text"') == len(HOSTILE)
    tags = set(re.findall(r"<(\w+)", inside))
    assert tags == ({"a", "span", "b"})
    assert not re.search(r"<[^>]*\son\w+=", inside)


@pytest.mark.usefixtures("in_process")
async def test_pages_ask_once_for_all_their_cards(app: Starlette, ann: Member, chat_id: int, site: Site) -> None:
    for number in range(20):
        site.pages[f"/{number}"] = page(f"{number}")
        await ann.say(chat_id, site.url(f"/{number}"))
    await idle(app)
    with statements(app) as sent:
        await ann.get(f"/chats/{chat_id}/messages", headers=HTMX)
    assert sum("link_cards" in statement for statement in sent) == 1


@pytest.mark.usefixtures("in_process")
async def test_what_nobody_shows_is_swept(app: Starlette, ann: Member, chat_id: int, site: Site) -> None:
    site.pages["/a.png"] = http(picture(), content_type="image/png")
    for path in ("/kept", "/gone", "/new"):
        site.pages[path] = page(path, '<meta property="og:image" content="/a.png">')
        await ann.say(chat_id, site.url(path))
    await idle(app)
    async with app.state.database.write() as work:
        old = col(LinkCard.url).not_like("%/new")
        await work.execute(update(LinkCard).where(old).values(created_at=now() - timedelta(days=3)))
        await work.execute(delete(MessageCard).where(col(MessageCard.seq) > 1))
        await work.execute(update(Job).where(col(Job.sweep) == "cards.sweep").values(due_at=now()))
    await app.state.worker.step()
    async with app.state.database.read() as work:
        urls = await work.all(select(LinkCard.url).order_by(col(LinkCard.id)))
        assert [url.rpartition("/")[2] for url in urls] == ["kept", "new"]
        assert len(await work.all(select(CardImage.hash))) == 1


async def test_a_job_that_runs_twice_makes_one_card(app: Starlette, ann: Member, chat_id: int, site: Site) -> None:
    await ann.say(chat_id, site.url())
    await idle(app)
    await making.make(app, 1)
    assert site.asked["/"] == 1
    assert await card(ann, chat_id)


class TestOff:
    @pytest.fixture
    def changes(self) -> dict[str, Any]:
        return {"link_cards": "off"}

    async def test_nothing_is_asked_for(self, app: Starlette, ann: Member, chat_id: int, site: Site) -> None:
        await ann.say(chat_id, site.url())
        await idle(app)
        assert not site.asked
        assert await card(ann, chat_id) is None


async def test_as_it_comes_the_server_reaches_nothing_here(
    app: Starlette, ann: Member, chat_id: int, site: Site
) -> None:
    app.state.fetcher = Fetcher()
    for host in ("127.0.0.1", "127.0.0.1.", "[::ffff:127.0.0.1]"):
        await ann.say(chat_id, site.url(host=host))
    await idle(app)
    assert not site.asked
