"""Parley.

Looking for garbage after every 700 new objects, as Python does, would take nearly a third of a start, which makes
many and drops few: until it serves, it looks nearly never.
"""

from __future__ import annotations

import gc

gc.set_threshold(500_000, 20, 50)
