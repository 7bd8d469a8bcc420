"""scanners/buffer.py: keys with their times to scans, by an explicit clock."""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagsmith.model import Scan, ScanFault
from tagsmith.scanners.buffer import BURST_S, LIMIT, STALE_S, Key, ScanBuffer, is_clean

untimed = settings(deadline=None)
NUMBER = "DE*8PS*CD0C00*2"

NAMED = {
    "\r": ("enter", "\r"),
    "\n": ("ctrl+j", "\n"),
    "\t": ("tab", "\t"),
    "\b": ("backspace", "\x08"),
    "\x1b": ("escape", "\x1b"),
    "\x1d": ("ctrl+right_square_bracket", "\x1d"),
    "\x11": ("ctrl+q", "\x11"),
    "\x85": ("\x85", "\x85"),
    "\x9b": ("shift+escape", "\x9b"),
    " ": ("space", " "),
    "-": ("minus", "-"),
    "+": ("plus", "+"),
    "\ufffd": ("replacement_character", "\ufffd"),
}
"""Keys as Textual names them, by the character that the terminal sends."""


@dataclass
class Hand:
    """Presses keys at times of its own and keeps what comes of it."""

    buffer: ScanBuffer = field(default_factory=ScanBuffer)
    now: float = 100.0
    scans: list[Scan] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """Names of the keys that the buffer did not take: those may become commands."""

    def press(self, name: str, character: str | None = None, after_s: float = 0.2) -> None:
        """One key, so long after the last."""
        self.now += after_s
        taken, scan = self.buffer.feed(Key(name, character, self.now))
        if not taken:
            self.left.append(name)
        if scan is not None:
            self.scans.append(scan)

    def type(self, text: str, gap_s: float = 0.2) -> None:
        """A text as keys, control characters by the keys that send them."""
        for character in text:
            self.press(*NAMED.get(character, (character, character)), gap_s)

    def scan(self, text: str, pause_s: float = 1.0, gap_s: float = 0.002) -> None:
        """A text as a scanner types it, after a pause."""
        self.type(text[:1], pause_s)
        self.type(text[1:], gap_s)

    def paste(self, text: str, after_s: float = 1.0) -> None:
        """A paste."""
        self.now += after_s
        self.scans += self.buffer.paste(text, self.now)

    def wait(self, seconds: float) -> None:
        """Time without a key, and a tick at its end."""
        self.now += seconds
        if (scan := self.buffer.tick(self.now)) is not None:
            self.scans.append(scan)

    @property
    def results(self) -> list[tuple[str, ScanFault | None]]:
        """Text and fault of every scan."""
        return [(scan.text, scan.fault) for scan in self.scans]


@pytest.fixture
def hand() -> Hand:
    """A hand on an empty buffer."""
    return Hand()


# --- a line and its end ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\r", "\n", "\t", "\r\n", "\n\r", "\r\r", "\r\t"])
def test_a_scan_comes_out_at_its_end(hand: Hand, end: str) -> None:
    """Enter, Ctrl+J, Tab in the burst, and CR LF, which is one end: the text as it came, with its first time."""
    hand.scan(NUMBER + end)
    assert hand.scans == [Scan(NUMBER, 101.0, "scanner")]
    assert hand.left == []
    assert hand.buffer.text == ""


def test_ctrl_m_ends_a_line(hand: Hand) -> None:
    """A terminal may name CR by its letter."""
    hand.scan("ABCD")
    hand.press("ctrl+m", "\r", 0.002)
    assert hand.results == [("ABCD", None)]


def test_scans_in_a_row_stay_apart(hand: Hand) -> None:
    """Three scans without any pause, with CR LF: three scans, nothing dirty."""
    hand.scan("AAAA\r\nBBBB\r\nCCCC\r\n")
    assert hand.results == [("AAAA", None), ("BBBB", None), ("CCCC", None)]


def test_an_end_without_a_line_is_nothing(hand: Hand) -> None:
    """Enter is taken, whatever has the focus, and no empty scan comes of it."""
    hand.type("\r\n\r")
    assert hand.scans == []
    assert hand.left == []


def test_a_person_types(hand: Hand) -> None:
    """Slow keys are the same line, labelled `typed`; what is typed can be shown meanwhile."""
    hand.type("AB-1 ")
    assert hand.buffer.text == "AB-1 "
    hand.type("+2\r", 3.0)
    assert hand.scans == [Scan("AB-1 +2", 100.2, "typed")]


