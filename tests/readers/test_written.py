"""readers/written.py: how readers write UIDs, to the last digit, and the options that say it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagsmith.errors import ConfigError, UidError
from tagsmith.lines.spec import Spec
from tagsmith.model import Tag, Trouble
from tagsmith.readers.written import (
    LENGTHS,
    Binary,
    Case,
    DecimalText,
    HexText,
    Pattern,
    Twn4,
    Writing,
    digits_of,
    text_of,
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
    assert uid(HexText(LENGTHS, order), sent.hex().encode()) == wire
    assert uid(HexText((length,), order, Case.UPPER, ":"), sent.hex(":").upper().encode()) == wire
    decimal = str(int.from_bytes(sent, "big")).zfill(digits_of(length)).encode()
    assert uid(DecimalText(length, digits_of(length), order), decimal) == wire
    assert uid(DecimalText(length, 0, order), decimal.lstrip(b"0") or b"0") == wire
    assert uid(Binary(order=order), sent) == wire


def test_raw_is_what_the_reader_sent() -> None:
    """The text as it came, before order and base are applied; hex of bytes that are no text."""
    assert HexText(LENGTHS, ByteOrder.REVERSED).read(b"F6E5D4C3B2A104") == Tag(Uid(KEY), raw="F6E5D4C3B2A104")
    assert DecimalText(4, 10).read(b"0001193046") == Tag(Uid(bytes.fromhex("00123456")), raw="0001193046")
    assert Binary(order=ByteOrder.REVERSED).read(KEY[::-1]) == Tag(Uid(KEY), raw=KEY[::-1].hex())


@pytest.mark.parametrize(
    ("writing", "payload"),
    [
        (HexText(LENGTHS), b""),
        (HexText(LENGTHS), b"04A1B2C3D4E5F"),
        (HexText(LENGTHS), b"04A1B2"),
        (HexText(LENGTHS), b"04A1B2C3D4E5"),
        (HexText(LENGTHS), b"04A1B2C3D4E5F6A7B8C9D0"),
        (HexText(LENGTHS), b"04 A1B2C3D4E5F6"),
        (HexText(LENGTHS), b"04A1B2C3\x00D4E5"),
        (HexText(LENGTHS), b"04A1B2C3D4E5G6"),
        (HexText(LENGTHS), b" 04A1B2C3D4E5F6"),
        (HexText(LENGTHS), b"04A1B2C3\n"),
        (HexText(LENGTHS), "٠٤٠٤٠٤٠٤".encode()),
        (HexText(LENGTHS), b"\xff\xfe\xfd\xfc"),
        (HexText((7,)), b"04A1B2C3"),
        (HexText((7,)), b"04A1B2C3D4E5F6A7B8C9"),
        (HexText((4, 7)), b"04A1B2C3D4"),
        (HexText((4, 7)), b"04A1B2C3D4E5F6A7"),
        (Binary((4, 7)), b"12345"),
        (HexText(LENGTHS, case=Case.UPPER), b"04a1b2c3d4e5f6"),
        (HexText(LENGTHS, case=Case.LOWER), b"04A1b2c3d4e5f6"),
        (HexText(LENGTHS, separator=":"), b"04A1B2C3"),
        (HexText(LENGTHS, separator=":"), b"04:A1:B2C3"),
        (HexText(LENGTHS, separator=":"), b"04:A1:B2:C3:"),
        (HexText(LENGTHS, separator="."), b"04xA1xB2xC3"),
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
        (Binary((7,)), b"1234"),
        (Binary(), b"12345678901"),
        (Pattern(re.compile("uid=(?P<uid>[0-9A-F]+)"), HexText(LENGTHS)), b"uid=04A1B2C3 "),
        (Pattern(re.compile("uid=(?P<uid>[0-9A-F]+)"), HexText((7,))), b"uid=04A1B2C3"),
        (Pattern(re.compile("uid=(?P<uid>[0-9A-F]+)?"), HexText(LENGTHS)), b"uid="),
        (Twn4(), b"01"),
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
    hitag = Twn4((7,)).read(b"0001412004A1B2C3D4")
    for tag in (HexText(LENGTHS).read(b"0800A1B2C3"), Twn4().read(b"00014028050800A1B2C3"), hitag):
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
    tag = Twn4(order=ByteOrder.REVERSED).read(f"0001{tag_type}200427B89043".encode())
    assert isinstance(tag, Tag)
    assert (tag.uid.wire, tag.uid.technology, tag.raw) == ("4390b827", technology, "27b89043")


@pytest.mark.parametrize("line", [b"0001832004A1B2C3D4", b"0001883006A1B2C3D4E5F6", b"000180180301B2C3"])
def test_an_id_that_is_no_uid_of_a_key_is_a_trouble(line: bytes) -> None:
    """LEGIC, Bluetooth and the like have IDs that look like UIDs; three bytes are none."""
    assert Twn4().read(line) is Trouble.NO_UID


def test_a_tag_of_another_length_lies_there_all_the_same() -> None:
    """A TWN4's answer is whole: the tag is shown as one without a UID, and nobody takes it for a broken reader."""
    line = b"000180380704A1B2C3D4E5F6"
    assert Twn4((4,)).read(line) is Trouble.NO_UID
    assert uid(Twn4((4, 7)), line) == KEY.hex()


