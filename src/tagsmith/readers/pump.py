"""The one thread per reader, which alone makes edges out of what lies on the reader.

It owns arrivals, departures, debouncing, the reader's state as it is shown, and opening again after a loss. It decides
nothing about tags. It ends by `close` and by nothing else.

What becomes an edge:

- The first field after opening counts like any other: a tag that lies there already arrives once.
- A tag that is away for less than `debounce_s` has not left (a card that rocks in a weak field), whether its absence
  was seen or only its arrival count changed. A *different* tag ends the old one's stay at once.
- Two tags, or something that cannot be read alone, collide. Nothing arrives after a collision until the reader was
  empty: the one that stays behind may be the wrong one.
- When the reader is lost, what lay on it leaves: nobody can say what happens there meanwhile. What lies there when
  the reader returns arrives again, with the time of the return, so that nobody takes it for a tap of before.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from tagsmith.errors import ReaderError
from tagsmith.model import Field, ReaderInfo, ReaderState, ReaderStatus, Tag, Trouble
from tagsmith.readers.base import Reader, status_of

_log = logging.getLogger(__name__)

DEBOUNCE_S = 0.1
"""A tag that returns within this time has not left."""
BACKOFF_S = (0.1, 1.0)
"""First and longest pause between two tries to open a reader: it is back within two seconds of its return."""
WAIT_S = 2.0
"""How long one wait lasts: the heartbeat is never older than this while the reader obeys."""


@dataclass(frozen=True, slots=True)
class TagArrived:
    """A tag lies on the reader, alone. `at` is the monotonic time at which it was first known to be there."""

    tag: Tag
    at: float


@dataclass(frozen=True, slots=True)
class TagsCollided:
    """Two tags lie on the reader, or (no `tags`) something that cannot be read alone."""

    tags: tuple[Tag, ...]
    at: float


@dataclass(frozen=True, slots=True)
class TagLeft:
    """A tag that had arrived is gone, since `at`. Comes once for every `TagArrived`, except at the pump's end."""

    tag: Tag
    at: float


@dataclass(frozen=True, slots=True)
class ReaderChanged:
    """The reader stands otherwise than before."""

    status: ReaderStatus
    at: float


Edge = TagArrived | TagsCollided | TagLeft | ReaderChanged

_TROUBLES = {
    Trouble.MUTE: (
        ReaderState.READY,
        "something lies on the reader that cannot be read",
        "take everything away and lay one key on it, flat",
    ),
    Trouble.NO_UID: (
        ReaderState.READY,
        "the key on the reader gives no UID",
        "take everything away and lay one key on it, flat; if this stays, the key is of another kind",
    ),
    Trouble.HELD: (
        ReaderState.BUSY,
        "another program holds the key on the reader for itself",
        "close that program; this one goes on by itself",
    ),
}


