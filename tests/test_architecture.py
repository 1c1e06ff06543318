"""The house rules of docs/architecture.md, read off the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.auth.guard import PUBLIC, PUBLIC_FOLDERS
from app.chats.panes import PANES
from app.chats.panes import SLOTS as PANE_SLOTS
from app.main import FEATURES, PARTS
from app.messages.parts import ACTIONS, EXTRAS, SLOTS
from app.settings import ROOT

ORDER = [
    "users",
    "auth",
    "chats",
    "receipts",
    "presence",
    "messages",
    "info",
    "reactions",
    "polls",
    "expiry",
    "cards",
    "stars",
    "forwards",
    "pins",
    "selecting",
    "switches",
    "groups",
    "mentions",
    "replies",
    "inbox",
    "search",
]
# Doors and what puts the house together; everything else directly in app/ is core.
DOORS = {"__main__", "main", "socket", "models", "health", "demo", "demo_script"}
SHARED_PARTIALS = ["messages/_bubble.html", "messages/_note.html", "chats/_moving.html", "users/_person.html"]
SHARED_PARTIALS += ["messages/_extras.html", *(extra.template for extra in EXTRAS.values())]

SOURCES = sorted((ROOT / "app").rglob("*.py"))
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


def name_of(path: Path) -> str:
    """app/messages/service.py → messages.service"""
    return ".".join(path.relative_to(ROOT / "app").with_suffix("").parts)


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(path: Path) -> Iterator[str]:
    """The modules of ours that a file imports: messages.service."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "app":
            below = node.module.removeprefix("app").removeprefix(".")
            for alias in node.names:
                whole = f"{below}.{alias.name}".removeprefix(".")
                is_module = (ROOT / "app" / whole.replace(".", "/")).with_suffix(".py").exists()
                yield whole if is_module else below


def feature_of(module: str) -> str | None:
    first = module.split(".")[0]
    return first if first in ORDER else None


def test_the_order_is_the_one_that_main_hands_in() -> None:
    handed_in = [feature.__name__.split(".")[1] for feature in FEATURES]
    assert handed_in == ORDER


def test_what_features_hand_in_is_known_and_has_a_place() -> None:
    for kind, known in PARTS.items():
        handed_in = [name for feature in FEATURES for name in getattr(feature, kind, {})]
        assert len(handed_in) == len(set(handed_in)), f"two features have {kind} of the same name"
        assert set(handed_in) <= set(known)
    assert {extra.slot for extra in EXTRAS.values()} <= set(SLOTS)
    assert {pane.slot for pane in PANES.values()} <= set(PANE_SLOTS)
    assert all(re.fullmatch("[a-z_]+", name) for name in (*EXTRAS, *ACTIONS))


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_imports_point_one_way(path: Path) -> None:
    mine = feature_of(name_of(path))
    for other in map(str, imported(path)):
        theirs = feature_of(other)
        if theirs is None or name_of(path) in DOORS:
            continue
        assert mine, f"core imports the feature {other}"
        assert ORDER.index(theirs) <= ORDER.index(mine), f"{other} stands to the right"
        if theirs != mine:
            assert other.split(".")[1] not in ("routes", "broadcasts"), f"{other} is private to its feature"


@pytest.mark.parametrize("path", [path for path in SOURCES if feature_of(name_of(path))], ids=name_of)
def test_inside_a_feature_routes_stand_on_top(path: Path) -> None:
    layers = ["models", "broadcasts", "service", "routes"]
    mine = path.stem
    for other in imported(path):
        layer = other.split(".")[-1]
        if mine in layers[:3] and feature_of(other) == feature_of(name_of(path)) and layer in layers:
            assert layers.index(layer) < layers.index(mine), other
        if mine in layers[:3]:
            assert other not in ("web", "socket", "main"), "services know nothing of requests"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_functions_are_small_and_import_nothing(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= 50, f"{node.name} has {length} lines"
            hidden = [each for each in ast.walk(node) if isinstance(each, ast.Import | ast.ImportFrom)]
            assert not hidden, f"{node.name} imports"


@pytest.mark.parametrize(
    "path", [*SOURCES, *(ROOT / "static").rglob("*.css"), *(ROOT / "static/js").rglob("*.js")], ids=place
)
def test_files_are_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 320


@pytest.mark.parametrize("partial", SHARED_PARTIALS)
def test_what_is_broadcast_is_plain(partial: str) -> None:
    source = (ROOT / "templates" / partial).read_text().replace("hx-ignore", "")
    assert not re.search(r"hx-|nonce|style=|token|\bme\b", source)


@pytest.mark.parametrize("path", TEMPLATES, ids=place)
def test_templates_obey_the_content_security_policy(path: Path) -> None:
    source = path.read_text()
    assert not re.search(r"\sstyle=|\son[a-z]+=\"|<style|javascript:|hx-on|hx-vals=.js|\|\s*safe", source)
    assert len(re.findall(r"<script", source)) == len(
        re.findall(r"<script src=\S+ \S+ nonce=|<script src=[^>]+nonce=", source)
    )
    assert len(source.splitlines()) <= 100


def test_every_template_is_used() -> None:
    texts = [path.read_text() for path in [*SOURCES, *TEMPLATES]]
    for path in TEMPLATES:
        name = path.relative_to(ROOT / "templates").as_posix()
        assert any(f'"{name}"' in text for text in texts), f"nobody uses {name}"


def test_every_feature_has_its_tests() -> None:
    missing = [feature for feature in ORDER if not list((ROOT / "tests" / feature).glob("test_*.py"))]
    assert missing == []


def test_what_is_open_to_strangers_is_this_and_no_more() -> None:
    assert {"/login", "/register", "/theme", "/healthz", "/readyz", "/metrics"} == PUBLIC
    assert PUBLIC_FOLDERS == ("/static/", "/join/")


@pytest.mark.parametrize("path", [*SOURCES, *TEMPLATES, *(ROOT / "static/js").rglob("*.js")], ids=place)
def test_nothing_is_left_for_later(path: Path) -> None:
    words = "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "NotImplemented" + "Error"))
    assert not re.search(rf"\b({words})\b", path.read_text())
