"""The rules of delivery: every leg, every outcome, with and without an unknown outcome before."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courier.fakes import charging_key, entry
from tagsmith.courier import policy
from tagsmith.courier.policy import Decision, Reach, decide
from tagsmith.drive import Receipt
from tagsmith.errors import DriveError, NotProcessed, OutcomeUnknown, Refused, Unauthorised
from tagsmith.model import KeyType, Leg, LegName, LegState, Mark, Record

UID = "27b89043"

OUTCOMES = {
    "unreachable": NotProcessed("no connection to the API"),
    "limited": NotProcessed("the API asks to wait (429)", status=429, retry_after_s=7.0),
    "unauthorised": Unauthorised("the API turned the key away (401)", status=401),
    "forbidden": Unauthorised("the API forbids this (403)", status=403),
    "bad": Refused("the API refused this (400: no such luck)", status=400, text="no such luck"),
    "conflict": Refused("the API refused this (409: taken)", status=409, text="taken"),
    "not found": Refused("the API refused this (404)", status=404),
    "gone": Refused("the API refused this (410)", status=410),
    "not sent": Refused("it holds bytes that are no text"),
    "failed": OutcomeUnknown("the API failed (500)", status=500),
    "no answer": OutcomeUnknown("the API did not answer in time"),
    "strange": DriveError("an outcome of a kind nobody foresaw"),
}

FRESH = {
    "unreachable": (LegState.QUEUED, False, True, Reach.UNREACHABLE),
    "limited": (LegState.QUEUED, False, True, Reach.LIMITED),
    "unauthorised": (LegState.QUEUED, False, False, Reach.KEY_REJECTED),
    "forbidden": (LegState.QUEUED, False, False, Reach.KEY_REJECTED),
    "bad": (LegState.REFUSED, False, False, Reach.ANSWERS),
    "conflict": (LegState.REFUSED, False, False, Reach.ANSWERS),
    "not found": (LegState.REFUSED, False, False, Reach.ANSWERS),
    "gone": (LegState.REFUSED, False, False, Reach.ANSWERS),
    "not sent": (LegState.REFUSED, False, False, Reach.ANSWERS),
    "failed": (LegState.UNKNOWN, True, True, Reach.SILENT),
    "no answer": (LegState.UNKNOWN, True, True, Reach.SILENT),
    "strange": (LegState.UNKNOWN, True, True, Reach.SILENT),
}
"""outcome → (state, to be repeated, tried again by itself, what it says of the API)"""

AFTER_UNKNOWN = {
    name: (LegState.UNKNOWN, state is not LegState.REFUSED, again, reach)
    for name, (state, _, again, reach) in FRESH.items()
}
"""After an unknown outcome nothing but a confirmation makes it known: only a refusal ends the repeating."""


def judge(name: LegName, outcome: object, *, unknown_before: bool, tries: int = 1) -> Decision:
    return decide(name, unknown_before=unknown_before, outcome=outcome, uid=UID, tries=tries, rng=random.Random(3))


@pytest.mark.parametrize("name", LegName)
@pytest.mark.parametrize("unknown_before", [False, True])
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_every_failure(name: LegName, unknown_before: bool, outcome: str) -> None:
    """Each failure leads to the state, the repetition and the news of the API that the table names."""
    error = OUTCOMES[outcome]
    decision = judge(name, error, unknown_before=unknown_before)
    state, repeat, again, reach = (AFTER_UNKNOWN if unknown_before else FRESH)[outcome]
    if name is LegName.ACTIVATION and outcome == "conflict":
        # Whose it is shows among the user's keys, which are looked at next.
        state, repeat, again = LegState.UNKNOWN, True, True
    assert (decision.settlement.state, decision.settlement.repeat) == (state, repeat)
    assert (decision.delay_s is not None) == again
    assert decision.reach is reach
    assert decision.settlement.status == error.status
    assert error.message in decision.settlement.message
    assert bool(decision.alarm) == (reach is Reach.KEY_REJECTED)
    assert bool(decision.trouble) == (reach is not Reach.ANSWERS)


@pytest.mark.parametrize("unknown_before", [False, True])
def test_confirmed(unknown_before: bool) -> None:
    """A receipt or the right charging key is the only thing that makes a leg done, whatever was before."""
    reserved = judge(LegName.RESERVATION, Receipt(201, "OK"), unknown_before=unknown_before)
    assert (reserved.settlement.state, reserved.settlement.status) == (LegState.DONE, 201)
    activated = judge(LegName.ACTIVATION, charging_key(UID.upper()), unknown_before=unknown_before)
    assert activated.settlement.state is LegState.DONE
    assert activated.settlement.contract_id == "DE-8PS-27B89043"
    for decision in (reserved, activated):
        assert (decision.delay_s, decision.alarm, decision.reach) == (None, "", Reach.ANSWERS)


@pytest.mark.parametrize("unknown_before", [False, True])
@pytest.mark.parametrize("came", ["4390b827", "27b890", "27b8904300", "\x1b[31m" + "f" * 500])
def test_another_key_was_activated(came: str, unknown_before: bool) -> None:
    """Another key's id is an alarm that names both; nothing is repeated, and no contract id is taken from it."""
    decision = judge(LegName.ACTIVATION, charging_key(came), unknown_before=unknown_before)
    assert (decision.settlement.state, decision.settlement.repeat) == (LegState.UNKNOWN, False)
    assert decision.settlement.contract_id is None
    assert decision.delay_s is None
    assert UID in decision.alarm
    assert repr(came[:64]) in decision.alarm
    assert decision.settlement.message == decision.alarm
    assert decision.alarm.isprintable()
    assert len(decision.alarm) < 300


