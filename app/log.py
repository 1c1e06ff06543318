"""Log lines as JSON, with the id of the request that they belong to, and the worker that writes them."""

from __future__ import annotations

import json
import logging
import os
import sys
from contextvars import ContextVar

# Goes along with whatever is announced, so that the lines of other processes about it carry it, too.
request_id: ContextVar[str] = ContextVar("request_id", default="")

_OWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "color_message"}


class JsonLines(logging.Formatter):
    """One JSON object a line; what a call passes as `extra` becomes a field."""

    def __init__(self, worker: int | None) -> None:
        super().__init__()
        self.process = {} if worker is None else {"worker": worker, "pid": os.getpid()}

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S"),
            "level": record.levelname.lower(),
            "from": record.name,
            "message": record.getMessage(),
            **self.process,
        }
        if number := request_id.get():
            line["request"] = number
        line |= {key: value for key, value in record.__dict__.items() if key not in _OWN}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def configure(level: str, worker: int | None = None) -> None:
    """Send every log line of this process to standard error, from `level` on.

    `worker` is this process's number where it is one of several, 0 for the one that watches over them.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(worker))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
