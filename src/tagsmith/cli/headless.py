"""The headless station: standard input → scans, events → standard output (JSON, or sentences), signals → a clean end.

The core never waits for standard output: lines are written by a thread of their own. Whoever reads them may be slow;
whoever stops reading them ends the station, because nobody would see a refusal.
"""

from __future__ import annotations

import enum
import logging
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime
from typing import TYPE_CHECKING

import click

from tagsmith.cli.output import end_now_unless, log_to_stderr, write_json
from tagsmith.errors import StationError
from tagsmith.model import Event, Scan, Terms
from tagsmith.scanners.stdin import StdinScanner
from tagsmith.sentences import sentence
from tagsmith.station import Station, bound_lane

if TYPE_CHECKING:
    from tagsmith.config import Settings

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_STOP_WITHIN_S = 6.0
"""How long a commit under way may hold up the end; such a pair was never reported."""
SOMETHING_LEFT = 3
"""Exit code: entries are left that could not be sent in time."""


class _Told(enum.Enum):
    """What the main thread is told while it waits."""

    READY = enum.auto()
    """The station takes taps and scans."""
    INPUT_ENDED = enum.auto()
    """Standard input is at its end."""
    DRAINED = enum.auto()
    """Nothing more can be delivered, or the time for it is over."""
    STOP = enum.auto()
    """A signal asked for the end."""
    DEAF = enum.auto()
    """Nobody reads standard output any more."""
    ENDED = enum.auto()
    """The core ended by itself."""


def _as_json(event: Event) -> None:
    write_json({"event": event.event, **event.fields})


def _as_sentence(event: Event) -> None:
    at = event.fields.get("at")
    when = datetime.fromisoformat(at) if isinstance(at, str) else datetime.now().astimezone()
    # As `write_json`: the terminal's encoding must not make a sentence fail.
    sys.stdout.buffer.write(sentence(event, when).encode(sys.stdout.encoding or "utf-8", "replace") + b"\n")
    sys.stdout.buffer.flush()


class EventWriter:
    """Writes events by `write`, from a thread of its own. `deaf` is called once when writing fails."""

    def __init__(self, deaf: Callable[[], None], write: Callable[[Event], None] = _as_json) -> None:
        self._write = write
        self._queue: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._deaf = deaf
        self._thread = threading.Thread(target=self._run, name="tagsmith-events", daemon=True)
        self._thread.start()

    def put(self, event: Event) -> None:
        """Write this event as soon as possible. Never blocks."""
        self._queue.put(event)

    def close(self, timeout_s: float = 2.0) -> None:
        """Write what is left, as far as somebody reads it."""
        self._queue.put(None)
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while (event := self._queue.get()) is not None:
            try:
                self._write(event)
            except (OSError, ValueError):
                # What is buffered for nobody would fail again at exit, and take the exit code with it.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                self._deaf()
                return


def run_headless(settings: Settings, terms: Terms, *, plain: bool = False, batch: str | None = None) -> int:
    """Run the station until its input ends or a signal comes; the exit code. `plain`: sentences instead of JSON.

    `batch` names the batch that keys are made of.

    Raises:
        TagsmithError: it cannot start or go on.
    """
    if sys.stdout is None:
        raise StationError("standard output is closed: nobody would see a refusal", "let it write to a pipe or a file")
    told: queue.SimpleQueue[_Told] = queue.SimpleQueue()
    log_to_stderr(logging.WARNING if plain else logging.INFO)
    for number in _SIGNALS:
        signal.signal(number, lambda *_: told.put(_Told.STOP))
    writer = EventWriter(lambda: told.put(_Told.DEAF), _as_sentence if plain else _as_json)

    def listen(event: Event) -> None:
        writer.put(event)
        if event.event == "ready":
            told.put(_Told.READY)

    station = Station(settings, terms=terms, listener=listen, batch=batch)
    lanes = _lanes_of_stdin(settings, station.lanes)
    station.start()
    threading.Thread(target=_tell_end, args=(station, told), name="tagsmith-end", daemon=True).start()
    code = 1
    try:
        code = _wait(station, settings.courier.drain_s, lanes, told)
    finally:
        station.stop(_STOP_WITHIN_S)
        writer.close()
        for number in _SIGNALS:
            # A second signal must not turn a clean end into a killed process while the interpreter winds up.
            signal.signal(number, signal.SIG_IGN)
        end_now_unless(station.ended, code)
    return code


def _lanes_of_stdin(settings: Settings, lanes: tuple[str, ...]) -> tuple[str, ...] | None:
    """The lanes that standard input may name; None where it is no scanner of this station.

    One that is bound to a lane feeds that one only.

    Raises:
        ConfigError: it is bound to a lane that no reader has.
    """
    mine = [scanner for scanner in settings.scanner if scanner.spec == "stdin:"]
    if settings.scanner and not mine:
        return None
    bound = bound_lane(mine[0].lane, lanes) if mine else None
    return lanes if bound is None else (bound,)


def _wait(station: Station, drain_s: float, lanes: tuple[str, ...] | None, told: queue.SimpleQueue[_Told]) -> int:
    """Follow what the main thread is told until the station is to end; the exit code."""
    draining: Future[int] | None = None
    while True:
        match told.get():
            case _Told.READY if lanes is not None:
                _scan_stdin(station, lanes, told)
            case _Told.INPUT_ENDED:
                draining = station.drain(drain_s)
                draining.add_done_callback(lambda _: told.put(_Told.DRAINED))
            case _Told.DRAINED:
                assert draining is not None
                if left := draining.result():
                    click.echo(f"tagsmith: {left} left to send; they are sent at the next start", err=True)
                return SOMETHING_LEFT if left else 0
            case _Told.STOP:
                return 0
            case _Told.DEAF:
                click.echo("tagsmith: nobody reads standard output any more: the station ends", err=True)
                return 1
            case _Told.ENDED:
                if station.failure is not None:
                    raise station.failure
                return 0


def _scan_stdin(station: Station, lanes: tuple[str, ...], told: queue.SimpleQueue[_Told]) -> None:
    """Take numbers from standard input; a closed one is one that has ended."""

    def take(lane: str | None, scan: Scan) -> None:
        station.scan(scan, lane)

    if sys.stdin is None:
        told.put(_Told.INPUT_ENDED)
        return
    StdinScanner(sys.stdin.buffer, lanes, take, lambda: told.put(_Told.INPUT_ENDED)).start()


def _tell_end(station: Station, told: queue.SimpleQueue[_Told]) -> None:
    station.wait()
    told.put(_Told.ENDED)
