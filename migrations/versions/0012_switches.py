"""What somebody chose about their chats: pinned, muted, archived, favourite, unread, cleared, removed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlmodel import UTCDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("memberships") as memberships:
        for name in ("pinned_at", "muted_until", "cleared_at"):
            memberships.add_column(sa.Column(name, UTCDateTime(), nullable=True))
        for name in ("is_favourite", "is_marked_unread", "is_removed"):
            memberships.add_column(sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))
        memberships.add_column(sa.Column("archived_seq", NUMBER, nullable=True))
        for name in ("cleared_seq", "cleared_revision"):
            memberships.add_column(sa.Column(name, NUMBER, nullable=False, server_default="0"))
    with op.batch_alter_table("users") as users:
        users.add_column(sa.Column("keeps_archived", sa.Boolean(), nullable=False, server_default=sa.true()))


def downgrade() -> None:
    with op.batch_alter_table("users") as users:
        users.drop_column("keeps_archived")
    with op.batch_alter_table("memberships") as memberships:
        for name in ("cleared_revision", "cleared_seq", "archived_seq", "is_removed", "is_marked_unread"):
            memberships.drop_column(name)
        for name in ("is_favourite", "cleared_at", "muted_until", "pinned_at"):
            memberships.drop_column(name)
