"""The reader as everybody else sees it: one verb, `wait`, and the rules that every backend gets for nothing.

It owns timing, the translation of foreign errors, the lock that keeps a second process out, and who may be inside a
backend at one time. It never makes edges (that is the pump) and knows no hardware (that is a backend).
"""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import NoReturn

from tagsmith.errors import (
    DeviceBusy,
    DeviceError,
    DeviceForbidden,
    DeviceLost,
    DeviceMissing,
    DeviceUnsupported,
    ReaderBusy,
    ReaderError,
    ReaderForbidden,
    ReaderLost,
    ReaderMissing,
    ReaderUnsupported,
)
from tagsmith.model import Field, ReaderInfo, ReaderState, ReaderStatus, Signal
from tagsmith.readers.lock import ReaderLock

_log = logging.getLogger(__name__)

TRAFFIC = 5
"""The log level of bytes on the wire."""
CLOSE_PATIENCE_S = 5.0
"""How long `close` waits for a wait under way to end before it leaves the closing to that wait."""


_STATES: dict[type[ReaderError], ReaderState] = {
    ReaderMissing: ReaderState.MISSING,
    ReaderForbidden: ReaderState.FORBIDDEN,
    ReaderBusy: ReaderState.BUSY,
    ReaderLost: ReaderState.LOST,
    ReaderUnsupported: ReaderState.UNSUPPORTED,
}


_OF_DEVICES: dict[type[DeviceError], type[ReaderError]] = {
    DeviceMissing: ReaderMissing,
    DeviceForbidden: ReaderForbidden,
    DeviceLost: ReaderLost,
    DeviceUnsupported: ReaderUnsupported,
}


def status_of(spec: str, error: ReaderError) -> ReaderStatus:
    """How a reader stands that failed with this error."""
    return ReaderStatus(spec, _STATES.get(type(error), ReaderState.LOST), error.message, error.remedy)


