"""What the keys of a device that types mean: key codes to characters, and characters to lines. Pure.

Owns key positions, modifiers and where a line begins and ends. It opens nothing, has no clock of its own, and knows
neither UIDs nor visual numbers. A line is never repaired: what is not known for certain spoils it.

Key codes and event types are those of the kernel (linux/input-event-codes.h): a code is a place on the keyboard, named
after what a US keyboard has there. The characters of the places are those of `visual_number.keyboards`; what AltGr
adds is that of Windows, which makers of scanners and readers program them for. Characters that Windows and Linux make
of one key in unlike ways are left out.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

from tagsmith.model import ScanFault
from tagsmith.visual_number.keyboards import Layout, keys

LIMIT = 512
"""Characters of the longest line that is kept."""
GAP_S = 1.0
"""A device that pauses this long inside a line has lost something: its end, or what should follow."""
REST_S = 20.0
"""What comes this soon after such a line, up to its end, may be the rest of it and is no line of its own."""

SYN = 0
"""EV_SYN: the end of what happened at one moment (code 0, SYN_REPORT), or a loss (SYN_DROPPED)."""
KEY = 1
"""EV_KEY: a key; value 0 let go, 1 pressed, 2 repeated by the kernel because it is held."""
SYN_DROPPED = 3
"""The kernel's buffer was full: events are missing, and those up to the next SYN_REPORT are to be ignored."""

_ENTER, _TAB, _KEYPAD_ENTER = 28, 15, 96
_CAPS_LOCK, _NUM_LOCK, _SCROLL_LOCK = 58, 69, 70
_SHIFTS = frozenset({42, 54})
_ALT_GR = 100
_CONTROLS = frozenset({29, 97})
# Left Alt and Super.
_ALTS = frozenset({56, 125, 126})
_MODIFIERS = _SHIFTS | _CONTROLS | _ALTS | {_ALT_GR}

_PLACES = (41, *range(2, 14), *range(16, 28), *range(30, 41), 43, *range(44, 54), 57, 86)
_KEYPAD = dict(zip((71, 72, 73, 75, 76, 77, 79, 80, 81, 82), "7894561230", strict=True))
_KEYPAD |= {55: "*", 74: "-", 78: "+", 98: "/"}
_KEYPAD_DOT = 83

# By what the key gives alone.
_ALT_GR_KEYS = {
    Layout.US: {},
    Layout.DE: dict(zip("237890ßqe+m<", "²³{[]}\\@€~µ|", strict=True)),
    Layout.FR: dict(zip("\"'(-_çà)=e", "#{[|\\^@]}€", strict=True)),
    Layout.ES: dict(zip("º1236e`+´ç", "\\|@#¬€[]{}", strict=True)),
}
# Dead keys compose with the character that follows, each system in its own way; the French tilde only Linux has.
_UNSURE = {Layout.US: "", Layout.DE: "^´`", Layout.FR: "^\u00a8~", Layout.ES: "`^´\u00a8"}
# Caps Lock is a shift lock for these keyboards on Windows, and one for letters on Linux.
_CAPS_DIFFER = frozenset({Layout.DE, Layout.FR})


def _typed(character: str, layout: Layout) -> str | None:
    return None if character in _UNSURE[layout] else character


_KEYS = {
    layout: {
        place: (_typed(plain, layout), _typed(shifted, layout))
        # The last place is missing in the US layout.
        for place, plain, shifted in zip(_PLACES, *keys(layout), strict=False)
    }
    for layout in Layout
}
_WITH_ALT_GR = {
    layout: {
        place: _ALT_GR_KEYS[layout][plain]
        for place, plain in zip(_PLACES, keys(layout)[0], strict=False)
        if plain in _ALT_GR_KEYS[layout]
    }
    for layout in Layout
}


