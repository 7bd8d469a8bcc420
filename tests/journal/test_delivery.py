"""Deliveries, marks and what is left to do, through the journal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.journal import OTHER_TARGET, TARGET, entry, opened
from tagsmith.errors import IllegalTransition
from tagsmith.journal import Journal, reading
from tagsmith.model import LegName, LegState, Mark, Record, Settlement, State

RESERVATION, ACTIVATION = LegName.RESERVATION, LegName.ACTIVATION
DONE = Settlement(LegState.DONE, status=201)
PERHAPS = Settlement(LegState.UNKNOWN, repeat=True, status=502)


async def send(journal: Journal, index: int, settlement: Settlement = DONE, leg: LegName = RESERVATION) -> Record:
    """One attempt of one leg, and what became of it."""
    attempt_id = await journal.attempt(f"entry-{index}", leg, f"body {index} {leg}")
    return await journal.settle(f"entry-{index}", leg, attempt_id, settlement)


async def due(journal: Journal, **options: object) -> list[int]:
    """The numbers of what is due."""
    limit = options.pop("limit", 100)
    assert isinstance(limit, int)
    return [record.number for record in await journal.due(TARGET, limit, **options)]  # type: ignore[arg-type]


async def test_the_attempt_is_on_the_disc_before_it_is_sent(place: Path | str) -> None:
    """After `attempt` another process sees the leg as sending, with exactly the body that will be sent."""
    body = '{"uid":"27b89043","visualNumber":"ES*BA*4321EU*1 \u20ac"}'
    with opened(place) as journal, opened(place) as other:
        await journal.append(entry(1))
        attempt_id = await journal.attempt("entry-1", RESERVATION, body)
        record = await other.get("entry-1")
        assert record is not None
        assert record.reservation.state is LegState.SENDING
        assert (record.reservation.attempt_id, record.reservation.body) == (attempt_id, body)
        assert record.reservation.attempts == 1


async def test_a_confirmed_reservation_bears_its_time(journal: Journal) -> None:
    """`delivered_at` is set when the reservation is confirmed, and stays at that when the activation is."""
    await journal.append(entry(1, user_id="u"))
    reserved = await send(journal, 1)
    assert reserved.state is State.RESERVED
    assert reserved.delivered_at is not None
    active = await send(journal, 1, Settlement(LegState.DONE, status=200, contract_id="DE-8PS-C0CD0C002-B"), ACTIVATION)
    assert active.state is State.ACTIVE
    assert active.delivered_at == reserved.delivered_at
    assert active.contract_id == "DE-8PS-C0CD0C002-B"
    assert await journal.get("entry-1") == active


async def test_activation_waits_for_the_reservation(journal: Journal) -> None:
    """A key is activated only once it is reserved, and only for an entry that has a user."""
    await journal.append(entry(1, user_id="u"))
    await journal.append(entry(2))
    with pytest.raises(IllegalTransition):
        await journal.attempt("entry-1", ACTIVATION, "")
    await send(journal, 2)
    with pytest.raises(IllegalTransition):
        await journal.attempt("entry-2", ACTIVATION, "")
    await send(journal, 1)
    await journal.attempt("entry-1", ACTIVATION, "")


async def test_one_attempt_at_a_time(journal: Journal) -> None:
    """While an attempt is under way there is no second, and after success there is none ever."""
    await journal.append(entry(1))
    attempt_id = await journal.attempt("entry-1", RESERVATION, "body")
    with pytest.raises(IllegalTransition):
        await journal.attempt("entry-1", RESERVATION, "body")
    await journal.settle("entry-1", RESERVATION, attempt_id, DONE)
    with pytest.raises(IllegalTransition):
        await journal.attempt("entry-1", RESERVATION, "body")


async def test_a_settlement_can_be_repeated_but_not_changed(journal: Journal) -> None:
    """The same settlement again gives the same record and no event; another one, or a past attempt's, is illegal."""
    await journal.append(entry(1))
    attempt_id = await journal.attempt("entry-1", RESERVATION, "body")
    settled = await journal.settle("entry-1", RESERVATION, attempt_id, DONE)
    before = journal.verify().events
    assert await journal.settle("entry-1", RESERVATION, attempt_id, DONE) == settled
    assert journal.verify().events == before
    with pytest.raises(IllegalTransition):
        await journal.settle("entry-1", RESERVATION, attempt_id, Settlement(LegState.REFUSED))
    with pytest.raises(IllegalTransition):
        await journal.settle("entry-1", RESERVATION, "a past attempt", DONE)


