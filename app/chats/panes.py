"""What other features add to the page of a conversation and to its info, by name.

Each feature hands in its own beside its `routes`, and `main.py` puts them here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from app.chats.models import Conversation
from app.db import Work

SLOTS = ("header", "banner", "strip", "attach", "info")

Load = Callable[[Request, Work, Conversation], Awaitable[Any]]


@dataclass(frozen=True, kw_only=True)
class Pane:
    """A piece of the page, for the one who asked for it.

    `template` sees `chat` and `value`, what `load` answers; None leaves it away. It stands in a slot: among the
    buttons of the `header`, as a `banner` under it, as a `strip` over the composer (fields in it say
    `form="composer"`), in the menu of what to `attach`, or as an entry of the chat's `info`.
    """

    slot: str
    template: str
    load: Load | None = None


PANES: dict[str, Pane] = {}


async def panes_of(request: Request, work: Work, chat: Conversation, *slots: str) -> dict[str, list[tuple[str, Any]]]:
    """For each of these slots the templates of what stands there, each with its value."""
    found: dict[str, list[tuple[str, Any]]] = {slot: [] for slot in slots}
    for pane in PANES.values():
        if pane.slot in found:
            value = await pane.load(request, work, chat) if pane.load else ()
            if value is not None:
                found[pane.slot].append((pane.template, value))
    return found
