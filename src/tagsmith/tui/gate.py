"""The one gate for keys and pastes: what becomes a number, what a choice, what goes into a field.

Every screen says by `TYPING` where keys go while it lies on top. A line that one of them began is never ended by
another: what is left of it when a screen goes away by itself is no number.
"""

from __future__ import annotations

import enum
import logging
import math
import time
from abc import abstractmethod
from collections.abc import Callable

from textual import events
from textual.app import App
from textual.message import Message
from textual.timer import Timer

from tagsmith.model import Scan, ScanFault
from tagsmith.scanners.buffer import BURST_S, Key, ScanBuffer, is_clean, is_end, is_text
from tagsmith.scanners.holdback import BEFORE_S, Holdback, Sorted
from tagsmith.tui.port import Station
from tagsmith.tui.terminal.inflow import TerminalFlooded
from tagsmith.tui.terminal.parser import FOCUS_KEY, MANGLED

_log = logging.getLogger(__name__)

_LATE_S = 0.005
"""Timers fire a little early as seen by another clock."""
_REST_S = 1.0
"""What follows a secret so soon, after its field has gone, is its rest."""
_LIST_KEYS = frozenset({"up", "down", "pageup", "pagedown", "home", "end"})


class Typing(enum.Enum):
    """Where the keys go that a person or a scanner presses while a screen lies on top."""

    NUMBER = enum.auto()
    """To the line of the number, as on the lanes."""
    LIST = enum.auto()
    """To the line of the number; arrows and Enter, while that is empty, are the list's."""
    CHOICE = enum.auto()
    """A key by itself is a choice on the screen; a burst is a scan."""
    FORM = enum.auto()
    """What is typed goes into the field that has the focus; a burst is a scan."""
    SECRET = enum.auto()
    """All into the field, scanned or typed: nothing else must see it."""


class Wanted(Message):
    """A person wants this of the station."""

    def __init__(self, ask: Callable[[Station], None]) -> None:
        super().__init__()
        self.ask = ask


