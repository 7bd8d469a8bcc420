"""The API's own clock, as its answers tell it. Pure.

The minute and the day that the fair-usage limit counts are the API's, and a station's own clock may be wrong (a
Raspberry Pi has none that runs without power). Each answer says which second it was at the API some time between the
request and the answer; many of them together say it within a few thousandths.
"""

from __future__ import annotations

from datetime import UTC, datetime

from tagsmith.drive import Exchange

MINUTE_S = 60.0
_RESOLUTION_S = 1.0
"""The `Date` header has no fractions (RFC 9110, 5.6.7)."""


class ApiClock:
    """Bounds of what must be added to the monotonic clock to have the API's, in seconds since the epoch (UTC).

    Until the first answer nothing is known. Answers that contradict one another (a clock was set) begin anew with the
    last. An answer that was kept somewhere on the way, or not the API's own, may mislead it: then 429 corrects.
    """

    def __init__(self) -> None:
        self._low: float | None = None
        self._high: float | None = None

    def observe(self, exchange: Exchange) -> None:
        """Take in one exchange."""
        if exchange.date is None:
            return
        stamp = exchange.date.timestamp()
        low, high = stamp - exchange.answered_at, stamp + _RESOLUTION_S - exchange.sent_at
        if self._low is not None and self._high is not None:
            narrow = max(low, self._low), min(high, self._high)
            if narrow[0] <= narrow[1]:
                low, high = narrow
        self._low, self._high = low, high

    @property
    def known(self) -> bool:
        """Whether any answer has told the time."""
        return self._low is not None

    def span(self, start: float, end: float) -> tuple[float, float]:
        """The earliest and the latest that the API's clock may have stood at between two moments of the monotonic one.

        Raises:
            ValueError: nothing is known yet.
        """
        if self._low is None or self._high is None:
            raise ValueError("no answer has told the API's time yet")
        return start + self._low, end + self._high

    def utc(self, now: float) -> datetime | None:
        """The API's time, within what is known of it; None where nothing is."""
        if self._low is None or self._high is None:
            return None
        return datetime.fromtimestamp(now + (self._low + self._high) / 2, UTC)
