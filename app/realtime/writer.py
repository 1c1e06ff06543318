"""How a frame leaves: one writer empties the outboxes of a process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Protocol

from app.realtime.frames import Parcel, signal
from app.realtime.hub import Outbox

log = logging.getLogger(__name__)

BEAT = signal("beat")
BEAT_SECONDS = 25.0
LONGEST_REST = 0.005  # seconds


class Wire(Protocol):
    """The way from an outbox to its page. Neither of these waits, nor fails when the page has gone."""

    is_free: bool  # takes more now; calls `freed` when it does so again
    freed: Callable[[], None] | None

    def send_parcel(self, parcel: Parcel) -> None: ...

    def close_with(self, code: int) -> None:
        """Once what was sent is out, close with `code`."""


class Writer:
    """Sends what outboxes hold, and a beat to those that had nothing to send for a while.

    What is put in one turn of the event loop leaves at its end, and what is the same for many outboxes is made ready
    once. Then the writer rests for as long as that took, at most LONGEST_REST: a lone frame never waits, and under
    load frames leave together.
    """

    def __init__(self) -> None:
        self.wires: dict[Outbox, Wire] = {}
        self.sent: dict[Outbox, float] = {}  # when something went to each
        self.waiting: list[Outbox] = []
        self.is_busy = False
        self.beating: asyncio.TimerHandle | None = None

    def attach(self, outbox: Outbox, wire: Wire) -> None:
        """Send on this wire from now on."""
        self.wires[outbox] = wire
        self.sent[outbox] = monotonic()
        outbox.wake = self._wake
        wire.freed = partial(self._wake, outbox)
        if self.beating is None:
            self._beat()

    def detach(self, outbox: Outbox) -> None:
        """Forget an outbox whose socket is gone or is being closed."""
        self.wires.pop(outbox, None)
        self.sent.pop(outbox, None)

    def _wake(self, outbox: Outbox) -> None:
        self.waiting.append(outbox)
        if not self.is_busy:
            self.is_busy = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        waiting, self.waiting = self.waiting, []
        if not waiting:
            self.is_busy = False
            return
        began = monotonic()
        parcels: dict[tuple[str, ...], Parcel] = {}
        for outbox in waiting:
            wire = self.wires.get(outbox)
            if wire is None:
                continue
            try:
                while outbox.frames and wire.is_free:
                    frames = outbox.take()
                    parcel = parcels.get(frames)
                    if parcel is None:
                        parcel = parcels[frames] = Parcel(frames)
                    wire.send_parcel(parcel)
                    self.sent[outbox] = began
                if outbox.closed is not None:
                    self.detach(outbox)
                    wire.close_with(outbox.closed)
            except Exception:  # must not be the end of all the others; its page hears no beat and comes back
                log.exception("a socket could not be written to")
                self.detach(outbox)
        # In the next turn, because the loop writes at the end of this one.
        asyncio.get_running_loop().call_soon(self._rest, began)

    def _rest(self, since: float) -> None:
        asyncio.get_running_loop().call_later(min(LONGEST_REST, monotonic() - since), self._flush)

    def _beat(self) -> None:
        """Look, several times in the time of a beat, who has heard nothing for as long; end with the last socket."""
        silent_since = monotonic() - BEAT_SECONDS
        for outbox, at in self.sent.items():
            if at <= silent_since and not outbox.frames:
                outbox.put(BEAT)
        self.beating = asyncio.get_running_loop().call_later(BEAT_SECONDS / 10, self._beat) if self.sent else None
