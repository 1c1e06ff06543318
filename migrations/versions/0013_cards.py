"""Tables of link cards."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlmodel import UTCDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "card_images",
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_card_images"),
    )
    op.create_table(
        "link_cards",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("image_hash", sa.String(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("done_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["image_hash"], ["card_images.hash"], name="fk_link_cards_image_hash"),
        sa.PrimaryKeyConstraint("id", name="pk_link_cards"),
        sa.UniqueConstraint("key", name="uq_link_cards_key"),
    )
    op.create_index("ix_link_cards_created_at", "link_cards", ["created_at"])
    op.create_index("ix_link_cards_image_hash", "link_cards", ["image_hash"])
    op.create_table(
        "message_cards",
        sa.Column("chat_id", NUMBER, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("card_id", NUMBER, nullable=True),
        sa.ForeignKeyConstraint(["card_id"], ["link_cards.id"], name="fk_message_cards_card_id"),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name="fk_message_cards_chat_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("chat_id", "seq", name="pk_message_cards"),
    )
    op.create_index("ix_message_cards_card_id", "message_cards", ["card_id"])


def downgrade() -> None:
    op.drop_table("message_cards")
    op.drop_table("link_cards")
    op.drop_table("card_images")
