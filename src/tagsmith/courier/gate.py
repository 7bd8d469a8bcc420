"""Whether the API is to be spoken to at all just now. Pure: the clock is the caller's.

One gate stands before all entries. An API that is down costs a probe now and then, not a storm: as soon as it cannot
be reached, or has left several requests in a row without an answer, sending pauses with growing, jittered pauses, and
after each pause one request alone tries, until an answer comes. That also keeps an outage from turning every waiting
entry into one whose outcome is unknown. A 429 pauses all sending until the limit opens.
"""

from __future__ import annotations

import math
import random
from datetime import datetime

from tagsmith.courier.policy import LIMIT_STREAK, Reach, backoff_s, limit_pause_s

SILENT_STREAK = 3
"""So many requests in a row without a trustworthy answer are taken for an outage; fewer may be one bad entry."""
DOWN_PAUSES = 3
"""So many pauses in a row without an answer: whoever cannot wait for ever may give up."""
LONG_PAUSE_S = 120.0
"""A limit that opens later than this is not worth waiting for, for whoever cannot wait for ever."""


class Gate:
    """Open, paused, or open for one probe. Times are seconds of one monotonic clock."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._silent = 0
        self._pauses = 0
        self._limited = 0
        self._probing = False
        self._silent_until = -math.inf
        self._limited_until = -math.inf
        self._judged_at = -math.inf
        self._words = ""
        self._since: datetime | None = None

    def wait_s(self, now: float, under_way: int) -> float:
        """Seconds until a request may leave, with `under_way` others out; inf while a probe has to answer first."""
        until = max(self._silent_until, self._limited_until)
        if now < until:
            return until - now
        return math.inf if self._probing and under_way else 0.0

    def learn(
        self,
        reach: Reach,
        *,
        sent_at: float,
        now: float,
        utcnow: datetime,
        retry_after_s: float | None = None,
        trouble: str = "",
    ) -> None:
        """Take in one outcome, of a request that left at `sent_at`; `trouble` is its words where it is bad news.

        Bad news from requests that left before the last pause began is no further news: they all failed together.
        """
        stale = sent_at < self._judged_at
        self._words = trouble or self._words
        match reach:
            case Reach.ANSWERS:
                self._there()
                # An answer to a request from before the 429 does not say that the limit has opened.
                if not stale:
                    self._limited = 0
                self._probing = self._limited > 0
                if not self._limited:
                    self._since = None
            case Reach.LIMITED:
                self._there()
                if not stale:
                    self._limited += 1
                pause_s = limit_pause_s(retry_after_s, streak=max(self._limited, 1), utcnow=utcnow, rng=self._rng)
                self._limited_until = max(self._limited_until, now + pause_s)
                self._since = self._since or utcnow
                self._probing = True
                self._judged_at = now
            case Reach.SILENT | Reach.UNREACHABLE if not stale:
                self._silent += 1
                if self._probing or reach is Reach.UNREACHABLE or self._silent >= SILENT_STREAK:
                    self._pauses += 1
                    self._since = self._since or utcnow
                    self._silent_until = now + backoff_s(self._pauses, self._rng)
                    self._probing = True
                    self._judged_at = now

    def trouble(self) -> str:
        """What stands in the way, in plain words; empty when nothing does."""
        if self._limited:
            return f"the API limits requests {self._how_long()}, sending pauses until the limit opens: {self._words}"
        if self._pauses:
            words = f"the API cannot be reached or does not answer {self._how_long()}, it is tried again by itself"
            return f"{words}: {self._words}"
        return ""

    def _how_long(self) -> str:
        """Since when, in local time as people read it."""
        return "" if self._since is None else f"since {self._since.astimezone():%Y-%m-%d %H:%M}"

    def given_up(self, now: float) -> bool:
        """Whether waiting for the API has become a matter of patience: see `DOWN_PAUSES` and `LONG_PAUSE_S`."""
        far = self._limited_until - now > LONG_PAUSE_S
        return self._pauses >= DOWN_PAUSES or self._limited >= LIMIT_STREAK or far

    def _there(self) -> None:
        """The API answered something, so it can be reached."""
        self._silent = self._pauses = 0
        self._silent_until = -math.inf
