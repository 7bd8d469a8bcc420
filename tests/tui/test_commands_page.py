"""The supervisor's commands: who may open them, what they do, and that no scan does anything there."""

from __future__ import annotations

import pytest
from textual.command import CommandInput, CommandList
from textual.pilot import Pilot

from support.fake_station import FakeStation, view
from support.pages import SUPERVISOR, WORKER
from support.screen import NUMBER, keys, make, text_of
from tagsmith.model import StationView
from tagsmith.production import ShiftView
from tagsmith.scanners.holdback import HOLD_S
from tagsmith.tui.screens.operator import OperatorScreen
from tagsmith.tui.screens.palette import CommandsScreen, NoSupervisorScreen, commands, may_command
from tagsmith.tui.screens.readers import ReadersScreen

BOSS = view(shift=ShiftView(SUPERVISOR))


class Moving:
    """A clock that is always later than the last time: nothing is held back, nothing comes too soon."""

    def __init__(self) -> None:
        self.now = 1e9

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


async def opened(pilot: Pilot[int]) -> CommandsScreen:
    """Press the key, and wait until the commands are gathered."""
    await keys(pilot, "ctrl+p", at=6000.0)
    screen = pilot.app.screen
    assert isinstance(screen, CommandsScreen)
    await gathered(pilot)
    return screen


async def gathered(pilot: Pilot[int]) -> None:
    """Wait for the list of what fits."""
    await pilot.pause(2 * HOLD_S)
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


@pytest.mark.parametrize(
    ("shown", "operators", "may"),
    [
        (view(), False, True),
        (view(), True, False),
        (view(shift=ShiftView(WORKER)), True, False),
        (BOSS, True, True),
    ],
)
def test_a_supervisor_may_and_where_nobody_is_known_anybody(shown: StationView, operators: bool, may: bool) -> None:
    """Nobody signed on is no supervisor."""
    assert may_command(shown, operators) is may


async def test_others_are_told_that_a_supervisor_must_sign_on() -> None:
    """And nothing opens, until one has."""
    station = FakeStation(view(shift=ShiftView(WORKER)))
    app = make(station, operators=True)
    async with app.run_test() as pilot:
        await keys(pilot, "ctrl+p", at=6000.0)
        assert isinstance(app.screen, NoSupervisorScreen)
        assert "A supervisor must sign on first." in text_of(app)
        assert "Operator 2 is signed on." in text_of(app)
        station.show(BOSS)
        await pilot.pause()
        await keys(pilot, "ctrl+p", at=6001.0)
        assert isinstance(app.screen, CommandsScreen)


async def test_a_command_is_found_by_typing_and_run_by_enter() -> None:
    """What is typed goes into the field, and the station hears nothing of it."""
    station = FakeStation(BOSS)
    app = make(station, operators=True, clock=Moving())
    async with app.run_test() as pilot:
        await opened(pilot)
        at = await keys(pilot, *"light", gap_s=0.2, at=6001.0)
        await gathered(pilot)
        await keys(pilot, "\r", at=at + 1)
        await pilot.pause()
        await pilot.pause()
        assert isinstance(app.screen, OperatorScreen)
        assert app.look == "light"
        assert station.calls == [("start",)]
        await opened(pilot)
        at = await keys(pilot, *"readers", gap_s=0.2, at=6010.0)
        await gathered(pilot)
        await keys(pilot, "\r", at=at + 1)
        await pilot.pause()
        await pilot.pause()
        assert isinstance(app.screen, ReadersScreen)


async def test_a_scan_is_no_number_and_runs_no_command() -> None:
    """Neither a number nor a command's barcode, with one end or two; it is said, and the lanes stay as they are."""
    station = FakeStation(BOSS)
    app = make(station, operators=True, clock=Moving())
    async with app.run_test() as pilot:
        screen = await opened(pilot)
        at = 6001.0
        for scanned in (NUMBER, "TAGSMITHSHIFTEND", "Quit"):
            at = await keys(pilot, *scanned, "\r", "ctrl+j", at=at + 1)
            await gathered(pilot)
            assert app.screen is screen
            assert screen.query_one(CommandInput).value == ""
        assert "Scan dropped" in text_of(app)
        await keys(pilot, "escape", at=at + 1)
        await keys(pilot, *NUMBER, "\r", at=at + 2)
    assert [scan.text for scan in station.scans] == [NUMBER]
    assert [call[0] for call in station.calls] == ["start", "scan"]


async def test_a_scanner_too_slow_to_be_seen_as_one_runs_nothing() -> None:
    """Its end comes sooner than a person can have read what fits."""
    station = FakeStation(BOSS)
    app = make(station, operators=True, clock=lambda: 1e9)
    async with app.run_test() as pilot:
        screen = await opened(pilot)
        at = await keys(pilot, *"light", gap_s=0.06, at=6001.0)
        await gathered(pilot)
        assert screen.query_one(CommandList).option_count
        await keys(pilot, "\r", at=at + 0.06)
        await pilot.pause()
        assert app.screen is screen
        assert app.look != "light"


async def test_they_close_when_the_supervisor_goes_and_what_was_being_scanned_is_dropped_whole() -> None:
    """Half of a scan on each side must not become a shorter number."""
    station = FakeStation(BOSS)
    app = make(station, operators=True)
    async with app.run_test() as pilot:
        await opened(pilot)
        at = await keys(pilot, *NUMBER[:7], at=6001.0)
        station.show(view())
        await pilot.pause()
        assert isinstance(app.screen, OperatorScreen)
        at = await keys(pilot, *NUMBER[7:], "\r", at=at)
        await keys(pilot, *NUMBER, "\r", at=at + 1)
    assert [(scan.text, scan.fault) for scan in station.scans] == [(NUMBER, None)]


async def test_they_do_not_open_over_a_number_under_way() -> None:
    """Its rest would be typed in there."""
    app = make(FakeStation(BOSS))
    async with app.run_test() as pilot:
        at = await keys(pilot, *"AB", gap_s=0.2)
        await keys(pilot, "ctrl+p", at=at + 1)
        assert isinstance(app.screen, OperatorScreen)


def test_commands_name_the_keys_that_do_the_same() -> None:
    """And are those of this screen alone; the alarm is among them while there is one."""
    app = make(FakeStation(BOSS))
    names = [command.name for command in commands(app)]
    assert "Readers  (Ctrl+R)" in names
    assert not any("Alarm" in name for name in names)
    assert len(names) == len(set(names))
