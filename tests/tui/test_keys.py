"""Keys and pastes to scans and commands, through the app, with a scanner's and a person's tempo."""

from __future__ import annotations

import pytest

from support.fake_station import UID, FakeStation, lane, view
from support.screen import NUMBER, Clock, keys, make, paste, text_of, tones
from tagsmith.model import (
    Phase,
    ScanFault,
)
from tagsmith.tui.port import ExtraKey
from tagsmith.tui.screens.help import HelpScreen
from tagsmith.tui.screens.leave import LeaveScreen
from tagsmith.tui.screens.log import LogScreen
from tagsmith.tui.screens.operator import OperatorScreen
from tagsmith.tui.terminal.inflow import TerminalFlooded


async def test_a_scan_reaches_the_station_with_the_time_of_its_first_key() -> None:
    """Not the time at which the screen came round to it: by that, a late number would join a later key."""
    station = FakeStation()
    async with make(station).run_test() as pilot:
        await keys(pilot, *NUMBER, "\r", at=6000.0)
    assert [(scan.text, scan.source, scan.fault) for scan in station.scans] == [(NUMBER, "scanner", None)]
    assert station.scans[0].at == pytest.approx(6000.002)


async def test_two_scans_without_a_pause_are_two() -> None:
    """A fast worker, or a scanner that repeats."""
    station = FakeStation()
    async with make(station).run_test() as pilot:
        await keys(pilot, *"AAAA1\rBBBB2\r")
    assert [scan.text for scan in station.scans] == ["AAAA1", "BBBB2"]


@pytest.mark.parametrize("key", ["q", "d", "?", " ", "1", "/", "escape", "f10", "f2"])
async def test_no_key_of_a_scan_is_a_command(key: str) -> None:
    """Neither letters, which never are, nor function keys within a scan's tempo."""
    station = FakeStation()
    app = make(station)
    async with app.run_test() as pilot:
        await keys(pilot, "A", "B", key, "C", "\r")
        assert app.is_running
        assert isinstance(app.screen, OperatorScreen)
    assert [call for call in station.calls if call[0] not in ("start", "scan")] == []
    assert len(station.scans) == 1


@pytest.mark.parametrize("opener", ["f1", "f8", "f10"])
async def test_scans_go_on_under_every_screen(opener: str) -> None:
    """Help, log and the question before leaving hide the lanes and nothing else."""
    station = FakeStation(view(lane(Phase.TAG_WAITS, uid=UID)))
    app = make(station)
    async with app.run_test() as pilot:
        await pilot.press(opener)
        assert not isinstance(app.screen, OperatorScreen)
        await keys(pilot, *"AB7", at=6000.0)
        assert "Number: AB7_" in text_of(app)
        await keys(pilot, *"8\r", at=6000.01)
    assert [scan.text for scan in station.scans] == ["AB78"]


async def test_a_paste_is_a_number() -> None:
    """By hand from a list; a page of lines is refused."""
    station = FakeStation()
    async with make(station).run_test() as pilot:
        await paste(pilot, NUMBER)
        await paste(pilot, "one\ntwo\n")
    assert [(scan.text, scan.fault) for scan in station.scans] == [(NUMBER, None), ("one\ntwo", ScanFault.OVERFLOW)]


@pytest.mark.parametrize("line", ["", "AB7"])
async def test_a_flood_is_one_refusal(line: str) -> None:
    """With the line that it broke off, which is no beginning of the next one."""
    station = FakeStation()
    app = make(station)
    async with app.run_test() as pilot:
        await keys(pilot, *line)
        app.post_message(TerminalFlooded())
        await keys(pilot, *NUMBER, "\r", at=6010.0)
    refused, taken = station.scans
    assert refused.fault is ScanFault.OVERFLOW
    assert refused.text.startswith(line)
    assert (taken.text, taken.fault) == (NUMBER, None)


async def test_a_line_left_lying_is_refused_by_the_clock() -> None:
    """Half a number is not completed by the next one."""
    station = FakeStation()
    clock = Clock()
    clock.now = 6000.0
    app = make(station, clock=clock)
    async with app.run_test() as pilot:
        await keys(pilot, *"AB", at=6000.0)
        clock.now = 6030.0
        app._tick()
        await pilot.pause()
        assert "Number: scan or type it" in text_of(app)
    assert [(scan.text, scan.fault) for scan in station.scans] == [("AB", ScanFault.PARTIAL)]


async def test_a_scanner_without_end_ends_by_silence() -> None:
    """Where it is asked for."""
    station = FakeStation()
    clock = Clock()
    app = make(station, clock=clock, silence_s=0.2)
    async with app.run_test() as pilot:
        clock.now = await keys(pilot, *"ABCDEF", at=6000.0) + 0.25
        app._tick()
        await pilot.pause()
    assert [(scan.text, scan.fault) for scan in station.scans] == [("ABCDEF", None)]


async def test_the_line_being_typed_is_shown() -> None:
    """As it grows, as backspace shortens it, and empty after Enter."""
    app = make()
    async with app.run_test() as pilot:
        at = await keys(pilot, *"AB", gap_s=0.2)
        assert "Number: AB_" in text_of(app)
        at = await keys(pilot, "backspace", gap_s=0.2, at=at)
        assert "Number: A_" in text_of(app)
        await keys(pilot, "\r", gap_s=0.2, at=at)
        assert "Number: scan or type it" in text_of(app)


