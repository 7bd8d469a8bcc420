"""Key codes to characters, and characters to lines: the layouts, and everything that must spoil a line."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.input_device import (
    ALT,
    ALT_GR,
    CAPS_LOCK,
    CONTROL,
    ENTER,
    ESCAPE,
    KEY,
    KEYPAD_ENTER,
    NUM_LOCK,
    PRESSED,
    RELEASED,
    REPEATED,
    SHIFT,
    SYN,
    SYN_DROPPED,
    TAB,
    US,
    VOLUME_UP,
    Event,
    presses,
    stroke,
)
from tagsmith.lines.keymap import GAP_S, REST_S, KeyEvent, KeyLines, Line, LineEnd, character
from tagsmith.model import ScanFault
from tagsmith.visual_number.keyboards import Layout, keys, retype

TEXTS = st.text(st.sampled_from(sorted(US)), min_size=1, max_size=40)
KEYPAD = dict(zip("7894561230", (71, 72, 73, 75, 76, 77, 79, 80, 81, 82), strict=True))


class Hand:
    """Types on a device into `lines`; a millisecond passes before every event."""

    def __init__(self, lines: KeyLines | None = None) -> None:
        self.lines = lines or KeyLines()
        self.now = 100.0
        self.ended: list[Line] = []

    def emit(self, *events: Event) -> None:
        for event in events:
            self.now += 0.001
            line = self.lines.feed(KeyEvent(self.now, *event))
            if line is not None:
                self.ended.append(line)

    def type(self, text: str, end: int | None = ENTER) -> None:
        self.emit(*presses(text, end))

    def hit(self, *codes: int) -> None:
        for code in codes:
            self.emit(*stroke(code))

    def chord(self, *codes: int) -> None:
        """Keys held together."""
        self.emit(*((KEY, code, PRESSED) for code in codes), (SYN, 0, 0))
        self.emit(*((KEY, code, RELEASED) for code in reversed(codes)), (SYN, 0, 0))

    def pause(self, seconds: float) -> None:
        """Time passes, and whoever owns the lines looks at them."""
        self.now += seconds
        line = self.lines.tick(self.now)
        if line is not None:
            self.ended.append(line)

    @property
    def results(self) -> list[tuple[str, ScanFault | None]]:
        return [(line.text, line.fault) for line in self.ended]


# --- characters ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", list(Layout))
def test_what_the_layouts_table_says_is_typed(layout: Layout) -> None:
    """Every character of a layout's own table is what its key gives, but for dead keys; the US layout has none."""
    places = [*(place for place, shifted in US.values() if not shifted), 86]
    silent = set()
    for shifted, row in enumerate(keys(layout)):
        for place, typed in zip(places, row, strict=False):
            got = character(layout, place, shift=bool(shifted))
            assert got in (typed, None)
            if got is None:
                silent.add(typed)
    assert silent == set({Layout.US: "", Layout.DE: "^´`", Layout.FR: "^\u00a8~", Layout.ES: "`^´\u00a8"}[layout])


@given(TEXTS, st.sampled_from([Layout.DE, Layout.FR, Layout.ES]))
@settings(max_examples=150)
def test_the_map_agrees_with_the_hints_of_layouts(text: str, layout: Layout) -> None:
    """Keys of a US device read as another layout give what the mix-up hints expect, or spoil the line: never else."""
    hand = Hand(KeyLines(layout))
    hand.type(text)
    (line,) = hand.ended
    if line.fault is None:
        assert line.text == retype(text, Layout.US, layout)
    else:
        assert line.fault is ScanFault.DIRTY


def test_alt_gr_gives_the_third_level() -> None:
    """Characters behind AltGr are those of the layout; with Shift, or on a US keyboard, there are none."""
    assert character(Layout.DE, 16, alt_gr=True) == "@"
    assert character(Layout.FR, 11, alt_gr=True) == "@"
    assert character(Layout.ES, 3, alt_gr=True) == "@"
    assert character(Layout.DE, 86, alt_gr=True) == "|"
    assert character(Layout.DE, 16, alt_gr=True, shift=True) is None
    assert character(Layout.US, 16, alt_gr=True) is None


def test_caps_lock_turns_letters_only() -> None:
    """Caps Lock turns letters and leaves US digits; where systems differ (German and French digits) nothing comes."""
    assert character(Layout.US, 16, caps_lock=True) == "Q"
    assert character(Layout.US, 16, caps_lock=True, shift=True) == "q"
    assert character(Layout.US, 2, caps_lock=True) == "1"
    assert character(Layout.US, 2, caps_lock=True, shift=True) == "!"
    assert character(Layout.ES, 39, caps_lock=True) == "Ñ"
    assert character(Layout.DE, 39, caps_lock=True) == "Ö"
    assert character(Layout.DE, 2, caps_lock=True) is None
    assert character(Layout.FR, 2, caps_lock=True) is None
    assert character(Layout.FR, 57, caps_lock=True) == " "
    assert character(Layout.DE, 16, caps_lock=True, alt_gr=True) is None


