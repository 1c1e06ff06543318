"""Loads a server with pages that listen and people who write, or with people who read."""

from __future__ import annotations

import asyncio
import json
import resource
import time
from dataclasses import dataclass, replace
from urllib.parse import urlencode
from uuid import uuid4

from benchmarks.served import Served
from benchmarks.tally import Book, Figures, Span, business, faults, latencies, percentiles, summary
from benchmarks.wire import Caller, Listener, body_of, dial, listen, request
from benchmarks.world import GROUP, World

AT_ONCE = 40  # handshakes under way
STORED = (200, 201)
WARM_SECONDS = 1.0
DRAIN_SECONDS = 10.0
ECHO_SECONDS = 0.2  # how long a duplicate may lag behind
CONNECTIONS = 8  # that read pages
GUESSERS = 8
REFUSED = (401, 403, 422)
LEAST = 3  # answers, however slow the server


@dataclass(frozen=True)
class Load:
    """`sockets` pages in one group or in pairs; `senders` of them go on as soon as their message has come back to
    them, `window` at a time, or all together send `rate` messages a second at fixed times. They send by the frame
    `message.send`, as pages do, or `by_post`.
    """

    sockets: int
    senders: int
    in_pairs: bool = False
    window: int = 1
    rate: float = 0.0
    by_post: bool = False

    def chat_of(self, index: int) -> int:
        return index // 2 + 2 if self.in_pairs else GROUP

    def sender(self, number: int) -> int:
        """Which socket is the one of a sender: in pairs the first of each."""
        return 2 * number if self.in_pairs else number

    def scaled(self, scale: float) -> Load:
        """The same with fewer sockets."""
        sockets = max(4, round(self.sockets * scale) // 2 * 2)
        senders = min(self.senders, sockets // 2)
        return replace(self, sockets=sockets, senders=senders, rate=self.rate * scale)


@dataclass
class Crowd:
    """Everybody who is connected while a load lasts."""

    load: Load
    served: Served
    world: World
    listeners: list[Listener]
    book: Book

    async def say(self, caller: Caller, index: int, due: float) -> asyncio.Future[None] | None:
        """Send as socket `index`; answers what waits for it to come back, or None for a refusal."""
        chat_id, sender = self.load.chat_of(index), self.listeners[index]
        token = self.book.write(chat_id, due)
        arrived = sender.expect(token)
        if self.load.by_post:
            return arrived if await self.post(caller, index, token) else None
        arrived.add_done_callback(lambda heard: None if heard.cancelled() else self.book.store(token))
        sender.say(json.dumps({"type": "message.send", "chat": chat_id, "id": str(uuid4()), "body": body_of(token)}))
        return arrived

    async def post(self, caller: Caller, index: int, token: int) -> bool:
        """Send by a request; answers whether it was taken."""
        chat_id, cookie = self.load.chat_of(index), self.world.cookie(index + 1)
        headers = {"Cookie": f"__Host-sid={cookie}", "HX-Request": "true", "Accept": "text/html"}
        body = urlencode({"body": body_of(token)}).encode()
        url = self.served.url
        answer = await caller.ask(request("POST", f"{url}/chats/{chat_id}/messages", headers, body))
        if answer.status not in STORED:
            self.book.refused += 1
            return False
        self.book.store(token)
        return True

    async def go_on(self, number: int, until: float) -> None:
        """One sender who waits for every message to come back."""
        caller = await dial(self.served.url)
        index = self.load.sender(number)
        try:
            while (now := time.perf_counter()) < until:
                if arrived := await self.say(caller, index, now):
                    await arrived
                else:  # no refusal is expected; a storm of them would hide why
                    await asyncio.sleep(0.05)
        finally:
            caller.transport.close()

    async def keep_time(self, until: float) -> None:
        """Senders in turn, at fixed times, whether the server keeps up or not."""
        callers = [await dial(self.served.url) for _ in range(self.load.senders)]
        begins, number, sending = time.perf_counter(), 0, set()
        while (due := begins + number / self.load.rate) < until:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            sender = number % self.load.senders
            task = asyncio.create_task(self.say(callers[sender], self.load.sender(sender), due))
            sending.add(task)
            number += 1
        await asyncio.gather(*sending)
        for caller in callers:
            caller.transport.close()

    async def write(self, until: float) -> None:
        if self.load.rate:
            await self.keep_time(until)
            return
        loops = [self.go_on(number, until) for number in range(self.load.senders) for _ in range(self.load.window)]
        await asyncio.gather(*loops)

    async def drain(self) -> None:
        """Wait for what is on its way, and a moment for what should not come."""
        size = self.load.sockets if not self.load.in_pairs else 2
        deadline = time.perf_counter() + DRAIN_SECONDS
        while time.perf_counter() < deadline:
            if sum(each.count for each in self.listeners) >= self.book.stored * size:
                break
            await asyncio.sleep(0.02)
        await asyncio.sleep(ECHO_SECONDS)


async def talk(load: Load, served: Served, world: World, seconds: float) -> Figures:
    """Persist and deliver: rates, latencies and faults. Raises TimeoutError when messages do not come back."""
    listeners = await connect(load, served, world)
    crowd = Crowd(load, served, world, listeners, Book())
    try:
        begins = time.perf_counter() + min(WARM_SECONDS, seconds)
        try:
            async with asyncio.timeout(seconds + WARM_SECONDS + DRAIN_SECONDS), asyncio.TaskGroup() as group:
                measured = group.create_task(measure(served, begins, seconds))
                group.create_task(crowd.write(begins + seconds))
        except TimeoutError:
            if not measured.done() or measured.cancelled():
                raise  # else somebody waits for what is missing, and that is counted
        await crowd.drain()
        span = measured.result()
        return {
            **summary(crowd.book, listeners, span),
            **across(crowd, span),
            **faults(crowd.book, listeners),
            "stored": crowd.book.stored,
        }
    finally:
        for each in listeners:
            each.transport.abort()


async def storm(load: Load, served: Served, world: World, seconds: float) -> Figures:
    """The same load twice: alone, and while strangers try passwords as fast as they are told that those are wrong."""
    alone = await talk(load, served, world, seconds)
    guessing = [asyncio.create_task(guess(served.url, number)) for number in range(GUESSERS)]
    try:
        figures = await talk(load, served, world, seconds)
    finally:
        for each in guessing:
            each.cancel()
        ends = await asyncio.gather(*guessing, return_exceptions=True)
    for end in ends:
        if not isinstance(end, asyncio.CancelledError):
            raise RuntimeError("a stranger was not refused") from (end if isinstance(end, Exception) else None)
    p99 = {"alone_p99_ms": alone["p99_ms"]} if "p99_ms" in alone else {}
    return {**figures, **p99, "stored": alone["stored"] + figures["stored"]}


async def guess(url: str, number: int) -> None:
    """Sign in as nobody, without end; a name that is nobody's costs what a wrong password does."""
    caller = await dial(url)
    body = urlencode({"username": f"nobody{number}", "password": "correct horse"}).encode()
    headers = {"Accept": "application/json"}
    while (await caller.ask(request("POST", f"{url}/login", headers, body))).status in REFUSED:
        pass


def across(crowd: Crowd, span: Span) -> Figures:
    """With several processes, senders are at the first one: the p99 of those who listen there, and elsewhere."""
    count = len(crowd.served.urls)
    if count == 1:
        return {}
    here, there = crowd.listeners[::count], [each for n, each in enumerate(crowd.listeners) if n % count]
    waits = {name: sorted(latencies(crowd.book, some, span)) for name, some in (("local", here), ("remote", there))}
    return {f"{name}_p99_ms": percentiles(some)["p99_ms"] for name, some in waits.items() if some}


async def measure(served: Served, begins: float, seconds: float) -> Span:
    await asyncio.sleep(begins - time.perf_counter())
    before = reading(served)
    await asyncio.sleep(begins + seconds - time.perf_counter())
    return since(before, served)


Reading = tuple[float, float, float, float]


def reading(served: Served) -> Reading:
    """Seconds: of the clock, of the server's CPU, of one's own, of the server's cores."""
    return time.perf_counter(), served.cpu(), time.process_time(), served.cores_cpu()


def since(before: Reading, served: Served) -> Span:
    began, *used = before
    now, *used_now = reading(served)
    server, own, cores = (after - each for each, after in zip(used, used_now, strict=True))
    return Span(began, now, server, own, cores)


async def connect(load: Load, served: Served, world: World) -> list[Listener]:
    """The sockets of a load, all ready; with several processes by turns."""
    allow_files()
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(index: int) -> Listener:
        async with gate:
            url = served.urls[index % len(served.urls)]
            return await listen(url, load.chat_of(index), world.cookie(index + 1))

    return await asyncio.gather(*[one(index) for index in range(load.sockets)])


def allow_files() -> None:
    """As many open files, here and in what is started from here, as may be had."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def idle(load: Load, served: Served, world: World) -> Figures:
    """What a socket that does nothing costs."""
    before = served.memory()
    began, cpu = time.perf_counter(), served.cpu()
    listeners = await connect(load, served, world)
    took, cpu = time.perf_counter() - began, served.cpu() - cpu
    await asyncio.sleep(0.5)
    grown = served.memory() - before
    for each in listeners:
        each.transport.abort()
    opened = {"sockets_per_second": load.sockets / took, "cpu_ms_per_socket": cpu / load.sockets * 1000}
    return {"kib_per_socket": grown / load.sockets, **opened}


async def read(served: Served, path: str, cookie: str, seconds: float, at_once: int = CONNECTIONS) -> Figures:
    """Fetch a page again and again."""
    asked = request("GET", served.url + path, {"Cookie": f"__Host-sid={cookie}", "Accept": "text/html"})
    return await repeat(served, asked, seconds, at_once)


async def repeat(served: Served, asked: bytes, seconds: float, at_once: int = 1) -> Figures:
    """Ask the same over `at_once` connections, each when it has its answer; warms up first.

    Raises RuntimeError for an answer that is a refusal.
    """
    callers = [await dial(served.url) for _ in range(at_once)]
    waits: list[float] = []

    async def go_on(caller: Caller, until: float) -> None:
        while time.perf_counter() < until or len(waits) < LEAST:
            began = time.perf_counter()
            answer = await caller.ask(asked)
            if answer.status not in STORED:
                raise RuntimeError(f"{asked.splitlines()[0]!r} was answered with {answer.status}")
            waits.append((time.perf_counter() - began) * 1000)

    for lasts in (min(WARM_SECONDS, seconds) / 2, seconds):
        waits.clear()
        before = reading(served)
        await asyncio.gather(*[go_on(caller, before[0] + lasts) for caller in callers])
        span = since(before, served)
    for caller in callers:
        caller.transport.close()
    cpu = {"cpu_ms_per_request": span.server_cpu / len(waits) * 1000}
    return {"requests_per_second": len(waits) / span.seconds, **percentiles(sorted(waits)), **cpu, **business(span)}