@pytest.mark.parametrize(
    ("text", "gap_s", "source"),
    [
        ("ABCD", 0.0, "scanner"),
        ("ABCD", 0.029, "scanner"),
        ("ABCD", 0.032, "typed"),
        ("ABC", 0.001, "typed"),
        ("A", 0.0, "typed"),
    ],
)
def test_the_source_is_told_by_tempo(hand: Hand, text: str, gap_s: float, source: str) -> None:
    """Four characters or more at 30 ms or less on average; the time to Enter does not count."""
    hand.scan(text, gap_s=gap_s)
    hand.press("enter", "\r", 5.0)
    assert [(scan.text, scan.source) for scan in hand.scans] == [(text, source)]


def test_a_stall_in_a_scan_does_no_harm(hand: Hand) -> None:
    """A network that stalls for a second delays a scan; it is the same scan."""
    hand.scan("ABCD")
    hand.scan("EFGH\r")
    assert hand.results == [("ABCDEFGH", None)]


def test_markup_and_odd_text_are_text(hand: Hand) -> None:
    """Brackets, letters of commands, other scripts and combining marks go in as they are."""
    text = "[/]q[bold]?Ж鍵e\u0301"
    hand.scan(text + "\r")
    assert hand.results == [(text, None)]


def test_modifiers_by_themselves_are_nothing(hand: Hand) -> None:
    """Kitty's protocol reports Shift between the letters; scanners flip Caps Lock."""
    for letter in "ABCD":
        hand.press("left_shift", None, 0.001)
        hand.type(letter, 0.001)
        hand.press("caps_lock", None, 0.001)
    hand.type("\r", 0.001)
    assert [(s.text, s.source, s.fault) for s in hand.scans] == [("ABCD", "scanner", None)]
    assert hand.left == []


def test_a_shifted_blank_is_a_blank(hand: Hand) -> None:
    """Kitty's protocol names Shift with blanks; the character counts."""
    hand.scan("AB")
    hand.press("shift+space", " ", 0.001)
    hand.type("C\r", 0.001)
    assert hand.results == [("AB C", None)]


# --- control keys ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", ["\x1d", "\x11", "\x1b", "\b", "\x85", "\x9b"])
def test_a_control_key_in_a_burst_is_data(hand: Hand, data: str) -> None:
    """It is never a command, and the scan is refused to its end with everything that came."""
    hand.scan(f"AB{data}CD\r")
    assert hand.results == [(f"AB{NAMED[data][1]}CD", ScanFault.DIRTY)]
    assert hand.left == []


@pytest.mark.parametrize("name", ["up", "f10", "delete", "ctrl+left", "shift+A", "ctrl+q", "super+x", "<ignore>"])
def test_a_key_without_a_character_in_a_burst_is_data(hand: Hand, name: str) -> None:
    """ESC sequences inside a barcode arrive as keys: they press nothing."""
    hand.scan("AB")
    hand.press(name, None, 0.002)
    hand.type("CD\r", 0.002)
    assert hand.results == [("ABCD", ScanFault.DIRTY)]
    assert hand.left == []


def test_a_key_after_the_end_is_still_of_the_burst(hand: Hand) -> None:
    """What a barcode holds behind its end presses nothing either, and what then follows at once is no clean scan."""
    hand.scan("ABCD\r\x11")
    hand.press("f10", None, 0.002)
    assert hand.left == []
    hand.type("EFGH\r", 0.002)
    hand.scan("IJKL\r")
    assert hand.results == [("ABCD", None), ("EFGH", ScanFault.DIRTY), ("IJKL", None)]


def test_a_control_character_before_a_scan_makes_it_dirty(hand: Hand) -> None:
    """A scanner's prefix comes before any burst, so it may press a key; but it is not dropped as if nothing were."""
    hand.scan("\x1dABCD\r")
    assert hand.left == ["ctrl+right_square_bracket"]
    hand.scan("EFGH\r")
    assert hand.results == [("ABCD", ScanFault.DIRTY), ("EFGH", None)]


def test_the_first_character_after_a_control_character_is_enough(hand: Hand) -> None:
    """However long the rest of the line then takes."""
    hand.type("\x1d")
    hand.type("A", BURST_S - 0.001)
    hand.type("BC\r")
    assert hand.results == [("ABC", ScanFault.DIRTY)]


