"""An open page without a browser: what outbox.js, live.js and catch-up.js do, and what was noticed meanwhile."""

from __future__ import annotations

import asyncio
import json
import random
import re
import socket
import time
import uuid
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
import websockets

from tests.make import Member
from tests.waiting import until

# As in static/js, and as docs/live.md asks of every client.
AGAIN = 3.0
TRIES = 4
LATEST = 20.0
FIRST_DELAY, LONGEST_DELAY = 2.0, 16.0  # at most; it is random
BUSY_DELAYS = ((2.0, 6.0), (4.0, 12.0))
ASK_WHILE_LIMITED = 5.0
SPREAD = 2.0
SESSION_OVER, BUSY = 4401, 1013
PLACED = re.compile(
    r'hx-target="#chat-(\d+)-messages" hx-swap="place">\s*'
    r'<li id="message-([0-9a-f-]{36})"[^>]* data-seq="(\d+)" data-revision="(\d+)"'
)


@dataclass(eq=False)
class Outgoing:
    """A message on its way."""

    chat_id: int
    body: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    tries: int = 0
    has_failed: bool = False


class Shown:
    """A conversation as it stands on the page: ids by seq, and the revision that the page knows."""

    def __init__(self, page: Page, chat_id: int) -> None:
        self.page = page
        self.chat_id = chat_id
        self.ids: dict[int, str] = {}
        self.known = 0
        self.request: asyncio.Task[None] | None = None
        self.again = False

    @property
    def lowest(self) -> int:
        return min(self.ids, default=0)

    def place(self, seq: int, id_: str, revision: int, quiet: bool = False) -> None:
        self.ids[seq] = id_
        self.saw(revision, quiet)

    def saw(self, revision: int, quiet: bool = False) -> None:
        if revision == self.known + 1:
            self.known = revision
        elif revision > self.known and not quiet:
            self.missed()

    def missed(self) -> None:
        if self.request and not self.request.done():
            self.again = True
        else:
            self.ask()

    def ask(self) -> None:
        """Anew, whatever is still on its way."""
        if self.request:
            self.request.cancel()
        self.request = self.page.begin(self._ask())

    async def _ask(self) -> None:
        answer = await self.page.look(f"/chats/{self.chat_id}/messages?since={self.known}&from={self.lowest}")
        if answer and answer["reload"]:
            await self.load()
        elif answer:
            self._take(answer)
        if self.again:
            self.again = False
            self.request = None
            self.ask()

    async def load(self) -> None:
        """As a page that is opened anew: the newest messages alone."""
        answer = await self.page.look(f"/chats/{self.chat_id}/messages")
        if answer:
            self.ids, self.known = {}, 0
            self._take(answer)

    def _take(self, answer: dict[str, Any]) -> None:
        for each in answer["messages"]:
            self.ids[each["seq"]] = each["id"]
        self.known = max(self.known, answer["revision"])


