"""What follows from what the API answered: the rules of delivery. Pure: no clock of its own, no I/O.

Owns the judgement of one outcome (`decide`), which leg of an entry is next (`next_leg`) and how long to wait
(`backoff_s`, `limit_pause_s`). Never sends, never writes, never counts.

The rules, for either leg:

    outcome              no unknown outcome behind it        an earlier outcome was unknown
    confirmed            done                                done
    refused              refused, with the API's words       unknown, for a person: perhaps the earlier one was done
    unknown              unknown, repeated                   unknown, repeated
    not processed        queued, tried again                 unknown, repeated
    unauthorised         queued; delivery stops              unknown, repeated; delivery stops
    another key's id     unknown, for a person, alarm        unknown, for a person, alarm       (activation only)
    409, in use          unknown, looked up                  unknown, looked up                 (activation only)

An activation in doubt is never just repeated: the user's key list is looked at first (`judge_look`), which proves it
where it shows the key. Where it does not, and the API said 409, the key is in use and not by this user: refused. Else
it is sent (again), and what the API then refuses is refused.

The API has no way to read a reservation and no idempotency key, and does not document what a duplicate answers. So a
refusal after an unknown outcome may be the refusal of a duplicate: it proves nothing either way.
"""

from __future__ import annotations

import enum
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tagsmith.drive import ChargingKey, Receipt, Reservation
from tagsmith.errors import DriveError, NotProcessed, Refused, Unauthorised
from tagsmith.model import Entry, Leg, LegName, LegState, Record, Settlement
from tagsmith.uid import ByteOrder

BACKOFF_BASE_S = 0.5
BACKOFF_CAP_S = 60.0

LIMIT_STREAK = 3
"""So many 429 in a row, each in a minute of its own, mean that more than the minute is used up: perhaps the day."""
LIMIT_PROBE_MIN = 15
"""Minutes between probes at the longest while the day's limit seems used up."""
LIMIT_JITTER_S = 5.0
"""Stations that share a key must not all come back in the same instant."""
RETRY_AFTER_CAP_S = 86_400.0
"""The longest limit the API documents is the UTC day; a longer `Retry-After` is a mistake."""


class Reach(enum.Enum):
    """What one outcome says about the API as a whole."""

    ANSWERS = enum.auto()
    """It understood a request and answered it, with yes or no."""
    SILENT = enum.auto()
    """A request went out and no answer came that can be trusted."""
    UNREACHABLE = enum.auto()
    """No connection was made."""
    LIMITED = enum.auto()
    """429: nothing more is wanted for a while."""
    KEY_REJECTED = enum.auto()
    """401 or 403: nothing more is to be sent with this key."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from one outcome.

    `delay_s` is how long this leg waits for its next try; None: this process does not try it again.
    `retry_after_s` is what the API asked for with a 429, if it did. `trouble` is what to say while the API as a whole
    is not to be spoken to, `alarm` is for a person, at once.
    """

    settlement: Settlement
    reach: Reach
    delay_s: float | None = None
    retry_after_s: float | None = None
    trouble: str = ""
    alarm: str = ""


CONFLICT = 409
_IN_USE = "the key is in use already"

_OPEN_STATES = (LegState.HELD, LegState.QUEUED)
_PERHAPS = {LegName.RESERVATION: "perhaps reserved", LegName.ACTIVATION: "perhaps activated"}


def is_open(leg: Leg) -> bool:
    """Whether something is left to send for this leg: never attempted, not processed, or unknown and to be repeated."""
    return leg.state in _OPEN_STATES or (leg.state is LegState.UNKNOWN and leg.repeat)


def unknown_before(leg: Leg) -> bool:
    """Whether an attempt of this leg has already ended unknown, so that a refusal of the next proves nothing.

    `repeat` outlives attempts that were not processed.
    """
    return leg.state is LegState.UNKNOWN or leg.repeat


def leg_of(record: Record, name: LegName) -> Leg:
    """The leg of this name."""
    return record.reservation if name is LegName.RESERVATION else record.activation


