"""Bodies packed for the way: brotli for those who take it (browsers do over https), gzip for the others."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import brotli
from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipMiddleware, IdentityResponder
from starlette.types import Receive, Scope, Send

# As small as can be, for what is packed once; the better first.
ONCE: dict[str, Callable[[bytes], bytes]] = {
    "br": lambda content: brotli.compress(content, quality=11),
    "gzip": lambda content: gzip.compress(content, 9, mtime=0),
}
LEAST = 256  # bytes; below, headers weigh more than what is saved
GZIP_LEVEL = 4
BROTLI_LEVEL = 4  # as fast as that on a page, which becomes a sixth smaller


def encoding_for(scope: Scope) -> str | None:
    """The best of ours that the caller takes."""
    accepted = Headers(scope=scope).get("accept-encoding", "").split(",")
    names = {each.partition(";")[0].strip() for each in accepted}
    return next((name for name in ONCE if name in names), None)


class Packing(GZipMiddleware):
    """Packs what is fetched and not packed yet; answers to writes are small, and somebody waits for them. Pages hold
    no secret that could be guessed from their length.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
        elif encoding_for(scope) == "br":
            await BrotliResponder(self.app, self.minimum_size)(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


class BrotliResponder(IdentityResponder):
    """One answer, whole or as a stream."""

    content_encoding = "br"

    async def apply_compression(self, body: bytes, *, more_body: bool) -> bytes:
        if not hasattr(self, "compressor"):
            self.compressor = brotli.Compressor(quality=BROTLI_LEVEL)
        packed: bytes = self.compressor.process(body)
        rest: bytes = self.compressor.flush() if more_body else self.compressor.finish()
        return packed + rest
