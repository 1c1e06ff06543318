"""Pointers and what they add up to, as pure values."""

from __future__ import annotations

import pytest

from app.receipts.marks import Mark, Marks, Ticks


@pytest.mark.parametrize(
    ("mark", "by", "last", "expected"),
    [
        (Mark(3, 2), Mark(5, 4), None, Mark(5, 4)),
        (Mark(3, 2), Mark(1, 1), None, Mark(3, 2)),
        (Mark(3, 2), Mark(0, 5), None, Mark(5, 5)),
        (Mark(3, 2), Mark(9, 9), 4, Mark(4, 4)),
        (Mark(), Mark(7), 7, Mark(7, 0)),
    ],
)
def test_pointers_rise_and_never_beyond_the_end(mark: Mark, by: Mark, last: int | None, expected: Mark) -> None:
    assert mark.raised(by, last) == expected


@pytest.mark.parametrize(
    ("pointers", "ticks"),
    [
        ([(5, 1), (3, 2)], Ticks(3, 2, 5)),
        ([(5, 1), (3, 2), (4, 3)], Ticks(3, 2, 4)),
        ([(3, 1), (3, 2)], Ticks(3, 1, 3)),
        ([(3, 1)], Ticks(3, 1, 9)),
        ([], Ticks(9, 0, 9)),
    ],
)
def test_ticks_say_for_every_viewer_how_far_all_others_came(pointers: list[tuple[int, int]], ticks: Ticks) -> None:
    assert Ticks.of(pointers, 9) == ticks
    for viewer in (1, 2, 3):
        others = [seq for seq, user in pointers if user != viewer]
        assert (ticks.second if ticks.holder == viewer else ticks.least) == min(others, default=9)


def test_what_gathers_is_taken_together_and_once() -> None:
    marks = Marks()
    for mark in (Mark(3), Mark(2, 2), Mark(1)):
        marks.add(7, 1, mark)
    marks.add(8, 1, Mark(1))
    assert marks.take() == {(7, 1): Mark(3, 2), (8, 1): Mark(1)}
    assert marks.take() == {}