def next_leg(record: Record) -> LegName | None:
    """Which leg is to be sent next; None when nothing is left, or a person has to decide first.

    The activation comes only after a confirmed reservation.
    """
    if record.mark is not None:
        return None
    if is_open(record.reservation):
        return LegName.RESERVATION
    if record.reservation.state is LegState.DONE and is_open(record.activation):
        return LegName.ACTIVATION
    return None


def is_misordered(record: Record, order: ByteOrder | None) -> bool:
    """Whether a pair that the API certainly does not hold would be sent in an order not in force: it would never work.

    Attempts that were proved not processed change nothing. What the API may hold must go on, to be found out. A UID
    that reads the same both ways is right in either order; None means that nobody asks.
    """
    uid, leg = record.entry.uid, record.reservation
    if order is None or uid == uid.turned or leg.repeat or leg.state not in (LegState.HELD, LegState.QUEUED):
        return False
    return record.entry.uid_order is not order


def can_be_undone(record: Record, name: LegName) -> bool:
    """Whether this leg is the first request of its entry: the undo window applies only before that."""
    return name is LegName.RESERVATION and record.reservation.state is LegState.HELD


def first_body(entry: Entry, name: LegName, now: datetime | None = None) -> str:
    """The exact text of a first attempt; an activation says everything in its path and has no body.

    `now` (aware; the machine's own time where it is not given) decides whether a validity has ended.

    Raises:
        Refused: the entry cannot be sent as it is, such as one whose validity has ended.
    """
    if name is LegName.ACTIVATION:
        return ""
    return Reservation(
        uid=entry.uid_api,
        visual_number=entry.visual_number,
        valid_from=entry.valid_from,
        valid_to=entry.valid_to,
        type=entry.key_type,
    ).body(now)


