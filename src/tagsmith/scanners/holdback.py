"""Keys to a form or to a scan: tells a scanner that types from a person, where text fields have the focus. Pure.

A wedge scanner is a keyboard. On a screen without text fields every key belongs to a number (`buffer`); on a form a
scan must never land in a field, and what a person types there must never become a scan. So each printable key is held
back for a moment: a burst is a scan, whatever has the focus; anything slower is let go to the form.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from tagsmith.model import Scan, ScanFault
from tagsmith.scanners.buffer import BURST_S, SCANNER_LENGTH, Key, ScanBuffer, is_end, is_modifier, is_text

GAP_S = 0.040
"""Characters closer than this are a scanner's; four of them in a row no person types."""
HOLD_S = 0.060
"""So long a key is held back: longer than a gap, because a key may be handed over a little late."""
BEFORE_S = 0.150
"""A burst that begins this soon after typed characters may be their rest: a line that stalled. It is refused."""
STALL_S = 0.300
"""A burst that pauses this long without its end is a part of a scan: refused, whatever comes of it."""
REST_S = 1.000
"""What follows a refused part within this time is its rest, and taken with it."""


@dataclass(frozen=True, slots=True)
class Sorted:
    """What becomes of keys: those to be given to the form now, in order, and the scan that ended, if one did."""

    typed: tuple[Key, ...] = ()
    scan: Scan | None = None


class Holdback:
    """One stream of keys, sorted into what was typed and what was scanned.

    Four or more characters, none more than `gap_s` after the one before, are a scan from their first one on: its end
    (Enter, Tab), control keys among it, and its faults are those of `ScanBuffer`. With `silence_s` a scan may end by
    silence, for scanners that send no end; without, one that stalls is refused, and its rest is swallowed.

    A text that a terminal delivers at once, though a person typed it, looks like a scan. It is shown as a number then,
    and no number counts here before a person has confirmed it.

    Times are monotonic seconds. Not thread-safe. Nothing raises.
    """

    def __init__(self, *, gap_s: float = GAP_S, hold_s: float = HOLD_S, silence_s: float | None = None) -> None:
        self._gap_s = gap_s
        self._hold_s = hold_s
        self._silence_s = silence_s
        self._buffer = ScanBuffer(silence_s=silence_s)
        self._held: list[Key] = []
        self._typed_at = -math.inf
        self._scanning = False
        self._tainted = False
        self._refused = False
        self._last_at = -math.inf
        self._ended_at = -math.inf

    @property
    def waits_s(self) -> float | None:
        """After how long `tick` is to be called if no key comes; None when nothing waits."""
        if self._scanning:
            if self._silence_s is not None:
                return self._silence_s
            return REST_S if self._refused else STALL_S
        return self._hold_s if self._held else None

    def feed(self, key: Key) -> Sorted:
        """Take a key. What was held back comes out before it, or with it."""
        before = self.tick(key.time)
        after = self._scan(key) if self._scanning else self._sort(key)
        return Sorted(before.typed + after.typed, before.scan or after.scan)

    def tick(self, now: float) -> Sorted:
        """Time has passed: let go what no burst followed, end a scan that stalled."""
        if not self._scanning:
            due = bool(self._held) and now - self._held[-1].time >= self._hold_s
            return self._let_go() if due else Sorted()
        idle_s = now - self._last_at
        if self._refused:
            if idle_s >= REST_S:
                self._reset()
            return Sorted()
        if (scan := self._buffer.tick(now)) is not None:
            return self._end(scan)
        if self._silence_s is None and idle_s >= STALL_S:
            self._refused = True
            return Sorted(scan=Scan(self._buffer.text, self._last_at, "scanner", ScanFault.PARTIAL))
        return Sorted()

    def taint(self, time: float) -> None:
        """Something else took a key now: a burst right behind it may be the rest of its scan, and is refused."""
        self._typed_at = max(self._typed_at, time)

    def clear(self) -> None:
        """Drop what is held back and the scan under way (Esc)."""
        self._reset()

    def _reset(self) -> None:
        self._buffer.clear()
        self._held.clear()
        self._scanning = self._tainted = self._refused = False

    def _sort(self, key: Key) -> Sorted:
        """A key while no scan is under way."""
        # A second line end (CR LF) belongs to the scan.
        if is_modifier(key) or (is_end(key) and key.time - self._ended_at < BURST_S):
            return Sorted()
        last = self._held[-1] if self._held else None
        in_burst = last is not None and key.time - last.time < self._gap_s
        if not is_text(key):
            let_go = self._let_go()
            return Sorted((*let_go.typed, key))
        let_go = Sorted() if in_burst or last is None else self._let_go()
        if not self._held:
            self._tainted = key.time - self._typed_at < BEFORE_S
        self._held.append(key)
        if len(self._held) >= SCANNER_LENGTH:
            self._scanning, self._last_at = True, key.time
            for held in self._held:
                self._buffer.feed(held)
            self._held.clear()
        return let_go

    def _scan(self, key: Key) -> Sorted:
        """A key of a scan; one that the buffer does not want, as a person's Esc, goes to the form."""
        self._last_at = key.time
        taken, scan = self._buffer.feed(key)
        if scan is not None:
            return self._end(scan)
        return Sorted() if taken else Sorted((key,))

    def _end(self, scan: Scan) -> Sorted:
        refused, tainted = self._refused, self._tainted
        self._ended_at = self._last_at
        self._reset()
        if refused:
            return Sorted()
        if tainted and scan.fault is None:
            scan = replace(scan, fault=ScanFault.PARTIAL)
        return Sorted(scan=scan)

    def _let_go(self) -> Sorted:
        typed = tuple(self._held)
        self._held.clear()
        if typed:
            self._typed_at = typed[-1].time
        return Sorted(typed)
