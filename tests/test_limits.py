"""Token buckets: so many at once, so many a second, each key by itself, and memory only for who is active."""

from __future__ import annotations

import pytest

from app.errors import TooMany
from app.limits import Limit


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_burst_and_then_a_rate(clock: Clock) -> None:
    limit = Limit(2, 5, clock)
    assert [limit.take("a") for _ in range(6)] == [0, 0, 0, 0, 0, 0.5]
    clock.now += 0.5
    assert [limit.take("a"), limit.take("a")] == [0, 0.5]


def test_it_never_holds_more_than_the_burst(clock: Clock) -> None:
    limit = Limit(1, 2, clock)
    limit.take("a")
    clock.now += 1000
    assert [limit.take("a") for _ in range(3)] == [0, 0, 1]


def test_asking_in_vain_costs_nothing(clock: Clock) -> None:
    limit = Limit(1, 1, clock)
    limit.take("a")
    for _ in range(10):
        assert limit.take("a") > 0
    clock.now += 1
    assert limit.take("a") == 0


def test_keys_do_not_share(clock: Clock) -> None:
    limit = Limit(1, 1, clock)
    limit.take("a")
    assert limit.take("b") == 0


def test_a_refusal_says_when_to_come_back(clock: Clock) -> None:
    limit = Limit(0.1, 1, clock)
    limit.require("a", "b")
    with pytest.raises(TooMany) as refusal:
        limit.require("b", "c")
    assert 10 <= int(refusal.value.headers["Retry-After"]) <= 11


def test_given_back_it_is_there_again(clock: Clock) -> None:
    limit = Limit(0.1, 2, clock)
    limit.take("a")
    limit.give_back("a", "a", "a")
    assert [limit.take("a") for _ in range(3)] == [0, 0, 10]


def test_who_is_idle_is_forgotten(clock: Clock) -> None:
    limit = Limit(1, 10, clock)
    for number in range(1000):
        limit.take(f"key {number}")
    for _ in range(600):
        clock.now += 20
        limit.take("active")
    assert list(limit.buckets) == ["active"]