def test_the_words_of_a_refusal() -> None:
    """The API's own words stand in the record, once; after an unknown outcome with what they leave open."""
    refused = judge(LegName.RESERVATION, OUTCOMES["bad"], unknown_before=False).settlement
    assert refused.message == "the API refused this (400: no such luck)"
    said = Refused("the API refused this", status=400, text="no such luck")
    assert judge(LegName.RESERVATION, said, unknown_before=False).settlement.message.endswith(": no such luck")
    perhaps = judge(LegName.RESERVATION, OUTCOMES["conflict"], unknown_before=True).settlement
    assert perhaps.message.startswith("perhaps reserved")
    assert "409: taken" in perhaps.message
    assert judge(LegName.ACTIVATION, OUTCOMES["not found"], unknown_before=True).settlement.message.startswith(
        "perhaps activated"
    )


def test_a_retry_after_is_passed_on() -> None:
    """What the API asked for reaches the gate."""
    assert judge(LegName.RESERVATION, OUTCOMES["limited"], unknown_before=False).retry_after_s == 7.0


@pytest.mark.parametrize("unknown_before", [False, True])
def test_recorded_and_not_sent(unknown_before: bool) -> None:
    """An attempt that was not sent leaves the leg open, and an unknown outcome unknown."""
    settlement = policy.not_sent(LegName.RESERVATION, unknown_before=unknown_before, message="not sent")
    expected = (LegState.UNKNOWN, True) if unknown_before else (LegState.QUEUED, False)
    assert (settlement.state, settlement.repeat) == expected


# --- which leg is next -------------------------------------------------------------------------------------------

_LEGS = st.builds(Leg, state=st.sampled_from(LegState), repeat=st.booleans())


@given(_LEGS, _LEGS, st.sampled_from([None, *Mark]))
def test_next_leg(reservation: Leg, activation: Leg, mark: Mark | None) -> None:
    """A leg is next only if it is open and nothing was marked; the activation only when the reservation is done."""
    record = Record(1, entry(1), reservation, activation, mark)
    name = policy.next_leg(record)
    if name is None:
        reservable = policy.is_open(reservation)
        activable = reservation.state is LegState.DONE and policy.is_open(activation)
        assert mark is not None or not (reservable or activable)
        return
    assert mark is None
    leg = policy.leg_of(record, name)
    assert leg.state in (LegState.HELD, LegState.QUEUED) or (leg.state is LegState.UNKNOWN and leg.repeat)
    assert name is LegName.RESERVATION or reservation.state is LegState.DONE
    assert policy.can_be_undone(record, name) == (name is LegName.RESERVATION and reservation.state is LegState.HELD)


