"""What strangers sent is looked into by a process of its own, which has little time, little memory and no secrets.

So neither a picture that unfolds to gigabytes, nor a page that makes a parser slow, costs more than its card.
"""

from __future__ import annotations

import asyncio
import sys

from app.cards.fetch import Unfit
from app.settings import ROOT

SECONDS = 10


async def run(module: str, data: bytes, *arguments: str) -> bytes:
    """What `app.cards.<module>` makes of `data`. Raises Unfit when it makes nothing of it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"app.cards.{module}",
        *arguments,
        cwd=ROOT,
        env={},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(SECONDS):
            made, _ = await process.communicate(data)
    except TimeoutError:
        raise Unfit(f"{module} took too long") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise Unfit(f"{module} gave up with {process.returncode}")
    return made
