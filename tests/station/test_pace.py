"""Pace and yield, by the clock that is given."""

from __future__ import annotations

import pytest

from tagsmith.station.pace import BUCKET_S, Pace


def test_rates_are_of_the_last_hour_oldest_first() -> None:
    """Twelve buckets; what is older than an hour is gone, and an idle station falls to nothing."""
    pace = Pace()
    for at in (10.0, 20.0, BUCKET_S + 1, 11 * BUCKET_S):
        pace.paired(f"key-{at}", f"N-{at}", at)
    assert pace.rates(11 * BUCKET_S + 1) == (2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)
    assert pace.rates(12 * BUCKET_S) == (1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0)
    assert pace.rates(100 * BUCKET_S) == (0,) * 12


def test_what_is_left_takes_as_long_as_the_last_keys_did() -> None:
    """By the pace of the last ten minutes; without one nobody can say."""
    pace = Pace()
    assert pace.left_s(10, 0.0) is None
    for turn in range(6):
        pace.paired(f"key-{turn}", f"N-{turn}", turn * 10.0)
    assert pace.left_s(30, 50.0) == pytest.approx(300.0)
    assert pace.left_s(None, 50.0) is None
    assert pace.left_s(0, 50.0) == 0.0
    assert pace.left_s(30, 10_000.0) is None


def test_the_yield_counts_keys_not_tries() -> None:
    """A key that was undone, put aside, or paired at its second try was none at the first; nameless ones count too."""
    pace = Pace()
    assert pace.first_pass_yield is None
    for number in range(4):
        pace.paired(f"key-{number}", f"N-{number}", 0.0)
    assert pace.first_pass_yield == 1.0
    pace.undone("key-0")
    pace.paired("key-0", "N-0", 1.0)
    assert pace.first_pass_yield == 3 / 4
    pace.put_aside("", "N-1")
    assert pace.first_pass_yield == 2 / 4
    pace.put_aside("", "")
    assert pace.first_pass_yield == 2 / 5
    pace.begin()
    assert pace.first_pass_yield is None
