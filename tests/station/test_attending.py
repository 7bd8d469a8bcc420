"""When the watchdog is fed: the watch alone, with fakes. Whole processes: tests/supervision/test_services.py."""

from __future__ import annotations

import asyncio
import logging

import pytest

from tagsmith.station.attending import STATUS_S, Watch
from tagsmith.supervision.liveness import JOURNAL_S, PUMP_S

WATCHDOG_S = 1.0
"""Short, so that the test is; a pump has three seconds whatever it is."""


class FakeNotifier:
    """Keeps what it is told."""

    present = True
    watchdog_s = 30.0

    def __init__(self) -> None:
        self.fed = 0
        self.said = ""

    def feed(self) -> None:
        self.fed += 1

    def status(self, text: str) -> None:
        self.said = text


class FakeJournal:
    """A writer that turns while its gate is open."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()

    async def turned(self) -> None:
        await self.gate.wait()


class Scene:
    """A watch with a clock of its own and one pump."""

    def __init__(self) -> None:
        self.now = 100.0
        self.pumps = {"reader of lane A": 100.0}
        self.notifier, self.journal = FakeNotifier(), FakeJournal()
        self.watch = Watch(
            self.notifier,  # type: ignore[arg-type]
            self.journal,  # type: ignore[arg-type]
            pumps=lambda: self.pumps,
            status=lambda: "all well",
            clock=lambda: self.now,
        )

    async def turn(self, after_s: float) -> bool:
        """Let so much time pass; whether the watchdog was fed then."""
        self.now += after_s
        before = self.notifier.fed
        self.watch.turn()
        for _ in range(3):
            await asyncio.sleep(0)
        return self.notifier.fed > before


async def test_it_is_fed_while_everything_turns() -> None:
    """An idle station is a healthy one."""
    scene = Scene()
    for _ in range(10):
        assert await scene.turn(STATUS_S)
        scene.pumps["reader of lane A"] = scene.now
    assert scene.notifier.said == "all well"


async def test_a_pump_that_hangs_ends_the_feeding(caplog: pytest.LogCaptureFixture) -> None:
    """Within its limit, said once in the log and in the status; a pump that turns again is fed for again."""
    scene = Scene()
    assert await scene.turn(PUMP_S)
    with caplog.at_level(logging.WARNING):
        assert not await scene.turn(1.0)
        assert not await scene.turn(1.0)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert scene.notifier.said == "hangs: reader of lane A"
    scene.pumps["reader of lane A"] = scene.now
    assert await scene.turn(1.0)


async def test_a_writer_that_hangs_ends_the_feeding() -> None:
    """The journal's thread is asked all the time; while it is busy it is not asked twice."""
    scene = Scene()
    assert await scene.turn(1.0)
    scene.journal.gate.clear()
    for _ in range(int(JOURNAL_S // 10) - 1):
        scene.pumps["reader of lane A"] = scene.now + 10
        assert await scene.turn(10.0)
    scene.pumps["reader of lane A"] = scene.now + 30
    assert not await scene.turn(30.0)
    scene.journal.gate.set()
    await scene.turn(0.0)
    assert await scene.turn(1.0)
