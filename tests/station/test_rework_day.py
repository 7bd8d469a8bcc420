"""Undo, rejects, the work list and the stop after many rejects, at the real station's door."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.day import Day, key
from support.journal import entry
from tagsmith import words
from tagsmith.config import Settings, hash_pin, settings_of
from tagsmith.journal import Journal
from tagsmith.model import Leg, LegName, LegState, Mark, PairView, Record, Settlement, State
from tagsmith.production import RejectCause
from tagsmith.station.pairs import SHOWN_WORK, WorkList

NOWHERE = "http://127.0.0.1:1"
PIN, CODE = "4711-0815", "OP-SECRET-1"


def settings(folder: Path, **more: Any) -> Settings:
    """A station whose API is away: pairs are held and never sent."""
    known: dict[str, Any] = {
        "api": {"url": NOWHERE, "key": "sandbox"},
        "journal": {"url": f"sqlite:///{folder / 'journal.sqlite'}"},
        "courier": {"hold_s": 60},
        "station": {"name": "line-3"},
        "reject": {"stop_after": 3},
        "operator": [{"name": "Ada", "code": CODE, "supervisor": True, "pin_hash": hash_pin(PIN)}],
        "reader": [{"spec": "sim:a", "lane": "A"}, {"spec": "sim:b", "lane": "B"}],
    }
    return settings_of(**(known | more))


def shown(day: Day, number: str) -> PairView | None:
    """A pair as it is among the last ones."""
    return next((pair for pair in day.station.view().pairs if pair.visual_number == number), None)


def test_any_pair_of_the_list_is_taken_back_also_after_a_restart(tmp_path: Path) -> None:
    """It can be seen that it can; then it cannot any more. F2 knows a lane's last pair after a restart, once."""
    with Day(settings(tmp_path)) as day:
        for number in (1, 2, 3):
            day.pair("A", number)
        day.pair("B", 4)
        day.until(lambda: (pair := shown(day, "N-1")) is not None and pair.can_undo)
        pair = shown(day, "N-1")
        assert pair is not None
        day.station.undo_entry(pair.entry)
        day.until(lambda: day.station.view().said == "Taken back: N-1. Its key and its number are free again.")
        day.until(lambda: (pair := shown(day, "N-1")) is not None and pair.state is State.UNDONE and not pair.can_undo)
        day.station.undo_entry("no such pair")
        day.until(lambda: day.station.view().said == "There is no such pair.")
        assert day.station.view().paired == 3
    with Day(settings(tmp_path)) as day:
        day.station.undo("A")
        day.until(lambda: len(day.seen("undone")) == 1)
        day.station.undo("A")
        day.until(lambda: len(day.seen("undone")) == 2)
        assert [one["done"] for one in day.seen("undone")] == [True, False]
        day.until(lambda: day.station.view().paired == 0)
        assert {pair.visual_number: pair.state for pair in day.station.view().pairs} == {
            "N-1": State.UNDONE,
            "N-2": State.HELD,
            "N-3": State.UNDONE,
            "N-4": State.HELD,
        }


def test_another_stations_pairs_are_not_offered(tmp_path: Path) -> None:
    """They are shown, and F2 of a lane of the same name does not know them."""
    with Day(settings(tmp_path, station={"name": "line-2"})) as day:
        day.pair("A", 1)
    with Day(settings(tmp_path)) as day:
        pair = shown(day, "N-1")
        assert pair is not None
        assert not pair.can_undo
        day.station.undo("A")
        day.until(lambda: bool(day.seen("undone")))
        assert not day.seen("undone")[0]["done"]


async def test_keys_put_aside_are_in_the_journal_and_in_the_yield(tmp_path: Path) -> None:
    """With who did it; the shift's report counts them by cause."""
    with Day(settings(tmp_path)) as day:
        day.station.sign_on("Ada")
        day.pair("A", 1)
        day.tap("A", key(2))
        day.station.reject("A", RejectCause.DAMAGED_PRINT, "smeared")
        day.until(lambda: len(day.seen("put-aside")) == 1)
        day.scan("TAGSMITHREJDEAD", "B")
        day.until(lambda: len(day.seen("put-aside")) == 2)
        day.until(lambda: day.station.view().first_pass_yield == 1 / 3)
        assert day.station.view().said == "Put aside: dead chip."
        assert [view.rejected_in_row for view in day.station.view().lanes] == [1, 1]
    journal = Journal.open(f"sqlite:///{tmp_path / 'journal.sqlite'}", station="line-3")
    try:
        since = next(iter(journal.records())).entry.paired_at
        first, second = await journal.rejects(NOWHERE, since, None)
        report = await journal.report(NOWHERE, station="line-3", since=since, until=None, title="")
    finally:
        journal.close()
    assert (first.cause, first.uid and first.uid.wire, first.operator, first.note, first.lane) == (
        "damaged-print",
        key(2),
        "Ada",
        "smeared",
        "A",
    )
    assert (second.cause, second.uid, second.lane) == ("dead-chip", None, "B")
    assert dict(report.rejects) == {"damaged-print": 1, "dead-chip": 1}


