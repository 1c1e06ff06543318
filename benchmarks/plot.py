"""Small line plots as SVG: a logarithmic x axis, a y axis from zero, light or dark as the reader has it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 640, 340
LEFT, RIGHT, TOP, BOTTOM = 56, 32, 74, 56
LINES = 4  # across, about
STYLE = """
svg { --ink: #1f2328; --soft: #656d76; --rule: #d8dee4; --ground: #ffffff; --one: #0b7a5b; --two: #b4540a }
@media (prefers-color-scheme: dark) {
  svg { --ink: #e6edf3; --soft: #9198a1; --rule: #30363d; --ground: #0d1117; --one: #3fc99b; --two: #f0a05a }
}
text { font: 13px system-ui, sans-serif; fill: var(--soft) }
.title { font-size: 16px; font-weight: 600; fill: var(--ink) }
.rule { stroke: var(--rule) } .ground { fill: var(--ground) }
.line { fill: none; stroke-width: 2.5; stroke-linejoin: round; stroke-linecap: round }
.one { stroke: var(--one) } .two { stroke: var(--two); stroke-dasharray: 6 5 }
.dot { fill: var(--ground); stroke-width: 2; stroke-dasharray: none }
"""


@dataclass(frozen=True)
class Series:
    name: str
    points: Sequence[tuple[float, float]]


def plot(title: str, under: str, unit: str, series: Sequence[Series]) -> str:
    """An SVG of one or two series; `under` names the x axis, `unit` what y counts."""
    points = [point for each in series for point in each.points]
    step = nice(max(y for _, y in points) / LINES)
    most = step * math.ceil(max(y for _, y in points) / step)
    place = Place(min(x for x, _ in points), max(x for x, _ in points), most)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}" rx="8"/>',
        f'<text class="title" x="{LEFT}" y="28">{escape(title)}</text>',
        *_legend(series, unit),
        *_axes(place, step, sorted({x for x, _ in points})),
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 14}" text-anchor="middle">{escape(under)}</text>',
        *(_line(each, place, ("one", "two")[number]) for number, each in enumerate(series)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


@dataclass(frozen=True)
class Place:
    """Where a point stands."""

    least: float
    most: float
    top: float

    def x(self, value: float) -> float:
        across = math.log(value / self.least) / (math.log(self.most / self.least) or 1)
        return round(LEFT + 12 + across * (WIDTH - LEFT - RIGHT - 24), 1)

    def y(self, value: float) -> float:
        return round(HEIGHT - BOTTOM - value / self.top * (HEIGHT - TOP - BOTTOM), 1)


def nice(least: float) -> float:
    """The next of 1, 2, 5, 10, 20 … and of their fractions."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= least * (1 - 1e-9))


def _axes(place: Place, step: float, counts: Sequence[float]) -> Iterator[str]:
    value = 0.0
    while value <= place.top * 1.001:
        y = place.y(value)
        yield f'<line class="rule" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>'
        yield f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{value:g}</text>'
        value = round(value + step, 9)
    for count in counts:
        yield f'<text x="{place.x(count)}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{count:,.0f}</text>'


def _legend(series: Sequence[Series], unit: str) -> Iterator[str]:
    x = LEFT
    for number, each in enumerate(series):
        kind = ("one", "two")[number]
        yield f'<line class="line {kind}" x1="{x}" x2="{x + 24}" y1="49" y2="49"/>'
        yield f'<text x="{x + 32}" y="53">{escape(each.name)} ({unit})</text>'
        x += 270


def _line(series: Series, place: Place, kind: str) -> str:
    spots = [(place.x(x), place.y(y), x, y) for x, y in series.points]
    path = " ".join(f"{x},{y}" for x, y, _, _ in spots)
    dots = "".join(
        f'<circle class="dot {kind}" cx="{x}" cy="{y}" r="4"><title>{count:,.0f}: {value:.2f}</title></circle>'
        for x, y, count, value in spots
    )
    return f'<polyline class="line {kind}" points="{path}"/>{dots}'