@given(_LEGS)
def test_unknown_before(leg: Leg) -> None:
    """An unknown outcome is remembered in the record: by the state, or by `repeat` after an attempt not processed."""
    assert policy.unknown_before(leg) == (leg.state is LegState.UNKNOWN or leg.repeat)


def test_first_body() -> None:
    """The first body says what the entry says, in the API's words; an activation has none."""
    one = replace(entry(1), key_type=KeyType.CARD, visual_number='N "1" é')
    assert policy.first_body(one, LegName.RESERVATION) == (
        '{"uid":"01000000000004","visualNumber":"N \\"1\\" é","type":"CARD"}'
    )
    assert policy.first_body(one, LegName.ACTIVATION) == ""


def test_an_entry_that_has_become_worthless_has_no_body() -> None:
    """An entry whose validity has ended is refused before anything is sent."""
    with pytest.raises(Refused, match="past"):
        policy.first_body(replace(entry(1), valid_to="2001-01-01T00:00:00Z"), LegName.RESERVATION)


# --- how long to wait --------------------------------------------------------------------------------------------


@given(st.integers(-5, 5000), st.integers(0, 2**32), st.floats(0.1, 100))
def test_backoff(tries: int, seed: int, cap_s: float) -> None:
    """Full jitter: never beyond the doubled base, never beyond the cap, never negative, at any number of tries."""
    delay_s = policy.backoff_s(tries, random.Random(seed), cap_s=cap_s)
    assert 0 <= delay_s <= min(cap_s, 0.5 * 2.0 ** min(max(tries - 1, 0), 40))


def test_backoff_uses_its_whole_range() -> None:
    """Stations that failed together spread over the whole interval."""
    rng = random.Random(5)
    delays = [policy.backoff_s(50, rng) for _ in range(500)]
    assert min(delays) < 5
    assert max(delays) > 55


_MOMENTS = st.datetimes(datetime(2030, 1, 1), datetime(2032, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))


@given(_MOMENTS, st.integers(1, policy.LIMIT_STREAK - 1), st.integers(0, 2**32))
def test_the_minute_limit(moment: datetime, streak: int, seed: int) -> None:
    """Without Retry-After sending goes on just after the next clock minute begins."""
    pause_s = policy.limit_pause_s(None, streak=streak, utcnow=moment, rng=random.Random(seed))
    next_minute = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
    assert -1e-6 <= pause_s - (next_minute - moment).total_seconds() <= policy.LIMIT_JITTER_S + 1e-6


@given(_MOMENTS, st.integers(policy.LIMIT_STREAK, 10_000), st.integers(0, 2**32))
def test_the_day_limit(moment: datetime, streak: int, seed: int) -> None:
    """Several 429 in a row are taken for the day's limit: probes grow rare, and midnight UTC is never slept through."""
    pause_s = policy.limit_pause_s(None, streak=streak, utcnow=moment, rng=random.Random(seed))
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    assert 0 <= pause_s <= (midnight - moment).total_seconds() + policy.LIMIT_JITTER_S + 1e-6
    assert pause_s <= policy.LIMIT_PROBE_MIN * 60 + policy.LIMIT_JITTER_S
    if (midnight - moment).total_seconds() > 120:
        assert pause_s > 60


@given(_MOMENTS, st.integers(1, 100), st.floats(0, 1e9), st.integers(0, 2**32))
def test_retry_after(moment: datetime, streak: int, asked_s: float, seed: int) -> None:
    """Retry-After is honoured up to a day, whatever the clock shows."""
    pause_s = policy.limit_pause_s(asked_s, streak=streak, utcnow=moment, rng=random.Random(seed))
    wanted_s = min(asked_s, 86_400.0)
    assert wanted_s <= pause_s <= max(wanted_s, 60.0) + 1.0
