"""What the sandbox takes for a reservation, and what it says of everything else."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith.sandbox.rules import Problem, Wanted, check_user_id, reservation

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
GOOD = {"uid": "27b89043", "visualNumber": "DE*8PS*CD0C00*2"}


def asked(fields: object, content_type: str = "application/json") -> Wanted:
    """A request with this body."""
    return reservation(content_type, json.dumps(fields).encode(), NOW)


def test_defaults_are_those_of_the_description() -> None:
    """From this day for ten years, whole days as in the API's sample; the type has no consequence."""
    wanted = asked(GOOD)
    assert wanted == Wanted(
        "27b89043",
        "DE*8PS*CD0C00*2",
        datetime(2026, 1, 31, tzinfo=UTC),
        datetime(2036, 1, 31, 23, 59, 59, tzinfo=UTC),
        "TAG",
    )


def test_everything_that_is_given_is_taken() -> None:
    """Zones are turned into UTC; a leap day has its tenth anniversary on the 28th."""
    wanted = asked(
        {**GOOD, "validFrom": "2027-05-01T02:00:00+02:00", "validTo": "2028-01-24T11:25:54.210Z", "type": "CARD"}
    )
    assert wanted.valid_from == datetime(2027, 5, 1, tzinfo=UTC)
    assert wanted.valid_to == datetime(2028, 1, 24, 11, 25, 54, 210_000, tzinfo=UTC)
    assert wanted.type == "CARD"
    leap = asked({**GOOD, "validFrom": "2028-02-29T00:00:00Z"})
    assert leap.valid_to == datetime(2038, 2, 28, tzinfo=UTC)


@pytest.mark.parametrize("uid", ["27b89043", "7d009d67181896", "7D009D67181896", "e004010012345678", "0" * 20])
def test_uids_of_every_chip_are_taken(uid: str) -> None:
    """4, 7, 8 and 10 bytes, in either case."""
    assert asked({**GOOD, "uid": uid}).uid == uid


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_json_may_say_its_charset(content_type: str) -> None:
    """Media types are compared without case and parameters."""
    asked(GOOD, content_type)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"uid": None}, "uid must be a string"),
        ({"uid": 27}, "uid must be a string"),
        ({"uid": ""}, "uid"),
        ({"uid": "27b8904"}, "uid"),
        ({"uid": "27b890"}, "uid"),
        ({"uid": "27b8904312"}, "uid"),
        ({"uid": "27:b8:90:43"}, "uid"),
        ({"uid": "27b8904g"}, "uid"),
        ({"uid": "27b89043\n"}, "uid"),
        ({"uid": "٢7b89043"}, "uid"),
        ({"visualNumber": ""}, "visualNumber"),
        ({"visualNumber": " "}, "visualNumber"),
        ({"visualNumber": "x" * 65}, "visualNumber"),
        ({"visualNumber": "a\x1bb"}, "visualNumber"),
        ({"visualNumber": ["a"]}, "visualNumber must be a string"),
        ({"type": "tag"}, "type"),
        ({"type": None}, "type"),
        ({"validFrom": "2026-01-24"}, "validFrom"),
        ({"validFrom": "2026-01-24T11:25:54"}, "validFrom"),
        ({"validFrom": "9995-01-01T00:00:00Z"}, "validFrom"),
        ({"validFrom": "0001-01-01T00:00:00+01:00"}, "validFrom"),
        ({"validTo": "soon"}, "validTo"),
        ({"validTo": "2026-01-30T00:00:00Z"}, "validTo"),
        ({"validTo": "2026-01-31T11:00:00Z"}, "in the future"),
        ({"validFrom": "2022-01-24T11:25:54.210Z", "validTo": "2022-01-24T11:25:54.210Z"}, "after validFrom"),
        ({"visual_number": "A1"}, "'visual_number' is no field"),
        ({"valid": True}, "'valid' is no field"),
    ],
)
def test_a_fault_is_named(changes: dict[str, object], words: str) -> None:
    """Each is a 400 that names the field; among them the API's own sample, whose key would be expired when made."""
    with pytest.raises(Problem, match=words) as caught:
        asked({**GOOD, **changes})
    assert caught.value.status == 400


@pytest.mark.parametrize("name", ["uid", "visualNumber"])
def test_what_is_required_is_missed(name: str) -> None:
    """By its name."""
    with pytest.raises(Problem, match=f"{name} is required"):
        asked({field: value for field, value in GOOD.items() if field != name})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"{",
        b"{'uid': 1}",
        b"\xff",
        b'{"uid": NaN}',
        b"[" * 100_000,
        b'{"uid": "27b89043", "uid": "27b89044", "visualNumber": "A1"}',
    ],
)
def test_what_is_no_plain_object_is_refused(body: bytes) -> None:
    """Among them a field that comes twice, of which another parser might take the other."""
    with pytest.raises(Problem, match="body") as caught:
        reservation("application/json", body, NOW)
    assert caught.value.status == 400


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx"])
def test_another_content_type_is_refused(content_type: str) -> None:
    """Even when the body happens to be JSON."""
    with pytest.raises(Problem, match="Content-Type"):
        asked(GOOD, content_type)


@given(st.binary(max_size=300) | st.dictionaries(st.sampled_from([*GOOD, "validFrom", "validTo", "type"]), st.text()))
def test_nothing_but_a_problem_is_raised(body: bytes | dict[str, str]) -> None:
    """Whatever a client sends is answered, never a crash."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with contextlib.suppress(Problem):
        reservation("application/json", raw, NOW)


@pytest.mark.parametrize("user_id", ["", "x" * 256, "a b", "a/b", "ä", "a\n"])
def test_user_ids_that_cannot_be_are_refused(user_id: str) -> None:
    """A 400, not the 404 of a user that does not exist."""
    with pytest.raises(Problem) as caught:
        check_user_id(user_id)
    assert caught.value.status == 400
