"""The shift's page: sign-on, checks, start, end and report; by keyboard, and by scanner alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.fake_station import STOP, FakeStation, lane, view
from support.pages import CHECKS, PASSED, REPORT, SHIFT, SUPERVISOR, WORKER, shift
from support.screen import NUMBER, keys, make, text_of, words
from tagsmith.enrolment import FormView
from tagsmith.model import Phase
from tagsmith.production import CheckView, Operator, ShiftView
from tagsmith.scanners.holdback import HOLD_S
from tagsmith.tui import letters
from tagsmith.tui.face import faces
from tagsmith.tui.field import FieldApp
from tagsmith.tui.screens.field import FieldScreen
from tagsmith.tui.screens.operator import OperatorScreen
from tagsmith.tui.screens.shift import Deed, ShiftScreen, deeds, next_step, shift_lines, usual
from tagsmith.tui.typeset import Ink


class FormStation(FakeStation):
    """With a form in which nothing stands."""

    def form(self) -> FormView:
        """Empty."""
        return FormView()

    def ask_user(self, user: str) -> None:
        """Nobody is looked up."""


def far() -> float:
    """A clock far ahead: what is held back is let go as soon as somebody looks."""
    return 1e9


def text(stand: ShiftView, width: int = 80) -> list[str]:
    """The page as lines."""
    return [line for line, _ink in shift_lines(stand, width)]


# --- what it says -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stand", "step"),
    [
        (ShiftView(), ""),
        (ShiftView(required=True), "Sign on:"),
        (ShiftView(WORKER, required=True), "Start the shift:"),
        (ShiftView(None, SHIFT, True, PASSED), "Sign on:"),
        (ShiftView(WORKER, SHIFT, True, CHECKS), "The checks run."),
        (ShiftView(WORKER, SHIFT, True, PASSED), "Ready:"),
        (ShiftView(WORKER, required=True, report=REPORT), "The shift is over."),
    ],
)
def test_the_page_says_what_comes_next(stand: ShiftView, step: str) -> None:
    """From nobody to the report; nothing where no shift is asked for."""
    assert next_step(stand).startswith(step)
    assert bool(next_step(stand)) is bool(step)


def test_each_check_has_a_mark_of_letters() -> None:
    """Passed, passed and to be read, open, not passed; the last is in exchanged colours, too."""
    lines = dict(shift_lines(ShiftView(WORKER, SHIFT, True, CHECKS), 80))
    marks = {line[:4]: ink for line, ink in lines.items() if line.startswith("[")}
    assert set(marks) == {"[ok]", "[! ]", "[..]", "[NO]"}
    assert [mark for mark, ink in marks.items() if ink is Ink.REVERSE] == ["[NO]"]
    assert "2 checks are open" in lines
    unknown = ShiftView(WORKER, SHIFT, True, (CheckView("moon", True, "full"),))
    assert "[ok] moon           full" in text(unknown)


def test_a_report_fits_a_narrow_screen() -> None:
    """Values stay in their column; what is longer is continued below."""
    lines = text(ShiftView(WORKER, required=True, report=REPORT), 38)
    at = lines.index("Operators          Operator 1,")
    assert lines[at + 1] == "                   Operator 2"
    assert "First-pass yield   96.7 %" in lines
    assert max(map(len, lines[at:])) <= 38


def test_nothing_is_ended_unasked() -> None:
    """Enter alone begins a shift and does nothing else; after an end it begins none."""
    signed_on = ShiftView(WORKER, required=True)
    running = replace(signed_on, shift=SHIFT)
    assert usual(signed_on) is Deed.START
    assert usual(ShiftView(required=True)) is None
    assert usual(running) is None
    assert usual(replace(signed_on, report=REPORT)) is None
    assert deeds(running) == (Deed.END, Deed.SIGN_OFF)
    assert deeds(ShiftView()) == (Deed.START,)


# --- when it comes and goes ---------------------------------------------------------------------------------------


async def test_it_opens_by_itself_where_nobody_may_work_yet_and_goes_when_ready() -> None:
    """On the way: sign-on by badge, start by barcode, checks one by one. Nothing was typed."""
    station = FakeStation(replace(view(), lanes=()))
    app = make(station)
    async with app.run_test() as pilot:
        assert isinstance(app.screen, OperatorScreen)
        for stand in (
            {},
            {"operator": WORKER},
            {"operator": WORKER, "shift": SHIFT, "checks": CHECKS},
        ):
            station.show(shift(**stand))
            await pilot.pause()
            assert isinstance(app.screen, ShiftScreen)
        assert "[..] golden key" in text_of(app)
        station.show(shift(operator=WORKER, shift=SHIFT, checks=PASSED))
        await pilot.pause()
        assert isinstance(app.screen, OperatorScreen)
        station.show(shift())
        await pilot.pause()
        assert isinstance(app.screen, OperatorScreen)


async def test_the_report_opens_by_itself() -> None:
    """The barcode for the end of a shift shows what it came to, once; whoever types is left alone."""
    station = FakeStation(shift(operator=WORKER, shift=SHIFT, checks=PASSED))
    app = make(station)
    async with app.run_test() as pilot:
        station.show(shift(operator=WORKER, shift=SHIFT, checks=PASSED, report=REPORT))
        await pilot.pause()
        assert isinstance(app.screen, OperatorScreen), "it is that of the shift so far"
        over = shift(operator=WORKER, report=REPORT)
        station.show(over)
        await pilot.pause()
        assert isinstance(app.screen, ShiftScreen)
        assert "First-pass yield" in text_of(app)
        await pilot.press("escape")
        station.show(over)
        await pilot.pause()
        assert isinstance(app.screen, OperatorScreen)
        assert words(app) == ["SHIFT"]


async def test_it_stays_while_something_is_typed() -> None:
    """Whoever is writing a name is not to write on into the lanes."""
    station = FakeStation(shift())
    app = make(station, clock=far)
    async with app.run_test() as pilot:
        station.show(shift())
        await pilot.pause()
        await keys(pilot, *"Op", gap_s=0.2)
        await pilot.pause(2 * HOLD_S)
        station.show(shift(operator=WORKER, shift=SHIFT, checks=PASSED))
        await pilot.pause()
        assert isinstance(app.screen, ShiftScreen)


@pytest.mark.parametrize(
    "stand", [{"required": False}, {"operator": WORKER, "shift": SHIFT, "checks": PASSED}], ids=["no need", "ready"]
)
async def test_it_does_not_open_where_work_may_begin(stand: dict[str, object]) -> None:
    """The lanes are what a worker wants to see."""
    station = FakeStation()
    app = make(station)
    async with app.run_test() as pilot:
        station.show(shift(**stand))
        await pilot.pause()
        assert isinstance(app.screen, OperatorScreen)
        await keys(pilot, "f12")
        station.show(shift(operator=SUPERVISOR, shift=SHIFT, checks=PASSED))
        await pilot.pause()
        assert isinstance(app.screen, ShiftScreen)


async def test_it_does_not_come_upon_a_number_that_is_being_typed() -> None:
    """The rest of it would be in the wrong field."""
    station = FakeStation()
    app = make(station)
    async with app.run_test() as pilot:
        await keys(pilot, *"AB", gap_s=0.2)
        station.show(shift())
        await pilot.pause()
        assert isinstance(app.screen, OperatorScreen)


# --- what it does -------------------------------------------------------------------------------------------------


async def test_a_code_or_name_is_typed_and_a_scan_is_the_stations() -> None:
    """Whose code a scan is, or which command, the station knows; its second line end starts no shift."""
    station = FakeStation()
    app = make(station, clock=far)
    async with app.run_test() as pilot:
        await keys(pilot, "f12", at=6000.0)
        at = await keys(pilot, *"Operator 2", "\r", gap_s=0.2, at=6001.0)
        assert ("sign_on", "Operator 2") in station.calls
        station.show(shift(operator=WORKER))
        await pilot.pause()
        at = await keys(pilot, *"OP-0017", "\r", "ctrl+j", at=at + 1)
        await keys(pilot, *"TAGSMITHSHIFTEND", "\r", at=at + 1)
        assert app.screen.query_one("#sign-on").value == ""  # type: ignore[attr-defined]
    assert [scan.text for scan in station.scans] == ["OP-0017", "TAGSMITHSHIFTEND"]
    assert [call[0] for call in station.calls] == ["start", "sign_on", "scan", "scan"]


@pytest.mark.parametrize(
    ("stand", "pressed", "asked"),
    [
        ({"operator": WORKER}, ["\r"], "start_shift"),
        ({"operator": WORKER}, ["down", "\r"], "sign_off"),
        ({"operator": WORKER, "shift": SHIFT}, ["\r"], None),
        ({"operator": WORKER, "shift": SHIFT}, ["down", "\r"], "end_shift"),
        ({"operator": WORKER, "shift": SHIFT}, ["up", "\r"], "sign_off"),
        ({}, ["\r"], None),
    ],
)
async def test_enter_does_what_is_chosen(stand: dict[str, object], pressed: list[str], asked: str | None) -> None:
    """With the field empty. What is chosen was chosen by an arrow, but for the start."""
    station = FakeStation()
    app = make(station, clock=far)
    async with app.run_test() as pilot:
        station.show(shift(**stand))
        await pilot.pause()
        if not isinstance(app.screen, ShiftScreen):
            await keys(pilot, "f12", at=6000.0)
        await keys(pilot, *pressed, gap_s=0.2, at=6001.0)
    assert [call[0] for call in station.calls] == ["start", *([asked] if asked else [])]


async def test_what_was_chosen_does_not_outlive_what_it_was_chosen_for() -> None:
    """The end of one shift is not that of the next."""
    station = FakeStation(shift(operator=WORKER, shift=SHIFT, checks=CHECKS))
    app = make(station, clock=far)
    async with app.run_test() as pilot:
        station.show(shift(operator=WORKER, shift=SHIFT, checks=CHECKS))
        await pilot.pause()
        await keys(pilot, "down", at=6000.0)
        assert ">End the shift" in text_of(app)
        station.show(shift(operator=Operator("Operator 3"), shift=SHIFT, checks=CHECKS))
        await pilot.pause()
        await keys(pilot, "\r", at=6001.0)
    assert station.calls == [("start",)]


async def test_what_could_not_be_done_is_said() -> None:
    """In the words of the station, where it was asked for; foreign text as it is."""
    station = FakeStation()
    app = make(station)
    async with app.run_test() as pilot:
        station.show(shift(message="Nobody of this name or code works here. [/]\x1b[31m"))
        await pilot.pause()
        assert "! Nobody of this name or code works here. [/]<1B>[31m" in text_of(app)


async def test_a_number_is_still_a_number() -> None:
    """On the page a scan of a key goes to its lane, which says why it is not taken."""
    station = FakeStation()
    app = make(station)
    async with app.run_test() as pilot:
        at = await keys(pilot, "f12")
        await keys(pilot, *NUMBER, "\r", at=at + 1)
    assert [(scan.text, scan.fault) for scan in station.scans] == [(NUMBER, None)]


async def test_the_form_has_the_page_too() -> None:
    """A technician signs on there as at the lanes, and comes back to the form with what was written in it."""
    station = FormStation()
    app = FieldApp(station, clock=far)  # type: ignore[arg-type]
    async with app.run_test() as pilot:
        station.show(shift())
        await pilot.pause()
        assert isinstance(app.screen, ShiftScreen)
        await keys(pilot, *"Operator 2", "\r", gap_s=0.2, at=6001.0)
        assert ("sign_on", "Operator 2") in station.calls
        await keys(pilot, "escape", at=6010.0)
        assert isinstance(app.screen, FieldScreen)


@pytest.mark.parametrize(
    ("stand", "word", "title"),
    [
        ({}, "SIGN ON", "Nobody has signed on."),
        ({"operator": WORKER}, "SHIFT", "The shift has not begun."),
        ({"operator": WORKER, "shift": SHIFT, "checks": CHECKS}, "WAIT", "the disc is nearly full: 120 MB free"),
        ({"operator": WORKER, "shift": SHIFT, "checks": CHECKS[:1]}, "WAIT", "The checks of the shift run."),
        ({"operator": WORKER, "shift": SHIFT, "checks": PASSED}, "TAP", "Ready for the next key."),
        ({"required": False}, "TAP", "Ready for the next key."),
    ],
)
def test_a_lane_asks_for_no_key_that_it_would_not_take(stand: dict[str, object], word: str, title: str) -> None:
    """Before the shift it says what comes first; what it refused, or asks for besides, it says all the same."""
    shown = shift(**stand)
    ((_heading, face),) = faces(shown)
    assert (face.word, face.title) == (word, title)
    assert letters.known(face.word)
    ((_heading, refused),) = faces(replace(shown, lanes=(lane(Phase.REFUSED, notice=STOP),)))
    assert refused.title == STOP.title
