"""What a known key proves: for every UID, either order, and readers that cut, turn or count in decimal."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tagsmith.calibration.judgement import (
    Finding,
    Match,
    Writing,
    chip_of,
    combine,
    compare,
    is_cut,
    key_bytes,
    pick,
    writing_of,
)
from tagsmith.readers.written import Base
from tagsmith.uid import ByteOrder, Uid

REVERSED, WIRE = ByteOrder.REVERSED, ByteOrder.WIRE

four = st.binary(min_size=4, max_size=4)
# An NXP chip whose last byte is no maker's code: nothing about its order is odd.
seven = st.binary(min_size=5, max_size=5).map(lambda middle: b"\x04" + middle + b"\x80")
chips = st.one_of(four, seven)
orders = st.sampled_from(ByteOrder)
cheap = settings(max_examples=100, deadline=None)


@pytest.mark.parametrize(
    ("key_id", "data"),
    [
        ("27b89043", "27b89043"),
        ("27B89043", "27b89043"),
        ("7d009D67181896", "7d009d67181896"),
        ("E004010012345678", "e004010012345678"),
        ("00112233445566778899", "00112233445566778899"),
    ],
)
def test_key_ids_of_chips(key_id: str, data: str) -> None:
    """Pairs of hex digits of either case, as long as UIDs are, are a chip's."""
    assert key_bytes(key_id) == bytes.fromhex(data)


@pytest.mark.parametrize(
    "key_id",
    [
        "",
        "27b8904",  # a leading zero is lost
        "27b890",
        "27b8904311",
        "27 b8 90 43",
        " 27b89043",
        "27b89043\n",
        "0x27b89043",
        "27:b8:90:43",
        "２７b89043",  # full-width digits
        "virtual-key-1",
        "d41d8cd98f00b204e9800998ecf8427e",
        "DE8PSC0CD0C002B",
    ],
)
def test_key_ids_of_no_chip(key_id: str) -> None:
    """Anything else is none: an order must not be concluded from half a key."""
    assert key_bytes(key_id) is None


@cheap
@given(chips, orders)
def test_the_order_is_what_makes_the_bytes_agree(data: bytes, order: ByteOrder) -> None:
    """A chip enrolled in either order is known again, and proves just that order; a palindrome proves none."""
    uid = Uid(data)
    key = key_bytes(uid.for_api(order).upper())
    assert key is not None
    found = compare(uid, key, uid.wire)
    if data == data[::-1]:
        assert found is Finding.PALINDROME
        assert found.order is None
    else:
        assert found.order is order


@cheap
@given(chips, chips)
def test_another_card_proves_nothing(data: bytes, other: bytes) -> None:
    """A card that is not the key never proves an order, whatever it resembles."""
    assume(other not in (data, data[::-1]))
    assert compare(Uid(data), other).order is None


@cheap
@given(seven, orders, st.integers(3, 6), st.booleans(), st.booleans())
def test_a_part_of_the_uid_is_told(data: bytes, order: ByteOrder, size: int, end: bool, turned: bool) -> None:
    """A reader that cuts a UID at either side, in either order, is found out and proves no order."""
    key = key_bytes(Uid(data).for_api(order))
    assert key is not None
    part = data[-size:] if end else data[:size]
    part = part[::-1] if turned else part
    assume(not part.hex().isdecimal())
    assert compare(Uid(part), key) is Finding.TRUNCATED
    assert is_cut(Uid(data), Uid(part), "")


def test_the_cascade_tag_is_part_of_no_uid() -> None:
    """88 and three bytes, as an unfinished anticollision leaves them, are a part of the longer UID."""
    key = bytes.fromhex("04a1b2c3d4e5f6")
    assert compare(Uid(bytes.fromhex("8804a1b2")), key) is Finding.TRUNCATED
    assert compare(Uid(bytes.fromhex("b2a10488")), key) is Finding.TRUNCATED
    assert compare(Uid(bytes.fromhex("8804a1b2")), key[::-1]) is Finding.TRUNCATED


