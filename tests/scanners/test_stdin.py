"""scanners/stdin.py: bytes from a stream to scans, on a thread of its own."""

from __future__ import annotations

import io
import logging
import os
import queue
import select
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagsmith.model import Scan, ScanFault
from tagsmith.scanners.buffer import LIMIT
from tagsmith.scanners.stdin import Line, LineSplitter, StdinScanner

untimed = settings(deadline=None)
PATIENCE_S = 20.0
"""How long a test waits for a thread before it fails; never how long it takes."""


@dataclass
class Catch:
    """Keeps what a scanner hands over, in order; None stands for the end."""

    got: queue.Queue[tuple[str | None, Scan] | None] = field(default_factory=queue.Queue)

    def sink(self, lane: str | None, scan: Scan) -> None:
        """A line."""
        self.got.put((lane, scan))

    def ended(self) -> None:
        """The end."""
        self.got.put(None)

    def next(self) -> tuple[str | None, Scan] | None:
        """What comes next."""
        return self.got.get(timeout=PATIENCE_S)

    def all(self) -> list[tuple[str | None, Scan]]:
        """Everything to the end."""
        return list(iter(self.next, None))


def read(data: bytes | BinaryIO, lanes: tuple[str, ...] = ("main",)) -> list[tuple[str | None, Scan]]:
    """All that a scanner makes of a stream that ends; every line is captured at 5."""
    catch = Catch()
    stream = io.BytesIO(data) if isinstance(data, bytes) else data
    StdinScanner(stream, lanes, catch.sink, catch.ended, clock=lambda: 5.0).start()
    return catch.all()


def texts(data: bytes, lanes: tuple[str, ...] = ("main",)) -> list[tuple[str | None, str, ScanFault | None]]:
    """Lane, text and fault of each line."""
    return [(lane, scan.text, scan.fault) for lane, scan in read(data, lanes)]


@dataclass
class Pipe:
    """A pipe with a scanner at its end."""

    catch: Catch
    scanner: StdinScanner
    write: Callable[[bytes], int]
    end: Callable[[], None]
    clock: list[float]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """A scanner on the reading end of a real pipe, with a clock that stands until it is set."""
    reading, writing = os.pipe()
    open_ends = [writing]
    catch, clock = Catch(), [1.0]
    with open(reading, "rb") as stream:
        scanner = StdinScanner(stream, ["main"], catch.sink, catch.ended, clock=lambda: clock[0])
        scanner.start()

        def end() -> None:
            while open_ends:
                os.close(open_ends.pop())

        yield Pipe(catch, scanner, lambda data: os.write(writing, data), end, clock)
        end()
        # The stream is closed only when nothing reads it any more.
        assert scanner.join(PATIENCE_S)


# --- lines -------------------------------------------------------------------------------------------------------


def test_a_line_is_a_scan() -> None:
    """With LF or CR LF, in UTF-8, blanks at the ends dropped; empty and blank lines are nothing."""
    data = "DE*8PS*CD0C00*2\n\nAB 12\r\n \t \r\n\r\n  Ж-1\t\n".encode()
    assert read(data) == [
        ("main", Scan("DE*8PS*CD0C00*2", 5.0, "stdin")),
        ("main", Scan("AB 12", 5.0, "stdin")),
        ("main", Scan("Ж-1", 5.0, "stdin")),
    ]


def test_an_empty_stream_just_ends() -> None:
    """No line, one end."""
    assert read(b"") == []
    assert read(b"\n\n") == []


def test_half_a_line_at_the_end_is_refused() -> None:
    """Its writer may have been killed within the number; blanks at the end are no line."""
    assert texts(b"AB12\nCD3") == [("main", "AB12", None), ("main", "CD3", ScanFault.PARTIAL)]
    assert texts(b"AB12\n  ") == [("main", "AB12", None)]
    assert texts(b"CD34\r") == [("main", "CD34", ScanFault.PARTIAL)]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"AB\x1d12", "AB\x1d12"),
        (b"AB\x0012", "AB\x0012"),
        (b"AB\t12", "AB\t12"),
        (b"AB\r12", "AB\r12"),
        (b"\x1b[31mAB", "\x1b[31mAB"),
        ("AB\x85CD".encode(), "AB\x85CD"),
        ("AB\u2028CD".encode(), "AB\u2028CD"),
        ("AB\ufffd".encode(), "AB\ufffd"),
        (b"AB\xe9", "AB\ufffd"),
        (b"\xff\xfeA\x00B\x00", "\ufffd\ufffdA\x00B\x00"),
        (b"\xed\xa0\x80", "\ufffd\ufffd\ufffd"),
        (b"\xc0\xaf", "\ufffd\ufffd"),
    ],
)
def test_a_dirty_line_is_refused(line: bytes, text: str) -> None:
    """Control characters inside it and bytes that are no UTF-8 (Latin-1, UTF-16, surrogates); the next line is read."""
    assert texts(line + b"\nCD34\n") == [("main", text, ScanFault.DIRTY), ("main", "CD34", None)]


