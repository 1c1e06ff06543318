"""Static files from memory, packed once, cached by browsers for ever: their folder's name changes with them."""

from __future__ import annotations

import asyncio
import functools
import mimetypes
from dataclasses import dataclass, field

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.joining import addition, lean, script, style
from app.packing import ONCE, encoding_for
from app.templates import STATIC, release

FOR_EVER = "public, max-age=31536000, immutable"
MADE = {
    "css/app.css": style,
    "js/app.js": script,
    "js/later.js": addition,
    "js/local-time.js": lean,
    "js/swaps.js": lean,
}
TEXT = ("text/", "image/svg+xml", "application/json")


@dataclass(frozen=True, slots=True)
class File:
    media_type: str
    plain: bytes
    packed: dict[str, bytes] = field(default_factory=dict)

    async def content(self, encoding: str | None) -> bytes:
        """As it is, or packed: once for all, when somebody asks for it; doing it before would make starts longer."""
        if encoding is None:
            return self.plain
        if encoding not in self.packed:
            self.packed[encoding] = await asyncio.to_thread(ONCE[encoding], self.plain)
        return self.packed[encoding]


class StaticFolder:
    """The files below `static/` as an ASGI application, for addresses that name a release.

    A page of another release may ask, while processes are renewed one by one: it gets ours, which is better than
    nothing, and does not keep them.
    """

    def __init__(self) -> None:
        self.release = release()
        self.files = _load()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].removeprefix(scope.get("root_path", "")).lstrip("/")
        file = self.files.get(path)
        if file is None or scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(404)
        is_ours = scope["path_params"]["release"] == self.release
        headers = {"Cache-Control": FOR_EVER if is_ours else "no-store", "Vary": "Accept-Encoding"}
        encoding = encoding_for(scope) if file.media_type.startswith(TEXT) else None
        if encoding:
            headers["Content-Encoding"] = encoding
        content = await file.content(encoding)
        await Response(content, media_type=file.media_type, headers=headers)(scope, receive, send)


@functools.cache
def _load() -> dict[str, File]:
    paths = {path.relative_to(STATIC).as_posix(): path for path in STATIC.rglob("*") if path.is_file()}
    contents = {name: path.read_bytes() for name, path in paths.items()}
    for name, make in MADE.items():
        contents[name] = make(paths[name]).encode()
    return {name: File(_media_type(name), content) for name, content in contents.items()}


def _media_type(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
