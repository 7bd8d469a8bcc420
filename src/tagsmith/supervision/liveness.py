"""Whether what must turn has turned. Pure: whoever looks brings the time, and when each thing last turned."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

PUMP_S = 15.0
"""A reader's or scanner's thread that has not turned for so long hangs: it waits two seconds at most, and opening the
slowest reader takes a few."""
PUMP_AT_LEAST_S = 3.0
"""No pump is asked to turn faster than this, however short the watchdog's time is."""
JOURNAL_S = 60.0
"""So long a commit may take: a server that went away is given up after 25 s, a lock of another's after 30 s."""


@dataclass(frozen=True, slots=True)
class Beat:
    """Something that must turn: its name for people, when it last did (monotonic seconds), and how long it may take."""

    name: str
    at: float
    limit_s: float


def late(now: float, beats: Iterable[Beat]) -> tuple[str, ...]:
    """The names of those that have not turned within their limits."""
    return tuple(beat.name for beat in beats if now - beat.at > beat.limit_s)


def alive(now: float, beats: Iterable[Beat]) -> bool:
    """Whether every one of them turns."""
    return not late(now, beats)


def pump_limit_s(watchdog_s: float | None) -> float:
    """How long a pump may take where the service manager waits for `watchdog_s`."""
    return PUMP_S if watchdog_s is None else min(PUMP_S, max(PUMP_AT_LEAST_S, watchdog_s))
