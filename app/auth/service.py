"""Sign up, sign in, devices, invitations."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, insert, update
from sqlmodel import col, select

from app.auth import broadcasts
from app.auth.models import Invite, Session
from app.db import Work, insert_if_new, now
from app.errors import Invalid, NotFound
from app.hot import Hot, moment
from app.users import service as users
from app.users.models import Person, User
from app.users.names import key, tidy, wrong_display_name, wrong_username

INVITE_DAYS = 7
INVITE_USES = 100
CLOSED = "This invitation has expired, was used up, or was withdrawn."


@dataclass(frozen=True, kw_only=True)
class SignUp:
    """What somebody typed to get an account; `password_hash` is made before the work opens."""

    username: str
    display_name: str
    email: str = ""
    password_hash: str = ""

    def checked(self) -> SignUp:
        """The same, tidied. Raises Invalid with a sentence for each wrong field."""
        tidied = SignUp(
            username=self.username.strip(),
            display_name=tidy(self.display_name) or self.username.strip(),
            email=self.email.strip(),
            password_hash=self.password_hash,
        )
        wrong = {
            "username": wrong_username(tidied.username),
            "display_name": wrong_display_name(tidied.display_name),
            "email": "" if is_email(tidied.email) else "This does not look like an e-mail address.",
        }
        if errors := {field: sentence for field, sentence in wrong.items() if sentence}:
            raise Invalid(**errors)
        return tidied


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody on one of their devices."""

    person: Person
    session_id: int
    last_active_at: datetime


def is_email(text: str) -> bool:
    """Whether it may be an address, or is nothing at all; only a letter sent there could prove more."""
    name, at, host = text.rpartition("@")
    return not text or bool(
        at and name and "." in host.strip(".") and len(text) <= 254 and not set(text) & set(" <>,")
    )


async def is_empty(work: Work) -> bool:
    """Whether nobody has an account yet."""
    return await work.first(select(User.id).limit(1)) is None


async def sign_up(work: Work, draft: SignUp) -> Person:
    """Make an account; the first one is the admin. Raises Invalid for a name that is taken."""
    founder = 1 if await is_empty(work) else None
    values = {
        "username": draft.username,
        "username_key": key(draft.username),
        "display_name": draft.display_name,
        "email": draft.email or None,
        "email_key": key(draft.email) or None,
        "password_hash": draft.password_hash,
        "is_admin": founder is not None,
        "founder": founder,
    }
    if await work.first(select(User.id).where(User.username_key == values["username_key"])):
        raise Invalid(username="This username is taken; please choose another.")
    taken = select(User.id).where(User.email_key == values["email_key"])
    if draft.email and (await work.first(taken)) is not None:
        raise Invalid(email="This address belongs to another account.")
    statement = insert_if_new(User).values(values).returning(*User.__table__.columns)  # type: ignore[attr-defined]
    row = (await work.execute(statement)).one_or_none()
    if row is None:  # somebody was faster by a moment, as the first or with the name: look again
        return await sign_up(work, draft)
    person = Person.of(row)  # type: ignore[arg-type]
    if founder:  # several processes that began at once each made a link for the first account
        await work.execute(delete(Invite).where(col(Invite.created_by).is_(None)))
    users.tell_arrived(work, person)
    return person


async def make_admin(work: Work, draft: SignUp, password_hash: str) -> None:
    """Give an account, known or new, this password and the office of admin."""
    known = await account(work, draft.username)
    user_id = known.id if known else (await sign_up(work, replace(draft, password_hash=password_hash))).id
    await work.execute(update(User).where(col(User.id) == user_id).values(is_admin=True, password_hash=password_hash))


async def account(work: Work, username: str) -> User | None:
    """The account behind what was typed: a username or an e-mail address."""
    name = key(username.removeprefix("@"))
    is_name = col(User.email_key) == name if "@" in name else col(User.username_key) == name
    return await work.first(select(User).where(is_name))


async def begin_session(work: Work, user_id: int, token_hash: str, user_agent: str, address: str) -> int:
    """Sign a device in; answers the session's id."""
    result = await work.execute(
        insert(Session)
        .values(user_id=user_id, token_hash=token_hash, user_agent=user_agent[:300], address=address)
        .returning(col(Session.id))
    )
    return int(result.scalar_one())


SIGNED_IN = Hot(
    """SELECT u.id, u.username, u.display_name, u.about, u.is_admin, u.last_seen_at, s.id, s.last_active_at
    FROM {rows} JOIN sessions s ON s.token_hash = w.token JOIN users u ON u.id = s.user_id""",
    token="text",
)


