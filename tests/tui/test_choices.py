"""Decisions, lists and small forms by keyboard, mouse and scanner: what is a choice, what a number, what a secret."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from support.fake_station import UID, FakeStation, lane, view
from support.scenes import NUMBER, REJECT_STOP, SHIFT_STOP, day, eight, pairs, work
from support.screen import Clock, keys, paste, text_of
from support.screen import make as make_app
from tagsmith.model import Phase
from tagsmith.production import Batch, RejectCause
from tagsmith.tui.app import TagsmithApp
from tagsmith.tui.gate import Wanted
from tagsmith.tui.picking import PickSheet
from tagsmith.tui.screens.batches import BatchesScreen
from tagsmith.tui.screens.choices import ChoiceScreen, SecretScreen
from tagsmith.tui.screens.operator import OperatorScreen
from tagsmith.tui.screens.pairs import PairsScreen
from tagsmith.tui.widgets import FaceSheet, KeySheet, LaneSheet

STOPPED = view(lane(), lane(Phase.REFUSED, lane="2", stop=SHIFT_STOP))
LOCKED = view(lane(Phase.REFUSED, stop=REJECT_STOP))
HELD_S = 0.12
"""Longer than a key is held back, and than an Enter waits for the scan that it may begin."""


def make(station: FakeStation) -> TagsmithApp:
    """On the clock that key presses are stamped with: here a person's keys take their time."""
    return make_app(station, clock=time.monotonic)


async def scan(pilot: Pilot[int], text: str) -> None:
    """As a scanner does, now."""
    await keys(pilot, *text, at=time.monotonic())


def asked(station: FakeStation) -> list[tuple[object, ...]]:
    """What the station was told, without its start and the scans."""
    return [call for call in station.calls if call[0] not in ("start", "scan")]


async def press(pilot: Pilot[int], *pressed: str) -> None:
    """As a person does."""
    for key in pressed:
        await pilot.press(key)
        await pilot.pause(HELD_S if key == "enter" or len(key) == 1 else None)


# --- a lane that has stopped --------------------------------------------------------------------------------------


async def test_a_digit_is_a_choice_and_a_scan_is_a_scan() -> None:
    """F11 takes the lane that has stopped; a number of digits alone decides nothing."""
    station = FakeStation(STOPPED)
    app = make(station)
    async with app.run_test() as pilot:
        await press(pilot, "f11")
        assert "lane 2" in text_of(app)
        assert "1  card #250 is missing: skip it" in text_of(app)
        # Right behind a key it could be the rest of a scan that began with it.
        await pilot.pause(HELD_S)
        await scan(pilot, "2222\r")
        await pilot.pause(HELD_S)
        await scan(pilot, "12")
        await pilot.pause(HELD_S)
        assert asked(station) == []
        assert [(scan.text, scan.fault) for scan in station.scans] == [("2222", None)]
        await press(pilot, "9", "x")
        assert asked(station) == []
        await press(pilot, "2")
    assert asked(station) == [("answer", "2", "recheck-run", "")]
    assert len(station.scans) == 1


async def test_enter_decides_only_what_was_marked() -> None:
    """A stray Enter, or the end of a scan, does not; nor does a paste."""
    station = FakeStation(STOPPED)
    app = make(station)
    async with app.run_test() as pilot:
        await press(pilot, "f11", "enter")
        await paste(pilot, NUMBER)
        assert asked(station) == []
        await press(pilot, "down", "down")
        # A scanner whose prefix is a line end.
        await scan(pilot, f"\r{NUMBER}\r")
        await pilot.pause(HELD_S)
        assert asked(station) == []
        await press(pilot, "enter")
    assert asked(station) == [("answer", "2", "recheck-run", "")]
    assert [scan.text for scan in station.scans] == [NUMBER, NUMBER]


