"""Whether the station stood still, on a clock of the test's own."""

from __future__ import annotations

import asyncio

from tagsmith.bench.beat import BEAT_S, STALL_S, Beat


class Clock:
    """Seconds since the start, moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_whoever_looks_first_finds_the_stall_once() -> None:
    """What was queued meanwhile is handled before the loop beats again: the look before it must see the stall."""
    clock, stalls = Clock(), []
    beat = Beat(lambda: stalls.append(clock.now), clock=clock)
    beat.start()
    beat.look()
    clock.now += STALL_S - 0.01
    beat.look()
    assert stalls == []
    clock.now += 0.02
    beat.look()
    beat.look()
    assert stalls == [clock.now]
    beat.stop()


async def test_the_loop_finds_it_by_itself() -> None:
    """Also where nothing comes in; while the loop beats in time, nothing is found."""
    clock, stalled = Clock(), asyncio.Event()
    beat = Beat(stalled.set, clock=clock)
    beat.start()
    await asyncio.sleep(3 * BEAT_S)
    assert not stalled.is_set()
    clock.now += 60
    await asyncio.wait_for(stalled.wait(), 20)
    beat.stop()


async def test_before_the_start_and_after_the_end_nothing_is_found() -> None:
    """There is no beat to be late then."""
    clock, stalls = Clock(), []
    beat = Beat(lambda: stalls.append(clock.now), clock=clock)
    beat.look()
    beat.start()
    beat.stop()
    clock.now += 60
    beat.look()
    assert stalls == []
