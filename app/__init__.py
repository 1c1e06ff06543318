"""Parley.

Looking for garbage after every 700 new objects, as Python does, would take a tenth of a start, which makes many and
drops few.
"""

from __future__ import annotations

import gc

gc.set_threshold(50_000, 20, 50)
