"""Asking servers that mean no good: never elsewhere, never much, never long."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from app.cards import making
from app.cards.fetch import REDIRECTS, Answer, Fetcher, Unfit, Unreachable
from app.cards.making import PAGE_BYTES, PAGES, PICTURE_BYTES, PICTURES
from tests.cards.sites import (
    LOCAL,
    Site,
    drip,
    flood,
    http,
    local_fetcher,
    moved,
    packed_zeros,
    page,
    picture,
)


async def get(site: Site, path: str = "/") -> Answer:
    return await local_fetcher(site).get(site.url(path), PAGES, PAGE_BYTES, end=b"</head")


async def find(site: Site, path: str = "/") -> tuple[dict[str, str], dict[str, Any] | None]:
    return await making.find(local_fetcher(site), site.url(path), None)


async def test_the_name_is_asked_for_and_the_page_is_read_to_the_end_of_its_head(site: Site) -> None:
    site.pages["/a%20b?q=1"] = page()
    answer = await get(site, "/a b?q=1")
    assert b"<title>A title</title>" in answer.body
    assert site.hosts == {f"site.example:{site.port}"}


async def test_a_few_redirects_are_followed_and_not_one_more(site: Site) -> None:
    for number in range(REDIRECTS + 1):
        site.pages[f"/{number}"] = moved(f"/{number - 1}") if number else page()
    site.pages["/more"] = moved(f"/{REDIRECTS}")
    assert (await get(site, f"/{REDIRECTS}")).url == site.url("/0")
    with pytest.raises(Unfit, match="too often"):
        await get(site, "/more")


@pytest.mark.parametrize(
    "to",
    [
        "http://10.0.0.1:{port}/",
        "//169.254.169.254:{port}/latest",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://localhost:22/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:{port}/",
    ],
)
async def test_each_redirect_is_looked_at_anew(site: Site, to: str) -> None:
    async def resolve(host: str, _port: int) -> list[str]:
        return [LOCAL] if host == "site.example" else [host]

    site.pages["/"] = moved(to.format(port=site.port))
    fetcher = Fetcher(resolve, lambda address: address == LOCAL, [site.port])
    with pytest.raises(Unfit):
        await fetcher.get(site.url(), PAGES, PAGE_BYTES)
    assert site.asked.total() == 1


async def test_a_name_that_changes_its_address_is_reached_where_it_was_looked_at(site: Site) -> None:
    looks: list[str] = []

    async def rebinding(host: str, _port: int) -> list[str]:
        looks.append(host)
        return [LOCAL] if len(looks) == 1 else ["10.0.0.1"]

    site.pages["/"] = page()
    fetcher = Fetcher(rebinding, lambda address: address == LOCAL, [site.port])
    await fetcher.get(site.url(), PAGES, PAGE_BYTES)
    assert looks == ["site.example"]
    with pytest.raises(Unfit, match="not public"):
        await fetcher.get(site.url(), PAGES, PAGE_BYTES)
    assert site.asked["/"] == 1


async def test_a_page_without_end_is_read_as_far_as_it_goes(site: Site) -> None:
    site.pages["/"] = flood
    answer = await get(site)
    assert len(answer.body) == PAGE_BYTES
    assert (await find(site))[0]["title"] == "Endless"


@pytest.mark.parametrize("size", [PAGE_BYTES + 1, 10**9])
async def test_a_picture_that_is_too_large_is_none(site: Site, size: int) -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(http(b"", content_type="image/png", content_length=str(size)))
        while not writer.is_closing():
            writer.write(bytes(65_536))
            await writer.drain()

    site.pages["/"] = answer
    with pytest.raises(Unfit, match="too large"):
        await local_fetcher(site).get(site.url(), PICTURES, PAGE_BYTES)


async def test_a_gzip_bomb_unfolds_no_further_than_what_is_read(site: Site) -> None:
    bomb = packed_zeros(100 * 2**20)
    site.pages["/page"] = http(bomb, content_encoding="gzip")
    site.pages["/picture"] = http(bomb, content_type="image/png", content_encoding="gzip")
    began = time.perf_counter()
    assert len((await get(site, "/page")).body) == PAGE_BYTES
    with pytest.raises(Unfit, match="too large"):
        await local_fetcher(site).get(site.url("/picture"), PICTURES, PICTURE_BYTES)
    assert time.perf_counter() - began < 2


async def test_what_is_packed_is_unpacked(site: Site) -> None:
    whole = page("Packed").partition(b"\r\n\r\n")[2]
    for name, bits in (("gzip", 31), ("deflate", 15)):
        packer = __import__("zlib").compressobj(wbits=bits)
        site.pages[f"/{name}"] = http(packer.compress(whole) + packer.flush(), content_encoding=name)
        assert b"Packed" in (await get(site, f"/{name}")).body


@pytest.mark.parametrize("answer", [
    http(b"<title>x</title>", "404 Not Found"),
    http(b"<title>x</title>", content_type="application/pdf"),
    http(b"<title>x</title>", content_type=""),
    http(b"<title>x</title>", content_type="image/svg+xml"),
    http(b"<title>x</title>", content_encoding="br"),
    http(b"not packed", content_encoding="gzip"),
    http(b"", "204 No Content"),
    http(b"x", "206 Partial Content"),
])  # fmt: skip
async def test_there_will_never_be_a_card_of_it(site: Site, answer: bytes) -> None:
    site.pages["/"] = answer
    with pytest.raises(Unfit):
        await get(site)


@pytest.mark.parametrize("answer", [
    http(b"", "500 Internal Server Error"),
    http(b"", "503 Service Unavailable"),
    http(b"", "429 Too Many Requests"),
    b"",
    b"HTTP/1.1 OK\r\n\r\n",
    b"nonsense\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 99\r\n\r\n<title>cut",
    b"HTTP/1.1 200 OK\r\nx: " + b"y" * 300_000,
])  # fmt: skip
async def test_it_may_be_there_later(site: Site, answer: bytes) -> None:
    site.pages["/"] = answer
    with pytest.raises(Unreachable):
        await get(site)


async def test_who_is_not_there_may_be_there_later(site: Site) -> None:
    async def nowhere(_host: str, _port: int) -> list[str]:
        return []

    for fetcher in (Fetcher(ports=[1], is_allowed=lambda _: True), Fetcher(nowhere, ports=[1])):
        with pytest.raises(Unreachable):
            await fetcher.get("http://127.0.0.1:1/", PAGES, 1000)


async def test_who_is_slow_is_waited_for_only_so_long(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "SECONDS", 0.3)
    site.pages["/"] = drip
    with pytest.raises(Unreachable, match="too slow"):
        await find(site)


async def test_a_card_without_its_picture_is_a_card(site: Site) -> None:
    image = '<meta property="og:image" content="/picture">'
    site.pages["/"] = page(head=image)
    for answer in (http(b"", "404 Not Found"), http(b"no picture", content_type="image/png"), moved("file:///x")):
        site.pages["/picture"] = answer
        assert await find(site) == ({"title": "A title", "description": ""}, None)
    site.pages["/picture"] = http(picture(), content_type="image/png")
    made = (await find(site))[1]
    assert made is not None
    assert (made["width"], made["height"], made["data"][:4]) == (640, 320, b"RIFF")


async def test_our_own_pages_get_no_card(site: Site) -> None:
    site.pages["/"] = page()
    with pytest.raises(Unfit, match="our own"):
        await making.find(local_fetcher(site), site.url(), "site.example")
    assert not site.asked