def test_an_answer_without_a_tag_is_nothing() -> None:
    """The reader was asked and nothing lies there."""
    assert Twn4().read(b"0000") is None


# --- the options that say it --------------------------------------------------------------------------------------


def told(options: str) -> HexText | DecimalText:
    """What a spec with these options says."""
    return text_of(Spec(f"evdev:/dev/input/event7?{options}"))


@pytest.mark.parametrize(
    ("options", "writing"),
    [
        ("length=7", HexText((7,))),
        ("length=7,4", HexText((4, 7))),
        ("length=4,4&order=reversed", HexText((4,), ByteOrder.REVERSED)),
        ("length=10&case=upper&separator=%3A", HexText((10,), case=Case.UPPER, separator=":")),
        ("base=decimal&length=4", DecimalText(4, 10)),
        ("base=decimal&length=7&digits=20", DecimalText(7, 20)),
        ("base=decimal&length=7&digits=any&order=reversed", DecimalText(7, 0, ByteOrder.REVERSED)),
    ],
)
def test_options_say_how_it_is_written(options: str, writing: Writing) -> None:
    """One language for every reader of text; a list of lengths is one in any order."""
    assert told(options) == writing


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("", "write length=7, or length=4,7 where keys of both kinds are used"),
        ("length=", "write one of 4, 5, 7, 8, 10"),
        ("length=6", "write one of 4, 5, 7, 8, 10"),
        ("length=07", "write one of 4, 5, 7, 8, 10"),
        ("length=4;7", "like length=4,7"),
        ("length=4,", "like length=4,7"),
        ("base=decimal", "write length=4 or length=7"),
        ("base=decimal&length=4,7", "write length=4 or length=7"),
        ("base=decimal&length=4&digits=9", "from 10 to 30"),
        ("base=octal&length=4", "base=octal"),
        ("length=4&case=big", "case=big"),
        ("length=4&separator=ab", "should be one character"),
    ],
)
def test_what_is_missing_or_wrong_is_said_with_a_way_out(options: str, says: str) -> None:
    """Hex needs its lengths, and decimal one: nothing else tells a UID from the rest of a longer one."""
    with pytest.raises(ConfigError) as caught:
        told(options)
    assert says in str(caught.value)


def test_a_part_never_passes_for_a_whole_where_all_have_as_many_digits() -> None:
    """What is told of it decides where lines may end by silence, and whether the line after a torn one is used."""
    assert [told(f"length={lengths}").is_fixed for lengths in ("7", "4,7")] == [True, False]
    assert DecimalText(4, 10).is_fixed
    assert not DecimalText(4, 0).is_fixed
