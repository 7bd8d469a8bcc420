"""Bytes of a terminal to keys: nothing vanishes from a number, nothing is invented, nothing makes the screen deaf."""

from __future__ import annotations

import codecs
import itertools
import re
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual import events
from textual.message import Message

from tagsmith.model import Scan, ScanFault
from tagsmith.scanners.buffer import Key, ScanBuffer
from tagsmith.tui.terminal import parser as parser_module
from tagsmith.tui.terminal.parser import FOCUS_KEY, MANGLED, PASTE_LIMIT, PASTE_SILENCE_S, ScanParser, forgo_kitty_keys

forgo_kitty_keys()


class Clock:
    """The time of a test."""

    now = 1000.0


@pytest.fixture(autouse=True)
def textual_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Textual's parser waits for the rest of an escape sequence by the test's clock."""
    monkeypatch.setattr("textual._parser.get_time", lambda: Clock.now)


class Wedge:
    """A scanner's bytes through decoder, parser and line buffer, as driver and app put them together."""

    def __init__(self) -> None:
        self.parser = ScanParser(clock=lambda: Clock.now)
        self.decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self.buffer = ScanBuffer()
        self.scans: list[Scan] = []
        self.commands: list[str] = []
        self.clicks = 0

    def read(self, data: bytes, after_s: float = 0.001) -> None:
        """One read of the terminal, so long after the last one."""
        self.wait(after_s)
        if text := self.decode(data):
            self._take(self.parser.feed(text))

    def wait(self, seconds: float) -> None:
        """Let time go by, with the driver's ticks."""
        until = Clock.now + seconds
        while Clock.now < until:
            Clock.now = min(Clock.now + 0.1, until)
            self._take(self.parser.tick())

    def _take(self, messages: Iterable[Message]) -> None:
        for message in messages:
            if isinstance(message, events.Key):
                consumed, scan = self.buffer.feed(Key(message.key, message.character, Clock.now))
                self.scans += [scan] if scan else []
                self.commands += [] if consumed else [message.key]
            elif isinstance(message, events.MouseEvent):
                consumed, _ = self.buffer.feed(Key(FOCUS_KEY, None, Clock.now))
                self.clicks += not consumed
            elif isinstance(message, events.Paste):
                self.scans += self.buffer.paste(message.text, Clock.now)

    @property
    def accepted(self) -> list[str]:
        """The texts of scans without a fault."""
        return [scan.text for scan in self.scans if scan.fault is None]


NUMBER = b"DE*8PS*CD0C00*2"

