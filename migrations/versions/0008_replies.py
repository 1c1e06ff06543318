"""Quotes, begun replies, mentions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "quotes",
        sa.Column("chat_id", NUMBER, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("from_chat_id", NUMBER, nullable=False),
        sa.Column("from_seq", NUMBER, nullable=False),
        sa.Column("from_id", sa.String(), nullable=False),
        sa.Column("sender_id", NUMBER, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("excerpt", sa.String(), nullable=False),
        sa.Column("is_gone", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name="fk_quotes_chat_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["from_chat_id"], ["chats.id"], name="fk_quotes_from_chat_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["sender_id"], ["users.id"], name="fk_quotes_sender_id"),
        sa.PrimaryKeyConstraint("chat_id", "seq", name="pk_quotes"),
    )
    op.create_index("ix_quotes_from_chat_id", "quotes", ["from_chat_id", "from_seq"], unique=False)
    op.create_table(
        "begun_replies",
        sa.Column("chat_id", NUMBER, nullable=False),
        sa.Column("user_id", NUMBER, nullable=False),
        sa.Column("from_chat_id", NUMBER, nullable=False),
        sa.Column("from_seq", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name="fk_begun_replies_chat_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_begun_replies_user_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["from_chat_id"], ["chats.id"], name="fk_begun_replies_from_chat_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("chat_id", "user_id", name="pk_begun_replies"),
    )
    op.create_table(
        "mentions",
        sa.Column("chat_id", NUMBER, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("user_id", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name="fk_mentions_chat_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("chat_id", "seq", "user_id", name="pk_mentions"),
    )
    op.create_index("ix_mentions_user_id", "mentions", ["user_id", "chat_id", "seq"], unique=False)


def downgrade() -> None:
    for name in ("quote", "mentions"):
        op.execute(f"UPDATE messages SET extras = trim(replace(' ' || extras || ' ', ' {name} ', ' '))")  # noqa: S608
    for name in ("mentions", "begun_replies", "quotes"):
        op.drop_table(name)