def test_two_bytes_are_no_part() -> None:
    """So few agree by chance: that is another card."""
    assert compare(Uid(bytes.fromhex("04a1")), bytes.fromhex("04a1b2c3d4e5f6")) is Finding.MISMATCH


@cheap
@given(chips, orders, orders)
def test_a_decimal_number_is_told(data: bytes, order: ByteOrder, written: ByteOrder) -> None:
    """The decimal form of the UID, in either order, taken for hex or given as text, is found out."""
    uid = Uid(data)
    key = key_bytes(uid.for_api(order))
    assert key is not None
    number = str(int.from_bytes(bytes.fromhex(uid.for_api(written)), "big"))
    padded = number.zfill(len(number) + len(number) % 2)
    taken = bytes.fromhex(padded)
    assume(taken not in (key, key[::-1]))
    if len(taken) <= 10:
        assert compare(Uid(taken), key) is Finding.DECIMAL
    some = Uid(b"\xaa\xbb\xcc\xdd")
    assume(some.data not in (key, key[::-1]))
    assert compare(some, key, number.zfill(20)) is Finding.DECIMAL
    assert compare(some, key, f"{number}\r\n".encode().hex()) is Finding.DECIMAL


def test_a_reader_that_turns_is_suspect() -> None:
    """The right key with a UID that no chip has: the reader is wrong, and must not turn the whole station."""
    good = Uid(bytes.fromhex("04a1b2c3d4e5f6"))
    assert compare(good, good.data) is Finding.WIRE
    assert compare(good.turned, good.data) is Finding.SUSPECT
    assert compare(good.turned, good.data[::-1]) is Finding.SUSPECT
    assert Finding.SUSPECT.order is None


def test_one_of_several_keys_is_known() -> None:
    """The key that lies there is found among the user's, with what it proves; a foreign card is none of them."""
    keys = [bytes.fromhex("27b89043"), bytes.fromhex("04a1b2c3d4e5f6")]
    assert pick(Uid(keys[1]), keys) == Match(Finding.WIRE, 1)
    assert pick(Uid(keys[0][::-1]), keys) == Match(Finding.REVERSED, 0)
    assert pick(Uid(bytes.fromhex("04a1b2c3")), keys) == Match(Finding.TRUNCATED, 1)
    assert pick(Uid(bytes.fromhex("11223344")), keys) == Match(Finding.MISMATCH, None)
    assert pick(Uid(keys[0]), []) == Match(Finding.MISMATCH, None)


def test_keys_that_mirror_each_other_prove_nothing() -> None:
    """A chip enrolled once in each order fits both: nobody can say which of the two is known to work."""
    key = bytes.fromhex("27b89043")
    assert pick(Uid(key), [key, key[::-1]]) == Match(Finding.MISMATCH)
    assert pick(Uid(key), [key, key]) == Match(Finding.WIRE, 0)


@pytest.mark.parametrize(
    ("findings", "together"),
    [
        ([Finding.WIRE], Finding.WIRE),
        ([Finding.WIRE, Finding.WIRE], Finding.WIRE),
        ([Finding.PALINDROME, Finding.REVERSED], Finding.REVERSED),
        ([Finding.REVERSED, Finding.PALINDROME], Finding.REVERSED),
        ([Finding.PALINDROME, Finding.PALINDROME], Finding.PALINDROME),
        ([Finding.WIRE, Finding.REVERSED], Finding.MISMATCH),
        ([Finding.WIRE, Finding.MISMATCH], Finding.MISMATCH),
        ([Finding.WIRE, Finding.TRUNCATED], Finding.MISMATCH),
        ([Finding.TRUNCATED], Finding.TRUNCATED),
        ([Finding.NOT_VOUCHED, Finding.WIRE], Finding.WIRE),
        ([Finding.NOT_VOUCHED, Finding.PALINDROME], Finding.NOT_VOUCHED),
        ([], Finding.NO_TAP),
    ],
)
def test_two_keys_prove_more_than_one(findings: list[Finding], together: Finding) -> None:
    """Agreement holds, silence leaves it to the other, contradiction proves nothing."""
    assert combine(findings) is together