def test_a_control_character_spoils_one_line_only(hand: Hand) -> None:
    """That of the next scan, which follows at once, is clean."""
    hand.scan("AB\x1d\rEFGH\r")
    assert hand.results == [("AB\x1d", ScanFault.DIRTY), ("EFGH", None)]


def test_ends_and_control_keys_carry_a_burst_on(hand: Hand) -> None:
    """A slow scanner's key is in the burst if it follows any key of it soon enough."""
    hand.scan("ABCD\r\x11", gap_s=0.04)
    hand.press("f10", None, 0.04)
    assert hand.left == []
    hand.press("f10", None, BURST_S + 0.001)
    assert hand.left == ["f10"]


@pytest.mark.parametrize("data", ["\x1d", "\x11", "\t", "\x9b"])
def test_a_control_character_in_a_pause_of_a_line_makes_it_dirty(hand: Hand, data: str) -> None:
    """It may be a command then (Tab moves the focus), but the line it stands in is not trusted."""
    hand.scan("ABCD")
    hand.type(data)
    assert hand.left == [NAMED[data][0]]
    hand.scan("EFGH\r")
    assert hand.results == [(f"ABCD{data}EFGH", ScanFault.DIRTY)]


@pytest.mark.parametrize("name", ["f1", "up", "pagedown", "escape", "shift+f2"])
def test_commands_leave_a_half_typed_line_alone(hand: Hand, name: str) -> None:
    """A person may ask for help half-way; the key is left to the screen."""
    hand.type("AB")
    hand.press(name, "\x1b" if name == "escape" else None)
    hand.type("CD\r")
    assert hand.left == [name]
    assert hand.results == [("ABCD", None)]


def test_a_command_in_a_pause_of_a_scan_makes_it_dirty(hand: Hand) -> None:
    """What follows a cursor key at once shows that no person pressed it."""
    hand.scan("ABCD")
    hand.press("up")
    hand.type("EFGH\r", 0.002)
    hand.scan("ABCD")
    hand.press("up")
    hand.type("\r", 0.002)
    assert hand.results == [("ABCDEFGH", ScanFault.DIRTY), ("ABCD", ScanFault.DIRTY)]


def test_a_command_on_an_empty_line_is_just_a_command(hand: Hand) -> None:
    """The next scan may follow it as fast as it likes."""
    hand.press("f2")
    hand.type("ABCD\r", 0.002)
    assert hand.left == ["f2"]
    assert hand.results == [("ABCD", None)]


@pytest.mark.parametrize("gap_s", [0.002, 0.2])
@pytest.mark.parametrize("key", [("alt+x", "x"), ("alt+shift+x", "X"), ("replacement_character", "\ufffd")])
def test_what_stands_for_lost_data_makes_a_line_dirty(hand: Hand, key: tuple[str, str], gap_s: float) -> None:
    """ESC and a character arrive as Alt with it, bad bytes as U+FFFD: at any tempo, also as the first of a line."""
    hand.type("AB", gap_s)
    hand.press(*key, gap_s)
    hand.type("C\r", gap_s)
    hand.press(*key, 1.0)
    hand.type("\r", gap_s)
    assert hand.results == [(f"AB{key[1]}C", ScanFault.DIRTY), (key[1], ScanFault.DIRTY)]
    assert hand.left == []


def test_tab_by_a_person_ends_nothing(hand: Hand) -> None:
    """Outside a burst it is the screen's key."""
    hand.type("\t")
    assert (hand.left, hand.scans) == (["tab"], [])


# --- backspace and Esc -------------------------------------------------------------------------------------------


def test_backspace_takes_back_a_typed_character(hand: Hand) -> None:
    """Also by its other name, also held down, also on an empty line; it is never the screen's."""
    hand.type("ABX\bC\r")
    hand.type("XY")
    for _ in range(3):
        hand.press("ctrl+h", "\x08", 0.2)
    hand.type("D")
    for _ in range(5):
        hand.press("backspace", "\x7f", 0.06)
    hand.type("EF\r")
    assert hand.results == [("ABC", None), ("EF", None)]
    assert hand.left == []


def test_a_line_taken_back_whole_begins_anew(hand: Hand) -> None:
    """Its time is that of the character that then comes first."""
    hand.type("AB\b\bC\r", 1.0)
    assert hand.scans == [Scan("C", 105.0, "typed")]