def test_a_lane_stops_and_a_supervisor_lets_it_go_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """By PIN or code; the other lane goes on meanwhile. No secret is in an event, a log, or the view."""
    caplog.set_level(logging.DEBUG)
    with Day(settings(tmp_path)) as day:
        for round_, secret in enumerate((PIN, CODE)):
            for number in range(3):
                day.refused("A", f"08{round_:02x}{number:04x}")
            day.until(lambda: day.station.view().lanes[0].stop is not None)
            day.pair("B", 10 + round_)
            assert day.refused("A", key(1)) == "lane-stopped"
            day.station.answer("A", "unlock", f"wrong {secret}")
            day.until(lambda: day.station.view().said.startswith("That is no supervisor's"))
            assert day.station.view().lanes[0].stop is not None
            day.station.answer("A", "unlock", secret)
            day.until(lambda: day.station.view().lanes[0].stop is None)
            assert (day.seen("unlocked")[-1]["supervisor"], day.seen("unlocked")[-1]["by"]) == ("Ada", "secret")
        day.pair("A", 1)
        everything = json.dumps([event.fields for event in day.events]) + repr(day.station.view()) + caplog.text
    assert PIN not in everything
    assert CODE not in everything


def test_without_a_supervisor_nobody_is_asked_for(tmp_path: Path) -> None:
    """The choice says so, and the barcode does it: a station without a screen goes on, too."""
    with Day(settings(tmp_path, operator=[])) as day:
        for number in range(3):
            day.refused("A", f"0800{number:04x}")
        day.until(lambda: day.station.view().lanes[0].stop is not None)
        stop = day.station.view().lanes[0].stop
        assert stop is not None
        assert stop.choices[0].label == "Go on (no supervisor is set: anybody may)"
        day.scan("TAGSMITHUNLOCK", "A")
        day.until(lambda: day.station.view().lanes[0].stop is None)
        assert (day.seen("unlocked")[0]["supervisor"], day.seen("unlocked")[0]["by"]) == (None, "anybody")


async def test_the_work_list_is_known_at_the_start(tmp_path: Path) -> None:
    """Of earlier runs, oldest first, each with what to do."""
    journal = Journal.open(f"sqlite:///{tmp_path / 'journal.sqlite'}", station="line-3")
    try:
        for index, settlement in enumerate(
            (
                Settlement(LegState.REFUSED, status=400, message="no such format"),
                Settlement(LegState.DONE, status=201),
                Settlement(LegState.UNKNOWN, message="perhaps reserved"),
            ),
            1,
        ):
            await journal.append(entry(index, target=NOWHERE))
            attempt = await journal.attempt(f"entry-{index}", LegName.RESERVATION, "{}")
            await journal.settle(f"entry-{index}", LegName.RESERVATION, attempt, settlement)
        with Day(settings(tmp_path)) as day:
            first, second = day.station.view().work
            assert (first.state, first.message) == (State.REFUSED, "no such format")
            assert first.todo == (
                "Look at number and key; then tagsmith journal retry 04000000000001, or correct, or void."
            )
            assert second.todo == "Find out whether the API holds it: tagsmith journal resolve 04000000000003"
    finally:
        journal.close()


# --- the work list by itself ------------------------------------------------------------------------------------------


def record(index: int, reservation: Leg, activation: Leg | None = None, mark: Mark | None = None) -> Record:
    """The record of this number."""
    return Record(index, entry(index), reservation, activation or Leg(), mark)


REFUSED, DOUBTED = Leg(LegState.REFUSED, 1, status=400), Leg(LegState.UNKNOWN, 1)
DONE = Leg(LegState.DONE, 1, status=201)


class Asked:
    """A journal that answers as it is told."""

    def __init__(self, *records: Record) -> None:
        self.records = list(records)
        self.meanwhile = lambda: None

    async def work_list(self, target: str, limit: int) -> list[Record]:
        found = self.records[:limit]
        self.meanwhile()
        return found


async def test_the_work_list_follows_deliveries() -> None:
    """What is refused comes, what is settled goes, oldest first; what is asked for again by itself is nobody's work."""
    work = WorkList()
    for one in (record(3, REFUSED), record(1, DOUBTED), record(2, DONE), record(4, replace(DOUBTED, repeat=True))):
        work.settled(one)
    assert [pair.entry for pair in work.shown()] == ["entry-1", "entry-3"]
    before = work.shown()
    work.settled(record(3, REFUSED))
    assert work.shown() is before
    work.settled(record(1, DONE))
    work.settled(record(3, REFUSED, mark=Mark.VOID))
    assert work.shown() == ()
    for index in range(SHOWN_WORK + 5, 0, -1):
        work.settled(record(index, REFUSED))
    assert [pair.entry for pair in work.shown()] == [f"entry-{index}" for index in range(1, SHOWN_WORK + 1)]


async def test_what_is_read_is_not_newer_than_what_was_settled_meanwhile() -> None:
    """A slow answer of the journal does not bring back what is done."""
    work, journal = WorkList(), Asked(record(1, REFUSED))
    assert await work.read(journal, "")  # type: ignore[arg-type]
    assert not await work.read(journal, "")  # type: ignore[arg-type]
    journal.meanwhile = lambda: work.settled(record(1, DONE))
    assert not await work.read(journal, "")  # type: ignore[arg-type]
    assert work.shown() == ()


@pytest.mark.parametrize(
    ("reservation", "activation", "todo"),
    [
        (REFUSED, Leg(LegState.HELD), "then tagsmith journal retry 04000000000001, or correct, or void."),
        (DOUBTED, Leg(LegState.HELD), "whether the API holds it: tagsmith journal resolve 04000000000001"),
        (DONE, DOUBTED, "whether it is activated: tagsmith journal resolve 04000000000001"),
        (DONE, replace(REFUSED, status=404), "know its user: tagsmith journal correct 04000000000001 --user ANOTHER"),
        (DONE, REFUSED, "then tagsmith journal retry 04000000000001, or correct with --user."),
        (DONE, DONE, ""),
    ],
)
def test_each_says_what_to_do(reservation: Leg, activation: Leg, todo: str) -> None:
    """One sentence; nothing where nothing is to be done."""
    said = words.todo(record(1, reservation, activation))
    assert todo in said
    assert bool(said) == bool(todo)
