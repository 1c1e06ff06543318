"""What somebody asks for: words, and the filters that they wrote among them or chose beside them. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from app.search.folding import fold
from app.search.tokens import Needle, needle

FILTERS = ("from", "in", "has", "before", "after")
MOST = 400  # characters
WORDS = 12
YEARS = range(1970, 3000)
TOO_LONG = f"That is a lot to look for. Please keep it to {WORDS} words, {MOST} characters in all."
NO_DATE = "Please give a date like 2026-01-31, not “{}”."
NOTHING = "There is no letter or digit in this. Please type what to look for."
# What stands in quotes is looked for as it is; a filter's own quotes end where the text does, as while it is typed.
_FILTER = re.compile(rf'(?<!\S)({"|".join(FILTERS)}):("[^"]*"?|[^\s"]*)|"[^"]*"', re.IGNORECASE)
_PART = re.compile(r'"([^"]*)"|([^\s"]+)')


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that is set, and the query string without it."""

    name: str
    value: str
    without: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A search. `filters` are those that are set, by name; `problem` a sentence on what cannot be looked for."""

    words: str
    filters: Mapping[str, str]
    needles: tuple[Needle, ...]
    problem: str = ""

    @property
    def is_empty(self) -> bool:
        return not self.needles and not self.filters

    @property
    def before(self) -> date | None:
        return as_date(self.filters.get("before", ""))

    @property
    def after(self) -> date | None:
        return as_date(self.filters.get("after", ""))

    @property
    def query(self) -> str:
        """As a query string."""
        return _query(self.words, self.filters)

    @property
    def chips(self) -> list[Chip]:
        left = {name: {key: value for key, value in self.filters.items() if key != name} for name in self.filters}
        return [Chip(name, value, _query(self.words, left[name])) for name, value in self.filters.items()]


def read(text: str, fields: Mapping[str, str]) -> Asked:
    """A search out of what was typed and the filters chosen in `fields`; a typed one counts more, and one that has no
    value yet counts nothing.
    """
    if len(text) > MOST or any(len(value) > MOST for value in fields.values()):
        return Asked(text[:MOST], {}, (), TOO_LONG)
    typed = {match[1].lower(): match[2].strip('"').strip() for match in _FILTER.finditer(text) if match[1]}
    merged = {name: typed.get(name) or fields.get(name, "").strip() for name in FILTERS}
    filters = {name: value for name, value in merged.items() if value}
    words = " ".join(_FILTER.sub(lambda match: " " if match[1] else match[0], text).split())
    parts = [match[1] or match[2] or "" for match in _PART.finditer(words)]
    needles = tuple(found for part in dict.fromkeys(map(fold, parts)) if (found := needle(part)))
    return Asked(words, filters, needles, _problem(words, filters, needles, len(parts)))


def _problem(words: str, filters: Mapping[str, str], needles: tuple[Needle, ...], parts: int) -> str:
    if parts > WORDS:
        return TOO_LONG
    for name in ("before", "after"):
        if name in filters and as_date(filters[name]) is None:
            return NO_DATE.format(filters[name])
    return NOTHING if words and not needles else ""


def as_date(value: str) -> date | None:
    """A date like 2026-01-31 that anything may be sent on, or None."""
    try:
        found = date.fromisoformat(value)
    except ValueError:
        return None
    return found if found.year in YEARS else None


def _query(words: str, filters: Mapping[str, str]) -> str:
    return urlencode({**({"q": words} if words else {}), **filters})
