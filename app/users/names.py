"""What may be a name: rules that keep one person from looking like another. Pure functions."""

from __future__ import annotations

import unicodedata

import regex

USERNAME = regex.compile(r"[a-z](?:[a-z0-9]|[._-](?=[a-z0-9])){1,31}", regex.ASCII | regex.IGNORECASE)
# Scripts whose letters look alike; a word of a name keeps to one of them.
ALIKE = ("Latin", "Cyrillic", "Greek", "Armenian", "Cherokee")
INVISIBLE = regex.compile(
    r"[\p{Cc}\p{Cf}\p{Cn}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800--[\u200D\uFE0F]]", regex.V1
)
# Joiners and the wish for a coloured picture belong to emoji, nowhere else.
STRAY_JOINER = regex.compile(
    r"(?<![\p{Extended_Pictographic}\uFE0F\p{EMod}])\u200D|\u200D(?!\p{Extended_Pictographic})"
    r"|(?<!\p{Extended_Pictographic})\uFE0F(?!\u20E3)"
)
MOST = 64


def key(name: str) -> str:
    """What two spellings of the same name have in common."""
    return unicodedata.normalize("NFKC", name).casefold().strip()


def wrong_username(name: str) -> str:
    """The sentence that says what is wrong with a username, or ""."""
    if not name:
        return "Please choose a username."
    if not USERNAME.fullmatch(name):
        return "2 to 32 of the letters a–z, digits, and . _ - between them; a letter comes first."
    return ""


def wrong_display_name(name: str) -> str:
    """The sentence that says what is wrong with a display name, or ""."""
    if not name:
        return "Please tell people your name."
    if len(name) > MOST:
        return f"Please keep it to {MOST} characters."
    if has_invisible(name):
        return "There is an invisible character in this name; please type it anew."
    if regex.search(r"\p{M}{4,}", name):
        return "Too many marks on one letter."
    if not regex.search(r"[\p{L}\p{N}\p{S}]", name):
        return "A name needs at least one letter, digit or symbol."
    if any(len(_scripts(word)) > 1 for word in name.split()):
        return "Please don’t mix letters of several alphabets in one word."
    return ""


def has_invisible(name: str) -> bool:
    """Whether a name holds what cannot be seen, outside the emoji that need it."""
    return bool(INVISIBLE.search(name) or STRAY_JOINER.search(name))


def tidy(name: str) -> str:
    """A display name as it is kept: composed, without space around or runs of it inside."""
    return " ".join(unicodedata.normalize("NFC", name).split())


def _scripts(word: str) -> set[str]:
    return {script for script in ALIKE if regex.search(rf"\p{{Script={script}}}", word)}