def test_a_fault_is_not_taken_back(hand: Hand) -> None:
    """Backspace mends nothing: neither what is dirty nor what is too long."""
    hand.scan("AB\x1d")
    hand.type("\b\b\b\b")
    hand.type("\r")
    assert hand.results == [("AB\x1d", ScanFault.DIRTY)]


def test_what_is_taken_back_does_not_count(hand: Hand) -> None:
    """Three characters are left, of which the tempo says nothing."""
    hand.scan("ABCD")
    hand.type("\b\r")
    assert [(scan.text, scan.source) for scan in hand.scans] == [("ABC", "typed")]


def test_backspace_in_a_pause_of_a_scan_makes_it_dirty(hand: Hand) -> None:
    """The next character comes faster than a person's."""
    hand.scan("ABCD")
    hand.type("\b")
    hand.type("EFGH\r", 0.002)
    assert hand.results == [("ABCEFGH", ScanFault.DIRTY)]


def test_clear_drops_the_line(hand: Hand) -> None:
    """With its fault; the next line is clean."""
    hand.scan("AB\x1dCD")
    assert hand.buffer.fault is ScanFault.DIRTY
    hand.type("\x1b")
    assert hand.left == ["escape"]
    hand.buffer.clear()
    assert not hand.buffer.text
    hand.type("\r")
    hand.scan("EFGH\r", pause_s=0.01)
    assert hand.results == [("EFGH", None)]


# --- length ------------------------------------------------------------------------------------------------------


def test_the_limit_is_a_whole_line(hand: Hand) -> None:
    """512 characters pass, 513 do not; the next line is clean."""
    hand.scan("7" * LIMIT + "\r")
    hand.scan("8" * (LIMIT + 1) + "\r")
    hand.scan("9\r")
    assert hand.results == [("7" * LIMIT, None), ("8" * LIMIT, ScanFault.OVERFLOW), ("9", None)]
    assert hand.scans[1].source == "scanner"


def test_the_first_fault_stays(hand: Hand) -> None:
    """A dirty line that also gets too long is told to be dirty."""
    hand.scan("AB\x1d" + "7" * LIMIT + "\r")
    assert [scan.fault for scan in hand.scans] == [ScanFault.DIRTY]


def test_a_flood_is_one_refused_line(hand: Hand) -> None:
    """A jammed scanner costs no memory and makes no second scan of its rest."""
    hand.scan("7" * 20_000, gap_s=0.0)
    assert len(hand.buffer.text) == LIMIT
    assert hand.buffer.fault is ScanFault.OVERFLOW
    hand.type("\b" * 3 + "\x1d\r")
    assert hand.results == [("7" * LIMIT, ScanFault.OVERFLOW)]


# --- lines left lying --------------------------------------------------------------------------------------------


def test_a_line_left_lying_is_given_up_by_a_tick(hand: Hand) -> None:
    """After 20 s without a key, not sooner, once."""
    hand.scan("ABCD")
    hand.wait(STALE_S)
    assert hand.scans == []
    hand.wait(0.1)
    hand.wait(60.0)
    assert hand.results == [("ABCD", ScanFault.PARTIAL)]
    assert hand.scans[0].at == 101.0
    assert hand.buffer.text == ""


def test_a_line_left_lying_does_not_get_longer(hand: Hand) -> None:
    """Without a tick the next key gives it up, and begins a line of its own."""
    hand.scan("ABCD")
    hand.scan("EFGH\r", pause_s=STALE_S + 1)
    assert hand.results == [("ABCD", ScanFault.PARTIAL), ("EFGH", None)]


@pytest.mark.parametrize("end", ["\r", "\n", "\b", "\x1b"])
def test_a_late_end_completes_nothing(hand: Hand, end: str) -> None:
    """Enter on a line left lying gives it up, and is nothing else."""
    hand.scan("ABCD")
    hand.type(end, STALE_S + 1)
    assert hand.results == [("ABCD", ScanFault.PARTIAL)]


def test_a_slow_person_is_not_left_lying(hand: Hand) -> None:
    """Every key counts anew, a backspace too."""
    hand.type("AX\bB\r", STALE_S - 1)
    assert hand.results == [("AB", None)]


def test_a_dirty_line_left_lying_stays_dirty(hand: Hand) -> None:
    """The first fault of a line is the one that is told."""
    hand.scan("AB\x1d")
    hand.wait(STALE_S + 1)
    assert hand.results == [("AB\x1d", ScanFault.DIRTY)]


# --- scanners without an end -------------------------------------------------------------------------------------