async def test_the_question_goes_when_the_lane_goes_on() -> None:
    """By whomever it was decided; another stop asks anew."""
    station = FakeStation(STOPPED)
    app = make(station)
    async with app.run_test() as pilot:
        await press(pilot, "f11", "down")
        station.show(view(lane(), lane(Phase.REFUSED, lane="2", stop=replace(SHIFT_STOP, title="Another one."))))
        await pilot.pause()
        assert isinstance(app.screen, ChoiceScreen)
        assert "Another one." in text_of(app)
        assert app.screen.query_one(PickSheet).marked is None
        station.show(view(lane(), lane(lane="2")))
        await pilot.pause()
        assert isinstance(app.screen, OperatorScreen)


async def test_the_rest_of_a_scan_whose_screen_went_is_no_number() -> None:
    """The question goes in the midst of a scan: the scan stays whole, or it is none."""
    station = FakeStation(STOPPED)
    app = make(station)
    async with app.run_test() as pilot:
        await press(pilot, "f11")
        at = await keys(pilot, *NUMBER[:2], at=time.monotonic())
        station.show(view())
        await pilot.pause()
        assert isinstance(app.screen, OperatorScreen)
        await keys(pilot, *NUMBER[2:], "\r", at=at)
    assert {scan.text for scan in station.scans if scan.fault is None} <= {NUMBER}
    assert len(station.scans) == 1


async def test_a_secret_goes_to_the_station_and_nowhere_else(caplog: pytest.LogCaptureFixture) -> None:
    """Typed, or scanned at a scanner's tempo: not to the line of the number, not to the glass, not to the log."""
    caplog.set_level(logging.DEBUG)
    station = FakeStation(LOCKED)
    app = make(station)
    async with app.run_test() as pilot:
        await press(pilot, "f11", "1")
        assert isinstance(app.screen, SecretScreen)
        await scan(pilot, "SV-4711")
        assert "4711" not in text_of(app)
        assert "•••••••" in text_of(app)
        await press(pilot, "enter")
        assert app.screen.query_one(Input).value == ""
        station.show(replace(station.shown, said="This is no supervisor's code."))
        await pilot.pause()
        assert "This is no supervisor's code." in text_of(app)
        await press(pilot, "1", "2")
        station.show(view())
        await pilot.pause()
        assert isinstance(app.screen, OperatorScreen)
        # The badge was tapped meanwhile: what was still being typed is no number.
        await press(pilot, "3", "4", "enter")
        assert app._buffer.text == ""
        await scan(pilot, f"{NUMBER}\r")
    assert asked(station) == [("answer", "1", "unlock", "SV-4711")]
    assert [scan.text for scan in station.scans] == [NUMBER]
    assert "4711" not in caplog.text


async def test_a_click_on_a_lane_asks_about_that_lane() -> None:
    """If it has stopped; and a choice is made by clicks, too: the first marks, the second decides."""
    station = FakeStation(day(*eight()))
    app = make(station)
    async with app.run_test(size=(120, 40)) as pilot:
        sheets = list(app.screen.query(LaneSheet))
        await pilot.click(sheets[2])
        assert isinstance(app.screen, OperatorScreen)
        await pilot.click(sheets[4])
        await pilot.pause()
        assert isinstance(app.screen, ChoiceScreen)
        await pilot.click(PickSheet, offset=(5, 3))  # below a blank row
        await pilot.pause()
        assert asked(station) == []
        await pilot.click(PickSheet, offset=(5, 3))  # below a blank row
        await pilot.pause()
    assert asked(station) == [("answer", "5", "undo-run", "")]


async def test_a_click_on_a_key_is_that_key() -> None:
    """Where it stands in the line; between keys there is nothing."""
    station = FakeStation(view())
    app = make(station)
    async with app.run_test() as pilot:
        row = text_of(app).split("\n")[-1]
        await pilot.click(KeySheet, offset=(row.index("F2"), 0))
        await pilot.click(KeySheet, offset=(row.index("batches") + 1, 0))
        await pilot.pause()
        assert isinstance(app.screen, BatchesScreen)
    assert asked(station) == [("undo",)]


