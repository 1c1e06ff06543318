"""What a browser must fetch to show a chat for the first time: the page and all that it and its files name."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

import brotli

from benchmarks.tally import Figures
from benchmarks.wire import dial, request

HTML = re.compile(r'<(?:link|script|img|use|source)\b[^>]*?\s(?:href|src)="([^"#]+)')
CSS = re.compile(r"""(?:@import\s+(?:url\()?|url\()\s*["']?([^"')#]+)""")
JS = re.compile(r"""\b(?:import|export)\b[^"';()]*?["']([./][^"']+)["']""")
UNPACK = {b"br": brotli.decompress, b"gzip": gzip.decompress}
ENCODING = re.compile(rb"\r\ncontent-encoding: *(\w+)", re.IGNORECASE)
PATTERNS = {"text/html": HTML, "text/css": CSS, "text/javascript": JS, "application/javascript": JS}


async def first_paint(url: str, path: str, cookie: str) -> Figures:
    """Bytes as they travel, of bodies alone; how many files; and those not as they should be.

    Raises RuntimeError for a file that is not there.
    """
    plain_http = await fetch(url, path, cookie, "gzip, deflate")
    return {**await fetch(url, path, cookie, "gzip, deflate, br"), "gzip_bytes": plain_http["bytes"]}


async def fetch(url: str, path: str, cookie: str, encodings: str) -> Figures:
    """The same for a browser that takes these encodings."""
    caller = await dial(url)
    headers = {"Cookie": f"__Host-sid={cookie}", "Accept": "text/html,*/*", "Accept-Encoding": encodings}
    waiting, seen = [urljoin(url, path)], set()
    figures = {"bytes": 0.0, "page_bytes": 0.0, "files": 0.0, "other_hosts": 0.0, "not_kept": 0.0, "not_packed": 0.0}
    while waiting:
        address = waiting.pop()
        if address in seen:
            continue
        seen.add(address)
        if urlsplit(address).netloc != urlsplit(url).netloc:
            figures["other_hosts"] += 1
            continue
        answer = await caller.ask(request("GET", address, headers))
        if answer.status != 200:
            raise RuntimeError(f"{address} was answered with {answer.status}")
        head, is_page = answer.head.lower(), not figures["files"]
        packed = ENCODING.search(answer.head)
        figures["bytes"] += len(answer.body)
        figures["page_bytes"] += len(answer.body) if is_page else 0
        figures["files"] += 1
        figures["not_kept"] += not is_page and b"immutable" not in head
        figures["not_packed"] += packed is None
        kind = re.search(r"content-type: *([^;\r]+)", head.decode("latin-1"))
        text = (UNPACK[packed[1]](answer.body) if packed else answer.body).decode("utf-8", "replace")
        waiting += [urljoin(address, name) for name in named(kind[1] if kind else "", text)]
    caller.transport.close()
    return figures


def named(kind: str, text: str) -> Iterator[str]:
    """The addresses that a file of a media type names and a browser fetches by itself."""
    pattern = PATTERNS.get(kind)
    for name in pattern.findall(text) if pattern else ():
        if not name.startswith("data:"):
            yield name.replace("&amp;", "&")
