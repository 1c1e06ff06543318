"""Random tokens, signed by itsdangerous; the database keeps only their SHA-256."""

from __future__ import annotations

import hashlib
import secrets

from itsdangerous import BadSignature, Signer


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


class Tokens:
    """Makes and checks tokens of one purpose; a token of another purpose does not pass."""

    def __init__(self, secret: str, purpose: str) -> None:
        self.signer = Signer(secret, salt=purpose, digest_method=hashlib.sha256)

    def new(self) -> tuple[str, str]:
        """A fresh signed token of 256 bits, and the digest to keep."""
        token = secrets.token_urlsafe(32)
        return self.signer.sign(token).decode(), digest(token)

    def read(self, signed: str) -> str | None:
        """The digest to look for, or None for what we did not sign."""
        try:
            return digest(self.signer.unsign(signed).decode())
        except BadSignature:
            return None
