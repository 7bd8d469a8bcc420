"""The faults that are in force: which of them strike a request, and how often each has. Thread-safe; knows no HTTP."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from tagsmith.sandbox.faults import ANY, HANDSHAKE, Fault, Kind, parse

_WINDOW_S = {"min": 60, "day": 86_400}


@dataclass(frozen=True, slots=True)
class Struck:
    """What strikes one request: pauses before and after it is carried out, and at most one fault of another kind."""

    before_s: float = 0.0
    after_s: float = 0.0
    fault: Fault | None = None
    retry_after_s: int | None = None
    words: str = ""
    """All that struck, as people write it."""


_NOTHING = Struck()


@dataclass(frozen=True, slots=True)
class Listed:
    """A fault in force as it stands; `left` None: for ever."""

    id: int
    fault: Fault
    hits: int
    left: int | None


class _Armed:
    """One fault in force, with what it has seen so far."""

    def __init__(self, number: int, fault: Fault) -> None:
        self.id = number
        self.fault = fault
        self.seen = 0
        self.hits = 0
        # A generator of its own: what another fault draws does not change whom this one strikes.
        self._random = random.Random(fault.seed)
        self._window = -1
        self._taken = 0

    @property
    def left(self) -> int | None:
        return None if self.fault.times is None else self.fault.times - self.hits

    def strikes(self) -> bool:
        """Whether it strikes what comes now."""
        self.seen += 1
        if self.seen <= self.fault.skip:
            return False
        return self.fault.probability >= 1 or self._random.random() < self.fault.probability

    def opens_in_s(self, now: datetime) -> int | None:
        """Of a limit: None if there is room in this clock minute or day, else the seconds until there is."""
        length = _WINDOW_S[self.fault.per]
        at = int(now.timestamp())
        if at // length != self._window:
            self._window, self._taken = at // length, 0
        return None if self._taken < self.fault.most else length - at % length

    def take(self) -> None:
        """Of a limit: count a request. What any limit refuses is counted by none."""
        self._taken += 1


class Faults:
    """All faults in force, in the order in which they were ordered: of those that strike, the first does.

    Limits come before the others, and count what those strike too. Pauses add up and stand in nobody's way.
    """

    def __init__(self, faults: Iterable[Fault | str] = ()) -> None:
        self._lock = threading.Lock()
        self._armed: list[_Armed] = []
        self._ids = 0
        self._counts: Counter[str] = Counter()
        self.version = 0
        """Grows with every change."""
        for fault in faults:
            self.add(fault)

    def add(self, fault: Fault | str) -> int:
        """Order a fault; its number, by which it can be cleared.

        Raises:
            ConfigError: a spec that is not understood.
        """
        ordered = parse(fault) if isinstance(fault, str) else fault
        with self._lock:
            self._ids += 1
            self._armed.append(_Armed(self._ids, ordered))
            self.version += 1
            return self._ids

    def clear(self, number: int | None = None) -> int:
        """Take back one fault, or all of them; how many there were."""
        with self._lock:
            kept = [] if number is None else [armed for armed in self._armed if armed.id != number]
            cleared = len(self._armed) - len(kept)
            self._armed = kept
            self.version += 1
            return cleared

    @property
    def listed(self) -> tuple[Listed, ...]:
        """Those in force; one that has struck as often as it was to is not."""
        with self._lock:
            return tuple(Listed(armed.id, armed.fault, armed.hits, armed.left) for armed in self._armed)

    @property
    def counts(self) -> dict[str, int]:
        """How often each has struck since the start, by its spec; those that are no longer in force too."""
        with self._lock:
            return dict(self._counts)

    def draw(self, endpoint: str, now: datetime) -> Struck:
        """What strikes a request to this endpoint."""
        if not self._armed:
            return _NOTHING
        with self._lock:
            here = [armed for armed in self._armed if armed.fault.where in (endpoint, ANY)]
            fault, retry_after_s, words = self._limited(here, now)
            before_s = after_s = 0.0
            for armed in here:
                one = armed.fault
                if one.kind in (Kind.LIMIT, Kind.DUPLICATE):
                    continue
                if (fault is not None and one.kind is not Kind.LATENCY) or not armed.strikes():
                    continue
                if one.kind is not Kind.LATENCY:
                    fault, retry_after_s = one, one.retry_after_s
                elif one.after:
                    after_s += one.seconds
                else:
                    before_s += one.seconds
                words.append(self._hit(armed))
            return Struck(before_s, after_s, fault, retry_after_s, ", ".join(words)) if words else _NOTHING

    def _limited(self, here: Sequence[_Armed], now: datetime) -> tuple[Fault | None, int | None, list[str]]:
        """The limit that refuses a request, when it opens if that is to be said, and its spec."""
        limits = [armed for armed in here if armed.fault.kind is Kind.LIMIT]
        for armed in limits:
            opens_in_s = armed.opens_in_s(now)
            if opens_in_s is not None:
                said = None if armed.fault.retry_after_s is None else opens_in_s
                return armed.fault, said, [self._hit(armed)]
        for armed in limits:
            armed.take()
        return None, None, []

    def duplicate_status(self) -> int | None:
        """What a reservation that is a duplicate answers, if it was ordered."""
        fault = self._first("reserve", Kind.DUPLICATE)
        return None if fault is None else fault.status

    def handshake(self) -> str | None:
        """What a TLS handshake shows, if it was ordered."""
        fault = self._first(HANDSHAKE, Kind.HANDSHAKE)
        return None if fault is None else fault.to

    def _first(self, where: str, kind: Kind) -> Fault | None:
        with self._lock:
            for armed in self._armed:
                if armed.fault.where in (where, ANY) and armed.fault.kind is kind and armed.strikes():
                    self._hit(armed)
                    return armed.fault
        return None

    def _hit(self, armed: _Armed) -> str:
        """Count it, within the lock; its spec."""
        words = str(armed.fault)
        armed.hits += 1
        self._counts[words] += 1
        self.version += 1
        if armed.left == 0:
            # A new list: `draw` looks at the old one without the lock.
            self._armed = [one for one in self._armed if one is not armed]
        return words