class Pump:
    """Waits on one reader and hands its edges to `sink`, on the pump's own thread.

    `sink` must be quick and may be called until `close` returns; what it raises is logged and changes nothing.
    `pause(seconds)` is how the pump waits between two tries to open; it must return early when `close` is called (the
    default does).
    """

    def __init__(
        self,
        reader: Reader,
        sink: Callable[[Edge], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        debounce_s: float = DEBOUNCE_S,
        backoff_s: tuple[float, float] = BACKOFF_S,
        wait_s: float = WAIT_S,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        self._reader = reader
        self._sink = sink
        self._clock = clock
        self._debounce_s = debounce_s
        self._backoff_s = backoff_s
        self._wait_s = wait_s
        self._stop = threading.Event()
        self._pause = pause or self._stop.wait
        self._thread: threading.Thread | None = None
        self._alive_at = clock()
        self._status: ReaderStatus | None = None
        self._field = Field()
        self._arrived: Tag | None = None
        self._collided: tuple[Tag, ...] | None = None
        self._empty_since: float | None = None
        self._retry_s = backoff_s[0]

    @property
    def alive_at(self) -> float:
        """When the thread last turned, in monotonic seconds: for a watchdog."""
        return self._alive_at

    def start(self) -> None:
        """Start the thread; once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self.run, name=f"pump {self._reader.spec}", daemon=True)
            self._thread.start()

    def close(self, timeout_s: float = 5.0) -> bool:
        """End the thread, and with it the reader. False if it is still busy after the timeout; it ends later then."""
        self._stop.set()
        self._reader.wake()
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return True
        thread.join(timeout_s)
        if thread.is_alive():
            _log.warning("%s does not obey within %.1f s", self._reader.spec, timeout_s)
            return False
        return True

    def run(self) -> None:
        """The thread's work: open, watch, and again, until `close`."""
        try:
            while not self._stop.is_set():
                self._alive_at = self._clock()
                status = self._attend()
                if status is not None and not self._stop.is_set():
                    self._lose(status)
                    self._pause(self._retry_s)
                    self._retry_s = min(self._retry_s * 2, self._backoff_s[1])
        finally:
            self._close()

    # --- the reader -----------------------------------------------------------------------------------------------

    def _attend(self) -> ReaderStatus | None:
        """Open the reader and watch it until it fails; says how it stands then, None at the end."""
        spec = self._reader.spec
        try:
            info = self._reader.open()
            self._report(ReaderStatus(spec, ReaderState.READY, info=info))
            self._watch(info)
        except ReaderError as error:
            return status_of(spec, error)
        except Exception as error:  # noqa: BLE001 - one defect of a driver must not silence the reader for ever
            _log.exception("%s failed in a way nobody expected", spec)
            name = type(error).__name__
            return ReaderStatus(spec, ReaderState.LOST, f"the reader failed ({name})", "unplug it and plug it in again")
        return None

    def _watch(self, info: ReaderInfo) -> None:
        while not self._stop.is_set():
            self._alive_at = self._clock()
            field = self._reader.wait(self._field, self._patience())
            self._retry_s = self._backoff_s[0]
            if field is not self._field:
                self._look(field, self._reader.seen_at, info)
                self._field = field
            self._settle()

    def _patience(self) -> float:
        """How long to wait now: not beyond the moment at which an absence becomes a departure."""
        if self._empty_since is None:
            return self._wait_s
        return min(self._wait_s, max(0.0, self._empty_since + self._debounce_s - self._clock()))

    def _lose(self, status: ReaderStatus) -> None:
        """The reader is gone, and with it what lay there. That is told first: closing may fail, too."""
        self._depart(self._clock() if self._empty_since is None else self._empty_since)
        self._field = Field()
        self._collided = None
        self._report(status)
        self._close()

    def _close(self) -> None:
        try:
            self._reader.close()
        except Exception:  # noqa: BLE001 - a driver that fails to close must not end the thread: it is opened again
            _log.exception("%s cannot be closed", self._reader.spec)

    def _report(self, status: ReaderStatus) -> None:
        if status != self._status:
            self._status = status
            self._emit(ReaderChanged(status, self._clock()))

    # --- what lies on it ------------------------------------------------------------------------------------------

    def _look(self, field: Field, at: float, info: ReaderInfo) -> None:
        """Make edges of a field that is not the last one."""
        if field.trouble is not self._field.trouble:
            self._show_trouble(field.trouble, info)
        if not field.tags and field.trouble is None:
            if self._empty_since is None:
                self._empty_since = at
            return
        gone_since = self._empty_since
        if gone_since is not None and self._still_empty(at):
            self._end_stay()
        self._empty_since = None
        if self._arrived is not None and self._arrived not in field.tags:
            self._depart(at if gone_since is None else gone_since)
        if field.trouble is Trouble.HELD:
            return
        if len(field.tags) != 1:
            if field.tags != self._collided:
                self._collided = field.tags
                self._emit(TagsCollided(field.tags, at))
            return
        if self._collided == () and not info.sees_removal:
            # It was no key that lies there still, but a frame without a UID: the next one is a key of its own.
            self._collided = None
        if self._arrived is None and self._collided is None:
            self._arrived = field.tags[0]
            self._emit(TagArrived(self._arrived, at))

    def _settle(self) -> None:
        """An absence that has lasted is a departure."""
        if self._still_empty(self._clock()):
            self._end_stay()

    def _still_empty(self, now: float) -> bool:
        return self._empty_since is not None and now >= self._empty_since + self._debounce_s

    def _end_stay(self) -> None:
        """The reader was empty for long enough: whatever lay there has left."""
        if self._empty_since is not None:
            self._depart(self._empty_since)
        self._empty_since = None
        self._collided = None

    def _depart(self, at: float) -> None:
        tag, self._arrived = self._arrived, None
        self._empty_since = None
        if tag is not None:
            self._emit(TagLeft(tag, at))

    def _show_trouble(self, trouble: Trouble | None, info: ReaderInfo) -> None:
        spec = self._reader.spec
        if trouble is None:
            self._report(ReaderStatus(spec, ReaderState.READY, info=info))
        else:
            state, message, remedy = _TROUBLES[trouble]
            self._report(ReaderStatus(spec, state, message, remedy, info))

    def _emit(self, edge: Edge) -> None:
        try:
            self._sink(edge)
        except Exception:  # noqa: BLE001 - a listener's defect must not end the reading of keys
            _log.exception("%s: nobody took %s", self._reader.spec, type(edge).__name__)
        _log.debug("%s: %s", self._reader.spec, edge)
