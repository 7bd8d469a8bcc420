"""How fast pairs are made, how many at the first try, and how long the rest takes. Counters only; times are given.

Durations are monotonic seconds. What is counted is of this run of the station.
"""

from __future__ import annotations

from collections import deque

BUCKET_S = 300.0
"""The width of one of the buckets that a view shows."""
BUCKETS = 12
"""An hour of them."""
WINDOW_S = 600.0
"""The present pace is that of so long."""
AT_LEAST = 3
"""Pairs below which there is no pace to speak of."""


class Pace:
    """Counts pairs, and the keys that were tried. A key is known by its UID, or by its number where it has no other."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()
        self._buckets: dict[int, int] = {}
        self._tried: set[str] = set()
        self._first: set[str] = set()
        self._key_of: dict[str, str] = {}
        self._nameless = 0

    def begin(self) -> None:
        """A shift begins: the yield is counted anew. The pace is not."""
        self._tried.clear()
        self._first.clear()
        self._key_of.clear()
        self._nameless = 0

    def paired(self, uid: str, number: str, at: float) -> None:
        """A pair is on the disc."""
        self._times.append(at)
        bucket = int(at // BUCKET_S)
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1
        for old in [one for one in self._buckets if one <= bucket - BUCKETS]:
            del self._buckets[old]
        self._key_of[number] = uid
        if uid in self._tried:
            self._first.discard(uid)
        else:
            self._tried.add(uid)
            self._first.add(uid)

    def undone(self, uid: str) -> None:
        """A pair was taken back: it was none at the first try."""
        self._first.discard(uid)

    def put_aside(self, uid: str, number: str) -> None:
        """A key was rejected; either may be empty."""
        key = uid or self._key_of.get(number, number)
        if not key:
            self._nameless += 1
            return
        self._tried.add(key)
        self._first.discard(key)

    def rates(self, now: float) -> tuple[int, ...]:
        """Pairs in each five minutes of the last hour, oldest first; the last five minutes are those under way."""
        newest = int(now // BUCKET_S)
        return tuple(self._buckets.get(bucket, 0) for bucket in range(newest - BUCKETS + 1, newest + 1))

    @property
    def first_pass_yield(self) -> float | None:
        """Keys that became a pair at the first try and stayed one, of all that were tried; None before the first."""
        tried = len(self._tried) + self._nameless
        return len(self._first) / tried if tried else None

    def left_s(self, left: int | None, now: float) -> float | None:
        """How long so many more take at the present pace; None where nobody can say."""
        while self._times and self._times[0] < now - WINDOW_S:
            self._times.popleft()
        if left is None or (left and len(self._times) < AT_LEAST):
            return None
        if not left:
            return 0.0
        # From the first pair of the window on: before it nobody was at work, or on other work.
        return left * (now - self._times[0]) / (len(self._times) - 1) if now > self._times[0] else None