def test_silence_ends_a_scan_where_it_is_asked_for() -> None:
    """A burst of four characters or more, by a tick or by the next key; Enter behind it is nothing."""
    hand = Hand(ScanBuffer(silence_s=0.2))
    hand.scan("ABCD")
    hand.wait(0.1)
    assert hand.scans == []
    hand.wait(0.11)
    hand.scan("EFGH")
    hand.scan("IJKL")
    hand.type("\r", 0.3)
    assert hand.results == [("ABCD", None), ("EFGH", None), ("IJKL", None)]


def test_silence_does_not_end_what_a_person_types() -> None:
    """Slow or short lines wait for Enter, or a number typed by hand would be cut in two."""
    hand = Hand(ScanBuffer(silence_s=0.2))
    hand.type("ABCDEF", 0.19)
    hand.wait(1.0)
    hand.type("\r")
    hand.scan("ABC")
    hand.wait(1.0)
    assert hand.results == [("ABCDEF", None)]


def test_silence_ends_a_dirty_scan_as_dirty() -> None:
    """It is refused as with an end."""
    hand = Hand(ScanBuffer(silence_s=0.2))
    hand.scan("AB\x1dCD")
    hand.wait(0.3)
    assert hand.results == [("AB\x1dCD", ScanFault.DIRTY)]


def test_silence_is_nothing_unless_it_is_asked_for(hand: Hand) -> None:
    """By default a scan that stalls is not cut in two."""
    hand.scan("ABCD")
    hand.wait(10.0)
    assert hand.scans == []


# --- pasting -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [NUMBER, NUMBER + "\n", f"\r\n {NUMBER}\t\r\n\n", f"\n\n{NUMBER}"])
def test_a_pasted_line_is_a_scan(hand: Hand, text: str) -> None:
    """At once, without Enter, which is nothing behind it; blanks and empty lines around it do not count."""
    hand.paste(text)
    hand.type("\r")
    assert hand.scans == [Scan(NUMBER, 101.0, "pasted")]


@pytest.mark.parametrize("text", ["", "\n", " \r\n\t\n "])
def test_a_blank_paste_is_nothing(hand: Hand, text: str) -> None:
    """Nor does it touch the line under way."""
    hand.paste(text)
    hand.type("AB")
    hand.paste(text)
    hand.type("C\r")
    assert hand.results == [("ABC", None)]


@pytest.mark.parametrize("text", ["AB12\nCD34", "AB12\r\nAB12\r\n", "AB12\rCD34", "AB\n" * 500])
def test_a_pasted_page_is_refused_whole(hand: Hand, text: str) -> None:
    """Once, not line by line: which one is meant cannot be known."""
    hand.paste(text)
    assert [scan.fault for scan in hand.scans] == [ScanFault.OVERFLOW]
    assert len(hand.scans[0].text) <= LIMIT


@pytest.mark.parametrize("text", ["AB\x1b[31mCD", "AB\x00CD", "AB\tCD", "AB\x85CD", "AB\u2028CD", "AB\ufffd", "A\x9bB"])
def test_a_dirty_paste_is_refused(hand: Hand, text: str) -> None:
    """Control characters, other line separators and U+FFFD: refused as they came."""
    hand.paste(text)
    assert hand.results == [(text, ScanFault.DIRTY)]


def test_a_long_paste_is_refused(hand: Hand) -> None:
    """The limit is that of any line."""
    hand.paste("7" * LIMIT)
    hand.paste("8" * (LIMIT + 1))
    assert hand.results == [("7" * LIMIT, None), ("8" * LIMIT, ScanFault.OVERFLOW)]


def test_a_paste_into_a_line_refuses_both(hand: Hand) -> None:
    """Whether they belong together cannot be known; the time is the older one's."""
    hand.type("AB")
    hand.paste("CD\n")
    hand.type("\r")
    assert hand.scans == [Scan("ABCD", 100.2, "pasted", ScanFault.PARTIAL)]
    hand.scan("EF\x1d")
    hand.paste("GH")
    assert hand.results[1] == ("EF\x1dGH", ScanFault.DIRTY)


def test_a_paste_after_a_line_left_lying_stands_alone(hand: Hand) -> None:
    """The old part is given up first."""
    hand.scan("ABCD")
    hand.paste("EFGH", STALE_S + 1)
    assert hand.results == [("ABCD", ScanFault.PARTIAL), ("EFGH", None)]


