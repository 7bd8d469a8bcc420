"""What the screens show of a view, at every size."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest

from support.fake_station import NOW, STOP, UID, FakeStation, lane, view
from support.screen import NUMBER, SIZES, Clock, make, text_of, tones, words
from tagsmith.model import (
    Delivery,
    DeliveryView,
    Phase,
    ReaderState,
    ReaderStatus,
)
from tagsmith.tui.ring import LogRing
from tagsmith.tui.status import pair_rows
from tagsmith.tui.typeset import Ink, Row
from tagsmith.tui.widgets import FaceSheet, Sheet


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


async def test_a_key_is_for_one_lane_among_several() -> None:
    """F2 asks which pair, Esc clears the only lane that waits and none of two, F5 saves all that is not saved."""
    three = [lane(lane=name) for name in "123"]
    station = FakeStation(view(*three))
    async with make(station).run_test() as pilot:
        await pilot.press("f2")
        assert "LAST PAIRS" in text_of(pilot.app)  # type: ignore[arg-type]
        await pilot.press("escape", "escape")
        station.show(view(three[0], lane(Phase.TAG_WAITS, lane="2"), lane(Phase.PAIRED, lane="3")))
        await pilot.press("escape")
        station.show(view(three[0], lane(Phase.TAG_WAITS, lane="2"), lane(Phase.NUMBER_WAITS, lane="3")))
        await pilot.press("escape")
        station.show(view(three[0], lane(Phase.NOT_SAVED, lane="2"), lane(Phase.NOT_SAVED, lane="3")))
        await pilot.press("f5")
    assert station.calls[1:] == [("clear", "2"), ("retry", "2"), ("retry", "3")]


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


async def test_help_tells_what_the_reader_cannot() -> None:
    """A worker at a reader that cannot tell two keys apart is told to keep the others away."""
    app = make(FakeStation(view()))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f1")
        await pilot.pause()
        assert "keep all other keys away from it" in " ".join(text_of(app).split())


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


def test_the_pair_list_uses_local_time() -> None:
    """Records are in UTC; the worker's clock is on the wall."""
    local = NOW.astimezone(datetime.fromisoformat("2026-05-04T00:00:00+02:00").tzinfo)
    rows = pair_rows(view(), local, 80, 2)
    assert rows[0][0][0].startswith("16:03:22")
