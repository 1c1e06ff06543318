"""How frames leave: in order, joined, made ready once, and never faster than a page reads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from app.realtime.frames import Parcel
from app.realtime.hub import PARCEL, TOO_SLOW, Outbox
from app.realtime.writer import LONGEST_REST, Writer
from tests.waiting import until


class Page:
    """The end of a wire, which keeps the parcels that it got; `room` is how many it takes before it is full."""

    def __init__(self, writer: Writer, room: int = 1000) -> None:
        self.freed: Callable[[], None] | None = None
        self.parcels: list[Parcel] = []
        self.code: int | None = None
        self.room = room
        self.outbox = Outbox()
        writer.attach(self.outbox, self)

    @property
    def is_free(self) -> bool:
        return len(self.parcels) < self.room

    @is_free.setter
    def is_free(self, is_free: bool) -> None:
        self.room = 1000 if is_free else 0

    def send_parcel(self, parcel: Parcel) -> None:
        assert self.code is None
        self.parcels.append(parcel)

    def close_with(self, code: int) -> None:
        assert self.code is None
        self.code = code

    def read(self) -> None:
        """Take what comes from now on."""
        self.is_free = True
        assert self.freed is not None
        self.freed()

    @property
    def heard(self) -> list[str]:
        return [text for parcel in self.parcels for text in parcel.messages]


@pytest.fixture
def writer() -> Writer:
    return Writer()


async def test_what_is_said_in_one_turn_leaves_together_at_its_end(writer: Writer) -> None:
    page = Page(writer)
    page.outbox.put("<a>")
    page.outbox.put("<b>")
    assert page.heard == []
    await asyncio.sleep(0)
    assert page.heard == ["<a><b>"]


async def test_what_follows_closely_is_joined_and_comes_soon(writer: Writer) -> None:
    page = Page(writer)
    for number in range(100):
        page.outbox.put(f"<{number}>")
        await asyncio.sleep(0)
    await until(lambda: "".join(page.heard) == "".join(f"<{number}>" for number in range(100)))
    assert len(page.heard) < 100


async def test_what_is_the_same_for_many_is_made_ready_once(writer: Writer) -> None:
    pages = [Page(writer) for _ in range(3)]
    for page in pages:
        page.outbox.put("<a>")
        page.outbox.put("<b>")
    pages[2].outbox.put("<c>")
    await asyncio.sleep(0)
    assert pages[0].parcels[0] is pages[1].parcels[0]
    assert [page.heard for page in pages] == [["<a><b>"], ["<a><b>"], ["<a><b><c>"]]


async def test_while_a_page_reads_nothing_its_frames_wait_and_others_get_theirs(writer: Writer) -> None:
    slow, quick = Page(writer, room=0), Page(writer)
    for page in (slow, quick):
        page.outbox.put("<a>")
    await asyncio.sleep(0)
    for page in (slow, quick):
        page.outbox.put("<b>")
    await until(lambda: quick.heard == ["<a>", "<b>"])
    assert slow.heard == []
    slow.read()
    await until(lambda: slow.heard == ["<a><b>"])


async def test_a_page_that_is_full_gets_no_more_than_fits(writer: Writer) -> None:
    page = Page(writer, room=2)
    for letter in "abcd":
        page.outbox.put(letter * PARCEL)
    await asyncio.sleep(0)
    assert [text[0] for text in page.heard] == ["a", "b"]
    page.read()
    await until(lambda: [text[0] for text in page.heard] == list("abcd"))


async def test_a_page_that_never_reads_is_closed(writer: Writer) -> None:
    page = Page(writer, room=0)
    for number in range(513):
        page.outbox.put(str(number))
    await until(lambda: page.code == TOO_SLOW)
    assert page.heard == []


async def test_closing_comes_after_what_was_sent_and_before_what_waited(writer: Writer) -> None:
    page = Page(writer)
    page.outbox.put("<a>")
    await asyncio.sleep(0)
    page.outbox.put("<b>")
    page.outbox.close(4401)
    page.outbox.put("<c>")
    await until(lambda: page.code == 4401)
    assert page.heard == ["<a>"]


async def test_nothing_goes_to_a_page_that_has_gone(writer: Writer) -> None:
    gone, here = Page(writer), Page(writer)
    for page in (gone, here):
        page.outbox.put("<a>")
    writer.detach(gone.outbox)
    await asyncio.sleep(LONGEST_REST)
    assert (gone.heard, here.heard) == ([], ["<a>"])


async def test_what_cannot_be_written_to_is_nobody_elses_business(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, sound = Page(writer), Page(writer)
    monkeypatch.setattr(broken, "send_parcel", None)
    for text in ("<a>", "<b>"):
        for page in (broken, sound):
            page.outbox.put(text)
        await until(lambda text=text: text in sound.heard)  # type: ignore[misc]


async def test_silence_is_broken_by_a_beat_and_talk_is_not(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.realtime.writer.BEAT_SECONDS", 0.1)
    quiet, deaf, talking = Page(writer), Page(writer, room=0), Page(writer)
    deaf.outbox.put("<a>")
    while len(quiet.heard) < 3:
        talking.outbox.put("<p>")
        await asyncio.sleep(0.01)
    assert set(quiet.heard) == {'{"type":"beat"}'}
    assert {text[:3] for text in talking.heard} == {"<p>"}
    assert deaf.outbox.frames == ["<a>"]


async def test_beats_end_with_the_last_page(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.realtime.writer.BEAT_SECONDS", 0.05)
    page = Page(writer)
    writer.detach(page.outbox)
    await until(lambda: writer.beating is None)
    later = Page(writer)
    await until(lambda: later.heard != [])
