"""The app between keys, station and screens, driven with crafted events: messages and state first."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widget import Widget

from support.fake_station import NOW, STOP, UID, FakeStation, lane, pair, view
from tagsmith.errors import JournalCorrupt
from tagsmith.model import (
    Delivery,
    DeliveryView,
    Notice,
    Phase,
    ReaderState,
    ReaderStatus,
    ScanFault,
    State,
    StationView,
)
from tagsmith.tui.app import TagsmithApp
from tagsmith.tui.port import ExtraKey
from tagsmith.tui.ring import LogRing
from tagsmith.tui.screens.help import HelpScreen
from tagsmith.tui.screens.leave import LeaveScreen
from tagsmith.tui.screens.log import LogScreen
from tagsmith.tui.screens.operator import OperatorScreen
from tagsmith.tui.status import pair_rows
from tagsmith.tui.terminal.driver import TerminalCaughtUp, TerminalLost
from tagsmith.tui.text import EMPTY
from tagsmith.tui.typeset import Ink, Row
from tagsmith.tui.widgets import FaceSheet, LineSheet, Sheet

NUMBER = "DE*8PS*CD0C00*2"
SIZES = [(40, 15), (53, 20), (80, 24), (120, 40), (160, 50)]


class Clock:
    """Monotonic time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 5000.0

    def __call__(self) -> float:
        return self.now


def make(station: FakeStation | None = None, **how: Any) -> TagsmithApp:
    """An app on a fake station, with a fixed time of day."""
    return TagsmithApp(station or FakeStation(), **{"now": lambda: NOW, "clock": Clock(), **how})


def text_of(app: TagsmithApp) -> str:
    """What stands on the screen, as text."""
    screen = app.screen
    return "\n".join(strip.text for strip in screen._compositor.render_strips(screen.size))


def tones(app: TagsmithApp) -> list[str]:
    """The colours of the lanes."""
    return [str(sheet.face.tone) for sheet in app.screen.query(FaceSheet)]


def words(app: TagsmithApp) -> list[str]:
    """The huge words."""
    return [sheet.face.word for sheet in app.screen.query(FaceSheet)]


async def keys(pilot: Pilot[int], *pressed: str, gap_s: float = 0.002, at: float = 6000.0) -> float:
    """Post key presses with a scanner's tempo; names of more than one letter are keys. The time of the last one."""
    for key in pressed:
        name = {"\r": "enter", "*": "asterisk"}.get(key, key)
        event = events.Key(name, key if len(key) == 1 else None)
        event.time = at = at + gap_s
        pilot.app.post_message(event)
    await pilot.pause()
    return at


async def paste(pilot: Pilot[int], text: str) -> None:
    """Post what a terminal sends as a paste."""
    pilot.app.post_message(events.Paste(text))
    await pilot.pause()


# --- scans --------------------------------------------------------------------------------------------------------


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


# --- commands -----------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("key", ["ctrl+q", "ctrl+p", "ctrl+c", "ctrl+z", "tab", "q", "ctrl+backslash"])
async def test_textuals_own_keys_do_nothing(key: str) -> None:
    """Neither quit nor palette nor suspension."""
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
    extras = [ExtraKey("f3", "good key", lambda: pressed.append("good"))]
    station = FakeStation()
    app = make(station, extra_keys=extras, hint=lambda: f"Label on this key: {labels[-1]}")
    async with app.run_test() as pilot:
        await pilot.press("f3")
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


# --- what is shown ------------------------------------------------------------------------------------------------


async def test_the_station_starts_after_the_first_frame() -> None:
    """What the core imports must not delay it."""
    station = FakeStation()
    frames: list[int] = []
    app = make(station)
    start = station.start

    def started(wake: Callable[[], None]) -> None:
        frames.append(len(text_of(app).strip()))
        start(wake)

    station.start = started  # type: ignore[method-assign]
    async with app.run_test() as pilot:
        await pilot.pause()
    assert station.calls[0] == ("start",)
    assert frames[0] > 100


