"""Readers on nfcpy: sticks on USB, a PN532 on a serial port, and nfcpy's own simulated reader.

The one door of nfcpy. It owns when a reader is looked at and when a fault becomes a loss; what a spec means, how a
device is opened and what its answers and errors mean is in the `nfcpy_` modules beside it. It uses
`ContactlessFrontend.sense()` and never `connect()`, which turns errors into False and skips phones.

How it waits: nfcpy can only be asked, so it is asked again and again. Each look switches the field off and on and so
finds what lies there anew. The pause between two looks is short while something happens and long after
`ACTIVE_S` without; a change makes it short again at once, so that a look that misses a card which rocks in a weak
field is made good before the pump's debouncing ends.

A fault is tried again with the device held open, because some readers cannot be opened a second time; the third in a
row is a loss. What went away is one at once.

What a reader can: it sees removal and SAK; it sees two cards of type A where its chip lists two (PN531, PN532,
ACR122U).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tagsmith.errors import ReaderError, ReaderLost, ReaderUnsupported
from tagsmith.lines import libraries
from tagsmith.lines.usb import usb_devices
from tagsmith.model import Field, ReaderInfo, ReaderStatus, Tag, Trouble
from tagsmith.readers import nfcpy_usb
from tagsmith.readers.base import TRAFFIC, Reader
from tagsmith.readers.nfcpy_device import Library, NfcDevice, open_tty, open_udp, open_usb
from tagsmith.readers.nfcpy_errors import PASSING, failure, gone, meaning
from tagsmith.readers.nfcpy_spec import Plan, Tty, Udp, Usb, parse
from tagsmith.readers.nfcpy_tags import same_stay

_log = logging.getLogger(__name__)

ACTIVE_S = 60.0
"""How long after the last change the looks stay frequent."""
RETRY_S = (0.05, 0.25)
"""After the first and second fault in a row: what is still on its way comes meanwhile, and the next command throws it
away. One more is a loss."""


def load() -> Library:
    """nfcpy's modules.

    Raises:
        ReaderUnsupported: nfcpy, or what it needs, is not installed.
    """
    try:
        import nfc.clf
        import nfc.clf.pn532
        import nfc.clf.transport
    except ImportError as error:
        if (error.name or "").split(".")[0] == "nfc":
            raise nfcpy_usb.not_installed() from error
        raise ReaderUnsupported(f"nfcpy cannot be loaded: {error}", libraries.missing("nfcpy")) from error
    except OSError as error:  # the shared library of libusb
        raise ReaderUnsupported(f"nfcpy cannot be loaded: {error}", "sudo apt install libusb-1.0-0") from error
    return Library(nfc.clf, nfc.clf.transport, {"pn532": nfc.clf.pn532})


class NfcpyReader(Reader):
    """A reader on nfcpy. `rest` is what stands behind `nfcpy:` in its spec.

    `devices` are the USB devices that are there; `library` loads nfcpy; `pause(seconds)` is how it waits between two
    looks, and returns early when the reader is woken (the default does).

    Raises:
        ConfigError: the spec is none.
    """

    def __init__(
        self,
        rest: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        library: Callable[[], Library] = load,
        devices: nfcpy_usb.Devices = usb_devices,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        super().__init__(f"nfcpy:{rest}", clock=clock)
        self._plan: Plan = parse(self.spec)
        self._load = library
        self._devices = devices
        self._stirred = threading.Event()
        self._pause = pause or self._stirred.wait
        self._device: NfcDevice | None = None
        self._name = ""
        self._node: Path | None = None
        self._drivers: tuple[str, ...] = ()
        self._forget()

    def _forget(self) -> None:
        """Know nothing of what lies there; the first look then tells everything at once."""
        self._field = Field()
        self._count = 0
        self._faults = 0
        self._known_since = self._active_at = self._due_at = self._clock()

    # --- the backend's part ---------------------------------------------------------------------------------------

    def _open(self) -> ReaderInfo:
        library = self._load()
        self._forget()
        spec = self.spec
        match self._plan.device:
            case Tty(path, driver):
                self._name, self._node, self._drivers = f"the chip at {path}", path, ()
                real = Path(path.resolve())  # what a udev link names may be another node after each plug
                self._claim(str(real))
                self._node = real
                self._device = open_tty(library, real, driver, self._plan.technologies)
                where = str(path)
            case Usb() as wanted:
                device = nfcpy_usb.choose(wanted, self._devices())
                self._name, self._node, self._drivers = f"the reader {device.ids}", device.node, device.drivers
                self._claim(str(device.node))
                self._device = open_usb(library, device, self._plan.technologies)
                where = nfcpy_usb.place(device)
                if wanted == Usb():
                    spec = f"nfcpy:usb:{where}{self._plan.query}"
            case Udp(host, port) as partner:
                self._name, self._node, self._drivers = f"the simulated reader at {host}:{port}", None, ()
                self._claim(f"udp:{host}:{port}")
                self._device = open_udp(library, partner, self._plan.technologies)
                where = f"{host}:{port}"
        self._name = f"{self._device.name or 'reader'} at {where}"
        self._active_at = self._clock()
        return ReaderInfo(self._name, spec, sees_two=self._device.sees_two, sees_removal=True, sees_sak=True)

    def _wait(self, last: Field, timeout_s: float) -> Field:
        deadline = self._clock() + timeout_s
        while True:
            self._stirred.clear()  # before looking at `_interrupted`: whoever interrupts from here on ends the pause
            if self._interrupted:
                return last
            now = self._clock()
            # If the caller does not know yet what is known here, look at once whether that is still true.
            if self._field == last and now < self._due_at:
                if now >= deadline:
                    return last
                self._pause(min(self._due_at, deadline) - now)
                continue
            self._look()
            if self._field != last:
                self._first_seen = self._known_since
                return self._field
            if self._clock() >= deadline:
                return last

    def _wake(self) -> None:
        self._stirred.set()

    def _close(self) -> None:
        device, self._device = self._device, None
        self._forget()
        if device is not None:
            device.close()

    def _translate(self, error: Exception) -> ReaderError | None:
        known = failure(error, was_open=self._info is not None, name=self._name, node=self._node, drivers=self._drivers)
        if known is not None:
            _log.debug("%s: %s: %s", self.spec, type(error).__name__, error)
        return known

    # --- looking --------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Look once, and set when to look again. What cannot be seen now stays as it was."""
        if self._device is None:
            raise ReaderLost("the reader is closed")
        try:
            seen = self._device.look()
        except Exception as error:
            # Held open where it may be over at the next try; what no driver raises is a defect of ours, and raised.
            self._faults += 1
            if meaning(error) not in PASSING or self._faults > len(RETRY_S) or gone(self._node):
                raise
            _log.info("%s: fault %d in a row: %s: %s", self.spec, self._faults, type(error).__name__, error)
            self._due_at = self._clock() + RETRY_S[self._faults - 1]
            return
        self._faults = 0
        now = self._clock()
        self._take(seen, now)
        idle = now - self._active_at >= ACTIVE_S
        self._due_at = now + (self._plan.idle_s if idle else self._plan.poll_s)

    def _take(self, seen: tuple[Tag, ...] | Trouble, now: float) -> None:
        """Make the field of what was seen. It counts arrivals: what was away for one look has come anew."""
        tags, trouble = ((), seen) if isinstance(seen, Trouble) else (seen, None)
        if trouble is self._field.trouble and same_stay(self._field.tags, tags):
            return
        if tags or trouble is not None:
            self._count += 1
            self._field = Field(tags, self._count, trouble)
        else:
            self._field = Field()
        self._known_since = self._active_at = now
        _log.log(TRAFFIC, "%s: in the field: %s", self.spec, [tag.raw for tag in tags] or trouble or "nothing")


def discover() -> list[ReaderStatus]:
    """Every USB reader that nfcpy can use, with the spec that selects just it; nothing is opened."""
    return nfcpy_usb.discover()
