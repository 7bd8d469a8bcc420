"""No more requests than this station's share, in any clock minute and any UTC day of the API. Pure.

The API allows an organisation 3,000 requests in a clock minute and 1,000,000 in a UTC day, shared by all its stations
(fair-usage policy); this keeps one station to its share by design. When a request counts at the API is known only
within the time that it took and what is known of the API's clock: it is counted in every minute it may fall into. As
long as nothing is known of that clock, a sliding window holds for every minute, wherever the API's begin.
"""

from __future__ import annotations

from collections import Counter, deque
from datetime import UTC, datetime

from tagsmith.courier.api_clock import MINUTE_S, ApiClock

WINDOW_S = 60.5
"""A little over a minute: two requests may come nearer to each other on the wire than they were sent."""
DAY_S = 86_400.0


class Limiter:
    """Counts requests as they leave, failed ones too. Times are seconds of one monotonic clock.

    `per_day` None means that nobody counts days. Without a `clock`, or until that knows the API's time, the minute is
    a sliding window, and the day is the one of `utcnow`, which is given where it is needed.
    """

    def __init__(
        self, per_minute: int, per_day: int | None = None, *, clock: ApiClock | None = None, window_s: float = WINDOW_S
    ) -> None:
        if per_minute < 1 or (per_day is not None and per_day < 1):
            raise ValueError("at least one request per minute and day")
        self._per_minute = per_minute
        self._per_day = per_day
        self._clock = clock or ApiClock()
        self._window_s = window_s
        self._sent: deque[float] = deque(maxlen=per_minute)
        self._under_way: dict[int, float] = {}
        self._ended: deque[tuple[float, float]] = deque()
        """Start and end of the requests that no minute has counted yet: the API's time was not known."""
        self._minutes: Counter[int] = Counter()
        self._tickets = 0
        self._day = ""
        self._of_day = 0
        self._unrecorded = 0

    # --- minutes -------------------------------------------------------------------------------------------------

    def wait_s(self, now: float, *, ahead: int = 0) -> float:
        """Seconds until one more request may leave, when `ahead` others are about to; 0 when it may leave now.

        With `ahead` at the limit or over it there is no time to name: a whole window is answered, ask again then.
        """
        if ahead >= self._per_minute:
            return self._window_s
        if self._clock.known:
            return self._wait_for_minute_s(now, ahead)
        # The request that has to be out of the window for this one to go, if there were so many.
        index = len(self._sent) - self._per_minute + ahead
        return 0.0 if index < 0 else max(0.0, self._sent[index] + self._window_s - now)

    def _wait_for_minute_s(self, now: float, ahead: int) -> float:
        earliest, latest = self._clock.span(now, now)
        first, last = int(earliest // MINUTE_S), int(latest // MINUTE_S)
        self._forget(first)
        for minute in range(last, first - 1, -1):
            if self._counted(minute) + ahead >= self._per_minute:
                # Until it is a later minute for certain.
                return (minute + 1) * MINUTE_S - earliest
        return 0.0

    def _counted(self, minute: int) -> int:
        """How many requests this minute may hold at the most, by what is known."""
        end = (minute + 1) * MINUTE_S
        open_ = sum(self._clock.span(start, start)[0] < end for start in self._under_way.values())
        return self._minutes[minute] + open_

    def take(self, now: float) -> int:
        """A request leaves now; gives its ticket, for `ended`."""
        self._sent.append(now)
        self._tickets += 1
        self._under_way[self._tickets] = now
        self._of_day += 1
        self._unrecorded += 1
        return self._tickets

    def ended(self, ticket: int, now: float) -> None:
        """The request of this ticket was answered, or given up."""
        started = self._under_way.pop(ticket)
        self._ended.append((started, now))
        while self._clock.known and self._ended:
            earliest, latest = self._clock.span(*self._ended.popleft())
            for minute in range(int(earliest // MINUTE_S), int(latest // MINUTE_S) + 1):
                self._minutes[minute] += 1
        while self._ended and self._ended[0][1] < now - 2 * self._window_s:
            self._ended.popleft()

    def _forget(self, minute: int) -> None:
        """Drop what no decision asks for any more."""
        for past in [one for one in self._minutes if one < minute]:
            del self._minutes[past]

    # --- days ----------------------------------------------------------------------------------------------------

    def day(self, now: float, utcnow: datetime) -> str:
        """The API's day (ISO date, UTC), as far as it is known; a new one begins with nothing counted."""
        day = (self._clock.utc(now) or utcnow).astimezone(UTC).date().isoformat()
        if day != self._day:
            self._day, self._of_day = day, 0
        return day

    def resume(self, day: str, made: int) -> None:
        """Take in what the station has asked on this day so far, as recorded: by others before, and by this process.

        It is told at each beginning of a delivery, so what is counted here already is not counted again.
        """
        if day == self._day:
            self._of_day = max(self._of_day, made + self._unrecorded)

    def wait_for_day_s(self, now: float, utcnow: datetime) -> float:
        """Seconds until the day's share allows one more request; 0 while it does."""
        self.day(now, utcnow)
        if self._per_day is None or self._of_day < self._per_day:
            return 0.0
        into_day_s = (self._clock.utc(now) or utcnow).timestamp() % DAY_S
        # A little later, so that the day is a new one for certain.
        return DAY_S - into_day_s + 1.0

    def unrecorded(self) -> int:
        """How many requests have left since this was last asked: what is to be recorded of the day's share."""
        count, self._unrecorded = self._unrecorded, 0
        return count