async def test_a_wake_shows_the_latest_view() -> None:
    """From tap to green; every other colour on the way."""
    station = FakeStation()
    app = make(station)
    seen: list[tuple[list[str], list[str]]] = []
    async with app.run_test() as pilot:
        for phase in (Phase.READY, Phase.TAG_WAITS, Phase.COMMITTING, Phase.PAIRED, Phase.REFUSED):
            station.show(view(lane(phase, uid=UID)))
            await pilot.pause()
            seen.append((words(app), tones(app)))
    assert seen == [
        (["TAP"], ["ready"]),
        (["SCAN"], ["half"]),
        (["SAVING"], ["half"]),
        (["PAIRED"], ["paired"]),
        (["STOP"], ["error"]),
    ]


@pytest.mark.parametrize("phase", list(Phase))
async def test_green_is_drawn_in_no_phase_but_paired(phase: Phase) -> None:
    """On the whole screen: not in a counter, not in a list, not in a key."""
    app = make(FakeStation(view(lane(phase))))
    green = app.get_css_variables()["tag-paired"]
    async with app.run_test() as pilot:
        await pilot.pause()
        drawn = {
            sheet.rich_style.bgcolor.get_truecolor().hex
            for sheet in app.screen.query(Sheet)
            if sheet.display and sheet.rich_style.bgcolor
        }
        drawn |= {
            sheet.rich_style.color.get_truecolor().hex for sheet in app.screen.query(Sheet) if sheet.rich_style.color
        }
    assert (green in drawn) is (phase is Phase.PAIRED)


@pytest.mark.parametrize("size", SIZES)
async def test_every_size_shows_word_reason_remedy_and_counters(size: tuple[int, int]) -> None:
    """A refusal at every size a station has: the block letters, both sentences, the counters, the clock, the keys."""
    app = make(FakeStation(view(lane(Phase.REFUSED, notice=STOP, uid=UID, number=NUMBER))))
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        text = text_of(app)
        rows: list[Row] = app.screen.query_one(FaceSheet)._rows  # type: ignore[assignment]
    assert sum(any(ink is Ink.BLOCK for _, ink in row) for row in rows) >= 5
    for part in (STOP.title, STOP.hint, "SANDBOX", "14:03:22", "12", "84/h", "F1", "F2", "Esc", NUMBER):
        assert part in text