def test_the_keypad_gives_digits() -> None:
    """Keypad keys give what is printed on them, with any Caps Lock and without modifiers; the German dot is a comma."""
    for digit, code in KEYPAD.items():
        for layout in Layout:
            assert character(layout, code) == character(layout, code, caps_lock=True) == digit
            assert character(layout, code, shift=True) is None
            assert character(layout, code, alt_gr=True) is None
    assert [character(Layout.US, code) for code in (55, 74, 78, 98, 83)] == ["*", "-", "+", "/", "."]
    assert character(Layout.DE, 83) == ","


@given(st.sampled_from(list(Layout)), st.integers(0, 0x2FF), st.booleans(), st.booleans(), st.booleans())
@settings(max_examples=200)
def test_any_key_gives_one_printable_character_or_none(
    layout: Layout, code: int, shift: bool, alt_gr: bool, caps: bool
) -> None:
    """Whatever the key, what comes is one printable character or nothing."""
    typed = character(layout, code, shift=shift, alt_gr=alt_gr, caps_lock=caps)
    assert typed is None or (len(typed) == 1 and typed.isprintable())


# --- lines --------------------------------------------------------------------------------------------------------


@given(st.lists(TEXTS, min_size=1, max_size=4), st.sampled_from([ENTER, KEYPAD_ENTER]))
@settings(max_examples=150)
def test_what_is_typed_is_read(texts: list[str], end: int) -> None:
    """Lines come out as they were typed, each with the time of its first and of its last key."""
    hand = Hand()
    began = []
    for text in texts:
        began.append(hand.now)
        hand.type(text, end)
    assert hand.results == [(text, None) for text in texts]
    for line, at in zip(hand.ended, began, strict=True):
        assert at < line.at < line.ended_at <= hand.now
        assert line.at - at < 0.006, "shift, its scan code and its report come before the first character"


@given(
    TEXTS,
    st.lists(
        st.one_of(
            st.tuples(st.integers(2, 0x1F), st.integers(0, 0x2FF), st.integers(-(2**31), 2**31 - 1)),
            st.tuples(st.just(KEY), st.integers(0, 0x2FF), st.just(REPEATED)),
            st.tuples(st.just(SYN), st.sampled_from([0, 1, 2]), st.integers(0, 1)),
        ),
        max_size=6,
    ),
    st.integers(0, 10_000),
)
@settings(max_examples=150)
def test_events_that_press_nothing_change_nothing(text: str, foreign: list[Event], place: int) -> None:
    """Scan codes, LEDs, repeats, reports and unknown kinds of events leave a line as it is, wherever they stand."""
    events = presses(text)
    place %= len(events)
    events[place:place] = foreign
    hand = Hand()
    hand.emit(*events)
    assert hand.results == [(text, None)]


def test_repeats_of_a_held_key_are_ignored() -> None:
    """A key that the kernel repeats because it is held is one character."""
    hand = Hand()
    hand.emit((KEY, 2, PRESSED), (SYN, 0, 0), (KEY, 2, REPEATED), (SYN, 0, 1), (KEY, 2, REPEATED), (KEY, 2, RELEASED))
    hand.hit(ENTER)
    assert hand.results == [("1", None)]


def test_a_caps_lock_pressed_by_the_device_toggles() -> None:
    """A device that writes capitals with Caps Lock is understood; the lock lasts until it is pressed again."""
    hand = Hand()
    hand.hit(CAPS_LOCK)
    hand.type("ab1")
    hand.type("c", None)
    hand.hit(CAPS_LOCK)
    hand.type("d")
    assert hand.results == [("AB1", None), ("Cd", None)]


def test_num_lock_changes_nothing() -> None:
    """A Num Lock before keypad digits is ignored."""
    hand = Hand()
    hand.hit(NUM_LOCK, KEYPAD["4"], KEYPAD["2"], NUM_LOCK, KEYPAD_ENTER)
    assert hand.results == [("42", None)]


def test_both_shifts_are_told_apart() -> None:
    """Letting one shift go while the other is held leaves the shift."""
    hand = Hand()
    hand.emit((KEY, 42, 1), (KEY, 54, 1), (KEY, 42, 0), (KEY, 30, 1), (KEY, 30, 0), (KEY, 54, 0))
    hand.type("a")
    assert hand.results == [("Aa", None)]


