"""What people notice: a page in a real browser, which says itself how it fares.

The server keeps to its core; the browser has all of them, so both share that one.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from playwright.async_api import CDPSession, Page, async_playwright

from benchmarks.served import ALL_CORES, Served
from benchmarks.tally import Figures, percentiles
from benchmarks.wire import Caller, body_of, dial, request
from benchmarks.world import CREW, World
from tests.chromium import QUIET, find_chromium

WATCH = (Path(__file__).parent / "watch.js").read_text()
SCREEN = {"width": 1280, "height": 800}
WHEEL, EVERY = 600, 0.05  # pixels of a turn of the wheel, and how many seconds pass until the next one
BURST = 200  # messages in a second
KEYS, TYPING_RATE = 100, 50  # pressed, while so many messages a second arrive
KEEP, AT_ONCE = 10_000, 250  # messages to an open chat; the next ones, in a second, when these are shown
PATIENCE = 60
DONE = (200, 201, 204, 303)
STILL = 0.5  # seconds, after which a page has nothing left to do

NEWEST = "Number([...document.querySelectorAll('.messages__list > .message[data-seq]')].at(-1)?.dataset.seq ?? 0)"
OLDEST = "Number(document.querySelector('.messages__list > .message[data-seq]').dataset.seq)"


@dataclass
class Watched:
    """An open chat, seen by somebody."""

    page: Page
    devtools: CDPSession
    served: Served
    world: World
    cpu_before: float = 0.0

    async def number(self, expression: str) -> float:
        return float(await self.page.evaluate(expression))

    async def until(self, condition: str) -> None:
        await self.page.wait_for_function(f"() => {condition}", timeout=PATIENCE * 1000)

    async def say(self, count: int, rate: float) -> None:
        """The others send so many messages at fixed times, and they are shown."""
        newest = int(await self.number(NEWEST))
        callers = [await dial(self.served.url) for _ in range(CREW - 1)]
        began = time.perf_counter()
        sending = set()
        for number in range(count):
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
            sender = number % len(callers)
            sending.add(asyncio.create_task(self._send(callers[sender], sender + 1, number)))
        await asyncio.gather(*sending)
        for caller in callers:
            caller.transport.close()
        await self.until(f"{NEWEST} >= {newest + count}")

    async def _send(self, caller: Caller, sender: int, number: int) -> None:
        path, cookie = f"/chats/{self.world.watched_chat}/messages", self.world.cookie(sender)
        await post(caller, self.served, path, cookie, {"body": body_of(number)})

    async def begin(self) -> None:
        """Forget what was seen."""
        await asyncio.sleep(STILL)
        await self.page.evaluate("Object.assign(seen, { tasks: [], pictures: [], keys: [] })")
        self.cpu_before = await self.cpu()

    async def seen(self) -> dict[str, Any]:
        await asyncio.sleep(STILL)
        seen: dict[str, Any] = await self.page.evaluate("seen")
        return seen

    async def cpu(self) -> float:
        """Seconds that the page's main thread has worked; what other programs take from it does not count."""
        metrics = (await self.devtools.send("Performance.getMetrics"))["metrics"]
        return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))

    async def smoothness(self, bubbles: int) -> Figures:
        """Long tasks (from 50 ms on), how long a picture stood at most, and what a bubble cost."""
        cost = {"cpu_ms_per_bubble": (await self.cpu() - self.cpu_before) * 1000 / bubbles}
        seen = await self.seen()
        gaps = [after - before for before, after in itertools.pairwise(seen["pictures"])]
        tasks = [duration for _, duration in seen["tasks"]]
        longest = {"longest_task_ms": max(tasks, default=0.0), "longest_picture_ms": max(gaps)}
        return {"bubbles": bubbles, "long_tasks": len(tasks), **longest, **cost}

    async def held(self) -> dict[str, float]:
        """What the page holds after the garbage is gone."""
        for _ in range(3):
            await self.devtools.send("HeapProfiler.collectGarbage")
        heap = await self.devtools.send("Runtime.getHeapUsage")
        counts = await self.devtools.send("Memory.getDOMCounters")
        return {
            "heap_kib": heap["usedSize"] / 1024,
            "nodes": counts["nodes"],
            "listeners": counts["jsEventListeners"],
        }


async def post(caller: Caller, served: Served, path: str, cookie: str, fields: dict[str, str]) -> None:
    """Raises RuntimeError for a refusal."""
    body = urlencode(fields).encode()
    answer = await caller.ask(request("POST", served.url + path, {"Cookie": f"__Host-sid={cookie}"}, body))
    if answer.status not in DONE:
        raise RuntimeError(f"POST {path} was answered with {answer.status}")


