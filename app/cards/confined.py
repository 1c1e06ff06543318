"""For processes that look into what strangers sent: the least that they need."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable

CPU_SECONDS = 4
MEMORY = 640 * 2**20


def confined(look: Callable[..., bytes]) -> None:
    """Write what `look` makes of the standard input and of the arguments; end with 1 when it raises."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(10)
    sys.stdout.buffer.write(look(sys.stdin.buffer.read(), *sys.argv[1:]))