async def test_what_is_due_is_oldest_first(journal: Journal) -> None:
    """Due is what may be sent now: held, queued, unknown to be repeated, and then activations; oldest first."""
    for index in range(1, 9):
        await journal.append(entry(index, user_id="u" if index >= 7 else None))
    await send(journal, 1, Settlement(LegState.QUEUED, status=429))
    await send(journal, 2, PERHAPS)
    await send(journal, 3, Settlement(LegState.UNKNOWN))
    await send(journal, 4, Settlement(LegState.REFUSED, status=400))
    await journal.undo("entry-5")
    await journal.attempt("entry-6", RESERVATION, "body")
    await send(journal, 7)
    assert await due(journal) == [1, 2, 7, 8]
    assert await due(journal, limit=2) == [1, 2]
    assert await due(journal, exclude=["entry-1", "entry-7", "no such entry"]) == [2, 8]
    assert await due(journal, limit=1, exclude={"entry-1"}) == [2]
    assert await due(journal, limit=0) == []
    assert await journal.waiting(TARGET) == 5
    await journal.attempt("entry-7", ACTIVATION, "body")
    assert await due(journal) == [1, 2, 8]
    assert await journal.waiting(TARGET) == 5
    assert await journal.due(OTHER_TARGET, 10) == []
    assert await journal.waiting(OTHER_TARGET) == 0


async def test_nothing_is_left_of_what_is_finished(journal: Journal) -> None:
    """Reserved without a user, active, refused, marked or unknown for a person: none of it waits."""
    await journal.append(entry(1))
    await journal.append(entry(2, user_id="u"))
    await journal.append(entry(3, user_id="u"))
    await send(journal, 1)
    await send(journal, 2)
    assert await journal.waiting(TARGET) == 2
    await send(journal, 2, leg=ACTIVATION)
    await send(journal, 3, PERHAPS)
    assert await journal.waiting(TARGET) == 1
    await journal.void("entry-3", "lost")
    assert await journal.waiting(TARGET) == 0
    assert await due(journal) == []


async def test_undo_only_before_any_attempt(journal: Journal) -> None:
    """A pair can be taken back until its first attempt is recorded; twice is as good as once, later is illegal."""
    await journal.append(entry(1))
    undone = await journal.undo("entry-1", "wrong tag")
    assert (undone.state, undone.mark, undone.note) == (State.UNDONE, Mark.UNDONE, "wrong tag")
    assert await journal.undo("entry-1", "another reason") == undone
    with pytest.raises(IllegalTransition):
        await journal.attempt("entry-1", RESERVATION, "body")
    await journal.append(entry(2))
    await send(journal, 2, Settlement(LegState.QUEUED))
    with pytest.raises(IllegalTransition):
        await journal.undo("entry-2")
    with pytest.raises(IllegalTransition):
        await journal.undo("no such entry")


async def test_void_only_after_an_attempt(journal: Journal) -> None:
    """Only what was attempted can be void; the first reason stays; nothing is sent for it any more."""
    await journal.append(entry(1))
    with pytest.raises(IllegalTransition):
        await journal.void("entry-1", "too early")
    await send(journal, 1, PERHAPS)
    void = await journal.void("entry-1", "wrong ring")
    assert (void.state, void.note) == (State.VOID, "wrong ring")
    assert await journal.void("entry-1", "another reason") == void
    with pytest.raises(IllegalTransition):
        await journal.undo("entry-1")
    with pytest.raises(IllegalTransition):
        await journal.attempt("entry-1", RESERVATION, "body 1 reservation")
    await journal.append(entry(2))
    await journal.undo("entry-2")
    with pytest.raises(IllegalTransition):
        await journal.void("entry-2", "undone already")


async def test_a_void_entry_still_learns_its_outcome(journal: Journal) -> None:
    """What was on its way when a person declared it void is settled and counted like any other."""
    await journal.append(entry(1))
    attempt_id = await journal.attempt("entry-1", RESERVATION, "body")
    await journal.void("entry-1", "wrong ring")
    assert await journal.waiting(TARGET) == 1
    settled = await journal.settle("entry-1", RESERVATION, attempt_id, DONE)
    assert settled.reservation.state is LegState.DONE
    assert settled.state is State.VOID
    assert await journal.waiting(TARGET) == 0


async def test_recovery_doubts_whatever_was_under_way(journal: Journal) -> None:
    """Every attempt under way becomes unknown, to be repeated with its body; its late answer is no longer taken."""
    for index in range(1, 5):
        await journal.append(entry(index, user_id="u", target=OTHER_TARGET if index == 4 else TARGET))
    first = await journal.attempt("entry-1", RESERVATION, "body 1")
    await send(journal, 2)
    await journal.attempt("entry-2", ACTIVATION, "body 2")
    await journal.attempt("entry-4", RESERVATION, "body 4")
    assert await journal.recover(TARGET) == 2
    record = await journal.get("entry-1")
    assert record is not None
    assert (record.reservation.state, record.reservation.repeat) == (LegState.UNKNOWN, True)
    assert record.state is State.UNKNOWN
    with pytest.raises(IllegalTransition):
        await journal.settle("entry-1", RESERVATION, first, DONE)
    with pytest.raises(IllegalTransition):
        await journal.attempt("entry-1", RESERVATION, "another body")
    await journal.attempt("entry-1", RESERVATION, "body 1")
    assert await journal.recover() == 2
    assert await journal.recover() == 0
    assert journal.verify().ok


