"""The outcome tables: complete over what httpx can raise and HTTP can answer, and honest about what is proved."""

from __future__ import annotations

import inspect
import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith.drive.outcomes import (
    EXCEPTIONS,
    MAX_TEXT,
    Answer,
    TooLong,
    garbled,
    of_answer,
    of_exception,
    own_words,
    printable,
    retry_after_s,
    says_reserved,
    shortened,
)
from tagsmith.errors import DriveError, NotProcessed, OutcomeUnknown, Refused, Unauthorised

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
PROVED = {
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.InvalidURL,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.ProxyError,
}
"""Everything that proves "not sent", and nothing else does."""
OF_HTTPX = {found for found in vars(httpx).values() if inspect.isclass(found) and issubclass(found, Exception)}


def test_the_table_has_every_exception_of_httpx() -> None:
    """A class that a new httpx adds fails here, and is judged by a person."""
    assert set(EXCEPTIONS) - OF_HTTPX == {Exception, TimeoutError, TooLong}
    assert OF_HTTPX - set(EXCEPTIONS) == set()


@pytest.mark.parametrize("kind", sorted(EXCEPTIONS, key=lambda kind: kind.__name__))
def test_only_what_is_proved_not_sent_is_not_processed(kind: type[Exception]) -> None:
    """The list of proofs is written twice, so that no row slips."""
    expected = NotProcessed if kind in PROVED else OutcomeUnknown
    assert EXCEPTIONS[kind].outcome is expected
    error = kind.__new__(kind)
    found = of_exception(error, "detail")
    assert type(found) is expected
    assert found.status is None
    assert found.message


def test_an_exception_nobody_foresaw_is_unknown() -> None:
    """Also one of a class that stands nowhere in the table."""
    assert type(of_exception(ZeroDivisionError("x"))) is OutcomeUnknown


def expected_of(status: int) -> type[DriveError]:
    """The rules in words of their own: 429 not processed, 401/403 unauthorised, 4xx but 408 refused, else unknown."""
    if status == 429:
        return NotProcessed
    if status in (401, 403):
        return Unauthorised
    return Refused if 400 <= status < 500 and status != 408 else OutcomeUnknown


def test_every_status_has_an_outcome() -> None:
    """No status ends in a KeyError, and each error carries what came."""
    for status in range(100, 1000):
        found = of_answer(Answer(status, b"", "the words", 7.0))
        assert type(found) is expected_of(status)
        assert (found.status, found.text) == (status, "the words")
        assert "the words" in found.message
        assert getattr(found, "retry_after_s", None) == (7.0 if status == 429 else None)


def test_a_garbled_answer_keeps_its_status_and_words() -> None:
    """So that a person can see what stood there instead."""
    found = garbled(Answer(201, b"<html>", "<html>"), "a receipt")
    assert (type(found), found.status, found.text) == (OutcomeUnknown, 201, "<html>")


@pytest.mark.parametrize(
    "body", [b"", b" \r\n", b"OK", b"ok\n", b"Created", b"{}", b"null", b"[]", b'"OK"', b'{"uid": "27b89043"}', b"201"]
)
def test_bodies_a_201_may_have(body: bytes) -> None:
    """None is documented: empty, JSON or the bare word are taken."""
    assert says_reserved(body)


@pytest.mark.parametrize(
    "body",
    [b"<html></html>", b"OK!", b"\xff\xfe", b"{", b'{"uid": ', b"NaN", b"\x00", b"Please log in", b"[" * 100_000],
)
def test_bodies_a_201_may_not_have(body: bytes) -> None:
    """Whatever wrote these is not the API, so nothing is reserved."""
    assert not says_reserved(body)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"message": "Key taken", "code": "E1"}, "Key taken"),
        ({"error": "Key taken"}, "Key taken"),
        ({"code": "KEY_TAKEN"}, "KEY_TAKEN"),
        ({"code": 17}, "17"),
        ({"error": {"message": "deep"}}, "deep"),
        ({"message": ["uid must be hex", "type is wrong"], "error": "Bad Request"}, "uid must be hex; type is wrong"),
        ({"message": "", "error": None, "code": "E2"}, "E2"),
        ({"message": True, "code": "E3"}, "E3"),
        ("just words", "just words"),
        ({"detail": "elsewhere"}, '{"detail": "elsewhere"}'),
    ],
)
def test_the_apis_own_words_are_found(body: object, words: str) -> None:
    """Best effort, because no error body is documented; else the text as it came."""
    assert own_words(json.dumps(body).encode()) == words


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.text() | st.floats() | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["message", "error", "code", "x"]), inner),
    ).map(lambda value: json.dumps(value).encode())
)
def test_any_body_becomes_short_printable_words(body: bytes) -> None:
    """Nothing that comes off the wire raises, or reaches a screen with control characters."""
    shown = shortened(printable(own_words(body)))
    assert len(shown) <= MAX_TEXT
    assert shown.isprintable()


def test_words_are_stripped_of_what_could_drive_a_terminal() -> None:
    """Escape sequences, line ends, bidirectional and zero-width characters become blanks, and blanks collapse."""
    assert printable("a\x1b[31mb\r\nc\u202ed\u200be\x9b f") == "a [31mb c d e f"


def test_shortened_text_shows_that_it_is_cut() -> None:
    """At the limit it is whole; beyond it ends in an ellipsis within the limit."""
    assert shortened("x" * MAX_TEXT) == "x" * MAX_TEXT
    assert shortened("x" * (MAX_TEXT + 1)) == "x" * (MAX_TEXT - 1) + "…"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("Sat, 31 Jan 2026 12:01:30 GMT", 90.0),
        ("Saturday, 31-Jan-26 12:01:30 GMT", 90.0),
        ("Sat Jan 31 12:01:30 2026", 90.0),
        ("Sat, 31 Jan 2026 11:00:00 GMT", 0.0),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(header: str, seconds: float) -> None:
    """Both forms of RFC 9110, all three ways of writing a date; one that is past means now."""
    assert retry_after_s(header, "", NOW) == seconds


@pytest.mark.parametrize(
    "header",
    ["", "-5", "1.5", "1e3", "inf", "nan", "²", "٣", "9999999999", "soon", "Sat, 99 Jan 2026 12:00:00 GMT", "5, 6"],
)
def test_nonsense_in_retry_after_is_ignored(header: str) -> None:
    """It is then as if the API had said nothing."""
    assert retry_after_s(header, "", NOW) is None


def test_a_date_is_measured_by_the_servers_clock() -> None:
    """A station whose clock is an hour off still waits 30 s; a nonsense Date falls back to its own clock."""
    until = "Sat, 31 Jan 2026 12:00:30 GMT"
    wrong = NOW - timedelta(hours=1)
    assert retry_after_s(until, "Sat, 31 Jan 2026 12:00:00 GMT", wrong) == 30.0
    assert retry_after_s(until, "nonsense", NOW) == 30.0


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_header_breaks_retry_after(header: str, date: str) -> None:
    """Any text gives a number of seconds from 0 up, or None."""
    seconds = retry_after_s(header, date, NOW)
    assert seconds is None or seconds >= 0.0


@given(
    st.from_regex(r"[A-Z][a-z]{2}, [0-9]{1,3} [A-Z][a-z]{2} [0-9]{1,5} [0-9]{1,3}(:[0-9]{1,3}){1,3} ?[-+A-Z0-9]{0,6}")
)
def test_no_date_breaks_retry_after(header: str) -> None:
    """Dates that are almost right neither."""
    seconds = retry_after_s(header, header, NOW)
    assert seconds is None or seconds >= 0.0
