"""Where the screen is refused, and what it costs to import it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from support.fake_station import FakeStation
from tagsmith.errors import StationError
from tagsmith.tui import check_terminal, run_screen


def run(code: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=50)
    return done.stdout.strip()


def test_no_terminal_no_screen() -> None:
    """Without a terminal the station is not even started, and the way out is named."""
    station = FakeStation()
    with pytest.raises(StationError, match="needs a terminal") as refused:
        run_screen(station)
    assert "--headless" in refused.value.remedy
    assert "demo --auto" in refused.value.remedy
    assert station.calls == []


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_dumb_terminal_is_refused(term: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be sent colours and cursor moves that it shows as text."""
    master, slave = pty.openpty()
    try:
        with os.fdopen(slave, "r+b", buffering=0) as terminal:
            monkeypatch.setattr(sys, "__stdin__", terminal)
            monkeypatch.setattr(sys, "__stdout__", terminal)
            monkeypatch.setenv("TERM", term)
            with pytest.raises(StationError, match="TERM=dumb"):
                check_terminal()
            monkeypatch.setenv("TERM", "xterm")
            check_terminal()
    finally:
        os.close(master)


def test_importing_the_room_does_not_load_textual() -> None:
    """The command line may import it for `--help`."""
    assert run("import sys, tagsmith.tui; print('textual' in sys.modules, 'rich' in sys.modules)") == "False False"


def test_the_screen_loads_nothing_heavy() -> None:
    """Nothing of the core is on the way to the first frame."""
    code = (
        "import sys, tagsmith.tui.app\n"
        "heavy = ('sqlalchemy', 'alembic', 'httpx', 'pydantic', 'starlette', 'uvicorn', 'click', 'smartcard')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    assert run(code) == "[]"
