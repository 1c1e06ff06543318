"""Tables of chats."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlmodel import UTCDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "chats",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.Column("pair", sa.String(), nullable=True),
        sa.Column("last_seq", NUMBER, nullable=False),
        sa.Column("revision", NUMBER, nullable=False),
        sa.Column("created_by", NUMBER, nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.CheckConstraint("kind IN ('direct', 'self', 'group')", name="ck_chats_kind"),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name="fk_chats_created_by"),
        sa.PrimaryKeyConstraint("id", name="pk_chats"),
        sa.UniqueConstraint("pair", name="uq_chats_pair"),
    )
    op.create_index("ix_chats_is_public", "chats", ["is_public"], unique=False)
    op.create_table(
        "memberships",
        sa.Column("chat_id", NUMBER, nullable=False),
        sa.Column("user_id", NUMBER, nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("is_present", sa.Boolean(), nullable=False),
        sa.Column("joined_at", UTCDateTime(), nullable=False),
        sa.Column("read_seq", NUMBER, nullable=False),
        sa.Column("delivered_seq", NUMBER, nullable=False),
        sa.Column("draft", sa.String(), nullable=False),
        sa.CheckConstraint("role IN ('owner', 'admin', 'member')", name="ck_memberships_role"),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name="fk_memberships_chat_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_memberships_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("chat_id", "user_id", name="pk_memberships"),
    )
    op.create_index("ix_memberships_user_id", "memberships", ["user_id", "chat_id"], unique=False)
    op.create_table(
        "membership_intervals",
        sa.Column("chat_id", NUMBER, nullable=False),
        sa.Column("user_id", NUMBER, nullable=False),
        sa.Column("from_seq", NUMBER, nullable=False),
        sa.Column("to_seq", NUMBER, nullable=True),
        sa.ForeignKeyConstraint(
            ["chat_id"], ["chats.id"], name="fk_membership_intervals_chat_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_membership_intervals_user_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("chat_id", "user_id", "from_seq", name="pk_membership_intervals"),
    )
    op.create_index(
        "uq_membership_intervals_open",
        "membership_intervals",
        ["chat_id", "user_id"],
        unique=True,
        sqlite_where=sa.text("to_seq IS NULL"),
        postgresql_where=sa.text("to_seq IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("membership_intervals")
    op.drop_table("memberships")
    op.drop_table("chats")
