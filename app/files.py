"""Static files from memory, packed once, cached by browsers for ever: their folder's name changes with them."""

from __future__ import annotations

import gzip
import mimetypes
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.joining import script, style
from app.templates import STATIC, release

FOR_EVER = "public, max-age=31536000, immutable"
JOINED = {"css/app.css": style, "js/app.js": script}
TEXT = ("text/", "image/svg+xml", "application/json")


@dataclass(frozen=True, slots=True)
class File:
    media_type: str
    plain: bytes
    packed: bytes | None


class StaticFolder:
    """The files below `static/` as an ASGI application, for addresses that name a release.

    A page of another release may ask, while processes are renewed one by one: it gets ours, which is better than
    nothing, and does not keep them.
    """

    def __init__(self) -> None:
        self.release = release()
        paths = (path for path in STATIC.rglob("*") if path.is_file())
        self.files = {path.relative_to(STATIC).as_posix(): _load(path.name, path.read_bytes()) for path in paths}
        for name, join in JOINED.items():
            self.files[name] = _load(name, join(STATIC / name).encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        path = scope["path"].removeprefix(scope.get("root_path", "")).lstrip("/")
        file = self.files.get(path)
        if file is None or request.method not in ("GET", "HEAD"):
            raise HTTPException(404)
        is_ours = scope["path_params"]["release"] == self.release
        headers = {"Cache-Control": FOR_EVER if is_ours else "no-store", "Vary": "Accept-Encoding"}
        content = file.plain
        if file.packed and "gzip" in request.headers.get("accept-encoding", ""):
            content, headers["Content-Encoding"] = file.packed, "gzip"
        await Response(content, media_type=file.media_type, headers=headers)(scope, receive, send)


def _load(name: str, content: bytes) -> File:
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    is_text = media_type.startswith(TEXT)
    return File(media_type, content, gzip.compress(content, 9, mtime=0) if is_text else None)
