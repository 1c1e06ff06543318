"""A feature that messages know nothing of adds to them: extras, a kind, an action, panes, a watcher."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import SimpleNamespace

import pytest
from jinja2 import ChoiceLoader, DictLoader
from sqlalchemy import text
from sqlmodel import select
from starlette.applications import Starlette

from app.chats.models import Conversation
from app.chats.panes import Pane
from app.db import Work
from app.errors import NotFound
from app.main import PARTS, hand_in
from app.messages import service
from app.messages.drafts import Draft
from app.messages.models import Message
from app.messages.parts import Action, Extra, Kind, Part, Watcher
from app.realtime import topics
from app.users.models import Person
from tests.conftest import RecordingBus
from tests.make import HTML, JSON, Member, make_message
from tests.server import Running
from tests.sockets import listening
from tests.test_queries import statements

TEMPLATES = {
    "stickers/_sticker.html": '<b class="sticker">{{ value }}</b>',
    "stickers/_flag.html": "<i>flag {{ value }}</i>",
    "stickers/_wave.html": '<a href="{{ place }}/wave">Wave {{ value }}</a>',
    "stickers/_banner.html": '<p id="banner">{{ value }} in {{ chat.id }}</p>',
    "stickers/_strip.html": '<input form="composer" name="sticker">',
    "stickers/_info.html": '<a href="{{ base }}/stickers">Stickers</a>',
}


class Stickers:
    """The feature, with its rows and what it was asked."""

    def __init__(self) -> None:
        self.rows: dict[tuple[int, int], str] = {}
        self.asked: list[list[int]] = []
        self.banner: str | None = "Sticky"

    async def load(self, work: Work, chat_id: int, seqs: Sequence[int]) -> dict[int, str]:
        self.asked.append(list(seqs))
        await work.rows(text("SELECT 1"))
        return {seq: self.rows[chat_id, seq] for seq in seqs if (chat_id, seq) in self.rows}

    async def load_flags(self, _: Work, __: int, seqs: Sequence[int]) -> dict[int, int]:
        return {seq: seq for seq in seqs}

    async def store(self, _: Work, parts: Sequence[Part]) -> None:
        self.rows |= {(part.chat_id, part.seq): f"{part.value} of {part.sender_id}" for part in parts}

    async def edited(self, _: Work, __: Message, body: str) -> Mapping[str, bool]:
        return {"flag": "flag" in body, "sticker": "sticker" in body}

    async def deleted(self, _: Work, chat_id: int, seqs: Sequence[int]) -> None:
        for seq in seqs:
            self.rows.pop((chat_id, seq), None)

    async def name(self, _: Work, __: Conversation, ___: Message, user: Person) -> str:
        return f"to {user.display_name}"

    async def load_banner(self, *_: object) -> str | None:
        return self.banner

    @property
    def parts(self) -> SimpleNamespace:
        return SimpleNamespace(
            extras={
                "sticker": Extra(
                    slot="after",
                    template="stickers/_sticker.html",
                    load=self.load,
                    read=lambda fields: fields.get("sticker"),
                    store=self.store,
                ),
                "flag": Extra(slot="edge", template="stickers/_flag.html", load=self.load_flags),
            },
            kinds={"shout": Kind(icon="bookmark", preview=str.upper)},
            actions={
                "wave": Action(
                    template="stickers/_wave.html",
                    is_offered=lambda _, message, *__: message.deleted_at is None,
                    rank=1,
                    load=self.name,
                )
            },
            watchers={"stickers": Watcher(edited=self.edited, deleted=self.deleted)},
            panes={
                "stickers": Pane(slot="banner", template="stickers/_banner.html", load=self.load_banner),
                "sticker": Pane(slot="strip", template="stickers/_strip.html"),
                "all_stickers": Pane(slot="info", template="stickers/_info.html"),
            },
        )


@pytest.fixture
def stickers(app: Starlette, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stickers]:
    environment = app.state.templates.environment
    monkeypatch.setattr(environment, "loader", ChoiceLoader([DictLoader(TEMPLATES), environment.loader]))
    before = {name: dict(known) for name, known in PARTS.items()}
    feature = Stickers()
    hand_in(feature.parts)
    yield feature
    for name, known in PARTS.items():
        known.clear()
        known.update(before[name])


async def revise(app: Starlette, chat_id: int, seq: int, **names: list[str]) -> None:
    async with app.state.database.write() as work:
        await service.revise(work, chat_id, seq, **names)


async def names_of(app: Starlette) -> list[str]:
    async with app.state.database.read() as work:
        return list(await work.all(select(Message.extras)))


async def test_a_send_brings_it_and_everybody_sees_it(
    stickers: Stickers, app: Starlette, ann: Member, bob: Member, chat_id: int, bus: RecordingBus
) -> None:
    sent = await ann.say(chat_id, "Look", sticker="star")
    shown = f'<b class="sticker">star of {ann.id}</b>'
    assert shown in sent.text
    (frame,) = bus.html(topics.chat(chat_id))
    assert sent.text in frame
    for address in ("", "/messages", "/messages?since=0"):
        assert sent.text in (await bob.get(f"/chats/{chat_id}{address}")).text
    assert shown in (await bob.get(f"/chats/{chat_id}", headers=HTML)).text
    (told,) = (await bob.read(f"/chats/{chat_id}/messages"))["messages"]
    assert told["extras"] == {"sticker": f"star of {ann.id}"}


async def test_sends_by_the_socket_bring_it_too(
    stickers: Stickers, app: Starlette, ann: Member, chat_id: int, server: Running
) -> None:
    async with listening(server, app, ann) as ear:
        await ear.say("message.send", chat=chat_id, body="Look", sticker=7)
        assert f'<b class="sticker">7 of {ann.id}</b>' in await ear.html("Look")


async def test_a_repeat_is_known_by_what_it_brings(stickers: Stickers, ann: Member, chat_id: int) -> None:
    fields = {"id": "5b0c4ea6-6a3c-4b8e-9f0e-0d4e6b7e6f10", "sticker": "star"}
    first, again = await ann.say(chat_id, "Look", **fields), await ann.say(chat_id, "Look", **fields)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.text == first.text
    assert (await ann.say(chat_id, "Look", **{**fields, "sticker": "moon"})).status_code == 409


async def test_a_bubble_that_changes_is_told_and_the_list_of_chats_is_not(
    stickers: Stickers, app: Starlette, ann: Member, bob: Member, chat_id: int, bus: RecordingBus
) -> None:
    await make_message(app, ann, chat_id)
    bus.told.clear()
    stickers.rows[chat_id, 1] = "sun"
    await revise(app, chat_id, 1, add=["sticker", "flag"])
    (frame,) = bus.html(topics.chat(chat_id))
    assert 'hx-swap="renew"' in frame
    assert "-moving" not in frame
    assert "sun" in frame
    missed = await bob.get(f"/chats/{chat_id}/messages", params={"since": 1})
    assert missed.text in frame
    assert missed.headers["x-revision"] == "2"
    await revise(app, chat_id, 1, remove=["flag"])
    assert await names_of(app) == ["sticker"]


async def test_what_no_message_has_is_not_asked_for(
    stickers: Stickers, app: Starlette, ann: Member, chat_id: int
) -> None:
    for _ in range(3):
        await ann.say(chat_id, "Plain")
    with statements(app) as plain:
        await ann.get(f"/chats/{chat_id}/messages")
    assert stickers.asked == []
    for seq in (1, 3):
        stickers.rows[chat_id, seq] = "sun"
        await revise(app, chat_id, seq, add=["sticker"])
    stickers.asked.clear()
    with statements(app) as with_stickers:
        await ann.get(f"/chats/{chat_id}/messages")
    assert stickers.asked == [[1, 3]]
    assert len(with_stickers) == len(plain) + 1


async def test_a_plain_send_costs_what_it_did(stickers: Stickers, app: Starlette, ann: Member, chat_id: int) -> None:
    before: list[int] = []
    for fields in ({}, {"sticker": "star"}):
        with statements(app) as sent:
            await ann.say(chat_id, "Hello", **fields)
        before.append(len(sent))
    assert stickers.asked == [[2]]
    assert before[1] == before[0] + 1 + app.state.database.is_shared  # which locks the chat, as its parts want it


async def test_a_kept_bubble_is_not_shown_with_another_value(
    stickers: Stickers, ann: Member, bob: Member, chat_id: int
) -> None:
    await ann.say(chat_id, "Look", sticker="star")
    stickers.rows[chat_id, 1] = "another"
    assert "another" in (await bob.get(f"/chats/{chat_id}/messages")).text


async def test_an_edit_may_give_and_take(stickers: Stickers, app: Starlette, ann: Member, chat_id: int) -> None:
    await ann.say(chat_id, "Look", sticker="star")
    changed = await ann.post(f"/chats/{chat_id}/messages/1/edit", data={"body": "A flag"})
    assert "<i>flag 1</i>" in changed.text
    assert "star" not in changed.text
    assert await names_of(app) == ["flag"]


async def test_a_tombstone_has_none_and_nothing_is_kept(
    stickers: Stickers, app: Starlette, ann: Member, chat_id: int
) -> None:
    await ann.say(chat_id, "Look", sticker="star")
    gone = await ann.post(f"/chats/{chat_id}/messages/1/delete")
    assert "This message was deleted" in gone.text
    assert "star" not in gone.text
    assert stickers.rows == {}
    assert await names_of(app) == [""]
    for seq in (1, 2):
        with pytest.raises(NotFound):
            await revise(app, chat_id, seq, add=["flag"])


async def test_a_kind_has_its_rules_and_its_line_in_the_list(
    stickers: Stickers, app: Starlette, ann: Member, bob: Member, chat_id: int, bus: RecordingBus
) -> None:
    await make_message(app, ann, chat_id, "hello")
    async with app.state.database.write() as work:
        await service.send(work, ann.person, chat_id, Draft(body="ahoy", kind="shout"))
    row = (await bob.get("/chats", headers=HTML)).text
    assert "AHOY" in row
    assert "#bookmark" in row.partition("row__preview")[2].partition("AHOY")[0]
    assert "AHOY" in bus.html(topics.chat(chat_id))[-1]
    assert (await bob.read("/chats"))["chats"][0]["unread"] == 2
    may = await ann.read(f"/chats/{chat_id}/messages/2/menu")
    assert (may["may_edit"], may["may_copy"], may["may_delete"]) == (False, False, True)
    path = f"/chats/{chat_id}/messages/2"
    assert (await ann.post(f"{path}/edit", data={"body": "x"})).status_code == 403
    tombstone = (await ann.post(f"{path}/delete")).text
    assert 'data-kind="shout"' in tombstone
    assert "This message was deleted" in tombstone
    assert "AHOY" not in (await bob.get("/chats", headers=HTML)).text


async def test_an_action_stands_in_the_menu_where_it_is_offered(
    stickers: Stickers, app: Starlette, ann: Member, bob: Member, chat_id: int
) -> None:
    await make_message(app, ann, chat_id)
    path = f"/chats/{chat_id}/messages/1"
    menu = (await bob.get(f"{path}/menu", headers=HTML)).text
    assert f'<a href="{path}/wave">Wave to Bob</a>' in menu
    assert menu.index("Wave") < menu.index("Copy text") < menu.index("Delete for me")
    assert (await bob.read(f"{path}/menu"))["may_wave"]
    await ann.post(f"{path}/delete")
    assert not (await bob.read(f"{path}/menu"))["may_wave"]
    assert "Wave" not in (await bob.get(f"{path}/menu", headers=HTML)).text


async def test_panes_stand_on_the_page_and_in_the_info(stickers: Stickers, ann: Member, chat_id: int) -> None:
    page = (await ann.get(f"/chats/{chat_id}", headers=HTML)).text
    assert page.index("</header>") < page.index(f"Sticky in {chat_id}") < page.index("<message-list")
    assert page.index("<message-composer") < page.index('name="sticker"') < page.index('<form id="composer"')
    assert 'href="/stickers"' not in page
    stickers.banner = None
    assert 'id="banner"' not in (await ann.get(f"/chats/{chat_id}", headers=HTML)).text
    assert 'href="/stickers"' in (await ann.get(f"/chats/{chat_id}/info", headers=HTML)).text
    assert (await ann.get(f"/chats/{chat_id}", headers=JSON)).status_code == 200
