"""A check under way on a lane: its keys are tapped again, one after the other, and the number of each is scanned."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

from tagsmith.production import BatchKey
from tagsmith.uid import Uid


class Asked(enum.StrEnum):
    """Why there is a check."""

    SAMPLE = "sample"
    """The batch asks for it: its first key, every so many, its last."""
    RUN = "run"
    """A person wants the whole run looked at."""
    LAST = "last"
    """The batch is to be closed."""


class Outcome(enum.StrEnum):
    """What a tap or a scan comes to in a check."""

    GOES_ON = "goes-on"
    """It is as it should be; there is more to do."""
    PASSED = "passed"
    """It is as it should be, and was the last."""
    FAILED = "failed"
    """It is another key, or another number."""
    TAP_FIRST = "tap-first"
    """A number came before its key."""


@dataclass(frozen=True, slots=True)
class Check:
    """A check: the `keys` to look at in this order, and the entries it `covers` when it has passed.

    `place` is the key that is looked at now; `tapped` whether it was tapped and its number is awaited.
    """

    asked: Asked
    keys: tuple[BatchKey, ...]
    covers: tuple[str, ...]
    place: int = 0
    tapped: bool = False

    @property
    def key(self) -> BatchKey:
        """The key that is looked at now."""
        return self.keys[self.place]

    def tap(self, uid: Uid) -> tuple[Check, Outcome]:
        """A key was tapped."""
        if uid != self.key.uid:
            return self.again(), Outcome.FAILED
        return replace(self, tapped=True), Outcome.GOES_ON

    def scan(self, number_key: str) -> tuple[Check, Outcome]:
        """A number was scanned."""
        if not self.tapped:
            return self, Outcome.TAP_FIRST
        if number_key != self.key.number_key:
            return self.again(), Outcome.FAILED
        if self.place + 1 == len(self.keys):
            return self, Outcome.PASSED
        return replace(self, place=self.place + 1, tapped=False), Outcome.GOES_ON

    def again(self) -> Check:
        """The key that is looked at is to be tapped anew."""
        return replace(self, tapped=False)

    def without(self, entry: str) -> Check | None:
        """The check after an entry was taken back; None where nothing is left to look at."""
        if all(key.entry != entry for key in self.keys):
            return replace(self, covers=tuple(one for one in self.covers if one != entry))
        place = sum(1 for key in self.keys[: self.place] if key.entry != entry)
        keys = tuple(key for key in self.keys if key.entry != entry)
        covers = tuple(one for one in self.covers if one != entry)
        if place >= len(keys):
            return None
        return replace(self, keys=keys, covers=covers, place=place, tapped=False)
