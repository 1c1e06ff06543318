"""The Jinja environment: one for pages and for what is broadcast."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache, partial
from itertools import pairwise
from pathlib import Path
from sys import getsizeof
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, TemplateAssertionError, nodes
from jinja2.runtime import Macro
from jinja2.visitor import NodeTransformer
from markupsafe import Markup, escape

from app.settings import ROOT, Settings

STATIC = ROOT / "static"
BLOCKS = ("pane", "card")
# What is the same for everybody, and by which value: rendered once for each `key` of it.
SHARED = {"messages/_bubble.html": "message", "messages/_pending.html": "me"}
SHARED_BYTES = 16 * 2**20


def release(folder: Path = STATIC) -> str:
    """A name for the present state of what browsers cache for ever."""
    digest = hashlib.sha256()
    for path in (ROOT / "templates/users/me.css", ROOT / "app/joining.py"):
        digest.update(path.read_bytes())
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(folder).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@lru_cache(512)
def _full_date(day: date) -> str:
    return f"{day:%A} {day.day} {day:%B %Y}"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Messages with nothing between them, never none, and the time of the first of them where a new day begins."""

    day: datetime | None
    messages: Sequence[Any]


class Clock:
    """Moments as people read them, in the server's zone; browsers with scripts refine them to theirs."""

    def __init__(self, zone: str) -> None:
        self.zone = ZoneInfo(zone)

    def filters(self) -> dict[str, Any]:
        fixed = {name: lru_cache(2048)(getattr(self, name)) for name in ("iso", "clock", "fulltime")}
        return fixed | {name: getattr(self, name) for name in ("day", "listtime", "lastseen", "stretches")}

    def iso(self, at: datetime) -> str:
        return at.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"

    def clock(self, at: datetime) -> str:
        local = at.astimezone(self.zone)
        return f"{local.hour:02}:{local.minute:02}"

    def dates(self, moments: Sequence[datetime]) -> list[date]:
        """What changes where a new day begins, for moments in their order: most are of the day of the one before, and
        to see that costs less than to ask for the day of each.
        """
        found: list[date] = []
        begin = end = datetime.min.replace(tzinfo=UTC)
        for at in moments:
            if not begin <= at < end:
                midnight = at.astimezone(self.zone).replace(hour=0, minute=0, second=0, microsecond=0)
                begin = midnight.astimezone(UTC)
                end = (midnight + timedelta(days=1)).astimezone(UTC)
                day = midnight.date()
            found.append(day)
        return found

    def day(self, at: datetime) -> str:
        """Today, Yesterday, the weekday within a week, else the date."""
        local = at.astimezone(self.zone)
        days = self.days_ago(at)
        if days in (0, 1):
            return ("Today", "Yesterday")[days]
        return f"{local:%A}" if 1 < days < 7 else f"{local.day} {local:%B %Y}"

    def listtime(self, at: datetime) -> str:
        local = at.astimezone(self.zone)
        days = self.days_ago(at)
        if days == 0:
            return self.clock(at)
        if days == 1:
            return "Yesterday"
        return f"{local:%a}" if 1 < days < 7 else f"{local:%d/%m/%Y}"

    def fulltime(self, at: datetime) -> str:
        local = at.astimezone(self.zone)
        return f"{_full_date(local.date())}, {local.hour:02}:{local.minute:02}:{local.second:02}"

    def lastseen(self, at: datetime) -> str:
        days = self.days_ago(at)
        return f"{self.day(at).lower() if days in (0, 1) else self.day(at)} at {self.clock(at)}"

    def time(self, at: datetime | None, form: str = "clock") -> Markup:
        """A moment in one of the forms above, for <local-time> to refine; without one, a place for it."""
        if at is None:
            return Markup('<local-time><time data-form="{}"></time></local-time>').format(form)
        said = getattr(self, form)(at)
        return Markup(  # noqa: S704
            f'<local-time><time datetime="{self.iso(at)}" data-form="{form}">{said}</time></local-time>'
        )

    def stretches(self, messages: Sequence[Any], divider: int | None, ends: Container[int]) -> Iterator[Stretch]:
        """Messages in stretches with nothing between them: a new day begins one, and the seq `divider`; at a seq of
        `ends` one ends.
        """
        dates = self.dates([message.at for message in messages])
        begins = [
            at
            for at, message in enumerate(messages)
            if not at or dates[at] != dates[at - 1] or message.seq == divider or messages[at - 1].seq in ends
        ]
        for begin, end in pairwise([*begins, len(messages)]):
            is_new_day = not begin or dates[begin] != dates[begin - 1]
            yield Stretch(messages[begin].at if is_new_day else None, messages[begin:end])

    def days_ago(self, at: datetime) -> int:
        return (datetime.now(self.zone).date() - at.astimezone(self.zone).date()) // timedelta(days=1)


