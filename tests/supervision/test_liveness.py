"""What counts as alive, on times that a test gives."""

from __future__ import annotations

import pytest

from tagsmith.supervision.liveness import PUMP_AT_LEAST_S, PUMP_S, Beat, alive, late, pump_limit_s


def test_all_must_turn_within_their_own_limits() -> None:
    """One that is late is enough, and is named; the limit itself is in time."""
    beats = [Beat("reader", 100.0, 15.0), Beat("journal", 80.0, 60.0)]
    assert alive(115.0, beats)
    assert not alive(115.1, beats)
    assert late(115.1, beats) == ("reader",)
    assert late(141.0, beats) == ("reader", "journal")
    assert alive(0.0, [])


@pytest.mark.parametrize(
    ("watchdog_s", "limit_s"), [(None, PUMP_S), (30.0, PUMP_S), (8.0, 8.0), (0.5, PUMP_AT_LEAST_S)]
)
def test_the_manager_s_patience_shortens_ours(watchdog_s: float | None, limit_s: float) -> None:
    """But never below what a pump that waits for a key takes."""
    assert pump_limit_s(watchdog_s) == limit_s
