"""Tables of polls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlmodel import UTCDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "polls",
        sa.Column("chat_id", NUMBER, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("multiple", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name="fk_polls_chat_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("chat_id", "seq", name="pk_polls"),
    )
    op.create_table(
        "poll_votes",
        sa.Column("chat_id", NUMBER, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("user_id", NUMBER, nullable=False),
        sa.Column("option", sa.Integer(), nullable=False),
        sa.Column("is_only", sa.Boolean(), nullable=False),
        sa.Column("voted_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name="fk_poll_votes_chat_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_poll_votes_user_id"),
        sa.PrimaryKeyConstraint("chat_id", "seq", "user_id", "option", name="pk_poll_votes"),
    )
    op.create_index(
        "uq_poll_votes_only",
        "poll_votes",
        ["chat_id", "seq", "user_id"],
        unique=True,
        sqlite_where=sa.text("is_only"),
        postgresql_where=sa.text("is_only"),
    )


def downgrade() -> None:
    op.execute("UPDATE messages SET kind = 'text', extras = '' WHERE kind = 'poll'")
    op.drop_table("poll_votes")
    op.drop_table("polls")
