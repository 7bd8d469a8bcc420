"""The undo window of entries, measured on the monotonic clock. Pure: the clock is the caller's.

Entries are numbered in order of commit, so one pair (newest number, when it was seen) speaks for all entries up to
that number that were not seen before. What is remembered is bounded by the sightings within one window, not by the
entries of the journal.
"""

from __future__ import annotations

import math
from collections import deque


class Holds:
    """Up to which number the window has passed. Entries found at start count from when they are first seen."""

    def __init__(self, hold_s: float) -> None:
        self._hold_s = hold_s
        self._sightings: deque[tuple[int, float]] = deque()
        self._ripe = 0
        self._newest = 0

    @property
    def newest(self) -> int:
        """The highest number seen so far, 0 before any."""
        return self._newest

    def seen(self, number: int, now: float) -> bool:
        """Entries up to `number` are there now; true if that is news. Numbers seen before keep their time."""
        if number <= self._newest:
            return False
        self._newest = number
        # Windows that have passed are forgotten here too, for a courier that never asks because it sends nothing.
        self.ripe(now)
        self._sightings.append((number, now))
        return True

    def ripe(self, now: float) -> int:
        """The highest number whose window has passed: it and all below may be sent."""
        while self._sightings and self._sightings[0][1] + self._hold_s <= now:
            self._ripe = self._sightings.popleft()[0]
        return self._ripe

    def next_at(self) -> float:
        """When the next window passes; inf when none is open."""
        return self._sightings[0][1] + self._hold_s if self._sightings else math.inf
