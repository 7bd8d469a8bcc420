"""The other pages as rows of plain text, at three sizes, beside what they were when somebody last looked at them.

`SNAPSHOTS=update pytest tests/tui/test_page_snapshots.py` writes them anew.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.command import CommandList
from textual.pilot import Pilot

from support.fake_station import FakeStation
from support.pages import SCENES, SETTINGS, full_ring
from support.screen import keys, make, text_of
from tagsmith.scanners.holdback import HOLD_S

KEPT = Path(__file__).parent / "snapshots_pages"
SIZES = [(40, 15), (80, 24), (120, 40)]
UPDATE = "SNAPSHOTS"


@pytest.fixture(autouse=True)
def the_same_clock_on_every_wall(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times are shown as the machine's zone has them."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


async def settled(pilot: Pilot[int]) -> None:
    """Wait until the commands, which are gathered one by one, are all there."""
    await pilot.pause()
    for _ in range(100):
        found = pilot.app.screen.query(CommandList)
        if not found or found.first().option_count:
            break
        await pilot.pause(0.01)
    await pilot.pause()


@pytest.mark.parametrize("scene", SCENES)
async def test_the_pages_are_as_they_were_looked_at(scene: str) -> None:
    """Each row in full; a difference is either a fault, or to be looked at and kept."""
    shown = SCENES[scene]
    station = FakeStation()
    # A clock far ahead: what is typed is let go as soon as the hold-back looks.
    app = make(station, ring=full_ring(), operators=True, settings=SETTINGS, clock=lambda: 1e9)
    rows: dict[str, str] = {}
    async with app.run_test(size=SIZES[0]) as pilot:
        station.show(shown.view)
        await pilot.pause()
        for key in shown.keys:
            await keys(pilot, key)
        await keys(pilot, *shown.typed, gap_s=0.2)
        await pilot.pause(2 * HOLD_S if shown.typed else 0)
        for width, height in SIZES:
            await pilot.resize_terminal(width, height)
            await settled(pilot)
            lines = text_of(app).split("\n")
            assert len(lines) == height
            assert {len(line) for line in lines} == {width}
            rows[f"{scene}-{width}x{height}.txt"] = "\n".join(line.rstrip() for line in lines) + "\n"
    if os.environ.get(UPDATE) == "update":
        for name, text in rows.items():
            (KEPT / name).write_text(text, encoding="utf-8")
    assert rows == {name: (KEPT / name).read_text(encoding="utf-8") for name in rows}


def test_every_picture_is_of_a_scene() -> None:
    """What nobody looks at any more is no longer kept."""
    assert {file.stem.rpartition("-")[0] for file in KEPT.iterdir()} == set(SCENES)
