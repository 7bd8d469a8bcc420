"""Whether refusals in a row are a reason to stop asking. Pure.

A validity that is wrong for the whole batch, or a gateway that answers 400 to everything, would burn one entry after
the other: each refused pair needs a person. So ten first attempts refused with 400 in a row pause delivery, with the
rest queued, until a person has dealt with one of them. No more than ten are ever spent: the nearer they come, the
fewer requests are under way at once.
"""

from __future__ import annotations

from collections.abc import Iterable

from tagsmith.model import LegState, Record

REFUSALS = 10
"""First attempts refused in a row that pause delivery."""
BAD_REQUEST = 400


class Caution:
    """The refusals in a row so far."""

    def __init__(self) -> None:
        self._refused: list[str] = []

    @property
    def room(self) -> int:
        """How many first attempts may be under way at most; 0 while delivery is paused."""
        return REFUSALS - len(self._refused)

    @property
    def refused(self) -> tuple[str, ...]:
        """The ids of the refused entries in a row, of which one must be dealt with while delivery is paused."""
        return tuple(self._refused)

    def start(self, newest: Iterable[Record]) -> None:
        """Take in how an earlier process left off: the entries attempted last, newest first."""
        streak: list[str] = []
        for record in newest:
            if not is_refused(record):
                break
            streak.append(record.entry.id)
        self._refused = streak[:REFUSALS]

    def settled(self, record: Record) -> None:
        """Take in a reservation that was settled."""
        if is_refused(record):
            if record.entry.id not in self._refused and self.room:
                self._refused.append(record.entry.id)
        elif record.reservation.state is LegState.DONE:
            # The API takes what we send: the others were their own fault.
            self._refused.clear()

    def resume(self) -> None:
        """A person has dealt with one of them."""
        self._refused.clear()

    def trouble(self) -> str:
        """What to tell a person while delivery is paused; empty while it is not."""
        if self.room:
            return ""
        return (
            f"{REFUSALS} pairs in a row were refused by the API (400), the rest waits: see why (tagsmith journal list"
            " --state refused), then retry, correct or void one of them"
        )


def is_refused(record: Record) -> bool:
    """Whether the first attempt of an entry was refused with 400 and nobody has dealt with that."""
    leg = record.reservation
    return record.mark is None and leg.state is LegState.REFUSED and leg.status == BAD_REQUEST and leg.attempts == 1
