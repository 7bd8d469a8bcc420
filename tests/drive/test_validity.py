"""How long keys are valid: what a person writes, in the API's form."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith.drive import Reservation, Validity, validity
from tagsmith.errors import Refused
from tagsmith.wall_clock import WallClock

BERLIN = ZoneInfo("Europe/Berlin")
SOUND = WallClock(datetime(2026, 11, 28, 23, 30, tzinfo=UTC), synchronised=True)
DOUBTFUL = WallClock(SOUND.now, synchronised=False)


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        (None, None, Validity()),
        ("2026-12-01", None, Validity("2026-11-30T23:00:00.000Z")),
        (None, "2031-06-30", Validity(None, "2031-06-30T21:59:59.999Z")),
        ("2027-03-28", "2027-03-28", Validity("2027-03-27T23:00:00.000Z", "2027-03-28T21:59:59.999Z")),
        (
            "2027-01-01T08:00:00+02:00",
            "2027-01-01 07:00Z",
            Validity("2027-01-01T06:00:00.000Z", "2027-01-01T07:00:00.000Z"),
        ),
        ("2020-01-01T00:00:00.1234Z", None, Validity("2020-01-01T00:00:00.123Z")),
        ("today", None, Validity("2026-11-28T23:00:00.000Z")),
    ],
)
def test_dates_and_moments(begin: str | None, end: str | None, expected: Validity) -> None:
    """A date is a whole day of the station's zone, also one of 23 hours; a moment has its zone with it."""
    assert validity(begin, end, SOUND, BERLIN) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "tomorrow", "Today", "2027", "2027-13-01", "2027-02-30", "27-01-01", "2027-01-01T08:00", "1.1.2027"),
        *("2027-01-01T08:00:00", "2027-01-01T25:00Z", "２０２７-01-01", "2027-01-01\n", "9999-12-31T23:59:59-01:00"),
    ],
)
def test_what_is_neither_is_refused(text: str) -> None:
    """With how to write it; a moment without a zone is nobody's."""
    for begin, end in ((text, None), (None, text)):
        with pytest.raises(Refused, match="neither a date nor") as caught:
            validity(begin, end, SOUND, BERLIN)
        assert "2031-12-31" in caught.value.remedy
        assert caught.value.status is None


@pytest.mark.parametrize(
    ("begin", "end", "words"),
    [
        (None, "2026-11-27", "validTo 2026-11-27 is past"),
        (None, "2026-11-28T23:30:00Z", "is past"),
        ("2030-01-02", "2030-01-01", "does not lie after validFrom 2030-01-02"),
        ("2030-01-01T00:00:00Z", "2030-01-01T00:00:00Z", "does not lie after"),
    ],
)
def test_keys_that_would_never_work_are_refused(begin: str | None, end: str | None, words: str) -> None:
    """An end that is past, or no later than its begin; the very moment counts."""
    with pytest.raises(Refused, match=words):
        validity(begin, end, SOUND, BERLIN)


def test_today_is_asked_of_a_sound_clock_only() -> None:
    """What a doubtful one shows is never sent as a begin; a date that a person wrote is."""
    for clock in (DOUBTFUL, WallClock(datetime(1970, 1, 1, tzinfo=UTC), None)):
        with pytest.raises(Refused, match="what day it is nobody knows") as caught:
            validity("today", None, clock, BERLIN)
        assert "timedatectl" in caught.value.remedy
        assert str(clock) in caught.value.message
    assert validity("2026-12-01", None, DOUBTFUL, BERLIN).valid_from == "2026-11-30T23:00:00.000Z"
    assert validity("today", None, WallClock(SOUND.now, None), BERLIN).valid_from == "2026-11-28T23:00:00.000Z"


def test_a_doubtful_clock_is_named_where_an_end_is_past() -> None:
    """It may be the clock that is wrong, and not the end."""
    with pytest.raises(Refused) as caught:
        validity(None, "2026-11-27", DOUBTFUL, BERLIN)
    assert "2026-11-28 23:30 UTC" in caught.value.remedy


@given(st.dates(date(2026, 12, 1), date(9998, 12, 30)), st.integers(0, 400), st.sampled_from(["Europe/Berlin", "UTC"]))
def test_what_comes_out_can_be_reserved(day: date, days: int, zone: str) -> None:
    """Each validity has the API's form, and its days are whole: the next one begins a millisecond after this one."""
    last = min(day + timedelta(days=days), date(9998, 12, 31))
    found = validity(day.isoformat(), last.isoformat(), SOUND, ZoneInfo(zone))
    Reservation(uid="27b89043", visual_number="N", valid_from=found.valid_from, valid_to=found.valid_to).body(SOUND.now)
    following = validity((last + timedelta(days=1)).isoformat(), None, SOUND, ZoneInfo(zone)).valid_from
    assert found.valid_to is not None
    assert following is not None
    assert datetime.fromisoformat(following) - datetime.fromisoformat(found.valid_to) == timedelta(milliseconds=1)


def test_the_machines_own_zone_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the station's people have it on their wall."""
    import time

    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        found = validity("2027-01-01", "2027-01-01", SOUND)
    time.tzset()
    assert found == Validity("2026-12-31T15:00:00.000Z", "2027-01-01T14:59:59.999Z")
