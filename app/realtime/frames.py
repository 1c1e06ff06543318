"""The shapes of what travels to pages: HTML aimed at a place, and JSON signals."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any, Literal

from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode


@dataclass(frozen=True, slots=True)
class Frame:
    """A finished string for every outbox of a topic."""

    topic: str
    text: str


@dataclass(frozen=True, slots=True)
class Control:
    """An order for the sockets of a topic themselves: join or leave the topic `argument`, or close with that code.

    `then` is a frame for them once it is done: who joined hears the topic from there on.
    """

    topic: str
    order: Literal["join", "leave", "close"]
    argument: str
    then: str = ""


Announcement = Frame | Control
# Made once: a flush of receipts encodes a signal for each person.
_encoder = json.JSONEncoder(separators=(",", ":"))


def partial(target: str, html: str, swap: str) -> str:
    """HTML that htmx swaps in at the CSS selector `target`; where the page has none, nothing happens."""
    return f'<hx-partial hx-target="{target}" hx-swap="{swap}">{html}</hx-partial>'


def signal(type_: str, **data: Any) -> str:
    """JSON that scripts hear as an event; never swapped."""
    return _encoder.encode({"type": type_, **data})


# Pages ask once more for what they may have missed.
ASK_AGAIN = signal("limited", on=False)


def is_html(text: str) -> bool:
    """Fragments concatenate; signals go alone."""
    return text.startswith("<")


class Parcel:
    """Frames that leave together, perhaps to many sockets: waiting HTML joined into one message, signals alone."""

    def __init__(self, frames: Iterable[str]) -> None:
        self.messages: list[str] = []
        for is_fragment, run in groupby(frames, is_html):
            texts = list(run)
            self.messages += ["".join(texts)] if is_fragment else texts

    @cached_property
    def data(self) -> bytes:
        """The messages as they travel in a WebSocket without extensions."""
        # Half a character, which is no UTF-8, is nobody else's business.
        encoded = [text.encode(errors="replace") for text in self.messages]
        return b"".join(WireFrame(Opcode.TEXT, text).serialize(mask=False) for text in encoded)
