"""Keys while a text field is open: what a person types goes to the field, a scanner's burst never does.

Owns the hold-back of one app and its timer. Decides nothing about what a scan is for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from textual import events
from textual.app import App
from textual.timer import Timer

from tagsmith.model import Scan
from tagsmith.scanners.buffer import Key, is_clean
from tagsmith.scanners.holdback import Holdback, Sorted

_LATE_S = 0.005
"""Timers fire a little early as seen by another clock."""


class FieldKeys:
    """Sorts the keys of one app while a text field has them.

    `to_field` gets the events of what was typed or pasted, `to_station` the scans, each once, in order; its second
    argument says whether the scan, or a part of it, came while `is_shut` said that scans are not taken.
    """

    def __init__(
        self,
        app: App[Any],
        *,
        silence_s: float | None,
        clock: Callable[[], float],
        to_field: Callable[[events.Event], Awaitable[None]],
        to_station: Callable[[Scan, bool], None],
        is_shut: Callable[[], bool],
    ) -> None:
        self._app = app
        self._clock = clock
        self._to_field = to_field
        self._to_station = to_station
        self._is_shut = is_shut
        self._holdback = Holdback(silence_s=silence_s)
        self._looking: Timer | None = None
        self._was_shut = False

    @property
    def is_busy(self) -> bool:
        """Whether keys are held back or a scan is under way: the next key belongs to them, whatever is open by then."""
        return self._holdback.waits_s is not None

    async def key(self, event: events.Key) -> None:
        """Take a key."""
        self._was_shut = (self._was_shut and self.is_busy) or self._is_shut()
        await self._sorted(self._holdback.feed(Key(event.key, event.character, event.time)))
        self._look_later()

    async def paste(self, event: events.Paste) -> None:
        """One clean line goes into the field that has the focus; a page means nothing here."""
        text = event.text.strip()
        if text and text.isprintable() and is_clean(text):
            await self._to_field(events.Paste(text))
        else:
            self._app.bell()

    def passed(self, time: float) -> None:
        """A key at this time was a command: a burst right behind it may be the rest of a scan that it began."""
        self._holdback.taint(time)

    def clear(self) -> None:
        """Drop what is held back and the scan under way."""
        self._holdback.clear()

    async def _sorted(self, found: Sorted) -> None:
        for key in found.typed:
            await self._to_field(events.Key(key.key, key.character))
        if found.scan is not None:
            self._to_station(found.scan, self._was_shut)

    def _look_later(self) -> None:
        if self._looking is not None:
            self._looking.stop()
            self._looking = None
        if (waits_s := self._holdback.waits_s) is not None:
            self._looking = self._app.set_timer(waits_s + _LATE_S, self._look)

    async def _look(self) -> None:
        self._looking = None
        await self._sorted(self._holdback.tick(self._clock()))
        self._look_later()
