"""Messages that are pinned in their chats, each with an end."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlmodel import UTCDateTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "pins",
        sa.Column("chat_id", NUMBER, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("user_id", NUMBER, nullable=False),
        sa.Column("pinned_at", UTCDateTime(), nullable=False),
        sa.Column("ends_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["chat_id", "seq"], ["messages.chat_id", "messages.seq"], name="fk_pins_chat_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_pins_user_id"),
        sa.PrimaryKeyConstraint("chat_id", "seq", name="pk_pins"),
    )
    op.create_index("ix_pins_ends_at", "pins", ["ends_at"])


def downgrade() -> None:
    op.drop_table("pins")