# --- lists --------------------------------------------------------------------------------------------------------


async def test_a_pair_is_taken_back_from_the_list() -> None:
    """The marked one, also when new pairs come above it; one that was sent cannot; the station's answer is shown."""
    shown = day(lane(), pairs=pairs(), said="Old news.")
    station = FakeStation(shown)
    app = make(station)
    async with app.run_test() as pilot:
        await press(pilot, "f4")
        assert isinstance(app.screen, PairsScreen)
        assert "Old news." not in text_of(app)
        await press(pilot, "down")
        newer = replace(pairs()[0], entry="new", visual_number="NEW-1")  # type: ignore[type-var]
        station.show(replace(shown, pairs=(newer, *pairs())))  # type: ignore[arg-type]
        await pilot.pause()
        await press(pilot, "enter")
        assert asked(station) == [("undo_entry", "DE*8PS*CD0C01*1")]
        station.show(replace(station.shown, said="Taken back: DE*8PS*CD0C01*1."))
        await pilot.pause()
        assert "Taken back: DE*8PS*CD0C01*1." in text_of(app)
        await press(pilot, "down", "down", "enter")
    assert len(asked(station)) == 1


async def test_a_number_is_typed_over_a_list() -> None:
    """Letters go to its line, arrows and Enter do not touch the list meanwhile, and a scanner's Enter picks nothing."""
    station = FakeStation(day(lane(), pairs=pairs()))
    app = make(station)
    async with app.run_test() as pilot:
        await press(pilot, "f4")
        await press(pilot, "A", "B")
        assert "Number: AB_" in text_of(app)
        await press(pilot, "down")
        assert app.screen.query_one(PickSheet).at == 0
        await press(pilot, "enter")
        await keys(pilot, "\r", *NUMBER, "\r", "ctrl+j", at=time.monotonic())
        await pilot.pause(HELD_S)
    assert [scan.text for scan in station.scans] == ["AB", NUMBER]
    assert asked(station) == []


async def test_the_work_list_tells_what_to_do() -> None:
    """Below the list, of the marked one."""
    app = make(FakeStation(day(lane(), work=work())))
    async with app.run_test() as pilot:
        await press(pilot, "f6", "down")
        assert "tagsmith journal settle" in text_of(app)
        await press(pilot, "up")
        assert "pair its number with a new key" in text_of(app)


@pytest.mark.parametrize(
    ("lanes", "pressed", "told"),
    [
        ((lane(),), ("down", "enter"), (None, RejectCause.DEAD_CHIP)),
        ((lane(), lane(Phase.TAG_WAITS, lane="2", uid=UID)), ("enter", "enter"), ("2", RejectCause.DAMAGED_PRINT)),
    ],
    ids=["one lane", "the lane on which something waits"],
)
async def test_a_key_is_put_aside(
    lanes: tuple[object, ...], pressed: tuple[str, ...], told: tuple[object, ...]
) -> None:
    """With its cause, and its lane where there are several; then the lanes are back."""
    station = FakeStation(view(*lanes))  # type: ignore[arg-type]
    app = make(station)
    async with app.run_test() as pilot:
        await press(pilot, "f7", *pressed)
        assert isinstance(app.screen, OperatorScreen)
    assert asked(station) == [("reject", *told, "")]


async def test_the_answer_is_seen_on_the_lanes_for_a_while() -> None:
    """Also the same one again; then the room is the lanes' once more."""
    station = FakeStation(view())
    clock = Clock()
    app = make_app(station, clock=clock)
    async with app.run_test() as pilot:
        for _time in range(2):
            app.post_message(Wanted(lambda station: station.undo_entry("x")))
            station.show(view(said="It was sent already."))
            await pilot.pause()
            assert "It was sent already." in text_of(app)
            clock.now += 11
            app._tick()
            await pilot.pause()
            assert "It was sent already." not in text_of(app)


