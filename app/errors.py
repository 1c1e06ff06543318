"""Refusals: each knows its status and says in one sentence what is wrong."""

from __future__ import annotations


class Refused(Exception):
    """What a service raises when it will not do what was asked."""

    status = 400
    title = "That did not work"

    def __init__(self, message: str, errors: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.errors = errors or {}
        self.headers: dict[str, str] = {}


class Unauthenticated(Refused):
    status = 401
    title = "Please sign in"


class Forbidden(Refused):
    status = 403
    title = "Not allowed"


class NotFound(Refused):
    status = 404
    title = "Not found"

    def __init__(self, message: str = "There is nothing here, or nothing that you may see.") -> None:
        super().__init__(message)


class Conflict(Refused):
    status = 409
    title = "Already taken"


class TooLarge(Refused):
    status = 413
    title = "Too large"


class Invalid(Refused):
    """Wrong input: `errors` maps a field's name to the sentence beside it; "" is the form itself."""

    status = 422
    title = "Please check what you typed"

    def __init__(self, **errors: str) -> None:
        super().__init__(" ".join(errors.values()), {key.removesuffix("_"): text for key, text in errors.items()})


class TooMany(Refused):
    """Too fast: `retry_after` is the number of seconds to wait."""

    status = 429
    title = "A little slower, please"

    def __init__(self, retry_after: float) -> None:
        super().__init__("That was too fast. Please wait a moment and try again.")
        self.headers = {"Retry-After": str(max(1, round(retry_after + 0.5)))}


class Unavailable(Refused):
    status = 503
    title = "Not possible right now"
