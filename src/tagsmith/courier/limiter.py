"""At most so many requests in any minute. Pure: the clock is the caller's.

The API allows an organisation 3,000 requests per clock minute, shared by all its stations; this keeps one station to
its share by design. A sliding window holds for every minute, whenever the server's minutes begin.
"""

from __future__ import annotations

from collections import deque

WINDOW_S = 60.5
"""A little over a minute: two requests may come nearer to each other on the wire than they were sent."""


class Limiter:
    """Counts requests as they leave, failed ones too. Times are seconds of one monotonic clock."""

    def __init__(self, per_minute: int, *, window_s: float = WINDOW_S) -> None:
        if per_minute < 1:
            raise ValueError("at least one request per minute")
        self._window_s = window_s
        self._sent: deque[float] = deque(maxlen=per_minute)
        self._per_minute = per_minute

    def wait_s(self, now: float, *, ahead: int = 0) -> float:
        """Seconds until one more request may leave, when `ahead` others are about to; 0 when it may leave now.

        With `ahead` at the limit or over it there is no time to name: the whole window is answered, ask again then.
        """
        if ahead >= self._per_minute:
            return self._window_s
        # The request that has to be out of the window for this one to go, if there were so many.
        index = len(self._sent) - self._per_minute + ahead
        return 0.0 if index < 0 else max(0.0, self._sent[index] + self._window_s - now)

    def take(self, now: float) -> None:
        """A request leaves now."""
        self._sent.append(now)