# --- batches ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pressed", "told"),
    [
        (("down", "enter"), [("choose_batch", "lot-2026-19")]),
        (("end", "up", "enter"), [("choose_batch", None)]),
        (("end", "up", "up", "enter", "enter"), []),
        (("end", "up", "up", "enter", "down", "enter"), [("close_batch",)]),
        (("end", "up", "up", "up", "enter", "x", "enter"), [("skip_expected", "x")]),
        (("end", "up", "up", "up", "enter", "enter"), []),
    ],
    ids=["choose", "none", "do not close", "close", "skip", "skip without a reason"],
)
async def test_batches_are_managed(pressed: tuple[str, ...], told: list[tuple[object, ...]]) -> None:
    """From one list; what ends something asks first, and what is kept asks why."""
    station = FakeStation(day())
    app = make(station)
    async with app.run_test() as pilot:
        await press(pilot, "f3", *pressed)
    assert asked(station) == told


async def test_a_batch_is_made_in_a_small_form() -> None:
    """What is wrong is said; a scan that comes meanwhile is a scan; the answer of the station is shown."""
    station = FakeStation(day())
    app = make(station)
    async with app.run_test() as pilot:
        await press(pilot, "f3", "end", "enter")
        await press(pilot, "L")
        await paste(pilot, "ot 7")
        await scan(pilot, f"{NUMBER}\r")
        await press(pilot, "tab", "x", "enter", "enter")
        assert "The goal is a count of keys, not x." in text_of(app)
        await press(pilot, "up", "backspace", "5", "tab")
        await paste(pilot, "card")
        await press(pilot, "enter")
        assert isinstance(app.screen, BatchesScreen)
        station.show(replace(station.shown, said="A batch of this name is there already."))
        await pilot.pause()
        assert "A batch of this name is there already." in text_of(app)
    assert [scan.text for scan in station.scans] == [NUMBER]
    ((name, made, lines),) = asked(station)
    assert (name, lines) == ("create_batch", ())
    assert isinstance(made, Batch)
    assert (made.name, made.goal, made.key_type, made.created_by) == ("Lot 7", 5, "CARD", "Ada Lovelace")
    assert made.target == station.shown.target


# --- lanes --------------------------------------------------------------------------------------------------------


async def test_only_the_lane_that_changed_is_painted() -> None:
    """Seven of eight stay as they are."""
    station = FakeStation(day(*eight()))
    app = make(station)
    painted: list[int] = []

    def watched(place: int) -> Callable[..., object]:
        return lambda *regions, **how: painted.append(place)

    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        for sheet in app.screen.query(LaneSheet):
            sheet.refresh = watched(sheet.place)  # type: ignore[method-assign,assignment]
        changed = [*eight()]
        changed[3] = lane(lane="4")
        station.show(day(*changed))
        await pilot.pause()
    assert set(painted) == {3}


async def test_one_to_eight_lanes_fit() -> None:
    """Each is there whole, at every size, beside the number, the clock and the keys."""
    whole = day(*eight())
    station = FakeStation(whole)
    app = make(station)
    async with app.run_test(size=(120, 40)) as pilot:
        for size in ((40, 15), (80, 24), (120, 40)):
            await pilot.resize_terminal(*size)
            for count in range(1, 9):
                station.show(replace(whole, lanes=whole.lanes[:count]))
                await pilot.pause()
                regions = [sheet.region for sheet in app.screen.query(FaceSheet)]
                assert len(regions) == count
                assert all(region.height >= 1 and region.bottom <= size[1] - 2 for region in regions)
                assert len({(region.x, region.y) for region in regions}) == count
                text = text_of(app)
                for part in ("SANDBOX", "14:03:22", "Number:", "F1"):
                    assert part in text
