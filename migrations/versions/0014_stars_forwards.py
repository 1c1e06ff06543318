"""Messages that somebody starred, and those that were forwarded."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlmodel import UTCDateTime

revision = "0014"
down_revision = "0011"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "stars",
        sa.Column("user_id", NUMBER, nullable=False),
        sa.Column("chat_id", NUMBER, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_stars_user_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name="fk_stars_chat_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "chat_id", "seq", name="pk_stars"),
    )
    op.create_index("ix_stars_user_id", "stars", ["user_id", "created_at"])
    op.create_index("ix_stars_chat_id", "stars", ["chat_id", "seq"])
    op.create_table(
        "forwards",
        sa.Column("chat_id", NUMBER, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("hops", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["chat_id", "seq"],
            ["messages.chat_id", "messages.seq"],
            name="fk_forwards_chat_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("chat_id", "seq", name="pk_forwards"),
    )


def downgrade() -> None:
    op.drop_table("forwards")
    op.drop_table("stars")