@contextlib.asynccontextmanager
async def watched(served: Served, world: World) -> AsyncIterator[Watched]:
    """Open the chat in a browser of its own. Raises RuntimeError where there is none."""
    path = find_chromium()
    if path is None:
        raise RuntimeError("this needs Chromium: install it, or name one with CHROMIUM=/path")
    async with async_playwright() as playwright:
        with on_all_cores():
            browser = await playwright.chromium.launch(executable_path=path, args=QUIET)
        context = await browser.new_context(base_url=served.url, viewport=SCREEN)  # type: ignore[arg-type]
        secure = served.url.replace("http:", "https:")  # without which this cookie is not taken
        cookie = {"name": "__Host-sid", "value": world.cookie(world.watcher), "url": secure, "secure": True}
        await context.add_cookies([cookie])  # type: ignore[list-item]
        page = await context.new_page()
        await page.add_init_script(WATCH)
        await page.add_init_script("document.addEventListener('parley:open', () => (window.isOpen = true))")
        reader = await dial(served.url)
        await post(reader, served, f"/chats/{world.watched_chat}/read", world.cookie(world.watcher), {})
        reader.transport.close()
        await page.goto(f"/chats/{world.watched_chat}")
        await page.wait_for_function("() => window.isOpen")
        devtools = await context.new_cdp_session(page)
        await devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
        try:
            yield Watched(page, devtools, served, world)
        finally:
            await browser.close()


@contextlib.contextmanager
def on_all_cores() -> Iterator[None]:
    """What is started meanwhile does not keep to the generator's core."""
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, ALL_CORES)
    try:
        yield
    finally:
        os.sched_setaffinity(0, own)


async def scroll(view: Watched, by: float, condition: str) -> None:
    """Turn the wheel until it is so."""
    async with asyncio.timeout(PATIENCE):
        while not await view.page.evaluate(condition):
            await view.page.mouse.wheel(0, by)
            await asyncio.sleep(EVERY)


async def paging(view: Watched, scale: float) -> Figures:
    """Up to the beginning of the chat and down again."""
    await view.page.locator(".messages__scroll").hover()
    newest = int(await view.number(NEWEST))
    first = max(1, round(newest * (1 - scale)))
    await view.begin()
    await scroll(view, -WHEEL, f"{OLDEST} <= {first}")
    await scroll(view, WHEEL, f"{NEWEST} === {newest} && document.querySelector('.messages__scroll').scrollTop > -1")
    return await view.smoothness(newest - first + 1)


async def burst(view: Watched, scale: float) -> Figures:
    """Many messages within a second, at the bottom."""
    count = max(2, round(BURST * scale))
    await view.say(2, 20)
    await view.begin()
    await view.say(count, BURST)
    return await view.smoothness(count)


async def typing(view: Watched, scale: float) -> Figures:
    """Keys while messages arrive."""
    keys = max(5, round(KEYS * scale))
    await view.page.locator(".composer__field").focus()
    await view.page.keyboard.type("warm", delay=50)
    await view.begin()
    saying = asyncio.create_task(view.say(round(keys * 0.1 * TYPING_RATE), TYPING_RATE))
    for _ in range(keys):
        await view.page.keyboard.press("e")
        await asyncio.sleep(0.09)
    await saying
    found = (await view.seen())["keys"]
    handled, shown = [sorted(key[n] for key in found) for n in (0, 1)]
    return {**percentiles(handled), "shown_p95_ms": percentiles(shown)["p95_ms"], "keys": len(found)}


async def keeping(view: Watched, scale: float) -> Figures:
    """What stays in memory of many messages, after the list has its full length."""
    count, at_once = max(2, round(KEEP * scale)), max(1, round(AT_ONCE * min(1, scale * 10)))
    for _ in range(2):
        await view.say(at_once, AT_ONCE)
    await view.begin()
    before = await view.held()
    for sent in range(0, count, at_once):
        await view.say(min(at_once, count - sent), AT_ONCE)
    smooth = await view.smoothness(count)
    after = await view.held()
    grown = {f"{name}_grown": after[name] - before[name] for name in before}
    return {"heap_kib": after["heap_kib"], **grown, **smooth}


WATCHES = {"paging": paging, "burst": burst, "typing": typing, "keeping": keeping}


async def watch(name: str, served: Served, world: World, scale: float) -> Figures:
    """One of WATCHES in a fresh browser."""
    async with watched(served, world) as view:
        return await WATCHES[name](view, scale)
