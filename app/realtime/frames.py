"""The shapes of what travels to pages: HTML aimed at a place, and JSON signals."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal


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


def partial(target: str, html: str, swap: str) -> str:
    """HTML that htmx swaps in at the CSS selector `target`; where the page has none, nothing happens."""
    return f'<hx-partial hx-target="{target}" hx-swap="{swap}">{html}</hx-partial>'


def signal(type_: str, **data: Any) -> str:
    """JSON that scripts hear as an event; never swapped."""
    return json.dumps({"type": type_, **data}, separators=(",", ":"))


# Pages ask once more for what they may have missed.
ASK_AGAIN = signal("limited", on=False)


def is_html(text: str) -> bool:
    """Fragments concatenate; signals go alone."""
    return text.startswith("<")
