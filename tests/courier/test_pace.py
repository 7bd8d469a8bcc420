"""Limiter, undo window and gate: when a request may leave. All on a clock of the test's own."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith.courier.gate import DOWN_PAUSES, SILENT_STREAK, Gate
from tagsmith.courier.holds import Holds
from tagsmith.courier.limiter import WINDOW_S, Limiter
from tagsmith.courier.policy import LIMIT_STREAK, Reach

NOON = datetime(2031, 5, 6, 12, 0, 30, tzinfo=UTC)
STEPS = st.lists(st.floats(0, 40), min_size=1, max_size=200)


# --- limiter -----------------------------------------------------------------------------------------------------


@given(st.integers(1, 8), STEPS)
def test_no_minute_holds_more_than_allowed(per_minute: int, steps: list[float]) -> None:
    """Whoever sends only when told to never has more than the limit in any window, wherever it begins."""
    limiter, now, sent = Limiter(per_minute), 1000.0, []
    for step in steps:
        now += step
        if limiter.wait_s(now) == 0:
            limiter.take(now)
            sent.append(now)
    for first in sent:
        assert sum(first <= at < first + 60 for at in sent) <= per_minute


@given(st.integers(1, 8), STEPS)
def test_the_wait_is_enough_and_not_more(per_minute: int, steps: list[float]) -> None:
    """After the wait that was named a request may leave; with room left there is none to name."""
    limiter, now = Limiter(per_minute), 1000.0
    for count, step in enumerate(steps):
        now += step
        wait_s = limiter.wait_s(now)
        assert 0 <= wait_s <= WINDOW_S + 1e-6
        if count < per_minute:
            assert wait_s == 0
        now += wait_s
        assert limiter.wait_s(now) == pytest.approx(0, abs=1e-6)
        limiter.take(now)


def test_requests_about_to_leave_count() -> None:
    """Requests that were let go and have not left yet take their places."""
    limiter = Limiter(3)
    assert limiter.wait_s(0.0, ahead=2) == 0
    assert limiter.wait_s(0.0, ahead=3) == WINDOW_S
    limiter.take(0.0)
    assert limiter.wait_s(1.0, ahead=1) == 0
    assert limiter.wait_s(1.0, ahead=2) == WINDOW_S - 1.0
    assert limiter.wait_s(1.0, ahead=7) == WINDOW_S


def test_a_limit_of_nothing_is_a_mistake() -> None:
    """A limit of no requests would stand still for ever."""
    with pytest.raises(ValueError, match="at least one"):
        Limiter(0)


# --- undo window -------------------------------------------------------------------------------------------------


@given(st.floats(0, 100), st.lists(st.tuples(st.floats(0, 30), st.integers(0, 3)), min_size=1, max_size=60))
def test_no_entry_is_ripe_before_its_window_has_passed(hold_s: float, sightings: list[tuple[float, int]]) -> None:
    """An entry is ripe just when its window has passed since it was first seen, however the sightings come."""
    holds, now, newest = Holds(hold_s), 0.0, 0
    seen_at: dict[int, float] = {}
    for step, more in sightings:
        now += step
        for number in range(newest + 1, newest + more + 1):
            seen_at[number] = now
        newest += more
        assert holds.seen(newest, now) == (more > 0)
        assert holds.newest == newest
        ripe = max((number for number, at in seen_at.items() if at + hold_s <= now), default=0)
        assert holds.ripe(now) == ripe
        waiting = [at + hold_s for number, at in seen_at.items() if number > ripe]
        assert holds.next_at() == min(waiting, default=math.inf)


def test_an_older_number_has_been_seen_with_a_newer_one() -> None:
    """Commits are numbered in order, so an older one that is told of later is no news."""
    holds = Holds(10.0)
    holds.seen(7, 1.0)
    assert not holds.seen(5, 2.0)
    assert holds.ripe(11.0) == 7


def test_what_is_remembered_is_bounded_by_the_window() -> None:
    """Also for a courier that stands by for weeks and never asks."""
    holds = Holds(10.0)
    for number in range(1, 5000):
        holds.seen(number, float(number))
    assert len(holds._sightings) < 15


# --- gate --------------------------------------------------------------------------------------------------------


def learn(gate: Gate, reach: Reach, now: float, sent_at: float | None = None, **fields: float) -> None:
    gate.learn(reach, sent_at=now if sent_at is None else sent_at, now=now, utcnow=NOON, trouble="its words", **fields)


def test_open_at_first() -> None:
    """Nothing known is no reason to wait, with any number under way."""
    gate = Gate(random.Random(1))
    assert gate.wait_s(0.0, 0) == gate.wait_s(0.0, 7) == 0
    assert gate.trouble() == ""
    assert not gate.given_up(0.0)


def test_an_api_that_cannot_be_reached_costs_probes() -> None:
    """One failure to connect pauses everything; afterwards one request alone tries, until an answer comes."""
    gate = Gate(random.Random(1))
    learn(gate, Reach.UNREACHABLE, 100.0)
    wait_s = gate.wait_s(100.0, 0)
    assert 0 < wait_s <= 0.5
    assert gate.wait_s(101.0, 0) == 0
    assert gate.wait_s(101.0, 1) == math.inf
    assert "its words" in gate.trouble()
    learn(gate, Reach.ANSWERS, 102.0)
    assert gate.wait_s(102.0, 3) == 0
    assert gate.trouble() == ""


def test_one_bad_entry_is_no_outage() -> None:
    """Requests without an answer pause nothing as long as others are answered in between."""
    gate = Gate(random.Random(1))
    for second in range(50):
        for _ in range(SILENT_STREAK - 1):
            learn(gate, Reach.SILENT, float(second))
            assert gate.wait_s(float(second), 3) == 0
        learn(gate, Reach.ANSWERS, float(second))


def test_several_without_an_answer_are_an_outage() -> None:
    """So many in a row pause everything, with one probe after each pause, and pauses that grow."""
    gate, now = Gate(random.Random(1)), 0.0
    for _ in range(SILENT_STREAK):
        assert gate.wait_s(now, 3) == 0
        learn(gate, Reach.SILENT, now)
    pauses = []
    for _ in range(40):
        pauses.append(gate.wait_s(now, 0))
        now += pauses[-1]
        assert gate.wait_s(now, 0) == 0
        assert gate.wait_s(now, 1) == math.inf
        learn(gate, Reach.SILENT, now)
    assert pauses[0] <= 0.5
    assert 20 < max(pauses) <= 60
    assert gate.given_up(now)


def test_requests_that_failed_together_fail_once() -> None:
    """Four that were under way when the API went away make one pause, not four."""
    gate = Gate(random.Random(1))
    learn(gate, Reach.UNREACHABLE, 10.0, sent_at=9.0)
    until = gate.wait_s(10.0, 0)
    for _ in range(DOWN_PAUSES):
        learn(gate, Reach.UNREACHABLE, 10.0, sent_at=9.5)
        learn(gate, Reach.SILENT, 10.0, sent_at=9.5)
    assert gate.wait_s(10.0, 0) == until
    assert not gate.given_up(10.0)


def test_a_late_answer_shows_that_the_api_is_there() -> None:
    """An answer ends an outage also when its request is from before."""
    gate = Gate(random.Random(1))
    learn(gate, Reach.UNREACHABLE, 10.0)
    learn(gate, Reach.ANSWERS, 10.1, sent_at=8.0)
    assert gate.wait_s(10.1, 5) == 0


def test_a_limit_pauses_to_the_next_minute() -> None:
    """After a 429 nothing leaves until the limit opens; then one goes first."""
    gate = Gate(random.Random(1))
    learn(gate, Reach.LIMITED, 100.0)
    assert 30 <= gate.wait_s(100.0, 0) <= 35
    assert "limits requests" in gate.trouble()
    assert gate.wait_s(136.0, 1) == math.inf
    learn(gate, Reach.ANSWERS, 136.0)
    assert gate.wait_s(136.0, 3) == 0
    assert gate.trouble() == ""


def test_an_answer_from_before_does_not_lift_a_limit() -> None:
    """Of four requests under way one may still be answered after another got 429."""
    gate = Gate(random.Random(1))
    learn(gate, Reach.LIMITED, 100.0, retry_after_s=20.0)
    learn(gate, Reach.ANSWERS, 100.1, sent_at=99.0)
    assert gate.wait_s(101.0, 0) >= 19
    assert gate.wait_s(125.0, 1) == math.inf


def test_limits_that_came_together_count_once_and_the_longest_holds() -> None:
    """Four 429 in one moment are one; the longest Retry-After holds."""
    gate = Gate(random.Random(1))
    for asked_s in (5.0, 50.0, 10.0, 20.0):
        learn(gate, Reach.LIMITED, 100.0, sent_at=99.0, retry_after_s=asked_s)
    assert 50 <= gate.wait_s(100.0, 0) <= 51
    assert not gate.given_up(100.0)


def test_when_a_limit_is_not_worth_waiting_for() -> None:
    """Whoever cannot wait for ever gives up after several limits in a row, or at one that opens much later."""
    gate, now = Gate(random.Random(1)), 0.0
    for _ in range(LIMIT_STREAK):
        assert not gate.given_up(now)
        learn(gate, Reach.LIMITED, now)
        now += gate.wait_s(now, 0)
    assert gate.given_up(now)
    far = Gate(random.Random(1))
    learn(far, Reach.LIMITED, 0.0, retry_after_s=3600.0)
    assert far.given_up(0.0)