async def signed_in(work: Work, token_hash: str, days: int) -> SignedIn | None:
    """Who has this token, and on which device; None when it is unknown, revoked or idle for `days`.

    Asked for every request, so in one hot statement.
    """
    rows = await work.many(SIGNED_IN, [{"token": token_hash}])
    if not rows:
        return None
    user_id, username, display_name, about, is_admin, last_seen_at, session_id, last_active_at = rows[0]
    last_active_at = moment(last_active_at)
    if last_active_at < now() - timedelta(days=days):
        return None
    person = Person(
        user_id, username, display_name, about, bool(is_admin), last_seen_at=last_seen_at and moment(last_seen_at)
    )
    return SignedIn(person, session_id, last_active_at)


async def living(work: Work, session_ids: Collection[int]) -> set[int]:
    """Which of these sessions still exist."""
    return set(await work.all(select(Session.id).where(col(Session.id).in_(session_ids))))


async def touch(work: Work, session_id: int, address: str) -> None:
    """Note that a device is in use."""
    await work.execute(
        update(Session).where(col(Session.id) == session_id).values(last_active_at=now(), address=address)
    )


async def sessions(work: Work, user_id: int) -> Sequence[Session]:
    """Somebody's devices, last used first."""
    statement = select(Session).where(Session.user_id == user_id)
    return await work.all(statement.order_by(col(Session.last_active_at).desc()))


async def revoke(work: Work, user_id: int, session_id: int) -> None:
    """Sign one of somebody's devices out; its sockets close. Raises NotFound for a device of others."""
    result = await work.execute(delete(Session).where(col(Session.id) == session_id, col(Session.user_id) == user_id))
    if not result.rowcount:
        raise NotFound
    work.announce(broadcasts.revoked, [session_id])


async def revoke_others(work: Work, user_id: int, session_id: int) -> int:
    """Sign out all of somebody's devices but one; answers how many."""
    result = await work.execute(
        delete(Session)
        .where(col(Session.user_id) == user_id, col(Session.id) != session_id)
        .returning(col(Session.id))
    )
    ids = list(result.scalars())
    work.announce(broadcasts.revoked, ids)
    return len(ids)


async def change_password(work: Work, user_id: int, password_hash: str, session_id: int) -> None:
    """Set a new password and sign out every other device."""
    await work.execute(update(User).where(col(User.id) == user_id).values(password_hash=password_hash))
    await revoke_others(work, user_id, session_id)


async def invite(work: Work, user_id: int | None, token_hash: str, max_uses: int, days: int) -> int:
    """Make an invitation; answers its id. Raises Invalid for senseless numbers."""
    if not 1 <= max_uses <= INVITE_USES:
        raise Invalid(max_uses=f"1 to {INVITE_USES} people.")
    if not 1 <= days <= 365:
        raise Invalid(days="1 to 365 days.")
    result = await work.execute(
        insert(Invite)
        .values(
            token_hash=token_hash,
            created_by=user_id,
            expires_at=now() + timedelta(days=days),
            max_uses=max_uses,
        )
        .returning(col(Invite.id))
    )
    return int(result.scalar_one())


async def renew_setup_link(work: Work, token_hash: str) -> bool:
    """While nobody has an account: let whoever has this token make the first one, and no older link."""
    await work.execute(delete(Invite).where(col(Invite.created_by).is_(None)))
    if not await is_empty(work):
        return False
    await invite(work, None, token_hash, 1, 1)
    return True


async def invites(work: Work) -> Sequence[Invite]:
    """The invitations that still let somebody in."""
    statement = select(Invite).where(col(Invite.expires_at) > now(), Invite.uses < Invite.max_uses)
    statement = statement.where(col(Invite.created_by).is_not(None))
    return await work.all(statement.order_by(col(Invite.id).desc()))


async def find_invite(work: Work, token_hash: str) -> Invite:
    """The open invitation with this token. Raises NotFound."""
    found = await work.first(select(Invite).where(_is_open(token_hash)))
    if not found:
        raise NotFound(CLOSED)
    return found


def _is_open(token_hash: str) -> ColumnElement[bool]:
    is_left = (col(Invite.expires_at) > now()) & (col(Invite.uses) < col(Invite.max_uses))
    return (col(Invite.token_hash) == token_hash) & is_left


async def use_invite(work: Work, token_hash: str) -> None:
    """Count one use; two people who race for the last one cannot both have it. Raises NotFound."""
    is_open = _is_open(token_hash)
    result = await work.execute(update(Invite).where(is_open).values(uses=Invite.uses + 1))
    if not result.rowcount:
        raise NotFound(CLOSED)


async def withdraw(work: Work, invite_id: int) -> None:
    """Raises NotFound."""
    result = await work.execute(delete(Invite).where(col(Invite.id) == invite_id))
    if not result.rowcount:
        raise NotFound


async def sweep(work: Work, days: int) -> None:
    """Forget devices that nobody used for `days`, and invitations that have expired."""
    await work.execute(delete(Session).where(col(Session.last_active_at) < now() - timedelta(days=days)))
    await work.execute(delete(Invite).where(col(Invite.expires_at) < now()))
