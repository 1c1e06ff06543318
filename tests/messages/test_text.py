import html
import re
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.messages.text import clean, is_blank, is_long, plain, render

NAUGHTY = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "naughty-strings.txt"

INLINE = {"a", "b", "i", "s", "code", "br"}
CHILDREN = {
    "": {"p", "pre", "blockquote", "ul", "ol"},
    "p": INLINE,
    "blockquote": INLINE,
    "li": INLINE,
    "ul": {"li"},
    "ol": {"li"},
    "pre": {"code"},
    "b": INLINE - {"b", "br"},
    "i": INLINE - {"i", "br"},
    "s": INLINE - {"s", "br"},
    "a": set(),
    "code": set(),
}
SOUP = st.lists(
    st.sampled_from(
        [
            *("*", "_", "~", "`", "```", "> ", "- ", "* ", "1. ", "\n", " ", "a", "b c", "(", '"', "'", "&"),
            *("http://x.example/", "ada@x.example", "+49 151 2345678", "www.", "x.com", "<b>", "&lt;", "é"),
            *("\0", "\1"),
        ]
    )
).map("".join)
ANYTHING = st.text() | SOUP


class Reader(HTMLParser):
    """Reads what `render` made the way a browser would, and fails on what it must not contain."""

    def __init__(self, rendered: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(rendered)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        parent = self.open[-1] if self.open else ""
        assert tag in CHILDREN[parent], f"{tag} in {parent or 'the root'}"
        given = dict(attrs)
        if tag == "a":
            assert set(given) == {"href", "target", "rel"}
            assert re.match(r"(https?://|mailto:|tel:\+\d)", given["href"] or "")
            assert (given["target"], given["rel"]) == ("_blank", "noopener noreferrer nofollow")
        elif tag == "li" and parent == "ol":
            assert re.fullmatch(r"\d+", given["value"] or "")
        elif tag == "pre":
            assert given == {"tabindex": "0"}  # it scrolls sideways, also by keyboard
        else:
            assert not given
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        assert self.open, f"{data!r} stands outside of a block"
        assert "\n" not in data or "pre" in self.open
        self.text.append(data)

    def handle_comment(self, data: str) -> None:
        pytest.fail(f"a comment: {data}")

    def handle_decl(self, decl: str) -> None:
        pytest.fail(f"a declaration: {decl}")


def words(text: str) -> str:
    """What stays of a text whatever its formatting: no white space, no marks, no list markers."""
    return re.sub(r"[\s*_~`>.0-9\x00-\x1f-]", "", text)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("hello", "hello"),
        ("a\r\nb\rc\n", "a\nb\nc"),
        ("\n \t\n  indented\n\n  more  \n \n", "  indented\n\n  more"),
        ("nul\0 bell\a tab\t esc\x1b[0m", "nul bell tab\t esc[0m"),
        ("half \ud83d a character \udc00", "half  a character"),
        ("zero\u200bwidth \u202eoverride \ufeff mark \U0010fffd", None),
        ("👩🏽‍❤️‍💋‍👩🏽 שלום नमस्ते Z̷a̷l̷g̷o̷ ｗｉｄｅ", None),
        ("keeps  inner   spaces  \nand \x7f", None),
        ("  \n\t\u3000\n", ""),
        ("", ""),
    ],
)
def test_clean_keeps_the_text_and_drops_what_cannot_be_stored(typed: str, stored: str | None) -> None:
    assert clean(typed) == (typed if stored is None else stored)


@given(st.text(st.characters(exclude_categories=())))
def test_cleaning_twice_changes_nothing(body: str) -> None:
    once = clean(body)
    assert clean(once) == once
    once.encode()
    assert not re.search("[\0\r\ud800-\udfff]", once)


@pytest.mark.parametrize(
    "body",
    [
        "",
        " ",
        "\n\t ",
        "\u200b",
        "\u200b\u200c\u200d\u2060\ufeff",
        "\u00ad",
        "\u3000\u00a0",
        "\u2800",
        "\u3164",
        "\u115f\u1160",
        "\u202e\u2066",
        "\ufe0f",
        "\u0301",
        "\U000e0041",
        "\u180e",
        "\u034f",
        "\0",
    ],
)
def test_invisible_text_is_blank(body: str) -> None:
    assert is_blank(body)


@pytest.mark.parametrize("body", ["a", ".", "\u200ba", "e\u0301", "👍", "ツ", "\u0600", "\u00a6", "0\ufe0f\u20e3"])
def test_visible_text_is_not_blank(body: str) -> None:
    assert not is_blank(body)


