"""Scanners that act as keyboards, read past the console: `evdev:…`.

Owns nothing but the turn from a device's lines to scans; finding, grabbing and decoding are in `lines`.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from tagsmith.lines.spec import Spec
from tagsmith.lines.typist import Device, Typist
from tagsmith.model import Scan, ScanFault
from tagsmith.scanners.base import ScannerDevice
from tagsmith.scanners.buffer import LIMIT, is_clean


class EvdevScanner(ScannerDevice):
    """A barcode scanner as an input device. `spec` is `evdev:ADDRESS?options`; the options are those of `Typist`.

    Blanks at the ends of a line are dropped; a line of nothing else is ignored. `Scan.at` is the kernel's time of the
    first key.

    Raises:
        ConfigError: the spec names no input device, or an option is wrong.
    """

    def __init__(self, spec: str, *, device: Device | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(spec)
        options = Spec(spec)
        self._typist = Typist(options, device=device, limit=LIMIT, clock=clock)
        options.finish()

    def open(self) -> str:
        """Grab the device; its name."""
        return self._typist.open()

    def read(self, timeout_s: float) -> list[Scan]:
        """The scans that have ended."""
        scans = []
        for line in self._typist.read(timeout_s):
            text = line.text.strip(" ")
            fault = line.fault or (None if is_clean(text) else ScanFault.DIRTY)
            if text or fault is not None:
                scans.append(Scan(text, line.at, "scanner", fault, self.spec))
        return scans

    def wake(self) -> None:
        """Make a read under way return soon."""
        self._typist.wake()

    def close(self) -> None:
        """Let the device go."""
        self._typist.close()
