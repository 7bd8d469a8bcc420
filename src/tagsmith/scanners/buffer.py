"""Keys to scans: the line buffer behind a screen that a keyboard-wedge scanner and a person type into. Pure.

A wedge scanner is a keyboard: its characters arrive as key presses, among those of a person. Whoever owns the screen
gives every key and every paste to one `ScanBuffer` and acts on the answer. The buffer knows no screen, has no clock of
its own and starts nothing.
"""

from __future__ import annotations

import enum
import math
import re
import unicodedata
from dataclasses import dataclass

from tagsmith.model import Scan, ScanFault

LIMIT = 512
"""Characters of the longest line; no number is as long, no text that a pattern takes a number from is longer."""
BURST_S = 0.050
"""A key that follows a character sooner than this is part of the same scan: no person is as fast."""
SCANNER_GAP_S = 0.030
"""Mean gap between the characters of a scanner, at most."""
SCANNER_LENGTH = 4
"""Characters below which the tempo says nothing."""
STALE_S = 20.0
"""A part of a line is given up after this time without a key."""

# Kitty's keyboard protocol reports these as keys of their own, between the letters of a scan.
_MODIFIERS = frozenset(
    {f"{side}_{name}" for side in ("left", "right") for name in ("shift", "control", "alt", "super", "hyper", "meta")}
    | {"iso_level3_shift", "iso_level5_shift", "caps_lock", "num_lock", "scroll_lock"}
)
_TERMINATORS = frozenset({"enter", "ctrl+j", "ctrl+m"})
_TABS = frozenset({"tab", "ctrl+i"})
_BACKSPACES = frozenset({"backspace", "ctrl+h"})
_COMMANDS = frozenset(
    {f"f{number}" for number in range(1, 36)}
    | {"escape", "up", "down", "left", "right", "home", "end", "pageup", "pagedown", "insert", "delete"}
)
_UNCLEAN_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
_REPLACEMENT = "\ufffd"
_LINE_END = re.compile(r"\r\n|\r|\n")


def is_clean(text: str) -> bool:
    """Whether a line is free of control characters, line separators, and marks of bytes that were no text."""
    return _REPLACEMENT not in text and not any(unicodedata.category(c) in _UNCLEAN_CATEGORIES for c in text)


@dataclass(frozen=True, slots=True)
class Key:
    """One key press: Textual's name of the key, the character it stands for if any, monotonic seconds of arrival."""

    key: str
    character: str | None
    time: float


class _Kind(enum.Enum):
    """What a key means to a line."""

    IGNORED = enum.auto()
    """A modifier pressed by itself."""
    TEXT = enum.auto()
    """A character of the line."""
    BAD_TEXT = enum.auto()
    """A character that makes the line dirty: U+FFFD, or Alt with a character, as ESC and a character arrive."""
    TERMINATOR = enum.auto()
    """Ends the line."""
    TAB = enum.auto()
    """Ends the line in a burst, else a control key."""
    BACKSPACE = enum.auto()
    """Takes the last character back, in a burst a control key."""
    COMMAND = enum.auto()
    """A key that a person may press while a line is half typed: function and cursor keys, Esc."""
    CONTROL = enum.auto()
    """Any other key: control characters, Ctrl and Super combinations."""


def _kind(key: Key) -> _Kind:
    """What a key means to a line."""
    if key.key in _MODIFIERS:
        return _Kind.IGNORED
    if key.key in _TERMINATORS:
        return _Kind.TERMINATOR
    if key.key in _TABS:
        return _Kind.TAB
    if key.key in _BACKSPACES:
        return _Kind.BACKSPACE
    # The key + is called "plus", so a + in a name joins modifiers.
    *modifiers, name = key.key.split("+")
    if name in _COMMANDS and key.character in (None, "\x1b"):
        return _Kind.COMMAND
    character = key.character or ""
    if len(character) != 1 or unicodedata.category(character) == "Cc" or not {"alt", "shift"}.issuperset(modifiers):
        return _Kind.CONTROL
    return _Kind.BAD_TEXT if "alt" in modifiers or not is_clean(character) else _Kind.TEXT


