"""scanners/serial.py: bytes of a serial line to scans, on a scripted port and on a real one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.pty_line import PtyLine
from support.scripted_port import Clock, ScriptedPort
from tagsmith.errors import ConfigError, DeviceBusy, DeviceLost, DeviceMissing
from tagsmith.lines.framing import SILENCE_S
from tagsmith.lines.ports import Settings
from tagsmith.model import ReaderState, Scan, ScanFault, ScannerStatus
from tagsmith.scanners.base import ScannerPump
from tagsmith.scanners.buffer import LIMIT
from tagsmith.scanners.serial import SerialScanner

PATIENCE_S = 10.0
NUMBER = "DE*8PS*CD0C00*2"


class Rig:
    """A scanner of a spec's options on a scripted port, opened, with the line silent since."""

    def __init__(self, options: str = "") -> None:
        self.clock = Clock()
        self.port = ScriptedPort(self.clock)
        self.spec = f"serial:/dev/ttyTEST0?{options}"
        self.scanner = SerialScanner(self.spec, clock=self.clock, port=lambda *_: self.port)
        assert self.scanner.open() == "/dev/ttyTEST0"
        assert self.read(1.0) == []

    def read(self, timeout_s: float = 5.0) -> list[Scan]:
        """What one read gives."""
        return self.scanner.read(timeout_s)

    def scan(self, *chunks: bytes) -> list[tuple[str, ScanFault | None]]:
        """All that comes of chunks and of the silence behind them."""
        self.port.play((0.01 * place, chunk) for place, chunk in enumerate(chunks, 1))
        ends_at = self.clock.now + 2.0
        scans: list[Scan] = []
        while self.clock.now < ends_at:
            scans += self.read(ends_at - self.clock.now)
        return [(scan.text, scan.fault) for scan in scans]


@pytest.mark.parametrize(
    ("options", "wire"),
    [
        ("", b"%s\r"),
        ("", b"%s\n"),
        ("", b"%s\r\n"),
        ("end=crlf", b"%s\r\n"),
        ("end=tab", b"%s\t"),
        ("end=etx", b"%s\x03"),
        ("end=etx&prefix=%02", b"\x02%s\x03"),
        ("prefix=]C1&suffix=;", b"]C1%s;\r"),
        ("end=cr", b"%s\r\n"),
        ("frame=line", b"%s\r\n"),
        ("", b" \t%s \r\n"),
    ],
)
def test_a_number_is_what_stands_between_its_marks(options: str, wire: bytes) -> None:
    """Each suffix that scanners can be set to; blanks around a number are dropped."""
    assert Rig(options).scan(wire % NUMBER.encode() * 2) == [(NUMBER, None)] * 2


def test_a_scan_says_when_and_where_it_came_from() -> None:
    """The time is that of its first byte; the scanner is named by its spec."""
    rig = Rig()
    started = rig.clock.now
    rig.port.play([(0.5, b"AB"), (0.6, b"CD\r")])
    (scan,) = rig.read()
    assert scan == Scan("ABCD", pytest.approx(started + 0.5), "scanner", None, rig.spec)
    assert rig.clock.now == pytest.approx(started + 0.6)


def test_empty_lines_are_nothing() -> None:
    """Also such with blanks only."""
    assert Rig().scan(b"\r\n\r\n \t \r") == []


@pytest.mark.parametrize(
    ("options", "encoding"),
    [("", "utf-8"), ("encoding=latin-1", "latin-1"), ("encoding=cp1252", "cp1252"), ("encoding=ascii", "ascii")],
)
def test_text_is_decoded_as_the_scanner_is_set(options: str, encoding: str) -> None:
    """Umlauts in each encoding that has them; what is no text in it is a dirty scan."""
    text = "Schlüssel" if encoding != "ascii" else "Schluessel"
    assert Rig(options).scan(text.encode(encoding) + b"\r") == [(text, None)]
    if encoding in ("utf-8", "ascii"):
        ((_, fault),) = Rig(options).scan(b"Schl\xfcssel\r")
        assert fault is ScanFault.DIRTY