class Kept:
    """Texts by their keys: those used last, of all together at most so many bytes."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.bytes = 0
        self.texts: OrderedDict[Hashable, str] = OrderedDict()

    def get(self, key: Hashable) -> str | None:
        text = self.texts.get(key)
        if text is not None:
            self.texts.move_to_end(key)
        return text

    def put(self, key: Hashable, text: str) -> None:
        """Keep a text whose key is new."""
        self.texts[key] = text
        self.bytes += getsizeof(text)
        while self.bytes > self.most:
            self.bytes -= getsizeof(self.texts.popitem(last=False)[1])


def _icon(sprite: str, name: str, look: str = "") -> Markup:
    """A picture of the sprite; pages have so many of them that a macro would be a tenth of the time they take."""
    more = f" {look}" if look else ""
    return Markup('<svg class="icon{}" aria-hidden="true"><use href="{}#{}"/></svg>').format(more, sprite, name)


def _avatar(initials: str, hue: int, size: str = "", of: int | None = None, online: bool = False) -> Markup:
    """The circle of a person or a group; one with `of` follows whether that person is here."""
    look = f" avatar--{size}" if size else ""
    presence = "" if of is None else f' data-presence-of="{of}"'
    here = " data-online" if online else ""
    return Markup(  # noqa: S704
        f'<span class="avatar{look}" data-hue="{hue}"{presence}{here} aria-hidden="true">{escape(initials)}</span>'
    )


def _macros(template: Template) -> dict[str, Any]:
    return {name: macro for name, macro in vars(template.module).items() if isinstance(macro, Macro)}


class Folding(NodeTransformer):
    """Puts what is known before any page is asked for in the place of the names and calls that stand for it."""

    def __init__(self, values: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]]) -> None:
        self.values = values
        self.functions = functions

    def visit_Name(self, node: nodes.Name) -> nodes.Expr:
        if node.name not in self.values:
            return node
        if node.ctx != "load":
            raise TemplateAssertionError(f"{node.name} is the same in all templates", node.lineno)
        return nodes.Const(self.values[node.name])

    def visit_Call(self, node: nodes.Call) -> nodes.Expr:
        self.generic_visit(node)
        name, given = node.node, node.args
        if not isinstance(name, nodes.Name) or name.name not in self.functions or node.kwargs:
            return node
        texts = [each.value for each in given if isinstance(each, nodes.Const)]
        return nodes.Const(self.functions[name.name](*texts)) if len(texts) == len(given) else node


class Flat(Environment):
    """An environment whose templates know all globals in one dict: a chain of two is read anew at each rendering.
    Those in `values`, and what those in `functions` answer to constants, are text of the compiled templates.
    """

    def __init__(self, values: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]]) -> None:
        super().__init__(
            loader=FileSystemLoader(ROOT / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,  # else every use of a template looks at its file
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.folding = Folding(values, functions)
        self.globals |= {**values, **functions}
        self.loaded: dict[str, Template] = {}

    def _generate(self, source: nodes.Template, *given: Any, **options: Any) -> str:
        return super()._generate(self.folding.visit(source), *given, **options)

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        return {**self.globals, **(d or {})}

    def get_template(self, name: str | Template, parent: str | None = None, globals: Any = None) -> Template:
        """Templates never change while Parley runs; a page asks for thirty."""
        if not isinstance(name, str):
            return name
        if (known := self.loaded.get(name)) is None:
            known = self.loaded[name] = super().get_template(name, parent, globals)
        return known


class Templates:
    """Renders templates; `base`, `release`, `static` and what macros.html defines are known in all of them."""

    def __init__(self, settings: Settings) -> None:
        self.release = release()
        self.kept = Kept(SHARED_BYTES)
        base = settings.base_path
        static = f"{base}/static/{self.release}"
        icon = lru_cache(1024)(partial(_icon, f"{static}/icons.svg"))
        self.environment = Flat(
            {"base": base, "release": self.release},
            {"static": lambda path: f"{static}/{path}", "icon": icon},
        )
        clock = Clock(settings.timezone)
        self.environment.filters |= {**clock.filters(), "shared": self.shared}
        self.environment.globals |= {
            "time": clock.time,
            "avatar": lru_cache(4096)(_avatar),
            "fixed": cache(lambda template: Markup(self.render(template))),  # noqa: S704
        }
        # Known everywhere: to import them takes a third of the time of a bubble.
        self.environment.globals |= _macros(self.environment.get_template("macros.html"))

    def render(self, template: str, **values: Any) -> str:
        """The text of a template; one of SHARED may have been rendered before."""
        if template in SHARED:
            return self.shared([values[SHARED[template]]], template)
        return self.environment.get_template(template).render(values)

    def shared(self, values: Iterable[Any], template: str) -> Markup:
        """The texts of one of SHARED for several values, one after the other."""
        texts = []
        for value in values:
            key = (template, value.key)
            text = self.kept.get(key)
            if text is None:
                text = self.environment.get_template(template).render({SHARED[template]: value})
                self.kept.put(key, text)
            texts.append(text)
        return Markup("".join(texts))  # noqa: S704

    def render_block(self, template: str, values: Mapping[str, Any]) -> str:
        """The block of a page that is its own, without the page around it; a partial has no blocks and is whole."""
        page = self.environment.get_template(template)
        name = next((name for name in BLOCKS if name in page.blocks), None)
        if name is None:
            return page.render(values)
        context = page.new_context(dict(values))
        title = "".join(page.blocks["title"](context)) if "title" in page.blocks else ""
        head = f"<title>{title} – Parley</title>" if title and name == "pane" else ""
        return head + "".join(page.blocks[name](context))
