"""A scanner that is a device of its own, and the thread that reads it, whatever happens to its cable.

Owns opening, opening again after a loss, and the state as it is shown. What a line means to a lane is decided
elsewhere; a device knows nothing of lanes but the one it may be bound to.
"""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable

from tagsmith.errors import (
    DeviceBusy,
    DeviceError,
    DeviceForbidden,
    DeviceLost,
    DeviceMissing,
    DeviceUnsupported,
)
from tagsmith.model import ReaderState, Scan, ScannerStatus

_log = logging.getLogger(__name__)

BACKOFF_S = (0.1, 1.0)
"""First and longest pause between two tries to open a scanner: it is back within two seconds of its return."""
WAIT_S = 2.0
"""How long one read lasts at most: the heartbeat is never older than this while the device obeys."""

_STATES: dict[type[DeviceError], ReaderState] = {
    DeviceMissing: ReaderState.MISSING,
    DeviceForbidden: ReaderState.FORBIDDEN,
    DeviceBusy: ReaderState.BUSY,
    DeviceLost: ReaderState.LOST,
    DeviceUnsupported: ReaderState.UNSUPPORTED,
}


class ScannerDevice(ABC):
    """One scanner. `open` and `read` belong to one thread; `wake` may be called from any and never blocks."""

    def __init__(self, spec: str) -> None:
        self.spec = spec

    @abstractmethod
    def open(self) -> str:
        """Open the device for this process alone; its name for people.

        Raises:
            DeviceError: it cannot be opened; the class says why.
        """

    @abstractmethod
    def read(self, timeout_s: float) -> list[Scan]:
        """The scans that have ended, as soon as there is one; none at the timeout, or soon after `wake`.

        A line that cannot be used is a scan with a fault. `Scan.at` is the capture of its first character,
        `Scan.scanner` this device's spec.

        Raises:
            DeviceError: it went away.
        """

    @abstractmethod
    def wake(self) -> None:
        """Make a read under way return soon."""

    @abstractmethod
    def close(self) -> None:
        """Let the device go; idempotent. Half a line that is under way is dropped. Raises nothing."""


class ScannerPump:
    """Reads one scanner on a daemon thread and hands its scans to `sink`, its states to `changed`, on that thread.

    `lane` is the lane it is bound to (empty: none) and only stands in the status. What a listener raises is logged and
    changes nothing. `pause(seconds)` is how the pump waits between two tries to open; it must return early on `close`.
    """

    def __init__(
        self,
        device: ScannerDevice,
        sink: Callable[[Scan], None],
        changed: Callable[[ScannerStatus], None],
        *,
        lane: str = "",
        clock: Callable[[], float] = time.monotonic,
        backoff_s: tuple[float, float] = BACKOFF_S,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        self._device = device
        self._sink = sink
        self._changed = changed
        self._lane = lane
        self._clock = clock
        self._backoff_s = backoff_s
        self._stop = threading.Event()
        self._pause = pause or self._stop.wait
        self._status: ScannerStatus | None = None
        self._retry_s = backoff_s[0]
        self._thread: threading.Thread | None = None
        self._alive_at = clock()

    @property
    def spec(self) -> str:
        """The spec of the device it reads."""
        return self._device.spec

    @property
    def alive_at(self) -> float:
        """When the thread last turned, in monotonic seconds: for a watchdog."""
        return self._alive_at

    def start(self) -> None:
        """Start the thread; once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self.run, name=f"scanner {self._device.spec}", daemon=True)
            self._thread.start()

    def close(self, timeout_s: float = 5.0) -> bool:
        """End the thread, and with it the device. False if it is still busy after the timeout; it ends later then."""
        self._stop.set()
        self._device.wake()
        if self._thread is None or self._thread is threading.current_thread():
            return self._thread is None
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def run(self) -> None:
        """The thread: open, read until it fails, and again."""
        while not self._stop.is_set():
            self._alive_at = self._clock()
            status = self._attend()
            if status is None:
                break
            self._report(status)
            self._close()
            self._pause(self._retry_s)
            self._retry_s = min(2 * self._retry_s, self._backoff_s[1])
        self._close()

    def _close(self) -> None:
        try:
            self._device.close()
        except Exception:  # noqa: BLE001 - a driver that fails to close must not end the thread: it is opened again
            _log.exception("%s cannot be closed", self._device.spec)

    def _attend(self) -> ScannerStatus | None:
        """Read the device until it fails; says how it stands then, None at the end."""
        try:
            name = self._device.open()
            self._report(ScannerStatus(self._device.spec, ReaderState.READY, name, lane=self._lane))
            self._retry_s = self._backoff_s[0]
            while not self._stop.is_set():
                self._alive_at = self._clock()
                for scan in self._device.read(WAIT_S):
                    self._hand_over(scan)
        except DeviceError as error:
            state = _STATES.get(type(error), ReaderState.LOST)
            return ScannerStatus(self._device.spec, state, "", error.message, error.remedy, self._lane)
        except Exception as error:  # noqa: BLE001 - one defect of a driver must not silence the scanner for ever
            _log.exception("%s failed in a way nobody expected", self._device.spec)
            message = f"the scanner failed ({type(error).__name__})"
            return ScannerStatus(
                self._device.spec, ReaderState.LOST, "", message, "unplug it and plug it in again", self._lane
            )
        return None

    def _hand_over(self, scan: Scan) -> None:
        if self._stop.is_set():
            return
        try:
            self._sink(scan)
        except Exception:  # noqa: BLE001 - a listener's defect must not end the reading of numbers
            _log.exception("%s: nobody took a scan", self._device.spec)

    def _report(self, status: ScannerStatus) -> None:
        if status == self._status:
            return
        self._status = status
        try:
            self._changed(status)
        except Exception:  # noqa: BLE001 - as above
            _log.exception("%s: nobody took its state", self._device.spec)
