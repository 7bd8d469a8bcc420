"""What a station stands on: the byte order in force, keys that are never paired, and what holds delivery back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.journal import calibration, opened
from tagsmith.config import Settings, resolve_api, settings_of
from tagsmith.journal import Journal
from tagsmith.station.delivering import Footing, footing
from tagsmith.uid import ByteOrder, Uid

PRODUCTION = "https://drive-api.plugsurfing.com/drive"
SERIAL = "serial:/dev/ttyUSB0?frame=hex-line&length=7"


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    """An empty journal."""
    with opened(tmp_path / "journal.sqlite") as journal:
        yield journal


async def stand(journal: Journal, *, production: bool = True, **sections: Any) -> Footing:
    """The footing of a station of these settings."""
    api = {"environment": "production" if production else "sandbox", "key": "k"}
    settings: Settings = settings_of(journal={"url": "sqlite:////nowhere"}, api=api, **sections)
    return await footing(journal, settings, resolve_api(settings))


async def test_production_needs_a_calibration(journal: Journal) -> None:
    """Without one nothing is sent there; elsewhere it is, in the usual order."""
    held = await stand(journal)
    assert "not confirmed" in held.hold_back
    assert held.order.order is ByteOrder.REVERSED
    assert (await stand(journal, production=False)).hold_back == ""
    assert (await stand(journal, uid={"confirmed": True})).hold_back == ""


async def test_the_calibration_is_the_order_in_force(journal: Journal) -> None:
    """It lets production run, in the order it found, and its key is never paired; another API's says nothing."""
    proof = replace(calibration(1), target=PRODUCTION, order=ByteOrder.WIRE)
    await journal.record_calibration(replace(proof, target="https://another.example"))
    assert (await stand(journal)).hold_back
    await journal.record_calibration(proof)
    found = await stand(journal)
    assert (found.order.order, found.hold_back) == (ByteOrder.WIRE, "")
    assert found.never == {proof.uid}


async def test_a_contradiction_holds_back_everywhere(journal: Journal) -> None:
    """Also where a person answers for the order: nobody knows which of the two is right."""
    await journal.record_calibration(replace(calibration(1), target=PRODUCTION, order=ByteOrder.WIRE))
    found = await stand(journal, uid={"order": "reversed", "confirmed": True})
    assert "the calibration found wire" in found.hold_back


async def test_a_reader_that_may_be_set_wrong_needs_its_own_proof(journal: Journal) -> None:
    """A serial lane that no key was laid on would turn its own pairs; a golden key proves it at every start."""
    proof = replace(calibration(1), target=PRODUCTION)
    await journal.record_calibration(proof)
    lanes = {"reader": [{"spec": "pcsc:"}, {"spec": SERIAL}]}
    assert f"{SERIAL} was never compared" in (await stand(journal, **lanes)).hold_back
    assert (await stand(journal, **lanes, calibration={"golden_key": "04a1b2c3d4e5f6"})).hold_back == ""
    await journal.record_calibration(replace(calibration(2), target=PRODUCTION, reader=SERIAL))
    assert (await stand(journal, **lanes)).hold_back == ""
    turned = {"reader": [{"spec": f"{SERIAL}&order=reversed"}]}
    assert "never compared" in (await stand(journal, **turned)).hold_back


async def test_keys_that_are_never_paired(journal: Journal) -> None:
    """Badges, the golden key, and every key of a calibration."""
    await journal.record_calibration(replace(calibration(1), target=PRODUCTION))
    keys = {"golden_key": "04a1b2c3d4e5f6", "not_for_pairing": ["04:99:99:99"]}
    found = await stand(journal, calibration=keys)
    assert found.never == {calibration(1).uid, Uid.from_hex("04a1b2c3d4e5f6"), Uid.from_hex("04999999")}
