"""The rules of a batch without any lane: what is taken, refused and stopped, whatever was made before."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagsmith.batch import (
    ANY,
    OUT_OF_ORDER,
    Accept,
    Asked,
    Check,
    Halt,
    Outcome,
    Refuse,
    Roster,
    Run,
    begin,
    judge,
    shut,
)
from tagsmith.production import Batch, BatchKey, ManifestLine, Sequence, Verification
from tagsmith.uid import Uid

LANES = ("1", "2", "3")
SIZE = 8


def uid(index: int) -> Uid:
    """The chip of this index."""
    return Uid.from_hex(f"04{index:010x}80")


def key(index: int, lane: str = "1", checked: bool = True) -> BatchKey:
    """The right pair of this index, made on a lane."""
    return BatchKey(f"entry-{index}", f"n-{index}", f"N-{index}", uid(index), lane, checked)


def run(size: int = SIZE, *, known: int = 0, **fields: Any) -> Run:
    """A batch of so many lines, from 0; the keys of the first `known` stand in the manifest."""
    of = Batch("id", "b", "target", datetime(2031, 5, 6, tzinfo=UTC), size=size, **fields)
    manifest = [
        ManifestLine(index + 1, f"N-{index}", f"n-{index}", uid(index) if index < known else None)
        for index in range(size)
    ]
    return Run(of, Roster.of(manifest))


def verdict(state: Run, index: int, lane: str = "1", chip: int | None = None, *, alone: bool = True) -> object:
    """The judgement of a number, with the chip of an index where one is there."""
    return judge(state, lane, f"n-{index}", f"N-{index}", None if chip is None else uid(chip), alone=alone)


def reason(judged: object) -> str:
    """The reason word of a verdict; `accept` for none."""
    match judged:
        case Refuse(notice, _):
            return notice.reason
        case Halt(stop):
            return stop.reason
    return "accept"


def offered(judged: object) -> set[str]:
    """What may be chosen."""
    assert isinstance(judged, Halt)
    return {choice.id for choice in judged.stop.choices}


# --- any history -----------------------------------------------------------------------------------------------------

_moves = st.lists(
    st.tuples(
        st.sampled_from(["pair", "undo", "skip", "hold", "free", "pass"]),
        st.integers(0, SIZE - 1),
        st.sampled_from(LANES),
    ),
    max_size=40,
)
_sequences = st.sampled_from(Sequence)


def played(state: Run, moves: list[tuple[str, int, str]]) -> Run:
    """The state after these moves; those that no bench would make are left out."""
    for what, index, lane in moves:
        made = f"n-{index}" in state.made
        if what == "pair" and not made and not state.holder(f"n-{index}", but=lane):
            state = state.paired(key(index, lane, checked=not state.is_checked)).free(lane)
        elif what == "undo":
            state = state.undone(f"entry-{index}")
        elif what == "skip" and state.is_open(index):
            state = state.leave_out(index, "scratched")
        elif what == "hold":
            place = state.expected(lane)
            state = state.hold(lane, ANY if place is None else f"n-{place}")
        elif what == "free":
            state = state.free(lane)
        elif what == "pass":
            state = state.passed([one.entry for one in state.run_of(lane)], lane)
    return state


@settings(max_examples=200, deadline=None)
@given(_moves, _sequences, st.sampled_from(Verification))
def test_what_is_counted_on_the_way_is_what_is_there(
    moves: list[tuple[str, int, str]], sequence: Sequence, verification: Verification
) -> None:
    """Counts and the first open line are never off, no two lanes hold one number, and a restart finds the same."""
    state = played(run(sequence=sequence, verification=verification), moves)
    still = [place for place in range(SIZE) if f"n-{place}" not in state.made and place not in state.skipped]
    assert state.lines_left == len(still)
    assert all(place >= state.open_from for place in still)
    held = [number for number in state.holds.values() if number != ANY and number not in state.made]
    assert len(set(held)) == len(held)
    if sequence is not Sequence.FREE:
        places = [state.expected(lane) for lane in LANES if lane in state.holds]
        assert len({place for place in places if place is not None}) == sum(place is not None for place in places)
    lines_now = [replace(line, skipped=state.skipped.get(place, "")) for place, line in enumerate(state.roster.lines)]
    again = begin(state.batch, lines_now, list(state.made.values()), LANES)
    assert (again.made, again.skipped, again.lines_left) == (state.made, state.skipped, state.lines_left)
    assert again.stand() == state.stand()
    if state.is_checked:
        assert {lane: made for lane, made in state.runs.items() if made} == dict(again.runs)


@settings(max_examples=300, deadline=None)
@given(
    _moves,
    _sequences,
    st.integers(0, SIZE + 1),
    st.sampled_from(LANES),
    st.none() | st.integers(0, SIZE),
    st.booleans(),
)
def test_nothing_wrong_is_ever_accepted(
    moves: list[tuple[str, int, str]], sequence: Sequence, index: int, lane: str, chip: int | None, alone: bool
) -> None:
    """What is accepted is of the manifest, open, no other lane's, not another key's; in a strict order, the next."""
    state = played(run(sequence=sequence, known=4), moves)
    judged = verdict(state, index, lane, chip, alone=alone)
    if not isinstance(judged, Accept):
        return
    assert index < SIZE
    assert state.is_open(index)
    assert not state.holder(f"n-{index}", but=lane)
    if chip is not None:
        assert chip == index or (chip >= 4 and index >= 4)
    if sequence in (Sequence.ORDERED, Sequence.AUTO):
        assert index == state.expected(lane)
    assert judged.warnings == ((OUT_OF_ORDER,) if sequence is Sequence.SHOWN and index != state.expected(lane) else ())


@settings(max_examples=200, deadline=None)
@given(_moves, st.sampled_from([Sequence.ORDERED, Sequence.SHOWN, Sequence.AUTO]))
def test_a_neighbour_always_stops_the_only_lane(moves: list[tuple[str, int, str]], sequence: Sequence) -> None:
    """And a card may be called missing just when the one that was scanned would be the next one then.

    Under auto not even then, unless the number before it was scanned, too: it may be any of those since.
    """
    state = played(run(sequence=sequence), [(what, index, "1") for what, index, _ in moves])
    place = state.expected("1")
    if place is None:
        assert state.lines_left == 0
        return
    for step in (1, -1):
        if (beside := state.beside(place, step)) is None:
            continue
        judged = verdict(state, beside)
        assert reason(judged) == "one-card-shift"
        would_be_next = state.leave_out(place, "missing").expected("1") == beside
        would_be_next &= sequence is not Sequence.AUTO or not state.run_of("1")
        assert ("skip-missing" in offered(judged)) == would_be_next
        assert ("undo-run" in offered(judged)) == bool(state.run_of("1"))


# --- by example ------------------------------------------------------------------------------------------------------


def test_a_card_beyond_those_that_were_skipped_or_made_is_a_neighbour() -> None:
    """The stack has no skipped card, and what another lane has made lies on its pile."""
    state = run(sequence=Sequence.ORDERED).leave_out(1, "scratched")
    assert offered(verdict(state, 2)) >= {"skip-missing"}
    made = run(sequence=Sequence.ORDERED).paired(key(1, "2"))
    assert offered(verdict(made, 2, alone=False)) >= {"skip-missing"}
    assert reason(verdict(made, 1, alone=False)) == "number-used"


def test_with_auto_any_other_number_stops() -> None:
    """It was asked for because nobody has looked at those before it."""
    state = run(sequence=Sequence.AUTO).paired(key(0))
    assert reason(verdict(state, 5)) == "check-failed"
    assert reason(verdict(state, 99)) == "not-in-batch"


def test_a_batch_without_a_manifest_asks_nothing_of_numbers() -> None:
    """Whatever its order is said to be."""
    for sequence in Sequence:
        assert verdict(run(0, sequence=sequence), 77) == Accept()


def test_when_nothing_more_is_begun() -> None:
    """The goal is reached, the lines are made or skipped, other lanes have the last ones, or it is closed."""
    state = run(2)
    assert shut(state, "1") is None
    assert shut(state.hold("1", ANY).hold("2", ANY), "1") is None
    told = shut(state.hold("2", ANY).hold("3", ANY), "1")
    assert told is not None
    assert told.reason == "batch-held"
    for done in (state.paired(key(0)).leave_out(1, "gone"), run(3, goal=1).paired(key(0))):
        told = shut(done, "1")
        assert told is not None
        assert told.reason == "batch-complete"
    closed = replace(state, batch=replace(state.batch, closed_at=datetime(2031, 5, 7, tzinfo=UTC)))
    told = shut(closed, "1")
    assert told is not None
    assert told.reason == "batch-closed"


def test_which_numbers_are_scanned_under_auto() -> None:
    """The first, every so many, the last, and the one after anything was taken back."""
    state, scanned = run(8, sequence=Sequence.AUTO, every=3), []
    for index in range(8):
        must = state.must_scan("1")
        state = state.paired(key(index, checked=False))
        if must:
            scanned.append(index)
            state = state.passed([one.entry for one in state.run_of("1")], "1")
    assert scanned == [0, 3, 6, 7]
    first = run(8, sequence=Sequence.AUTO, every=3).paired(key(0, checked=False)).passed(["entry-0"], "1")
    assert not first.must_scan("1")
    assert first.paired(key(1, checked=False)).undone("entry-1").must_scan("1")


def test_which_pieces_are_sampled() -> None:
    """The first, every so many, the last; and the last one again after it was taken back."""
    state, sampled = run(0, verification=Verification.SAMPLE, every=3, goal=8), []
    for index in range(8):
        state = state.paired(key(index, checked=False))
        if state.check_due("1"):
            sampled.append(index)
            state = state.passed([one.entry for one in state.run_of("1")], "1")
    assert sampled == [0, 3, 6, 7]


@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_check_passes_by_all_its_keys_only(index: int) -> None:
    """Each is tapped, then its number is scanned; at each another key or number is found out."""
    check = Check(Asked.RUN, tuple(map(key, range(3))), ("entry-0", "entry-1", "entry-2"))
    for before in range(index):
        assert check.scan(f"n-{before}") == (check, Outcome.TAP_FIRST)
        check, outcome = check.tap(uid(before))
        assert outcome is Outcome.GOES_ON
        check, outcome = check.scan(f"n-{before}")
        assert outcome is Outcome.GOES_ON
    assert check.tap(uid(index + 1)) == (check, Outcome.FAILED)
    tapped, _ = check.tap(uid(index))
    assert tapped.scan(f"n-{index + 1}") == (check, Outcome.FAILED)
    assert tapped.scan(f"n-{index}")[1] is (Outcome.PASSED if index == 2 else Outcome.GOES_ON)


def test_a_key_that_was_taken_back_is_not_asked_for() -> None:
    """The check goes on with the others; without any it is none."""
    check = Check(Asked.RUN, tuple(map(key, range(2))), ("entry-0", "entry-1"))
    left = check.without("entry-0")
    assert left is not None
    assert (left.key, left.covers) == (key(1), ("entry-1",))
    assert left.without("entry-1") is None
    assert check.without("entry-9") == check
