"""What is asked of SQLite costs the same in a long chat as in a short one."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from app.settings import Settings
from tests.make import HTML, Member, make_group, make_messages
from tests.test_queries import watched

SHORT, LONG = 150, 1500
EACH = 10  # instructions of SQLite's machine that are counted as one
SLACK = 40

pytestmark = pytest.mark.sqlite

Asked = list[tuple[str, Sequence[Any]]]


def cost(path: Path, asked: Asked) -> dict[str, int]:
    """The work of each question, whatever else the machine does meanwhile."""
    costs: dict[str, int] = {}
    connection = sqlite3.connect(path)
    for statement, values in asked:
        steps = count()
        connection.set_progress_handler(lambda steps=steps: next(steps) < 0, EACH)  # type: ignore[misc]
        connection.execute(statement, values).fetchall()
        costs[statement] = next(steps)
    connection.close()
    return costs


CASES = {
    "open": "/chats/{chat}",
    "older": "/chats/{chat}?before={last}",
    "newer": "/chats/{chat}?after={near}",
    "in the middle": "/chats/{chat}?at={near}",
    "catch up": "/chats/{chat}/messages?since={before}",
    "catch up what is shown": "/chats/{chat}/messages?since={before}&from={near}",
    "the list": "/",
    "search": "/chats/{chat}/search?q=hello",
    "menu": "/chats/{chat}/messages/{last}/menu",
}


@pytest.mark.parametrize("path", CASES.values(), ids=CASES)
async def test_a_long_chat_costs_what_a_short_one_does(
    app: Starlette, settings: Settings, ann: Member, bob: Member, path: str
) -> None:
    chat, costs, last = await make_group(app, ann, bob), [], 1
    for length in (SHORT, LONG - SHORT):
        await make_messages(app, ann, chat, length)
        last += length
        await bob.post(f"/chats/{chat}/read", data={"seq": last})
        place = {"chat": chat, "last": last, "near": last - 5, "before": last - 1}
        asked: Asked = []
        with watched(app, lambda *each: asked.append(each)):  # noqa: B023
            response = await bob.get(path.format(**place), headers=HTML)
        assert response.status_code == 200
        assert asked
        # An index of some kinds only is of no use to a plan that is kept for any kind; SQLite made it anew each time.
        assert not [statement for statement, _ in asked if re.search(r"messages\.kind !?= \?", statement)]
        costs.append(cost(settings.data / "parley.db", asked))
    short, long = costs
    grown = [
        f"{short.get(each)} -> {steps}: {each}" for each, steps in long.items() if steps > short.get(each, 0) + SLACK
    ]
    assert not grown