@pytest.mark.parametrize(
    ("body", "long"),
    [
        ("", False),
        ("a" * 1_500, False),
        ("a" * 1_501, True),
        ("\n".join("a" * 25), False),
        ("\n".join("a" * 26), True),
    ],
)
def test_long_text_folds(body: str, long: bool) -> None:
    assert is_long(body) is long


@pytest.mark.parametrize(
    ("body", "inner"),
    [
        ("hello", "hello"),
        ("*bold* _italic_ ~strike~", "<b>bold</b> <i>italic</i> <s>strike</s>"),
        ("*two words*", "<b>two words</b>"),
        ("~*_all_*~", "<s><b><i>all</i></b></s>"),
        ("*bold _and italic_*", "<b>bold <i>and italic</i></b>"),
        ("(*a*), “_b_”! ~c~.", "(<b>a</b>), “<i>b</i>”! <s>c</s>."),
        ("❤️*love*❤️", "❤️<b>love</b>❤️"),
        ("snake_case_names 2*3*4 a~b~c", "snake_case_names 2*3*4 a~b~c"),
        ("caf\u0301_x_ की_x_", "caf\u0301_x_ की_x_"),
        ("* not bold* 5 * 3 * 2", None),
        ("*open", "*open"),
        ("*a *b*", "<b>a *b</b>"),
        ("*a _b* c_", "<b>a _b</b> c_"),
        ("*one\ntwo*", "*one<br>two*"),
        ("**bold** __init__ ~~x~~", "**bold** __init__ ~~x~~"),
        ("*_* ** ___ ~*~ x", "*_* ** ___ ~*~ x"),
        ("`*code*` and ```_mono_ <b>```", "<code>*code*</code> and <code>_mono_ &lt;b&gt;</code>"),
        ("*`code`*", "<b><code>code</code></b>"),
        ("`http://x.example`", "<code>http://x.example</code>"),
        ("it`s and that`s", "it`s and that`s"),
        ("` ` `` ``` ``````", "` ` `` ``` ``````"),
        ("`over\nlines`", "`over<br>lines`"),
        ("a\n\nb", "a<br><br>b"),
        ("<script>alert('1') & \"2\"</script>", None),
        ("&lt;b&gt; &amp;", "&amp;lt;b&amp;gt; &amp;amp;"),
        ("a\0\1\0b", "ab"),
    ],
)
def test_marks_within_a_line(body: str, inner: str | None) -> None:
    if inner is None:
        assert words(html.unescape(re.sub(r"<[^>]*>", "", render(body)))) == words(body)
        assert not re.search(r"<(b|script)\b", render(body))
    else:
        assert render(body) == f"<p>{inner}</p>"


@pytest.mark.parametrize(
    ("body", "rendered"),
    [
        ("", ""),
        ("\n\n", ""),
        ("> one\n> *two*", "<blockquote>one<br><b>two</b></blockquote>"),
        ("> said\n\nanswer", "<blockquote>said</blockquote><p>answer</p>"),
        (">no space", "<p>&gt;no space</p>"),
        ("a > b", "<p>a &gt; b</p>"),
        ("list:\n- a\n* _b_\nend", "<p>list:</p><ul><li>a</li><li><i>b</i></li></ul><p>end</p>"),
        ("-no\n*no", "<p>-no<br>*no</p>"),
        ("- \n> \n1. ", "<p>- <br>&gt; <br>1. </p>"),
        ("1. x\n2. y\n7. z", '<ol><li value="1">x</li><li value="2">y</li><li value="7">z</li></ol>'),
        ("3. Mai", '<ol><li value="3">Mai</li></ol>'),
        ("1.5 and 1)", "<p>1.5 and 1)</p>"),
        ("1. x\n- y", '<ol><li value="1">x</li></ol><ul><li>y</li></ul>'),
        ("9999999999. x", "<p>9999999999. x</p>"),
        (
            "```\n  *if* a < b:\n\n    _go_\n```",
            '<pre tabindex="0"><code>  *if* a &lt; b:\n\n    _go_</code></pre>',
        ),
        ("```alone```", '<pre tabindex="0"><code>alone</code></pre>'),
        ("see ```a\nb``` there", '<p>see </p><pre tabindex="0"><code>a\nb</code></pre><p> there</p>'),
        ("```a```\n```b```", '<pre tabindex="0"><code>a</code></pre><pre tabindex="0"><code>b</code></pre>'),
        ("```\n- a\n> b", "<p>```</p><ul><li>a</li></ul><blockquote>b</blockquote>"),
        ("> `q` ```x```", "<blockquote><code>q</code> <code>x</code></blockquote>"),
    ],
)
def test_blocks(body: str, rendered: str) -> None:
    assert render(body) == rendered


