"""What a person wrote: made fit to store, turned into HTML, folded into one line.

The marks are those of WhatsApp: `*bold*`, `_italic_`, `~strike~`, inline and block code between single and
triple backticks, and lines that start with `> `, `- `, `* ` or `1. `. A mark counts only at the edge of a
word and ends on its own line; only a code block may span lines. Inside code nothing is a mark or a link.

The HTML knows these elements and no others: `p`, `br`, `b`, `i`, `s`, `code`, `pre` (around a `code`),
`blockquote`, `ul`, `ol`, `li` (with a `value` in an `ol`) and `a` (with `href`, `target` and `rel`).
It has no line breaks outside `pre`, so a stylesheet may keep white space as it was typed.
"""

import html
import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import groupby

import regex
from markupsafe import Markup, escape

from app.messages import links

FOLD_LINES = 25
FOLD_CHARACTERS = 1_500
_KEPT_CHARACTERS = 2_000

_UNSTORABLE = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff]")
_INVISIBLE = regex.compile(r"[\s\p{M}\p{Cc}\p{Cs}\p{Default_Ignorable_Code_Point}\u2800\uFFF9-\uFFFB\U0001D159]*")

_NAME = regex.compile(r"(?<![\p{L}\p{N}@/])@([A-Za-z][A-Za-z0-9]*+(?:[._-][A-Za-z0-9]++)*+)(?![\p{L}\p{N}\p{M}@])")
_CODE = re.compile(r"```(.+?)```|(?<![\w`])`([^`\n]+)`(?![\w`])", re.DOTALL)
_PIECE = "\0"  # stands for a finished link or inline code while the text around it is marked up
_BLOCK = "\1"  # stands for a finished code block, alone on its line
_MARKS = {"*": "b", "_": "i", "~": "s"}
_NUMBER = re.compile(r"([0-9]{1,9})\. ")

_TAGS = re.compile(r"<(/?)(\w+)(?: value=\"(\d+)\")?[^>]*>")


def clean(body: str) -> str:
    """A text as it is stored: line ends are LF, controls and half characters are gone.

    Blank lines at both ends and white space at the very end are trimmed; everything else stays as it is.
    """
    body = _UNSTORABLE.sub("", body.replace("\r\n", "\n").replace("\r", "\n"))
    indent = len(body) - len(body.lstrip())
    return body[body.rfind("\n", 0, indent) + 1 :].rstrip()


def is_blank(body: str) -> bool:
    """Whether a text shows nothing: only white space, invisible characters, accents on no letter."""
    return _INVISIBLE.fullmatch(body) is not None


def web_address(body: str) -> str | None:
    """Where the first web address of a text leads, of those that `render` makes links; None where there is none."""
    if "." not in body:
        return None
    spans = [(*match.span(), "") for match in _CODE.finditer(body) if (match[1] or match[2]).strip()]
    web = (link.href for link in links.find(_hide(body, spans)) if link.href.startswith(("https:", "http:")))
    return next(web, None)


def is_long(body: str) -> bool:
    """Whether a text folds behind "Read more": more than 25 lines, or more than 1,500 characters."""
    return len(body) > FOLD_CHARACTERS or body.count("\n") >= FOLD_LINES


def render(body: str, names: Mapping[str, Markup] | None = None) -> Markup:
    """A text as HTML: balanced, of the elements named above only, everything else escaped.

    `names` has what stands in place of `@name`, by the name in small letters. It takes time proportional to the
    length of the text, whatever the text.
    """
    return _rendered(body) if not names and len(body) <= _KEPT_CHARACTERS else _render(body, names or {})


def named(body: str) -> set[str]:
    """What stands behind an @ in a text, in small letters, outside of code, links and addresses."""
    if "@" not in body:
        return set()
    return {match[1].lower() for match in _NAME.finditer(_prose(body))}


def with_names(body: str, names: Mapping[str, str]) -> str:
    """The text with these in place of `@name`, by the name in small letters."""
    for start, end, name in reversed(list(_names(_prose(body), names))):
        body = f"{body[:start]}@{name}{body[end:]}"
    return body


def readings(name: str) -> Iterator[str]:
    """Who may be meant by what stands behind an @, likeliest first: a sentence may go on right after a name."""
    while name:
        yield name
        name = name[: max(name.rfind(mark) for mark in "._-")] if any(mark in name for mark in "._-") else ""


def _render(body: str, names: Mapping[str, Markup] | None = None) -> Markup:
    text, blocks, pieces = _lift(_UNSTORABLE.sub("", body), names or {})
    out: list[str] = []
    for kind, lines in groupby(map(_line, text.split("\n")), key=lambda line: line[0]):
        match kind:
            case "pre":
                out.extend(next(blocks) for _ in lines)
            case "ul" | "ol":
                out.append(f"<{kind}>{''.join(content for _, content in lines)}</{kind}>")
            case _:
                # Blank lines beside a block are the room the block has anyway.
                content = [content for _, content in lines]
                while content and not content[-1].strip():
                    content.pop()
                first = next((i for i, line in enumerate(content) if line.strip()), 0)
                if content:
                    out.append(f"<{kind}>{'<br>'.join(content[first:])}</{kind}>")
    # No input can bring a placeholder of its own: controls are gone before the first is set.
    return Markup(re.sub(_PIECE, lambda _: next(pieces), "".join(out)))  # noqa: S704


