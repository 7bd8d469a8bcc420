"""lines/framing_twn4.py: answers of Elatec's Simple Protocol."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagsmith.lines.framing_twn4 import ISO14443A, SEARCH_TAG, Answer, answer

FOUND = b"0001803807" + b"04A1B2C3D4E5F6"


def test_the_question_is_search_tag() -> None:
    """API 05, function 00, at most 16 bytes of ID, CR."""
    assert SEARCH_TAG == b"050010\r"


def test_answers_are_read() -> None:
    """A tag with its type and ID, in either case; or none, which is an answer, too."""
    assert answer(FOUND) == Answer(ISO14443A, bytes.fromhex("04a1b2c3d4e5f6"))
    assert answer(FOUND.lower()) == answer(FOUND)
    assert answer(b"0001490003" + b"010203") is None
    assert answer(b"0001491A04" + b"808001C0") == Answer(0x49, bytes.fromhex("808001c0"))
    assert answer(b"0000") == Answer()


@pytest.mark.parametrize(
    "line",
    [b"", b"00", b"01", b"0001", b"000180", b"0001803807", b"0001003807" + b"04A1B2C3D4E5F6", b"0100", FOUND + b"00"],
)
def test_what_is_no_answer_is_none(line: bytes) -> None:
    """Error codes, beginnings of answers, a tag without a type, and more bytes than announced."""
    assert answer(line) is None


@given(st.integers(0, len(FOUND)), st.integers(0, len(FOUND)))
@settings(max_examples=150, deadline=None)
def test_an_answer_that_lost_bytes_is_none(start: int, size: int) -> None:
    """Wherever bytes are missing, lengths contradict each other; nothing missing is the true answer."""
    rest = FOUND[:start] + FOUND[start + size :]
    assert answer(rest) == (answer(FOUND) if rest == FOUND else None)
