"""Messages of kinds that features add, and the names of what they show beside their text."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

KINDS = "kind IN ('text', 'note')"


def upgrade() -> None:
    with op.batch_alter_table("messages", recreate="auto") as messages:
        messages.drop_constraint("ck_messages_kind", type_="check")
        messages.add_column(sa.Column("extras", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    op.execute("UPDATE messages SET kind = 'text' WHERE kind NOT IN ('text', 'note')")
    with op.batch_alter_table("messages", recreate="auto") as messages:
        messages.drop_column("extras")
        messages.create_check_constraint("ck_messages_kind", KINDS)