def test_alt_codes_are_refused() -> None:
    """A character typed as an Alt code of the keypad spoils the line, wherever it stands."""
    for before, after in (("", "12"), ("12", ""), ("1", "2")):
        hand = Hand()
        hand.type(before, None)
        hand.chord(ALT, KEYPAD["6"])
        hand.type(after)
        assert hand.results == [(before + after, ScanFault.DIRTY)]


@pytest.mark.parametrize("held", [CONTROL, 97, ALT, 125, 126, ALT_GR])
def test_modifiers_that_make_no_character_spoil_the_line(held: int) -> None:
    """Control, Alt, Super, and AltGr where it gives nothing, make a key no character."""
    hand = Hand()
    hand.type("12", None)
    hand.chord(held, 4)
    hand.type("45")
    assert hand.results == [("1245", ScanFault.DIRTY)]


@pytest.mark.parametrize("code", [ESCAPE, 14, 59, 105, 111, VOLUME_UP, 240, 0x110, 86])
def test_a_key_that_is_no_character_spoils_the_line(code: int) -> None:
    """Backspace, cursor and function keys, mouse buttons and unknown keys inside a line are never passed over."""
    hand = Hand()
    hand.type("12", None)
    hand.hit(code)
    hand.type("34")
    hand.type("56")
    assert hand.results == [("1234", ScanFault.DIRTY), ("56", None)]


def test_control_m_and_j_end_a_line() -> None:
    """Devices that send control characters as Control with a letter end their lines with M, J or both."""
    hand = Hand()
    hand.type("12", None)
    hand.chord(CONTROL, 50)
    hand.chord(CONTROL, 36)
    hand.type("34")
    assert hand.results == [("12", None), ("34", None)]


def test_an_end_with_alt_spoils_its_line() -> None:
    """Alt with Enter is a command to a desktop, not a clean end."""
    hand = Hand()
    hand.type("12", None)
    hand.chord(ALT, ENTER)
    assert hand.results == [("12", ScanFault.DIRTY)]


def test_tab_ends_a_line_only_where_it_is_the_end() -> None:
    """The end key that is not meant spoils a line and is nothing between lines."""
    hand = Hand()
    hand.hit(TAB)
    hand.type("12", TAB)
    hand.hit(ENTER)
    hand.type("34")
    assert hand.results == [("12", ScanFault.DIRTY), ("34", None)]
    hand = Hand(KeyLines(end=LineEnd.TAB))
    hand.hit(ENTER)
    hand.type("12", TAB)
    hand.hit(ENTER)
    hand.type("3", ENTER)
    hand.type("4", TAB)
    assert hand.results == [("12", None), ("34", ScanFault.DIRTY)]


def test_blank_lines_are_nothing() -> None:
    """An end without anything before it is no line: CR LF, Enter twice."""
    hand = Hand()
    hand.hit(ENTER, ENTER, KEYPAD_ENTER)
    assert hand.ended == []


def test_dropped_events_spoil_the_line_they_fell_into() -> None:
    """After SYN_DROPPED the events up to the next report are ignored, and the line is refused to its end; the next is
    good."""
    hand = Hand()
    hand.type("12", None)
    hand.emit((SYN, SYN_DROPPED, 0), (KEY, 10, PRESSED), (SYN, 0, 0))
    hand.type("34")
    hand.type("56")
    assert hand.results == [("1234", ScanFault.DIRTY), ("56", None)]


def test_dropped_events_alone_are_told() -> None:
    """Where everything was dropped, a refused line without text tells that something was scanned; what follows may be
    its rest."""
    hand = Hand()
    hand.emit((SYN, SYN_DROPPED, 0), (SYN, 0, 0))
    hand.pause(GAP_S)
    hand.type("34")
    hand.type("56")
    assert hand.results == [("", ScanFault.DIRTY), ("34", ScanFault.PARTIAL), ("56", None)]


def test_a_shift_whose_release_was_dropped_is_not_held_for_ever() -> None:
    """Nothing counts as held after a drop: capitals do not run on into the lines that follow."""
    hand = Hand()
    hand.emit((KEY, SHIFT, PRESSED), (KEY, 30, PRESSED), (SYN, SYN_DROPPED, 0), (SYN, 0, 0))
    hand.hit(ENTER)
    hand.type("a1")
    assert hand.results == [("A", ScanFault.DIRTY), ("a1", None)]


def test_a_modifier_that_was_never_seen_pressed_spoils_the_line() -> None:
    """A shift that is let go inside a line without a press was held unseen: its characters are not known."""
    hand = Hand()
    hand.type("12", None)
    hand.emit((KEY, SHIFT, RELEASED), (SYN, 0, 0))
    hand.type("34")
    hand.emit((KEY, SHIFT, RELEASED), (SYN, 0, 0))
    hand.type("56")
    assert hand.results == [("1234", ScanFault.DIRTY), ("56", None)]


