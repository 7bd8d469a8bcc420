"""Shifts, rejected keys, and what a shift or a batch came to."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.journal import EPOCH, OTHER_TARGET, TARGET, batch, entry, opened, reject
from tagsmith.errors import IllegalTransition
from tagsmith.journal import Journal
from tagsmith.journal.reporting import Made, first_pass_yield, median_cycle_s
from tagsmith.production import RejectedKey, Shift, ShiftReport


def after(seconds: float) -> datetime:
    """A moment of the shift that began at the epoch."""
    return EPOCH + timedelta(seconds=seconds)


def made(uid: str, at: float = 0, lane: str = "left", undone: bool = False) -> Made:
    """A pair as reports see it; its number follows from its uid."""
    return Made(uid, f"N{uid}", ("one", lane), "Ada", undone, after(at))


# --- shifts ----------------------------------------------------------------------------------------------------------


async def test_a_shift_runs_until_it_is_ended(journal: Journal) -> None:
    """One at a time and station; ended once; the newest first."""
    first = Shift("shift-1", "one", "Ada", EPOCH)
    await journal.start_shift(first)
    await journal.start_shift(first)
    assert await journal.running_shift("one") == first
    assert await journal.running_shift("two") is None
    with pytest.raises(IllegalTransition, match="a shift of Ada runs at one since 2031-05-06 07:08 UTC"):
        await journal.start_shift(Shift("shift-2", "one", "Bob", after(9)))
    await journal.start_shift(Shift("shift-3", "two", "Bob", after(9)))
    ended = await journal.end_shift("shift-1", after(3600), 2)
    assert ended == Shift("shift-1", "one", "Ada", EPOCH, after(3600), 2)
    assert await journal.end_shift("shift-1", after(7200), 5) == ended
    assert await journal.running_shift("one") is None
    with pytest.raises(IllegalTransition, match="has ended"):
        await journal.start_shift(first)
    with pytest.raises(IllegalTransition, match="no shift shift-9"):
        await journal.end_shift("shift-9", after(1), 0)
    await journal.start_shift(Shift("shift-2", "one", "Bob", after(7200)))
    assert [shift.id for shift in await journal.shifts("one", 10)] == ["shift-2", "shift-1"]
    assert [shift.id for shift in await journal.shifts("one", 1)] == ["shift-2"]


async def test_rejected_keys_come_back_as_they_were_put_aside(journal: Journal) -> None:
    """Of a time, of a batch, of a target; all fields are kept, and a key without UID too."""
    keys = [
        reject(1, batch="batch-1", note="bent"),
        reject(2, uid=None, visual_number=""),
        reject(3, cause="four-byte-uid"),
    ]
    for key in keys:
        await journal.reject_key(TARGET, key)
    assert await journal.rejects(TARGET, EPOCH, None) == keys
    assert await journal.rejects(TARGET, after(2), after(3)) == keys[1:2]
    assert await journal.rejects(TARGET, EPOCH, None, "batch-1") == keys[:1]
    assert await journal.rejects(OTHER_TARGET, EPOCH, None) == []


# --- reports ---------------------------------------------------------------------------------------------------------


async def test_a_report_counts_a_shift(journal: Journal) -> None:
    """Pairs, rejects by cause, yield, pace, what is still to be sent; of the time and the station asked for."""
    await journal.append(entry(0, paired_at=after(-1)))
    for index, seconds in enumerate((0, 10, 20, 60, 1000, 1030), start=1):
        await journal.append(entry(index, paired_at=after(seconds), operator="Ada" if index < 4 else "Bob"))
    await journal.append(entry(8, paired_at=after(3600)))
    await journal.append(entry(9, paired_at=after(100), station="two", operator="Cy"))
    await journal.undo("entry-6")
    await journal.reject_key(TARGET, reject(4, at=after(50)))
    await journal.reject_key(TARGET, reject(20, at=after(70), cause="damaged-print", operator="Dee"))
    await journal.reject_key(TARGET, reject(21, at=after(80)))
    await journal.reject_key(TARGET, reject(22, at=after(3600)))
    report = await journal.report(TARGET, station="one", since=EPOCH, until=after(3600), title="Early", recoveries=3)
    assert report == ShiftReport(
        title="Early",
        operators=("Ada", "Bob", "Dee"),
        started_at=EPOCH,
        ended_at=after(3600),
        paired=5,
        undone=1,
        rejects=(("dead-chip", 2), ("damaged-print", 1)),
        # Eight keys were tried. Two never became a pair, one was put aside before it did, one was taken back.
        first_pass_yield=4 / 8,
        median_cycle_s=20.0,
        per_hour=5,
        recoveries=3,
        waiting=8,
    )
    everywhere = await journal.report(TARGET, station=None, since=EPOCH, until=after(3600), title="All")
    assert (everywhere.paired, everywhere.operators) == (6, ("Ada", "Bob", "Cy", "Dee"))


async def test_a_report_of_nothing(journal: Journal) -> None:
    """Where nothing was made, nothing is claimed."""
    report = await journal.report(TARGET, station="one", since=EPOCH, until=None, title="Empty")
    assert (report.paired, report.rejects, report.first_pass_yield, report.median_cycle_s) == (0, (), None, None)
    assert (report.per_hour, report.waiting, report.ended_at) == (0, 0, None)


async def test_a_report_of_a_batch_counts_the_hours_it_was_worked_on(journal: Journal) -> None:
    """A batch that lay for days is not slower for it; its own deliveries wait, nobody else's."""
    await journal.create_batch(batch(1))
    for index, seconds in enumerate((0, 60, 120, 500_000, 500_060), start=1):
        await journal.append(entry(index, paired_at=after(seconds), batch="batch-1", needs_check=index == 1))
    await journal.append(entry(9, paired_at=after(30)))
    report = await journal.report(TARGET, station=None, since=EPOCH, until=None, batch="batch-1", title="Batch 1")
    assert (report.paired, report.per_hour, report.median_cycle_s, report.waiting) == (5, 100, 60.0, 4)


