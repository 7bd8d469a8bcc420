"""How the screen ends: asked to, lost, or broken."""

from __future__ import annotations

import pytest

from support.fake_station import FakeStation, lane, view
from support.screen import make
from tagsmith.errors import JournalCorrupt
from tagsmith.model import (
    Phase,
)
from tagsmith.tui.terminal.driver import TerminalCaughtUp, TerminalLost


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

    async def run() -> None:
        async with app.run_test() as pilot:
            station.calls.append(("now",))
            station.show(view())
            await pilot.pause()

    with pytest.raises(KeyError):
        await run()
    assert app.return_code == 1
    assert app.last_words == "the screen failed (KeyError): the log tells more"
    assert app._exit_renderables == []
    assert "Traceback" in caplog.text
    assert "token-4711" not in caplog.text


async def test_a_panic_of_textual_prints_nothing_of_its_own() -> None:
    """Errors that bring their own picture of themselves (a stylesheet's, say) take the same way."""
    app = make()
    async with app.run_test():
        app.panic("[bold]everything about it")
    assert app.last_words.startswith("the screen failed")
    assert app.return_code == 1


async def test_a_late_wake_is_harmless() -> None:
    """The core may still speak after the screen has gone."""
    station = FakeStation()
    async with make(station).run_test():
        pass
    station.show(view(lane(Phase.PAIRED)))