def test_markup_and_invisible_characters_are_left_to_the_number_rules() -> None:
    """They are text; whether a number may hold them is judged, and named exactly, elsewhere."""
    assert texts("[/]\nA\u200bB\n".encode()) == [("main", "[/]", None), ("main", "A\u200bB", None)]


@pytest.mark.parametrize("character", ["7", "é", "鍵", "😀"])
def test_the_limit_counts_characters(character: str) -> None:
    """512 pass, of one byte or four; 513 are refused and shown as far as 512."""
    data = f"{character * LIMIT}\r\n{character * (LIMIT + 1)}\nAB\n".encode()
    assert texts(data) == [
        ("main", character * LIMIT, None),
        ("main", character * LIMIT, ScanFault.OVERFLOW),
        ("main", "AB", None),
    ]


def test_the_limit_is_that_of_the_number() -> None:
    """The name of the lane does not count."""
    lanes = ("linie-für-schlüssel", "b")
    data = f"{lanes[0]}\t{'7' * LIMIT}\n{lanes[0]} \t{'😀' * LIMIT}\n{lanes[0]}\t{'8' * (LIMIT + 1)}\n".encode()
    assert texts(data, lanes) == [
        (lanes[0], "7" * LIMIT, None),
        (lanes[0], "😀" * LIMIT, None),
        (lanes[0], "8" * LIMIT, ScanFault.OVERFLOW),
    ]


def test_a_flood_without_a_line_end_is_one_refused_line() -> None:
    """Its rest is no line of its own; at the end of the stream as well."""
    flood = b"7" * 1_000_000
    assert texts(flood + b"\nAB\n") == [("main", "7" * LIMIT, ScanFault.OVERFLOW), ("main", "AB", None)]
    assert texts(flood) == [("main", "7" * LIMIT, ScanFault.OVERFLOW)]
    assert texts(b" " * 1_000_000 + b"AB\n") == [("main", "", ScanFault.OVERFLOW)]


# --- lanes -------------------------------------------------------------------------------------------------------


def test_several_lanes_are_named_before_a_tab() -> None:
    """In any case; the scan has the number alone."""
    data = b"left\tAB12\nRIGHT\tCD34\r\n Left \t EF56\n"
    assert texts(data, ("Left", "right")) == [("Left", "AB12", None), ("right", "CD34", None), ("Left", "EF56", None)]


@pytest.mark.parametrize(
    ("line", "text", "fault"),
    [
        (b"AB12", "AB12", None),
        (b"middle\tAB12", "AB12", None),
        (b"\tAB12", "AB12", None),
        (b"left AB12", "left AB12", None),
        (b"middle\tA\xe9", "A\ufffd", ScanFault.DIRTY),
    ],
)
def test_a_line_for_no_lane_has_none(
    line: bytes, text: str, fault: ScanFault | None, caplog: pytest.LogCaptureFixture
) -> None:
    """With several lanes a line without one, or for another, is handed over to be refused, and logged."""
    with caplog.at_level(logging.WARNING, "tagsmith"):
        assert texts(line + b"\n", ("left", "right")) == [("" if b"\t" in line else None, text, fault)]
    assert "no lane" in caplog.text


def test_a_lane_without_a_number_is_handed_over() -> None:
    """An empty number is refused as one, for its lane."""
    assert texts(b"left\t\nright\n", ("left", "right")) == [("left", "", None), (None, "right", None)]


def test_faults_are_told_to_their_lane() -> None:
    """A dirty, a long and a partial line still say whose they are."""
    data = b"left\tA\x1dB\nright\t" + b"7" * 600 + b"\nleft\tC\tD\nright\tEF"
    assert texts(data, ("left", "right")) == [
        ("left", "A\x1dB", ScanFault.DIRTY),
        ("right", "7" * LIMIT, ScanFault.OVERFLOW),
        ("left", "C\tD", ScanFault.DIRTY),
        ("right", "EF", ScanFault.PARTIAL),
    ]


