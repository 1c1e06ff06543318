"""All emoji that can be chosen from a page: static/emoji.txt, which the panel of browsers with scripts reads, too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from app.settings import ROOT

FILE = ROOT / "static/emoji.txt"


@dataclass(frozen=True, slots=True)
class Entry:
    """An emoji and the words by which it is found; the name is the first of them."""

    emoji: str
    name: str
    words: str


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    entries: tuple[Entry, ...]


@cache
def groups() -> tuple[Group, ...]:
    """All of them, in the order in which they are shown."""
    _, *parts = FILE.read_text("utf-8").split("\n\n")
    return tuple(Group(name, tuple(_entries(lines))) for name, *lines in (part.splitlines() for part in parts))


def _entries(lines: list[str]) -> Iterator[Entry]:
    for line in lines:
        sign, name, *rest = line.split("\t")
        yield Entry(sign.removesuffix("*"), name, " ".join([name, *rest]).lower().replace("_", " "))


def search(query: str) -> tuple[Group, ...]:
    """The groups with those of their emoji that each word of `query` is the beginning of a word of."""
    wanted = [f" {word}" for word in query.lower().replace("_", " ").split()]
    if not wanted:
        return groups()
    found = (
        Group(group.name, tuple(each for each in group.entries if all(word in f" {each.words}" for word in wanted)))
        for group in groups()
    )
    return tuple(group for group in found if group.entries)
