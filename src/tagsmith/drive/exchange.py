"""What an observer is told of an exchange: when it was, and what the API's own clock said. Pure.

The endpoints answer with what was asked for; the times of an exchange go beside them, to whoever keeps the API's clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request of which the head of an answer came back.

    The API's clock stood somewhere within the second that begins at `date` at a moment between `sent_at` and
    `answered_at`; unless somebody in between wrote the answer, as a captive portal does, or kept one (`date` is old).
    """

    sent_at: float
    """Seconds of the monotonic clock, before the request was handed on; waiting for a connection counts in."""
    answered_at: float
    """Seconds of the monotonic clock, when the answer's head was there; its body may never have come."""
    status: int
    date: datetime | None
    """The answer's `Date` header in UTC; None where it has none, or nonsense."""


Observer = Callable[[Exchange], None]
"""Called within the event loop, for each exchange as soon as an answer's head is there; it must be quick.

What it raises is logged and changes no outcome.
"""
