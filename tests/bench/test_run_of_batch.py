"""A batch at the lanes: its order, its stops and their answers, its checks, and what a restart finds again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from support.floor import TARGET, Floor, batch, lines, number, pair, uid, working
from tagsmith import pairing
from tagsmith.errors import JournalFull
from tagsmith.model import KeyType, Phase, Record
from tagsmith.production import Sequence, Verification


@pytest.fixture
async def floor(tmp_path: Path) -> AsyncIterator[Floor]:
    """A floor of one lane."""
    async with working(tmp_path) as made:
        yield made


async def test_an_ordered_batch_pairs_what_comes_next_and_stops_at_a_shift(floor: Floor) -> None:
    """The neighbour's number stops the lane and names both; after one answer it goes on with the key there."""
    await floor.choose(
        batch(sequence=Sequence.ORDERED, key_type="CARD", valid_to="2040-01-01T00:00:00Z"), lines(range(1, 6))
    )
    assert floor.view().expected == number(1)
    assert (await floor.make(1))["event"] == "paired"
    assert floor.records[0].entry.batch == "id-b"
    assert floor.records[0].entry.key_type is KeyType.CARD
    stopped = await floor.make(3)
    assert (stopped["event"], stopped["reason"]) == ("stopped", "one-card-shift")
    assert stopped["numbers"] == [number(2), number(3)]
    assert stopped["choices"] == ["skip-missing", "recheck-run", "undo-run", "scan-again"]
    assert (await floor.read(3))["reason"] == "lane-stopped"
    await floor.decide("skip-missing")
    assert [fields["visual_number"] for fields in floor.seen("line-skipped")] == [number(2)]
    assert floor.view().expected == number(3)
    assert floor.phase() is Phase.TAG_WAITS
    assert (await floor.read(3))["event"] == "paired"
    assert [(await floor.make(key))["event"] for key in (4, 5)] == ["paired"] * 2
    assert await floor.pairs() == [pair(index) for index in (1, 3, 4, 5)]
    assert (await floor.make(6))["reason"] == "batch-complete"


async def test_each_wrong_number_is_refused_with_its_own_reason(floor: Floor) -> None:
    """Outside the manifest, of another batch, used, skipped, not next; each names what it is about."""
    await floor.choose(batch("other"), lines([90]))
    await floor.choose(batch(sequence=Sequence.ORDERED), lines(range(1, 9)))
    await floor.make(1)
    await floor.make(2)
    await floor.journal.skip_line("id-b", 5, "scratched", "Ada")
    await floor.resume("b")
    await floor.tap(3)
    said = [await floor.read(label) for label in (80, 90, 1, 5, 7)]
    assert [one["reason"] for one in said] == [
        "not-in-batch",
        "other-batch",
        "number-used",
        "number-skipped",
        "not-expected",
    ]
    for one, named in zip(said, (number(80), "other", uid(1), "scratched", number(3)), strict=True):
        assert named in one["message"]
    assert (await floor.read(3))["event"] == "paired", "the key that waited all the time gets its own"
    assert await floor.pairs() == [pair(index) for index in (1, 2, 3)]


async def test_shown_takes_another_number_and_says_so(floor: Floor) -> None:
    """It stands with the pair, and the one that was passed over is still to come; a neighbour stops all the same."""
    await floor.choose(batch(sequence=Sequence.SHOWN), lines(range(1, 9)))
    assert (await floor.make(5))["warnings"] == ["out-of-order"]
    await floor.until(lambda: floor.view().notice is not None)
    assert floor.view().notice.reason == "was-not-next"  # type: ignore[union-attr]
    assert floor.view().expected == number(1)
    assert (await floor.make(2))["reason"] == "one-card-shift"
    await floor.decide("scan-again")
    assert (await floor.read(7))["warnings"] == ["out-of-order"]


async def test_a_known_key_with_another_number_stops(floor: Floor) -> None:
    """By the manifest's word, in any order of numbers; the key is put aside, and that is recorded."""
    await floor.choose(batch(), lines(range(1, 9), uids=range(1, 5)))
    stopped = await floor.make(1, 7)
    assert (stopped["reason"], stopped["choices"]) == ("other-number-for-key", ["scan-again", "put-aside"])
    assert number(1) in stopped["message"]
    await floor.decide("put-aside")
    assert (await floor.make(9, 2))["reason"] == "other-number-for-key"
    await floor.decide("scan-again")
    assert (await floor.read(6))["event"] == "paired"
    rejects = await floor.journal.rejects(TARGET, datetime(2020, 1, 1, tzinfo=UTC), None)
    assert [(one.note, one.visual_number, one.batch) for one in rejects] == [
        ("other-number-for-key", number(7), "id-b")
    ]


