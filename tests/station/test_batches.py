"""Which batch a station makes keys of, and what other processes do with it meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from support.floor import TARGET, Floor, batch, lines, number, pair, working
from tagsmith.errors import BatchError
from tagsmith.production import Sequence, Verification
from tagsmith.station.batches import Batches


@pytest.fixture
async def floor(tmp_path: Path) -> AsyncIterator[Floor]:
    """A floor of two lanes."""
    async with working(tmp_path, ("1", "2")) as made:
        yield made


def batches_of(floor: Floor, said: Callable[[str], None] = lambda said: None) -> Batches:
    """The batches of the station that the floor is."""
    return Batches(
        floor.journal, floor.bench, target=TARGET, station="test", lanes=("1", "2"), changed=lambda: None, said=said
    )


async def test_what_others_do_is_taken_over(floor: Floor) -> None:
    """A pair that is taken back, a line that is skipped, another station's pair, and the end of the batch."""
    await floor.journal.create_batch(batch(sequence=Sequence.ORDERED), lines(range(1, 9)))
    batches = batches_of(floor)
    await batches.resume("b")
    for key in (1, 2, 3):
        await floor.make(key)
    await floor.journal.undo(floor.records[1].entry.id, reason="by hand")
    await floor.journal.skip_line("id-b", 4, "scratched", "Ada")
    await batches.follow()
    assert floor.view().expected == number(2)
    assert (await floor.make(2, lane="2"))["event"] == "paired"
    assert (batches.open[0].paired, batches.open[0].skipped) == (3, 1)
    await floor.journal.close_batch("id-b", "Ada")
    await batches.follow()
    assert (await floor.make(5))["reason"] == "batch-closed"


async def test_only_an_open_batch_can_be_chosen(floor: Floor) -> None:
    """By its very name."""
    await floor.journal.create_batch(batch("old"))
    await floor.journal.close_batch("id-old", "Ada")
    for name, said in (("old", "is closed"), ("Old", "there is no batch")):
        with pytest.raises(BatchError, match=said):
            await batches_of(floor).resume(name)


async def test_each_lane_is_checked_before_the_end(floor: Floor) -> None:
    """A check is of a lane's own keys; the batch is closed when both have passed theirs."""
    await floor.journal.create_batch(batch(verification=Verification.SAMPLE))
    said: list[str] = []
    batches = batches_of(floor, said.append)
    await batches.resume("b")
    for lane, keys in (("1", (1, 3)), ("2", (2, 4))):
        for key in keys:
            await floor.make(key, lane=lane)
            if key < 3:
                await floor.tap(key, lane)
                floor.scan(key, lane)
    batches.close_batch()
    await floor.until(lambda: any("2 keys still wait" in one for one in said))
    for lane, key in (("2", 4), ("1", 3)):
        assert floor.view(lane).expects == "check-tap"
        await floor.tap(key, lane)
        floor.scan(key, lane)
    await floor.until(lambda: len(floor.checked) == 4)
    batches.close_batch()
    await floor.until(lambda: bool(floor.seen("batch-closed")))
    assert floor.bench.batch.run is None


async def test_lanes_count_together_under_auto(floor: Floor) -> None:
    """Each tap takes the next number, on whichever lane; the first and the last of each lane are looked at."""
    await floor.journal.create_batch(batch(sequence=Sequence.AUTO, every=50), lines(range(1, 9)))
    await batches_of(floor).resume("b")
    await floor.make(1, lane="1")
    await floor.make(2, lane="2")
    for key in (3, 4, 5, 6):
        await floor.tap_only(key, "12"[key % 2])
    await floor.tap_only(7, "1")
    assert (await floor.make(8, lane="2"))["event"] == "paired"
    assert floor.view("1").expects == "check-tap"
    await floor.tap(7, "1")
    floor.scan(7, "1")
    await floor.until(lambda: len(floor.checked) == 8)
    assert sorted(await floor.pairs()) == [pair(index) for index in range(1, 9)]
