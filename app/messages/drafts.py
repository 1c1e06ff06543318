"""What somebody wants to say, and how it stands to what was said before."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from app.errors import Invalid
from app.messages import parts, text

RUN = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A message as its sender wrote it; `id` is made by the page that sends, so that a repeat is known.

    `brings` has what it brings for its extras, by their names.
    """

    body: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    seen: int = 0
    kind: str = "text"
    brings: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, fields: dict[str, str], longest: int) -> Draft:
        """Raises Invalid with a sentence for a wrong field."""
        seen = fields.get("seen", "")
        return cls(
            body=clean_body(fields.get("body", ""), longest),
            id=_uuid(fields["id"]) if fields.get("id") else str(uuid.uuid4()),
            seen=int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 16 else 0,
            brings=parts.read(fields),
        )

    @property
    def fingerprint(self) -> str:
        whole = self.body
        if self.brings or self.kind != "text":
            whole = f"{self.kind} {sorted(self.brings.items())} {self.body}"
        return hashlib.sha256(whole.encode()).hexdigest()[:32]


def clean_body(body: str, longest: int) -> str:
    """What is kept of a body. Raises Invalid when nothing is left, or too much."""
    cleaned = text.clean(body)
    if text.is_blank(cleaned):
        raise Invalid(body="There is nothing to send yet.")
    if len(cleaned) > longest:
        raise Invalid(body=f"That is {len(cleaned):,} characters; a message takes {longest:,}.")
    return cleaned


def _uuid(value: str) -> str:
    try:
        return str(uuid.UUID(value))
    except ValueError:
        raise Invalid(id="This must be a UUID.") from None


class Said(Protocol):
    """What of a message tells whether the next one goes on with it."""

    @property
    def kind(self) -> str: ...

    @property
    def sender_id(self) -> int: ...

    @property
    def created_at(self) -> datetime: ...


def starts_run(before: Said | None, kind: str, sender_id: int, at: datetime) -> bool:
    """Whether a message begins a run, or goes on with the one `before` it."""
    return not (
        before
        and "note" not in (before.kind, kind)
        and before.sender_id == sender_id
        and at - before.created_at < RUN
        and at.date() == before.created_at.date()
    )