@pytest.mark.sqlite
async def test_a_running_shift_is_counted_until_now(journal: Journal) -> None:
    """The journal's clock says when that is."""
    for index in range(1, 11):
        await journal.append(entry(index, paired_at=after(index)))
    report = await journal.report(TARGET, station="one", since=after(-1789), until=None, title="So far")
    # The clock counts by the second each time it is asked: half an hour.
    assert report.per_hour == 20


@pytest.mark.sqlite
async def test_a_report_sees_what_other_stations_wrote(journal: Journal) -> None:
    """Rejects have the station of the journal that wrote them."""
    with opened(journal.path, "two") as other:  # type: ignore[arg-type]
        await other.reject_key(TARGET, reject(1))
    mine = await journal.report(TARGET, station="one", since=EPOCH, until=None, title="")
    all_of_them = await journal.report(TARGET, station=None, since=EPOCH, until=None, title="")
    assert (mine.rejects, all_of_them.rejects) == ((), (("dead-chip", 1),))


def test_a_key_is_tried_once_however_often_it_is_put_aside() -> None:
    """Known by its UID, else by its number; without either it counts by itself."""
    aside = [
        RejectedKey("dead-chip", EPOCH, uid=entry(1).uid),
        RejectedKey("dead-chip", EPOCH, uid=entry(1).uid, visual_number="N1"),
        RejectedKey("damaged-print", EPOCH, visual_number="N7"),
        RejectedKey("other", EPOCH),
    ]
    assert first_pass_yield([], []) is None
    assert first_pass_yield([], aside) == 0
    assert first_pass_yield([made(entry(1).uid.wire), made("b"), made("c")], aside) == 2 / 5
    # Put aside with its number alone, then paired.
    assert first_pass_yield([made("7")], [RejectedKey("damaged-print", EPOCH, visual_number="N7")]) == 0
    # Paired, undone and paired again.
    assert first_pass_yield([made("a", undone=True), made("a")], []) == 0


def test_a_cycle_is_that_of_one_lane_without_breaks() -> None:
    """Lanes do not shorten one another's cycles; five minutes are work, more is a break."""
    assert median_cycle_s([made("a")]) is None
    assert median_cycle_s([made("a", 0), made("b", 5, "right"), made("c", 10), made("d", 15, "right")]) == 10
    assert median_cycle_s([made("a", 0), made("b", 300)]) == 300
    assert median_cycle_s([made("a", 0), made("b", 301)]) is None


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=8),
    st.lists(st.sampled_from(["", "Na", "Nb", "x"]), max_size=8),
)
def test_a_yield_is_a_share(pairs: list[tuple[str, bool]], aside: list[str]) -> None:
    """Between 0 and 1 whatever happened, and 1 only where nothing went wrong."""
    found = first_pass_yield(
        [made(uid, undone=undone) for uid, undone in pairs],
        [RejectedKey("other", EPOCH, visual_number=number) for number in aside],
    )
    if found is None:
        assert not pairs
        assert not aside
    else:
        assert 0 <= found <= 1
        assert (found == 1) == (not aside and not any(undone for _, undone in pairs) and len(dict(pairs)) == len(pairs))
