"""Argon2id: hash, verify, rehash; two at a time and behind everything else, so that a storm of sign-ins costs others
nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from app.errors import Invalid

LEAST = 8
MOST = 1024
SLOTS = 2
BEHIND = 19  # the niceness of a thread that gets what nobody else wants
COMMON = frozenset(word for word in FREQUENCY_LISTS["passwords"] if len(word) >= LEAST)


T = TypeVar("T")


def _step_back() -> None:
    """Linux knows niceness for each thread; where it is the process's, nothing is changed."""
    if hasattr(os, "sched_setaffinity"):
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), BEHIND)


class Passwords:
    """46 MiB and one pass, a parameter set of OWASP's password storage cheat sheet (about 40 ms a hash)."""

    def __init__(self) -> None:
        self.hasher = PasswordHasher(time_cost=1, memory_cost=47104, parallelism=1)
        self.threads = ThreadPoolExecutor(SLOTS, "passwords", _step_back)

    @cached_property
    def dummy(self) -> str:
        """Verified for names that do not exist, so that they take as long as those that do."""
        return self.hasher.hash(secrets.token_hex())

    async def hash(self, password: str) -> str:
        return await self._apart(self.hasher.hash, password)

    async def verify(self, known: str | None, password: str) -> bool:
        return await self._apart(self._verify, known, password)

    async def _apart(self, work: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.threads, work, *arguments)

    def _verify(self, known: str | None, password: str) -> bool:
        dummy = self.dummy  # also where it is not needed: the first sign-in, which makes it, tells nothing either
        try:
            return self.hasher.verify(known or dummy, password) and known is not None
        except (VerificationError, InvalidHashError):
            return False

    def is_outdated(self, known: str) -> bool:
        return self.hasher.check_needs_rehash(known)


def require_good(password: str, *personal: str) -> None:
    """Raises Invalid for a password that is too short, too long or among the first to be guessed."""
    if len(password) < LEAST:
        raise Invalid(password=f"Please take at least {LEAST} characters; 15 or more are better.")
    if len(password) > MOST:
        raise Invalid(password=f"Please take at most {MOST} characters.")
    if password.lower() in COMMON or password.lower() in {word.lower() for word in personal}:
        raise Invalid(password="This password is among the first that others would try.")
