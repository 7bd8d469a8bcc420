"""The last lines of the log, for the log screen; and the log's silence on a terminal that the screen has taken."""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LINES = 500

# Nothing of ours logs a key; a library's debug output might show a header.
_SECRET = re.compile(r"(?i)\b(x-api-key|api[-_ ]?key|authorization|password|token)(['\"]?\s*[:=]\s*)(['\"]?)[^\s'\",]+")


class LogRing(logging.Handler):
    """Keeps the last lines from INFO upwards. Tracebacks are kept as far as logging gives them: without locals."""

    def __init__(self, lines: int = LINES) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S"))
        self._lines: deque[str] = deque(maxlen=lines)
        self._guard = threading.Lock()
        self._follower: Callable[[], None] | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one record and tell the follower; never raises, as logging wants it."""
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001  (a malformed log call must not end whoever made it)
            self.handleError(record)
            return
        with self._guard:
            self._lines.extend(_SECRET.sub(r"\1\2\3***", line) for line in text.split("\n"))
            follower = self._follower
        if follower is not None:
            follower()

    def lines(self) -> tuple[str, ...]:
        """What is kept, oldest first."""
        with self._guard:
            return tuple(self._lines)

    def follow(self, follower: Callable[[], None] | None) -> None:
        """Call this, from whatever thread logs, after each record; None ends it. It must not block."""
        with self._guard:
            self._follower = follower


@contextmanager
def log_off_the_terminal(ring: LogRing) -> Iterator[None]:
    """Send the log to the ring instead of to the terminal while the screen has it; log files stay as they are."""
    root, ours = logging.getLogger(), logging.getLogger("tagsmith")
    silenced = [handler for handler in root.handlers if _writes_to_terminal(handler)]
    level = ours.level
    for handler in silenced:
        root.removeHandler(handler)
    root.addHandler(ring)
    if ours.getEffectiveLevel() > logging.INFO:
        ours.setLevel(logging.INFO)
    try:
        yield
    finally:
        ours.setLevel(level)
        root.removeHandler(ring)
        for handler in silenced:
            root.addHandler(handler)


def _writes_to_terminal(handler: logging.Handler) -> bool:
    if not isinstance(handler, logging.StreamHandler) or isinstance(handler, logging.FileHandler):
        return False
    if handler.stream not in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        return False
    return bool(handler.stream.isatty())
