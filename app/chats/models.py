"""Conversations, who is in them, and since when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CheckConstraint, Index, false, text, true
from sqlmodel import Field, SQLModel

from app.db import Number, identity, now
from app.users.models import Person, hue, initials

# Of columns that came later.
OFF = {"server_default": false()}
ON = {"server_default": true()}
ZERO = {"server_default": "0"}
GONE = "You are no longer a member of this group, so you can’t write here."


class Chat(SQLModel, table=True):
    """A conversation: `last_seq` numbers its messages, `revision` every change to one."""

    __tablename__ = "chats"
    __table_args__ = (CheckConstraint("kind IN ('direct', 'self', 'group')", name="kind"),)

    id: int = Field(sa_column=identity())
    kind: str
    name: str = ""
    description: str = ""
    is_public: bool = Field(default=False, index=True)
    # "3:7" for the direct chat of 3 and 7: one per pair, whoever is first.
    pair: str | None = Field(default=None, unique=True)
    last_seq: int = Field(default=0, sa_type=Number)
    revision: int = Field(default=0, sa_type=Number)
    # Seconds after which what is said from now on disappears; 0 for never.
    lifetime: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    # In a group: whether all who are in may pin messages, and set the lifetime, or its admins only.
    members_pin: bool = Field(default=True, sa_column_kwargs=ON)
    members_time: bool = Field(default=False, sa_column_kwargs=OFF)
    created_by: int = Field(sa_type=Number, foreign_key="users.id")
    created_at: datetime = Field(default_factory=now)


class Membership(SQLModel, table=True):
    """Somebody's place in a chat; it stays when they leave, with `is_present` false."""

    __tablename__ = "memberships"
    __table_args__ = (
        CheckConstraint("role IN ('owner', 'admin', 'member')", name="role"),
        Index("ix_memberships_user_id", "user_id", "chat_id"),
    )

    chat_id: int = Field(sa_type=Number, foreign_key="chats.id", primary_key=True, ondelete="CASCADE")
    user_id: int = Field(sa_type=Number, foreign_key="users.id", primary_key=True, ondelete="CASCADE")
    role: str = "member"
    is_present: bool = True
    joined_at: datetime = Field(default_factory=now)
    read_seq: int = Field(default=0, sa_type=Number)
    delivered_seq: int = Field(default=0, sa_type=Number)
    draft: str = ""
    # What they chose about it, for their own eyes: see app/switches.
    pinned_at: datetime | None = None
    muted_until: datetime | None = None
    # The chat's last seq when it was put into the archive.
    archived_seq: int | None = Field(default=None, sa_type=Number)
    is_favourite: bool = Field(default=False, sa_column_kwargs=OFF)
    is_marked_unread: bool = Field(default=False, sa_column_kwargs=OFF)
    is_removed: bool = Field(default=False, sa_column_kwargs=OFF)
    # They see nothing up to this seq, since this revision of the chat.
    cleared_seq: int = Field(default=0, sa_type=Number, sa_column_kwargs=ZERO)
    cleared_revision: int = Field(default=0, sa_type=Number, sa_column_kwargs=ZERO)
    cleared_at: datetime | None = None


class MembershipInterval(SQLModel, table=True):
    """A stretch of a chat that a member may see: from their join line to their leave line."""

    __tablename__ = "membership_intervals"
    __table_args__ = (
        # At most one open stretch, however two additions race.
        Index(
            "uq_membership_intervals_open",
            "chat_id",
            "user_id",
            unique=True,
            sqlite_where=text("to_seq IS NULL"),
            postgresql_where=text("to_seq IS NULL"),
        ),
    )

    chat_id: int = Field(sa_type=Number, foreign_key="chats.id", primary_key=True, ondelete="CASCADE")
    user_id: int = Field(sa_type=Number, foreign_key="users.id", primary_key=True, ondelete="CASCADE")
    from_seq: int = Field(sa_type=Number, primary_key=True)
    to_seq: int | None = Field(default=None, sa_type=Number)


@dataclass(frozen=True, slots=True)
class Moving:
    """The part of a chat's row that is the same for all its members: the newest message in short."""

    chat_id: int
    kind: str
    seq: int
    revision: int
    sender_id: int | None
    sender_name: str
    preview: str
    tone: str
    counts: bool
    at: datetime
    expires_at: datetime | None = None
    icon: str = ""
    # A system line is put into words by its template.
    note: object | None = None
    # What features tell rows, by name.
    extras: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in a chat, as lists of members show them."""

    user: Person
    role: str
    is_me: bool


@dataclass(frozen=True, slots=True)
class Conversation:
    """A chat as one member sees it; what `require_member` answers."""

    id: int
    kind: str
    name: str
    description: str
    is_public: bool
    last_seq: int
    revision: int
    role: str | None
    is_present: bool
    read_seq: int
    delivered_seq: int
    draft: str
    lifetime: int = 0
    members_pin: bool = True
    members_time: bool = False
    pinned_at: datetime | None = None
    muted_until: datetime | None = None
    is_archived: bool = False
    is_favourite: bool = False
    is_marked_unread: bool = False
    is_removed: bool = False
    cleared_revision: int = 0
    cleared_at: datetime | None = None
    partner: Person | None = None
    member_count: int = 0

    @property
    def title(self) -> str:
        if not self.partner:
            return self.name
        return f"{self.partner.display_name} (you)" if self.kind == "self" else self.partner.display_name

    @property
    def hue(self) -> int:
        return self.partner.hue if self.partner else hue(self.id + 11)

    @property
    def initials(self) -> str:
        return self.partner.initials if self.partner else initials(self.name)

    @property
    def in_group(self) -> bool:
        return self.kind == "group"

    @property
    def is_muted(self) -> bool:
        return self.muted_until is not None and self.muted_until > now()

    @property
    def may_write(self) -> bool:
        return self.is_present

    @property
    def may_manage(self) -> bool:
        return self.in_group and self.is_present and self.role in ("owner", "admin")

    @property
    def may_pin(self) -> bool:
        return self.may_write and (self.may_manage or not self.in_group or self.members_pin)

    @property
    def may_time(self) -> bool:
        """Of two both may set the lifetime."""
        return self.may_write and (self.may_manage or not self.in_group or self.members_time)

    @property
    def why_not(self) -> str:
        return "" if self.may_write else GONE
