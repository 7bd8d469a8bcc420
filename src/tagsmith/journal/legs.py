"""What may become of a delivery: one table, and the moves it allows. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tagsmith.errors import IllegalTransition
from tagsmith.model import Leg, LegState, Settlement

MOVES: Final[dict[LegState, frozenset[LegState]]] = {
    # Wanted later: a reserved key gets its user.
    LegState.NONE: frozenset({LegState.HELD}),
    # In doubt without an attempt: where the journal is a copy, another may have sent it.
    LegState.HELD: frozenset({LegState.SENDING, LegState.UNKNOWN}),
    LegState.QUEUED: frozenset({LegState.SENDING, LegState.UNKNOWN}),
    LegState.SENDING: frozenset({LegState.DONE, LegState.REFUSED, LegState.QUEUED, LegState.UNKNOWN}),
    LegState.DONE: frozenset(),
    # Only a person brings back what was refused.
    LegState.REFUSED: frozenset({LegState.QUEUED}),
    # Sent again only while `repeat` is set; without it, it waits for a person. Else by evidence or a person's word.
    LegState.UNKNOWN: frozenset({LegState.SENDING, LegState.DONE, LegState.REFUSED, LegState.QUEUED}),
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
    if leg.state is not LegState.SENDING:
        raise IllegalTransition(f"a delivery that is {leg.state} has no attempt under way")
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


def retry(leg: Leg) -> Leg:
    """The leg as a person has it sent again, with the body it had: what was refused, or is in doubt and waits.

    Raises:
        IllegalTransition: it is neither.
    """
    if leg.state is LegState.UNKNOWN and not leg.repeat:
        # Still in doubt: a refusal of the next attempt proves nothing either.
        return replace(leg, repeat=True, message="a person has it asked for again")
    if leg.state is not LegState.REFUSED:
        raise IllegalTransition(f"a delivery that is {leg.state} is not brought back")
    return replace(_move(leg, LegState.QUEUED), status=None, message="a person has it sent again")


def doubt(leg: Leg) -> Leg:
    """The leg that another copy of the journal may have sent: to be asked for, and judged as a repetition.

    Raises:
        IllegalTransition: nothing of it is left to send.
    """
    if leg.state not in (LegState.HELD, LegState.QUEUED):
        raise IllegalTransition(f"a delivery that is {leg.state} is not put in doubt")
    words = "perhaps sent from another copy of this journal; will be asked for"
    return replace(_move(leg, LegState.UNKNOWN), repeat=True, message=words)


def renew(leg: Leg) -> Leg:
    """The leg with something of what it says corrected: it is sent (again) with a body that is still to be made.

    Raises:
        IllegalTransition: the API has perhaps taken it as it was.
    """
    match leg.state:
        case LegState.NONE:
            return _move(leg, LegState.HELD)
        case LegState.REFUSED:
            return replace(
                _move(leg, LegState.QUEUED), body=None, status=None, message="corrected by a person, sent again"
            )
        case LegState.HELD | LegState.QUEUED if not leg.repeat:
            return replace(leg, body=None)
        case _:
            raise IllegalTransition(
                f"a delivery that is {leg.state} is not corrected: the API perhaps has it as it was"
            )


def resolve(leg: Leg, settlement: Settlement) -> Leg:
    """The leg in doubt as evidence, or a person's word, settles it: done, refused, or never processed (`queued`).

    With `unknown` the doubt stays, and `repeat` and the words are those of the settlement.

    Raises:
        IllegalTransition: nothing about it is in doubt, or it cannot end so.
    """
    if leg.state is not LegState.UNKNOWN:
        raise IllegalTransition(f"a delivery that is {leg.state} has nothing to be resolved")
    settled = replace(leg, repeat=settlement.repeat, status=settlement.status, message=settlement.message)
    if settlement.state is LegState.UNKNOWN:
        return settled
    if settlement.state is LegState.SENDING:
        raise IllegalTransition("a doubt does not end in an attempt")
    return replace(_move(settled, settlement.state), repeat=False)


def _move(leg: Leg, state: LegState) -> Leg:
    """The one place where a state changes.

    Raises:
        IllegalTransition: the table does not have the move.
    """
    if state not in MOVES[leg.state]:
        raise IllegalTransition(f"a delivery that is {leg.state} does not become {state}")
    return replace(leg, state=state)