class Reader(ABC):
    """One reader position. A backend fills `_open`, `_wait` and `_close`, and where it needs to `_wake`, `_signal`
    and `_translate`; everything public is done here.

    `open` and `wait` belong to one thread (the pump's); `wake`, `signal` and `close` may be called from any, and only
    `close` may take time. A closed reader may be opened again. `spec` is the text that selects the reader.
    """

    silent = False
    """Signals make no sound; lights stay. Set before the reader is opened."""

    def __init__(self, spec: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.spec = spec
        self._clock = clock
        self._inside = threading.Lock()
        self._woken = threading.Event()
        self._closing = False
        self._signals: deque[Signal] = deque(maxlen=4)
        self._lock: ReaderLock | None = None
        self._info: ReaderInfo | None = None
        self._seen_at = 0.0
        self._first_seen: float | None = None

    # --- what everybody calls -------------------------------------------------------------------------------------

    @property
    def info(self) -> ReaderInfo | None:
        """What the reader is and can; None unless it is open."""
        return self._info

    @property
    def seen_at(self) -> float:
        """The monotonic time at which what the last `wait` returned was first known. Read it on the waiting thread."""
        return self._seen_at

    def open(self) -> ReaderInfo:
        """Open the reader and keep other processes out; an open one just says what it is.

        Raises:
            ReaderMissing: it is not there.
            ReaderForbidden: it is there, but this user may not open it.
            ReaderBusy: another process, or another lane of this one, holds it.
            ReaderUnsupported: it cannot do what is needed, or its library is not installed.
        """
        with self._inside:
            if self._info is not None:
                return self._info
            self._closing = False
            try:
                info = self._open()
                self._claim(info.spec)
                self._info = info
            except Exception as error:  # noqa: BLE001 - always raised again
                self._raise(error)
            finally:
                if self._info is None:
                    self._shut()
            return info

    def wait(self, last: Field, timeout_s: float) -> Field:
        """Block until what is on the reader differs from `last`, and return that.

        Returns `last` at the timeout, and soon after `wake` (a wake that found nobody waiting makes the next wait
        return at once). Never returns early otherwise.

        Raises:
            ReaderLost: the reader, or its service, went away, or `close` was called meanwhile.
            ReaderForbidden, ReaderBusy, ReaderUnsupported: as for `open`, where that shows only now.
        """
        deadline = self._clock() + timeout_s
        with self._inside:
            try:
                return self._wait_until(last, deadline)
            except Exception as error:  # noqa: BLE001 - always raised again
                self._raise(error)
            finally:
                if self._closing:  # by a `close` that gave up waiting: whoever leaves last closes
                    self._shut()

    def wake(self) -> None:
        """Make a wait under way return soon. Never blocks."""
        self._woken.set()
        self._wake()

    def signal(self, pattern: Signal) -> None:
        """Show a pattern on buzzer and light, if there are any. Never blocks: the waiting thread plays it."""
        if type(self)._signal is Reader._signal:
            return
        self._signals.append(pattern)
        self._wake()

    def close(self) -> None:
        """Close the reader and let others have it; idempotent. A wait under way ends with `ReaderLost`."""
        self._closing = True
        self._wake()
        if self._inside.acquire(timeout=CLOSE_PATIENCE_S):
            try:
                self._shut()
            finally:
                self._inside.release()
        else:
            _log.warning("%s is still busy; it is closed when it comes back", self.spec)

    # --- what a backend fills -------------------------------------------------------------------------------------

    @abstractmethod
    def _open(self) -> ReaderInfo:
        """Find the device and open it, or raise. Call `_claim` before the first byte where opening disturbs others."""

    @abstractmethod
    def _wait(self, last: Field, timeout_s: float) -> Field:
        """Return what is on the reader: as soon as that differs from `last`, at the timeout, or when `_interrupted`.

        Returning early with an equal field is allowed; it is called again. Where reading takes time, set `_first_seen`
        to the moment at which the change was first known.
        """

    @abstractmethod
    def _close(self) -> None:
        """Free the device. Idempotent: also called when `_open` failed half-way, and when nothing is open."""

    def _wake(self) -> None:  # noqa: B027 - a backend whose wait looks at nothing but `_interrupted` needs none
        """End a `_wait` under way. Called from any thread, must not block; what to do then is in `_interrupted`."""

    def _signal(self, pattern: Signal) -> None:  # noqa: B027 - most readers have neither buzzer nor light of ours
        """Play a pattern; called on the waiting thread, between two `_wait`s."""

    def _translate(self, error: Exception) -> ReaderError | None:
        """The typed error for a foreign one, from the backend's one table; None for what it does not know."""
        return None

    # --- what a backend may use -----------------------------------------------------------------------------------

    @property
    def _interrupted(self) -> bool:
        """Whether `_wait` should return now. To be looked at last thing before blocking."""
        return self._closing or bool(self._signals) or self._woken.is_set()

    def _claim(self, identity: str) -> None:
        """Keep other processes out of the device of that name, until it is closed; once is enough.

        Raises:
            ReaderBusy: somebody else has claimed it; says who.
        """
        if self._lock is None:
            lock = ReaderLock(identity)
            lock.acquire()
            self._lock = lock

    # --- inside ---------------------------------------------------------------------------------------------------

    def _raise(self, error: BaseException) -> NoReturn:
        """Raise the error that is being handled: as ours if it stands in the backend's table, else as it is."""
        known = self._known(error) if isinstance(error, Exception) and not isinstance(error, ReaderError) else None
        if known is None:
            raise error
        raise known from error

    def _known(self, error: Exception) -> ReaderError | None:
        """The typed error for one of a device, or for a foreign one that stands in the backend's table."""
        if isinstance(error, DeviceBusy):
            return ReaderBusy(error.message, error.remedy, holders=error.holders)
        if isinstance(error, DeviceError):
            return _OF_DEVICES.get(type(error), ReaderLost)(error.message, error.remedy)
        return self._translate(error)

    def _wait_until(self, last: Field, deadline: float) -> Field:
        while True:
            self._check_open()
            self._play_signals()
            if self._woken.is_set():
                self._woken.clear()
                return last
            self._first_seen = None
            field = self._wait(last, max(0.0, deadline - self._clock()))
            if field != last:
                seen_at = self._first_seen  # which `_wait` may have set, whatever mypy thinks
                self._seen_at = self._clock() if seen_at is None else seen_at  # type: ignore[redundant-expr]
                return field
            if self._clock() >= deadline:
                return last

    def _check_open(self) -> None:
        if self._closing or self._info is None:
            raise ReaderLost("the reader is closed")

    def _play_signals(self) -> None:
        while self._signals:
            self._signal(self._signals.popleft())

    def _shut(self) -> None:
        """Free the device, then the lock, whatever goes wrong with the first."""
        try:
            self._close()
        except Exception as error:
            known = self._known(error)
            if known is None:
                raise
            _log.info("%s: closing it: %s", self.spec, known)
        finally:
            self._info = None
            lock, self._lock = self._lock, None
            if lock is not None:
                lock.release()