@pytest.mark.parametrize(
    ("options", "wire"),
    [
        ("", b"AB\x00CD\r"),
        ("", b"AB\tCD\r"),
        ("", b"\x1b[AAB\r"),
        ("", "AB\x85CD\r".encode()),
        ("", "AB\u2028CD\r".encode()),
        ("end=crlf", b"AB\rCD\r\n"),
        ("prefix=]C1", b"ABCD\r"),
        ("suffix=;", b"ABCD\r"),
        ("end=etx&prefix=%02", b"ABCD\x03"),
    ],
)
def test_garbage_is_a_dirty_scan_and_never_a_number(options: str, wire: bytes) -> None:
    """Control characters, separators of lines, a mark that is missing; the next number is read."""
    ended = {"end=crlf": b"ABCD\r\n", "prefix=]C1": b"]C1ABCD\r", "suffix=;": b"ABCD;\r"}.get(options, b"ABCD\r")
    if "etx" in options:
        ended = b"\x02ABCD\x03"
    scans = Rig(options).scan(wire + ended)
    assert [fault for _, fault in scans] == [ScanFault.DIRTY, None]
    assert scans[1][0] == "ABCD"


def test_the_longest_number_fits_and_more_is_too_long() -> None:
    """Characters are counted, not bytes; of an endless line only the beginning is kept."""
    assert Rig().scan("ü".encode() * LIMIT + b"\r") == [("ü" * LIMIT, None)]
    assert Rig().scan("ü".encode() * (LIMIT + 1) + b"\r") == [("ü" * LIMIT, ScanFault.OVERFLOW)]
    endless = Rig().scan(*[b"x" * 4000] * 20, b"\r" + NUMBER.encode() + b"\r")
    assert endless == [("x" * LIMIT, ScanFault.OVERFLOW), (NUMBER, None)]


def test_a_number_without_its_end_is_told_as_incomplete() -> None:
    """After a short silence, so that the worker scans again; so is what comes next, up to an end: perhaps its rest."""
    rig = Rig()
    rig.port.play([(0.1, b"DE*8PS"), (3.0, b"*CD0C00*2\r"), (4.0, b"NEXT\r")])
    sent_at = rig.clock.now + 0.1
    (torn,) = rig.read()
    assert (torn.text, torn.fault) == ("DE*8PS", ScanFault.PARTIAL)
    assert rig.clock.now == pytest.approx(sent_at + SILENCE_S)
    assert [(scan.text, scan.fault) for scan in rig.read()] == [("*CD0C00*2", ScanFault.PARTIAL)]
    assert [(scan.text, scan.fault) for scan in rig.read()] == [("NEXT", None)]


def test_the_wrong_suffix_shows_as_incomplete_numbers() -> None:
    """A scanner that sends a tab where CR is expected: every scan is told, none becomes a number."""
    rig = Rig()
    for _ in range(3):
        assert rig.scan(NUMBER.encode() + b"\t") == [(NUMBER, ScanFault.PARTIAL)]


def test_with_a_control_character_in_front_the_next_number_is_read() -> None:
    """STX cannot begin a rest."""
    rig = Rig("end=etx&prefix=%02")
    rig.port.play([(0.1, b"\x02DE*8"), (3.0, b"\x02ABCD\x03")])
    assert [scan.fault for scan in rig.read()] == [ScanFault.PARTIAL]
    assert [(scan.text, scan.fault) for scan in rig.read()] == [("ABCD", None)]


def test_a_number_under_way_when_the_port_was_opened_is_incomplete() -> None:
    """Its beginning may be missing; the next one is whole."""
    rig = Rig()
    rig.scanner.close()
    rig.scanner.open()
    rig.port.play([(0.01, b"*CD0C00*2\r"), (0.02, b"ABCD\r")])
    assert [(scan.text, scan.fault) for scan in rig.read()] == [("*CD0C00*2", ScanFault.PARTIAL)]
    assert [(scan.text, scan.fault) for scan in rig.read()] == [("ABCD", None)]


def test_half_a_line_is_dropped_with_the_device() -> None:
    """The loss is what is told; after it nothing of before is glued to a number."""
    rig = Rig()
    rig.port.play([(0.1, b"DE*8PS"), (0.2, DeviceLost("unplugged", "plug it in"))])
    with pytest.raises(DeviceLost):
        rig.read()
    rig.scanner.close()
    rig.scanner.open()
    assert rig.read(1.0) == []
    assert rig.scan(b"ABCD\r") == [("ABCD", None)]


