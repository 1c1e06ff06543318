"""Who hears what in this process: topics, and the outboxes that listen to them."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterable
from itertools import accumulate

from app import metrics

TOO_SLOW = 1013
PARCEL = 64 * 1024  # characters that leave an outbox at once


class Outbox:
    """What waits to be sent to one socket: bounded, filled without waiting, emptied by the writer.

    Takes at most `most` frames and `most_characters` characters; one more closes
    it with 1013, and the page comes back and asks what it missed. `wake` is called
    with it when something waits after nothing did, and when it is closed.
    """

    def __init__(self, most: int = 512, most_characters: int = 2**20) -> None:
        self.frames: list[str] = []
        self.most = most
        self.most_characters = most_characters
        self.characters = 0
        self.closed: int | None = None
        self.wake: Callable[[Outbox], None] = _nobody

    def put(self, text: str) -> None:
        if self.closed is not None:
            return
        self.frames.append(text)
        self.characters += len(text)
        if len(self.frames) > self.most or self.characters > self.most_characters:
            self.close(TOO_SLOW)
            metrics.EVICTIONS.inc()
        elif len(self.frames) == 1:
            self.wake(self)

    def close(self, code: int) -> None:
        """Drop what waits, and have the socket closed with `code`."""
        if self.closed is None:
            self.closed = code
            self.frames.clear()
            self.wake(self)

    def take(self) -> tuple[str, ...]:
        """What goes out next: all that waits, or its beginning where that is much."""
        if self.characters <= PARCEL:
            taken = tuple(self.frames)
            self.frames.clear()
            self.characters = 0
            return taken
        count = bisect(list(accumulate(map(len, self.frames))), PARCEL) or 1
        taken = tuple(self.frames[:count])
        del self.frames[:count]
        self.characters -= sum(map(len, taken))
        return taken


def _nobody(_: Outbox) -> None:
    """Wakes nobody."""


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