async def test_auto_takes_the_numbers_and_asks_for_a_scan_now_and_then(floor: Floor) -> None:
    """First, every so many and last are scanned; only then what lies between is sent. A wrong one stops."""
    await floor.choose(batch(sequence=Sequence.AUTO, every=3), lines(range(1, 9)))
    assert (await floor.make(1))["event"] == "paired"
    await floor.until(lambda: len(floor.checked) == 1)
    for key in (2, 3):
        assert (await floor.tap_only(key))["visual_number"] == number(key)
    assert not any(record.checked for record in floor.records)
    assert (await floor.make(4, 5))["reason"] == "one-card-shift"
    await floor.decide("scan-again")
    assert (await floor.read(4))["event"] == "paired"
    await floor.until(lambda: len(floor.checked) == 4)
    assert {record.entry.visual_number for record in floor.checked} == {number(index) for index in range(1, 5)}
    assert all(record.checked for record in floor.checked)
    for key in (5, 6):
        await floor.tap_only(key)
    await floor.make(7)
    await floor.make(8)
    await floor.until(lambda: len(floor.checked) == 8)
    assert await floor.pairs() == [pair(index) for index in range(1, 9)]


async def test_a_missing_card_under_auto_is_found_by_the_scan_and_the_run_taken_back(floor: Floor) -> None:
    """Nothing of the shifted run was sent; after it is taken back the next number is scanned all the same."""
    await floor.choose(batch(sequence=Sequence.AUTO, every=4), lines(range(1, 12)))
    await floor.make(1)
    await floor.until(lambda: len(floor.checked) == 1)
    for key in (3, 4, 5):  # card 2 is missing
        await floor.tap_only(key)
    stopped = await floor.make(6)
    assert (stopped["reason"], stopped["numbers"]) == ("one-card-shift", [number(5), number(6)])
    await floor.decide("recheck-run")
    await floor.tap(3)
    assert (await floor.read(3))["reason"] == "check-failed"
    assert {choice.id for choice in floor.view().stop.choices} == {"recheck-run", "undo-run"}  # type: ignore[union-attr]
    await floor.decide("undo-run")
    assert await floor.pairs() == [pair(1)]
    assert (await floor.make(3))["reason"] == "one-card-shift"
    await floor.decide("skip-missing")
    await floor.read(3)
    for key in (4, 5):
        assert (await floor.make(key))["event"] == "paired", "scanned up to where the shift was found"
    await floor.tap_only(6)
    assert await floor.pairs() == [pair(index) for index in (1, 3, 4, 5, 6)]


async def test_a_sample_is_tapped_and_scanned_again(floor: Floor) -> None:
    """The first piece, then every so many; another key in its place stops the lane, and the right one passes."""
    await floor.choose(batch(verification=Verification.SAMPLE, every=2, goal=3))
    await floor.make(1)
    assert floor.view().expects == "check-tap"
    assert (await floor.read(1))["reason"] == "check-tap-first"
    await floor.tap(1)
    floor.scan(1)
    await floor.until(lambda: len(floor.checked) == 1)
    assert floor.view().notice.good  # type: ignore[union-attr]
    await floor.make(2)
    await floor.make(3)
    assert floor.view().expected == number(3)
    assert (await floor.tap_only(2))["reason"] == "check-failed"
    await floor.decide("scan-again")
    await floor.tap(3)
    floor.scan(3)
    await floor.until(lambda: len(floor.checked) == 3)


@pytest.mark.parametrize("verification", [Verification.TAP, Verification.SCAN])
async def test_each_key_or_each_number_twice(floor: Floor, verification: Verification) -> None:
    """It is asked for before the pair is saved."""
    await floor.choose(batch(verification=verification))
    await floor.tap(1)
    floor.scan(1)
    assert floor.phase() is Phase.VERIFYING
    assert floor.view().expects == ("verify" if verification is Verification.TAP else "again")
    if verification is Verification.TAP:
        await floor.tap(1)
    else:
        await asyncio.sleep(pairing.RESCAN_S)
        floor.scan(1)
    await floor.until(lambda: floor.phase() is Phase.PAIRED)


async def test_the_numbers_are_judged_by_the_batch(floor: Floor) -> None:
    """Its pattern and its case stand in place of the station's."""
    await floor.choose(batch(pattern="[A-Z]-[0-9]{4}", upper_case=True))
    await floor.tap(1)
    assert (await floor.read("N-12345"))["reason"] == "number-pattern"
    assert (await floor.read("n-1234"))["visual_number"] == "N-1234"


async def test_after_a_restart_all_is_as_it_was(tmp_path: Path) -> None:
    """What is made and skipped, what waits for its check, and that the check is due."""
    async with working(tmp_path) as floor:
        await floor.choose(batch(sequence=Sequence.ORDERED, verification=Verification.SAMPLE), lines(range(1, 9)))
        await floor.make(1)
        assert floor.view().expects == "check-tap"
    async with working(tmp_path) as floor:
        await floor.resume("b")
        assert (floor.view().expects, floor.view().expected) == ("check-tap", number(1))
        await floor.tap(1)
        floor.scan(1)
        await floor.until(lambda: bool(floor.checked))
        assert floor.view().expected == number(2)
        assert (await floor.make(2))["event"] == "paired"


