"""Whatever a tag, a label, a setting or the API holds: it is shown as text and does nothing."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from textual.widget import Widget
from textual.widgets import Input

from support.fake_station import NOW, FakeStation, lane, pair, view
from support.screen import keys, make, paste
from tagsmith.config import Explained
from tagsmith.model import (
    Delivery,
    DeliveryView,
    Notice,
    Phase,
    ReaderState,
    ReaderStatus,
    ScannerStatus,
    State,
    StationView,
)
from tagsmith.production import CheckView, Choice, Operator, Shift, ShiftReport, ShiftView, Stop
from tagsmith.tui.port import ExtraKey
from tagsmith.tui.ring import LogRing
from tagsmith.tui.text import EMPTY
from tagsmith.tui.typeset import Ink
from tagsmith.tui.widgets import LineSheet, Sheet

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
        scanners=(ScannerStatus(NASTY, ReaderState.BUSY, NASTY, NASTY, NASTY, NASTY),),
        shift=ShiftView(
            Operator(NASTY),
            Shift("s", NASTY, NASTY, NOW),
            checks=(CheckView(NASTY, False, NASTY),),
            report=ShiftReport(NASTY, (NASTY,), NOW, None, 1, 0, ((NASTY, 1),), None, None, 0, 0, 0),
            message=NASTY,
        ),
        pairs=(pair(NASTY, State.UNKNOWN, lane=NASTY, message=NASTY, warnings=(NASTY,)),),
    )


@pytest.mark.parametrize("size", [(40, 15), (80, 24), (160, 50)])
@pytest.mark.parametrize("over", ["", "f1", "f8", "ctrl+r", "ctrl+t", "f12"])
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
        settings = [Explained(NASTY, NASTY, NASTY, NASTY)]
        app = make(FakeStation(variant), ring=ring, hint=lambda: NASTY, settings=settings)
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
    """No widget of Textual's that would read markup or pass an escape on comes between, but fields: they get no text
    from outside, only what is typed, character by character.
    """
    stop = Stop("many-rejects", "[/]", "[/]", (Choice("unlock", "[/]"),))
    shown = view(lane(), lane(lane="2", stop=stop), said="[/]")
    app = make(FakeStation(shown), extra_keys=[ExtraKey("f15", "x", lambda: None)])
    async with app.run_test() as pilot:
        for over in ("", "f1", "f8", "ctrl+r", "ctrl+t", "f12", "f3", "f4", "f6", "f7", "f11"):
            if over:
                await pilot.press(over)
            leaves = [widget for widget in app.screen.query(Widget) if not widget.children and widget.id != "textual"]
            foreign = [
                leaf for leaf in leaves if not isinstance(leaf, Sheet | Input) and not leaf.has_class("-textual-system")
            ]
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
