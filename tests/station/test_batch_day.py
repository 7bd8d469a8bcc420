"""A batch as a line works it: the real station, a simulated reader, SQLite on a disc and the sandbox."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from support.floor import batch, lines, number, pair
from support.line import Line
from tagsmith.journal import Journal
from tagsmith.production import Batch, Sequence, Verification


def made(url: str) -> set[tuple[str, str]]:
    """The live pairs that a journal has."""
    journal = Journal.open(url)
    try:
        live = [record for record in journal.records() if record.mark is None]
        return {(record.entry.uid.wire, record.entry.visual_number) for record in live}
    finally:
        journal.close()


def begin(line: Line, wanted: Batch, size: int) -> None:
    """Make a batch with a manifest of so many numbers at the station, and wait until keys of it are made."""
    line.station.create_batch(wanted, lines(range(1, size + 1)))
    line.until(lambda: line.station.view().batch is not None)


def test_the_door_of_the_station(tmp_path: Path) -> None:
    """A batch is made, chosen, goes on, loses a line, is left and chosen again, and is closed when it is checked."""
    with Line(tmp_path, hold_s=60) as line:
        begin(line, batch(sequence=Sequence.ORDERED, verification=Verification.SAMPLE), 4)
        chosen = line.station.view()
        assert chosen.batch is not None
        assert chosen.batch.stand.batch.target == chosen.target
        assert (chosen.batch.stand.left, chosen.lanes[0].expected) == (4, number(1))
        line.make(1)
        line.check(1)
        line.station.skip_expected("scratched")
        line.until(lambda: line.lane().expected == number(3))
        line.make(3)
        line.station.choose_batch(None)
        line.until(lambda: line.station.view().batch is None)
        (stand,) = line.station.view().batches
        assert (stand.paired, stand.skipped, stand.unchecked) == (2, 1, 1)
        line.station.choose_batch(stand.batch.id)
        # What waits is looked at first: nobody knows what became of the stack meanwhile.
        line.until(lambda: (line.lane().expects, line.lane().expected) == ("check-tap", number(3)))
        line.station.close_batch()
        line.until(lambda: "still wait for a check" in line.station.view().said)
        line.check(3)
        line.station.close_batch()
        line.until(lambda: bool(line.seen("batch-closed")))
        line.until(lambda: line.station.view().batches == ())
        assert line.seen("batch-closed")[0]["left"] == 1


def test_a_batch_that_another_process_closes(tmp_path: Path) -> None:
    """The journal takes no pair for it, and the station says so."""
    with Line(tmp_path) as line:
        begin(line, batch(), 4)
        line.make(1)
        journal = Journal.open(line.url, station="office")
        asyncio.run(journal.close_batch("id-b", "Ada"))
        journal.close()
        assert line.make(2)["reason"] == "batch-closed"
    assert made(line.url) == {pair(1)}


def test_what_was_sent_is_named_and_not_taken_back(tmp_path: Path) -> None:
    """The run is taken back as far as it can be."""
    with Line(tmp_path) as line:
        begin(line, batch(sequence=Sequence.ORDERED), 8)
        line.make(1)
        line.make(2)
        line.until(lambda: len(line.seen("delivered")) == 2)
        line.make(3, 4)
        line.decide("undo-run")
        (undone,) = line.seen("run-undone")
        assert (undone["undone"], undone["sent"]) == (0, [number(1), number(2)])
        assert number(2) in undone["message"]
        assert line.make(3)["event"] == "paired"


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_shift_by_one_card_stops_at_once_and_nothing_wrong_is_sent(tmp_path: Path) -> None:
    """500 numbers; from #250 on the scans run ahead by one: the lane stops, names it, and the run is checked again."""
    with Line(tmp_path) as line:
        begin(line, batch(sequence=Sequence.ORDERED), 500)
        for index in range(1, 250):
            assert (came := line.make(index))["event"] == "paired", came
        stopped = line.make(250, 251)
        assert (stopped["event"], stopped["reason"]) == ("stopped", "one-card-shift")
        assert stopped["numbers"] == [number(250), number(251)]
        assert line.read(251)["reason"] == "lane-stopped"
        line.decide("recheck-run")
        line.check(*range(200, 250))
        for index in range(250, 501):
            assert (came := line.make(index))["event"] == "paired", came
        assert line.drained() == 0
        assert line.sent() == {pair(index) for index in range(1, 501)}
    assert made(line.url) == {pair(index) for index in range(1, 501)}


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_scrapped_card_costs_one_answer(tmp_path: Path) -> None:
    """500 numbers, and the card of #250 is missing: one answer, and the run goes on to its end."""
    with Line(tmp_path) as line:
        begin(line, batch(sequence=Sequence.ORDERED), 500)
        present = [index for index in range(1, 501) if index != 250]
        for index in present:
            came = line.make(index)
            if came["event"] == "stopped":
                line.decide("skip-missing")
                came = line.read(index)
            assert came["event"] == "paired", came
        assert [one["choice"] for one in line.seen("answered")] == ["skip-missing"]
        assert line.drained() == 0
        assert line.sent() == {pair(index) for index in present}
        assert line.make(501)["reason"] == "batch-complete"


@pytest.mark.long
@pytest.mark.timeout(300)
def test_what_auto_counted_wrong_is_never_sent(tmp_path: Path) -> None:
    """The card of #225 is missing and nobody scans: the next verifying scan finds it in time."""
    with Line(tmp_path) as line:
        begin(line, batch(sequence=Sequence.AUTO, every=50), 500)
        stack = [index for index in range(1, 501) if index != 225]
        stopped: list[dict[str, object]] = []
        at = 0
        while at < len(stack):
            came = line.take(stack[at])
            if came["event"] == "stopped":
                stopped.append(came)
                if len(stopped) == 1:
                    line.decide("undo-run")
                    at = stack.index(202)  # the first after the scan of 201, which was right
                    continue
                line.decide("skip-missing")
                came = line.read(stack[at])
            assert came["event"] == "paired", came
            at += 1
        assert [one["reason"] for one in stopped] == ["one-card-shift"] * 2
        assert ["skip-missing" in one["choices"] for one in stopped] == [False, True]
        line.until(lambda: sum(one["entries"] for one in line.seen("check-passed")) == len(stack))
        assert line.drained() == 0
        right = {pair(index) for index in stack}
        assert line.sent() == right
    assert made(line.url) == right