def test_one_lane_may_be_named() -> None:
    """A feeder that always names lanes works with one; another name is part of a dirty number."""
    data = b"MAIN\tAB12\nCD34\nother\tEF56\n\tGH78\n"
    assert texts(data) == [
        ("main", "AB12", None),
        ("main", "CD34", None),
        ("main", "other\tEF56", ScanFault.DIRTY),
        ("main", "GH78", None),
    ]


# --- time and delivery -------------------------------------------------------------------------------------------


def test_a_line_is_handed_over_as_soon_as_it_ends(pipe: Pipe) -> None:
    """While the pipe stays open and the rest of a buffer's worth never comes."""
    pipe.write(b"AB12\n")
    assert pipe.catch.next() == ("main", Scan("AB12", 1.0, "stdin"))
    pipe.write(b"CD34\nEF")
    assert pipe.catch.next() == ("main", Scan("CD34", 1.0, "stdin"))
    pipe.write(b"56\n")
    assert pipe.catch.next() == ("main", Scan("EF56", 1.0, "stdin"))
    pipe.end()
    assert pipe.catch.next() is None


def test_the_time_is_that_of_the_first_byte(pipe: Pipe) -> None:
    """Not of the line's end; and the next line has a time of its own."""
    pipe.write(b"AB12\nCD")
    assert pipe.catch.next() == ("main", Scan("AB12", 1.0, "stdin"))
    pipe.clock[0] = 9.0
    pipe.write(b"34\nEF56\n")
    assert pipe.catch.next() == ("main", Scan("CD34", 1.0, "stdin"))
    assert pipe.catch.next() == ("main", Scan("EF56", 9.0, "stdin"))


def test_a_non_blocking_pipe_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process may have made the pipe non-blocking: no data yet is no end, and is not asked for in a loop."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    to_come = [b"AB12\n", b"CD", b"34\n"]

    class Poll:
        """Waits for the pipe by filling it, at last by closing it."""

        def register(self, descriptor: int, events: int) -> None:
            """What is waited for."""
            assert (descriptor, events) == (reading, select.POLLIN)

        def poll(self) -> None:
            """The wait."""
            if to_come:
                os.write(writing, to_come.pop(0))
            else:
                os.close(writing)

    monkeypatch.setattr(select, "poll", Poll)
    with open(reading, "rb") as stream:
        assert [scan.text for _, scan in read(stream)] == ["AB12", "CD34"]
    assert to_come == []


def test_the_end_is_told_once_and_last(pipe: Pipe) -> None:
    """After every line, also after the part of one."""
    pipe.write(b"AB12\nCD")
    pipe.end()
    assert pipe.scanner.join(PATIENCE_S)
    handed = [pipe.catch.got.get_nowait() for _ in range(pipe.catch.got.qsize())]
    assert handed == [
        ("main", Scan("AB12", 1.0, "stdin")),
        ("main", Scan("CD", 1.0, "stdin", ScanFault.PARTIAL)),
        None,
    ]


def test_nothing_is_handed_over_after_close(pipe: Pipe) -> None:
    """Neither lines nor the end; what was handed over before stays."""
    pipe.write(b"AB12\n")
    assert pipe.catch.next() is not None
    pipe.scanner.close()
    pipe.write(b"CD34\nEF")
    pipe.end()
    assert pipe.scanner.join(PATIENCE_S)
    assert pipe.catch.got.empty()


def test_a_sink_may_close() -> None:
    """What was read with its line is not handed over either, nor is the end told."""
    got: list[str] = []

    def sink(lane: str | None, scan: Scan) -> None:
        got.append(scan.text)
        scanner.close()

    scanner = StdinScanner(io.BytesIO(b"AB12\nCD34\nEF"), ["main"], sink, lambda: got.append("end"))
    scanner.start()
    assert scanner.join(PATIENCE_S)
    assert got == ["AB12"]


