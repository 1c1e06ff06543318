"""Profiles, contacts, the directory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import cast

from sqlalchemy import bindparam, delete, or_, update
from sqlmodel import col, select
from starlette.requests import HTTPConnection

from app.db import Work, by_name, insert_if_new
from app.errors import Invalid, NotFound
from app.users import broadcasts
from app.users.models import Contact, Person, User
from app.users.names import key, tidy, wrong_display_name

ABOUT = 139
DIRECTORY = 200
SEVERAL = select(User).where(col(User.id).in_(bindparam("ids", expanding=True)))


def me(request: HTTPConnection) -> Person:
    """Who is signed in; the guard has let nobody else through."""
    return cast("Person", request.state.user)


async def get(work: Work, user_id: int) -> Person:
    """Raises NotFound."""
    user = await work.first(select(User).where(User.id == user_id))
    if not user:
        raise NotFound
    return Person.of(user)


async def by_username(work: Work, username: str) -> Person:
    """Raises Invalid, with a sentence for the field `username`."""
    user = await work.first(select(User).where(User.username_key == key(username.lstrip("@"))))
    if not user:
        raise Invalid(username="Nobody here has this username.")
    return Person.of(user)


async def several(work: Work, ids: Collection[int], known: Iterable[Person] = ()) -> dict[int, Person]:
    """The people with these ids, who need not be asked for if they are `known`; ids of nobody are left out."""
    people = {person.id: person for person in known}
    wanted = set(ids) - people.keys()
    users = await work.all(SEVERAL, {"ids": list(wanted)}) if wanted else []
    return people | {user.id: Person.of(user) for user in users}


async def by_usernames(work: Work, usernames: Collection[str]) -> list[Person]:
    """Raises Invalid for the field `members` when one of the names is nobody's."""
    keys = {key(name.lstrip("@")): name for name in usernames if name.strip()}
    users = await work.all(select(User).where(col(User.username_key).in_(keys))) if keys else []
    for user in users:
        keys.pop(user.username_key)
    if keys:
        raise Invalid(members=f"Nobody here has the username {next(iter(keys.values()))}.")
    return [Person.of(user) for user in users]


async def directory(work: Work, query: str = "", limit: int = DIRECTORY) -> Sequence[Person]:
    """Everyone whose name or username contains `query`, by name."""
    statement = select(User).order_by(by_name(User.display_name), col(User.id)).limit(limit)
    if query:
        like = "%" + key(query.lstrip("@")).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        statement = statement.where(
            or_(
                col(User.username_key).like(like, escape="\\"),
                col(User.display_name).ilike(like, escape="\\"),
            )
        )
    return [Person.of(user) for user in await work.all(statement)]


async def contact_ids(work: Work, user_id: int) -> set[int]:
    return set(await work.all(select(Contact.contact_id).where(Contact.user_id == user_id)))


async def add_contact(work: Work, user: Person, username: str) -> Person:
    """Keep somebody among one's contacts; adding twice is harmless."""
    person = await by_username(work, username)
    if person.id == user.id:
        raise Invalid(username="That is you. You can write to yourself without being your own contact.")
    if person.id not in await contact_ids(work, user.id):
        await work.execute(insert_if_new(Contact).values(user_id=user.id, contact_id=person.id))
    return person


async def remove_contact(work: Work, user: Person, contact_id: int) -> None:
    """Raises NotFound for who is no contact."""
    result = await work.execute(
        delete(Contact).where(col(Contact.user_id) == user.id, col(Contact.contact_id) == contact_id)
    )
    if not result.rowcount:
        raise NotFound


def tell_arrived(work: Work, person: Person) -> None:
    """Announce a newcomer."""
    work.announce(broadcasts.arrived, person)


async def edit(work: Work, user: Person, display_name: str, about: str) -> Person:
    """Change how one is shown; everybody's pages follow."""
    display_name, about = tidy(display_name), about.strip()
    if sentence := wrong_display_name(display_name):
        raise Invalid(display_name=sentence)
    if len(about) > ABOUT:
        raise Invalid(about=f"Please keep it to {ABOUT} characters.")
    await work.execute(update(User).where(col(User.id) == user.id).values(display_name=display_name, about=about))
    changed = await get(work, user.id)
    if changed.display_name != user.display_name:
        work.announce(broadcasts.renamed, changed)
    return changed