@settings(deadline=None, max_examples=400)
@given(ANYTHING)
def test_whatever_is_typed_the_html_is_balanced_and_known(body: str) -> None:
    Reader(render(body))
    Reader(render(clean(body)))


@settings(deadline=None, max_examples=400)
@given(ANYTHING)
def test_formatting_loses_no_text(body: str) -> None:
    text = "".join(Reader(render(body)).text)
    if "<a " not in render(body):  # a link may show less than was typed
        assert words(text) == words(clean(body))
    assert len(text) <= len(body)


@settings(deadline=None)
@given(st.text(st.characters(exclude_characters="*_~`>-.:@+/\r\n", codec="utf-8"), min_size=1))
def test_text_without_marks_is_only_escaped(body: str) -> None:
    body = clean(body)
    if body:
        assert render(body) == f"<p>{render('x ' + body)[5:]}"
        assert "".join(Reader(render(body)).text) == body


@pytest.mark.skipif(not NAUGHTY.is_file(), reason="the list of naughty strings is not at hand")
def test_naughty_strings() -> None:
    for line in NAUGHTY.read_text(encoding="utf-8").split("\n"):
        for body in (line, f"*{line}*", f"> {line}", f"```{line}```", f"http://x.example/{line}"):
            Reader(render(body))
            assert "\n" not in plain(body)
        text = "".join(Reader(render(line)).text)
        assert "<a " in render(line) or words(text) == words(clean(line))


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("", ""),
        ("hello", "hello"),
        ("*bold* _it_ ~s~ `code`", "bold it s code"),
        ("one\ntwo\n\nthree", "one two three"),
        ("```\nif a < b:\n    go\n```", "if a < b: go"),
        ("> said\nanswer", "said answer"),
        ("buy\n- milk\n- eggs", "buy • milk • eggs"),
        ("1. a\n2. b", "1. a 2. b"),
        ("see http://x.example/_a_/ & <b>", "see http://x.example/_a_/ & <b>"),
        ("2*3*4 &amp;", "2*3*4 &amp;"),
        ("http://\u202ex.example", "http://x.example"),
    ],
)
def test_plain(body: str, line: str) -> None:
    assert plain(body) == line


def test_plain_ends_in_an_ellipsis_when_it_is_cut() -> None:
    assert plain("a" * 200) == "a" * 200
    assert plain("a" * 201) == "a" * 199 + "…"
    assert plain("word " * 10_000, limit=10) == "word word…"
    assert plain("```\n" + "x\n" * 5_000 + "```").startswith("x x x")


@settings(deadline=None)
@given(ANYTHING, st.integers(1, 50))
def test_plain_is_one_short_line(body: str, limit: int) -> None:
    line = plain(body, limit)
    assert len(line) <= limit
    assert line == " ".join(line.split())


HOSTILE = [
    *("*", "_", "~", "`", "```", ">", "[", "(", ":", "@", "+", "&", "<", "\n", "\u0301", "\u202e", "😀"),
    *("*a", "*a ", "_a_ ", "*_~a~_* ", "*a _b ~c ", "*_", "- a\n", "1. a\n", "> a\n", "`a` ", "```a``` "),
    *(
        "```a\n``` ",
        "a.",
        "a@",
        "a@b.co ",
        "http://",
        "https://а.com ",
        "mailto:a",
        "//",
        "www.",
        ".com",
        "日本.",
    ),
    *("a.com ", "+1 2", "+12345678 ", "xn--a.", "www.xn--", "|1.", ".$", "=a.+", "http://a/?'", "?http://a/"),
    *(f"{'xn--a.' * 30} ", f"{'.+a' * 60} ", f"{'|1.' * 1_300} ", f"{'www.xn--' * 500} "),
    *(f"http://a/{'(' * 180} ", f"http://a/{'([' * 8}{'q' * 4_000} ", f"{'http://a' * 3}{'?' * 4_000} "),
]


@pytest.mark.parametrize("unit", HOSTILE)
def test_hostile_text_takes_no_longer_than_other_text(unit: str) -> None:
    body = (unit * 65_536)[:65_536]
    render("the finder compiles its patterns at x.example")

    def taken() -> float:
        began = time.process_time()
        render(body)
        plain(body)
        is_blank(clean(body))
        return time.process_time() - began

    # A tenth of that on a usual machine, where something else may slow one try; what is not linear takes minutes.
    assert taken() < 1 or taken() < 1