async def test_after_a_restart_what_waits_is_looked_at_first(tmp_path: Path) -> None:
    """A check that had failed is not passed by the next one: the last piece is, and it is still the wrong one."""
    manifest = lines(range(1, 9))
    async with working(tmp_path) as floor:
        await floor.choose(batch(sequence=Sequence.ORDERED, verification=Verification.SAMPLE, every=4), manifest)
        for key in (1, 2):
            await floor.make(key)
            if key == 1:
                await floor.tap(1)
                floor.scan(1)
                await floor.until(lambda: bool(floor.checked))
        assert floor.view().expects == "tag"
    async with working(tmp_path) as floor:
        await floor.resume("b")
        assert (floor.view().expects, floor.view().expected) == ("check-tap", number(2))
        await floor.tap(3)
        assert floor.view().stop is not None
        assert "undo-run" in {choice.id for choice in floor.view().stop.choices}  # type: ignore[union-attr]


async def test_two_lanes_share_the_order(tmp_path: Path) -> None:
    """A number that waits on another lane is that lane's; each gets the next one that nobody has."""
    async with working(tmp_path, ("1", "2")) as floor:
        await floor.choose(batch(sequence=Sequence.ORDERED), lines(range(1, 9)))
        await floor.tap(1, "1")
        await floor.tap(2, "2")
        assert (floor.view("1").expected, floor.view("2").expected) == (number(1), number(2))
        assert (await floor.read(2, "2"))["event"] == "paired"
        assert (await floor.read(1, "1"))["event"] == "paired"
        await floor.tap(3, "1")
        await floor.tap(4, "2")
        assert (await floor.read(1, "2"))["reason"] == "number-used"
        assert (await floor.read(3, "2"))["reason"] == "one-card-shift"
        assert "skip-missing" not in {choice.id for choice in floor.view("2").stop.choices}  # type: ignore[union-attr]
        assert (await floor.read(3, "1"))["event"] == "paired", "the other lane goes on"
        await floor.decide("scan-again", "2")
        assert (await floor.read(4, "2"))["event"] == "paired"


async def test_numbers_that_come_first_are_judged_when_they_come(tmp_path: Path) -> None:
    """And once more with the key, of which the manifest may know better."""
    async with working(tmp_path, rules=pairing.Rules(order=pairing.Order.EITHER)) as floor:
        await floor.choose(batch(sequence=Sequence.ORDERED), lines(range(1, 9), uids=[2]))
        assert (await floor.read(7))["reason"] == "not-expected"
        assert (await floor.read(2))["reason"] == "one-card-shift"
        await floor.decide("scan-again")
        floor.scan(1)
        assert floor.phase() is Phase.NUMBER_WAITS
        assert (await floor.tap_only(2))["reason"] == "other-number-for-key"
        assert floor.view().stop is not None
        await floor.decide("put-aside")
        # The number of a key that was put aside may still be scanned: none waits for the key after it.
        assert (await floor.make(1))["visual_number"] == number(1)


async def test_the_choices_by_barcode(floor: Floor) -> None:
    """They decide what the lane offers, and are refused where it does not."""
    await floor.choose(batch(sequence=Sequence.ORDERED), lines(range(1, 9)))
    assert (await floor.read("TAGSMITHSKIP"))["reason"] == "nothing-to-decide"
    await floor.make(2)
    assert (await floor.read("TAGSMITHASIDE"))["reason"] == "nothing-to-decide"
    floor.scan("TAGSMITHSKIP")
    await floor.until(lambda: floor.view().expected == number(2))
    assert [one["choice"] for one in floor.seen("answered")] == ["skip-missing"]


async def test_a_check_that_cannot_be_recorded_is_asked_for_again(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it covers is not sent, and the lane says why."""
    await floor.choose(batch(verification=Verification.SAMPLE, every=2))

    async def full(*_: object) -> list[Record]:
        raise JournalFull("no room left", "make room")

    await floor.make(1)
    with monkeypatch.context() as broken:
        broken.setattr(floor.journal, "pass_check", full)
        await floor.tap(1)
        floor.scan(1)
        await floor.until(lambda: (notice := floor.view().notice) is not None and notice.reason == "check-not-saved")
    assert not floor.checked
    await floor.make(2)
    assert floor.view().expects == "check-tap"
    await floor.tap(2)
    floor.scan(2)
    await floor.until(lambda: len(floor.checked) == 2)


async def test_a_pair_that_is_taken_back_is_made_again(floor: Floor) -> None:
    """Its number comes next, its check is not asked for, and under auto it is scanned."""
    await floor.choose(batch(sequence=Sequence.AUTO, every=9), lines(range(1, 9)))
    await floor.make(1)
    await floor.tap_only(2)
    floor.bench.undo("1")
    await floor.until(lambda: floor.view().expected == number(2))
    await floor.tap(3)
    assert floor.phase() is Phase.TAG_WAITS
    assert (await floor.read(3))["reason"] == "one-card-shift"
