"""What is put into a long list makes the browser look at that, and not at the rest again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Page, expect
from starlette.applications import Starlette

from tests.browser.conftest import Visit
from tests.browser.conversation import MESSAGES, bubble, field, wheel
from tests.make import Member, make_message, make_messages

FEW = 100  # elements: what is new, the chat's row, and what the marks are for
TRACKING = ["-*", "devtools.timeline", "disabled-by-default-devtools.timeline.invalidationTracking"]


@asynccontextmanager
async def traced(page: Page) -> AsyncIterator[list[str]]:
    """Afterwards the list names what had to be given styles again, once for each time; `…` stands for all in it."""
    assert page.context.browser
    devtools = await page.context.browser.new_browser_cdp_session()
    events: list[dict[str, Any]] = []
    ended = asyncio.Event()
    devtools.on("Tracing.dataCollected", lambda part: events.extend(part["value"]))
    devtools.on("Tracing.tracingComplete", lambda _: ended.set())
    config = {"includedCategories": TRACKING}
    await devtools.send("Tracing.start", {"traceConfig": config, "transferMode": "ReportEvents"})
    restyled: list[str] = []
    yield restyled
    await devtools.send("Tracing.end")
    await ended.wait()
    await devtools.detach()
    for event in events:
        data = event["args"].get("data", {})
        if event["name"] == "StyleRecalcInvalidationTracking":
            restyled.append(data["nodeName"])
        elif data.get("reason") == "Invalidation set invalidates subtree":
            restyled.append(f"{data['nodeName']} …")


async def test_what_comes_in_leaves_the_rest_as_it_is(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    await make_messages(app, bob, chat_id, 200)
    await ann.post(f"/chats/{chat_id}/read")
    page = await visit(ann, f"/chats/{chat_id}")
    await field(page).focus()
    await make_message(app, bob, chat_id, "warm")
    await expect(bubble(page, "warm")).to_be_in_viewport(ratio=1)
    async with traced(page) as one:
        await make_message(app, bob, chat_id, "another")
        await expect(bubble(page, "another")).to_be_in_viewport(ratio=1)
    async with traced(page) as many:
        oldest = int(await page.locator(MESSAGES).first.get_attribute("data-seq") or 0)
        await wheel(page, -1500)
        await expect(page.locator(f"{MESSAGES}[data-seq='{oldest - 5}']")).to_be_attached()
    for restyled in (one, many):
        assert 0 < len(restyled) < FEW
        assert not [name for name in restyled if name.endswith("…")]
