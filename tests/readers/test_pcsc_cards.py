"""What a card's answer and its ATR say: UIDs validated, technology taken from storage cards only."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagsmith.model import Tag, Trouble
from tagsmith.readers.pcsc_cards import Unread, tag_of, technology_of
from tagsmith.uid import Technology


@settings(deadline=None)
@given(st.binary(max_size=10, min_size=1), st.sampled_from([t for t in Technology if t is not Technology.ISO15693]))
def test_a_good_answer_is_a_tag(uid: bytes, technology: Technology) -> None:
    """One to ten bytes with 9000 are the UID, as they came."""
    outcome = tag_of(uid + b"\x90\x00", technology)
    assert isinstance(outcome, Tag)
    assert (outcome.uid.data, outcome.uid.technology, outcome.raw) == (uid, technology, uid.hex())


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_nothing_else_is_a_tag(answer: bytes) -> None:
    """Any other status word or length is trouble, never a UID, and never an exception."""
    outcome = tag_of(answer, Technology.UNKNOWN)
    good = answer[-2:] == b"\x90\x00" and 3 <= len(answer) <= 12
    assert isinstance(outcome, Tag) is good


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("", "nothing"),
        ("90", "90"),
        ("9000", "0 bytes"),
        ("6a81", "6a81"),
        ("6300", "6300"),
        ("04a1b2c3d4e5f66300", "6300"),
        ("04" * 300 + "9000", "300 bytes"),
        ("04" * 11 + "9000", "11 bytes"),
    ],
)
def test_bad_answers(answer: str, why: str) -> None:
    """Torn, empty, overlong and refused answers, each with its reason for the log."""
    outcome = tag_of(bytes.fromhex(answer), Technology.UNKNOWN)
    assert isinstance(outcome, Unread)
    assert outcome.trouble is Trouble.NO_UID
    assert why in outcome.why


@pytest.mark.parametrize(
    ("answer", "wire"),
    [
        ("e004010011223344", "e004010011223344"),
        ("44332211000104e0", "e004010011223344"),
        ("e0040100112233e0", "e0040100112233e0"),
        ("0102030405060708", "0102030405060708"),
    ],
)
def test_iso15693_is_put_e0_first(answer: str, wire: str) -> None:
    """E0 is the most significant byte (ISO/IEC 15693-3); readers that deliver it last are known by it, no others."""
    outcome = tag_of(bytes.fromhex(answer) + b"\x90\x00", Technology.ISO15693)
    assert isinstance(outcome, Tag)
    assert outcome.uid.wire == wire
    assert bytes.fromhex(outcome.raw) == bytes.fromhex(answer)


@pytest.mark.parametrize(
    ("atr", "technology"),
    [
        ("3b8f8001804f0ca000000306030001000000006a", Technology.ISO14443A),  # MIFARE Classic 1K
        ("3b8f8001804f0ca0000003060300030000000068", Technology.ISO14443A),  # MIFARE Ultralight
        ("3b8f8001804f0ca0000003060700070000000068", Technology.ISO14443B),  # SRIX
        ("3b8f8001804f0ca0000003060b00140000000077", Technology.ISO15693),  # ICODE SLI
        ("3b8f8001804f0ca0000003060a0018000000007a", Technology.ISO15693),  # PicoPass, part 2
        ("3b8f8001804f0ca00000030611003b0000000042", Technology.FELICA),
        ("3b8f8001804f0ca0000003060000000000000068", Technology.UNKNOWN),  # no information given
        ("3b8180018080", Technology.UNKNOWN),  # DESFire: a processor card, of type A or B
        ("3b8f8001804f0ca000000306", Technology.UNKNOWN),  # cut short
        ("", Technology.UNKNOWN),
    ],
)
def test_technology(atr: str, technology: Technology) -> None:
    """SS in a storage card's ATR (PC/SC part 3) names the radio interface; other ATRs do not."""
    assert technology_of(bytes.fromhex(atr)) is technology
