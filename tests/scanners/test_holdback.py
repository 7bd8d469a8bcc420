"""Keys on a form: what is typed, and what is a scan, by tempo alone."""

from __future__ import annotations

import pytest

from tagsmith.model import Scan, ScanFault
from tagsmith.scanners.buffer import Key
from tagsmith.scanners.holdback import Holdback, Sorted

NUMBER = "DE*8PS*CD0C00*2"


class Line:
    """A keyboard line with a clock: what it let go as typed, and its scans."""

    def __init__(self, **how: float) -> None:
        self.holdback = Holdback(**how)
        self.now = 100.0
        self.typed = ""
        self.scans: list[Scan] = []

    def _take(self, found: Sorted) -> None:
        self.typed += "".join(key.character or f"<{key.key}>" for key in found.typed)
        if found.scan is not None:
            self.scans.append(found.scan)

    def keys(self, text: str, gap_s: float) -> None:
        """Press these keys, each so long after the one before; whenever the form would look meanwhile, it does."""
        for character in text:
            self.pause(gap_s)
            name = {"\r": "enter", "\n": "ctrl+j", "\t": "tab", "\x1b": "escape"}.get(character, character)
            plain = character if character.isprintable() else None
            self._take(self.holdback.feed(Key(name, plain, self.now)))

    def pause(self, seconds: float) -> None:
        """Nothing is pressed for a while."""
        until = self.now + seconds
        while (waits := self.holdback.waits_s) is not None and self.now + waits < until:
            self.now += waits
            self._take(self.holdback.tick(self.now))
            if self.holdback.waits_s == waits:
                break
        self.now = until
        self._take(self.holdback.tick(self.now))


@pytest.fixture
def line() -> Line:
    """An idle line."""
    return Line()


@pytest.mark.parametrize("gap_s", [0.0, 0.001, 0.010, 0.025])
def test_a_burst_is_a_scan_and_nothing_of_it_is_typed(line: Line, gap_s: float) -> None:
    """At a scanner's tempo, with its capture at the first character; the second line end is part of it."""
    line.keys(f"{NUMBER}\r", gap_s)
    line.keys("\n", 0.002)
    line.pause(1)
    assert (line.typed, [(scan.text, scan.fault) for scan in line.scans]) == ("", [(NUMBER, None)])
    assert line.scans[0].at == pytest.approx(100.0 + gap_s)


@pytest.mark.parametrize("gap_s", [0.045, 0.060, 0.120, 0.5])
def test_what_a_person_types_is_no_scan(line: Line, gap_s: float) -> None:
    """All of it comes to the form, in order, with its Enter; so do keys that overlap when they are rolled."""
    line.keys("driver-17\r", gap_s)
    line.pause(1)
    line.keys("it", 0.015)
    line.pause(0.2)
    line.keys("is\r", 0.015)
    line.pause(1)
    assert (line.typed, line.scans) == ("driver-17<enter>itis<enter>", [])


def test_typing_then_a_scan_then_typing(line: Line) -> None:
    """The field gets what was typed before and after, the scan is whole."""
    line.keys("dri", 0.12)
    line.pause(0.6)
    line.keys(f"{NUMBER}\r", 0.005)
    line.pause(0.6)
    line.keys("ver", 0.12)
    line.pause(1)
    assert (line.typed, [scan.text for scan in line.scans]) == ("driver", [NUMBER])
    assert line.scans[0].fault is None


def test_a_scan_that_stalls_is_refused_with_its_rest(line: Line) -> None:
    """Neither part of it is a number or lands in the field; what comes a while later is typed again."""
    line.keys(NUMBER[:8], 0.005)
    line.pause(0.5)
    line.keys(NUMBER[8:], 0.005)
    line.keys("\r", 0.005)
    line.pause(2)
    line.keys("abc", 0.12)
    line.pause(1)
    assert [(scan.text, scan.fault) for scan in line.scans] == [(NUMBER[:8], ScanFault.PARTIAL)]
    assert line.typed == "abc"


def test_a_burst_right_after_slow_characters_is_refused(line: Line) -> None:
    """They may be the beginning of a line that stalled: the rest of a number is not one."""
    line.keys("DE", 0.045)
    line.pause(0.05)
    line.keys(f"{NUMBER[2:]}\r", 0.005)
    line.pause(1)
    assert [scan.fault for scan in line.scans] == [ScanFault.PARTIAL]


def test_control_keys_inside_a_scan_are_data(line: Line) -> None:
    """They make it dirty; no command comes of them."""
    line.keys("DE*8P\x1bS*CD0\r", 0.005)
    line.pause(1)
    assert (line.typed, [scan.fault for scan in line.scans]) == ("", [ScanFault.DIRTY])


def test_commands_come_after_what_was_typed_before(line: Line) -> None:
    """Esc right after a letter: the letter first."""
    line.keys("a\x1b", 0.01)
    assert line.typed == "a<escape>"


def test_a_scanner_without_an_end(line: Line) -> None:
    """Where that is set, silence ends its scan."""
    line = Line(silence_s=0.2)
    line.keys(NUMBER, 0.005)
    line.pause(1)
    assert (line.typed, [(scan.text, scan.fault) for scan in line.scans]) == ("", [(NUMBER, None)])


def test_keys_of_modifiers_do_not_cut_a_scan(line: Line) -> None:
    """Terminals of the kitty protocol send Shift as a key of its own between the letters."""
    for name in ("D", "left_shift", "E", "left_shift", "X", "Y", "enter"):
        line.now += 0.002
        line._take(line.holdback.feed(Key(name, name if len(name) == 1 else None, line.now)))
    assert (line.typed, [scan.text for scan in line.scans]) == ("", ["DEXY"])
