"""What each of several workers serves; a module of its own, as a fresh interpreter must be able to import it."""

from __future__ import annotations

import uvicorn

from app import log
from app.main import create_app
from app.server import config
from app.settings import Settings


def make(number: int) -> uvicorn.Config:
    """The app for the worker of this number, whose lines in the log name it; the settings are read anew."""
    settings = Settings.from_environment()
    log.configure(settings.log_level, number)
    return config(create_app(settings), proxies=settings.trusted_proxies)
