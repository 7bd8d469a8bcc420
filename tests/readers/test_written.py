"""readers/serial_uid.py: how UIDs are written on a serial line, to the last digit."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagsmith.errors import UidError
from tagsmith.model import Tag, Trouble
from tagsmith.readers.serial_uid import (
    LENGTHS,
    Binary,
    Case,
    DecimalText,
    HexText,
    Pattern,
    Twn4,
    Writing,
    digits_of,
)
from tagsmith.uid import ByteOrder, Decision, Technology, Uid, UidReason, judge

KEY = bytes.fromhex("04a1b2c3d4e5f6")
ORDERS = st.sampled_from(ByteOrder)
cheap = settings(max_examples=100, deadline=None)


def uid(writing: Writing, payload: bytes) -> str:
    """What a payload is read as, in wire order."""
    tag = writing.read(payload)
    assert isinstance(tag, Tag)
    return tag.uid.wire


def in_order(data: bytes, order: ByteOrder) -> bytes:
    """Bytes as a reader of that order writes them."""
    return data if order is ByteOrder.WIRE else data[::-1]


@given(st.sampled_from(LENGTHS).flatmap(lambda n: st.binary(min_size=n, max_size=n)), ORDERS)
@cheap
def test_every_writing_is_read_back(data: bytes, order: ByteOrder) -> None:
    """Hex with and without separators, decimal with leading zeros, and bytes: each gives the chip's bytes."""
    sent = in_order(data, order)
    wire, length = data.hex(), len(data)
    assert uid(HexText(order), sent.hex().encode()) == wire
    assert uid(HexText(order, length, Case.UPPER, ":"), sent.hex(":").upper().encode()) == wire
    decimal = str(int.from_bytes(sent, "big")).zfill(digits_of(length)).encode()
    assert uid(DecimalText(length, digits_of(length), order), decimal) == wire
    assert uid(DecimalText(length, 0, order), decimal.lstrip(b"0") or b"0") == wire
    assert uid(Binary(order), sent) == wire


def test_raw_is_what_the_reader_sent() -> None:
    """The text as it came, before order and base are applied; hex of bytes that are no text."""
    assert HexText(ByteOrder.REVERSED).read(b"F6E5D4C3B2A104") == Tag(Uid(KEY), raw="F6E5D4C3B2A104")
    assert DecimalText(4, 10).read(b"0001193046") == Tag(Uid(bytes.fromhex("00123456")), raw="0001193046")
    assert Binary(ByteOrder.REVERSED).read(KEY[::-1]) == Tag(Uid(KEY), raw=KEY[::-1].hex())


@pytest.mark.parametrize(
    ("writing", "payload"),
    [
        (HexText(), b""),
        (HexText(), b"04A1B2C3D4E5F"),
        (HexText(), b"04A1B2"),
        (HexText(), b"04A1B2C3D4E5"),
        (HexText(), b"04A1B2C3D4E5F6A7B8C9D0"),
        (HexText(), b"04 A1B2C3D4E5F6"),
        (HexText(), b"04A1B2C3\x00D4E5"),
        (HexText(), b"04A1B2C3D4E5G6"),
        (HexText(), b" 04A1B2C3D4E5F6"),
        (HexText(), b"04A1B2C3\n"),
        (HexText(), "٠٤٠٤٠٤٠٤".encode()),
        (HexText(), b"\xff\xfe\xfd\xfc"),
        (HexText(length=7), b"04A1B2C3"),
        (HexText(length=7), b"04A1B2C3D4E5F6A7B8C9"),
        (HexText(case=Case.UPPER), b"04a1b2c3d4e5f6"),
        (HexText(case=Case.LOWER), b"04A1b2c3d4e5f6"),
        (HexText(separator=":"), b"04A1B2C3"),
        (HexText(separator=":"), b"04:A1:B2C3"),
        (HexText(separator=":"), b"04:A1:B2:C3:"),
        (HexText(separator="."), b"04xA1xB2xC3"),
        (DecimalText(4, 10), b"119304647"),
        (DecimalText(4, 10), b"01193046470"),
        (DecimalText(4, 10), b"4294967296"),
        (DecimalText(4, 10), b"11930464\xb27"),
        (DecimalText(4, 10), b"1193 46470"),
        (DecimalText(4, 10), b"-119304647"),
        (DecimalText(4, 10), b"119304647A"),
        (DecimalText(4, 0), b""),
        (DecimalText(4, 0), b"01193046470"),
        (DecimalText(4, 0), b"4294967296"),
        (Binary(), b"123"),
        (Binary(length=7), b"1234"),
        (Binary(), b"12345678901"),
        (Pattern(re.compile("uid=(?P<uid>[0-9A-F]+)"), HexText()), b"uid=04A1B2C3 "),
        (Pattern(re.compile("uid=(?P<uid>[0-9A-F]+)"), HexText(length=7)), b"uid=04A1B2C3"),
        (Pattern(re.compile("uid=(?P<uid>[0-9A-F]+)?"), HexText()), b"uid="),
        (Twn4(), b"01"),
        (Twn4(length=4), b"000180380704A1B2C3D4E5F6"),
    ],
)
def test_what_does_not_fit_to_the_last_digit_is_no_uid(writing: Writing, payload: bytes) -> None:
    """Odd digits, other characters (also other scripts'), other lengths, other case, too great a number."""
    with pytest.raises(UidError):
        writing.read(payload)


def test_a_pattern_takes_its_group() -> None:
    """The line must match from end to end; the group is read like a line of its own."""
    writing = Pattern(re.compile(r"\w+ (?P<uid>[0-9]{10}),\d"), DecimalText(4, 10, ByteOrder.REVERSED))
    assert uid(writing, b"card 0001193046,1") == "56341200"


def test_a_125_khz_tag_is_a_tag_that_is_refused() -> None:
    """It is delivered, so that the worker is told what it is: by its length, or by what the reader calls it."""
    hitag = Twn4(length=7).read(b"0001412004A1B2C3D4")
    for tag in (HexText().read(b"0800A1B2C3"), Twn4().read(b"00014028050800A1B2C3"), hitag):
        assert isinstance(tag, Tag)
        verdict = judge(tag.uid)
        assert (verdict.decision, verdict.reason) == (Decision.REFUSE, UidReason.LOW_FREQUENCY)


@pytest.mark.parametrize(
    ("tag_type", "technology"),
    [
        ("80", Technology.ISO14443A),
        ("81", Technology.ISO14443B),
        ("41", Technology.LOW_FREQUENCY),
        ("7F", Technology.LOW_FREQUENCY),
    ],
)
def test_a_twn4_says_which_technology_it_is(tag_type: str, technology: Technology) -> None:
    """Its tag types are translated, so that what has four bytes is not taken for a key because of it."""
    tag = Twn4(ByteOrder.REVERSED).read(f"0001{tag_type}200427B89043".encode())
    assert isinstance(tag, Tag)
    assert (tag.uid.wire, tag.uid.technology, tag.raw) == ("4390b827", technology, "27b89043")


@pytest.mark.parametrize("line", [b"0001832004A1B2C3D4", b"0001883006A1B2C3D4E5F6", b"000180180301B2C3"])
def test_an_id_that_is_no_uid_of_a_key_is_a_trouble(line: bytes) -> None:
    """LEGIC, Bluetooth and the like have IDs that look like UIDs; three bytes are none."""
    assert Twn4().read(line) is Trouble.NO_UID


def test_an_answer_without_a_tag_is_nothing() -> None:
    """The reader was asked and nothing lies there."""
    assert Twn4().read(b"0000") is None
