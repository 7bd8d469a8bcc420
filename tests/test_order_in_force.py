"""Which byte order pairs are made for, and how sure that is."""

from __future__ import annotations

import pytest

from tagsmith.uid import ByteOrder, OrderInForce, settle_order

REVERSED, WIRE = ByteOrder.REVERSED, ByteOrder.WIRE


@pytest.mark.parametrize(
    ("configured", "recorded", "order", "confirmed"),
    [
        (None, None, REVERSED, False),
        (WIRE, None, WIRE, False),
        (REVERSED, None, REVERSED, False),
        (None, WIRE, WIRE, True),
        (None, REVERSED, REVERSED, True),
        (WIRE, WIRE, WIRE, True),
        (REVERSED, REVERSED, REVERSED, True),
    ],
)
def test_the_order_in_force(
    configured: ByteOrder | None, recorded: ByteOrder | None, order: ByteOrder, confirmed: bool
) -> None:
    """Reversed by default, as the settings say, as the calibration found; only a calibration confirms anything."""
    assert settle_order(configured, recorded) == OrderInForce(order, confirmed)


@pytest.mark.parametrize(("configured", "recorded"), [(WIRE, REVERSED), (REVERSED, WIRE)])
def test_a_contradiction_is_a_conflict(configured: ByteOrder, recorded: ByteOrder) -> None:
    """What was proved is taken for new pairs, but nothing counts as confirmed, and both orders are named."""
    found = settle_order(configured, recorded)
    assert (found.order, found.confirmed) == (recorded, False)
    assert f"UIDs {configured}" in found.conflict
    assert f"found {recorded}" in found.conflict
