"""The only place where topic names are spelled."""


def chat(chat_id: int) -> str:
    """What all members of a chat hear."""
    return f"chat:{chat_id}"


def is_chat(topic: str) -> bool:
    return topic.startswith("chat:")


def receipts(chat_id: int) -> str:
    """What those hear who look at who has a message of a chat."""
    return f"chat:{chat_id}:receipts"


def user(user_id: int) -> str:
    """What every page of one person hears."""
    return f"user:{user_id}"


def session(session_id: int) -> str:
    """What the pages of one signed-in device hear: that it is over."""
    return f"session:{session_id}"


def everyone() -> str:
    """What every signed-in page hears."""
    return "everyone"


def jobs() -> str:
    """What those hear who run background jobs."""
    return "jobs"
