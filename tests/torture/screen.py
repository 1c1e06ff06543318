"""An open conversation to the letter: the markup that frames, answers and signals make of it, without a browser."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import httpx
import websockets

from tests.make import HTMX, Member
from tests.waiting import until

AT_ONCE = 1.0  # seconds in which what happens in one process is heard in another
EVERY = 1.0  # seconds from one question to the next while updates are limited; a page waits for five
PARTIAL = re.compile(r'<hx-partial hx-target="([^"]*)" hx-swap="([^"]*)">(.*?)</hx-partial>', re.S)
ITEM = re.compile(r'<li id="message-([0-9a-f-]{36})".*?</li>', re.S)
MOVING = re.compile(r'(<span class="row__moving".*?)\s*<span class="row__draft"', re.S)
ROW = re.compile(r'<li class="row".*?>', re.S)
TIMER = re.compile(r'id="chat-\d+-timer"[^>]*>(.*?)</a>', re.S)
STARS = re.compile(r'<star-marks [^>]*data-seqs="([^"]*)"')
PINS = re.compile(r'<ol class="pins__list".*?</ol>', re.S)
FLAGS = re.compile(r" data-(pinned|muted|archived|favourite|marked|mentioned)\b")


def number(html: str, name: str) -> int:
    """Of the first data attribute with this name, or 0."""
    found = re.search(rf' data-{name}="(\d+)"', html)
    return int(found[1]) if found else 0


def is_over(html: str) -> bool:
    """Whether the time of a message is over, as its page sees by itself."""
    found = re.search(r' data-expires="([^"]*)"', html)
    return bool(found) and datetime.fromisoformat(found[1]) <= datetime.now(UTC)  # type: ignore[index]


@dataclass
class Shown:
    """What stands on a page: bubbles by their ids, the chat's row, and what is around them."""

    bubbles: dict[str, str] = field(default_factory=dict)
    moving: str = ""
    flags: set[str] = field(default_factory=set)
    timer: str = ""
    pins: str = ""
    stars: set[str] = field(default_factory=set)

    def lasting(self) -> Shown:
        """Without what its page has let go, and without the revision of the row, which hears only of other words."""
        in_order = sorted(self.bubbles.items(), key=lambda item: number(item[1], "seq"))
        bubbles = {id_: html for id_, html in in_order if not is_over(html)}
        return replace(self, bubbles=bubbles, moving=re.sub(r' data-revision="\d+"', "", self.moving))


