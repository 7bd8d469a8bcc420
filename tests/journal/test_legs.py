"""The table of what may become of a delivery."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith.errors import IllegalTransition
from tagsmith.journal import legs
from tagsmith.model import Leg, LegState, Settlement

OUTCOMES = (LegState.DONE, LegState.REFUSED, LegState.QUEUED, LegState.UNKNOWN)


def leg(state: LegState, *, repeat: bool = False) -> Leg:
    """A leg of this state that was attempted where the state says so."""
    if state in (LegState.NONE, LegState.HELD):
        return Leg(state)
    return Leg(state, attempts=1, attempt_id="first", body="body", repeat=repeat)


def test_the_table_has_a_row_for_every_state() -> None:
    """No state is forgotten, and nothing leads away from what is done."""
    assert set(legs.MOVES) == set(LegState)
    assert {state for state, moves in legs.MOVES.items() if not moves} == {LegState.DONE}


@pytest.mark.parametrize(("state", "repeat"), list(itertools.product(LegState, (False, True))))
def test_only_what_never_succeeded_is_attempted(state: LegState, repeat: bool) -> None:
    """An attempt starts from held, queued, or unknown that is to be repeated; from everywhere else it is illegal."""
    before = leg(state, repeat=repeat)
    allowed = state in (LegState.HELD, LegState.QUEUED) or (state is LegState.UNKNOWN and repeat)
    assert legs.sendable(before) is allowed
    if not allowed:
        with pytest.raises(IllegalTransition):
            legs.attempt(before, "second", "body")
        return
    after = legs.attempt(before, "second", "body")
    assert after == Leg(LegState.SENDING, before.attempts + 1, "second", "body", repeat=before.repeat)


@pytest.mark.parametrize(("state", "outcome"), list(itertools.product(LegState, LegState)))
def test_only_an_attempt_under_way_is_settled(state: LegState, outcome: LegState) -> None:
    """From sending to done, refused, queued or unknown, and no other way; what stands so already stays."""
    before = leg(state)
    settlement = Settlement(outcome)
    if state is LegState.SENDING and outcome in OUTCOMES:
        assert legs.settle(before, "first", settlement).state is outcome
    elif state is outcome and outcome in OUTCOMES:
        assert legs.settle(before, "first", settlement) is before
    else:
        with pytest.raises(IllegalTransition):
            legs.settle(before, "first", settlement)


def test_another_body_is_never_sent() -> None:
    """The first attempt freezes the body: a repetition with another one is illegal."""
    with pytest.raises(IllegalTransition):
        legs.attempt(leg(LegState.QUEUED), "second", "another body")


def test_a_past_attempt_settles_nothing() -> None:
    """An answer to an attempt that is not the current one is illegal, even while another is under way."""
    with pytest.raises(IllegalTransition):
        legs.settle(leg(LegState.SENDING), "zeroth", Settlement(LegState.DONE))


def test_the_same_settlement_again_changes_nothing() -> None:
    """A settlement whose answer was lost can be repeated; another one for the same attempt is illegal."""
    settlement = Settlement(LegState.UNKNOWN, repeat=True, status=502, message="Bad Gateway")
    settled = legs.settle(leg(LegState.SENDING), "first", settlement)
    assert legs.settle(settled, "first", settlement) is settled
    with pytest.raises(IllegalTransition):
        legs.settle(settled, "first", Settlement(LegState.DONE))


def test_a_doubt_outlives_what_was_not_processed() -> None:
    """After unknown, an attempt that was not processed leaves the doubt; only done, refused or a person ends it."""
    unknown = legs.settle(leg(LegState.SENDING), "first", Settlement(LegState.UNKNOWN, repeat=True))
    again = legs.attempt(unknown, "second", "body")
    assert again.repeat
    queued = legs.settle(again, "second", Settlement(LegState.QUEUED, status=429))
    assert queued.repeat
    last = legs.attempt(queued, "third", "body")
    assert not legs.settle(last, "third", Settlement(LegState.DONE)).repeat
    assert not legs.settle(last, "third", Settlement(LegState.REFUSED)).repeat
    assert not legs.settle(last, "third", Settlement(LegState.UNKNOWN, repeat=False)).repeat


@pytest.mark.parametrize("state", list(LegState))
def test_only_an_attempt_under_way_is_interrupted(state: LegState) -> None:
    """What was being sent when the program ended is unknown and to be repeated; nothing else is touched."""
    if state is LegState.SENDING:
        after = legs.interrupt(leg(state))
        assert (after.state, after.repeat, after.attempt_id, after.body) == (LegState.UNKNOWN, True, "first", "body")
    else:
        with pytest.raises(IllegalTransition):
            legs.interrupt(leg(state))


@given(
    start=st.sampled_from([LegState.NONE, LegState.HELD]),
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("attempt"), st.sampled_from(["body", "other"])),
            st.tuples(st.just("interrupt"), st.none()),
            st.tuples(
                st.just("settle"),
                st.builds(Settlement, state=st.sampled_from(LegState), repeat=st.booleans()),
            ),
        )
    ),
)
def test_no_sequence_leaves_the_table(start: LegState, steps: list[tuple[str, object]]) -> None:
    """Whatever is tried in whatever order, every change of state is one that the table has."""
    current = Leg(start)
    for number, (step, value) in enumerate(steps):
        try:
            match step:
                case "attempt":
                    after = legs.attempt(current, f"attempt {number}", str(value))
                case "settle":
                    assert isinstance(value, Settlement)
                    after = legs.settle(current, current.attempt_id or "none", value)
                case _:
                    after = legs.interrupt(current)
        except IllegalTransition:
            continue
        assert after == current or after.state in legs.MOVES[current.state]
        assert after.attempts >= current.attempts
        assert current.body in (None, after.body)
        current = after


@pytest.mark.parametrize(("state", "repeat"), list(itertools.product(LegState, (False, True))))
def test_a_person_brings_back_what_was_refused_or_waits_in_doubt(state: LegState, repeat: bool) -> None:
    """A retry queues what was refused and has a doubt asked for again, with the body as it was; nothing else moves."""
    before = leg(state, repeat=repeat)
    if state is LegState.REFUSED:
        after = legs.retry(before)
        assert (after.state, after.body) == (LegState.QUEUED, "body")
    elif state is LegState.UNKNOWN and not repeat:
        after = legs.retry(before)
        assert (after.state, after.repeat, after.body) == (LegState.UNKNOWN, True, "body")
    else:
        with pytest.raises(IllegalTransition):
            legs.retry(before)


@pytest.mark.parametrize(("state", "repeat"), list(itertools.product(LegState, (False, True))))
def test_only_what_the_api_has_not_is_corrected(state: LegState, repeat: bool) -> None:
    """A correction makes a new body where the API certainly has nothing; never where it perhaps has it."""
    before = leg(state, repeat=repeat)
    open_, refused = state in (LegState.HELD, LegState.QUEUED) and not before.repeat, state is LegState.REFUSED
    if state is LegState.NONE or open_ or refused:
        after = legs.renew(before)
        assert after.body is None
        assert after.state is {LegState.NONE: LegState.HELD, LegState.REFUSED: LegState.QUEUED}.get(state, state)
    else:
        with pytest.raises(IllegalTransition):
            legs.renew(before)


@pytest.mark.parametrize(("state", "outcome"), list(itertools.product(LegState, LegState)))
def test_only_a_doubt_is_resolved(state: LegState, outcome: LegState) -> None:
    """Evidence ends a doubt in done, refused or queued, or leaves it one; it changes nothing that is not in doubt."""
    before = leg(state)
    settlement = Settlement(outcome, status=200, message="seen")
    if state is LegState.UNKNOWN and outcome in OUTCOMES:
        after = legs.resolve(before, settlement)
        assert (after.state, after.message, after.attempts) == (outcome, "seen", 1)
    else:
        with pytest.raises(IllegalTransition):
            legs.resolve(before, settlement)


@pytest.mark.parametrize("state", LegState)
def test_only_what_is_left_to_send_is_put_in_doubt(state: LegState) -> None:
    """What another copy of the journal may have sent is asked for as after a lost answer."""
    if state in (LegState.HELD, LegState.QUEUED):
        after = legs.doubt(leg(state))
        assert (after.state, after.repeat) == (LegState.UNKNOWN, True)
        assert legs.sendable(after)
    else:
        with pytest.raises(IllegalTransition):
            legs.doubt(leg(state))
