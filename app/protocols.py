"""One connection's manners: how slowly and how much a peer may send, and when it is let go.

An HTTP answer that nobody reads is left to TCP_USER_TIMEOUT on the socket: a large download may be slow.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState

from app.realtime.frames import Parcel

MAX_HEADERS = 32 * 1024
WIRE = "parley.wire"  # the extension of a WebSocket's scope
MIN_BODY_RATE = 500  # bytes a second
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


@dataclass(frozen=True)
class Deadlines:
    """How many seconds a peer may take before it is cut off.

    header: from its first byte to the end of the headers.
    body: of silence in a body; each byte moves the deadline by its time at MIN_BODY_RATE, but never beyond
        this from now.
    write: for a WebSocket to read what waits for it.
    close: to leave when its WebSocket is being closed.
    """

    header: float = 10
    body: float = 20
    write: float = 10
    close: float = 3


DEADLINES = Deadlines()


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's HTTP, with a deadline for each part of a request and at most MAX_HEADERS bytes of headers."""

    deadlines = DEADLINES

    _timer: asyncio.TimerHandle | None = None  # looks at `_until` no later than then; one for many requests
    _allowance = 0.0  # seconds for the part that the peer is sending
    _until = math.inf  # when that part must be here; never while the peer owes us nothing
    _headers = 0  # bytes of request line, headers and trailers
    _unparsed = 0  # bytes since the parser last recognised something

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect(self.deadlines.header)

    def connection_lost(self, exc: Exception | None) -> None:
        self._look_at(None)
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        self._look_at(None)  # nothing holds on to what another protocol takes over from
        super().handle_websocket_upgrade()

    def data_received(self, data: bytes) -> None:
        if self._until == math.inf:  # not in on_message_begin, as line breaks between requests begin no message
            self._expect(self.deadlines.header)
        self._unparsed += len(data)
        super().data_received(data)
        if self._unparsed > MAX_HEADERS and not self.transport.is_closing():
            self._refuse()

    def on_message_begin(self) -> None:
        self._headers = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + len(": \r\n"))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._expect(self.deadlines.body)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unparsed = 0
        self._until = min(self._until + len(body) / MIN_BODY_RATE, self.loop.time() + self._allowance)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._received()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        if self._headers > MAX_HEADERS:
            self._refuse()
        else:
            super().send_400_response(msg)

    def _count(self, size: int) -> None:
        self._unparsed = 0
        self._headers += size
        if self._headers > MAX_HEADERS:
            raise ValueError("headers too large")  # stops the parser, upon which uvicorn sends its 400

    def _refuse(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(TOO_LARGE)
        self.transport.close()

    def _expect(self, seconds: float) -> None:
        self._unparsed = 0
        self._allowance = seconds
        self._until = self.loop.time() + seconds
        if self._timer is None or self._timer.when() > self._until:
            self._look_at(self._until)

    def _received(self) -> None:
        self._unparsed = 0
        self._until = math.inf

    def _look_at(self, moment: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if moment is None else self.loop.call_at(moment, self._check)

    def _check(self) -> None:
        self._timer = None
        if self._until == math.inf:
            return
        now = self.loop.time()
        if self._held_up_by_us():
            self._until = now + self._allowance
        if now < self._until:
            self._look_at(self._until)
        else:
            self.transport.abort()

    def _held_up_by_us(self) -> bool:
        if self.flow.read_paused:
            return True
        if self.cycle is None or self.cycle.response_complete:
            return False
        return self.cycle.waiting_for_100_continue or not self.cycle.more_body


class Events:
    """What the app has not heard of its socket yet: an asyncio.Queue for one reader, without the 3 KiB of that."""

    __slots__ = ("came", "events")

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.came: asyncio.Future[None] | None = None

    def empty(self) -> bool:
        return not self.events

    def put_nowait(self, event: Any) -> None:
        self.events.append(event)
        if self.came is not None and not self.came.done():
            self.came.set_result(None)

    async def get(self) -> Any:
        while not self.events:
            self.came = asyncio.get_running_loop().create_future()
            await self.came
        return self.events.pop(0)


class SocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket, aborted when the peer stops reading or does not leave when asked to.

    Closing its transport would not do: that first sends what is buffered, to a peer that reads nothing.

    It is also the wire that bytes go out on which were made ready for many sockets; the app finds it in the scope.
    """

    deadlines = DEADLINES
    is_free = True
    freed: Callable[[], None] | None = None

    _stalled: asyncio.TimerHandle | None = None
    _leaving: asyncio.TimerHandle | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.queue = Events()  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for timer in (self._stalled, self._leaving):
            if timer is not None:
                timer.cancel()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self.handshake_initiated:  # uvicorn would keep a handshake that websockets refused, for ever
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()

    def send_parcel(self, parcel: Parcel) -> None:
        if not self.close_sent and not self.transport.is_closing():
            self.transport.write(parcel.data)

    def close_with(self, code: int) -> None:
        closing = self.loop.create_task(self._close(code))
        closing.add_done_callback(self.on_task_complete)
        self.tasks.add(closing)

    async def _close(self, code: int) -> None:
        with contextlib.suppress(ClientDisconnected, RuntimeError):  # it is closed or lost already
            await self.send({"type": "websocket.close", "code": code})

    def start_keepalive(self) -> None:
        """The handshake is over: what it was made of is a tenth of what an idle socket costs."""
        super().start_keepalive()
        del self.request, self.response

    def pause_writing(self) -> None:
        self.is_free = False
        super().pause_writing()
        self._stalled = self.loop.call_later(self.deadlines.write, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
        self.is_free = True
        if self.freed is not None:
            self.freed()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._leave()

    def shutdown(self) -> None:
        try:
            super().shutdown()
        except InvalidState:  # the peer was closing already; uvicorn would break off the stop for everybody
            self.transport.close()
        self._leave()

    async def run_asgi(self) -> None:
        self.scope["extensions"][WIRE] = self  # type: ignore[assignment]
        try:
            await super().run_asgi()
        finally:
            del self.scope["extensions"][WIRE]  # a ring, which would keep all this until garbage is collected
            self._leave()

    def _leave(self) -> None:
        if self._leaving is None and not self.disconnected:
            self._leaving = self.loop.call_later(self.deadlines.close, self.transport.abort)
