"""What is asked of SQLite costs the same in a long chat as in a short one."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from starlette.applications import Starlette

from app.settings import Settings
from app.sqlite_look import ask as ask_sqlite
from tests.make import HTML, Member, make_group, make_messages

SHORT, LONG = 150, 1500
EACH = 10  # instructions of SQLite's machine that are counted as one
SLACK = 40

pytestmark = pytest.mark.sqlite

Asked = list[tuple[str, Sequence[Any]]]


@contextmanager
def noted(app: Starlette) -> Iterator[Asked]:
    """The questions that are put to the database while the block runs."""
    asked: Asked = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if statement.startswith("SELECT") and "search_" not in statement:
            asked.append((statement, values))

    def ask(driver: Any, statement: str, values: Sequence[Any]) -> list[Any]:
        note(None, None, statement, values)
        return ask_sqlite(driver, statement, values)

    engines = [engine.sync_engine for engine in app.state.database.engines]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("app.sqlite_look.ask", ask)
            patch.setattr("app.sqlite_writer.ask", ask)
            yield asked
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)


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
        with noted(app) as asked:
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