def character(
    layout: Layout, code: int, *, shift: bool = False, alt_gr: bool = False, caps_lock: bool = False
) -> str | None:
    """What a key gives on a keyboard of this layout; None where that is nothing, or not the same everywhere.

    The numeric keypad gives digits, as with Num Lock, without modifiers only. Dead keys give nothing.
    """
    keypad = _KEYPAD.get(code)
    if code == _KEYPAD_DOT:
        keypad = "," if layout is Layout.DE else "."
    if keypad is not None:
        return None if shift or alt_gr else keypad
    if alt_gr:
        return None if shift or caps_lock else _WITH_ALT_GR[layout].get(code)
    plain, shifted = _KEYS[layout].get(code, (None, None))
    if caps_lock and plain != shifted:
        if plain is not None and plain.isalpha() and plain.upper() == shifted:
            shift = not shift
        elif layout in _CAPS_DIFFER:
            return None
    return shifted if shift else plain


@dataclass(frozen=True, slots=True)
class KeyEvent:
    """One event of an input device: the kernel's monotonic time of capture in seconds, and what `struct input_event`
    says."""

    at: float
    type: int
    code: int
    value: int


class LineEnd(enum.StrEnum):
    """Which key ends a line."""

    ENTER = "enter"
    """Enter, that of the keypad too, and Control with M or J, as which some devices send it."""
    TAB = "tab"
    """Tab, and Control with I."""


@dataclass(frozen=True, slots=True)
class Line:
    """What a device typed up to an end. `at` is the capture of its first key, `ended_at` that of its last.

    With a fault, `text` is only what could be read of it.
    """

    text: str
    at: float
    ended_at: float
    fault: ScanFault | None = None