HOSTILE = {
    "latin-1 byte": b"\xe9",
    "C1 byte": b"\x9b31m",
    "XOFF and XON": b"\x13\x11",
    "group separator": b"\x1d",
    "nul": b"\x00",
    "escape": b"\x1b",
    "two escapes": b"\x1b\x1b",
    "alt": b"\x1bx",
    "an arrow": b"\x1b[A",
    "F1": b"\x1bOP",
    "F10": b"\x1b[21~",
    "a keypad digit": b"\x1bOp",
    "a keypad's Enter": b"\x1bOM",
    "a kitty letter": b"\x1b[97u",
    "a kitty letter out of range": b"\x1b[99999999u",
    "an ignored sequence": b"\x1b[E",
    "focus in": b"\x1b[I",
    "focus out": b"\x1b[O",
    "a mouse click": b"\x1b[<0;10;5M",
    "an old mouse click": b"\x1b[M !!",
    "a size": b"\x1b[48;50000;50000;1;1t",
    "a mode report": b"\x1b[?2026;2$y",
    "a resize report": b"\x1b[?2048;1$y",
    "a cursor report": b"\x1b[5;5R",
    "an endless sequence": b"\x1b[" + b"1" * 60,
    "the start of a paste": b"\x1b[200~",
    "the end of a paste": b"\x1b[201~",
    "a title": b"\x1b]0;PWNED\x07",
    "backspace": b"\x7f",
    "another backspace": b"\x08",
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("place", [1, 5, len(NUMBER)])
@pytest.mark.parametrize("by_byte", [False, True], ids=["one read", "byte by byte"])
def test_a_hostile_sequence_in_a_number_is_refused_and_the_next_number_is_taken(
    name: str, place: int, by_byte: bool
) -> None:
    """Wherever it stands and however it is cut: no number comes of it, and the screen is not deaf afterwards."""
    wedge = Wedge()
    wedge.wait(60)
    data = NUMBER[:place] + HOSTILE[name] + NUMBER[place:] + b"\r"
    for part in [data[i : i + 1] for i in range(len(data))] if by_byte else [data]:
        wedge.read(part)
    wedge.wait(PASTE_SILENCE_S + 1)
    assert NUMBER.decode() not in wedge.accepted
    assert wedge.accepted == []
    wedge.read(b"\r", after_s=30)
    wedge.scans.clear()
    wedge.read(NUMBER + b"\r", after_s=1)
    assert wedge.accepted == [NUMBER.decode()]


PLAIN = (b"A", b"7", b"*", b"[", b"~", b"O", b"P", b"u", b"M", b"1;5", b"97", b"200~", b"201~", b"<0;1;1", b"?2026;2$y")
SHARP = (
    b"\x1b",
    b"\x1b[",
    b"\x1b[200~",
    b"\x1b[201~",
    b"\r",
    b"\n",
    b"\t",
    b"\x7f",
    b"\x08",
    b"\x00",
    b"\x9b",
    b"\xe9",
)
ODD = ("é".encode(), "\u202e".encode(), "\u2028".encode(), b"\x11", b"\x1d")
PIECES = st.sampled_from([*PLAIN, *SHARP, *ODD])
LEADING_KEYS = r"^(?:\x1b\[[0-9;]*[A-Z~]|\x1bO[A-Z]|\x1b(?=\x1b))+"


@settings(max_examples=600, deadline=None)
@given(pieces=st.lists(PIECES, max_size=40), cuts=st.sets(st.integers(0, 120), max_size=12))
def test_an_accepted_scan_stood_in_the_bytes_as_it_is(pieces: list[bytes], cuts: set[int]) -> None:
    """Whatever a scanner sends at its tempo: what is accepted is one of the lines that were sent, to the letter."""
    data = b"".join(pieces)
    wedge = Wedge()
    wedge.wait(60)
    bounds = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    reads = [data[a:b] for a, b in itertools.pairwise(bounds)]
    for part in reads:
        wedge.read(part)
    wedge.wait(5)
    wedge.read(b"\r", after_s=30)
    text = data.decode("utf-8", "replace")
    # A function or cursor key, or Esc, before a line is a command and not a part of the line.
    lines = {re.sub(LEADING_KEYS, "", line) for line in re.split(r"[\r\n\t]", text)}
    lines |= set(re.split(r"[\r\n\t]", text))
    # What a terminal sends as a paste is one, and a pasted line stands between its marks.
    pasted = {
        line.strip(" \t")
        for body in re.findall("\x1b\\[200~(.*?)\x1b\\[201~", text, re.S)
        for line in re.split("[\r\n]", body)
    }
    assert set(wedge.accepted) <= lines | pasted
    wedge.scans.clear()
    wedge.read(b"CLEAN123\r", after_s=1)
    assert wedge.accepted == ["CLEAN123"]


def test_a_real_paste_is_one_number() -> None:
    """What a terminal sends between the marks of a paste is taken as it is."""
    wedge = Wedge()
    wedge.read(b"\x1b[200~" + NUMBER + b"\x1b[201~")
    assert [(scan.text, scan.source, scan.fault) for scan in wedge.scans] == [(NUMBER.decode(), "pasted", None)]


def test_a_paste_over_several_reads_is_one_number() -> None:
    """Slow connections cut a paste into pieces."""
    wedge = Wedge()
    wedge.read(b"\x1b[200~" + NUMBER[:4])
    wedge.read(NUMBER[4:] + b"\x1b[20", after_s=0.5)
    wedge.read(b"1~", after_s=0.01)
    assert wedge.accepted == [NUMBER.decode()]


def test_a_paste_whose_end_was_torn_apart_does_not_make_deaf() -> None:
    """The end of a paste in two pieces, too far apart to be known as one: refused, and the next number is taken."""
    wedge = Wedge()
    wedge.read(b"\x1b[200~" + NUMBER)
    wedge.read(b"\x1b[20", after_s=0.1)
    wedge.read(b"1~", after_s=0.5)
    wedge.read(b"\r", after_s=0.01)
    assert wedge.accepted == []
    wedge.read(NUMBER + b"\r", after_s=1)
    assert wedge.accepted == [NUMBER.decode()]


def test_marks_of_a_paste_that_were_typed_are_none() -> None:
    """A terminal writes its marks whole; those that come piece by piece are a label's."""
    wedge = Wedge()
    wedge.read(b"\x1b[200~" + NUMBER + b"\x1b[201~")
    wedge.wait(0.2)
    for byte in b"\x1b[200~CD\x1b[201~\r":
        wedge.read(bytes([byte]))
    wedge.wait(PASTE_SILENCE_S + 1)
    assert wedge.accepted == [NUMBER.decode()]


def test_a_nul_in_a_paste_is_refused() -> None:
    """Left out, it would make another number."""
    wedge = Wedge()
    wedge.read(b"\x1b[200~DE8\x00PS\x1b[201~")
    assert [scan.fault for scan in wedge.scans] == [ScanFault.DIRTY]


def test_a_paste_that_never_ends_is_one_refused_line() -> None:
    """Two numbers after a paste mark in a scan: neither is taken, because when they came is not known any more."""
    wedge = Wedge()
    wedge.read(b"AB\x1b[200~CD\r")
    wedge.read(b"EF\r", after_s=0.2)
    wedge.wait(PASTE_SILENCE_S + 0.2)
    assert wedge.accepted == []
    assert [scan.fault for scan in wedge.scans][-1] is not None


def test_a_huge_paste_is_cut_and_refused() -> None:
    """Ten million characters neither fill the memory nor keep the screen busy, and the next number is taken."""
    wedge = Wedge()
    wedge.read(b"\x1b[200~")
    for _ in range(100):
        wedge.read(b"x" * 100_000)
    wedge.read(b"x\x1b[20")
    wedge.read(b"1~")
    assert [scan.fault for scan in wedge.scans] == [ScanFault.OVERFLOW]
    wedge.read(NUMBER + b"\r", after_s=1)
    assert wedge.accepted == [NUMBER.decode()]


def test_what_is_kept_of_a_paste_is_bounded() -> None:
    """No more than the limit goes into Textual's buffer."""
    parser = ScanParser()
    list(parser.feed("\x1b[200~"))
    for _ in range(5):
        list(parser.feed("y" * PASTE_LIMIT))
    pastes = [token for token in parser.feed("\x1b[201~") if isinstance(token, events.Paste)]
    assert len(pastes) == 1
    assert len(pastes[0].text) <= PASTE_LIMIT + 10


def test_a_command_by_hand_is_a_command() -> None:
    """A function key, Esc or an arrow alone stays what it is."""
    wedge = Wedge()
    wedge.wait(60)
    for data in (b"\x1bOP", b"\x1b[21~", b"\x1b[A", b"\x1b"):
        wedge.read(data, after_s=1)
        wedge.wait(0.5)
    assert wedge.commands == ["f1", "f10", "up", "escape"]


def test_a_command_behind_text_is_text() -> None:
    """A label that holds F10 within its number does not end the station."""
    wedge = Wedge()
    wedge.read(NUMBER + b"\x1b[21~\r")
    assert wedge.commands == []
    assert [scan.fault for scan in wedge.scans] == [ScanFault.DIRTY]


def test_text_behind_a_paste_is_not_another_number() -> None:
    """A label with both marks of a paste in it gives no number, neither of what is between them nor of the rest."""
    wedge = Wedge()
    wedge.read(b"\x1b[200~CD\x1b[201~EF\r")
    assert wedge.accepted == []


def test_a_number_by_hand_survives_the_focus() -> None:
    """Looking at another window while typing a number is no fault of the number."""
    wedge = Wedge()
    wedge.read(b"DE8", after_s=1)
    wedge.read(b"\x1b[O", after_s=1)
    wedge.read(b"\x1b[I", after_s=1)
    wedge.read(b"PS", after_s=1)
    wedge.read(b"\r", after_s=1)
    assert wedge.accepted == ["DE8PS"]


def test_a_click_by_itself_is_one_and_none_in_a_scan() -> None:
    """A person's mouse; what a label spells of one does nothing, be it in one read or byte by byte."""
    press, release = b"\x1b[<0;10;5M", b"\x1b[<0;10;5m"
    wedge = Wedge()
    wedge.wait(60)
    wedge.read(press, after_s=1)
    wedge.read(release, after_s=0.1)
    assert wedge.clicks == 2
    wedge.read(b"DE" + press + release + b"8PS\r", after_s=1)
    for byte in b"DE" + press + release + b"8PS\r":
        wedge.read(bytes([byte]))
    assert wedge.clicks == 2
    assert wedge.accepted == []
    wedge.read(b"\x1b[<35;10;5M", after_s=1)
    assert wedge.clicks == 2  # a movement


def test_a_parser_that_breaks_is_begun_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Should a sequence raise inside Textual's parser, that line is refused and the next one is taken."""
    wedge = Wedge()

    def breaks(self: ScanParser, code: str) -> None:
        raise ValueError(code)

    monkeypatch.setattr(parser_module.XTermParser, "parse_mouse_code", breaks)
    wedge.read(b"AB\x1b[<0;1;1MCD\r")
    wedge.read(b"\r", after_s=1)
    wedge.read(NUMBER + b"\r", after_s=1)
    assert wedge.accepted == [NUMBER.decode()]
    assert wedge.scans[0].fault is ScanFault.DIRTY


def test_umlauts_pass() -> None:
    """Characters of more than one byte are text, also when a read cuts them."""
    wedge = Wedge()
    for byte in "Schlüssel-7\r".encode():
        wedge.read(bytes([byte]))
    assert wedge.accepted == ["Schlüssel-7"]


def test_the_mark_is_one_the_line_buffer_refuses() -> None:
    """The parser's mark and the buffer's idea of text that is none are the same."""
    buffer = ScanBuffer()
    assert [scan.fault for scan in buffer.paste(f"AB{MANGLED}CD", 1.0)] == [ScanFault.DIRTY]
