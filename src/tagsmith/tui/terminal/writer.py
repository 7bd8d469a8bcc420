"""What goes out to the terminal, from a thread of its own, so that nobody ever waits for a terminal that does not read.

Textual's own writer makes the event loop wait after 30 writes: an ssh connection that hangs, or Ctrl-S, and the
screen takes no scan any more and cannot even be ended. This one drops whole frames instead and asks for a fresh one
when the terminal reads again.
"""

from __future__ import annotations

import os
import select
import threading
from collections import deque
from collections.abc import Callable

LIMIT_BYTES = 65_536
"""What may wait for the terminal; some frames, or one of the largest screen and changes to it."""


class Writer(threading.Thread):
    """Writes text to the terminal `fd`. Every public method may be called from any thread and returns at once.

    `on_gap` is called on the writer's thread when the terminal has caught up after frames had to be dropped.
    """

    def __init__(
        self, fd: int, on_gap: Callable[[], None], *, encoding: str = "utf-8", limit: int = LIMIT_BYTES
    ) -> None:
        super().__init__(daemon=True, name="tagsmith-screen-output")
        self._fd = fd
        self._on_gap = on_gap
        self._encoding = encoding
        self._limit = limit
        self._changed = threading.Condition()
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._gap = False
        self._urgent = False
        self._ending = False
        self._lost = False

    def write(self, text: str) -> None:
        """Have the text written, whole or not at all."""
        data = text.encode(self._encoding, "replace")
        with self._changed:
            if self._lost or self._ending:
                return
            if self._size + len(data) > self._limit and self._waiting and not self._urgent:
                self._gap = True
                return
            self._waiting.append(data)
            self._size += len(data)
            self._changed.notify()

    def last_words(self) -> None:
        """What is written from now on puts the terminal back in order: none of it is dropped, frames before it are."""
        with self._changed:
            self._urgent = True
            if self._gap:
                self._waiting.clear()
                self._size = 0

    def stop(self, timeout_s: float) -> bool:
        """End the thread when all is written, or leave it behind at the timeout. Whether all was written."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        if self.is_alive():
            self.join(timeout_s)
        return not self.is_alive()

    def run(self) -> None:
        """Write what waits until told to stop, or until the terminal is gone."""
        while (chunk := self._next()) is not None:
            if not self._write_all(chunk):
                with self._changed:
                    self._lost = True
                    self._waiting.clear()
                return
            self._written(len(chunk))

    def _next(self) -> bytes | None:
        with self._changed:
            while not self._waiting:
                if self._ending:
                    return None
                self._changed.wait()
            return self._waiting.popleft()

    def _written(self, size: int) -> None:
        with self._changed:
            # Frames may have been thrown away meanwhile, so the account is never less than nothing.
            self._size = max(self._size - size, 0)
            caught_up = self._gap and not self._waiting and not self._ending
            if caught_up:
                self._gap = False
        if caught_up:
            self._on_gap()

    def _write_all(self, data: bytes) -> bool:
        """Whether all of it was written. Plain file descriptors: a buffered file would hold its lock at the exit."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._fd, rest) :]
            except BlockingIOError:
                # Somebody who shares the terminal has set it to non-blocking.
                select.select([], [self._fd], [])
            except OSError:
                return False
        return True
