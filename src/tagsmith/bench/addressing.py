"""Which lane a scan is for.

A scanner that is bound to a lane feeds that lane only. One that is not serves the only lane there is; where there are
several, the lane's barcode must be scanned before each number, because a number must never land on a neighbour's key
just because his tap came first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Choice:
    lane: str
    at: float


class Addressing:
    """Remembers, per scanner, the lane whose barcode was scanned last: for one scan, and not for ever."""

    def __init__(self, lanes: Sequence[str], valid_s: float) -> None:
        self._lanes = tuple(lanes)
        self._valid_s = valid_s
        self._chosen: dict[str, _Choice] = {}

    def choose(self, scanner: str, lane: str, at: float) -> bool:
        """The next scan of this scanner is for that lane. False where nobody can tell, and nothing is chosen.

        Whatever types into the screen, or comes on standard input, is one source for us (an empty name) and may be
        several scanners: a second lane before the first one's number may be another person's.
        """
        former = self._chosen.pop(scanner, None)
        if not scanner and former is not None and former.lane != lane and at - former.at <= self._valid_s:
            return False
        self._chosen[scanner] = _Choice(lane, at)
        return True

    def forget(self, scanner: str) -> None:
        """Whatever was chosen with this scanner counts no more."""
        self._chosen.pop(scanner, None)

    def lane_of(self, scanner: str, bound: str | None, at: float) -> str | None:
        """The lane that a scan captured at `at` is for; None if nobody can say. Uses the choice up.

        `bound` is the lane that came with the scan: of a scanner's setting, or written in the line itself.
        """
        choice = self._chosen.pop(scanner, None)
        if bound is not None:
            return bound if bound in self._lanes else None
        if len(self._lanes) == 1:
            return self._lanes[0]
        if choice is not None and 0.0 <= at - choice.at <= self._valid_s:
            return choice.lane
        return None
