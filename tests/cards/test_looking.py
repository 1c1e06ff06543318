"""What is made of pages and pictures that strangers sent, in a process of its own."""

from __future__ import annotations

import contextlib
import json
import struct
import time
import zlib
from io import BytesIO

import pytest
from PIL import Image

from app.cards import picture as pictures
from app.cards.apart import run
from app.cards.fetch import Unfit
from app.cards.head import look
from app.cards.making import TITLE, tidy
from tests.cards.sites import picture

HTML = "text/html"


def head(html: str | bytes, content_type: str = HTML) -> dict[str, str]:
    data = html.encode() if isinstance(html, str) else html
    found: dict[str, str] = json.loads(look(data, content_type))
    return found


def size(made: bytes) -> list[int]:
    return [int(number) for number in made.split(b"\n")[0].split()]


@pytest.mark.parametrize(
    ("html", "title"),
    [
        ("<title>Plain</title>", "Plain"),
        ("<TITLE>\n Fish &amp; chips \n</TITLE>", "Fish & chips"),
        ('<title>Plain</title><meta property="og:title" content="Open">', "Open"),
        ('<meta name="twitter:title" content="Bird"><title>Plain</title>', "Bird"),
        ("<meta content='Other order' property='OG:Title'>", "Other order"),
        ("<meta property=og:title content=Bare>", "Bare"),
        ('<meta property="og:title" content="First"><meta property="og:title" content="Second">', "First"),
        ('<meta property="og:title" content=" "><title>Not empty</title>', "Not empty"),
        ('<head></head><body><meta property="og:title" content="In the body"></body>', ""),
        ("<head><title>Mine</title></head><body><svg><title>Drawing</title></svg>", "Mine"),
        ('<script>"<title>No</title>"</script><title>Yes</title>', "Yes"),
        ("<!-- <title>No</title> --><title>Yes</title>", "Yes"),
        ("<title>Cut off", ""),
        ("", ""),
        ("\0\0<\0title>", ""),
    ],
)
def test_the_title(html: str, title: str) -> None:
    assert head(html)["title"] == title


def test_description_and_picture() -> None:
    found = head('<meta name="description" content="Plain"><meta property="og:image" content="/a.png?b=1&amp;c=2">')
    assert (found["description"], found["image"]) == ("Plain", "/a.png?b=1&c=2")
    assert head("<meta name=description content=a><meta property=og:description content=b>")["description"] == "b"


@pytest.mark.parametrize(
    ("data", "content_type", "title"),
    [
        ("<title>Grüße</title>".encode(), HTML, "Grüße"),
        ("<title>Grüße</title>".encode("latin-1"), "text/html; charset=ISO-8859-1", "Grüße"),
        ("<meta charset='windows-1251'><title>Привет</title>".encode("cp1251"), HTML, "Привет"),
        (
            '<meta http-equiv=x content="text/html; charset=Shift_JIS"><title>日本</title>'.encode("shift_jis"),
            HTML,
            "日本",
        ),
        ("\ufeff<title>Mark</title>".encode("utf-16-le"), HTML, "Mark"),
        ("<title>Grüße</title>".encode("latin-1"), HTML, "Grüße"),
        ("<title>Grüße</title>".encode(), "text/html; charset=nonsense", "Grüße"),
        ("<title>Grüße</title>".encode(), "text/html; charset=utf-7", "Grüße"),
        (b"<title>zip</title>", "text/html; charset=zip", "zip"),
        ("<title>Grüße</title>ü".encode()[:-1], HTML, "Grüße"),
    ],
)
def test_whatever_letters_it_is_in(data: bytes, content_type: str, title: str) -> None:
    assert head(data, content_type)["title"] == title


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("  a\n\tb\x00c\x9f d ", "a b c d"),
        ("safe\u202egpj.exe", "safegpj.exe"),
        ("\u200b\u2066\ufeff", ""),
        ("x" * 300, "x" * (TITLE - 1) + "…"),
        ("family 👨‍👩‍👧", "family 👨‍👩‍👧"),
        ("half \ud800", "half"),
    ],
)
def test_words_are_one_line_in_one_direction(words: str, line: str) -> None:
    assert tidy(words, TITLE) == line


async def test_a_page_that_makes_the_parser_slow_is_given_up() -> None:
    began = time.perf_counter()
    for evil in (
        b"<" * 500_000,
        b"<!" * 250_000,
        b"<a " + b"b='" * 160_000,
        b"<!--" * 120_000,
        b"<![CDATA[" * 50_000,
    ):
        with contextlib.suppress(Unfit):
            await run("head", evil + b"<title>x</title>", HTML)
    assert time.perf_counter() - began < 30


@pytest.mark.parametrize("name", ["PNG", "JPEG", "GIF", "WEBP"])
def test_pictures_are_made_anew_and_small(name: str) -> None:
    made = pictures.look(picture(1600, 400, name))
    assert size(made) == [640, 160]
    shown = Image.open(BytesIO(made.partition(b"\n")[2]))
    assert (shown.format, shown.size) == ("WEBP", (640, 160))


def test_a_picture_keeps_nothing_but_its_pixels() -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "taken at home"  # turned to the right
    made = BytesIO()
    Image.new("RGB", (200, 100)).save(made, "JPEG", exif=exif)
    small = pictures.look(made.getvalue() + b"<script>alert(1)</script>")
    assert size(small) == [100, 200]
    assert b"home" not in small
    assert b"script" not in small


def test_a_picture_with_a_hole_keeps_it() -> None:
    made = pictures.look(picture(100, 100, "PNG", "RGBA"))
    assert Image.open(BytesIO(made.partition(b"\n")[2])).size == (100, 100)


def bomb(side: int) -> bytes:
    """A PNG of a few kilobytes with the size of a wall."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    begin = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(3 * side + 1)) for _ in range(min(side, 2000))) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", begin) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "data",
    [
        bomb(30_000),
        bomb(5_001),
        b"",
        b"\x89PNG\r\n\x1a\n",
        picture()[:200],
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"GIF89a" + b"\xff" * 100,
        picture(8, 8),
        picture(100, 100, "BMP"),
    ],
    ids=["wall", "too many pixels", "empty", "begin", "cut", "svg", "broken gif", "dot", "bmp"],
)
async def test_what_is_no_fit_picture_is_none(data: bytes) -> None:
    with pytest.raises(Unfit):
        await run("picture", data)


async def test_who_looks_has_no_secrets_and_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_SECRET_KEY", "x" * 40)
    assert size(await run("picture", picture(300, 200))) == [300, 200]
    with pytest.raises(Unfit):
        await run("absent", b"")
