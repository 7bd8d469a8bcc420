"""The app on a fake station: made, driven with crafted events, and read as text."""

from __future__ import annotations

from typing import Any

from textual import events
from textual.pilot import Pilot

from support.fake_station import NOW, FakeStation
from tagsmith.tui.app import TagsmithApp
from tagsmith.tui.widgets import FaceSheet

NUMBER = "DE*8PS*CD0C00*2"
SIZES = [(40, 15), (53, 20), (80, 24), (120, 40), (160, 50)]
"""Columns and rows of the screens a station has."""


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