# The preview of a message is wanted in the moment after its bubble.
_rendered = lru_cache(512)(_render)


def plain(body: str, limit: int = 200) -> str:
    """A text as one line without marks, for previews; what is longer than `limit` ends in an ellipsis."""
    return _plain(body[: 8 * limit], len(body) > 8 * limit, limit)


@lru_cache(2048)
def _plain(head: str, cut: bool, limit: int) -> str:
    if cut and head.count("```") % 2:
        head += "```"
    line = " ".join(html.unescape(_TAGS.sub(_spoken, render(head))).split())
    return line[: limit - 1].rstrip() + "…" if cut or len(line) > limit else line


def _spoken(tag: re.Match[str]) -> str:
    closing, name, number = tag.groups()
    if name == "li":
        return "" if closing else f" {number}. " if number else " • "
    return "" if name in ("a", "b", "i", "s") or (name == "code") else " "


def _code(body: str) -> tuple[list[str], list[tuple[int, int, str]]]:
    """The blocks of code in a text, and where code stands with what takes its place."""
    blocks: list[str] = []
    spans: list[tuple[int, int, str]] = []
    for match in _CODE.finditer(body):
        fenced, inline = match.groups()
        content = fenced or inline
        if not content.strip():
            continue
        if fenced and ("\n" in fenced or _stands_alone(body, *match.span())):
            content = content.removeprefix("\n").rstrip()
            blocks.append(f'<pre tabindex="0"><code>{escape(content)}</code></pre>')
            spans.append((*match.span(), f"\n{_BLOCK}\n"))
        else:
            spans.append((*match.span(), f"<code>{escape(content)}</code>"))
    return blocks, spans


def _names(hidden: str, names: Mapping[str, str]) -> Iterator[tuple[int, int, str]]:
    for match in _NAME.finditer(hidden) if names else ():
        known = next((reading for reading in readings(match[1].lower()) if reading in names), None)
        if known:
            yield match.start(), match.start(1) + len(known), names[known]


def _lift(body: str, names: Mapping[str, Markup]) -> tuple[str, Iterator[str], Iterator[str]]:
    """The text with code, links and names replaced by placeholders and the rest escaped; what they stand for."""
    pieces: list[str] = []
    blocks, spans = _code(body)
    for link in links.find(_hide(body, spans)):
        anchor = '<a href="{}" target="_blank" rel="noopener noreferrer nofollow">{}</a>'
        spans.append((link.start, link.end, anchor.format(escape(link.href), escape(link.text))))
    spans += list(_names(_hide(body, spans), names))
    out: list[str] = []
    done = 0
    for start, end, made in sorted(spans):
        out.append(escape(body[done:start]))
        if made[0] == "\n":
            out.append(made)
        else:
            out.append(_PIECE)
            pieces.append(made)
        done = end
    out.append(escape(body[done:]))
    return "".join(out), iter(blocks), iter(pieces)


def _prose(body: str) -> str:
    """The body with blanks where code and links stand."""
    hidden = _hide(body, _code(body)[1])
    return _hide(hidden, [(link.start, link.end, "") for link in links.find(hidden)])


def _hide(body: str, spans: list[tuple[int, int, str]]) -> str:
    """The body with blanks where code stands."""
    if not spans:
        return body
    hidden = list(body)
    for start, end, _ in spans:
        hidden[start:end] = " " * (end - start)
    return "".join(hidden)


def _stands_alone(body: str, start: int, end: int) -> bool:
    before = body[body.rfind("\n", 0, start) + 1 : start]
    after = body[end : end + 1]
    return not before.strip() and after in ("", "\n")


def _line(line: str) -> tuple[str, str]:
    """The block element an escaped line belongs to, and its content."""
    if line == _BLOCK:
        return "pre", ""
    number = _NUMBER.match(line)
    if number and line[number.end() :].strip():
        return "ol", f'<li value="{int(number[1])}">{_marked(line[number.end() :])}</li>'
    if line.startswith(("- ", "* ")) and line[2:].strip():
        return "ul", f"<li>{_marked(line[2:])}</li>"
    if line.startswith("&gt; ") and line[5:].strip():
        return "blockquote", _marked(line[5:])
    return "p", _marked(line)


def _marked(line: str) -> str:
    """An escaped line with its marks turned into elements; marks without a partner stay."""
    tags: dict[int, str] = {}
    opened: list[tuple[str, int]] = []
    written = -1  # where something other than a mark was last seen
    end = 0
    for match in re.finditer(r"[*_~]", line):
        at, mark = match.start(), match[0]
        written = at - 1 if at > end else written
        end = at + 1
        before, after = line[at - 1 : at] if at else "", line[end : end + 1]
        if mark in (before, after):
            continue  # doubled marks are no marks: **kwargs, __init__
        start = next((place for name, place in opened if name == mark), None)
        if start is not None:
            if not before.isspace() and not _in_word(after):
                opened = [(name, place) for name, place in opened if place < start]
                if start < written:  # else there are only marks between the two: *_*
                    tags[start], tags[at] = f"<{_MARKS[mark]}>", f"</{_MARKS[mark]}>"
        elif after and not after.isspace() and not _in_word(before):
            opened.append((mark, at))
    return "".join(tags.get(i, c) for i, c in enumerate(line)) if tags else line


def _in_word(character: str) -> bool:
    if not character or character.isalnum():
        return bool(character)
    return unicodedata.category(character) in ("Mn", "Mc") and character != "\ufe0f"
