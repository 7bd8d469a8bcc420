"""httpx without its own command line, for which it would load rich, pygments and click: as long as all else of it."""

from __future__ import annotations

import sys

# To a module that stands here as nothing httpx has an answer: it then works without.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

import httpx  # noqa: E402

__all__ = ["httpx"]
