"""Pointers and what they add up to. Pure values."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from heapq import nsmallest
from typing import NamedTuple


class Mark(NamedTuple):
    """Up to which seq a member got messages, and read them."""

    delivered: int = 0
    read: int = 0

    def raised(self, by: Mark, last: int | None = None) -> Mark:
        """The further of both, but not beyond the chat's end: what is read was delivered."""
        read = max(self.read, by.read if last is None else min(by.read, last))
        return Mark(max(self.delivered, read, by.delivered if last is None else min(by.delivered, last)), read)


@dataclass(frozen=True, slots=True)
class Ticks:
    """How far all others have come, for every viewer at once.

    `least` holds for everybody but `holder`, whose own pointer it is; for them the
    least of the others is `second`.
    """

    least: int
    holder: int
    second: int

    @classmethod
    def of(cls, pointers: Collection[tuple[int, int]], last: int) -> Ticks:
        """From (seq, user id) of each present member; who is alone waits for nobody."""
        lowest = nsmallest(2, pointers)
        second = lowest[1][0] if len(lowest) > 1 else last
        return cls(*lowest[0], second) if lowest else cls(last, 0, last)


class Marks:
    """Marks on their way to the database: gathered from all sockets, stored together."""

    def __init__(self) -> None:
        self.waiting: dict[tuple[int, int], Mark] = {}

    def add(self, chat_id: int, user_id: int, mark: Mark) -> None:
        key = chat_id, user_id
        self.waiting[key] = self.waiting.get(key, Mark()).raised(mark)

    def take(self) -> dict[tuple[int, int], Mark]:
        taken, self.waiting = self.waiting, {}
        return taken
