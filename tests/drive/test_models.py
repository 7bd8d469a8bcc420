"""What is sent and what is understood, without any wire."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith.drive import ChargingKey, KeyKind, Reservation, check_user_id
from tagsmith.drive.models import parse_charging_key, parse_charging_keys
from tagsmith.errors import Refused
from tagsmith.model import KeyType

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
SAMPLE = {
    "name": "key 4390b827",
    "enabled": True,
    "keyId": "27b89043",
    "referenceId": "DE*8PS*CD0C00*2",
    "contractId": "DE-8PS-C0CD0C002-Q",
    "type": "tag",
    "validFrom": "2021-12-08T00:00:00.000Z",
    "validTo": "2031-12-08T23:59:59.000Z",
    "created": "2021-12-08T10:33:01.000Z",
    "updated": "2021-12-08T10:33:01.000Z",
}
"""The activation's answer in the API's description."""


def parsed(**changes: object) -> ChargingKey:
    """The sample with these fields changed; None takes a field out."""
    fields = {name: value for name, value in {**SAMPLE, **changes}.items() if value is not None}
    return parse_charging_key(json.dumps(fields).encode())


def test_the_body_is_compact_json_with_the_names_of_the_api() -> None:
    """The exact text is pinned: it is frozen in the journal and repeated byte by byte."""
    reservation = Reservation(
        uid="7d009d67181896",
        visual_number="ES*BA*4321EU*1",
        valid_from="2026-01-24T11:25:54.210Z",
        valid_to="2036-01-24T11:25:54.210Z",
        type=KeyType.CARD,
    )
    assert reservation.body(NOW) == (
        '{"uid":"7d009d67181896","visualNumber":"ES*BA*4321EU*1","validFrom":"2026-01-24T11:25:54.210Z",'
        '"validTo":"2036-01-24T11:25:54.210Z","type":"CARD"}'
    )


def test_what_is_not_given_is_not_sent() -> None:
    """The API's defaults are the API's: no null and no default of ours goes out."""
    assert Reservation(uid="27b89043", visual_number="A1").body() == '{"uid":"27b89043","visualNumber":"A1"}'


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=64))
def test_every_number_survives_the_body(number: str) -> None:
    """Quotes, backslashes and every script come out of the JSON as they went in, and the text is always the same."""
    reservation = Reservation(uid="27b89043", visual_number=number)
    assert json.loads(reservation.body(NOW).encode())["visualNumber"] == number
    assert reservation.body(NOW) == Reservation(uid="27b89043", visual_number=number).body(NOW)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"valid_to": "2026-01-31T11:59:59Z"}, "past"),
        ({"valid_to": "2026-01-31T12:00:00Z"}, "past"),
        ({"valid_to": "2026-01-31T13:30:00+02:00"}, "past"),
        ({"valid_from": "2030-01-01T00:00:00Z", "valid_to": "2029-01-01T00:00:00Z"}, "after validFrom"),
        ({"valid_from": "2030-01-01T00:00:00Z", "valid_to": "2030-01-01T00:00:00Z"}, "after validFrom"),
        ({"valid_to": "2036-01-24"}, "ISO datetime"),
        ({"valid_to": "2036-01-24T11:25:54"}, "with a zone"),
        ({"valid_from": "2036-13-24T11:25:54Z"}, "ISO datetime"),
        ({"valid_from": "yesterday"}, "ISO datetime"),
        ({"uid": ""}, "uid"),
        ({"uid": "27b8904"}, "uid"),
        ({"uid": "27:b8:90:43"}, "uid"),
        ({"uid": "2" * 22}, "uid"),
        ({"visual_number": ""}, "1 to 64"),
        ({"visual_number": "x" * 65}, "1 to 64"),
        ({"visual_number": "A\udcff1"}, "no text"),
    ],
)
def test_what_would_make_a_wrong_or_dead_key_is_refused_before_it_is_sent(changes: dict[str, str], words: str) -> None:
    """A reservation cannot be changed afterwards; `status` is None because nothing was sent."""
    reservation = Reservation(**{"uid": "27b89043", "visual_number": "A1", **changes})
    with pytest.raises(Refused, match=words) as caught:
        reservation.body(NOW)
    assert caught.value.status is None


def test_a_validity_that_has_begun_is_no_fault() -> None:
    """Only the end decides whether a key is dead."""
    reservation = Reservation(uid="27b89043", visual_number="A1", valid_from="2020-01-01T00:00:00Z")
    assert '"validFrom":"2020-01-01T00:00:00Z"' in reservation.body(NOW)


def test_the_sample_of_the_api_is_understood() -> None:
    """Every documented field has its own, typed place."""
    key = parsed()
    assert (key.name, key.enabled, key.key_id) == ("key 4390b827", True, "27b89043")
    assert (key.reference_id, key.contract_id, key.type) == ("DE*8PS*CD0C00*2", "DE-8PS-C0CD0C002-Q", KeyKind.TAG)
    assert key.valid_from == datetime(2021, 12, 8, tzinfo=UTC)
    assert key.valid_to == datetime(2031, 12, 8, 23, 59, 59, tzinfo=UTC)
    assert key.created == key.updated == datetime(2021, 12, 8, 10, 33, 1, tzinfo=UTC)


def test_unknown_fields_are_kept() -> None:
    """Answers may gain fields."""
    assert parsed(colour="red").model_extra == {"colour": "red"}


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("tag", KeyKind.TAG),
        ("card", KeyKind.CARD),
        ("virtual", KeyKind.VIRTUAL),
        ("plug_and_charge", KeyKind.PLUG_AND_CHARGE),
        ("TAG", KeyKind.TAG),
        ("wristband", KeyKind.UNKNOWN),
        ("", KeyKind.UNKNOWN),
    ],
)
def test_unknown_kinds_are_mapped(word: str, kind: KeyKind) -> None:
    """A new word of the API is no fault of the key."""
    assert parsed(type=word).type is kind


@pytest.mark.parametrize("missing", ["name", "referenceId", "contractId"])
def test_optional_fields_may_be_missing(missing: str) -> None:
    """Virtual keys have no reference, and names and contracts are not promised."""
    parsed(**{missing: None})


@pytest.mark.parametrize(
    "changes",
    [
        *({name: None} for name in ("enabled", "keyId", "type", "validFrom", "validTo", "created", "updated")),
        {"keyId": ""},
        {"keyId": 27},
        {"enabled": "yes"},
        {"enabled": 1},
        {"type": 5},
        {"validFrom": 1638921600},
        {"validTo": "soon"},
        {"validTo": "2031-02-30T00:00:00Z"},
    ],
)
def test_what_is_no_key_is_not_taken_for_one(changes: dict[str, object]) -> None:
    """Required fields are required, and nothing is guessed from another type."""
    with pytest.raises(ValueError):
        parsed(**changes)


@pytest.mark.parametrize(
    "text", ["", "null", "[]", '"OK"', "{", "<html>", "\ufeff{}", "[" * 100_000, '{"keys": [{}]}', '{"keys": null}']
)
def test_garbage_is_neither_a_key_nor_a_list(text: str) -> None:
    """Nothing else than ValueError comes out, however odd the bytes."""
    for parse in (parse_charging_key, parse_charging_keys):
        with pytest.raises(ValueError):
            parse(text.encode())


def test_an_error_of_a_model_does_not_show_its_input() -> None:
    """What came may be anything; a traceback is no place for it."""
    with pytest.raises(ValueError) as caught:
        parse_charging_key(b'{"keyId": "very-private"}')
    assert "very-private" not in str(caught.value)


@pytest.mark.parametrize("user_id", ["a", "Z9", "a-b._~", "x" * 255, "..", "3f2504e0-4f89-11d3-9a0c-0305e82c3301"])
def test_user_ids_of_the_api_pass(user_id: str) -> None:
    """The alphabet and the length that the API documents."""
    assert check_user_id(user_id) == user_id


@pytest.mark.parametrize("user_id", ["", "x" * 256, "a b", "a/b", "ä", "a\n", "a@b", "٣", "a%2Fb"])
def test_other_user_ids_are_refused(user_id: str) -> None:
    """Among them a trailing newline and non-ASCII digits, which looser checks let through."""
    with pytest.raises(Refused) as caught:
        check_user_id(user_id)
    assert caught.value.status is None