def test_a_sink_that_fails_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The line is logged as failed, the next is read, the end is told; an end that fails is logged too."""
    catch = Catch()
    finished = threading.Event()

    def sink(lane: str | None, scan: Scan) -> None:
        if scan.text == "BAD":
            raise RuntimeError("boom")
        catch.sink(lane, scan)

    def ended() -> None:
        finished.set()
        raise RuntimeError("bang")

    scanner = StdinScanner(io.BytesIO(b"AB12\nBAD\nCD34\n"), ["main"], sink, ended, clock=lambda: 5.0)
    with caplog.at_level(logging.ERROR, "tagsmith"):
        scanner.start()
        assert finished.wait(PATIENCE_S)
        assert scanner.join(PATIENCE_S)
    assert [catch.got.get_nowait() for _ in range(2)] == [
        ("main", Scan("AB12", 5.0, "stdin")),
        ("main", Scan("CD34", 5.0, "stdin")),
    ]
    assert "boom" in caplog.text
    assert "bang" in caplog.text


class BrokenStream(io.RawIOBase):
    """Gives one chunk, then fails as a terminal that was hung up."""

    def __init__(self) -> None:
        super().__init__()
        self._chunks = [b"AB12\nCD"]

    def readable(self) -> bool:
        """It is a stream for reading."""
        return True

    def readinto(self, buffer: Any) -> int:
        """The chunk, then the failure."""
        if not self._chunks:
            raise OSError(5, "Input/output error")
        chunk = self._chunks.pop()
        buffer[: len(chunk)] = chunk
        return len(chunk)


def test_a_stream_that_fails_has_ended(caplog: pytest.LogCaptureFixture) -> None:
    """What came is handed over, the part of a line as partial; the failure is logged and the end told."""
    with caplog.at_level(logging.WARNING, "tagsmith"):
        got = read(cast(BinaryIO, BrokenStream()))
    assert [(scan.text, scan.fault) for _, scan in got] == [("AB12", None), ("CD", ScanFault.PARTIAL)]
    assert "Input/output error" in caplog.text


def test_a_closed_stream_has_ended(caplog: pytest.LogCaptureFixture) -> None:
    """A station started without standard input ends as with an empty one."""
    stream = io.BytesIO(b"AB12\n")
    stream.close()
    with caplog.at_level(logging.WARNING, "tagsmith"):
        assert read(stream) == []
    assert "cannot be read" in caplog.text


def test_the_thread_keeps_no_process_alive() -> None:
    """A read that waits cannot be cancelled, so it must not be waited for."""
    threads: queue.Queue[threading.Thread] = queue.Queue()
    scanner = StdinScanner(
        io.BytesIO(b""), ["main"], lambda lane, scan: None, lambda: threads.put(threading.current_thread())
    )
    scanner.start()
    assert threads.get(timeout=PATIENCE_S).daemon


# --- cutting bytes into lines ------------------------------------------------------------------------------------


@untimed
@given(st.lists(st.binary(max_size=12).filter(lambda line: b"\n" not in line), max_size=8), st.data())
def test_lines_do_not_depend_on_how_they_are_cut(lines: list[bytes], data: st.DataObject) -> None:
    """In one piece, byte by byte or anyhow: the same lines, each with the time of its first byte's chunk."""
    stream = b"".join(line + b"\n" for line in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    splitter = LineSplitter(limit=100)
    got: list[Line] = []
    starts = [0, *cuts]
    for number, (first, last) in enumerate(zip(starts, [*cuts, len(stream)], strict=True)):
        got += splitter.feed(stream[first:last], float(number))
    assert [line.data for line in got] == lines
    assert splitter.end() is None
    position = 0
    for line in got:
        chunk = max(number for number, first in enumerate(starts) if first <= position)
        assert line.at == float(chunk)
        assert not line.cut
        assert not line.unended
        position += len(line.data) + 1


@untimed
@given(st.lists(st.binary(max_size=40), max_size=30), st.integers(1, 20))
def test_memory_is_bounded_and_nothing_raises(chunks: list[bytes], limit: int) -> None:
    """No line is longer than the limit; one that was is marked, exactly then."""
    splitter = LineSplitter(limit)
    got = [line for chunk in chunks for line in splitter.feed(chunk, 0.0)]
    if (rest := splitter.end()) is not None:
        got.append(rest)
    whole = b"".join(chunks).split(b"\n")
    if not whole[-1]:
        whole.pop()
    assert [line.data for line in got] == [line[:limit] for line in whole]
    assert [line.cut for line in got] == [len(line) > limit for line in whole]
