"""Numbers from standard input, one a line, for a station without a screen.

Owns the reading of one binary stream and nothing after it: what a line means to a lane is decided elsewhere.
"""

from __future__ import annotations

import logging
import os
import select
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from tagsmith.model import Scan, ScanFault
from tagsmith.scanners.buffer import LIMIT, is_clean

_log = logging.getLogger(__name__)
_TRAFFIC = 5
_CHUNK = 65536
_UTF8_LENGTH = 4
_BLANKS = " \t\r"


class StdinScanner:
    """Reads numbers from a binary stream in a daemon thread of its own and hands each over as soon as its line ended.

    A line ends with LF or CR LF. With one lane it is the number, with several it is `LANE<TAB>NUMBER`; with one lane
    that form is understood too. Names of lanes are compared without regard to case. Blanks and tabs at the ends of a
    number are dropped; a line of nothing else is ignored.

    Handed over with a fault, for the lane if that could be read:
        overflow  a number of more than 512 characters; the rest is read and dropped, never kept in memory
        partial   what stands after the last line end when the stream ends: half a number, if its writer was killed
        dirty     bytes that are no UTF-8 (shown with U+FFFD in their place), or control characters inside the number

    Limits:
        `Scan.at` is the clock's time when the first byte of the line had been read.
        `sink(lane, scan)` is called on the scanner's thread; the next line is read when it returns. The lane is None
        where the line names none, and empty where it names none of `lanes`; the number must then be refused.
        `ended()` is called once on that thread at the end of the stream or when it cannot be read any more.
        What either raises is logged and stops nothing.
        Nothing else may read the stream. A stream with a file descriptor is read by it, without buffering.
    """

    def __init__(
        self,
        stream: BinaryIO,
        lanes: Sequence[str],
        sink: Callable[[str | None, Scan], None],
        ended: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._lanes = {lane.casefold(): lane for lane in lanes}
        self._only = lanes[0] if len(lanes) == 1 else None
        self._sink = sink
        self._ended = ended
        self._clock = clock
        self._closed = threading.Event()
        name_length = max((len(lane.encode()) for lane in lanes), default=0)
        # A number of LIMIT characters fits with its lane, a tab, blanks around the name, and CR; one more shows.
        self._splitter = LineSplitter(_UTF8_LENGTH * (LIMIT + 1) + 2 * name_length + 16)
        self._thread = threading.Thread(target=self._run, name="tagsmith-stdin", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def close(self) -> None:
        """Hand nothing over any more. A read that waits cannot be cancelled: the thread ends with the process."""
        self._closed.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread to end, which it does only at the end of the stream; whether it has ended."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        """The thread: read until the end, whatever happens to a line."""
        try:
            for chunk in self._chunks():
                if self._closed.is_set():
                    return
                _log.log(_TRAFFIC, "stdin: %r", chunk)
                for line in self._splitter.feed(chunk, self._clock()):
                    self._deliver(line)
        except (OSError, ValueError) as error:
            # ValueError is Python's word for a stream that was closed under us.
            _log.warning("standard input cannot be read any more: %s", error)
        if (rest := self._splitter.end()) is not None:
            self._deliver(rest)
        self._call(self._ended)

    def _chunks(self) -> Iterator[bytes]:
        """What comes, as soon as it comes, to the end of the stream."""
        try:
            descriptor = self._stream.fileno()
        except OSError:
            # io.UnsupportedOperation: a stream in memory.
            read: Callable[[int], bytes] = getattr(self._stream, "read1", self._stream.read)
            while chunk := read(_CHUNK):
                yield chunk
            return
        while True:
            try:
                chunk = os.read(descriptor, _CHUNK)
            except BlockingIOError:
                # Another process that shares the pipe or terminal made it non-blocking.
                poll = select.poll()
                poll.register(descriptor, select.POLLIN)
                poll.poll()
                continue
            if not chunk:
                return
            yield chunk

    def _deliver(self, line: Line) -> None:
        """One line to the sink, if anything stands in it."""
        fault = ScanFault.OVERFLOW if line.cut else ScanFault.PARTIAL if line.unended else None
        # Bytes that are no UTF-8 become U+FFFD, which is not clean.
        text = line.data.decode(errors="replace")
        if not text.strip(_BLANKS) and not line.cut:
            return
        lane, number = self._address(text)
        if not is_clean(number):
            fault = fault or ScanFault.DIRTY
        if len(number) > LIMIT:
            fault = ScanFault.OVERFLOW
        scan = Scan(number[:LIMIT], line.at, "stdin", fault)
        self._call(lambda: self._sink(lane, scan))

    def _address(self, text: str) -> tuple[str | None, str]:
        """The lane and the number of a line."""
        name, tab, number = text.partition("\t")
        lane = self._lanes.get(name.strip(" ").casefold()) if tab else None
        if self._only is not None:
            return self._only, (number if lane is not None else text).strip(_BLANKS)
        if lane is None:
            _log.warning("a line on standard input names no lane of this station: %r", text[:80])
        if lane is None and tab:
            lane = ""
        return lane, (number if tab else text).strip(_BLANKS)

    def _call(self, callback: Callable[[], None]) -> None:
        """Call out, unless closed."""
        if self._closed.is_set():
            return
        try:
            callback()
        except Exception:  # noqa: BLE001 - the numbers that follow must still be read
            _log.exception("what took a line from standard input failed")


@dataclass(frozen=True, slots=True)
class Line:
    """The bytes of one line without its LF, and when its first byte was read."""

    data: bytes
    at: float
    cut: bool = False
    """It was longer than could be kept."""
    unended: bool = False
    """No LF followed."""


class LineSplitter:
    """Bytes to lines, however they are cut on the way; keeps at most `limit` bytes of a line. Pure."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._reset()

    def _reset(self) -> None:
        self._data = bytearray()
        self._at: float | None = None
        self._cut = False

    def feed(self, chunk: bytes, at: float) -> Iterator[Line]:
        """The lines that end in this chunk, which was read at `at`; consume them all before the next chunk."""
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            self._add(piece, at)
            yield self._line(at)
        if rest:
            self._add(rest, at)

    def end(self) -> Line | None:
        """What was left without a line end, if anything."""
        return None if self._at is None else self._line(self._at, unended=True)

    def _add(self, piece: bytes, at: float) -> None:
        if self._at is None:
            self._at = at
        room = self._limit - len(self._data)
        self._data += piece[:room]
        self._cut = self._cut or len(piece) > room

    def _line(self, at: float, *, unended: bool = False) -> Line:
        line = Line(bytes(self._data), at if self._at is None else self._at, self._cut, unended)
        self._reset()
        return line
