"""What is asked about somebody's chats; written once, as making a statement takes longer than SQLite takes for it."""

from __future__ import annotations

from sqlalchemy import bindparam, func
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from app.chats.models import Chat, Membership
from app.users.models import User

ME = aliased(User)
KEEPS = select(ME.keeps_archived).where(col(ME.id) == bindparam("user")).scalar_subquery()
# Without the setting a chat leaves the archive by its next message, which needs no statement of its own.
IS_ARCHIVED = col(Membership.archived_seq).is_not(None) & (KEEPS | (col(Chat.last_seq) <= Membership.archived_seq))
# It comes back with the next message, which who left never gets.
IS_REMOVED = col(Membership.is_removed) & (
    (col(Chat.last_seq) <= Membership.cleared_seq) | ~col(Membership.is_present)
)
PERSON = ("id", "username", "display_name", "about", "is_admin", "last_seen_at")
MINE = (
    select(Chat, Membership)
    .join(Membership, col(Membership.chat_id) == col(Chat.id))
    .where(col(Membership.user_id) == bindparam("user"))
    .with_only_columns(
        *(col(column) for column in (Chat.id, Chat.kind, Chat.name, Chat.description, Chat.is_public)),
        *(col(column) for column in (Chat.last_seq, Chat.revision, Chat.lifetime)),
        *(col(column) for column in (Chat.members_pin, Chat.members_time)),
        *(col(column) for column in (Membership.role, Membership.is_present, Membership.read_seq)),
        *(col(column) for column in (Membership.delivered_seq, Membership.draft)),
        *(col(column) for column in (Membership.pinned_at, Membership.muted_until, Membership.is_favourite)),
        *(
            col(column)
            for column in (Membership.is_marked_unread, Membership.cleared_revision, Membership.cleared_at)
        ),
        IS_ARCHIVED.label("is_archived"),
        IS_REMOVED.label("is_removed"),
    )
)
# The membership, too: of rows that it locks PostgreSQL shows the newest state, of others an older one.
LOCKED = MINE.where(col(Chat.id).in_(bindparam("chats", expanding=True))).with_for_update(
    of=[Chat, Membership], key_share=True
)
# The same with the other one of a direct chat, whose columns begin with "user_".
OTHER = aliased(Membership)
ALL = (
    MINE.outerjoin(
        OTHER,
        (col(OTHER.chat_id) == col(Chat.id)) & (Chat.kind == "direct") & (col(OTHER.user_id) != bindparam("user")),
    )
    .outerjoin(User, col(User.id) == col(OTHER.user_id))
    .add_columns(*(col(getattr(User, name)).label(f"user_{name}") for name in PERSON))
)
# A direct chat is its opener's until something was said in it.
LISTED = ALL.where((col(Chat.last_seq) > 0) | (col(Chat.created_by) == bindparam("user")), ~IS_REMOVED)
SOME = ALL.where(col(Chat.id).in_(bindparam("chats", expanding=True)))
COUNT = (
    select(func.count())
    .select_from(Membership)
    .where(col(Membership.chat_id) == bindparam("chat"), col(Membership.is_present))
)
