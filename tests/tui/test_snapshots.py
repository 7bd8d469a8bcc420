"""The plain text of the main states at the three sizes that are promised, as somebody looked at them once.

`SNAPSHOTS=update pytest tests/tui/test_snapshots.py` writes them anew: look at what has changed before you
keep it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from support.fake_station import FakeStation
from support.scenes import scenes
from support.screen import Clock, make, text_of

SNAPSHOTS = Path(__file__).parent / "snapshots"
SIZES = ((40, 15), (80, 24), (120, 40))
UPDATE = os.environ.get("SNAPSHOTS") == "update"


@pytest.mark.parametrize("name", scenes())
async def test_the_screen_is_as_it_was_looked_at(name: str) -> None:
    """Every row of every size; nothing wider, nothing lower."""
    scene = scenes()[name]
    clock = Clock()
    app = make(FakeStation(scene.view), clock=clock)
    shown: list[str] = []
    async with app.run_test(size=SIZES[-1]) as pilot:
        clock.now += 9
        for key in scene.keys:
            await pilot.press(key)
            await pilot.pause(0.1 if key == "enter" or len(key) == 1 else None)
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