@given(st.lists(st.binary(max_size=30), max_size=6))
@settings(max_examples=100, deadline=None)
def test_however_numbers_are_cut_they_are_the_same(noise: list[bytes]) -> None:
    """Whatever comes before, a line that follows a terminator is read; and nothing raises."""
    wire = b"".join(noise) + b"\r" + NUMBER.encode() + b"\r"
    whole = Rig().scan(wire)
    assert whole[-1] == (NUMBER, None)
    assert Rig().scan(*noise, b"\r", NUMBER[:5].encode(), NUMBER[5:].encode() + b"\r") == whole


@pytest.mark.parametrize(
    "options",
    [
        "end=etxx",
        "frame=hex-line",
        "frame=regex",
        "encoding=utf8",
        "encoding=ascii&prefix=%C3%BC",
        "baud=0",
        "lenght=3",
        "length=7",
    ],
)
def test_wrong_options_are_refused(options: str) -> None:
    """A slip in a setting shows at the start, with a way out."""
    with pytest.raises(ConfigError):
        SerialScanner(f"serial:/dev/ttyACM0?{options}")


def test_the_port_is_set_as_the_spec_says() -> None:
    """Address and settings go to the port."""
    asked: list[tuple[str, Settings]] = []

    def make(address: str, settings: Settings) -> ScriptedPort:
        asked.append((address, settings))
        return ScriptedPort(Clock())

    SerialScanner("serial:/dev/ttyACM0?baud=115200&parity=odd", port=make)
    assert asked == [("/dev/ttyACM0", Settings(115200, 8, "O", 1))]


# --- on a real port -----------------------------------------------------------------------------------------------


@pytest.fixture
def line(tmp_path: Path) -> Iterator[PtyLine]:
    """A cable."""
    with PtyLine(tmp_path) as made:
        yield made


def test_a_scanner_is_read_woken_lost_and_found(line: PtyLine) -> None:
    """The whole way through pyserial, and back after the cable was out."""
    scanner = SerialScanner(f"serial:{line.path}")
    scanner.open()
    assert scanner.read(SILENCE_S + 0.05) == []
    line.send(f"{NUMBER}\r\n".encode())
    assert [scan.text for scan in scanner.read(PATIENCE_S)] == [NUMBER]
    timer = threading.Timer(0.05, scanner.wake)
    timer.start()
    assert scanner.read(PATIENCE_S) == []
    timer.join()
    line.unplug()
    with pytest.raises(DeviceLost):
        scanner.read(PATIENCE_S)
    scanner.close()
    scanner.close()
    with pytest.raises(DeviceMissing):
        scanner.open()
    line.plug()
    scanner.open()
    scanner.close()


def test_a_port_has_one_user(line: PtyLine) -> None:
    """Two scanners, or a scanner and a reader, cannot share one."""
    first, second = SerialScanner(f"serial:{line.path}"), SerialScanner(f"serial:{line.path}")
    first.open()
    with pytest.raises(DeviceBusy):
        second.open()
    first.close()
    second.open()
    second.close()


def test_the_pump_takes_it_again_after_an_unplug(line: PtyLine) -> None:
    """Ready, lost, missing, ready again; numbers before and after arrive."""
    statuses: list[ScannerStatus] = []
    scans: list[Scan] = []
    arrived, changed = threading.Event(), threading.Condition()

    def take(scan: Scan) -> None:
        scans.append(scan)
        arrived.set()

    def note(status: ScannerStatus) -> None:
        with changed:
            statuses.append(status)
            changed.notify_all()

    def wait_for(state: ReaderState, nth: int) -> None:
        with changed:
            assert changed.wait_for(lambda: [s.state for s in statuses].count(state) >= nth, PATIENCE_S)

    def scan(text: str) -> None:
        arrived.clear()
        while not arrived.wait(0.3):  # the first may fall into the time before the line is known to be silent
            line.send(f"{text}\r".encode())

    pump = ScannerPump(SerialScanner(f"serial:{line.path}"), take, note, backoff_s=(0.01, 0.05))
    pump.start()
    wait_for(ReaderState.READY, 1)
    scan("BEFORE")
    line.unplug()
    wait_for(ReaderState.MISSING, 1)
    line.plug()
    wait_for(ReaderState.READY, 2)
    scan("AFTER")
    assert pump.close()
    assert {scan.text for scan in scans} == {"BEFORE", "AFTER"}
