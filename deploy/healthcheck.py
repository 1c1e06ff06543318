"""Ends with 0 if Parley answers in this container: what its HEALTHCHECK runs."""

from __future__ import annotations

import os
import sys
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

port = os.environ.get("PARLEY_PORT") or "8000"
path = urlsplit(os.environ.get("PARLEY_BASE_URL", "")).path.rstrip("/")
direct = build_opener(ProxyHandler({}))  # whatever proxy the environment names for the way out

try:
    direct.open(f"http://127.0.0.1:{port}{path}/healthz", timeout=4)
except OSError as error:
    sys.exit(f"Parley does not answer: {error}")
