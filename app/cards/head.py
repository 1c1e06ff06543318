"""What a page says about itself in its head: title, description, picture. Run apart, by `apart.run`."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

from app.cards.confined import confined

TITLE = ("og:title", "twitter:title")
DESCRIPTION = ("og:description", "twitter:description", "description")
IMAGE = ("og:image:secure_url", "og:image:url", "og:image", "twitter:image", "twitter:image:src")
MARKS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
NAMED = re.compile(rb"charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.ASCII | re.IGNORECASE)
NAMED_WITHIN = 4096
# Not of texts that people write, or too clever.
REFUSED = ("utf-7", "utf7", "punycode", "idna", "unicode", "raw", "undefined")


class Head(HTMLParser):
    """Gathers what stands before the body, of each name the first."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: dict[str, str] = {}
        self.title: list[str] | None = None
        self.is_over = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "body":
            self.is_over = True
        elif tag == "title" and "title" not in self.found:
            self.title = []
        elif tag == "meta" and not self.is_over:
            name = (values.get("property") or values.get("name") or "").strip().lower()
            if values.get("content", "").strip():
                self.found.setdefault(name, values["content"].strip())

    def handle_endtag(self, tag: str) -> None:
        if tag == "title" and self.title is not None:
            self.found.setdefault("title", "".join(self.title).strip())
            self.title = None
        self.is_over |= tag == "head"

    def handle_data(self, data: str) -> None:
        if self.title is not None:
            self.title.append(data)

    def first(self, names: tuple[str, ...]) -> str:
        return next((self.found[name] for name in names if name in self.found), "")


def decoded(data: bytes, content_type: str) -> str:
    """The page as text: as its first bytes, its server or itself say, else UTF-8, else what old pages are in."""
    mark = next((name for mark, name in MARKS.items() if data.startswith(mark)), None)
    named = NAMED.search(content_type.encode("latin-1", "replace")) or NAMED.search(data[:NAMED_WITHIN])
    name = mark or (named[1].decode() if named else "")
    if name and not name.lower().startswith(REFUSED):
        try:
            return data.decode(name, "replace")
        except (LookupError, ValueError):
            pass
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        # One that is cut off in the middle of its last character is UTF-8 all the same.
        is_cut = error.start > len(data) - 4
        return data.decode("utf-8" if is_cut else "windows-1252", "replace")


def look(data: bytes, content_type: str) -> bytes:
    head = Head()
    head.feed(decoded(data, content_type))
    title = head.first((*TITLE, "title"))
    found = {"title": title, "description": head.first(DESCRIPTION), "image": head.first(IMAGE)}
    return json.dumps(found).encode()


if __name__ == "__main__":
    confined(look)
