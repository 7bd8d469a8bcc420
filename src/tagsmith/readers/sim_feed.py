"""Hands that lay keys on the simulated reader, pull its cable and make it fail."""

from __future__ import annotations

import heapq
import itertools
import math
import threading
import time
from collections.abc import Callable

from tagsmith.errors import (
    ConfigError,
    ReaderBusy,
    ReaderError,
    ReaderForbidden,
    ReaderLost,
    ReaderMissing,
    ReaderUnsupported,
    UidError,
)
from tagsmith.model import Field, Tag
from tagsmith.uid import Technology, Uid

LIFT_S = 0.3
"""How long a hand needs to lift a key and lay the same one again."""

FAULTS: dict[str, tuple[type[ReaderError], str, str]] = {
    "missing": (ReaderMissing, "the simulated reader is not there", "wait for the scenario to plug it in"),
    "forbidden": (ReaderForbidden, "the simulated reader may not be opened", "wait for the scenario to allow it"),
    "busy": (ReaderBusy, "somebody else holds the simulated reader", "wait for the scenario to free it"),
    "lost": (ReaderLost, "the simulated reader went away", "wait for the scenario to bring it back"),
    "unsupported": (ReaderUnsupported, "the simulated reader cannot do this", "wait for the scenario to change it"),
}
NO_FAULT = "none"
WEDGED = "wedged"
"""The thread that looks hangs, as in a driver that never returns: it raises nothing and obeys nobody."""


class SimFeed:
    """Hands that lay keys on the simulated reader. Every method may be called from any thread and never blocks.

    It is a place with a state, not a queue: a key that is laid and taken away before the reader looks was not there.
    Keys are named by their UID in hex, uid0 first.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._tags: tuple[Tag, ...] = ()
        self._before: tuple[Tag, ...] = ()
        self._lifted_at = float("-inf")
        self._count = 0
        self._fault = ""
        self._wedged_until = 0.0
        self._due: list[tuple[float, int, tuple[Tag, ...]]] = []
        self._numbers = itertools.count()

    def put(self, *uids: str | Uid) -> None:
        """Lay one key on the reader, or two; what lies there is taken away first. The same again takes `LIFT_S`.

        Raises:
            UidError: not one or two different UIDs.
        """
        tags = tuple(tag_of(uid) for uid in uids)
        if len(set(tags)) != len(tags) or len(tags) not in (1, 2):
            raise UidError("one or two different keys can lie on the simulated reader")
        with self._changed:
            self._due.clear()
            now = self._clock()
            if tags == self._tags:
                self._lay((), now)
            if tags == self._before and now < self._lifted_at + LIFT_S:
                heapq.heappush(self._due, (self._lifted_at + LIFT_S, next(self._numbers), tags))
            else:
                self._lay(tags, now)
            self._changed.notify_all()

    def remove(self) -> None:
        """Take everything away."""
        with self._changed:
            self._due.clear()
            self._lay((), self._clock())
            self._changed.notify_all()

    def unplug(self) -> None:
        """Pull the reader's cable: it is lost, and missing until `plug`."""
        self.fail("missing")

    def plug(self) -> None:
        """Put the cable back, and end any fault."""
        self.fail(NO_FAULT)

    def fail(self, fault: str) -> None:
        """Let the reader fail from now on (`missing`, `forbidden`, `busy`, `lost`, `unsupported`), hang (`wedged`), or
        neither any more (`none`).

        Raises:
            ConfigError: no such fault.
        """
        if fault == WEDGED:
            self.wedge()
            return
        if fault != NO_FAULT and fault not in FAULTS:
            raise ConfigError(f"{fault!r} is no fault", f"one of {', '.join([*FAULTS, WEDGED, NO_FAULT])}")
        with self._changed:
            self._fault = "" if fault == NO_FAULT else fault
            self._wedged_until = 0.0
            self._changed.notify_all()

    def wedge(self, for_s: float = math.inf) -> None:
        """Let the thread of the reader hang at its next look, for so long, whatever it is told; `plug` frees it."""
        with self._changed:
            self._wedged_until = self._clock() + for_s
            self._changed.notify_all()

    def notify(self) -> None:
        """End a wait under way."""
        with self._changed:
            self._changed.notify_all()

    def wait(self, done: Callable[[], bool], timeout_s: float) -> None:
        """Block until `done`, which is looked at after every change, or for the time given."""
        deadline = self._clock() + timeout_s
        with self._changed:
            while not done() and (left := deadline - self._clock()) > 0:
                self._advance()
                if self._due:
                    left = min(left, max(0.0, self._due[0][0] - self._clock()))
                self._changed.wait(left)

    def look(self, *, opening: bool) -> Field:
        """What lies on the reader now.

        Raises:
            ReaderError: the fault that was asked for; what is missing was lost if the reader was open.
        """
        with self._changed:
            while (left := self._wedged_until - self._clock()) > 0:
                self._changed.wait(min(left, 1.0))
            self._advance()
            if self._fault:
                kind, message, remedy = FAULTS[self._fault]
                raise (kind if opening else ReaderLost)(message, remedy)
            return Field(self._tags, self._count) if self._tags else Field()

    def _advance(self) -> None:
        now = self._clock()
        while self._due and self._due[0][0] <= now:
            _, _, tags = heapq.heappop(self._due)
            self._lay(tags, now)

    def _lay(self, tags: tuple[Tag, ...], now: float) -> None:
        if self._tags:
            self._before, self._lifted_at = self._tags, now
        if tags or self._tags:
            self._count += 1
        self._tags = tags


def tag_of(uid: str | Uid) -> Tag:
    value = uid if isinstance(uid, Uid) else Uid.from_hex(uid, technology=Technology.ISO14443A)
    return Tag(value, raw=value.wire)
