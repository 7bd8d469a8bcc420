"""The plain text of the main states at the three sizes that are promised, as somebody looked at them once.

`SNAPSHOTS=update pytest tests/tui/test_snapshots.py` writes them anew: look at what has changed before you
keep it.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from support.fake_station import FakeStation
from support.scenes import scenes
from support.screen import make, text_of

SNAPSHOTS = Path(__file__).parent / "snapshots"
SIZES = ((40, 15), (80, 24), (120, 40))
UPDATE = os.environ.get("SNAPSHOTS") == "update"


@pytest.mark.parametrize("name", scenes())
async def test_the_screen_is_as_it_was_looked_at(name: str) -> None:
    """Every row of every size; nothing wider, nothing lower."""
    scene = scenes()[name]
    ahead_s = 0.0
    app = make(FakeStation(scene.view), clock=lambda: time.monotonic() + ahead_s)
    shown: list[str] = []
    async with app.run_test(size=SIZES[-1]) as pilot:
        ahead_s = 9.0  # the first moments of a station are over
        for key in scene.keys:
            await pilot.press(key)
            # A key by itself is held back for a moment, lest it be the beginning of a scan: as long as the gate says.
            until = time.monotonic() + 10
            while (app._entering or app._holdback.waits_s is not None) and time.monotonic() < until:
                await pilot.pause(0.02)
            await pilot.pause()
        for size in SIZES:
            await pilot.resize_terminal(*size)
            app._tick()
            await pilot.pause()
            lines = text_of(app).split("\n")
            assert len(lines) == size[1]
            assert {len(line) for line in lines} == {size[0]}
            shown.append(f"{size[0]}x{size[1]}\n" + "\n".join(line.rstrip() for line in lines))
    text = "\n\n".join(shown) + "\n"
    path = SNAPSHOTS / f"{name}.txt"
    if UPDATE:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
