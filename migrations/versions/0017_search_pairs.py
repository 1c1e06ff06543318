"""The index of what was said has a token more, for who said it where; so all is indexed anew."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        op.execute("INSERT INTO search_tokens (search_tokens) VALUES ('delete-all')")
        op.execute("DELETE FROM search_texts")
    else:
        op.execute("TRUNCATE search_texts RESTART IDENTITY")
    # The server does it while it runs, the newest first.
    op.execute("""
        INSERT INTO search_texts (chat_id, seq)
        SELECT chat_id, seq FROM messages WHERE kind <> 'note' AND deleted_at IS NULL
        ORDER BY created_at, chat_id, seq
    """)


downgrade = upgrade  # an older version indexes without that token
