"""What was said is found a moment later; here the moment is short."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator

import pytest
from sqlalchemy import text
from starlette.applications import Starlette

from app.search import index
from tests.waiting import until

Indexed = Callable[[], Awaitable[None]]


@pytest.fixture(scope="session", autouse=True)
def soon() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "PAUSE", 0.01)
        yield


@pytest.fixture
def indexed(app: Starlette) -> Indexed:
    """Wait until all that was said may be found."""

    async def is_done() -> bool:
        async with app.state.database.read() as work:
            return not await work.rows(text("SELECT id FROM search_texts WHERE is_stale LIMIT 1"))

    return lambda: until(is_done)
