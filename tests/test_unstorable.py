"""Characters that no database takes are left out wherever somebody types, and break nothing."""

from __future__ import annotations

import pytest

from tests.make import JSON, Member

NUL = "%00"
SURROGATE = "%ED%A0%80"


@pytest.mark.parametrize("bad", [NUL, SURROGATE])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/you/edit", "display_name=Ann&about=a{}b"),
        ("/you/edit", "display_name=A{}nn&about=ab"),
        ("/groups", "name=Book{}club&description=a{}b"),
        ("/chats/{chat}/draft", "body=a{}b"),
        ("/chats/{chat}/messages", "body=a{}b"),
        ("/chats", "username=bo{}b"),
        ("/contacts", "username=bo{}b"),
        ("/login", "username=an{}n&password=x{}y"),
    ],
)
async def test_no_form_breaks(ann: Member, bob: Member, chat_id: int, path: str, body: str, bad: str) -> None:
    type_ = {"content-type": "application/x-www-form-urlencoded"}
    answer = await ann.post(path.replace("{chat}", str(chat_id)), content=body.replace("{}", bad), headers=type_)
    assert answer.status_code < 500


async def test_what_is_left_is_kept(ann: Member) -> None:
    await ann.post("/you/edit", data={"display_name": "Ann", "about": "a\0b"})
    assert (await ann.read(f"/users/{ann.id}"))["about"] == "ab"


@pytest.mark.parametrize("path", ["/users?q={}", "/chats?q=a{}", "/login?next={}", "/join/{}", "/chats?filter={}"])
async def test_no_address_breaks(ann: Member, path: str) -> None:
    for bad in (NUL, SURROGATE):
        assert (await ann.get(path.format(bad), headers=JSON)).status_code < 500
