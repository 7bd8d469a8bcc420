"""Plays signals on GPIO pins, on a thread of its own: whoever signals never waits, and never hears of a fault.

gpiozero and the pins are taken on that thread at the first signal's chance, so that a slow or missing chip delays
nothing. They are held until `close`, which leaves everything off.
"""

from __future__ import annotations

import logging
import os
import tempfile
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from tagsmith.config import FeedbackSettings
from tagsmith.feedback.patterns import PATTERNS, Step
from tagsmith.lines import libraries
from tagsmith.model import Signal

_log = logging.getLogger(__name__)

WAITING = 3
"""Signals that may wait while one is played; the oldest gives way: what happened long ago helps nobody."""


class Pins(Protocol):
    """gpiozero's pin factory, as far as it is used here."""

    def close(self) -> None: ...


def pins() -> Pins:
    """The GPIO chip of this computer, through lgpio.

    Raises:
        ImportError: gpiozero or lgpio is not installed.
        Exception: there is no chip, or this user may not use it; lgpio and gpiozero have many kinds of it.
    """
    # lgpio makes a pipe in the working folder when it is imported, and fails where that cannot be written, as in a
    # service; LG_WD names another folder (github.com/gpiozero/gpiozero/issues/1106, github.com/joan2937/lg/issues/22).
    os.environ.setdefault("LG_WD", tempfile.gettempdir())
    from gpiozero.pins.lgpio import LGPIOFactory

    factory: Pins = LGPIOFactory()
    return factory


class Feedback:
    """Lights and a buzzer, as `[feedback]` says; without pins in the settings it does nothing at all.

    `signal` and `close` may be called from any thread and raise nothing. `pause(seconds)` is how the player waits for
    the end of a step; it must return early on `close`.
    """

    def __init__(
        self,
        settings: FeedbackSettings,
        *,
        pins: Callable[[], Pins] = pins,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        self._settings = settings
        self._pins = pins
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._pause = pause or self._closing.wait
        self._waiting: deque[Signal] = deque(maxlen=WAITING)
        self._thread: threading.Thread | None = None
        if any(number is not None for number in (settings.gpio_green, settings.gpio_red, settings.gpio_buzzer)):
            self._thread = threading.Thread(target=self._run, name="feedback", daemon=True)
            self._thread.start()

    def signal(self, signal: Signal) -> None:
        """Play this as soon as the one before has ended. Never blocks, never raises."""
        with self._changed:
            if self._thread is not None:
                self._waiting.append(signal)
                self._changed.notify()

    def close(self, timeout_s: float = 2.0) -> None:
        """Cut short what is played, switch everything off and let the pins go; idempotent."""
        self._closing.set()
        with self._changed:
            self._waiting.clear()
            self._changed.notify()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout_s)

    # --- on the thread --------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            chip = self._pins()
            try:
                self._play_all(_Lamps(self._settings, chip))
            finally:
                chip.close()
        except ImportError as error:
            _log.warning("no lights and no buzzer: %s (%s)", error, libraries.missing("gpio"))
        except Exception as error:  # noqa: BLE001 - GPIO libraries fail in ways of their own; no pair may suffer
            _log.warning("no lights and no buzzer: %s: %s", type(error).__name__, error)
        finally:
            with self._changed:
                self._thread = None
                self._waiting.clear()

    def _play_all(self, lamps: _Lamps) -> None:
        try:
            while (signal := self._next()) is not None:
                for step in PATTERNS[signal]:
                    lamps.show(step)
                    self._pause(step.lasts_s)
                    if self._closing.is_set():
                        return
                lamps.show(_OFF)
        finally:
            lamps.close()

    def _next(self) -> Signal | None:
        """The next signal, as soon as there is one; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing.is_set())
            return None if self._closing.is_set() else self._waiting.popleft()


_OFF = Step(0.0)


class _Lamps:
    """The devices on the pins of the settings; what is not configured is left out."""

    def __init__(self, settings: FeedbackSettings, chip: Pins) -> None:
        from gpiozero import DigitalOutputDevice

        self._devices: list[tuple[Any, Callable[[Step], bool]]] = []
        for number, wanted in (
            (settings.gpio_green, lambda step: step.green),
            (settings.gpio_red, lambda step: step.red),
            (None if settings.silent else settings.gpio_buzzer, lambda step: step.sound),
        ):
            if number is not None:
                self._devices.append((DigitalOutputDevice(number, pin_factory=chip), wanted))

    def show(self, step: Step) -> None:
        """Switch everything as the step has it."""
        for device, wanted in self._devices:
            device.value = wanted(step)

    def close(self) -> None:
        """Switch everything off; gpiozero makes inputs of pins it lets go, and an input drives no lamp."""
        for device, _ in self._devices:
            device.off()
            device.close()
