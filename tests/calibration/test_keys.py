"""Which of a user's keys can prove something."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tagsmith.calibration.keys import KnownKey, known_keys
from tagsmith.drive import ChargingKey
from tagsmith.drive.models import parse_charging_keys

NOW = datetime(2031, 5, 6, tzinfo=UTC)


def keys(*changes: dict[str, Any]) -> list[ChargingKey]:
    """Keys as the API lists them."""
    known = {
        "name": "key 4390b827",
        "enabled": True,
        "keyId": "27B89043",
        "referenceId": "DE*8PS*1",
        "contractId": "DE-8PS-C0CD0C002-B",
        "type": "card",
        "validFrom": "2030-01-01T00:00:00.000Z",
        "validTo": "2040-01-01T00:00:00.000Z",
        "created": "2030-01-01T00:00:00.000Z",
        "updated": "2030-01-01T00:00:00.000Z",
    }
    return parse_charging_keys(json.dumps({"keys": [known | one for one in changes]}).encode())


def test_a_working_card_is_known() -> None:
    """A physical key in use keeps the id as the API wrote it, and its bytes."""
    assert known_keys(keys({}), NOW) == (
        KnownKey("27B89043", bytes.fromhex("27b89043"), "key 4390b827", "DE*8PS*1", "card"),
    )


def test_keys_without_a_chip_are_left_out() -> None:
    """Virtual keys must not be shown to people, and a vehicle's contract lies on no reader; unknown kinds may."""
    found = known_keys(keys({"type": "virtual"}, {"type": "plug_and_charge"}, {"type": "tag"}, {"type": "ring"}), NOW)
    assert [key.kind for key in found] == ["tag", "unknown"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"enabled": False}, "disabled"),
        ({"validTo": "2031-05-06T00:00:00.000Z"}, "expired on 2031-05-06"),
        ({"validFrom": "2031-05-07T00:00:00.000Z"}, "valid from 2031-05-07"),
        ({"keyId": "7b89043"}, "not a chip's"),
        ({"keyId": "DE8PS1234"}, "not a chip's"),
    ],
)
def test_a_key_that_cannot_work_proves_nothing(change: dict[str, Any], problem: str) -> None:
    """It is shown, with what keeps it from being one that works at a charger now."""
    (key,) = known_keys(keys(change), NOW)
    assert problem in key.problem


@pytest.mark.parametrize(
    ("change", "label"),
    [({}, "DE*8PS*1"), ({"referenceId": None}, "key 4390b827"), ({"referenceId": None, "name": None}, "27B89043")],
)
def test_what_a_key_is_called(change: dict[str, Any], label: str) -> None:
    """By its printed number, or its name, or its id, whatever there is."""
    (key,) = known_keys(keys(change), NOW)
    assert key.label == label
