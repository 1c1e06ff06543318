"""What a reader takes for the same letters: texts made comparable, and found again in what was written.

Pure functions. Both databases store and compare what `fold` answers, so neither has to know a script.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import regex

CLUSTER = regex.compile(r"\X")
# Marks that readers leave away: accents, points and harakat, nukta. Vowel signs and tones of Indic scripts and
# of Thai stay, and so do the voicing marks of kana.
DROPPED = regex.compile(
    r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
    r"\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    r"\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed"
    r"\u093c\u09bc\u0a3c\u0abc\u0b3c\u0cbc"
    r"\p{EMod}\p{Default_Ignorable_Code_Point}\p{Cc}]+"
)
# Letters of their own, whatever they are made of.
KEPT = frozenset("йїў")
# What has no decomposition and is still typed without its stroke; letters of which Arabic and Persian have two;
# quotation marks and dashes that programs put in by themselves.
ALIKE = str.maketrans(
    {
        "ı": "i", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "æ": "ae", "œ": "oe", "þ": "th",
        "ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه",
        "‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"',
        "‐": "-", "‑": "-", "–": "-", "—": "-", "−": "-",
        **{chr(code): chr(code - 0x60) for code in range(0x30A1, 0x30F7)},  # katakana as hiragana
    }
)  # fmt: skip


def fold(text: str) -> str:
    """A text as it is compared: without case, accents, width, skin tones; white space is one blank."""
    text = " ".join(text.split())
    if text.isascii():
        return "".join(each for each in text.lower() if each.isprintable())
    return " ".join("".join(map(_fold, CLUSTER.findall(text))).split())


@lru_cache(16_384)
def _fold(cluster: str) -> str:
    """The same for what a reader takes for one letter."""
    composed = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", cluster).casefold())
    bare = "".join(each if each in KEPT else _bare(each) for each in composed)
    return unicodedata.normalize("NFC", bare).translate(ALIKE)


def _bare(character: str) -> str:
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    return str(DROPPED.sub("", unicodedata.normalize("NFKD", character)))


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a snippet; what was looked for is a hit."""

    text: str
    is_hit: bool = False


BEFORE, AROUND = 40, 180  # letters that a snippet has before its first hit, and in all


def snippet(text: str, needles: Sequence[regex.Pattern[str]]) -> tuple[Piece, ...]:
    """A stretch of `text` around the first hit, with the hits in it; its beginning where there is none."""
    clusters = CLUSTER.findall(" ".join(text.split()))
    spans = _spans(clusters, needles)
    first = spans[0][0] if spans else 0
    begin = max(0, first - BEFORE) if len(clusters) > AROUND else 0
    if begin:  # at a word's beginning, if there is one near
        begin = next((at + 1 for at in range(begin, first) if clusters[at] == " "), begin)
    end = min(len(clusters), begin + AROUND)
    pieces = [Piece("…")] if begin else []
    done = begin
    for start, stop in spans:
        if stop <= done or start >= end:
            continue
        if start > done:
            pieces.append(Piece("".join(clusters[done:start])))
        pieces.append(Piece("".join(clusters[max(start, done) : min(stop, end)]), is_hit=True))
        done = min(stop, end)
    return (*pieces, Piece("".join(clusters[done:end]) + ("…" if end < len(clusters) else "")))


def _spans(clusters: Sequence[str], needles: Sequence[regex.Pattern[str]]) -> list[tuple[int, int]]:
    """From which letter to which the needles stand, in order; those that touch are one."""
    folded = [_fold(each) for each in clusters]
    place = [at for at, piece in enumerate(folded) for _ in piece]
    text = "".join(folded)
    found = sorted((place[start], place[end - 1] + 1) for start, end in _found(text, needles))
    spans: list[tuple[int, int]] = []
    for start, stop in found:
        if spans and start <= spans[-1][1]:
            spans[-1] = spans[-1][0], max(stop, spans[-1][1])
        else:
            spans.append((start, stop))
    return spans


def _found(text: str, needles: Sequence[regex.Pattern[str]]) -> Iterator[tuple[int, int]]:
    for needle in needles:
        yield from (match.span() for match in needle.finditer(text) if match.end() > match.start())