def is_text(key: Key) -> bool:
    """Whether a key stands for a character of a line, be it a bad one."""
    return _kind(key) in (_Kind.TEXT, _Kind.BAD_TEXT)


def is_modifier(key: Key) -> bool:
    """Whether a key is a modifier that was pressed by itself: no part of any line."""
    return _kind(key) is _Kind.IGNORED


def is_end(key: Key) -> bool:
    """Whether a key ends a line."""
    return _kind(key) is _Kind.TERMINATOR


class ScanBuffer:
    """One line under way: keys with their times go in, scans come out.

    Every printable key goes in, whoever typed it. Enter, Ctrl+J and Ctrl+M end the line, Tab does inside a burst: less
    than 50 ms after a character or an end. An end without a line is nothing, so CR LF ends one line. `Scan.at` is the
    time of the first character.

    Refused, as a scan with a fault and with what came as its text, and never repaired:
        dirty     holds U+FFFD, Alt with a character (ESC and a character arrive so), or a control key that is data:
                  inside a burst, or with the rest of the line less than 50 ms after it. While a line is under way, only
                  function keys, cursor keys and Esc are no data
        overflow  has more than `limit` characters, of which the first are kept; or is a paste of several lines
        partial   had no end for 20 s, or something was pasted into it
    A line keeps its first fault, and lasts to its end all the same, so that its rest is no scan of its own.

    A control key inside a burst is taken, so it is never a command. Backspace takes back the last character of a line
    without a fault, outside a burst only.

    The label `scanner` is for a mean gap of at most 30 ms over 4 characters or more, else `typed`: nothing is decided
    by it. `silence_s` (0.2 to 0.25) is for scanners that send no end: a line of that tempo then ends by silence, seen
    by `tick` or at the next key. A scan that stalls as long is cut in two by it, so it is off by default.

    Times are monotonic seconds; standing still or stepping back does no harm. Not thread-safe. Nothing raises.
    """

    def __init__(self, *, limit: int = LIMIT, silence_s: float | None = None) -> None:
        self._limit = limit
        self._silence_s = silence_s
        # The last character, end, or control key taken as data: what a burst goes on from.
        self._burst_at = -math.inf
        # Until then a character or an end is the rest of something that began with a control key.
        self._suspect_until = -math.inf
        self._reset()

    def _reset(self) -> None:
        self._characters: list[str] = []
        self._count = 0
        self._first_at = 0.0
        self._last_at = 0.0
        self._touched_at = 0.0
        self._fault: ScanFault | None = None

    @property
    def text(self) -> str:
        """The line under way, to be shown; of a dirty one it may hold control characters."""
        return "".join(self._characters)

    @property
    def fault(self) -> ScanFault | None:
        """Why the line under way will be refused, if it will."""
        return self._fault

    def is_fresh(self, time: float) -> bool:
        """Whether a key at this time is part of nothing: no line is under way, and no scan has just ended."""
        return not self._characters and time - self._burst_at >= BURST_S

    def feed(self, key: Key) -> tuple[bool, Scan | None]:
        """Take a key. Answers whether it was taken (else it may be a command), and the scan that ended, if one did.

        The scan may be an older one that this key found lying; the key is then no part of it.
        """
        ended = self.tick(key.time)
        taken, scan = self._take(key)
        return taken, ended or scan

    def paste(self, text: str, time: float) -> list[Scan]:
        """Take a pasted text: the scans that come of it, none to two. Blank lines do not count.

        One line is a scan. Several are refused together, and so is a line pasted into one that is under way: which of
        them is meant cannot be known.
        """
        ended = self.tick(time)
        scans = [] if ended is None else [ended]
        lines = [line for line in (part.strip(" \t") for part in _LINE_END.split(text)) if line]
        if not lines:
            return scans
        pasted = "\n".join(lines)
        fault: ScanFault | None = None
        at = time
        if self._characters:
            fault, at, pasted = self._fault or ScanFault.PARTIAL, self._first_at, self.text + pasted
            self._reset()
        elif len(lines) > 1 or len(pasted) > self._limit:
            fault = ScanFault.OVERFLOW
        elif not is_clean(pasted):
            fault = ScanFault.DIRTY
        return [*scans, Scan(pasted[: self._limit], at, "pasted", fault)]

    def tick(self, now: float) -> Scan | None:
        """End a line that was left lying; to be called now and then. The scan, if one ended."""
        if not self._characters:
            return None
        idle_s = now - self._touched_at
        if idle_s > STALE_S:
            return self._end(self._fault or ScanFault.PARTIAL)
        if self._silence_s is not None and idle_s >= self._silence_s and self._is_scanner():
            return self._end(self._fault)
        return None

    def clear(self) -> None:
        """Drop the line under way (Esc)."""
        self._suspect_until = -math.inf
        self._reset()

    def _take(self, key: Key) -> tuple[bool, Scan | None]:
        """A key on a line that is not stale."""
        kind = _kind(key)
        in_burst = key.time - self._burst_at < BURST_S
        match kind:
            case _Kind.IGNORED:
                return True, None
            case _Kind.TEXT | _Kind.BAD_TEXT:
                self._add(key.character or "", key.time, dirty=kind is _Kind.BAD_TEXT)
                return True, None
            case _Kind.TERMINATOR:
                return True, self._terminate(key.time)
            case _Kind.TAB if in_burst:
                return True, self._terminate(key.time)
            case _Kind.BACKSPACE if not in_burst:
                # A person's next character may follow sooner than a burst ends, a scanner's follows sooner still.
                self._suspect_until = key.time + SCANNER_GAP_S
                self._take_back(key.time)
                return True, None
        if in_burst:
            self._burst_at = key.time
        elif kind is _Kind.COMMAND and not self._characters:
            return False, None
        self._suspect_until = key.time + BURST_S
        if self._characters and (in_burst or kind is not _Kind.COMMAND):
            self._spoil(ScanFault.DIRTY)
            self._keep(key.character or "")
        return in_burst, None

    def _add(self, character: str, time: float, *, dirty: bool) -> None:
        """A character of the line."""
        if not self._characters:
            self._first_at = time
        if dirty or time < self._suspect_until:
            self._spoil(ScanFault.DIRTY)
        self._keep(character)
        self._count += 1
        self._last_at = self._touched_at = self._burst_at = time

    def _keep(self, character: str) -> None:
        """Keep what came, as far as there is room."""
        if not character:
            return
        if len(self._characters) < self._limit:
            self._characters.append(character)
        else:
            self._spoil(ScanFault.OVERFLOW)

    def _spoil(self, fault: ScanFault) -> None:
        """The line must be refused; the first reason stays."""
        self._fault = self._fault or fault

    def _take_back(self, time: float) -> None:
        """A person's backspace. A line with a fault is not to be mended, and has more in it than is shown."""
        if self._characters and self._fault is None:
            self._characters.pop()
            self._count -= 1
            self._touched_at = time

    def _terminate(self, time: float) -> Scan | None:
        """An end: the scan, if there is a line."""
        self._burst_at = time
        if not self._characters:
            return None
        if time < self._suspect_until:
            self._spoil(ScanFault.DIRTY)
        # Whatever was suspect belonged to this line.
        self._suspect_until = -math.inf
        return self._end(self._fault)

    def _end(self, fault: ScanFault | None) -> Scan:
        """The line as a scan; the buffer is empty then."""
        scan = Scan(self.text, self._first_at, "scanner" if self._is_scanner() else "typed", fault)
        self._reset()
        return scan

    def _is_scanner(self) -> bool:
        """Whether the line came at a scanner's tempo."""
        return self._count >= SCANNER_LENGTH and self._last_at - self._first_at <= SCANNER_GAP_S * (self._count - 1)
