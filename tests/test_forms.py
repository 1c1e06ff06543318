"""Bodies of every sort at a door: read, or refused in words."""

from __future__ import annotations

import pytest

from tests.make import Member

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"%", 422),
        (b"&&&=", 422),
        (b"\x00\xff\xfe", 422),
        (b"body=%00", 422),
        (b"body=%ED%A0%80", 201),
        (b"body=a&body=b", 201),
        (b"body=x" + b"&a=b" * 1500, 201),
        (b"body=x" + b"&a=b" * 3000, 400),
    ],
    ids=["empty", "half a code", "no names", "no text", "control", "half a character", "twice", "many", "too many"],
)
async def test_a_form(ann: Member, chat_id: int, body: bytes, status: int) -> None:
    path = f"/chats/{chat_id}/messages"
    response = await ann.post(path, content=body, headers={"content-type": FORM})
    assert response.status_code == status
    assert status == 201 or response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("type_", ["multipart/form-data", "multipart/form-data; boundary=x", "application/json", ""])
async def test_what_is_no_form(ann: Member, chat_id: int, type_: str) -> None:
    path = f"/chats/{chat_id}/messages"
    response = await ann.post(path, content=b'{"body":"Hello"}', headers={"content-type": type_})
    assert response.status_code in (400, 422)
    assert response.json()["status"] == response.status_code


async def test_multipart_is_a_form_without_files(ann: Member, chat_id: int) -> None:
    path = f"/chats/{chat_id}/messages"
    assert (await ann.post(path, files={"body": (None, "Hello")})).status_code == 201
    assert (await ann.post(path, files={"body": ("a.txt", b"Hello")})).status_code == 400
