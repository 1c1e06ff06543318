"""Who hears what: topics, and outboxes that are bounded and joined."""

from __future__ import annotations

import pytest

from app.realtime.bus import LocalBus
from app.realtime.frames import Control, Frame, Parcel, is_html, partial, signal
from app.realtime.hub import PARCEL, TOO_SLOW, Hub, Outbox


def test_only_listeners_hear() -> None:
    hub, ann, bob = Hub(), Outbox(), Outbox()
    hub.join(ann, ["chat:1", "chat:2"])
    hub.join(bob, ["chat:2"])
    hub.deliver("chat:1", "one")
    hub.deliver("chat:2", "two")
    hub.deliver("chat:3", "three")
    assert (ann.take(), bob.take()) == (("one", "two"), ("two",))


def test_who_left_hears_no_more() -> None:
    hub, ann = Hub(), Outbox()
    hub.join(ann, ["chat:1", "chat:2"])
    hub.leave(ann, ["chat:1", "chat:9"])
    hub.deliver("chat:1", "one")
    assert (ann.take(), hub.hears(ann, "chat:1"), hub.hears(ann, "chat:2")) == ((), False, True)


def test_joining_twice_is_hearing_once() -> None:
    hub, ann = Hub(), Outbox()
    for _ in range(2):
        hub.join(ann, ["chat:1"])
    hub.deliver("chat:1", "one")
    assert ann.take() == ("one",)


def test_nothing_is_left_of_who_is_gone() -> None:
    hub, ann, bob = Hub(), Outbox(), Outbox()
    hub.join(ann, ["chat:1", "user:1"])
    hub.join(bob, ["chat:1"])
    hub.remove(ann)
    assert (hub.topics, list(hub.joined)) == ({"chat:1": {bob}}, [bob])
    hub.remove(bob)
    hub.remove(bob)
    assert (hub.topics, hub.joined) == ({}, {})


def test_the_bus_carries_frames_and_orders() -> None:
    hub, ann = Hub(), Outbox()
    bus = LocalBus(hub)
    hub.join(ann, ["user:1"])
    bus.publish(Control("user:1", "join", "chat:7"))
    bus.publish(Frame("chat:7", "<p>heard"))
    bus.publish(Control("user:1", "leave", "chat:7"))
    bus.publish(Frame("chat:7", "<p>not heard"))
    assert ann.frames == ["<p>heard"]
    bus.publish(Control("user:1", "close", "4401"))
    assert ann.closed == 4401


def test_an_outbox_keeps_the_order() -> None:
    outbox = Outbox()
    for text in ('{"a":1}', '{"b":2}'):
        outbox.put(text)
    assert (outbox.take(), outbox.take()) == (('{"a":1}', '{"b":2}'), ())


def test_much_goes_out_bit_by_bit() -> None:
    outbox = Outbox()
    texts = ["a" * (PARCEL // 2), "b" * (PARCEL // 2), "c", "d" * (PARCEL + 1), "e", "f"]
    for text in texts:
        outbox.put(text)
    taken = [outbox.take() for _ in range(4)]
    assert taken == [tuple(texts[:2]), ("c",), (texts[3],), ("e", "f")]
    assert outbox.characters == 0


def test_waiting_html_is_joined_signals_go_alone() -> None:
    frames = ("<a>", "<b>", '{"s":1}', "<c>", '{"s":2}', '{"s":3}', "<d>", "<e>", "<f>")
    assert Parcel(frames).messages == ["<a><b>", '{"s":1}', "<c>", '{"s":2}', '{"s":3}', "<d><e><f>"]


def test_an_outbox_wakes_once_for_what_waits_and_when_it_is_closed() -> None:
    outbox, woken = Outbox(), list[Outbox]()
    outbox.wake = woken.append
    outbox.put("<a>")
    outbox.put("<b>")
    assert len(woken) == 1
    outbox.take()
    outbox.put("<c>")
    assert len(woken) == 2
    outbox.close(4401)
    outbox.close(TOO_SLOW)
    assert len(woken) == 3


@pytest.mark.parametrize(
    ("outbox", "fits", "too_much"),
    [
        (Outbox(most=3), ["<a>"] * 3, "<a>"),
        (Outbox(most_characters=9), ["<a>"] * 3, "<"),
        (Outbox(), ["<a>"] * 512, "<a>"),
        (Outbox(), ["x" * 2**20], "x"),
    ],
    ids=["frames", "characters", "frames by default", "characters by default"],
)
def test_an_outbox_is_bounded(outbox: Outbox, fits: list[str], too_much: str) -> None:
    codes = []
    for text in [*fits, too_much]:
        outbox.put(text)
        codes.append(outbox.closed)
    assert codes == [None] * len(fits) + [TOO_SLOW]
    assert outbox.take() == ()


def test_emptying_makes_room() -> None:
    outbox = Outbox(most=2)
    for _ in range(10):
        outbox.put("<a>")
        outbox.put("<b>")
        assert outbox.take() == ("<a>", "<b>")
    assert outbox.closed is None


def test_a_closed_outbox_takes_nothing_and_keeps_its_first_reason() -> None:
    outbox = Outbox()
    outbox.put("<a>")
    outbox.close(4401)
    outbox.put("<b>")
    outbox.close(TOO_SLOW)
    assert (outbox.take(), outbox.closed) == ((), 4401)


def test_a_full_outbox_is_nobody_elses_business() -> None:
    hub, slow, quick = Hub(), Outbox(most=1), Outbox()
    for outbox in (slow, quick):
        hub.join(outbox, ["chat:1"])
    for _ in range(3):
        hub.deliver("chat:1", "<a>")
    assert (slow.closed, quick.closed, quick.take()) == (TOO_SLOW, None, ("<a>", "<a>", "<a>"))


def test_frames_are_told_apart_by_their_first_character() -> None:
    assert is_html(partial("#x", "<p>", "place"))
    assert not is_html(signal("x", html="<p>"))


def test_any_text_may_be_in_a_signal() -> None:
    """Half a character is JSON, but no text that a socket could send."""
    signal("refused", id="\ud800", message="é</script>\u2028").encode()
