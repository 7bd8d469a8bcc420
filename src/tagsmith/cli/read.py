"""`tagsmith read`: what is on the reader, tap by tap."""

from __future__ import annotations

import functools
import gc
import json
import os
import queue
import select
import signal
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from tagsmith.cli.output import config_option, order_in_force, settings_from

if TYPE_CHECKING:
    from tagsmith.readers import Edge, TagArrived
    from tagsmith.uid import ByteOrder

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@click.command()
@click.option("--reader", "spec", metavar="SPEC", help="The reader; the first of the settings, or pcsc:, if not given.")
@click.option("--count", type=click.IntRange(min=1), help="End after so many taps.")
@config_option
def read(spec: str | None, count: int | None, config: Path | None) -> None:
    """Print one JSON line per tap: uid (wire order), uid_api, verdict, warnings, reader, at.

    `verdict` is accept, warn or refuse, `warnings` why, as in docs/events.md. Waits for the reader if it is not there,
    and goes on when it comes back. What is in the way is told on standard error.
    """
    from tagsmith.config import DEFAULT_READER
    from tagsmith.readers import Pump, create

    settings = settings_from(config)
    if spec is None:
        spec = settings.reader[0].spec if settings.reader else DEFAULT_READER
    taps = _Taps(spec, order_in_force(settings), settings.uid.allow_eight_bytes, count)
    pump = Pump(create(spec), taps.take)
    try:
        # A reader that is not closed may be deaf to the next program: a PN532 stays at the speed it was set to.
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                signal.signal(number, _end)
        pump.start()
        # What was imported stays: the collector need not go through it in the middle of a tap.
        gc.freeze()
        taps.write()
    except _Ended as end:
        # What stands in the buffer of an output that takes no more would hold up the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + end.number)
    finally:
        _ignore_signals()
        pump.close(2.0)


class _Ended(BaseException):
    """A signal ends the command. No `Exception`, as a KeyboardInterrupt is none: nobody on the way is to take it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _end(number: int, frame: FrameType | None) -> None:
    """End the main thread wherever it waits. A second signal must not interrupt the closing of the reader."""
    _ignore_signals()
    raise _Ended(number)


def _ignore_signals() -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


class _Taps:
    """Edges of one reader as lines: taps on standard output, everything else on standard error.

    A tap is written on the pump's own thread, because handing it over to another one costs half as much time as
    reading it did. But only while standard output takes it: what it does not take at once waits for the main thread,
    so that whoever reads slowly never holds up the reader.
    """

    def __init__(self, spec: str, order: ByteOrder, allow_eight_bytes: bool, count: int | None = None) -> None:
        """`count` is how many taps are written, None: all. The first may come before `write` is called."""
        from tagsmith.uid import judge

        self._judge = functools.partial(judge, allow_eight_bytes=allow_eight_bytes)
        self._spec = spec
        self._name = spec
        self._quoted = json.dumps(spec)
        self._order = order
        self._left = count
        self._backlog: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._behind = 0
        self._writing = threading.Lock()
        self._room = select.poll()
        self._room.register(sys.stdout.fileno(), select.POLLOUT)

    def write(self) -> None:
        """Write taps, those of the backlog on this thread, until there were enough.

        Raises:
            OSError: standard output cannot be written.
        """
        while (line := self._backlog.get()) is not None:
            _write(line)
            with self._writing:
                self._behind -= 1

    def take(self, edge: Edge) -> None:
        """Take one edge, on the pump's thread."""
        from tagsmith.model import ReaderState
        from tagsmith.readers import ReaderChanged, TagArrived, TagsCollided

        match edge:
            case TagArrived():
                self._tap(edge)
            case TagsCollided():
                click.echo("two tags are on the reader, or one that cannot be read: tap one alone", err=True)
            case ReaderChanged(status=status):
                self._name = status.info.name if status.info else self._spec
                self._quoted = json.dumps(self._name)
                ready = status.state is ReaderState.READY and not status.message
                said = "ready" if ready else " → ".join(filter(None, (status.message, status.remedy)))
                click.echo(f"{self._name}: {said}", err=True)

    def _tap(self, tap: TagArrived) -> None:
        with self._writing:
            if self._left == 0:
                return
            line = self._line(tap)
            if self._left is not None:
                self._left -= 1
            if self._behind == 0 and self._takes_more():
                try:
                    _write(line)
                except OSError:
                    self._put(line)  # the main thread meets the same error, and ends the command with it
            else:
                self._put(line)
            if self._left == 0:
                self._backlog.put(None)

    def _put(self, line: bytes) -> None:
        self._behind += 1
        self._backlog.put(line)

    def _takes_more(self) -> bool:
        return any(event & select.POLLOUT for _, event in self._room.poll(0))

    def _line(self, tap: TagArrived) -> bytes:
        uid = tap.tag.uid
        at = datetime.fromtimestamp(tap.at + time.time() - time.monotonic(), UTC).isoformat(timespec="milliseconds")
        verdict = self._judge(uid, sak=tap.tag.sak)
        warnings = "[]" if verdict.decision == "accept" else f'["{verdict.reason}"]'
        return (
            f'{{"uid": "{uid.wire}", "uid_api": "{uid.for_api(self._order)}", "verdict": "{verdict.decision}",'
            f' "warnings": {warnings}, "reader": {self._quoted}, "at": "{at[:23]}Z"}}\n'
        ).encode()


def _write(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()
