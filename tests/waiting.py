"""Waiting for what is bound to happen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

PATIENCE = 10.0


async def until(condition: Callable[[], Any], patience: float = PATIENCE) -> None:
    """Wait until the condition, which may be a coroutine function, holds. Raises TimeoutError."""
    async with asyncio.timeout(patience):
        while not await _holds(condition):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def _holds(condition: Callable[[], Any]) -> bool:
    answer = condition()
    return bool(await answer if isinstance(answer, Awaitable) else answer)
