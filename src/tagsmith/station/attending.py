"""What the service manager and Prometheus are told of a station: on the core loop, so that a loop that hangs says so.

A pump that hangs ends the feeding of the watchdog; a reader that is unplugged, a screen that stalls or an API that is
away do not. Nothing here holds up a pair.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tagsmith import __version__, wall_clock
from tagsmith.errors import JournalError
from tagsmith.journal import Journal
from tagsmith.model import DeliveryView, Event, ReaderState, StationView
from tagsmith.supervision import journald
from tagsmith.supervision.figures import Figures, Standing
from tagsmith.supervision.liveness import JOURNAL_S, Beat, late, pump_limit_s
from tagsmith.supervision.notify import Notifier
from tagsmith.supervision.textfile import write_whole

_log = logging.getLogger(__name__)
_told = logging.getLogger("tagsmith.events")

METRICS_S: Final = 15.0
"""How often the file for Prometheus is written."""
STATUS_S: Final = 5.0
"""How often the service manager gets a new line at most, and the beats are looked at where nothing is fed."""
_SHARE: Final = 3
"""The watchdog is fed so many times in the time that the manager waits."""
_WARNED: Final = frozenset({"rejected"})
"""Events that are a warning in the log; a reader or scanner that is not ready is one, too."""


class Watch:
    """Feeds the watchdog while everything turns, and keeps the status line. For the loop that it is started on."""

    def __init__(
        self,
        notifier: Notifier,
        journal: Journal,
        *,
        pumps: Callable[[], Mapping[str, float]] = dict,
        status: Callable[[], str] = str,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Coroutine[None, None, None]] = asyncio.sleep,
    ) -> None:
        self._notifier = notifier
        self._journal = journal
        self._pumps = pumps
        self._status = status
        self._clock = clock
        self._pause = pause
        self._journal_at = clock()
        self._asked: asyncio.Task[None] | None = None
        self._late: tuple[str, ...] = ()

    async def run(self) -> None:
        """Watch until cancelled."""
        watchdog_s = self._notifier.watchdog_s
        every_s = STATUS_S if watchdog_s is None else min(STATUS_S, watchdog_s / _SHARE)
        try:
            while True:
                self.turn()
                await self._pause(every_s)
        finally:
            if self._asked is not None:
                self._asked.cancel()

    def turn(self) -> None:
        """Look at every beat once, and feed if all of them are in time."""
        if self._asked is None or self._asked.done():
            self._asked = asyncio.get_running_loop().create_task(self._ask_journal())
        behind = late(self._clock(), self._beats())
        if behind != self._late:
            self._late = behind
            if behind:
                _log.error("hangs: %s; the watchdog is not fed", ", ".join(behind))
            else:
                _log.warning("everything turns again")
        if not behind:
            self._notifier.feed()
        self._notifier.status(f"hangs: {', '.join(behind)}" if behind else self._status())

    def _beats(self) -> list[Beat]:
        limit_s = pump_limit_s(self._notifier.watchdog_s)
        beats = [Beat(name, at, limit_s) for name, at in self._pumps().items()]
        return [*beats, Beat("the journal", self._journal_at, JOURNAL_S)]

    async def _ask_journal(self) -> None:
        with contextlib.suppress(JournalError):  # a closed journal is the end of the station, not of the watch
            await self._journal.turned()
            self._journal_at = self._clock()


class Counting:
    """Counts a station's events, logs them for journald, and writes the file for Prometheus if one is named."""

    def __init__(self, textfile: Path | None, lanes: tuple[str, ...]) -> None:
        self._textfile = textfile
        self._figures = Figures(lanes)
        self._failed = False

    def take(self, event: Event) -> None:
        """Take in one line of the event stream."""
        self._figures.take(event, time.monotonic())
        if journald.listening():
            _log_event(event)

    async def run(self, journal: Journal, target: str, view: Callable[[], StationView]) -> None:
        """Write the file now and then, until cancelled; then once more, to say that the station has ended."""
        if self._textfile is None:
            return
        standing: Standing | None = None
        try:
            while True:
                with contextlib.suppress(JournalError):  # then it grows old, and the alert on its age tells
                    standing = await standing_of(journal, target, view())
                    await asyncio.to_thread(self._write, standing)
                await asyncio.sleep(METRICS_S)
        finally:
            if standing is not None:
                self._write(replace(standing, up=False))

    def _write(self, standing: Standing) -> None:
        assert self._textfile is not None
        try:
            write_whole(self._textfile, self._figures.text(standing))
        except OSError as error:
            if not self._failed:
                _log.warning("the metrics cannot be written to %s: %s", self._textfile, error.strerror)
            self._failed = True
        else:
            self._failed = False


async def standing_of(journal: Journal, target: str, view: StationView) -> Standing:
    """How a station stands now.

    Raises:
        JournalError: the journal cannot be read.
    """
    now = datetime.now(UTC)
    oldest = next(iter(await journal.due(target, 1)), None)
    last = next(iter(await journal.recent(target, 1)), None)
    return Standing(
        station=view.station,
        version=__version__,
        environment=view.environment,
        delivery=view.delivery.delivery,
        alarm=bool(view.delivery.alarm),
        waiting=await journal.waiting(target),
        oldest_s=None if oldest is None else max(0.0, (now - oldest.entry.paired_at).total_seconds()),
        entries=await journal.tally(target),
        last_pair_at=None if last is None else last.entry.paired_at.timestamp(),
        clock_synchronised=wall_clock.synchronised(),
    )


def status_line(view: StationView) -> str:
    """A station in one line, what is wrong first."""
    away = [
        f"reader {lane.lane} {lane.reader.state}" for lane in view.lanes if lane.reader.state is not ReaderState.READY
    ]
    away += [
        f"scanner {one.name or one.spec} {one.state}" for one in view.scanners if one.state is not ReaderState.READY
    ]
    counted = f"{view.paired} paired, {view.rejected} rejected"
    return "; ".join([*away, counted, delivery_line(view.delivery)])


def delivery_line(view: DeliveryView) -> str:
    """How delivery stands, in one line."""
    said = f"delivery {view.delivery}, {view.waiting} waiting"
    return "; ".join(filter(None, (view.alarm, said, view.message)))


def _log_event(event: Event) -> None:
    """An event as a log record: its words, and its plain values as fields, so that journald lacks nothing of it."""
    fields = event.fields
    worse = event.event in _WARNED or (
        event.event in ("reader", "scanner") and fields.get("state") != str(ReaderState.READY)
    )
    words = [str(fields[name]) for name in ("visual_number", "uid", "reason", "state", "message") if fields.get(name)]
    plain = {name: value for name, value in fields.items() if isinstance(value, str | int | float)}
    extra = {journald.MORE: {"event": event.event, **plain}}
    _told.log(logging.WARNING if worse else logging.INFO, "%s", " ".join([event.event, *words]), extra=extra)
