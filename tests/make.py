"""People, chats and messages, put straight into the database, where doors are not what a test is about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import httpx
from sqlalchemy import insert, update
from sqlmodel import col
from starlette.applications import Starlette

from app.auth import service as auth
from app.chats import service as chats
from app.chats.models import Chat
from app.db import Work, now
from app.groups import service as groups
from app.messages import service as messages
from app.messages.bubbles import Bubble
from app.messages.drafts import Draft
from app.messages.models import Message
from app.users.models import Person, User

ORIGIN = "https://testserver"
PASSWORD = "correct horse battery staple"
# Of that password, with costs so low that nobody waits for it.
PASSWORD_HASH = "$argon2id$v=19$m=8,t=1,p=1$E3TGMM55HK/VzcUqnglYSQ$kIF6joh2CzKTqDZmD0RDkazAHFj5R5vxe7Adae2DSJc"

HTML = {"accept": "text/html"}
HTMX = {"hx-request": "true", "accept": "text/html"}
JSON = {"accept": "application/json"}
CURL = {"accept": "*/*"}


class Client(httpx.AsyncClient):
    """Somebody at a shell, who may ask in other ways: `headers=HTML` is a browser, HTMX, or JSON."""

    def __init__(self, app: Starlette, **options: Any) -> None:
        super().__init__(transport=httpx.ASGITransport(app=app, **options), base_url=ORIGIN)

    async def read(self, path: str, **query: Any) -> Any:
        """What programs get from `path`."""
        response = await self.get(path, params=query, headers=JSON)
        assert response.status_code == 200, response.text
        return response.json()

    async def bodies(self, chat_id: int, **query: Any) -> list[str]:
        """The texts of a stretch of messages, system lines as the names of their events."""
        found = (await self.read(f"/chats/{chat_id}/messages", **query))["messages"]
        return [each["event"]["type"] if each["event"] else each["body"] for each in found]

    async def say(self, chat_id: int, body: str, **fields: Any) -> httpx.Response:
        return await self.post(f"/chats/{chat_id}/messages", data={"body": body, **fields})


class Member(Client):
    """Somebody with an account, signed in on one device."""

    def __init__(self, app: Starlette, person: Person, cookie: str, session_id: int) -> None:
        super().__init__(app)
        self.person = person
        self.id = person.id
        self.username = person.username
        self.cookie = cookie
        self.session_id = session_id
        self.cookies.set("__Host-sid", cookie, domain="testserver.local", path="/")


async def make_user(app: Starlette, username: str, **values: Any) -> Person:
    """An account with PASSWORD; `values` are columns, like is_admin."""
    async with app.state.database.write() as work:
        return await _sign_up(work, username, **values)


async def sign_in(app: Starlette, person: Person, agent: str = "") -> Member:
    """One more device of somebody."""
    async with app.state.database.write() as work:
        return await _sign_in(app, work, person, agent)


async def make_member(app: Starlette, username: str, **values: Any) -> Member:
    """Both at once."""
    async with app.state.database.write() as work:
        return await _sign_in(app, work, await _sign_up(work, username, **values))


async def _sign_up(work: Work, username: str, **values: Any) -> Person:
    draft = auth.SignUp(username=username, display_name=values.pop("display_name", username.title()))
    person = await auth.sign_up(work, draft)
    columns = {"is_admin": False, "founder": None, "password_hash": PASSWORD_HASH, **values}
    await work.execute(update(User).where(col(User.id) == person.id).values(columns))
    return person


async def _sign_in(app: Starlette, work: Work, person: Person, agent: str = "") -> Member:
    cookie, token_hash = app.state.session_tokens.new()
    return Member(app, person, cookie, await auth.begin_session(work, person.id, token_hash, agent, "127.0.0.1"))


async def make_chat(app: Starlette, one: Person | Member, other: Person | Member) -> int:
    """The direct chat of two people."""
    async with app.state.database.write() as work:
        return (await chats.open_direct(work, _person(one), _person(other)))[0]


async def make_group(app: Starlette, owner: Member, *others: Member | Person, **fields: Any) -> int:
    """A group; its lines are 1 "created" and, with others in it, 2 "added"."""
    draft = groups.Draft(name=fields.pop("name", "Book club"), **fields)
    async with app.state.database.write() as work:
        return await groups.create(work, owner.person, draft, [_person(each) for each in others], 100_000)


async def make_message(app: Starlette, sender: Person | Member, chat_id: int, body: str = "Hello") -> Bubble:
    async with app.state.database.write() as work:
        draft = Draft(body=body)
        return (await messages.send(work, _person(sender), chat_id, draft))[0]


async def make_messages(app: Starlette, sender: Member, chat_id: int, count: int) -> None:
    """Many at once, by the numbers alone: "1", "2" and so on."""
    async with app.state.database.write() as work:
        first = (await chats.counters(work, chat_id)).seq
        rows = [_row(chat_id, sender.id, first, number) for number in range(1, count + 1)]
        await work.execute(insert(Message), rows)
        last = first + count
        await work.execute(update(Chat).where(col(Chat.id) == chat_id).values(last_seq=last, revision=last))


def _row(chat_id: int, sender_id: int, first: int, number: int) -> dict[str, Any]:
    ids = {"id": f"00000000-0000-4000-8000-{first + number:012}", "chat_id": chat_id, "sender_id": sender_id}
    counters = {"seq": first + number, "revision": first + number}
    return ids | counters | {"body": str(number), "created_at": now()}


def _person(who: Person | Member) -> Person:
    return who.person if isinstance(who, Member) else who


def seqs(html: str) -> list[int]:
    """The numbers of the messages in a page or fragment, in its order."""
    return [int(seq) for seq in re.findall(r'<li id="message-[^>]* data-seq="(\d+)"', html)]


def location(response: httpx.Response) -> int:
    """The chat that an answer's Location names."""
    found = re.search(r"/chats/(\d+)", response.headers["location"])
    assert found
    return int(found[1])


def statuses(responses: Sequence[httpx.Response]) -> list[int]:
    return sorted(response.status_code for response in responses)
