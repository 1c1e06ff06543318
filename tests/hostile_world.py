"""A world in which there is something of everything, and whatever people type can be hostile, all at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from urllib.parse import quote, urlencode

from sqlalchemy import JSON, String, cast, insert, literal, update
from sqlmodel import AutoString, col
from starlette.applications import Starlette

from app.auth.models import Session
from app.cards.models import LinkCard, MessageCard
from app.chats.models import Chat, Membership
from app.messages.models import Message
from app.models import metadata
from app.polls.models import Poll
from app.replies.models import Quote
from app.settings import ROOT
from app.users.models import User
from tests.make import HTML, Client, Member, make_chat, make_group
from tests.walk import World, doors, make_world

NAMED = "eve"  # whose username messages name, so it stays
NEEDLE = "Needle"  # stands in every text, for searches that find them all

# What people type, and so `type_everywhere` fills; a new column with text belongs here or below.
TYPED_COLUMNS = {
    *("users.username", "users.display_name", "users.about"),
    *("chats.name", "chats.description", "memberships.draft"),
    *("messages.body", "messages.event", "polls.options", "quotes.excerpt"),
    *("link_cards.title", "link_cards.description", "link_cards.url"),
    *("sessions.user_agent", "sessions.address"),
}
NEVER_SHOWN = {"sessions.user_agent"}  # but what we know of it
# What we make ourselves, or let be one of a few.
OUR_COLUMNS = {
    *("card_images.hash", "chats.kind", "chats.pair", "invites.token_hash", "sessions.token_hash"),
    *("jobs.name", "jobs.payload", "jobs.request", "jobs.sweep", "link_cards.image_hash", "link_cards.key"),
    *("memberships.role", "messages.extras", "messages.fingerprint", "messages.id", "messages.kind"),
    *("quotes.from_id", "quotes.kind", "reactions.emoji"),
    *("users.email", "users.email_key", "users.password_hash", "users.username_key"),
}
COLUMNS = {
    f"{table.name}.{column.name}"
    for table in metadata.sorted_tables
    for column in table.columns
    if isinstance(column.type, String | JSON | AutoString)
}

SOURCE = "\n".join(path.read_text("utf-8") for path in sorted((ROOT / "app").rglob("*.py")))
# The names of whatever a form or an address may bring, read off the code that asks for them.
FIELDS = {
    *re.findall(r'fields(?:\.get\(|\[)"(\w+)"', SOURCE),
    *re.findall(r'(?:many|wholes)\(request, "(\w+)"', SOURCE),
}
QUERY = {
    *re.findall(r'query_(?:text|number)\(request, "(\w+)"', SOURCE),
    *re.findall(r'query_params\.get(?:list)?\("(\w+)"', SOURCE),
    *("from", "in", "has", "before", "after"),
}
FREE = {"body", "name", "description", "question", "display_name", "about"}


@dataclass(frozen=True, slots=True)
class Places:
    """What of the world is looked at besides its own ids: chats, and messages of the group."""

    direct: int
    self: int
    poll: int
    own: int
    renamed: int


async def make_hostile_world(app: Starlette) -> tuple[World, Places]:
    world = await make_world(app)
    owner, member, stranger = (world.people[role] for role in ("owner", "member", "stranger"))
    assert isinstance(owner, Member)
    assert isinstance(member, Member)
    assert isinstance(stranger, Member)
    group, seq = world.ids["chat_id"], world.ids["seq"]
    direct, alone, closed = (
        await make_chat(app, owner, member),
        await make_chat(app, owner, owner),
        await make_group(app, owner),
    )
    await make_group(app, stranger, is_public=True)
    await owner.post(f"/groups/{group}/edit", data={"name": "Renamed", "description": "More", "public": "1"})
    renamed = (await owner.read(f"/chats/{group}"))["chat"]["last_seq"] - 1
    await member.say(group, "Answer", reply_to=str(seq))
    await member.say(group, f"@{NAMED}, @all")
    await owner.say(group, "Own")
    own = (await owner.read(f"/chats/{group}"))["chat"]["last_seq"]
    await owner.post(f"/chats/{group}/messages/{own}/edit", data={"body": "Edited"})
    await member.post(f"/chats/{group}/messages/{own}/forward", data={"chats": [str(group), str(direct)]})
    await member.post(f"/chats/{group}/polls", data={"question": "When?", "options": ["Now", "Later"]})
    poll = (await owner.read(f"/chats/{group}"))["chat"]["last_seq"]
    await owner.post(f"/chats/{group}/messages/{poll}/votes", data={"options": "0"})
    for each in (seq, own):
        await member.post(f"/chats/{group}/messages/{each}/react", data={"emoji": "👍"})
        await owner.post(f"/chats/{group}/messages/{each}/star")
    for chat in (direct, alone, closed):
        await owner.say(chat, "Something")
    await owner.post(f"/chats/{group}/reply", data={"reply_to": str(seq)})
    await owner.post(f"/chats/{closed}/archive")
    await owner.post(f"/chats/{alone}/pin")
    await member.post(f"/chats/{group}/messages/{own}/pin", data={"duration": "24h"})
    await _add_card(app, group, own)
    return world, Places(direct, alone, poll, own, renamed)


async def _add_card(app: Starlette, chat_id: int, seq: int) -> None:
    async with app.state.database.write() as work:
        await work.execute(insert(LinkCard).values(id=1, key="1", url="https://example.org/", title="Title"))
        await work.execute(insert(MessageCard).values(chat_id=chat_id, seq=seq, card_id=1))
        this = col(Message.chat_id) == chat_id, col(Message.seq) == seq
        await work.execute(update(Message).where(*this).values(extras="card"))


async def type_everywhere(app: Starlette, world: World, places: Places, text: str) -> None:
    """Put a text, with the name of the column, wherever people type, past the rules that would refuse it."""
    group, said = world.ids["chat_id"], {column: f"{text} {column} {NEEDLE}" for column in TYPED_COLUMNS}

    def values(table: str, *columns: str) -> dict[str, str]:
        return {column: said[f"{table}.{column}"] for column in columns}

    async with app.state.database.write() as work:
        await work.execute(update(User).values(**values("users", "display_name", "about")))
        unlike = literal(said["users.username"]) + cast(col(User.id), String)
        await work.execute(update(User).where(col(User.username_key) != NAMED).values(username=unlike))
        groups = update(Chat).where(col(Chat.kind) == "group")
        await work.execute(groups.values(**values("chats", "name", "description")))
        await work.execute(update(Membership).values(**values("memberships", "draft")))
        body = said["messages.body"]
        await work.execute(update(Message).where(col(Message.kind) != "note").values(body=body))
        named = col(Message.extras).contains("mentions")
        await work.execute(update(Message).where(named).values(body=f"@{NAMED}, @all {body}"))
        for seq, type_ in ((1, "created"), (places.renamed, "renamed")):
            this = col(Message.chat_id) == group, col(Message.seq) == seq
            event = {"type": type_, "subjects": [], "value": said["messages.event"]}
            await work.execute(update(Message).where(*this).values(event=event))
        await work.execute(update(Poll).values(options=[said["polls.options"], "Other"]))
        await work.execute(update(Quote).values(**values("quotes", "excerpt")))
        address = f"https://example.org/{said['link_cards.url']}"
        await work.execute(update(LinkCard).values(url=address, **values("link_cards", "title", "description")))
        await work.execute(update(Session).values(**values("sessions", "user_agent", "address")))


def pages(world: World, places: Places) -> Iterator[tuple[str, str]]:
    """Who looks at what: each page that there is, those of a chat for all sorts, those of a message for several."""
    group = world.ids["chat_id"]
    for door in doors(world.app):
        if not door.startswith("GET /") or "static" in door:
            continue
        yield "owner", world.path(door)
        if "{seq" in door:
            yield "owner", world.path(door, seq=places.poll)
            yield "owner", world.path(door, seq=places.own)
        elif "{chat_id" in door:
            yield "owner", world.path(door, chat_id=places.direct)
        if door.endswith(("{chat_id:int}", "/info")):
            yield "owner", world.path(door, chat_id=places.self)
    for path in ("/search", "/switch", "/chats", "/users", f"/chats/{group}/search", f"/chats/{group}/mentions"):
        yield "owner", f"{path}?q={NEEDLE}"
    for path in ("/chats?filter=archived", f"/chats/{group}/messages?since=1"):
        yield "owner", path
    yield from (("nobody", path) for path in ("/login", "/register", f"/join/{world.ids['token']}"))


def echoes(world: World, texts: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Who brings texts along in an address: in all of the query that anything reads, and as the path itself."""
    pieces = cycle(" ".join(texts[start::20]) for start in range(20))
    for door in doors(world.app):
        if door.startswith("GET /") and "static" not in door:
            path, _, query = world.path(door).partition("?")
            yield "owner", f"{path}?{query}&{urlencode(dict(zip(sorted(QUERY), pieces, strict=False)))}"
    for text in (next(pieces) for _ in range(20)):
        group = f"/chats/{world.ids['chat_id']}"
        for path in ("/search", "/switch", "/chats", "/users", f"{group}/search", f"{group}/mentions"):
            yield "owner", f"{path}?{urlencode({'q': text})}"
        for name in ("from", "in", "has", "before"):
            yield "owner", f"/search?{urlencode({name: text, 'q': 'x'})}"
        yield "owner", f"{group}/day?{urlencode({'day': text})}"
        strange = quote(text, safe="")
        yield from (("owner", f"/{start}{strange}") for start in ("", "chats/", "users/"))
        yield from (("nobody", path) for path in (f"/join/{strange}", f"/login?{urlencode({'next': text})}"))


async def see(client: Client, path: str, headers: dict[str, str] = HTML) -> str:
    """What is answered there, if it is a page or a piece of one."""
    answer = await client.get(path, headers=headers | {"accept-encoding": "identity"})
    return answer.text if "html" in answer.headers.get("content-type", "") else ""
