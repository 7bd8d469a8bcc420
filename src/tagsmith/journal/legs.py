"""What may become of a delivery: one table, and the four moves it allows. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tagsmith.errors import IllegalTransition
from tagsmith.model import Leg, LegState, Settlement

MOVES: Final[dict[LegState, frozenset[LegState]]] = {
    LegState.NONE: frozenset(),
    LegState.HELD: frozenset({LegState.SENDING}),
    LegState.QUEUED: frozenset({LegState.SENDING}),
    LegState.SENDING: frozenset({LegState.DONE, LegState.REFUSED, LegState.QUEUED, LegState.UNKNOWN}),
    LegState.DONE: frozenset(),
    LegState.REFUSED: frozenset(),
    # Only while `repeat` is set; without it an unknown leg waits for a person.
    LegState.UNKNOWN: frozenset({LegState.SENDING}),
}
"""Where a leg may go from each state; everything else is an `IllegalTransition`."""


def sendable(leg: Leg) -> bool:
    """Whether the next attempt may be made."""
    return LegState.SENDING in MOVES[leg.state] and (leg.state is not LegState.UNKNOWN or leg.repeat)


def attempt(leg: Leg, attempt_id: str, body: str) -> Leg:
    """The leg as an attempt is about to be sent. The first one freezes the body.

    `repeat` stays as it was: set, it says that an earlier attempt's outcome is unknown, which the answer to this one
    must be judged by.

    Raises:
        IllegalTransition: no attempt may be made now, or not with another body than the first time.
    """
    if not sendable(leg):
        raise IllegalTransition(f"a delivery that is {leg.state} is not sent")
    if leg.body is not None and leg.body != body:
        raise IllegalTransition("a delivery is repeated with the same body or not at all")
    return replace(_move(leg, LegState.SENDING), attempts=leg.attempts + 1, attempt_id=attempt_id, body=body)


def settle(leg: Leg, attempt_id: str, settlement: Settlement) -> Leg:
    """The leg after its attempt; the same leg where just this was settled before (its answer may have been lost).

    `repeat` outlives an attempt that was not processed: that settles nothing about the one before.

    Raises:
        IllegalTransition: the attempt is not the current one, is settled otherwise, or cannot end so.
    """
    if leg.attempt_id != attempt_id:
        raise IllegalTransition("this attempt is not the current one")
    if settlement.state not in MOVES[LegState.SENDING]:
        raise IllegalTransition(f"an attempt does not end as {settlement.state}")
    match settlement.state:
        case LegState.UNKNOWN:
            repeat = settlement.repeat
        case LegState.QUEUED:
            repeat = settlement.repeat or leg.repeat
        case _:
            repeat = False
    settled = replace(leg, state=settlement.state, repeat=repeat, status=settlement.status, message=settlement.message)
    if settled == leg:
        return leg
    _move(leg, settlement.state)
    return settled


def interrupt(leg: Leg) -> Leg:
    """The leg whose attempt was under way when the program ended: perhaps sent, to be asked again.

    Raises:
        IllegalTransition: no attempt is under way.
    """
    if leg.state is not LegState.SENDING:
        raise IllegalTransition(f"a delivery that is {leg.state} was not interrupted")
    return replace(
        _move(leg, LegState.UNKNOWN), repeat=True, status=None, message="interrupted while it was being sent"
    )


def _move(leg: Leg, state: LegState) -> Leg:
    """The one place where a state changes.

    Raises:
        IllegalTransition: the table does not have the move.
    """
    if state not in MOVES[leg.state]:
        raise IllegalTransition(f"a delivery that is {leg.state} does not become {state}")
    return replace(leg, state=state)
