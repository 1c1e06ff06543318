"""The server that Parley runs in: uvicorn with our protocols, on a socket whose buffers are bounded."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import logging
import signal
import socket
from collections.abc import Callable, Generator, Iterable
from ipaddress import ip_network
from types import FrameType

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.protocols import DEADLINES, Deadlines, HttpProtocol, SocketProtocol

MAX_FRAME = 64 * 1024
SEND_BUFFER = 64 * 1024
UNREAD = 15_000  # milliseconds that a peer may leave unread what we sent
STOP = 5  # seconds that requests in flight have to finish
DRAIN = 0.25  # seconds for requests that are on their way when we are told to stop
BACKLOG = 2048
GARBAGE = 50_000, 20, 50  # new objects, and rounds, after which a server looks for garbage

# Anybody can write X-Forwarded-For, so only a proxy on this machine is believed unless others are named.
PROXIES = "127.0.0.1,::1"

log = logging.getLogger(__name__)


class PortTaken(Exception):
    """Another program listens on this port."""

    def __init__(self, port: int) -> None:
        super().__init__(f"Port {port} is taken by another program: stop that one, or set PARLEY_PORT.")
        self.port = port


class Proxied(ProxyHeadersMiddleware):
    """uvicorn's reading of X-Forwarded-For and -Proto, which also tells the app whose other headers to believe."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # type: ignore[override]
        if scope["type"] != "lifespan":
            peer = scope.get("client")
            scope["state"]["is_trusted"] = (peer[0] if peer else None) in self.trusted_hosts
        await super().__call__(scope, receive, send)  # type: ignore[arg-type]


def say_where(listeners: Iterable[socket.socket]) -> None:
    """Tell the log where to find us."""
    for listener in listeners:
        host, port, *_ = listener.getsockname()
        log.info("Parley is listening on http://%s:%d", f"[{host}]" if ":" in host else host, port)


class Server(uvicorn.Server):
    """uvicorn's server, for which being told to stop is no failure: the process ends with status 0.

    Calls `started_on` with its sockets when it serves.
    """

    def __init__(
        self, config: uvicorn.Config, started_on: Callable[[Iterable[socket.socket]], None] = say_where
    ) -> None:
        super().__init__(config)
        self.started_on = started_on

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self.lifespan.state["is_stopping"] = True  # each request from now on has it in its own state

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.freeze()  # what is there now stays: no collection needs to look through it
        gc.set_threshold(*GARBAGE)
        self.started_on(sockets or [])

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, give those that are there a moment to ask what they came for, and end.

        uvicorn would close one whose first request is still on its way; that request would be lost.
        """
        for server in self.servers:
            server.close()
        self.server_state.default_headers.append((b"connection", b"close"))
        if any(isinstance(each, HttpProtocol) for each in self.server_state.connections):
            await asyncio.sleep(DRAIN)
        await super().shutdown(sockets)


def listen(host: str, port: int) -> socket.socket:
    """A listening TCP socket; port 0 is any free one.

    Raises PortTaken, or another OSError when the host is not ours or the port is not allowed.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted sockets inherit these two: the most that a peer that reads nothing costs, and for how long.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(port) from error
        raise
    return listener


def _also_mapped(proxies: str) -> list[str]:
    """The networks, those of IPv4 also as a socket on "::" sees them."""
    found = [ip_network(each) for each in proxies.split(",")]
    return [
        *map(str, found),
        *(f"::ffff:{each.network_address}/{each.prefixlen + 96}" for each in found if each.version == 4),
    ]


def config(app: ASGIApp, deadlines: Deadlines = DEADLINES, proxies: str = PROXIES) -> uvicorn.Config:
    """uvicorn's settings for Parley; log lines go where the caller has sent them."""
    limits = {"deadlines": deadlines}
    return uvicorn.Config(
        Proxied(app, _also_mapped(proxies)),  # type: ignore[arg-type]
        interface="asgi3",
        lifespan="on",
        loop="uvloop",
        http=type("Http", (HttpProtocol,), limits),
        ws=type("Socket", (SocketProtocol,), limits),
        ws_max_size=MAX_FRAME,
        ws_per_message_deflate=False,  # doubles the memory and the work of every socket
        server_header=False,
        access_log=False,
        log_config=None,
        log_level="warning",
        proxy_headers=False,  # ours does it
        backlog=BACKLOG,
        timeout_graceful_shutdown=STOP,
    )


def run(app: ASGIApp, host: str, port: int, deadlines: Deadlines = DEADLINES, proxies: str = PROXIES) -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests in flight and close the sockets with 1012.

    Raises PortTaken, or SystemExit when the app fails to start.
    """
    with listen(host, port) as listener:
        Server(config(app, deadlines, proxies)).run(sockets=[listener])
