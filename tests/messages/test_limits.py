"""What may be said: something, not too much, not too fast; and whatever it is, it stays inert."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from app.messages.text import clean, is_blank
from app.settings import ROOT
from tests.make import HTML, HTMX, JSON, Client, Member, make_user

ZERO_WIDTH = "\u200b\u200c\u200d\u2060\ufeff"
# Every mark there is, a link, and long enough to fold.
RICH = "*b* _i_ ~s~ `c` https://example.org\n> q\n- u\n1. o\n```\npre\n```\n" + "\n".join("x" * 30)
SHARED = ROOT.parent / "shared/data/naughty-strings.txt"
NAUGHTY = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "</textarea></li></ol><script>alert(1)</script>",
    "javascript:alert(1)",
    "[x](javascript:alert(1))",
    '" onmouseover="alert(1)" x="',
    "' autofocus onfocus=alert(1) '",
    "{{ 7 * 7 }}{% raw %}",
    "<hx-partial hx-target='#pane' hx-swap='innerHTML'>gone</hx-partial>",
    '<a hx-get="/logout" hx-trigger="load">x</a>',
    'https://example.org/"onclick="alert(1)',
    "http://a.example/<script>alert(1)</script>",
    "`<b>`*<i>*_<u>_~<s>~```<pre>```",
    "> <b>quote</b>\n- <i>item</i>\n1. <u>one</u>",
    "'; DROP TABLE messages; --",
    "\x01\x02 control",
    "\u202egnp.exe",
    "Ω≈ç√∫ 田中さん 👨‍👩‍👧 ﷽ Z̮̞̠͙͔ͅ",
    "%00 %0d%0aSet-Cookie: a=b",
    "&lt;script&gt; &amp;amp;",
    "a" * 20_000,
    "\n".join("x" * 10 for _ in range(1800)),
]


async def send(member: Client, chat_id: int, body: str, **headers: str) -> httpx.Response:
    return await member.post(f"/chats/{chat_id}/messages", data={"body": body}, headers=headers)


@pytest.mark.parametrize(("length", "status"), [(19_999, 201), (20_000, 201), (20_001, 422)])
async def test_twenty_thousand_characters(ann: Member, chat_id: int, length: int, status: int) -> None:
    assert (await send(ann, chat_id, "😀" * length)).status_code == status


@pytest.mark.parametrize("body", ["", " ", "\n\n", "\u00a0\u3000", ZERO_WIDTH, "\u2800", "\u0301", "\x00\x01"])
async def test_nothing_is_not_sent(ann: Member, bob: Member, chat_id: int, body: str) -> None:
    response = await send(ann, chat_id, body, **JSON)
    assert response.status_code == 422
    assert list(response.json()["errors"]) == ["body"]
    assert await bob.bodies(chat_id) == []


async def test_without_the_field_neither(ann: Member, chat_id: int) -> None:
    assert (await ann.post(f"/chats/{chat_id}/messages")).status_code == 422


@pytest.mark.parametrize("headers", [HTML, HTMX])
async def test_what_was_typed_is_kept(ann: Member, chat_id: int, headers: dict[str, str]) -> None:
    body = "<b>" + "x" * 20_000
    response = await send(ann, chat_id, body, **headers)
    assert response.status_code == 422
    assert f"{html.escape(body)}</textarea>" in response.text
    assert "20,003 characters" in response.text


async def test_a_stranger_who_types_nothing_finds_nothing(cara: Member, chat_id: int) -> None:
    assert (await send(cara, chat_id, " ", **HTML)).status_code == 404


async def test_blank_lines_around_are_trimmed(ann: Member, chat_id: int) -> None:
    await send(ann, chat_id, "\r\n\n  Hello\r\n  Bob \n\n")
    assert await ann.bodies(chat_id) == ["  Hello\n  Bob"]


@pytest.mark.parametrize("changes", [{"send_rate": 1, "send_burst": 3}])
async def test_too_fast_is_told_when_to_come_back(ann: Member, bob: Member, chat_id: int) -> None:
    answers = [await send(ann, chat_id, str(n)) for n in range(4)]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
    assert answers[3].headers["retry-after"] == "1"
    assert (await send(bob, chat_id, "I may")).status_code == 201
    assert await bob.bodies(chat_id) == ["0", "1", "2", "I may"]


@pytest.mark.parametrize("changes", [{"send_rate": 1, "send_burst": 1}])
async def test_a_browser_that_is_too_fast_gets_a_page(ann: Member, chat_id: int) -> None:
    await send(ann, chat_id, "one")
    response = await send(ann, chat_id, "two", **HTML)
    assert response.status_code == 429
    assert "A little slower" in response.text


def shared_strings() -> list[str]:
    return [line for line in SHARED.read_text().split("\n") if line and line[0] != "#"] if SHARED.exists() else []


class Tags(HTMLParser):
    """The elements of a fragment with the names of their attributes."""

    def __init__(self, fragment: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(fragment)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {tag, *(f"{tag} {name}" for name, _ in attrs)}
        assert not any((value or "").strip().lower().startswith("javascript:") for _, value in attrs)


async def test_every_text_survives_and_stays_inert(ann: Member, bob: Member, chat_id: int) -> None:
    """A bubble is made of the same elements and attributes whatever is said in it."""
    known = Tags((await send(ann, chat_id, RICH)).text).found | {"li data-emoji"}
    kept = [body for body in NAUGHTY + shared_strings() if not is_blank(clean(body))]
    for body in kept:
        answer = await send(ann, chat_id, body)
        assert answer.status_code == 201, body
        assert Tags(answer.text).found <= known, body
    pages = [await bob.bodies(chat_id, after=seq, limit=200) for seq in range(1, len(kept) + 1, 200)]
    assert [body for page in pages for body in page] == [clean(body) for body in kept]


async def test_and_in_the_page_the_list_and_the_forms(app: Starlette, ann: Member, bob: Member, chat_id: int) -> None:
    for body in NAUGHTY[:18]:
        await send(ann, chat_id, body)
        await bob.post(f"/chats/{chat_id}/draft", data={"body": body})
        page = (await bob.get(f"/chats/{chat_id}", headers=HTML)).text
        assert body not in page or not re.search(r"[<>\"']", body), body


@pytest.mark.parametrize("name", ["<b>Ann</b>", '"><script>alert(1)</script>', "Ann &amp; <Co>"])
async def test_names_are_inert_too(app: Starlette, ann: Member, name: str) -> None:
    person = await make_user(app, "mallory", display_name=name)
    for path in ("/users", f"/users/{person.id}", "/groups/new"):
        page = (await ann.get(path, headers=HTML)).text
        assert str(html.escape(name)).replace("&quot;", "&#34;") in page
        assert name not in page


def test_the_shared_strings_are_where_they_should_be_or_nowhere() -> None:
    assert not list(Path(ROOT / "tests").rglob("naughty-strings*"))