def test_a_line_without_its_end_is_given_up() -> None:
    """Half a line is refused after a pause; what follows up to an end may be its rest, and is refused too."""
    hand = Hand()
    hand.type("12", None)
    assert hand.lines.due_at == pytest.approx(hand.now - 0.001 + GAP_S)
    hand.pause(GAP_S)
    assert hand.lines.due_at is None
    hand.type("34")
    hand.type("56")
    assert hand.results == [("12", ScanFault.PARTIAL), ("34", ScanFault.PARTIAL), ("56", None)]


def test_a_late_end_makes_good_again() -> None:
    """The end of a line that was given up comes late: the next line is a line."""
    hand = Hand()
    hand.type("12", None)
    hand.pause(GAP_S)
    hand.hit(ENTER)
    hand.type("56")
    assert hand.results == [("12", ScanFault.PARTIAL), ("56", None)]


def test_a_pause_is_seen_at_the_next_key_too() -> None:
    """Nobody need look in between: the key that follows a pause finds the half line, and is no part of it."""
    hand = Hand()
    hand.type("12", None)
    hand.now += 5
    hand.type("34")
    assert hand.results == [("12", ScanFault.PARTIAL), ("34", ScanFault.PARTIAL)]


def test_long_after_half_a_line_all_is_new() -> None:
    """What comes long after a line that was given up is no rest of it."""
    hand = Hand()
    hand.type("12", None)
    hand.pause(REST_S + 0.1)
    hand.type("34")
    assert hand.results == [("12", ScanFault.PARTIAL), ("34", None)]


def test_a_lone_key_that_is_no_character_is_no_alarm() -> None:
    """A volume knob on a device gives no scan, and does not spoil a line that comes later."""
    hand = Hand()
    hand.hit(VOLUME_UP)
    hand.pause(REST_S + 0.1)
    hand.type("34")
    assert hand.results == [("34", None)]


def test_silence_ends_a_line_where_it_is_meant_to() -> None:
    """With `silence_s` a line needs no end; an end that comes all the same is nothing more."""
    hand = Hand(KeyLines(silence_s=0.2))
    hand.type("12", None)
    hand.pause(0.19)
    assert hand.ended == []
    hand.pause(0.02)
    hand.hit(ENTER)
    hand.type("34", None)
    hand.now += 0.3
    hand.type("56")
    assert hand.results == [("12", None), ("34", None), ("56", None)]


def test_too_long_a_line_is_cut_and_refused() -> None:
    """More than `limit` characters are refused to their end, and the first of them kept."""
    hand = Hand(KeyLines(limit=4))
    hand.type("1234")
    hand.type("12345678")
    hand.type("56")
    assert hand.results == [("1234", None), ("1234", ScanFault.OVERFLOW), ("56", None)]


def test_the_first_fault_stays() -> None:
    """A line with several faults is refused for the first."""
    hand = Hand(KeyLines(limit=2))
    hand.type("123", None)
    hand.hit(ESCAPE)
    hand.pause(GAP_S)
    assert hand.results == [("12", ScanFault.OVERFLOW)]


def test_what_began_unheard_is_no_line() -> None:
    """Mistrusted, everything up to the next end is refused; trusted again, a line under way stays so."""
    hand = Hand()
    hand.lines.mistrust()
    hand.type("34")
    hand.type("56")
    hand.lines.mistrust()
    hand.type("7", None)
    hand.lines.trust()
    hand.type("8")
    hand.lines.mistrust()
    hand.lines.trust()
    hand.type("90")
    assert hand.results == [("34", ScanFault.PARTIAL), ("56", None), ("78", ScanFault.PARTIAL), ("90", None)]


def test_time_that_goes_back_does_no_harm() -> None:
    """Events stamped before those that came already end nothing."""
    hand = Hand()
    hand.type("12", None)
    hand.now -= 50
    hand.type("34")
    assert hand.results == [("1234", None)]


@given(st.text("0123456789ABCDEF", min_size=8, max_size=14), st.integers(0, 300), st.integers(1, 30))
@settings(max_examples=150)
def test_a_hole_that_the_kernel_tells_of_is_never_a_number(text: str, start: int, length: int) -> None:
    """However many events SYN_DROPPED stands for, no unspoilt line but the true one comes."""
    events = presses(text)
    start %= len(events)
    holed = [*events[:start], (SYN, SYN_DROPPED, 0), (SYN, 0, 0), *events[start + length :]]
    hand = Hand()
    hand.emit(*holed)
    hand.pause(2.0)
    assert all(fault is not None for _, fault in hand.results) or hand.results[0] == (text, None)
