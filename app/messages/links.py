"""The links in a text: where each one stands, where it leads and how it is shown.

Web addresses, e-mail addresses and international phone numbers are found. What is shown never claims
another place than the one it leads to: direction controls are dropped, and a host that mixes scripts is
shown in punycode.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

import regex
from linkify_it import LinkifyIt

LONGEST = 2_048
"""A word beyond this many characters is not searched: the search is quadratic within one word."""

MOST = 500
"""Links beyond this many stay text, which bounds the page one message can grow into."""

_MORE_TLDS = ["app", "blog", "cloud", "dev", "online", "site", "social", "store", "tech", "wiki", "xyz"]
_FILE_ENDINGS = frozenset(
    ["cc", "gd", "md", "ml", "pm", "ps", "py", "rs", "sh", "so", "tf"]
)  # each of them also a country's

_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_LONG_WORD = re.compile(rf"(?<!\S)\S{{{LONGEST + 1},}}")
_OPENING_MARKS = re.compile(r"(?<![^\s(\[\"'])[*_~]+")
_PHONE = re.compile(r"(?<![\w+])\+[1-9](?:[ \u00a0.()/-]{0,2}[0-9]){7,14}(?!\w)")
_TRUNK_ZERO = re.compile(r"\(0\)")
_AUTHORITY = re.compile(r"[^/?#]*")

_HOST = regex.compile(r"[\p{L}\p{M}\p{Nd}.-]+")
_EAST_ASIAN = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Bopomofo}ー\d-]+"
_SCRIPTS = [
    "Latin",
    "Arabic",
    "Armenian",
    "Bengali",
    "Cyrillic",
    "Devanagari",
    "Ethiopic",
    "Georgian",
    "Greek",
    "Gujarati",
    "Gurmukhi",
    "Hebrew",
    "Kannada",
    "Khmer",
    "Lao",
    "Malayalam",
    "Myanmar",
    "Oriya",
    "Sinhala",
    "Tamil",
    "Telugu",
    "Thaana",
    "Thai",
    "Tibetan",
]
_ONE_SCRIPT = regex.compile(
    "|".join(rf"[\p{{{script}}}\p{{Inherited}}\d.-]+" for script in _SCRIPTS)
    + rf"|(?:[a-z\d-]+|{_EAST_ASIAN})(?:\.(?:[a-z\d-]+|{_EAST_ASIAN}))*"
)

_finder = LinkifyIt().tlds(_MORE_TLDS, True).add("ftp:", None).add("//", None)


class Link(NamedTuple):
    """A link that stands at `start` to `end` of a text, leads to `href` and reads `text`."""

    start: int
    end: int
    href: str
    text: str


def find(text: str) -> list[Link]:
    """The links of a text from left to right, none overlapping another, at most `MOST`.

    Only http, https, mailto and tel addresses are given. Addresses that hide their host behind a user name
    (`https://bank.example@elsewhere.example`) and names that look like files (`main.py`) are no links.
    """
    searched = _LONG_WORD.sub(_blank, text)
    found: list[Link] = []
    for link in sorted([*_phones(searched), *_addresses(searched)], key=lambda link: (link.start, -link.end)):
        if not found or link.start >= found[-1].end:
            found.append(link)
        if len(found) == MOST:
            break
    return found


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


def _phones(text: str) -> Iterator[Link]:
    for match in _PHONE.finditer(text):
        digits = re.sub(r"[^0-9]", "", _TRUNK_ZERO.sub("", match[0]))
        yield Link(match.start(), match.end(), f"tel:+{digits}", match[0])


def _addresses(text: str) -> Iterator[Link]:
    # A mark that opens before an address would hide it from the finder: `_http://…_`.
    for match in (_finder.match(_OPENING_MARKS.sub(_blank, text)) or [])[: 2 * MOST]:
        raw = text[match.index : match.last_index].rstrip("*_~")
        shown = _BIDI.sub("", raw)
        if match.schema != "mailto:":
            web = _web(shown, bool(match.schema))
            if web:
                yield Link(match.index, match.index + len(raw), *web)
        elif raw.lower().startswith("mailto:"):
            yield Link(match.index, match.index + len(raw), shown, shown)
        else:
            # The finder takes what comes before a colon or comma for a part of the name: "write:ada@…".
            name = re.split(r"[:;,&=$\"]", raw.rpartition("@")[0])[-1]
            start = match.index + len(raw.rpartition("@")[0]) - len(name)
            address = _BIDI.sub("", text[start : match.index + len(raw)])
            if name:
                yield Link(start, match.index + len(raw), f"mailto:{address}", address)


def _web(shown: str, has_scheme: bool) -> tuple[str, str] | None:
    """Where a web address leads and how it is shown, or None when it should stay text."""
    scheme, _, rest = shown.partition("://") if has_scheme else ("", "", shown)
    authority = _AUTHORITY.match(rest)
    if authority is None or "@" in authority[0]:
        return None
    host, colon, port = authority[0].partition(":")
    safe = _safe_host(host)
    if not safe or not (has_scheme or _looks_like_a_domain(host)):
        return None
    address = safe + colon + port + rest[authority.end() :]
    if not has_scheme:
        return f"https://{address}", address
    return f"{scheme.lower()}://{address}", f"{scheme}://{address}"


def _looks_like_a_domain(host: str) -> bool:
    ending = host.rpartition(".")[2]
    if host.lower().startswith("www."):
        return True
    # "the end.So it is" is a missing space, EXAMPLE.COM is not.
    return ending.lower() not in _FILE_ENDINGS and (ending.islower() or host.isupper())


def _safe_host(host: str) -> str | None:
    """A host as it may be shown, in punycode when its scripts are mixed; None when it is no host."""
    if host.isascii():
        return host
    folded = unicodedata.normalize("NFKC", host).lower()
    if not _HOST.fullmatch(folded):
        return None
    if _ONE_SCRIPT.fullmatch(folded):
        return folded
    labels = folded.split(".")
    return ".".join(x if x.isascii() else f"xn--{x.encode('punycode').decode()}" for x in labels)