async def test_recent_is_newest_first_and_of_one_target(journal: Journal) -> None:
    """`recent` gives the last pairs of the target, whatever their state."""
    for index in range(1, 6):
        await journal.append(entry(index, target=OTHER_TARGET if index == 4 else TARGET))
    await journal.undo("entry-5")
    assert [record.number for record in await journal.recent(TARGET, 3)] == [5, 3, 2]
    assert await journal.recent(TARGET, 0) == []


async def test_changes_tells_of_other_writers(place: Path | str) -> None:
    """The newest number is seen whoever appended; it never goes back."""
    with opened(place) as journal, opened(place) as other:
        assert await journal.changes(0) == 0
        await other.append(entry(1))
        await other.append(entry(2, target=OTHER_TARGET))
        assert await journal.changes(0) == 2
        assert await journal.changes(2) == 2
        assert await journal.changes(7) == 7


async def test_the_tally_counts_what_is_shown(journal: Journal) -> None:
    """Each entry of the target is counted once, in the state that its record shows."""
    for index in range(1, 10):
        await journal.append(entry(index, user_id="u", target=OTHER_TARGET if index == 9 else TARGET))
    await send(journal, 1)
    await send(journal, 2)
    await send(journal, 2, leg=ACTIVATION)
    await send(journal, 3, PERHAPS)
    await send(journal, 4, Settlement(LegState.REFUSED))
    await journal.attempt("entry-5", RESERVATION, "body")
    await journal.undo("entry-6")
    await send(journal, 7)
    await send(journal, 7, PERHAPS, ACTIVATION)
    await journal.void("entry-7", "lost")
    counts = await journal.tally(TARGET)
    assert counts == {
        State.HELD: 1,
        State.QUEUED: 1,
        State.RESERVED: 1,
        State.ACTIVE: 1,
        State.REFUSED: 1,
        State.UNKNOWN: 1,
        State.UNDONE: 1,
        State.VOID: 1,
    }
    shown = [record.state for record in journal.records(target=TARGET)]
    assert counts == {state: shown.count(state) for state in State}


async def test_records_do_not_hold_anything_up(journal: Journal) -> None:
    """While somebody goes through all records, pairs are appended; an iterator left lying blocks nobody."""
    for index in range(1, 4):
        await journal.append(entry(index, target=OTHER_TARGET if index == 2 else TARGET))
    going = journal.records()
    assert next(going).number == 1
    for index in range(4, 7):
        await journal.append(entry(index))
    assert [record.number for record in journal.records(target=TARGET)] == [1, 3, 4, 5, 6]
    assert [record.number for record in going][:2] == [2, 3]


async def test_records_come_page_by_page(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every record comes once and in order, also where there are more than one page of them."""
    monkeypatch.setattr(reading, "_PAGE", reading._PAGE.limit(3))
    for index in range(1, 8):
        await journal.append(entry(index))
    assert [record.number for record in journal.records()] == [1, 2, 3, 4, 5, 6, 7]


async def test_an_entry_is_found_by_what_a_person_types(journal: Journal) -> None:
    """By id, record number, printed number, and uid in either order and with separators; live before undone."""
    await journal.append(entry(1))
    await journal.undo("entry-1")
    await journal.append(entry(2, uid=entry(1).uid, number_key="else"))
    await journal.append(entry(3))
    uid = entry(1).uid
    assert [_number(journal, text) for text in ("entry-1", "1", entry(3).visual_number)] == [1, 1, 3]
    assert [_number(journal, text) for text in (uid.wire, uid.reversed.upper(), "04:00:00:00:00:00:01")] == [2, 2, 2]
    assert _number(journal, "nothing like it") is None
    assert _number(journal, "9" * 40) is None


def _number(journal: Journal, text: str) -> int | None:
    record = journal.look_up(text)
    return None if record is None else record.number


async def test_the_history_tells_every_change(journal: Journal) -> None:
    """Each change of an entry is one event, oldest first, with exactly the columns that changed."""
    await journal.append(entry(1))
    await send(journal, 1, PERHAPS)
    await journal.void("entry-1", "lost")
    history = journal.history("entry-1")
    assert [change.kind for change in history] == ["paired", "attempt", "settled", "void"]
    assert json.loads(history[-1].payload) == {"mark": "void", "note": "lost"}
    assert json.loads(history[2].payload) == {
        "reservation_state": "unknown",
        "reservation_repeat": 1,
        "reservation_status": 502,
    }
    assert [change.at for change in history] == sorted(change.at for change in history)
