"""That the benchmarks run and count what they should. How fast anything is, is no business of a test."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from app.settings import ROOT
from benchmarks.browser import WATCHES
from benchmarks.first_paint import named
from benchmarks.plot import Series, plot
from benchmarks.report import FAULTS, compared, is_faulty, merged
from benchmarks.searching import CASES, READERS
from benchmarks.tally import Book, Figures, Span, faults, summary
from benchmarks.wire import Listener, body_of
from benchmarks.workloads import NAMES, TALKS
from tests.chromium import find_chromium


def bench(folder: Path, *options: str) -> tuple[str, dict[str, Any]]:
    """Run it for a moment and with few people; answers its table and its figures."""
    file = folder / "figures.json"
    command = [sys.executable, "-m", "benchmarks", "--seconds", "0.2", "--scale", "0.02", "--json", str(file)]
    done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads(file.read_text())


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """All workloads."""
    names = [name for name in NAMES if name not in WATCHES]
    table, figures = bench(tmp_path_factory.mktemp("bench"), "--only", ",".join(names))
    assert all(f"| {name}" in table for name in names)
    return figures


@pytest.mark.torture
@pytest.mark.browser
@pytest.mark.skipif(find_chromium() is None, reason="needs Chromium")
def test_a_browser_is_watched(tmp_path: Path) -> None:
    _, figures = bench(tmp_path, "--only", "browser")
    results = figures["results"]
    assert set(results) == set(WATCHES)
    assert results["typing"]["p95_ms"] > 0
    for name in ("paging", "burst", "keeping"):
        assert results[name]["bubbles"] >= 2
        assert results[name]["longest_picture_ms"] > 0
    assert abs(results["keeping"]["heap_kib_grown"]) < results["keeping"]["heap_kib"]


def test_every_workload_is_measured_and_nothing_is_lost_or_comes_twice(
    measured: dict[str, Any], tmp_path: Path
) -> None:
    results = measured["results"]
    assert set(results) == set(NAMES) - set(WATCHES)
    for name in TALKS:
        wrong = {fault: results[name][fault] for fault in FAULTS}
        assert not any(wrong.values()), (name, wrong)
    assert results["start"]["seconds"] > 0
    assert results["W4"]["kib_per_socket"] > 0
    assert results["W5"]["requests_per_second"] > 0
    # A busy machine may deliver nothing in so short a time.
    if late := [name for name in TALKS if not results[name]["deliveries_per_second"]]:
        results = results | bench(tmp_path, "--only", ",".join(late), "--seconds", "3")[1]["results"]
    assert all(results[name]["deliveries_per_second"] > 0 for name in TALKS)


def test_the_first_paint_counts_the_page_and_what_it_names(measured: dict[str, Any]) -> None:
    paint = measured["results"]["paint"]
    assert paint["files"] > 5
    assert paint["bytes"] > 2 * paint["page_bytes"] > 2000
    assert paint["bytes"] < 60_000
    assert paint["bytes"] < paint["gzip_bytes"]
    assert (paint["other_hosts"], paint["not_kept"], paint["not_packed"]) == (0, 0, 0)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("text/html", '<link rel="stylesheet" href="/a?b=1&amp;c"><a href="/other">'),
        ("text/html", '<svg><use href="/a?b=1&amp;c#quote"/></svg>'),
        ("text/html", '<script src="/a?b=1&amp;c" type="module"></script>'),
        ("text/css", '@import url("/a?b=1&c") layer(base); .x { background: url(data:image/png;base64,AA) }'),
        ("text/javascript", 'import { one } from "/a?b=1&c";\nconst href = "/other";'),
        ("text/javascript", 'import "/a?b=1&c"'),
    ],
)
def test_what_a_file_names_is_found(kind: str, text: str) -> None:
    assert list(named(kind, text)) == ["/a?b=1&c"]


def test_what_was_raised_is_said(measured: dict[str, Any]) -> None:
    assert "PARLEY_SEND_RATE" in measured["raised"]


@pytest.mark.torture
def test_what_grows_is_measured_and_drawn(tmp_path: Path) -> None:
    table, figures = bench(tmp_path, "--grow", "--plots", str(tmp_path))
    expected = {"members": (10, 32), "length": (100, 1000), "since": (100, 1000), "chats": (10, 32)}
    assert set(figures["results"]) == {f"{name}-{count}" for name, counts in expected.items() for count in counts}
    assert all(each["p50_ms"] > 0 for each in figures["results"].values())
    assert "| Opening a chat, by its length" in table
    for name in expected:
        assert ElementTree.parse(tmp_path / f"grow-{name}.svg")


@pytest.mark.torture
def test_receipts_are_measured(tmp_path: Path) -> None:
    table, figures = bench(tmp_path, "--receipts")
    assert all(figures["results"][name]["p50_ms"] > 0 for name in ("flush", "first", "last"))
    assert "| storing 45 pointers" in table


@pytest.mark.torture
def test_searches_are_measured(tmp_path: Path) -> None:
    table, figures = bench(tmp_path, "--search", "--scale", "0.001", "--seconds", "0.03")
    assert set(figures["results"]) == {f"{case}, {reader}" for case in CASES for reader in READERS}
    assert all(each["p50_ms"] > 0 for each in figures["results"].values())
    assert "| words of one person" in table


def place(*tokens: int) -> bytes:
    """A frame with the bubbles of these messages, as a server sends it."""
    bubble = "<hx-partial><div hx-ignore><p>{}</p></div></hx-partial><aside>{}</aside>"
    text = "".join(bubble.format(body_of(token), body_of(token)) for token in tokens).encode()
    return b"\x81\x7f" + len(text).to_bytes(8, "big") + text


async def heard(chat_id: int, *pieces: bytes) -> Listener:
    listener = Listener(chat_id, b"")
    for piece in (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", *pieces):
        listener.data_received(piece)
    return listener


async def test_lost_repeated_and_stray_deliveries_are_seen() -> None:
    book = Book()
    for chat_id in (1, 1, 2):
        book.sent[book.write(chat_id, 0.0)].stored = 1.0
    assert faults(book, [await heard(1, place(0, 1))])["missing"] == 0
    assert faults(book, [await heard(1, place(0))])["missing"] == 1
    assert faults(book, [await heard(1, place(0, 1), place(1))])["duplicates"] == 1
    assert faults(book, [await heard(1, place(0, 1, 2))])["strays"] == 1


async def test_what_is_neither_refused_nor_heard_by_its_sender_is_unanswered() -> None:
    book = Book()
    for _ in range(3):
        book.write(1, 0.0)
    book.store(0)
    refusal = b'{"type":"refused","of":"message.send"}'
    listener = await heard(1, b"\x81" + bytes([len(refusal)]) + refusal)
    assert {name: faults(book, [listener])[name] for name in ("refused", "unanswered")} == {
        "refused": 1,
        "unanswered": 1,
    }


async def test_frames_may_come_in_any_pieces() -> None:
    whole = place(0, 1) + place(2)
    listener = await heard(1, *(whole[at : at + 7] for at in range(0, len(whole), 7)))
    assert [token for _, tokens in listener.heard for token in tokens] == [0, 1, 2]


async def test_only_what_happens_in_the_span_is_measured() -> None:
    book = Book()
    for moment in (0.5, 1.5, 1.7, 2.5):
        book.sent[book.write(1, moment)].stored = moment + 0.1
    listener = await heard(1)
    listener.heard = [(moment + 0.2, [token]) for token, moment in enumerate((0.5, 1.5, 1.7, 2.5))]
    figures = summary(book, [listener], Span(1.0, 2.0, server_cpu=0.5, own_cpu=0.1, cores_cpu=0.9))
    assert figures["messages_per_second"] == figures["deliveries_per_second"] == 2
    assert figures["p99_ms"] == pytest.approx(200)
    assert figures["cpu_us_per_delivery"] == 250_000


def test_rounds_become_medians_but_a_single_fault_stays() -> None:
    measured = ((9, 0), (2, 1), (3, 0))
    rounds: list[dict[str, Figures]] = [{"W1s8": {"p50_ms": ms, "missing": lost}} for ms, lost in measured]
    results = merged(rounds)
    assert results == {"W1s8": {"p50_ms": 3, "missing": 1}}
    assert is_faulty(results)


def test_an_earlier_run_is_compared_by_ratios() -> None:
    assert " 0.50 |" in compared({"W5": {"p50_ms": 2.0}}, {"W5": {"p50_ms": 4.0}})


def test_plots_are_well_formed_and_follow_the_readers_colours() -> None:
    svg = plot("Sends & <members>", "members", "ms", [Series("CPU", [(10, 1.5), (100, 1.6), (1000, 2.2)])])
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert "prefers-color-scheme: dark" in svg