# --- any keys at all ---------------------------------------------------------------------------------------------

NAMES = st.sampled_from([
    "enter", "ctrl+j", "ctrl+m", "tab", "ctrl+i", "backspace", "ctrl+h", "escape", "shift+escape", "f1", "f10", "up",
    "ctrl+q", "ctrl+right_square_bracket", "alt+x", "alt+enter", "left_shift", "caps_lock", "<ignore>", "", "+",
])  # fmt: skip
CHARACTERS = st.none() | st.characters() | st.sampled_from(["\r", "\x1b", "\x7f", "\x9b", "\ufffd", "", "\x1b[Z"])
GAPS = st.sampled_from([-1.0, 0.0, 0.001, 0.02, 0.049, 0.05, 0.06, 0.3, 19.0, 21.0])
STEPS = st.one_of(
    st.tuples(st.just("key"), GAPS, NAMES | st.text(max_size=3), CHARACTERS),
    st.tuples(st.just("text"), GAPS, st.sampled_from(string.ascii_letters + string.digits), st.none()),
    st.tuples(st.just("paste"), GAPS, st.text(max_size=20), st.none()),
    st.tuples(st.sampled_from(["tick", "clear"]), GAPS, st.just(""), st.none()),
)
BUFFERS = st.builds(ScanBuffer, limit=st.sampled_from([1, 5, LIMIT]), silence_s=st.sampled_from([None, 0.2]))


def play(hand: Hand, steps: Iterable[tuple[str, float, str, str | None]]) -> None:
    """Press, paste, tick and clear as told."""
    for what, gap_s, text, character in steps:
        if what == "key":
            hand.press(text, character, gap_s)
        elif what == "text":
            hand.press(text, text, gap_s)
        elif what == "paste":
            hand.paste(text, gap_s)
        elif what == "tick":
            hand.wait(gap_s)
        else:
            hand.buffer.clear()


@untimed
@given(BUFFERS, st.lists(STEPS, max_size=60))
def test_any_keys_at_any_times_do_no_harm(buffer: ScanBuffer, steps: list[tuple[str, float, str, str | None]]) -> None:
    """Nothing raises, and a scan without a fault never holds control characters, nothing, or too much."""
    hand = Hand(buffer)
    play(hand, steps)
    for scan in hand.scans:
        assert len(scan.text) <= LIMIT
        if scan.fault is None:
            assert scan.text
            assert is_clean(scan.text)
            assert not any(unicodedata.category(c) == "Cc" for c in scan.text)


@untimed
@given(
    st.lists(STEPS, max_size=30),
    st.text(st.characters().filter(is_clean), min_size=1, max_size=100),
    st.sampled_from([0.0, 0.001, 0.01, 0.1]),
    st.sampled_from(["\r", "\n", "\r\n", "\t"]),
)
def test_a_clean_burst_comes_out_as_it_went_in(
    steps: list[tuple[str, float, str, str | None]], text: str, gap_s: float, end: str
) -> None:
    """Whatever came before, once the line was cleared: one scan, identical, with the time of its first character."""
    hand = Hand()
    play(hand, steps)
    hand.buffer.clear()
    hand.now = max(hand.now, 200.0) + 100.0
    hand.scans.clear()
    at = hand.now + 1.0
    for number, character in enumerate(text):
        hand.press("key", character, gap_s if number else 1.0)
    hand.type(end, 0.001)
    assert [(scan.text, scan.at, scan.fault) for scan in hand.scans] == [(text, at, None)]


@untimed
@given(st.text(string.ascii_uppercase, min_size=1, max_size=20), st.integers(0, 19), st.sampled_from(sorted(NAMED)))
def test_a_burst_with_a_control_key_is_never_clean(text: str, place: int, data: str) -> None:
    """Wherever in a burst it stands, what comes out clean is what stood before an end."""
    hand = Hand()
    place = min(place, len(text))
    hand.scan(text[:place] + data + text[place:] + "\r", gap_s=BURST_S / 10)
    clean = [scan.text for scan in hand.scans if scan.fault is None]
    if data in "\r\n\t":
        assert "".join(clean) in (text, text[:place])
    elif data in " -+":
        assert clean == [text[:place] + data + text[place:]]
    elif data == "\x1b" and place == 0:
        # Esc before a scan is a person's command, as far as can be told.
        assert clean == [text]
    else:
        assert clean == [] or (data == "\b" and place == 0)
