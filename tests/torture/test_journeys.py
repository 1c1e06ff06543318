"""What two people see in two browsers, where several processes on PostgreSQL and Redis stand behind a proxy."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Locator, Page, expect
from starlette.applications import Starlette

from app.main import create_app
from app.settings import Settings
from tests.browser.conftest import Visit, chromium, new_context, visit
from tests.browser.conversation import bubble, expect_tick, say
from tests.browser.test_groups_journey import test_a_group_from_making_to_leaving
from tests.browser.test_presence import test_typing_is_named_in_row_header_and_dots
from tests.browser.test_talking import (
    test_a_device_that_is_signed_out_shows_nothing_more,
    test_a_word_travels_and_its_ticks_come_back,
    test_changes_are_seen_and_marks_never_go_back,
)
from tests.browser.test_without_scripts import test_editing_deleting_hiding, test_groups
from tests.cluster import Cluster
from tests.make import Member
from tests.process import environment
from tests.torture.conftest import Machines
from tests.torture.proxy import Proxy

pytestmark = pytest.mark.torture
# Fixtures and journeys of one process, which run here on several.
__all__ = [
    "chromium",
    "new_context",
    "test_a_device_that_is_signed_out_shows_nothing_more",
    "test_a_group_from_making_to_leaving",
    "test_a_word_travels_and_its_ticks_come_back",
    "test_changes_are_seen_and_marks_never_go_back",
    "test_editing_deleting_hiding",
    "test_groups",
    "test_typing_is_named_in_row_header_and_dots",
    "visit",
]


@pytest.fixture
async def server(machines: Machines) -> AsyncIterator[Proxy]:
    """What browsers reach: each connection goes to the next process."""
    async with Proxy([each.port for each in machines.cluster.processes]) as proxy:
        yield proxy


@pytest.fixture
async def app(machines: Machines) -> AsyncIterator[Starlette]:
    """One process more, in which tests put people and messages into the database, and tell the others."""
    cluster: Cluster = machines.cluster
    async with cluster.app.state.database.read():
        pass  # its engine is the first, and shares with later ones what it learns when it connects
    app = create_app(Settings.from_environment(environment(cluster.folder, **cluster.settings)))
    async with app.router.lifespan_context(app):
        yield app


def bar(page: Page) -> Locator:
    return page.get_by_role("status").get_by_text("Live updates are limited right now.")


async def test_without_redis_pages_ask_and_say_so(
    machines: Machines, visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    hers, his = await visit(ann, f"/chats/{chat_id}"), await visit(bob, f"/chats/{chat_id}")
    await asyncio.to_thread(machines.redis.stop, signal.SIGKILL)
    for page in (hers, his):
        await expect(bar(page)).to_be_visible()
    await say(hers, "Are you there?")
    await expect(bubble(his, "Are you there?")).to_be_visible()
    await asyncio.to_thread(machines.redis.start)
    for page in (hers, his):
        await expect(bar(page)).to_be_hidden(timeout=15_000)
    await say(his, "All the time")
    await expect(bubble(hers, "All the time")).to_be_visible()
    await expect_tick(bubble(his, "All the time"), "Read")