class GatedApp(App[int], inherit_bindings=False):
    """An app whose keys and pastes go through the gate. `clock` is the one that key events are stamped with."""

    def __init__(self, *, silence_s: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(ansi_color=False)
        self._silence_s = silence_s
        self._clock = clock
        self._buffer = ScanBuffer(silence_s=silence_s)
        self._holdback = Holdback(silence_s=silence_s)
        self._looking: Timer | None = None
        self._entering: Timer | None = None
        self._secret_at = -math.inf
        self._let_go_at = -math.inf
        self._was_shut = False

    @abstractmethod
    def _take_scan(self, scan: Scan | None) -> None:
        """A scan has ended, if there is one."""

    @abstractmethod
    def _line_changed(self) -> None:
        """The line of the number is another one."""

    @property
    def _asked(self) -> Typing:
        """What the screen on top wants."""
        screen = self.screen
        usual = Typing.FORM if getattr(screen, "takes_text", False) else Typing.NUMBER
        asked: Typing = getattr(screen, "TYPING", usual)
        return asked

    def _typing(self, time: float) -> Typing:
        """What is done: as the screen on top wants it, but a line that was begun elsewhere is ended there."""
        asked = self._asked
        if asked is Typing.FORM and self._buffer.text:
            return Typing.NUMBER
        begun = self._holdback.waits_s is not None or time - self._let_go_at < BEFORE_S
        return Typing.CHOICE if asked in (Typing.NUMBER, Typing.LIST) and begun else asked

    async def on_event(self, event: events.Event) -> None:
        """Keys and pastes are a number's first, wherever the focus is and whatever lies on top."""
        if isinstance(event, events.InputEvent) and event.is_forwarded:
            await super().on_event(event)
        elif isinstance(event, events.Key):
            await self._key(event)
        elif isinstance(event, events.Paste):
            await self._paste(event)
        elif not isinstance(event, events.MouseEvent) or self._is_pointed(event):
            await super().on_event(event)

    def _is_pointed(self, event: events.MouseEvent) -> bool:
        """Whether a person did it: in the midst of a scan it is a part of what was scanned."""
        taken, scan = self._buffer.feed(Key(FOCUS_KEY, None, event.time))
        self._take_scan(scan)
        return not taken and self._holdback.waits_s is None

    # --- keys -----------------------------------------------------------------------------------------------------

    async def _key(self, event: events.Key) -> None:
        if self._entering is not None:
            self._entering.stop()
            self._entering = None
        key = Key(event.key, event.character, event.time)
        match self._typing(key.time):
            case Typing.SECRET:
                self._buffer.clear()
                self._secret_at = -math.inf if is_end(key) else key.time
                await super().on_event(event)
            case _ if key.time - self._secret_at < _REST_S and (key.character or is_end(key)):
                self._secret_at = -math.inf if is_end(key) else key.time
                self.bell()
            case Typing.NUMBER:
                await self._number_key(event, key, is_list=False)
            case Typing.LIST:
                await self._number_key(event, key, is_list=True)
            case _:
                self._buffer.clear()
                self._was_shut = (self._was_shut and self._holdback.waits_s is not None) or self._is_shut
                await self._sorted(self._holdback.feed(key))
                self._look_later()

    async def _number_key(self, event: events.Key, key: Key, *, is_list: bool) -> None:
        is_fresh = is_list and self._buffer.is_fresh(key.time)
        consumed, scan = self._buffer.feed(key)
        self._take_scan(scan)
        if consumed:
            if is_fresh and is_end(key):
                self._enter_later()
            self._line_changed()
        elif not (is_list and self._buffer.text and key.key in _LIST_KEYS):
            # A burst right behind a command may be the rest of a scan that it began.
            self._holdback.taint(event.time)
            await super().on_event(event)

    def _enter_later(self) -> None:
        """Enter by itself picks from a list; at the beginning of a scan it is a scanner's prefix, and means nothing."""
        screen = self.screen

        async def enter() -> None:
            self._entering = None
            if self.screen is screen:
                await App.on_event(self, events.Key("enter", "\r"))

        self._entering = self.set_timer(BURST_S + _LATE_S, enter)

    async def _sorted(self, found: Sorted) -> None:
        """Typed keys to whom they belong, a scan to the station."""
        typing = self._asked
        texts = [key for key in found.typed if is_text(key)]
        several = len(texts) > 1
        if texts:
            self._let_go_at = texts[-1].time
        for key in found.typed:
            if typing is Typing.CHOICE and is_end(key):
                self._enter_later()
            elif typing is Typing.FORM or not is_text(key) or (typing is Typing.CHOICE and not several):
                # Two keys in one breath are no choice; and whoever typed for a screen that has gone typed for nobody.
                await App.on_event(self, events.Key(key.key, key.character))
        if found.scan is not None and self._was_shut:
            self._refuse_scan(found.scan)
        else:
            self._take_scan(found.scan)

    @property
    def _is_shut(self) -> bool:
        """Whether the screen on top takes no scans: they would be for lanes that nobody sees."""
        return not getattr(self.screen, "takes_scans", True)

    def _refuse_scan(self, scan: Scan) -> None:
        """A scan, or a part of it, came while none are taken."""
        _log.warning("a scan came while the commands were open: it was dropped")
        self.bell()
        if refuse := getattr(self.screen, "refuse_scan", None):
            refuse(scan)

    def _look_later(self) -> None:
        if self._looking is not None:
            self._looking.stop()
            self._looking = None
        if (waits_s := self._holdback.waits_s) is not None:
            self._looking = self.set_timer(waits_s + _LATE_S, self._look)

    async def _look(self) -> None:
        self._looking = None
        await self._sorted(self._holdback.tick(self._clock()))
        self._look_later()

    # --- pastes and floods ----------------------------------------------------------------------------------------

    async def _paste(self, event: events.Paste) -> None:
        """A number; on a form one clean line for the field that has the focus, where a page means nothing."""
        if self._typing(event.time) not in (Typing.FORM, Typing.SECRET):
            for pasted in self._buffer.paste(event.text, event.time):
                self._take_scan(pasted)
            self._line_changed()
            return
        text = event.text.strip()
        if text and text.isprintable() and is_clean(text):
            await super().on_event(events.Paste(text))
        else:
            self.bell()

    def on_terminal_flooded(self, message: TerminalFlooded) -> None:
        """Keys were dropped: refuse what is left of their line, as a page of lines."""
        _log.warning("the terminal sent more than anybody means: it was dropped")
        if self._typing(message.time) not in (Typing.NUMBER, Typing.LIST):
            self._holdback.clear()
            self._take_scan(Scan("", message.time, "typed", ScanFault.OVERFLOW))
            return
        line = self._buffer.text
        # Pasted into a line it would be a partial one; and the line is no beginning of what comes next.
        self._buffer.clear()
        for scan in self._buffer.paste(f"{line}{MANGLED}\n{MANGLED}", message.time):
            self._take_scan(scan)
        self._line_changed()