class Screen:
    """Somebody's open chat; `async with` opens it and waits for its socket.

    gaps: how often a revision told that something was missed. signals: what was heard.
    """

    def __init__(self, url: str, member: Member, chat_id: int) -> None:
        self.url = url
        self.member = member
        self.chat_id = chat_id
        self.path = f"/chats/{chat_id}"
        self.cookie = {"cookie": f"__Host-sid={member.cookie}"}
        self.http = httpx.AsyncClient(base_url=url, headers=self.cookie, timeout=20, trust_env=False)
        self.shown = Shown()
        self.known = 0
        self.gaps = 0
        self.signals: list[dict[str, Any]] = []
        self.is_limited = False
        self.tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.load()
        self.connection = await websockets.connect(
            self.url.replace("http", "ws") + "/ws", additional_headers=self.cookie, proxy=None
        )
        self.begin(self._listen())
        await until(lambda: self.heard("ready"))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.connection.close()
        await self.http.aclose()

    def begin(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def heard(self, type_: str, **values: Any) -> bool:
        wanted = {"type": type_, **values}
        return any({**each, **wanted} == each for each in self.signals)

    # What is asked for

    async def do(self, path: str, **values: Any) -> Any:
        """POST to a path of this chat, or to one that begins with a slash; answers the data."""
        path = path if path.startswith("/") else f"{self.path}/{path}"
        answer = await self.http.post(path, data=values, headers={"accept": "application/json"})
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def say(self, body: str, **values: Any) -> int:
        """Send, and answer the message's seq."""
        seq: int = (await self.do("messages", body=body, **values))["seq"]
        return seq

    async def fresh(self) -> Shown:
        """What a page shows that is opened now."""
        return (await self._fresh())[0]

    async def _fresh(self) -> tuple[Shown, int]:
        page = (await self.http.get(self.path, headers={"accept": "text/html"})).text
        shown = Shown({found[1]: found[0] for found in ITEM.finditer(page)})
        shown.timer = found[1] if (found := TIMER.search(page)) else ""
        shown.pins = pins_of(page)
        shown.stars = set(found[1].split()) if (found := STARS.search(page)) else set()
        await self._row(shown)
        return shown, number(page[page.index('class="messages__list"') :], "revision")

    async def load(self) -> None:
        self.shown, self.known = await self._fresh()

    async def _row(self, shown: Shown) -> None:
        row = (await self.http.get(f"{self.path}/row", headers=HTMX)).text
        shown.moving = found[1] if (found := MOVING.search(row)) else ""
        shown.flags = set(FLAGS.findall(found[0])) if (found := ROW.search(row)) else set()

    async def _pins(self) -> None:
        self.shown.pins = pins_of((await self.http.get(f"{self.path}/pins/banner", headers=HTMX)).text)

    async def ask(self) -> None:
        """What was missed."""
        if await self.catch_up(self.shown, self.known) is None:
            await self.load()

    async def catch_up(self, shown: Shown, known: int) -> Shown | None:
        """Have it learn what changed after a revision; None where all is to be loaded anew."""
        answer = await self.http.get(f"{self.path}/messages?since={known}", headers=HTMX)
        if answer.status_code != 200 or "x-reload" in answer.headers:
            return None
        for found in ITEM.finditer(answer.text):
            put(shown, found[1], found[0])
        if shown is self.shown and int(answer.headers["x-revision"]) > self.known:
            self.known = int(answer.headers["x-revision"])
            await self._pins()
        return shown

    # What is heard

    async def _listen(self) -> None:
        async for text in self.connection:
            if str(text).startswith("<"):
                for target, swap, html in PARTIAL.findall(str(text)):
                    self._swap(target, swap, html)
            else:
                await self._hear(json.loads(text))

    def _swap(self, target: str, swap: str, html: str) -> None:
        shown = self.shown
        if target == f"#chat-{self.chat_id}-messages":
            found = ITEM.search(html)
            assert found, html
            if swap == "place" or found[1] in shown.bubbles:
                put(shown, found[1], found[0])
            self._saw(number(html, "revision"))
        elif swap == "delete":
            shown.bubbles.pop(target.removeprefix("#message-"), None)
        elif swap == "promote" and f'id="chat-{self.chat_id}-moving"' in html:
            self._promote(html)
        elif target.startswith(f"#chat-{self.chat_id}-moving"):
            if number(shown.moving, "seq") == number(html, "seq"):
                shown.moving = html.strip()
        elif target == f"#chat-{self.chat_id}-timer":
            shown.timer = html
        elif named := re.fullmatch(r"\[(data-name-of)='(\d+)'\]", target):
            self._rename(f'{named[1]}="{named[2]}"', html)

    def _rename(self, place: str, name: str) -> None:
        def renamed(html: str) -> str:
            return re.sub(rf"({place}[^>]*>)[^<]*", lambda found: found[1] + name, html)

        self.shown.bubbles = {id_: renamed(html) for id_, html in self.shown.bubbles.items()}
        self.shown.moving = renamed(self.shown.moving)

    def _promote(self, html: str) -> None:
        if number(html, "revision") <= number(self.shown.moving, "revision"):
            return
        mentions = re.search(r' data-mentions="([^"]*)"', html)
        if (
            mentions
            and number(html, "sender") != self.member.id
            and {str(self.member.id), "all"} & set(mentions[1].split())
        ):
            self.shown.flags.add("mentioned")
        # What is news is not how the row is.
        self.shown.moving = re.sub(r' data-(mentions|quote)="[^"]*"', "", html).strip()

    def _saw(self, revision: int) -> None:
        if revision == self.known + 1:
            self.known = revision
        elif revision > self.known:
            self.gaps += 1
            self.begin(self.ask())

    async def _hear(self, signal: dict[str, Any]) -> None:
        self.signals.append(signal)
        if signal["type"] == "limited":
            self.is_limited = signal["on"]
            self.begin(self._while_limited() if self.is_limited else self.load_again())
        elif signal.get("chat") == self.chat_id:
            await self._hear_of_chat(signal)

    async def _hear_of_chat(self, signal: dict[str, Any]) -> None:
        match signal["type"]:
            case "chat.revised":
                self._saw(signal["revision"])
            case "chat.pins":
                await self._pins()
            case "chat.row":
                await self._row(self.shown)
            case "chat.cleared":
                await self.load()
            case "chat.starred":
                change = self.shown.stars.update if signal["on"] else self.shown.stars.difference_update
                change(map(str, signal["seqs"]))
            case "chat.expired" if is_over(self.shown.moving):
                await self._row(self.shown)

    async def _while_limited(self) -> None:
        while self.is_limited:
            await self.ask()
            await self._row(self.shown)
            await asyncio.sleep(EVERY)

    async def load_again(self) -> None:
        """All is heard again: what was missed, and what no revision tells of."""
        await self.ask()
        await self._row(self.shown)
        fresh = await self.fresh()
        self.shown.timer, self.shown.stars = fresh.timer, fresh.stars


def put(shown: Shown, id_: str, html: str) -> None:
    if "data-gone" in html.partition(">")[0]:
        shown.bubbles.pop(id_, None)
    elif number(html, "revision") > number(shown.bubbles.get(id_, ""), "revision"):
        shown.bubbles[id_] = html


def pins_of(html: str) -> str:
    return found[0] if (found := PINS.search(html)) else ""


async def agree(*screens: Screen, patience: float = AT_ONCE, but: Collection[str] = ()) -> list[Shown]:
    """Each comes to show in time what it would after a reload (`but` for these fields), which is answered."""
    all_fresh = [(await screen.fresh()).lasting() for screen in screens]
    for screen, fresh in zip(screens, all_fresh, strict=True):
        with contextlib.suppress(TimeoutError):
            await until(lambda screen=screen, fresh=fresh: not differences(screen.shown, fresh, but), patience)  # type: ignore[misc]
        found = differences(screen.shown, fresh, but)
        assert not found, f"{screen.member.username} at {screen.url}, gaps: {screen.gaps}: {found}"
    return all_fresh


def differences(shown: Shown, fresh: Shown, but: Collection[str] = ()) -> list[tuple[str, str, str]]:
    """Where a page shows something else than one that is fresh: the field, and both from where they part on."""
    pairs = [(each.name, getattr(shown.lasting(), each.name), getattr(fresh, each.name)) for each in fields(Shown)]
    return [(name, *apart(str(one), str(other))) for name, one, other in pairs if one != other and name not in but]


def apart(one: str, other: str) -> tuple[str, str]:
    """Two texts around the place where they part."""
    same = next((at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), 0)
    at = max(same - 60, 0)
    return one[at : at + 240], other[at : at + 240]


@asynccontextmanager
async def heard(*screens: Screen) -> AsyncIterator[None]:
    """What happens in the block comes by frame, and as well to a page that slept and asks then."""
    asleep = [(replace(each.shown, bubbles=dict(each.shown.bubbles)), each.known) for each in screens]
    gaps = [each.gaps for each in screens]
    yield
    all_fresh = await agree(*screens)
    assert [each.gaps for each in screens] == gaps, "something did not come by frame"
    for screen, fresh, (shown, known) in zip(screens, all_fresh, asleep, strict=True):
        woken = await screen.catch_up(shown, known)
        assert woken is None or woken.lasting().bubbles == fresh.bubbles, apart(
            str(woken.bubbles), str(fresh.bubbles)
        )
