"""A site that links lead to, which the server of a test may reach."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.cards.sites import Site, serving


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with serving() as site:
        yield site
