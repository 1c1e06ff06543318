"""What people send us: forms and query strings, read with a limit and without what no database takes."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from starlette.datastructures import FormData, UploadFile
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive

from app.errors import Invalid, Refused, TooLarge
from app.web import Endpoint

FORM_BYTES = 512 * 1024
FIELDS = 2000
URLENCODED = "application/x-www-form-urlencoded"
# What PostgreSQL, or UTF-8 itself, has no place for.
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
TOO_LONG = "That is more than this form takes."


async def form(request: Request, again: Endpoint | None = None) -> dict[str, str]:
    """The fields of a posted form as text; `many()` reads repeated ones.

    `again` answers a browser whose input is refused: it shows the form anew, with
    what was typed and what is wrong with it.
    """
    if int(request.headers.get("content-length") or 0) > FORM_BYTES:
        raise TooLarge(TOO_LONG)
    receive = _at_most(FORM_BYTES, request.receive)
    if request.headers.get("content-type", "").startswith(URLENCODED):
        data = _fields(await _body(receive))
    else:
        data = await Request(request.scope, receive).form(max_files=0, max_fields=FIELDS, max_part_size=FORM_BYTES)
    fields = {name: UNSTORABLE.sub("", value) for name, value in data.items() if isinstance(value, str)}
    request.state.form = data
    request.state.again = again
    return fields


async def _body(receive: Receive) -> bytes:
    """All of a body. Raises ClientDisconnect."""
    body: bytes = b""
    while (message := await receive())["type"] == "http.request":
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body
    raise ClientDisconnect


def _fields(body: bytes) -> FormData:
    """What most forms send, read in one go: the framework's parser works for streams and files, and takes ten times
    as long.
    """
    pairs: list[tuple[str, str | UploadFile]]
    try:
        pairs = [*parse_qsl(body.decode("latin-1"), keep_blank_values=True, max_num_fields=FIELDS)]
    except ValueError:
        raise Refused("That is more fields than any form has.") from None
    return FormData(pairs)


def _at_most(most: int, receive: Receive) -> Receive:
    """A body that is refused once it grows longer than `most`: not everybody says the length beforehand."""
    taken = 0

    async def receive_some() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > most:
            raise TooLarge(TOO_LONG)
        return message

    return receive_some


def many(request: Request, name: str) -> list[str]:
    """All values of a repeated field of the form that was read."""
    return [UNSTORABLE.sub("", value) for value in request.state.form.getlist(name) if isinstance(value, str)]


def query_text(request: Request, name: str) -> str:
    """A text from the query string."""
    return UNSTORABLE.sub("", request.query_params.get(name, "")).strip()


def is_whole(text: str) -> bool:
    """Whether a text is a number that the database takes."""
    return text.isascii() and text.isdigit() and len(text) < 16


def whole(text: str, name: str) -> int:
    """What was typed into the field `name` as a number; raises Invalid for what is none."""
    if not is_whole(text):
        raise Invalid(**{name: "This must be a whole number."})
    return int(text)


def wholes(request: Request, name: str, most: int) -> list[int]:
    """The different numbers of a repeated field, of the form that was read or else of the query string.

    Raises Invalid for none, for more than `most` and for what is no number.
    """
    has_form = hasattr(request.state, "form")
    found = {
        whole(value, name) for value in (many(request, name) if has_form else request.query_params.getlist(name))
    }
    if not 1 <= len(found) <= most:
        raise Invalid(**{name: f"Choose at least one, and at most {most}."})
    return sorted(found)


def query_number(request: Request, name: str) -> int | None:
    """A number from the query string; raises Invalid for what is none."""
    text = request.query_params.get(name, "")
    return whole(text, name) if text else None
