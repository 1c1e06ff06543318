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

LONGEST = 4_096
"""A word beyond this many characters is not searched."""

MOST = 500
"""Links beyond this many stay text, which bounds the page one message can grow into."""

_MORE_TLDS = ["app", "blog", "cloud", "dev", "online", "site", "social", "store", "tech", "wiki", "xyz"]
_FILE_ENDINGS = frozenset({"cc", "gd", "md", "ml", "pm", "ps", "py", "rs", "sh", "so", "tf"})  # countries' too

_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_LONG_WORD = re.compile(r"(?<!\S)\S{200,}")
_OPENERS = re.compile(r"[(\[{\"']")
_MOST_SCHEMES, _MOST_OPENERS = 3, 16  # the finder looks ahead to the end of the word from each of these
_OPENING_MARKS = re.compile(r"(?<![^\s(\[\"'])[*_~]+")
_PUNYCODE = re.compile("xn--", re.IGNORECASE)
_SYMBOLS = str.maketrans("$+=^`|", "&&&&&&")
_PHONE = re.compile(r"(?<![\w+])\+[1-9](?:[ \u00a0.()/-]{0,2}[0-9]){7,14}(?!\w)")
_TRUNK_ZERO = re.compile(r"\(0\)")
_NOT_IN_A_NAME = re.compile(r"[:;,&=$\"|^`]")
_AUTHORITY = re.compile(r"[^/?#]*")

_HOST = regex.compile(r"[\p{L}\p{M}\p{Nd}.-]+")
_EAST_ASIAN = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Bopomofo}ー\d-]+"
_SCRIPTS = (
    "Latin|Arabic|Armenian|Bengali|Cyrillic|Devanagari|Ethiopic|Georgian|Greek|Gujarati|Gurmukhi|Hebrew|"
    "Kannada|Khmer|Lao|Malayalam|Myanmar|Oriya|Sinhala|Tamil|Telugu|Thaana|Thai|Tibetan"
)
_ONE_SCRIPT = regex.compile(
    "|".join(rf"[\p{{{script}}}\p{{Inherited}}\d.-]+" for script in _SCRIPTS.split("|"))
    + rf"|(?:[a-z\d-]+|{_EAST_ASIAN})(?:\.(?:[a-z\d-]+|{_EAST_ASIAN}))*"
)

# Every address has one of these, and looking for that takes a hundredth of the time that the finder takes.
_MAYBE_ADDRESS = re.compile(r"@|://|\.[^\s.]")

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
    searched = _LONG_WORD.sub(_blank_if_costly, text)
    found: list[Link] = []
    for link in sorted([*_phones(searched), *_addresses(searched)], key=lambda link: (link.start, -link.end)):
        if not found or link.start >= found[-1].end:
            found.append(link)
        if len(found) == MOST:
            break
    return found


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


def _blank_if_costly(match: re.Match[str]) -> str:
    word = match[0]
    costly = len(word) > LONGEST or word.count("://") > _MOST_SCHEMES or len(_OPENERS.findall(word)) > _MOST_OPENERS
    return " " * len(word) if costly else word


def _disguise(text: str) -> str:
    """The text as the finder reads it, of the same length.

    A mark that opens before an address would hide it: `_http://…_`. The symbols can start a host and be part
    of one, which makes the finder quadratic; `xn--` can be read as two kinds of label, which makes it
    exponential. An ampersand and letters are allowed in the same places and are read one way only.
    """
    text = _OPENING_MARKS.sub(_blank, text)
    return _PUNYCODE.sub("xnnn", text).translate(_SYMBOLS)


def _phones(text: str) -> Iterator[Link]:
    for match in _PHONE.finditer(text):
        digits = re.sub(r"[^0-9]", "", _TRUNK_ZERO.sub("", match[0]))
        yield Link(match.start(), match.end(), f"tel:+{digits}", match[0])


def _addresses(text: str) -> Iterator[Link]:
    if not _MAYBE_ADDRESS.search(text):
        return
    for match in (_finder.match(_disguise(text)) or [])[: 2 * MOST]:
        start = match.index
        raw = text[start : match.last_index].rstrip("*_~")
        if match.schema == "mailto:":
            skipped, made = _mail(raw)
        else:
            skipped, made = 0, _web(_BIDI.sub("", raw), bool(match.schema))
        if made:
            yield Link(start + skipped, start + len(raw), *made)


def _mail(raw: str) -> tuple[int, tuple[str, str] | None]:
    """Where an e-mail address really begins; where it leads and how it is shown, None if it is none."""
    name, _, host = raw.rpartition("@")
    safe = _safe_host(_BIDI.sub("", host))
    if name.lower().startswith("mailto:"):
        return 0, (f"mailto:{name[7:]}@{safe}", f"{name}@{safe}") if safe else None
    # The finder takes what comes before a colon or comma for a part of the name: "write:ada@…".
    kept = _NOT_IN_A_NAME.split(name)[-1]
    return len(name) - len(kept), (f"mailto:{kept}@{safe}", f"{kept}@{safe}") if kept and safe else None


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