class Page:
    """Somebody's page on which their chats are open; `async with` opens it and waits for its socket.

    acknowledged: id → (chat, seq) as the server answered.
    seconds: how long each POST took, until its answer or its end.
    opened: the instants at which the socket was ready.
    codes: with which it was closed.
    buffer: how little the system takes in for a socket that is not read from; None for what is usual.
    heard: the signals; framed: the ids of the messages that came by frame.
    """

    def __init__(
        self, url: str, member: Member, chat_ids: Iterable[int], ws_url: str = "", buffer: int | None = None
    ) -> None:
        self.url = url
        self.member = member
        self.ws_url = (ws_url or url).replace("http", "ws", 1) + "/ws"
        cookie = {"cookie": f"__Host-sid={member.cookie}"}
        headers = {**cookie, "accept": "application/json"}
        self.http = httpx.AsyncClient(
            base_url=url, headers=headers, timeout=LATEST, verify=False, trust_env=False,
        )  # fmt: skip
        self.cookie = cookie
        self.buffer = buffer
        self.shown = {chat_id: Shown(self, chat_id) for chat_id in chat_ids}
        self.waiting: list[Outgoing] = []
        self.busy: set[int] = set()
        self.posts: set[asyncio.Task[httpx.Response]] = set()
        self.acknowledged: dict[str, tuple[int, int]] = {}
        self.seconds: list[float] = []
        self.refusals: list[tuple[int, str]] = []
        self.given_up = 0
        self.opened: list[float] = []
        self.codes: list[int] = []
        self.heard: list[dict[str, Any]] = []
        self.framed: set[str] = set()
        self.limited: asyncio.Task[None] | None = None
        self.is_ready = asyncio.Event()
        self.is_reading = asyncio.Event()
        self.is_reading.set()
        self.tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        for each in self.shown.values():
            await each.load()
        self.begin(self._live())
        await asyncio.wait_for(self.is_ready.wait(), LATEST)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.http.aclose()

    def begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Something that ends with the page."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def look(self, path: str) -> dict[str, Any] | None:
        """What programs get, or None when it fails."""
        try:
            response = await self.http.get(path)
        except httpx.HTTPError:
            return None
        return response.json() if response.status_code == 200 else None

    # The outbox

    def send(self, chat_id: int, body: str) -> None:
        self.waiting.append(Outgoing(chat_id, body))
        self.begin(self._flush(chat_id))

    def retry_failed(self) -> None:
        """Press "Try again" wherever the page gave up."""
        for message in self.waiting:
            message.tries, message.has_failed = 0, False
        self._flush_all()

    async def _flush(self, chat_id: int, after: float = 0) -> None:
        await asyncio.sleep(after)
        if chat_id in self.busy:
            return
        self.busy.add(chat_id)
        pause = 0.0
        while not pause and (message := self._next(chat_id)):
            pause = await self.deliver(message)
        self.busy.discard(chat_id)
        if pause:
            self.begin(self._flush(chat_id, pause))

    def _next(self, chat_id: int) -> Outgoing | None:
        mine = (each for each in self.waiting if each.chat_id == chat_id and not each.has_failed)
        return next(mine, None)

    async def deliver(self, message: Outgoing) -> float:
        """Send one message; answers how long to wait before the next try, 0 for none."""
        response, was_aborted = await self._post(message)
        if response is not None and response.is_success:
            data = response.json()
            self.acknowledged[message.id] = message.chat_id, data["seq"]
            self.shown[message.chat_id].place(data["seq"], data["id"], data["revision"], quiet=True)
        if message not in self.waiting:
            return 0
        if response is None:
            return 0.001 if was_aborted else AGAIN
        if response.status_code == 429:
            return float(response.headers.get("retry-after", 1))
        if not response.is_success:
            return self._refused(message, response)
        self.waiting.remove(message)
        return 0

    def _refused(self, message: Outgoing, response: httpx.Response) -> float:
        self.refusals.append((response.status_code, response.text))
        message.tries += 1
        if response.status_code >= 500 and message.tries < TRIES:
            return AGAIN
        message.has_failed = True
        self.given_up += 1
        return 0

    async def _post(self, message: Outgoing) -> tuple[httpx.Response | None, bool]:
        """The answer, or None and whether this page itself broke off."""
        began = time.monotonic()
        fields = {"id": message.id, "body": message.body}
        post = asyncio.create_task(self.http.post(f"/chats/{message.chat_id}/messages", data=fields))
        self.posts.add(post)
        try:
            await asyncio.wait({post})
            return (None, True) if post.cancelled() else (post.result(), False)
        except httpx.HTTPError:
            return None, False
        finally:
            post.cancel()
            self.posts.discard(post)
            self.seconds.append(time.monotonic() - began)

    def arrived(self, id_: str) -> None:
        """Should it be one of mine, the server has it, whatever its answer says."""
        self.waiting = [each for each in self.waiting if each.id != id_]

    def _flush_all(self) -> None:
        for post in self.posts:
            post.cancel()
        for chat_id in {each.chat_id for each in self.waiting}:
            self.begin(self._flush(chat_id))

    # The socket

    async def _live(self) -> None:
        failures = 0
        while True:
            code = await self._listen()
            failures = 0 if self.is_ready.is_set() else failures + 1
            self.is_ready.clear()
            self.codes.append(code)
            if self.limited:
                self.limited.cancel()
            if code == SESSION_OVER:
                return
            await asyncio.sleep(pause(code, failures))

    async def _listen(self) -> int:
        """Hear one socket to its end; answers the code of that."""
        options: dict[str, Any] = {"proxy": None, "ping_interval": None, "close_timeout": 0.5}
        try:
            if self.buffer:
                options["sock"] = await narrow(self.ws_url, self.buffer)
            async with websockets.connect(self.ws_url, additional_headers=self.cookie, **options) as connection:
                while True:
                    await self.is_reading.wait()
                    self._hear(str(await connection.recv()))
        except websockets.ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006
        except (OSError, TimeoutError, websockets.InvalidHandshake, websockets.InvalidMessage):
            return 1006

    def _hear(self, text: str) -> None:
        if text.startswith("<"):
            for chat_id, id_, seq, revision in PLACED.findall(text):
                self.framed.add(id_)
                self.arrived(id_)
                if shown := self.shown.get(int(chat_id)):
                    shown.place(int(seq), id_, int(revision))
            return
        signal = json.loads(text)
        self.heard.append(signal)
        if signal["type"] == "ready":
            self._ready()
        elif signal["type"] == "limited":
            self._limit(signal["on"])
        elif signal["type"] == "chat.revised" and (shown := self.shown.get(signal["chat"])):
            shown.saw(signal["revision"])

    def _ready(self) -> None:
        self.opened.append(time.monotonic())
        self.is_ready.set()
        self._ask_all()
        self._flush_all()

    def _limit(self, on: bool) -> None:
        if self.limited:
            self.limited.cancel()
        self.limited = self.begin(self._ask_from_time_to_time() if on else self._ask_a_last_time())

    async def _ask_from_time_to_time(self) -> None:
        await self._ask_a_last_time()
        while True:
            await asyncio.sleep(ASK_WHILE_LIMITED * random.uniform(0.8, 1.2))
            self._ask_all()

    async def _ask_a_last_time(self) -> None:
        await asyncio.sleep(random.uniform(0, SPREAD))
        self._ask_all()

    def _ask_all(self) -> None:
        for each in self.shown.values():
            each.ask()

    async def said(self, type_: str, patience: float = 10, **fields: Any) -> None:
        """Until a signal of a sort was heard. Raises TimeoutError."""
        wanted = {"type": type_, **fields}
        await until(lambda: any({**each, **wanted} == each for each in self.heard), patience)


async def narrow(url: str, buffer: int) -> socket.socket:
    """A connection for which the system keeps little. Raises OSError."""
    client, where = socket.socket(), urlsplit(url)
    try:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        client.setblocking(False)
        await asyncio.get_running_loop().sock_connect(client, (where.hostname, where.port))
    except BaseException:
        client.close()
        raise
    return client


def pause(code: int, failures: int) -> float:
    """How long to wait before the next try, so that thousands do not come back in one instant."""
    if code == BUSY:
        return random.uniform(*BUSY_DELAYS[min(failures, 1)])
    return random.uniform(0, min(FIRST_DELAY * 2**failures, LONGEST_DELAY))
