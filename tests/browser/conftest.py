"""A real Chromium for the journeys: one for the whole run, a fresh context for each person in a test."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright, expect
from starlette.applications import Starlette

from app.main import create_app
from app.settings import Settings
from tests.chromium import QUIET, find_chromium
from tests.make import Member
from tests.server import Running, running

# What is said of a network that tests cut.
NETWORK = ("Failed to load resource", "Failed to fetch", "WebSocket connection to", "htmx: htmx:ws:error")

NewContext = Callable[..., Awaitable[BrowserContext]]
Visit = Callable[..., Awaitable[Page]]

expect.set_options(timeout=10_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker("browser")


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    path = find_chromium()
    if path is None:
        pytest.skip("browser tests need Chromium: apt install chromium, or name one with CHROMIUM=/path")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        await browser.close()


@pytest.fixture
async def new_context(chromium: Browser) -> AsyncIterator[NewContext]:
    contexts: list[BrowserContext] = []

    async def new(**options: Any) -> BrowserContext:
        contexts.append(await chromium.new_context(**options))
        return contexts[-1]

    yield new
    for context in contexts:
        await context.close()


@pytest.fixture
async def server(settings: Settings) -> AsyncIterator[Running]:
    """Parley itself, on a port."""
    async with running(create_app(settings)) as server:
        yield server


@pytest.fixture
def app(server: Running) -> Starlette:
    """The app that the server serves, so that people and chats are made where the browsers look."""
    assert isinstance(server.app, Starlette)
    return server.app


@pytest.fixture
async def visit(server: Running, new_context: NewContext) -> AsyncIterator[Visit]:
    """`await visit(ann, "/chats/7")`: a page of hers in a browser of its own, once its socket is open.

    Whatever a script of ours breaks, or the policy blocks, fails the test at its end.
    """
    broken: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error" and not any(text in message.text for text in NETWORK):
            broken.append(message.text)

    async def visit(member: Member, path: str = "/", **options: Any) -> Page:
        context = await new_context(base_url=server.url, **options)
        address = server.url.replace("http:", "https:")  # without which this cookie is not taken
        cookie = {"name": "__Host-sid", "value": member.cookie, "url": address, "secure": True}
        await context.add_cookies([cookie])  # type: ignore[list-item]
        page = await context.new_page()
        page.on("console", hear)
        page.on("pageerror", lambda error: broken.append(str(error)))
        await page.add_init_script(OPENED)
        await page.goto(path)
        if options.get("java_script_enabled", True):
            await expect(page.locator("html[data-opened][data-whole]")).to_be_attached()
        return page

    yield visit
    assert broken == []


# Counts how often the socket came up, where tests can wait for it.
OPENED = """document.addEventListener("parley:open", () => {
  const { dataset } = document.documentElement;
  dataset.opened = Number(dataset.opened ?? 0) + 1;
});"""


async def stop_clock(page: Page) -> None:
    """From now on time passes in the page only when a test says so, by `page.clock`."""
    await page.clock.install()
    await page.clock.pause_at(time.time() + 5)


async def hide(page: Page, hidden: bool) -> None:
    """A headless browser shows all its pages, so this one says that it is behind another."""
    state = "hidden" if hidden else "visible"
    await page.evaluate(
        """state => {
          Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
          Object.defineProperty(document, "hidden", { value: state === "hidden", configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        state,
    )
