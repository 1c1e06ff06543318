"""Ticks for those who sent; one's own reading for one's other pages."""

from __future__ import annotations

from collections.abc import Iterator

from app.db import Render
from app.realtime import topics
from app.realtime.frames import Frame, signal
from app.receipts.marks import Ticks


def ticked(_: Render, chat_id: int, delivered: Ticks, read: Ticks) -> Iterator[Frame]:
    """Each page takes `second` where its person is the `holder`, else `least`."""
    pairs = {
        name: [ticks.least, ticks.holder, ticks.second] for name, ticks in (("delivered", delivered), ("read", read))
    }
    yield Frame(topics.chat(chat_id), signal("receipt.ticks", chat=chat_id, **pairs))


def read(_: Render, chat_id: int, user_id: int, seq: int) -> Iterator[Frame]:
    yield Frame(topics.user(user_id), signal("receipt.read", chat=chat_id, seq=seq))


def moved(_: Render, chat_id: int) -> Iterator[Frame]:
    """Somebody came further, for those who look at it just now."""
    yield Frame(topics.receipts(chat_id), signal("receipt.moved", chat=chat_id))
