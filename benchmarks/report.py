"""What was measured, as a table for people, as JSON for programs, and beside an earlier run."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from benchmarks.served import RAISED
from benchmarks.tally import Figures

FAULTS = ("missing", "duplicates", "strays", "refused", "unanswered", "unstored")
COLUMNS = {
    "messages_per_second": "messages/s",
    "deliveries_per_second": "deliveries/s",
    "missing": "missing",
    "duplicates": "duplicates",
    "p50_ms": "p50 ms",
    "p95_ms": "p95 ms",
    "p99_ms": "p99 ms",
    "cpu_us_per_delivery": "CPU µs/delivery",
    "server_busy": "server busy",
    "cores_busy": "its core busy",
    "generator_busy": "generator busy",
}
# What only one workload has, said in its last column.
SAID = {
    "kib_per_socket": "{:.1f} KiB an idle socket",
    "sockets_per_second": "{:,.0f} handshakes/s",
    "requests_per_second": "{:,.0f} requests/s",
    "cpu_ms_per_request": "{:.2f} ms CPU a request",
    "seconds": "{:.2f} s until /healthz answers",
    "bytes": "{:,.0f} bytes",
    "page_bytes": "{:,.0f} of them the page",
    "gzip_bytes": "{:,.0f} without brotli",
    "files": "{:.0f} files",
    "not_kept": "{:.0f} files not immutable",
    "not_packed": "{:.0f} not compressed",
    "other_hosts": "{:.0f} of other hosts",
    "alone_p99_ms": "p99 without the storm {:.1f} ms",
    "bubbles": "{:,.0f} bubbles",
    "long_tasks": "{:.0f} long tasks",
    "longest_task_ms": "the longest {:.0f} ms",
    "longest_picture_ms": "a picture stood at most {:.0f} ms",
    "shown_p95_ms": "p95 until it is shown {:.1f} ms",
    "cpu_ms_per_bubble": "{:.2f} ms CPU a bubble",
    "heap_kib": "{:,.0f} KiB heap",
    "heap_kib_grown": "{:+,.0f} KiB",
    "nodes_grown": "{:+,.0f} nodes",
    "listeners_grown": "{:+,.0f} listeners",
    "local_p99_ms": "p99 in the same process {:.1f} ms",
    "remote_p99_ms": "in another {:.1f} ms",
}


def about(seconds: float, backing: str, processes: int, pinned: bool) -> dict[str, Any]:
    """Under which conditions the figures came about."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "load_before": round(os.getloadavg()[0], 2),
        "pinned": "server and generator on a core each" if pinned else "server and generator on the same cores",
        "backing": backing,
        "processes": processes,
        "seconds": seconds,
        "raised": RAISED,
    }


def merged(rounds: Sequence[Mapping[str, Figures]]) -> dict[str, Figures]:
    """The median of each figure over all rounds; of faults the most."""
    return {
        name: {
            figure: (max if figure in FAULTS else statistics.median)([each[name][figure] for each in rounds])
            for figure in figures
            if all(figure in each[name] for each in rounds)
        }
        for name, figures in rounds[0].items()
    }


def is_faulty(results: Mapping[str, Figures]) -> bool:
    """Whether anything got lost, came twice or went astray."""
    return any(figures.get(fault) for figures in results.values() for fault in FAULTS)


def table(results: Mapping[str, Figures]) -> str:
    """All workloads, in Markdown."""
    rows = [["workload", *COLUMNS.values(), "and"]]
    for name, figures in results.items():
        known = [_number(figures[column]) if column in figures else "" for column in COLUMNS]
        said = [words.format(figures[figure]) for figure, words in SAID.items() if figure in figures]
        wrong = [f"{figures[fault]:.0f} {fault}" for fault in FAULTS[2:] if figures.get(fault)]
        rows.append([name, *known, ", ".join([*said, *wrong])])
    return markdown(rows)


def compared(results: Mapping[str, Figures], earlier: Mapping[str, Figures]) -> str:
    """Every figure that both have, and this run's divided by the earlier one's."""
    rows = [["workload", "figure", "earlier", "now", "ratio"]]
    for name, figures in results.items():
        for figure, value in figures.items():
            before = earlier.get(name, {}).get(figure)
            if before and figure not in FAULTS:
                rows.append([name, figure, _number(before), _number(value), f"{value / before:.2f}"])
    return markdown(rows)


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Rows, the first of which are the headings; the first column stands left, the others right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]

    def line(row: Sequence[str]) -> str:
        cells = [text.rjust(width) for text, width in zip(row, widths, strict=True)]
        return "| " + " | ".join([row[0].ljust(widths[0]), *cells[1:]]) + " |"

    rule = "|" + "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])]) + "|"
    return "\n".join([line(rows[0]), rule, *map(line, rows[1:])])


def _number(value: float) -> str:
    """Three digits that matter; 0 is 0."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
