"""What somebody still sees of a chat that they cleared."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "kept_messages",
        sa.Column("user_id", NUMBER, nullable=False),
        sa.Column("chat_id", NUMBER, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_kept_messages_user_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name="fk_kept_messages_chat_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "chat_id", "seq", name="pk_kept_messages"),
    )


def downgrade() -> None:
    op.drop_table("kept_messages")