@cheap
@given(st.lists(st.sampled_from(Finding), max_size=4))
def test_an_order_needs_every_voice(findings: list[Finding]) -> None:
    """An order comes out only where somebody said it and nobody said otherwise."""
    order = combine(findings).order
    if order is not None:
        silent = (Finding.PALINDROME, Finding.NO_TAP, Finding.NOT_VOUCHED, Finding.NO_KEY, Finding.NO_READER)
        assert {one.order for one in findings if one not in silent} == {order}


@cheap
@given(chips, orders)
def test_the_chip_behind_a_key(data: bytes, order: ByteOrder) -> None:
    """With a known order the key's own bytes say what the chip's are."""
    uid = Uid(data)
    key = key_bytes(uid.for_api(order))
    assert key is not None
    assert chip_of(key, order) == uid


def as_hex(text: str) -> str:
    """What a reader reports whose `raw` is the hex of its bytes."""
    return f"\x02{text}\r\n\x03".encode().hex()


@cheap
@given(chips, orders, orders, st.booleans(), st.booleans())
def test_how_a_reader_that_types_hex_writes(
    data: bytes, written: ByteOrder, claimed: ByteOrder, upper: bool, framed: bool
) -> None:
    """The order of a hex reader is found from what it sent, whatever its options claim."""
    assume(any(data))  # noughts are hex and decimal alike, and no charging key
    chip = Uid(data)
    text = chip.for_api(written)
    text = text.upper() if upper else text
    made = Uid.from_hex(text, claimed)
    found = writing_of(chip, made, as_hex(text) if framed else text, claimed)
    assert found is not None
    assert (found.base, found.length) == (Base.HEX, len(data))
    assert found.order is (None if data == data[::-1] else written)


@cheap
@given(chips, orders, st.booleans())
def test_how_a_reader_that_counts_writes(data: bytes, written: ByteOrder, framed: bool) -> None:
    """The order of a decimal reader is found, with and without leading zeros, and the length is the chip's."""
    chip = Uid(data)
    number = str(int.from_bytes(bytes.fromhex(chip.for_api(written)), "big")).zfill(20 if framed else 1)
    assume(bytes.fromhex(number.zfill(len(number) + len(number) % 2)) not in (data, data[::-1]))
    found = writing_of(chip, Uid(b"\1"), as_hex(number) if framed else number, WIRE)
    assert found == Writing(Base.DECIMAL, None if data == data[::-1] else written, len(data), len(number))


@cheap
@given(chips, orders, orders)
def test_a_binary_reader_is_judged_by_what_was_made_of_it(data: bytes, written: ByteOrder, claimed: ByteOrder) -> None:
    """Where what was sent is no text, the UID itself says whether the claimed order is the true one."""
    assume(data != data[::-1])
    chip = Uid(data)
    made = Uid.from_hex(chip.for_api(written), claimed)
    assert writing_of(chip, made, "", claimed) == Writing(Base.HEX, written, len(data))


def test_what_no_option_can_mend() -> None:
    """Another card, or a part of the UID, gives no settings."""
    chip = Uid(bytes.fromhex("04a1b2c3d4e5f6"))
    for text in ("04a1b2c3", "11223344556677", "77342", ""):
        uid = Uid.from_hex(text) if len(text) % 2 == 0 and text else Uid(b"\1")
        assert writing_of(chip, uid, text, WIRE) is None


def test_a_cut_number_is_told() -> None:
    """The decimal form of four of seven bytes is a part of the UID, and nothing an option can mend."""
    chip = Uid(bytes.fromhex("04a1b2c3d4e5f6"))
    number = str(int.from_bytes(chip.data[:4], "little"))
    assert writing_of(chip, Uid(b"\1"), number, WIRE) is None
    assert is_cut(chip, Uid(b"\1"), number)
    assert not is_cut(chip, chip, chip.wire)
    assert not is_cut(chip, Uid(b"\1\2\3\4"), "01020304")