class KeyLines:
    """Key events of one device to lines.

    A line ends with its end key or, with `silence_s`, when no key follows for that long: for devices that can be
    programmed to send no end. A device that stalls as long is then cut in two, so it is off by default. An end without
    anything before it is nothing.

    Faults, first one first; a line keeps it and lasts to its end all the same:
        dirty     has in it: events that the kernel dropped, a key that is no character here, a key with Control, Alt
                  (Alt codes of the keypad) or Super, the end key that is not meant, or the release of a modifier
                  whose press was never seen
        overflow  has more than `limit` characters, of which the first are kept
        partial   pauses for `GAP_S` before its end, or is, for `REST_S` after such a line, what may be its rest

    Repeats of a held key are ignored. Caps Lock starts off, whatever the console's is, and a press toggles it; one
    that is among dropped events shows as letters of the other case. Num Lock is ignored.

    A line whose first key nobody could read begins with that key all the same. Not thread-safe. Nothing raises.
    """

    def __init__(
        self,
        layout: Layout = Layout.US,
        *,
        end: LineEnd = LineEnd.ENTER,
        limit: int = LIMIT,
        silence_s: float | None = None,
    ) -> None:
        self._layout = layout
        self._end_key = end
        self._limit = limit
        self._silence_s = silence_s
        self._held: set[int] = set()
        self._caps_lock = False
        self._dropping = False
        # What begins before this time may be the rest of a line whose beginning is gone.
        self._rest_until = -math.inf
        self._reset()

    def _reset(self) -> None:
        self._characters: list[str] = []
        self._at: float | None = None
        self._touched_at = 0.0
        self._fault: ScanFault | None = None
        self._lost_events = False

    @property
    def due_at(self) -> float | None:
        """When `tick` will end the line under way if no key comes; None if there is none."""
        return None if self._at is None else self._touched_at + self._patience_s

    def mistrust(self) -> None:
        """What comes up to the next end is the rest of something whose beginning was not heard."""
        self._rest_until = math.inf

    def trust(self) -> None:
        """The device has been heard to be silent: what comes next is a beginning. A line under way stays as it is."""
        self._rest_until = -math.inf

    def feed(self, event: KeyEvent) -> Line | None:
        """Take an event; the line that ended, if one did. That may be an older one, which this event found lying."""
        ended = self.tick(event.at)
        if event.type == SYN:
            self._take_syn(event)
            return ended
        if event.type != KEY or self._dropping or event.value not in (0, 1):
            return ended
        line = self._press(event) if event.value else self._release(event)
        return ended or line

    def tick(self, now: float) -> Line | None:
        """End a line that was left lying. To be called when `due_at` has come and no event waits to be fed."""
        if self.due_at is None or now < self.due_at:
            return None
        if self._silence_s is None:
            self._spoil(ScanFault.PARTIAL)
            self._rest_until = self._touched_at + REST_S
        else:
            self._rest_until = -math.inf
        # A lone key that is no character (a volume knob) is not worth an alarm.
        worth_telling = bool(self._characters) or self._lost_events
        line = self._ended(self._touched_at)
        return line if worth_telling else None

    @property
    def _patience_s(self) -> float:
        return GAP_S if self._silence_s is None else self._silence_s

    def _take_syn(self, event: KeyEvent) -> None:
        if event.code == SYN_DROPPED:
            self._dropping = True
            # Whatever was held may have been let go among what is missing.
            self._held.clear()
            self._touch(event.at)
            self._spoil(ScanFault.DIRTY)
            self._lost_events = True
        else:
            self._dropping = False

    def _press(self, event: KeyEvent) -> Line | None:
        code = event.code
        if code in _MODIFIERS:
            self._held.add(code)
            return None
        if code == _CAPS_LOCK:
            self._caps_lock = not self._caps_lock
            return None
        if code in (_NUM_LOCK, _SCROLL_LOCK):
            return None
        end = self._end_of(code)
        if end is not None and self._at is None:
            # Enter after Tab, LF after CR, or the late end of a line that was given up.
            if end is self._end_key:
                self._rest_until = -math.inf
            return None
        self._touch(event.at)
        if end is self._end_key:
            if self._held & (_ALTS | {_ALT_GR}):
                self._spoil(ScanFault.DIRTY)
            self._rest_until = -math.inf
            return self._ended(event.at)
        self._add(None if end is not None or self._held & (_CONTROLS | _ALTS) else self._character(code))
        return None

    def _release(self, event: KeyEvent) -> Line | None:
        if event.code in self._held:
            self._held.discard(event.code)
        elif event.code in _MODIFIERS and self._at is not None:
            self._spoil(ScanFault.DIRTY)
        if self._at is not None:
            self._touched_at = event.at
        return None

    def _end_of(self, code: int) -> LineEnd | None:
        """The end that a key means, if it means one."""
        if code in (_ENTER, _KEYPAD_ENTER):
            return LineEnd.ENTER
        if code == _TAB:
            return LineEnd.TAB
        if self._held & _CONTROLS:
            return _WITH_CONTROL.get((character(self._layout, code) or "").lower())
        return None

    def _character(self, code: int) -> str | None:
        shift, alt_gr = bool(self._held & _SHIFTS), _ALT_GR in self._held
        return character(self._layout, code, shift=shift, alt_gr=alt_gr, caps_lock=self._caps_lock)

    def _touch(self, at: float) -> None:
        """A key of the line, or its loss."""
        if self._at is None:
            self._at = at
            if at < self._rest_until:
                self._spoil(ScanFault.PARTIAL)
        self._touched_at = at

    def _add(self, typed: str | None) -> None:
        if typed is None:
            self._spoil(ScanFault.DIRTY)
        elif len(self._characters) < self._limit:
            self._characters.append(typed)
        else:
            self._spoil(ScanFault.OVERFLOW)

    def _spoil(self, fault: ScanFault) -> None:
        self._fault = self._fault or fault

    def _ended(self, at: float) -> Line:
        assert self._at is not None, "a line is under way"
        line = Line("".join(self._characters), self._at, at, self._fault)
        self._reset()
        return line


_WITH_CONTROL = {"m": LineEnd.ENTER, "j": LineEnd.ENTER, "i": LineEnd.TAB}
