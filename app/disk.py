"""The disk that everything is kept on."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from app.settings import WrongSetting

ROOM = 2**20  # bytes; a new database and its log take less


def require_room(folder: Path) -> None:
    """Make the folder if need be. Raises WrongSetting where it cannot be written to, or is full: a start that
    notices later leaves half of something behind.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(ROOM))
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        raise WrongSetting(f"PARLEY_DATA is {folder}, but nothing can be stored there: {error.strerror}.") from error
