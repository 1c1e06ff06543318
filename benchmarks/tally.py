"""From what was sent and what every socket heard to figures."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from benchmarks.wire import Listener

Figures = dict[str, float]


@dataclass(slots=True)
class Sent:
    """One message: when it was due, and when the server said that it is stored, by an answer or by bringing it to its
    sender (0 for never).
    """

    chat_id: int
    due: float
    stored: float = 0.0


@dataclass
class Book:
    """All messages of a run; a message's token is its place in `sent`."""

    sent: list[Sent] = field(default_factory=list)
    refused: int = 0

    def write(self, chat_id: int, due: float) -> int:
        self.sent.append(Sent(chat_id, due))
        return len(self.sent) - 1

    def store(self, token: int) -> None:
        self.sent[token].stored = time.perf_counter()

    @property
    def stored(self) -> int:
        return sum(1 for each in self.sent if each.stored)


@dataclass(frozen=True)
class Span:
    """The measured time, after warming up, and what the processes did in it."""

    begins: float
    ends: float
    server_cpu: float
    own_cpu: float
    cores_cpu: float  # of the server's cores, by whomever

    @property
    def seconds(self) -> float:
        return self.ends - self.begins

    def holds(self, moment: float) -> bool:
        return self.begins <= moment < self.ends


def faults(book: Book, listeners: Sequence[Listener]) -> Figures:
    """What did not arrive once and where it belongs, over the whole run; all must be 0.

    A message that the server did not acknowledge need not arrive, but may; it counts as unanswered.
    """
    must: dict[int, set[int]] = {}
    for token, sent in enumerate(book.sent):
        if sent.stored:
            must.setdefault(sent.chat_id, set()).add(token)
    missing = duplicates = strays = 0
    for listener in listeners:
        times = Counter(token for _, tokens in listener.heard for token in tokens)
        missing += len(must.get(listener.chat_id, set()) - times.keys())
        duplicates += times.total() - len(times)
        strays += sum(1 for token in times if not _is_sent(book, token, listener.chat_id))
    refused = book.refused + sum(each.refused for each in listeners)
    unanswered = len(book.sent) - book.stored - refused
    return {
        "missing": missing,
        "duplicates": duplicates,
        "strays": strays,
        "refused": refused,
        "unanswered": unanswered,
    }


def _is_sent(book: Book, token: int, chat_id: int) -> bool:
    return token < len(book.sent) and book.sent[token].chat_id == chat_id


def summary(book: Book, listeners: Sequence[Listener], span: Span) -> Figures:
    """Rates within the span; a delivery's latency counts from when its message was due."""
    waits = sorted(latencies(book, listeners, span))
    stored = sum(1 for each in book.sent if span.holds(each.stored))
    return {
        "messages_per_second": stored / span.seconds,
        "deliveries_per_second": len(waits) / span.seconds,
        **percentiles(waits),
        "cpu_us_per_delivery": span.server_cpu / max(len(waits), 1) * 1e6,
        "cpu_ms_per_message": span.server_cpu / max(stored, 1) * 1e3,
        **business(span),
    }


def business(span: Span) -> Figures:
    """Which part of a core the server and the generator used, and how busy the server's cores were altogether.

    Near 1, server or generator is the limit. Cores much busier than the server did other work: measure again.
    """
    used = {"server_busy": span.server_cpu, "generator_busy": span.own_cpu, "cores_busy": span.cores_cpu}
    return {name: seconds / span.seconds for name, seconds in used.items()}


def latencies(book: Book, listeners: Iterable[Listener], span: Span) -> list[float]:
    """Milliseconds of each delivery within the span."""
    dues = [each.due for each in book.sent]
    return [
        (moment - dues[token]) * 1000
        for listener in listeners
        for moment, tokens in listener.heard
        if span.holds(moment)
        for token in tokens
        if token < len(dues)
    ]


def percentiles(waits: Sequence[float]) -> Figures:
    """Of sorted milliseconds; nothing where there are none."""
    if not waits:
        return {}
    return {f"p{percent}_ms": waits[math.ceil(len(waits) * percent / 100) - 1] for percent in (50, 95, 99)}
