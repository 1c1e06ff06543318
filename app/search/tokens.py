"""Of which tokens the index of a message consists, and which of them a search asks for. Pure functions.

A word is found by its three-letter pieces wherever it stands. Shorter ones are the first one or two letters of a
word, and each letter and pair of letters where words are not set apart (Chinese, Japanese, Thai …) and of emoji.
Where, from whom and when a message is are tokens, too, so that one look into one index answers all of a search.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import regex

MOST = 40_000  # characters of a message that are looked at
LEVELS = (8, 14, 20)  # stretches of 256 messages, 16,384, a million
DAY = timedelta(days=1)
MARK = "\x01"  # before tokens that are no text; no folded text has it
SOLO = (
    r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}"
    r"\p{Extended_Pictographic}\p{Regional_Indicator}\p{So}\p{Sc}\u30fc--[\x00-\x7f]"
)
SOLOS = regex.compile(rf"[{SOLO}]+", regex.V1)
RUNS = regex.compile(rf"[\w--[{SOLO}]]+", regex.V1)
IN_RUN = rf"(?<![\w--[{SOLO}]])"


def of_text(folded: str) -> set[str]:
    """The tokens of a folded text."""
    return set().union(*map(_of_word, set(folded[:MOST].split())))


@lru_cache(32_768)
def _of_word(word: str) -> frozenset[str]:
    found = {word[at : at + 3] for at in range(len(word) - 2)}
    for run in RUNS.findall(word):
        found.update(("^" + run[:1], "^" + run[:2]))
    for run in SOLOS.findall(word):
        found.update(run)
        found.update(run[at : at + 2] for at in range(len(run) - 1))
    return frozenset(found)


def in_chat(chat_id: int) -> str:
    return f"{MARK}c{chat_id}"


def by(user_id: int) -> str:
    return f"{MARK}u{user_id}"


def by_in(user_id: int, chat_id: int) -> str:
    """Both at once: two long lists that have nothing in common take long to compare."""
    return f"{in_chat(chat_id)}u{user_id}"


def has(what: str) -> str:
    return f"{MARK}h{what}"


def day_of(at: datetime) -> str:
    return at.astimezone(UTC).date().isoformat().replace("-", "")


def of_facts(chat_id: int, facts: Iterable[str]) -> set[str]:
    """The tokens of what is known of a message: `u5` by whom, `d20260131` when, `hlink` what it has."""
    found = {in_chat(chat_id)}
    for fact in facts:
        if fact[0] == "u":
            found.add(by_in(int(fact[1:]), chat_id))
        lengths = (5, 7, 9) if fact[0] == "d" else (len(fact),)  # year, month, day
        found.update(MARK + fact[:length] for length in lengths)
    return found


def of_days(first: date, last: date) -> list[str]:
    """The fewest tokens that cover the days from `first` to `last`: whole years and months where they fit."""
    found: list[str] = []
    day = first
    while day <= last:
        starts_month, starts_year = day.day == 1, day.day == day.month == 1
        if starts_year and (following := date(day.year + 1, 1, 1)) - DAY <= last:
            length = 4
        elif starts_month and (following := date(day.year + day.month // 12, day.month % 12 + 1, 1)) - DAY <= last:
            length = 6
        else:
            length, following = 8, day + DAY
        found.append(f"{MARK}d{day.isoformat().replace('-', '')[:length]}")
        day = following
    return found


def of_place(number: int) -> list[str]:
    """In which stretches of the index a message stands."""
    return [f"{MARK}{level}.{number >> level}" for level in LEVELS]


@dataclass(frozen=True, slots=True)
class Needle:
    """A word (or several, in quotation marks) that is looked for. Unless it `is_exact`, texts must be compared, too:
    its tokens may stand apart from each other.
    """

    text: str
    tokens: frozenset[str]
    is_exact: bool

    @property
    def starts_word(self) -> bool:
        """Whether it is only found where a word begins."""
        return self.tokens == {"^" + self.text}

    @property
    def pattern(self) -> regex.Pattern[str]:
        """Where it stands in a folded text."""
        return regex.compile((IN_RUN if self.starts_word else "") + regex.escape(self.text), regex.V1)


def needle(folded: str) -> Needle | None:
    """What finds this text; None for one that has nothing to look for."""
    tokens: set[str] = set()
    for word in folded.split():
        tokens |= _cover(word) or _short(word)
    is_exact = tokens in ({folded}, {"^" + folded})
    return Needle(folded, frozenset(tokens), is_exact) if tokens else None


def _cover(word: str) -> set[str]:
    """Three-letter pieces that cover a word; all of them would take longer and find little less."""
    return {word[at : at + 3] for at in {*range(0, len(word) - 2, 3), len(word) - 3} if at >= 0}


def _short(word: str) -> set[str]:
    """Of one or two letters."""
    solos = SOLOS.findall(word)
    if solos:
        return set(solos)
    runs = RUNS.findall(word)
    return {"^" + runs[0]} if runs else set()


def fts5(groups: Iterable[Sequence[str]]) -> str:
    """What SQLite shall MATCH: one of each group."""
    return " AND ".join(_either(group, " OR ", _quoted) for group in groups)


def tsquery(groups: Iterable[Sequence[str]]) -> str:
    """The same as PostgreSQL's tsquery."""
    return " & ".join(_either(group, " | ", _lexeme) for group in groups)


def _either(group: Sequence[str], sign: str, quote: Callable[[str], str]) -> str:
    return f"({sign.join(map(quote, group))})"


def _quoted(token: str) -> str:
    return '"' + token.replace('"', '""') + '"'


def _lexeme(token: str) -> str:
    return "'" + token.replace("\\", "\\\\").replace("'", "''") + "'"


def stretches(newest: int, levels: Sequence[int] = LEVELS) -> Iterator[tuple[int, int, int]]:
    """The index from its number `newest` back to 1, as (level, first, last): each longer than the one before."""
    last, step = newest, 0
    while last > 0:
        level = levels[min(step, len(levels) - 1)]
        first = max(1, ((last >> level) - 1) << level)
        yield level, first, last
        last, step = first - 1, step + 1


def of_stretch(level: int, first: int, last: int) -> list[str]:
    return [f"{MARK}{level}.{number}" for number in range(first >> level, (last >> level) + 1)]
