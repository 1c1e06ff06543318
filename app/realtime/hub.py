"""Who hears what in this process: topics, and the outboxes that listen to them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from app import metrics
from app.realtime.frames import is_html

TOO_SLOW = 1013


class Outbox:
    """What waits to be sent to one socket: bounded, filled without waiting, emptied by one writer.

    Takes at most `most` frames and `most_characters` characters; one more closes
    it with 1013, and the page comes back and asks what it missed.
    """

    def __init__(self, most: int = 512, most_characters: int = 2**20) -> None:
        self.frames: deque[str] = deque()
        self.most = most
        self.most_characters = most_characters
        self.characters = 0
        self.closed: int | None = None
        self.filled = asyncio.Event()

    def put(self, text: str) -> None:
        if self.closed is not None:
            return
        self.frames.append(text)
        self.characters += len(text)
        if len(self.frames) > self.most or self.characters > self.most_characters:
            self.close(TOO_SLOW)
            metrics.EVICTIONS.inc()
        self.filled.set()

    def close(self, code: int) -> None:
        """Drop what waits, and let the writer close the socket with `code`."""
        if self.closed is None:
            self.closed = code
            self.frames.clear()
            self.filled.set()

    async def take(self) -> str | None:
        """The next thing to send, waiting HTML joined into one; None when the outbox is closed."""
        while not self.frames and self.closed is None:
            self.filled.clear()
            await self.filled.wait()
        if self.closed is not None:
            return None
        text = self.frames.popleft()
        if is_html(text) and self.frames and is_html(self.frames[0]):
            parts = [text]
            while self.frames and is_html(self.frames[0]):
                parts.append(self.frames.popleft())
            text = "".join(parts)
        self.characters -= len(text)
        return text


class Hub:
    """Topic → outboxes. Knows neither people nor chats nor HTML, and does no I/O.

    `changed` is called with a topic that has got its first listener, or lost its last.
    """

    def __init__(self) -> None:
        self.topics: dict[str, set[Outbox]] = {}
        self.joined: dict[Outbox, set[str]] = {}
        self.changed: Callable[[str], None] = lambda _: None

    def join(self, outbox: Outbox, topics: Iterable[str]) -> None:
        mine = self.joined.setdefault(outbox, set())
        for topic in topics:
            if topic not in self.topics:
                self.topics[topic] = set()
                self.changed(topic)
            self.topics[topic].add(outbox)
            mine.add(topic)

    def leave(self, outbox: Outbox, topics: Iterable[str]) -> None:
        for topic in topics:
            listeners = self.topics.get(topic, set())
            listeners.discard(outbox)
            if not listeners and topic in self.topics:
                del self.topics[topic]
                self.changed(topic)
            self.joined.get(outbox, set()).discard(topic)

    def remove(self, outbox: Outbox) -> None:
        """Forget an outbox whose socket is gone."""
        self.leave(outbox, list(self.joined.get(outbox, ())))
        self.joined.pop(outbox, None)

    def deliver(self, topic: str, text: str) -> None:
        for outbox in self.topics.get(topic, ()):
            outbox.put(text)
        metrics.FRAMES.inc(len(self.topics.get(topic, ())))

    def listeners(self, topic: str) -> list[Outbox]:
        return list(self.topics.get(topic, ()))

    def hears(self, outbox: Outbox, topic: str) -> bool:
        return outbox in self.topics.get(topic, ())