def decide(
    name: LegName,
    *,
    unknown_before: bool,
    outcome: Receipt | ChargingKey | DriveError,
    uid: str,
    tries: int,
    rng: random.Random,
) -> Decision:
    """Judge one outcome of one leg.

    `unknown_before`: an earlier attempt of this leg ended unknown (also one cut short by a crash). `uid` is the text
    that was sent, `tries` counts this process's attempts of the leg, this one included.
    """
    match outcome:
        case Receipt():
            return Decision(Settlement(LegState.DONE, status=outcome.status), Reach.ANSWERS)
        case ChargingKey():
            return _activated(outcome, uid)
        case Unauthorised():
            return Decision(
                _open_again(name, unknown_before, outcome),
                Reach.KEY_REJECTED,
                trouble=str(outcome),
                alarm=f"delivery stopped: {_words(outcome)}",
            )
        case NotProcessed():
            limited = outcome.status is not None
            return Decision(
                _open_again(name, unknown_before, outcome),
                Reach.LIMITED if limited else Reach.UNREACHABLE,
                delay_s=backoff_s(tries, rng),
                retry_after_s=outcome.retry_after_s,
                trouble=str(outcome),
            )
        case Refused() if name is LegName.ACTIVATION and outcome.status == CONFLICT:
            message = f"{_IN_USE}; the user's keys are looked at: {_words(outcome)}"
            settlement = Settlement(LegState.UNKNOWN, repeat=True, status=CONFLICT, message=message)
            return Decision(settlement, Reach.ANSWERS, delay_s=0.0)
        case Refused() if unknown_before:
            message = f"{_PERHAPS[name]}: an attempt had no answer, and its repetition was refused: {_words(outcome)}"
            return Decision(Settlement(LegState.UNKNOWN, status=outcome.status, message=message), Reach.ANSWERS)
        case Refused():
            return Decision(Settlement(LegState.REFUSED, status=outcome.status, message=_words(outcome)), Reach.ANSWERS)
        case _:  # OutcomeUnknown, and whatever else may have reached the API
            return Decision(_unknown(name, outcome), Reach.SILENT, delay_s=backoff_s(tries, rng), trouble=str(outcome))


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at the user's keys says of an activation in doubt.

    `settlement` is None where the key is not among them and the activation is to be sent (again).
    """

    settlement: Settlement | None
    alarm: str = ""


def judge_look(record: Record, keys: Sequence[ChargingKey]) -> Look:
    """Judge an activation in doubt by the keys that its user has."""
    entry, leg = record.entry, record.activation
    for key in keys:
        same_uid = key.key_id.lower() == entry.uid_api.lower()
        if same_uid and key.reference_id in (None, entry.visual_number):
            message = "found among the user's keys"
            return Look(Settlement(LegState.DONE, status=200, message=message, contract_id=key.contract_id))
        if same_uid or key.reference_id == entry.visual_number:
            message = (
                f"the user has another pair: keyId {key.key_id[:64]!r} with number {(key.reference_id or '')[:80]!r},"
                f" {entry.uid_api} was reserved with {entry.visual_number!r}; check both before handing out"
            )
            return Look(Settlement(LegState.UNKNOWN, status=leg.status, message=message), alarm=message)
    if leg.status == CONFLICT:
        message = f"{_IN_USE}, and not by this user: {leg.message}"
        return Look(Settlement(LegState.REFUSED, status=CONFLICT, message=message))
    return Look(None)


def not_sent(name: LegName, *, unknown_before: bool, message: str) -> Settlement:
    """The settlement of an attempt that was recorded and then not sent at all."""
    if unknown_before:
        return Settlement(LegState.UNKNOWN, repeat=True, message=f"{_PERHAPS[name]}; will be repeated")
    return Settlement(LegState.QUEUED, message=message)


def backoff_s(tries: int, rng: random.Random, *, cap_s: float = BACKOFF_CAP_S) -> float:
    """Full jitter: anything from 0 to 0.5 s doubled with each try after the first, at most `cap_s`."""
    # The exponent is bounded because a station may try for weeks, and 2.0 ** 1024 overflows.
    return rng.uniform(0.0, min(cap_s, BACKOFF_BASE_S * 2.0 ** min(max(tries - 1, 0), 32)))


def limit_pause_s(retry_after_s: float | None, *, streak: int, utcnow: datetime, rng: random.Random) -> float:
    """Seconds without sending after a 429, the `streak`-th in a row (from 1). `utcnow` is aware UTC.

    `Retry-After` where it came, else the next clock minute, when the minute's limit opens again. From the third in a
    row on, the day's limit is suspected: minutes between probes double up to a quarter of an hour, and never reach
    beyond 00:00 UTC, when the day's limit opens.
    """
    if retry_after_s is not None:
        # An API that says "0" again and again is not to be stormed.
        return max(min(retry_after_s, RETRY_AFTER_CAP_S), backoff_s(streak, rng)) + rng.uniform(0.0, 1.0)
    minutes = 1 if streak < LIMIT_STREAK else min(2 ** min(streak - LIMIT_STREAK + 1, 8), LIMIT_PROBE_MIN)
    into_minute_s = utcnow.second + utcnow.microsecond / 1e6
    to_midnight_s = 86_400.0 - (utcnow.hour * 3600 + utcnow.minute * 60 + into_minute_s)
    return min(60.0 * minutes - into_minute_s, to_midnight_s) + rng.uniform(0.0, LIMIT_JITTER_S)


def _activated(key: ChargingKey, uid: str) -> Decision:
    """The API confirmed an activation; of this very key, or of another one."""
    if key.key_id.lower() == uid.lower():
        return Decision(Settlement(LegState.DONE, status=200, contract_id=key.contract_id), Reach.ANSWERS)
    # What another key's answer says is not recorded as a fact of this one: no contract id.
    came = repr(key.key_id[:64])
    message = (
        f"the API activated another key: keyId {came} came back, {uid} was reserved; check both before handing out"
    )
    return Decision(Settlement(LegState.UNKNOWN, status=200, message=message), Reach.ANSWERS, alarm=message)


def _open_again(name: LegName, unknown_before: bool, error: DriveError) -> Settlement:
    """Proved not processed: as before the attempt, but an unknown outcome stays unknown."""
    if unknown_before:
        return _unknown(name, error)
    return Settlement(LegState.QUEUED, status=error.status, message=_words(error))


def _unknown(name: LegName, error: DriveError) -> Settlement:
    message = f"{_PERHAPS[name]}; will be repeated: {_words(error)}"
    return Settlement(LegState.UNKNOWN, repeat=True, status=error.status, message=message)


def _words(error: DriveError) -> str:
    """What happened, with the API's own words where it sent any."""
    return f"{error.message}: {error.text}" if error.text and error.text not in error.message else error.message
