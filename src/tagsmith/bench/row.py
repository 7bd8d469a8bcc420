"""Keys that a lane refused one after the other: keys, not scans. Pure; times are given, monotonic seconds.

A key is known by its UID. Where a refusal brings none, it is of the key that was refused last, if that has none
either, or it is a key of its own: what lies on a reader and cannot be read is one at each time that it is laid there,
and a number without its key is that of the key before it, if that has none, else a key until its own is tapped.
"""

from __future__ import annotations

from dataclasses import dataclass

from tagsmith.uid import Uid

SAME_LAYING_S = 1.5
"""So soon after one another, two refusals of something that has no UID are of one laying."""


@dataclass
class _Key:
    uid: Uid | None
    number: str
    at: float
    open: bool = True
    """More refusals may be of it: it was not put aside, and no other key came after it."""


class Row:
    """The keys that were refused, or put aside, since the lane's last pair."""

    def __init__(self) -> None:
        self._keys: list[_Key] = []

    def __len__(self) -> int:
        """How many there are."""
        return len(self._keys)

    def end(self) -> None:
        """A pair was made, or somebody lets the lane go on."""
        self._keys.clear()

    @property
    def last(self) -> tuple[Uid | None, str]:
        """UID and number of the key that was refused last, as far as they are known; of none once it was put aside."""
        if self._keys and self._keys[-1].open:
            return self._keys[-1].uid, self._keys[-1].number
        return None, ""

    def refuse(self, at: float, uid: Uid | None = None, number: str = "") -> None:
        """A refusal; of something that can only be seen to lie there where neither is given."""
        self._count(at, uid, number)

    def put_aside(self, at: float, uid: Uid | None = None, number: str = "") -> None:
        """A person puts a key aside: it counts once, too, and nothing that comes later is about it."""
        self._count(at, uid, number, by_hand=True)
        self._keys[-1].open = False

    def _count(self, at: float, uid: Uid | None, number: str, *, by_hand: bool = False) -> None:
        last = self._keys[-1] if self._keys and self._keys[-1].open else None
        if uid is not None:
            known = next((key for key in self._keys if key.uid == uid), None)
            if known is None and last is not None and last.uid is None and number in ("", last.number or number):
                known = last
        elif number:
            known = next((key for key in self._keys if key.number.casefold() == number.casefold()), None)
            if known is None and last is not None and not last.number:
                known = last
        elif last is not None and last.uid is None and (by_hand or at - last.at < SAME_LAYING_S):
            known = last
        else:
            known = None
        if known is None:
            known = _Key(uid, number, at)
        else:
            self._keys.remove(known)
            known.uid, known.number, known.at = uid or known.uid, number or known.number, at
            known.open = known.open or uid is not None
        self._keys.append(known)
