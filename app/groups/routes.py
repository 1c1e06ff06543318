"""Make groups, browse public ones, manage who is in."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.chats import service as chats
from app.db import Work
from app.errors import Invalid
from app.forms import form, is_whole, many
from app.groups import service
from app.groups.service import Draft
from app.users import service as users
from app.users.models import Person
from app.users.service import me
from app.web import database, done, number, page, settings


async def index(request: Request) -> Response:
    async with database(request).read() as work:
        groups = await service.public(work, me(request))
    return await page(request, "groups/index.html", {"groups": groups, "section": "groups"}, data=groups)


async def new(request: Request) -> Response:
    async with database(request).read() as work:
        people = await users.directory(work)
    candidates = [person for person in people if person.id != me(request).id]
    values = {"candidates": candidates, "chosen": _chosen(request), "section": "groups"}
    return await page(request, "groups/new.html", values, data=candidates)


def _chosen(request: Request) -> set[int]:
    """Whom a form that is shown again had ticked."""
    typed = getattr(request.state, "form", None)
    return {int(value) for value in many(request, "members") if is_whole(value)} if typed else set()


async def _people(work: Work, values: Sequence[str]) -> list[Person]:
    """The people that a form names, by id (as our pages do) or by username (as people at a shell do).

    Raises Invalid for somebody who does not exist.
    """
    ids = {int(value) for value in values if is_whole(value)}
    found = await users.several(work, ids)
    if ids - found.keys():
        raise Invalid(members="One of these people does not exist.")
    named = await users.by_usernames(work, [value for value in values if not is_whole(value)])
    return list((found | {person.id: person for person in named}).values())


async def create(request: Request) -> Response:
    draft = Draft.read(await form(request, again=new))
    async with database(request).write() as work:
        people = await _people(work, many(request, "members"))
        chat_id = await service.create(work, me(request), draft, people, settings(request).group_size)
    return done(request, f"/chats/{chat_id}", data={"id": chat_id}, status=201)


async def edit(request: Request) -> Response:
    async with database(request).read() as work:
        chat = await service.require_manager(work, number(request, "chat_id"), me(request), locked=False)
    typed = getattr(request.state, "form", None)
    switches = {"public": chat.is_public, "members_pin": chat.members_pin, "members_time": chat.members_time}
    values = {"name": chat.name, "description": chat.description, **{name: str(+on) for name, on in switches.items()}}
    return await page(request, "groups/edit.html", {"chat": chat, "form": typed or values, "section": "chats"})


async def update(request: Request) -> Response:
    chat_id = number(request, "chat_id")
    draft = Draft.read(await form(request, again=edit))
    async with database(request).write() as work:
        await service.edit(work, me(request), chat_id, draft)
    return done(request, f"/chats/{chat_id}")


async def members(request: Request) -> Response:
    """The picker of whom to add."""
    async with database(request).read() as work:
        chat = await service.require_manager(work, number(request, "chat_id"), me(request), locked=False)
        present = set(await chats.member_ids(work, chat.id))
        candidates = [person for person in await users.directory(work) if person.id not in present]
    values = {"chat": chat, "candidates": candidates, "chosen": _chosen(request), "section": "chats"}
    return await page(request, "groups/members.html", values, data=candidates)


async def add(request: Request) -> Response:
    await form(request, again=members)
    chat_id = number(request, "chat_id")
    async with database(request).write() as work:
        people = await _people(work, many(request, "members"))
        await service.add(work, me(request), chat_id, people, settings(request).group_size)
    return done(request, f"/chats/{chat_id}")


async def remove(request: Request) -> Response:
    async with database(request).write() as work:
        await service.remove(work, me(request), number(request, "chat_id"), number(request, "user_id"))
    return _to_info(request)


async def promote(request: Request) -> Response:
    async with database(request).write() as work:
        await service.promote(work, me(request), number(request, "chat_id"), number(request, "user_id"))
    return _to_info(request)


async def demote(request: Request) -> Response:
    async with database(request).write() as work:
        await service.demote(work, me(request), number(request, "chat_id"), number(request, "user_id"))
    return _to_info(request)


def _to_info(request: Request) -> Response:
    return done(request, f"/chats/{number(request, 'chat_id')}/info")


async def join(request: Request) -> Response:
    chat_id = number(request, "chat_id")
    async with database(request).write() as work:
        await service.join(work, me(request), chat_id, settings(request).group_size)
    return done(request, f"/chats/{chat_id}")


async def leave(request: Request) -> Response:
    chat_id = number(request, "chat_id")
    async with database(request).write() as work:
        await service.leave(work, me(request), chat_id)
    return done(request, f"/chats/{chat_id}")


MEMBER = "/groups/{chat_id:int}/members/{user_id:int}"
routes = [
    Route("/groups", index, methods=["GET"]),
    Route("/groups", create, methods=["POST"]),
    Route("/groups/new", new, methods=["GET"]),
    Route("/groups/{chat_id:int}/edit", edit, methods=["GET"]),
    Route("/groups/{chat_id:int}/edit", update, methods=["POST"]),
    Route("/groups/{chat_id:int}/members", members, methods=["GET"]),
    Route("/groups/{chat_id:int}/members", add, methods=["POST"]),
    Route("/groups/{chat_id:int}/join", join, methods=["POST"]),
    Route("/groups/{chat_id:int}/leave", leave, methods=["POST"]),
    Route(f"{MEMBER}/remove", remove, methods=["POST"]),
    Route(f"{MEMBER}/promote", promote, methods=["POST"]),
    Route(f"{MEMBER}/demote", demote, methods=["POST"]),
]