async def test_function_keys_are_commands() -> None:
    """Undo and clear go to the station at once."""
    station = FakeStation()
    async with make(station).run_test() as pilot:
        await pilot.press("f2")
        await pilot.press("escape")
    assert station.calls == [("start",), ("undo",), ("clear",)]


async def test_esc_clears_the_line_too() -> None:
    """What was half typed is forgotten with what waits."""
    station = FakeStation()
    app = make(station)
    async with app.run_test() as pilot:
        at = await keys(pilot, *"AB", gap_s=0.2)
        await keys(pilot, "escape", gap_s=0.5, at=at)
        assert "AB_" not in text_of(app)
    assert ("clear",) in station.calls
    assert station.scans == []


async def test_esc_goes_back_before_it_clears() -> None:
    """Leaving the help must not drop the key that waits."""
    station = FakeStation()
    app = make(station)
    async with app.run_test() as pilot:
        await pilot.press("f1", "escape")
        assert isinstance(app.screen, OperatorScreen)
        assert ("clear",) not in station.calls
        await pilot.press("escape")
        assert ("clear",) in station.calls


@pytest.mark.parametrize(("key", "kind"), [("f1", HelpScreen), ("f8", LogScreen)])
async def test_the_same_key_opens_and_closes(key: str, kind: type[object]) -> None:
    """And from one to the other in one step; there is never more than one over the lanes."""
    app = make()
    async with app.run_test() as pilot:
        await pilot.press(key)
        assert isinstance(app.screen, kind)
        await pilot.press(key)
        assert isinstance(app.screen, OperatorScreen)
        await pilot.press("f1", "f8")
        assert isinstance(app.screen, LogScreen)
        assert len(app.screen_stack) == 2


async def test_retry_only_where_there_is_something_to_save() -> None:
    """F5 on a lane that is not in trouble does nothing."""
    station = FakeStation()
    async with make(station).run_test() as pilot:
        await pilot.press("f5")
        assert ("retry",) not in station.calls
        station.show(view(lane(Phase.NOT_SAVED)))
        await pilot.pause()
        await pilot.press("f5")
    assert station.calls.count(("retry",)) == 1


async def test_f10_leaves_at_once_when_nothing_is_open() -> None:
    """With exit status 0."""
    app = make()
    async with app.run_test() as pilot:
        await pilot.press("f10")
        await pilot.pause()
    assert app.return_value == 0


@pytest.mark.parametrize(
    "phase", [Phase.TAG_WAITS, Phase.NUMBER_WAITS, Phase.VERIFYING, Phase.COMMITTING, Phase.NOT_SAVED]
)
async def test_f10_asks_when_a_pair_is_half_done(phase: Phase) -> None:
    """Esc goes back to the pair, a second F10 leaves."""
    app = make(FakeStation(view(lane(phase))))
    async with app.run_test() as pilot:
        await pilot.press("f10")
        assert isinstance(app.screen, LeaveScreen)
        await pilot.press("escape")
        assert isinstance(app.screen, OperatorScreen)
        await pilot.press("f10", "f10")
        await pilot.pause()
    assert app.return_value == 0


async def test_the_question_goes_away_when_the_pair_is_done() -> None:
    """Its number was scanned while the question was asked."""
    station = FakeStation(view(lane(Phase.TAG_WAITS)))
    app = make(station)
    async with app.run_test() as pilot:
        await pilot.press("f10")
        station.show(view(lane(Phase.PAIRED)))
        await pilot.pause()
        assert isinstance(app.screen, OperatorScreen)
        assert tones(app) == ["paired"]


@pytest.mark.parametrize("key", ["ctrl+q", "ctrl+c", "ctrl+z", "tab", "q", "ctrl+backslash"])
async def test_textuals_own_keys_do_nothing(key: str) -> None:
    """Neither quit nor suspension."""
    app = make()
    async with app.run_test() as pilot:
        await pilot.press(key)
        await pilot.pause()
        assert app.is_running
        assert isinstance(app.screen, OperatorScreen)


async def test_extra_keys_act_and_are_shown() -> None:
    """The demo's keys and its line, which may change with the view."""
    pressed: list[str] = []
    labels = ["first"]
    extras = [ExtraKey("f15", "good key", lambda: pressed.append("good"))]
    station = FakeStation()
    app = make(station, extra_keys=extras, hint=lambda: f"Label on this key: {labels[-1]}")
    async with app.run_test() as pilot:
        await pilot.press("f15")
        assert "Shift+F3" in text_of(app)
        assert "good key" in text_of(app)
        assert "Label on this key: first" in text_of(app)
        labels.append("[/]second")
        station.show(view(lane(Phase.TAG_WAITS)))
        await pilot.pause()
        assert "Label on this key: [/]second" in text_of(app)
        await pilot.press("f1")
        await pilot.pause()
        assert isinstance(app.screen, HelpScreen)
    assert pressed == ["good"]


def test_an_extra_key_cannot_take_one_of_the_operators() -> None:
    """F2 is always undo."""
    with pytest.raises(ValueError, match="f2"):
        make(extra_keys=[ExtraKey("f2", "surprise", lambda: None)])