async def test_a_new_size_is_filled() -> None:
    """Turning or enlarging the terminal while it runs."""
    app = make(FakeStation(view(lane(Phase.PAIRED), delivery=DeliveryView(Delivery.STOPPED))))
    async with app.run_test(size=(160, 50)) as pilot:
        for size in ((40, 15), (120, 40), (30, 10), (80, 24)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            lines = text_of(app).split("\n")
            assert len(lines) == size[1]
            assert {len(line) for line in lines} == {size[0]}
            assert "NOTHING IS SENT" in text_of(app)
            assert "F1" in text_of(app)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("delivery", [Delivery.HELD_BACK, Delivery.STOPPED])
async def test_nothing_is_sent_cannot_be_overlooked(size: tuple[int, int], delivery: Delivery) -> None:
    """A banner in its own strong colours, also over a green lane."""
    app = make(FakeStation(view(lane(Phase.PAIRED), delivery=DeliveryView(delivery))))
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        banner = app.screen.query_one("#banner")
        assert banner.display
        assert banner.has_class("-severe")
        assert banner.size.height >= 1
        assert "NOTHING IS SENT" in text_of(app)


async def test_an_alarm_takes_the_lanes_until_f9() -> None:
    """Then it stays in the banner. Another alarm takes them again."""
    station = FakeStation(view(lane(Phase.PAIRED), delivery=DeliveryView(Delivery.ACTIVE, alarm="keyId differs")))
    app = make(station)
    async with app.run_test() as pilot:
        await pilot.pause()
        assert words(app) == ["ALARM"]
        await pilot.press("f9")
        assert words(app) == ["PAIRED"]
        assert "keyId differs" in text_of(app)
        assert app.screen.query_one("#banner").has_class("-severe")
        await pilot.press("f9")
        assert station.calls.count(("acknowledge",)) == 1
        station.show(replace(station.shown, delivery=DeliveryView(Delivery.ACTIVE, alarm="again")))
        await pilot.pause()
        assert words(app) == ["ALARM"]
        station.show(replace(station.shown, delivery=DeliveryView(Delivery.ACTIVE)))
        await pilot.pause()
        assert words(app) == ["PAIRED"]
        station.show(replace(station.shown, delivery=DeliveryView(Delivery.ACTIVE, alarm="again")))
        await pilot.pause()
        assert words(app) == ["ALARM"]


async def test_the_first_moments_are_calm() -> None:
    """No lanes yet, then a reader that was not opened yet: no red, and no word of standing by, for three seconds."""
    missing = ReaderStatus("pcsc:", ReaderState.MISSING, "not opened yet", "Plug it in.")
    standby = DeliveryView(Delivery.STANDBY)
    station = FakeStation(replace(view(delivery=standby), lanes=()))
    clock = Clock()
    app = make(station, clock=clock)
    async with app.run_test() as pilot:
        assert words(app) == ["WAIT"]
        station.show(view(lane(reader=missing), delivery=standby))
        await pilot.pause()
        assert words(app) == ["WAIT"]
        assert not app.screen.query_one("#banner").display
        clock.now += 3
        app._tick()
        await pilot.pause()
        assert words(app) == ["STOP READER"]
        assert "Plug it in." in text_of(app)
        assert "another process sends" in text_of(app)


async def test_several_lanes_are_shown_side_by_side() -> None:
    """And below each other where the words would not be readable; lanes may come and go."""
    station = FakeStation(view(lane(Phase.PAIRED), lane(Phase.TAG_WAITS, lane="2"), lane(Phase.REFUSED, lane="3")))
    app = make(station)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert words(app) == ["PAIRED", "SCAN", "STOP"]
        assert len({sheet.region.x for sheet in app.screen.query(FaceSheet)}) == 3
        assert "lane 3" in text_of(app)
        await pilot.resize_terminal(40, 15)
        await pilot.pause()
        assert len({sheet.region.x for sheet in app.screen.query(FaceSheet)}) == 1
        for part in ("lane 1: PAIRED", "lane 2: SCAN", "lane 3: STOP"):
            assert part in text_of(app)
        station.show(view())
        await pilot.pause()
        assert words(app) == ["TAP"]


async def test_the_clock_moves_and_nothing_else_is_painted() -> None:
    """A second that passes repaints the status line only, without a new layout."""
    times = [NOW]
    app = make(now=lambda: times[-1])
    painted: list[object] = []
    async with app.run_test() as pilot:
        await pilot.pause()
        for sheet in app.screen.query(Sheet):
            sheet.refresh = lambda *regions, sheet=sheet, **how: painted.append((sheet.id, how)) or sheet  # type: ignore
        app._tick()
        assert painted == []
        times.append(datetime(2026, 5, 4, 14, 3, 23, tzinfo=NOW.tzinfo))
        app._tick()
    assert painted == [("status", {})]


async def test_the_overlays_still_tell_how_the_lane_stands() -> None:
    """In their first line, as it changes."""
    station = FakeStation()
    app = make(station)
    async with app.run_test() as pilot:
        await pilot.press("f1")
        station.show(view(lane(Phase.REFUSED, notice=STOP)))
        await pilot.pause()
        first = text_of(app).split("\n")[0]
        assert "STOP" in first
        assert STOP.title in first


async def test_help_tells_in_full_what_the_lanes_cut() -> None:
    """The remedy of the courier is longer than any banner."""
    message = "the byte order is not confirmed: " + "pairs are kept " * 10 + "set confirmed = true"
    app = make(FakeStation(view(delivery=DeliveryView(Delivery.HELD_BACK, message=message))))
    async with app.run_test(size=(40, 15)) as pilot:
        await pilot.press("f1")
        await pilot.pause()
        assert "set confirmed = true" in " ".join(text_of(app).split())


async def test_the_log_is_followed() -> None:
    """New lines appear while it is open, the last one in sight; nothing follows once it is closed."""
    ring = LogRing()
    app = make(ring=ring)
    async with app.run_test() as pilot:
        for number in range(100):
            ring.emit(logging.makeLogRecord({"msg": f"line {number}", "levelno": 20, "levelname": "INFO"}))
        await pilot.press("f8")
        await pilot.pause()
        assert "line 99" in text_of(app)
        ring.emit(logging.makeLogRecord({"msg": "and [/] \x1b[31m more", "levelno": 20, "levelname": "INFO"}))
        await pilot.pause()
        await pilot.pause()
        assert "and [/] <1B>[31m more" in text_of(app)
        await pilot.press("home")
        await pilot.pause()
        assert "line 0" in text_of(app)
        ring.emit(logging.makeLogRecord({"msg": "unseen", "levelno": 20, "levelname": "INFO"}))
        await pilot.pause()
        assert "line 0" in text_of(app)
        await pilot.press("f8")
        assert ring._follower is None


# --- what comes from outside --------------------------------------------------------------------------------------

NASTY = "[/]A[/bold]B[@click=app.bell]go[/]\x1b]0;PWNED\x07\x1b[31m\x9b31m\x1d\u202eevil\u200b"


def nasty_view() -> StationView:
    """Something foreign in every text a view can hold."""
    reader = ReaderStatus(NASTY, ReaderState.READY, NASTY, NASTY)
    broken = ReaderStatus(NASTY, ReaderState.BUSY, NASTY, NASTY)
    lanes = (
        lane(
            Phase.REFUSED, lane=NASTY, number=NASTY, notice=Notice("x", NASTY, NASTY), warnings=(NASTY,), reader=reader
        ),
        lane(Phase.READY, lane="2", reader=broken),
    )
    return view(
        *lanes,
        station=NASTY,
        target=f"http://{NASTY}",
        environment=NASTY,
        delivery=DeliveryView(Delivery.HELD_BACK, message=NASTY),
        pairs=(pair(NASTY, State.UNKNOWN, lane=NASTY, message=NASTY, warnings=(NASTY,)),),
    )


@pytest.mark.parametrize("size", [(40, 15), (80, 24), (160, 50)])
@pytest.mark.parametrize("over", ["", "f1", "f8"])
async def test_foreign_text_is_shown_and_does_nothing(size: tuple[int, int], over: str) -> None:
    """Markup, escapes, C1 and bidi in every text there is: no crash, no link, and nothing but text on the terminal."""
    shown = nasty_view()
    ring = LogRing()
    ring.emit(logging.makeLogRecord({"msg": NASTY, "levelno": 30, "levelname": "WARNING"}))
    for variant in (
        shown,
        replace(shown, fatal=NASTY),
        replace(shown, delivery=DeliveryView(Delivery.STOPPED, alarm=NASTY, message=NASTY)),
    ):
        app = make(FakeStation(variant), ring=ring, hint=lambda: NASTY)
        async with app.run_test(size=size) as pilot:
            if over:
                await pilot.press(over)
            await paste(pilot, NASTY)
            await keys(pilot, *"AB[/]")
            screen = app.screen
            strips = screen._compositor.render_strips(screen.size)
            text = "".join(strip.text for strip in strips)
            assert text.isprintable()
            assert "PWNED" in text or size == (40, 15)
            assert not any(segment.style and segment.style.meta for strip in strips for segment in strip)


async def test_every_widget_that_shows_text_is_a_sheet() -> None:
    """No widget of Textual's that would read markup or pass an escape on comes between."""
    app = make(FakeStation(view(lane(), lane(lane="2"))), extra_keys=[ExtraKey("f3", "x", lambda: None)])
    async with app.run_test() as pilot:
        for over in ("", "f1", "f8"):
            if over:
                await pilot.press(over)
            leaves = [
                widget for widget in app.screen.query(Widget) if not widget.children and not widget.id == "textual"
            ]
            foreign = [leaf for leaf in leaves if not isinstance(leaf, Sheet) and not leaf.has_class("-textual-system")]
            assert foreign == []


async def test_a_sheet_shows_safe_text_only() -> None:
    """Text that nobody has cleaned is an error of ours, and found at once."""
    app = make()
    async with app.run_test():
        sheet = LineSheet([(EMPTY, Ink.PLAIN)])
        await app.screen.mount(sheet)
        sheet.typeset = lambda width, height: [(("raw", Ink.PLAIN),)]  # type: ignore
        sheet._set_for = None
        with pytest.raises(TypeError, match="Safe"):
            sheet.render_line(0)
        await sheet.remove()


# --- ends ---------------------------------------------------------------------------------------------------------


async def test_a_station_that_cannot_start_ends_the_screen() -> None:
    """With its own words, for the command to print after the terminal is given back."""
    failure = JournalCorrupt("the journal is damaged", "restore it")
    app = make(FakeStation(failure=failure))
    async with app.run_test() as pilot:
        await pilot.pause()
    assert app.failure is failure
    assert app.return_value == 1


async def test_a_terminal_that_is_gone_ends_the_screen() -> None:
    """Status 1; nobody asked for it."""
    app = make()
    async with app.run_test() as pilot:
        app.post_message(TerminalLost("end of input"))
        await pilot.pause()
    assert app.return_value == 1


async def test_a_terminal_that_reads_again_is_painted_anew() -> None:
    """Frames were dropped meanwhile: everything is drawn once more."""
    app = make()
    async with app.run_test() as pilot:
        await pilot.pause()
        painted: list[tuple[object, ...]] = []
        refresh = app.screen.refresh
        app.screen.refresh = lambda *regions, **how: painted.append(regions) or refresh(*regions, **how)  # type: ignore
        app.post_message(TerminalCaughtUp())
        await pilot.pause()
    assert painted == [()]


async def test_a_crash_tells_no_locals(caplog: pytest.LogCaptureFixture) -> None:
    """One plain line for the terminal, the traceback in the log, and no value of a variable in either."""

    def hint() -> str:
        secret = "tok" + "en-4711"
        if len(station.calls) > 1:
            raise KeyError(len(secret))
        return ""

    station = FakeStation()
    app = make(station, hint=hint)
    with pytest.raises(KeyError):
        async with app.run_test() as pilot:
            station.calls.append(("now",))
            station.show(view())
            await pilot.pause()
    assert app.return_code == 1
    assert app.last_words == "the screen failed (KeyError): the log tells more"
    assert app._exit_renderables == []
    assert "Traceback" in caplog.text
    assert "token-4711" not in caplog.text


async def test_a_panic_of_textual_prints_nothing_of_its_own() -> None:
    """Errors that bring their own picture of themselves (a stylesheet's, say) take the same way."""
    app = make()
    async with app.run_test() as pilot:
        app.panic("[bold]everything about it")
        await pilot.pause()
    assert app.last_words.startswith("the screen failed")
    assert app.return_code == 1


async def test_a_late_wake_is_harmless() -> None:
    """The core may still speak after the screen has gone."""
    station = FakeStation()
    async with make(station).run_test():
        pass
    station.show(view(lane(Phase.PAIRED)))


def test_the_pair_list_uses_local_time() -> None:
    """Records are in UTC; the worker's clock is on the wall."""
    local = NOW.astimezone(datetime.fromisoformat("2026-05-04T00:00:00+02:00").tzinfo)
    rows = pair_rows(view(), local, 80, 2)
    assert rows[0][0][0].startswith("16:03:22")
