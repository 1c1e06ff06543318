import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.messages import links
from app.messages.text import render


def found(text: str) -> list[tuple[str, str]]:
    return [(link.text, link.href) for link in links.find(text)]


@pytest.mark.parametrize(
    ("text", "shown", "href"),
    [
        ("see https://x.example/a?b=1&c=2#d.", "https://x.example/a?b=1&c=2#d", None),
        ("HTTPS://X.example/A", "HTTPS://X.example/A", "https://X.example/A"),
        ("(http://x.example/a_(b))", "http://x.example/a_(b)", None),
        ("http://x.example/~ada/_b_/c*d", "http://x.example/~ada/_b_/c*d", None),
        ("http://localhost:8000/x", "http://localhost:8000/x", None),
        ("http://192.168.1.20/", "http://192.168.1.20/", None),
        ("https://main.py", "https://main.py", None),
        ("example.com", "example.com", "https://example.com"),
        ("Example.com:8080/x?", "Example.com:8080/x", "https://Example.com:8080/x"),
        ("EXAMPLE.COM", "EXAMPLE.COM", "https://EXAMPLE.COM"),
        ("on web.dev, today", "web.dev", "https://web.dev"),
        ("www.docs.rs", "www.docs.rs", "https://www.docs.rs"),
        ("ada@x.org", "ada@x.org", "mailto:ada@x.org"),
        ("ada+tag@x.org!", "ada+tag@x.org", "mailto:ada+tag@x.org"),
        ("write:ada@x.org", "ada@x.org", "mailto:ada@x.org"),
        ("mailto:ada@x.org", "mailto:ada@x.org", None),
        ("+49 (0)151 2345678", "+49 (0)151 2345678", "tel:+491512345678"),
        ("call +1 (555) 123-4567.", "+1 (555) 123-4567", "tel:+15551234567"),
        ("münchen.de", "münchen.de", "https://münchen.de"),
        ("http://пример.рф/ü", "http://пример.рф/ü", None),
        ("https://日本語.jp", "https://日本語.jp", None),
        ("https://xn--80ak6aa92e.com/", "https://xn--80ak6aa92e.com/", None),
        ("http://x.example/" + "a" * 3_000, "http://x.example/" + "a" * 3_000, None),
    ],
)
def test_links(text: str, shown: str, href: str | None) -> None:
    assert found(text) == [(shown, href or shown)]


@pytest.mark.parametrize(
    "text",
    [
        "1.5",
        "v2.10.3",
        "notes.txt",
        "main.py",
        "README.md",
        "src/main.rs",
        "setup.sh:12",
        "a.b",
        "e.g. this",
        "the end.So it is",
        "10.0.0.1",
        "localhost",
        "ada@home",
        "@ada",
        "#x.y",
        "12:30",
        "http://",
        "www.",
        "javascript:alert(1)",
        "javascript://x.com/%0aalert(1)",
        "data:text/html,x",
        "file:///etc",
        "ftp://x.org",
        "//x.org",
        "vbscript:x",
        "+1",
        "+49 151",
        "1+234567890",
        "+12345678901234567890",
        "0151 2345678",
        "https://bank.example@evil.example/",
        "http://user:pw@x.example",
        "http://a℀b.com",
        "http://a\u200bb.com",
        "http://x.example/" + "a" * 5_000,
    ],
)
def test_text_that_is_no_link(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://x\u202eelpmaxe.com/\u2066a", "http://xelpmaxe.com/a"),
        ("http://аpple.com/x", "http://xn--pple-43d.com/x"),
        ("https://аррӏе.com", "https://xn--80ak6aa92e.com"),
        ("https://x.com丿login.example", "https://x.xn--comlogin-9h0m.example"),
        ("http://ｅxample.com", "http://example.com"),
        ("ada@аpple.com", "ada@xn--pple-43d.com"),
    ],
)
def test_a_link_shows_where_it_leads(text: str, shown: str) -> None:
    assert [link.text for link in links.find(text)] == [shown]
    assert links.find(text)[0].href.removeprefix("mailto:") == shown


@pytest.mark.parametrize(
    ("body", "inner"),
    [
        ("*http://x.example/a*", "<b>{}</b>"),
        ("_http://x.example/a_", "<i>{}</i>"),
        ("~*http://x.example/a*~", "<s><b>{}</b></s>"),
        ("*see http://x.example/a now*", "<b>see {} now</b>"),
        ("(http://x.example/a)", "({})"),
        ("<http://x.example/a>", "&lt;{}&gt;"),
    ],
)
def test_links_stand_within_marks(body: str, inner: str) -> None:
    link = '<a href="http://x.example/a" target="_blank" rel="noopener noreferrer nofollow">http://x.example/a</a>'
    assert render(body) == f"<p>{inner.format(link)}</p>"


def test_an_address_is_escaped_where_it_stands() -> None:
    assert 'href="http://x.example/?a=1&amp;b=&#39;c&#39;"' in render("http://x.example/?a=1&b='c'")
    assert "onclick" not in re.findall(r"<a [^>]*>", render('http://x.example/"onclick="x"'))[0].split('"')[::2]


def test_there_are_only_so_many_links() -> None:
    assert len(links.find("x.com " * 2_000)) == links.MOST


@settings(deadline=None)
@given(
    st.text()
    | st.lists(
        st.sampled_from(
            [
                "http://",
                "www.",
                "a",
                ".",
                "com",
                "@",
                "/",
                " ",
                "+49151",
                "23456",
                "xn--",
                "\u202e",
                "а",
                "mailto:",
                "*",
            ]
        )
    ).map("".join)
)
def test_links_stand_in_order_and_lead_somewhere_known(text: str) -> None:
    end = 0
    for link in links.find(text):
        assert end <= link.start < link.end <= len(text)
        assert re.match(r"(https?://|mailto:|tel:\+\d)", link.href)
        shown = "" if link.href.startswith("tel:") else link.text  # numbers are written with spaces
        assert not re.search(r"[\s\u202a-\u202e\u2066-\u2069<>]", link.href + shown)
        end = link.end
