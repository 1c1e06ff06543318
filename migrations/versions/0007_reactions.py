"""Reactions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlmodel import UTCDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "reactions",
        sa.Column("chat_id", NUMBER, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("user_id", NUMBER, nullable=False),
        sa.Column("emoji", sa.String(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name="fk_reactions_chat_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_reactions_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("chat_id", "seq", "user_id", name="pk_reactions"),
    )


def downgrade() -> None:
    op.drop_table("reactions")
    # A name that nobody knows any more would be in nobody's way; but down is as if it had never been.
    op.execute("UPDATE messages SET extras = TRIM(REPLACE(' ' || extras || ' ', ' reactions ', ' '))")
