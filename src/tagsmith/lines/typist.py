"""A device that types, and the lines it types: an input device and the meaning of its keys, put together.

Owns the options that both kinds of such devices have in common, and when silence is believed. A line whose beginning
or end was not heard is never given out as a good one.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from tagsmith.lines.inputs import Address, InputDevice
from tagsmith.lines.keymap import LIMIT, KeyEvent, KeyLines, Line, LineEnd
from tagsmith.lines.spec import Spec
from tagsmith.visual_number.keyboards import Layout

_log = logging.getLogger(__name__)
_TRAFFIC = 5

QUIET_S = 0.1
"""A device that is silent for this long after it was grabbed is not in the middle of a line."""
QUIET_LIMIT_S = 2.0
"""How long that is waited for at most."""


class Device(Protocol):
    """An input device as `Typist` uses it; `InputDevice` says what each of these does."""

    def find(self) -> Path: ...
    def open(self) -> str: ...
    def read(self, timeout_s: float) -> list[KeyEvent] | None: ...
    def wake(self) -> None: ...
    def close(self) -> None: ...


class Typist:
    """A device that types, and its lines.

    Options of the spec: `layout` (us, de, fr, es: what the device is programmed to type in, whatever the console's),
    `end` (enter, tab), `silence` (0.1 to 0.9 s: for a device that sends no end), `serial`, `phys`.

    `open`, `read` and `close` belong to one thread, `wake` to any.

    Raises:
        ConfigError: the spec names no input device, or an option is wrong.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        device: Device | None = None,
        limit: int = LIMIT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._spec = spec.text
        self._clock = clock
        self._layout = Layout(spec.choice("layout", tuple(Layout), Layout.US))
        self._end = LineEnd(spec.choice("end", tuple(LineEnd), LineEnd.ENTER))
        self.silence_s = spec.seconds("silence", 0.2, 0.1, 0.9) if spec.text_of("silence") else None
        self._limit = limit
        self._device = device or InputDevice(Address.of(spec))
        self._lines = self._fresh()

    def _fresh(self) -> KeyLines:
        return KeyLines(self._layout, end=self._end, limit=self._limit, silence_s=self.silence_s)

    def find(self) -> Path:
        """The device's node as it is now; whether a node that the spec names exists is not looked at.

        Raises:
            DeviceMissing: nothing that types has the ids of the spec.
            DeviceUnsupported: several have them, and which is meant cannot be told.
        """
        return self._device.find()

    def open(self) -> str:
        """Grab the device and wait until it is silent; its own name.

        What it types meanwhile began before anybody listened, and up to its end it is no line.

        Raises:
            DeviceError: it cannot be had.
        """
        name = self._device.open()
        self._lines = self._fresh()
        self._lines.mistrust()
        limit = self._clock() + QUIET_LIMIT_S
        while self._clock() < limit:
            events = self._device.read(QUIET_S)
            if events == []:
                self._lines.trust()
                break
            for line in self._feed(events or []):
                _log.info("%s: dropped what it typed while it was opened: %r", self._spec, line.text)
        return name

    def read(self, timeout_s: float) -> list[Line]:
        """The lines that have ended, as soon as there is one; none at the timeout, or soon after `wake`.

        Raises:
            DeviceError: it went away.
        """
        deadline = self._clock() + timeout_s
        while True:
            now = self._clock()
            due_at = self._lines.due_at
            until = deadline if due_at is None else min(deadline, due_at)
            events = self._device.read(max(0.0, until - now))
            if events is None:
                return []
            lines = self._feed(events)
            # Silence is silence only if no event of that time waits: `now` is older than the look that found none.
            if not events and (line := self._lines.tick(now)) is not None:
                lines.append(line)
            if lines or now >= deadline:
                return lines

    def wake(self) -> None:
        """Make a read under way return soon. Never blocks."""
        self._device.wake()

    def close(self) -> None:
        """Let the device go; idempotent. A line under way is dropped."""
        self._device.close()

    def _feed(self, events: Sequence[KeyEvent]) -> list[Line]:
        lines = []
        for event in events:
            _log.log(_TRAFFIC, "%s: %.6f %d %d %d", self._spec, event.at, event.type, event.code, event.value)
            if (line := self._lines.feed(event)) is not None:
                lines.append(line)
        return lines
