"""Which faults strike, how often, and when a limit opens again."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from tagsmith.sandbox.armed import Faults

NOW = datetime(2026, 1, 31, 23, 59, 30, tzinfo=UTC)


def drawn(faults: Faults, count: int, endpoint: str = "reserve") -> list[bool]:
    """Of so many requests, which were struck."""
    return [bool(faults.draw(endpoint, NOW).words) for _ in range(count)]


def test_a_fault_strikes_its_own_endpoint_as_often_as_ordered() -> None:
    """After those that it skips; then it is no longer in force, and is still counted."""
    faults = Faults(["reserve:500 x2 skip=1"])
    assert drawn(faults, 3, "activate") == [False] * 3
    assert drawn(faults, 5) == [False, True, True, False, False]
    assert faults.listed == ()
    assert faults.counts == {"reserve:500 x2 skip=1": 2}


def test_a_star_strikes_every_endpoint() -> None:
    """One after the other, on one count."""
    faults = Faults(["*:500 x2"])
    assert [drawn(faults, 1, name) for name in ("reserve", "order", "receipt")] == [[True], [True], [False]]


def test_chance_is_the_same_at_every_run() -> None:
    """Drawn from the seed alone: another fault beside it changes nothing, another seed does."""
    first = drawn(Faults(["reserve:500 p=0.2 seed=7"]), 1000)
    beside = Faults(["activate:404 p=0.5 seed=1", "reserve:500 p=0.2 seed=7"])
    found = []
    for _ in range(1000):
        beside.draw("activate", NOW)
        found += drawn(beside, 1)
    assert found == first
    assert drawn(Faults(["reserve:500 p=0.2 seed=8"]), 1000) != first
    assert 150 < sum(first) < 250


def test_the_first_one_strikes_and_pauses_add_up() -> None:
    """One that had no turn keeps its count."""
    faults = Faults(["*:latency=1s", "reserve:cut-after x1", "reserve:503 x1", "*:latency-after=2s x1"])
    first, second, third = (faults.draw("reserve", NOW) for _ in range(3))
    assert (first.before_s, first.after_s) == (1, 2)
    assert first.words == "*:latency=1s, reserve:cut-after x1, *:latency-after=2s x1"
    assert second.fault is not None
    assert (second.before_s, second.after_s, second.fault.status) == (1, 0, 503)
    assert third.fault is None
    assert faults.draw("order", NOW).before_s == 1


@pytest.mark.parametrize(("spec", "window"), [("*:limit=3/min retry-after", 60), ("*:limit=3/day retry-after", 86_400)])
def test_a_limit_opens_with_the_clock(spec: str, window: int) -> None:
    """At the next clock minute or at 00:00 UTC, however few seconds those are away; what is refused does not count."""
    faults = Faults([spec])

    def at(passed_s: float) -> tuple[bool, int | None]:
        struck = faults.draw("reserve", NOW + timedelta(seconds=passed_s))
        return struck.fault is None, struck.retry_after_s

    assert [at(0) for _ in range(5)] == [(True, None)] * 3 + [(False, 30)] * 2
    assert at(29.9) == (False, 1)
    assert [at(30) for _ in range(4)] == [(True, None)] * 3 + [(False, window)]
    assert at(30 + window)[0]


def test_a_limit_counts_what_other_faults_strike_and_says_nothing_unasked() -> None:
    """The API counts requests, not successes; without `retry-after` there is none, as the API documents none."""
    faults = Faults(["reserve:500 x2", "reserve:limit=3/min"])
    struck = [faults.draw("reserve", NOW) for _ in range(4)]
    assert Counter(str(one.fault) for one in struck) == {"reserve:500 x2": 2, "None": 1, "reserve:limit=3/min": 1}
    assert struck[-1].retry_after_s is None


def test_faults_are_taken_back_one_by_one_or_all() -> None:
    """By their numbers, which are never given again."""
    faults = Faults(["reserve:500", "activate:500"])
    assert (faults.clear(1), faults.clear(1)) == (1, 0)
    assert [(one.id, str(one.fault)) for one in faults.listed] == [(2, "activate:500")]
    assert faults.add("order:500") == 3
    assert faults.clear() == 2
    assert faults.listed == ()


def test_what_a_duplicate_or_a_handshake_is_to_be_strikes_nothing_else() -> None:
    """They are asked for where there is a duplicate or a handshake, and only then are they used up."""
    faults = Faults(["*:duplicate=201 x1", "tls:expired x1"])
    assert not any(drawn(faults, 3))
    assert [faults.duplicate_status() for _ in range(2)] == [201, None]
    assert [faults.handshake() for _ in range(2)] == ["expired", None]
