"""uid.py: byte order, text forms, and the table of UIDs that may become charging keys."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagsmith.errors import UidError
from tagsmith.uid import ByteOrder, Decision, Technology, Uid, UidReason, judge

untimed = settings(deadline=None)
ORDERS = st.sampled_from(ByteOrder)
DATA = st.binary(min_size=1, max_size=10)


def test_the_api_gets_the_bytes_of_the_published_key_reversed() -> None:
    """The API document's own sample: the chip named 4390b827 has the keyId 27b89043, and reversed is the default."""
    uid = Uid.from_hex("4390b827")
    assert uid.for_api() == "27b89043"
    assert uid.for_api(ByteOrder.REVERSED) == uid.reversed == "27b89043"
    assert uid.for_api(ByteOrder.WIRE) == uid.wire == "4390b827"


@pytest.mark.parametrize(
    "text",
    [
        "04a1b2c3d4e5f6",
        "04A1B2C3D4E5F6",
        "04:a1:b2:c3:d4:e5:f6",
        "04-A1-B2-C3-D4-E5-F6",
        "04 a1 b2 c3 d4 e5 f6",
        " 04a1b2c3d4e5f6\n",
    ],
)
def test_hex_is_read_in_either_case_and_with_separators(text: str) -> None:
    """Upper and lower case, colons, hyphens, blanks and none at all are one UID."""
    assert Uid.from_hex(text) == Uid(bytes.fromhex("04a1b2c3d4e5f6"))


def test_hex_in_reversed_order_is_turned_round() -> None:
    """Text in API order gives the same UID as the wire order it stands for."""
    assert Uid.from_hex("27b89043", ByteOrder.REVERSED) == Uid.from_hex("4390b827")


@pytest.mark.parametrize(
    "text", ["", "  ", "0", "04a", "04g1", "0x04a1", "٠٤", "04a1b2c3d4e5f6a7b8c9d0", "04_a1", "04.a1"]
)
def test_what_is_no_hex_uid_is_refused(text: str) -> None:
    """Nothing, half a byte, other characters (also other scripts' digits) and eleven bytes are no UID."""
    with pytest.raises(UidError):
        Uid.from_hex(text)


def test_an_odd_number_of_digits_is_said_to_miss_a_zero() -> None:
    """The commonest slip has a remedy."""
    with pytest.raises(UidError) as caught:
        Uid.from_hex("4a1b2c3d4e5f6")
    assert "leading zero" in caught.value.remedy


def test_decimal_is_read_with_its_length() -> None:
    """The most significant digit comes first; the stated length brings back leading zero bytes."""
    assert Uid.from_decimal("1133557799", 4) == Uid(bytes.fromhex("4390b827"))
    assert Uid.from_decimal("0000000001", 4) == Uid(bytes.fromhex("00000001"))
    assert Uid.from_decimal(" 1 ", 7).wire == "00000000000001"
    assert Uid.from_decimal("666406979", 4, ByteOrder.REVERSED) == Uid(bytes.fromhex("4390b827"))


@pytest.mark.parametrize(
    ("text", "length"),
    [("", 4), ("-1", 4), ("1.0", 4), ("0x10", 4), ("٣", 4), ("4294967296", 4), ("1", 0), ("1", 11), ("9" * 31, 10)],
)
def test_what_is_no_decimal_uid_is_refused(text: str, length: int) -> None:
    """Signs, points, other digits, numbers that do not fit and lengths that no UID has."""
    with pytest.raises(UidError):
        Uid.from_decimal(text, length)


@pytest.mark.parametrize("data", [b"", bytes(11)])
def test_a_uid_has_one_to_ten_bytes(data: bytes) -> None:
    """No UID is empty or longer than the triple size."""
    with pytest.raises(UidError):
        Uid(data)


@untimed
@given(DATA, ORDERS)
def test_every_text_form_reads_back(data: bytes, order: ByteOrder) -> None:
    """Bytes, hex and decimal in either order give the UID that was written."""
    uid = Uid(data)
    written = uid.for_api(order)
    assert Uid.from_hex(written, order) == uid
    assert Uid.from_hex(written.upper(), order) == uid
    assert Uid.from_hex(":".join(written[i : i + 2] for i in range(0, len(written), 2)), order) == uid
    assert Uid.from_bytes(bytes.fromhex(written), order) == uid
    if len(str(int(written, 16))) <= 30:
        assert Uid.from_decimal(str(int(written, 16)), len(data), order) == uid


@untimed
@given(DATA)
def test_reversing_twice_is_nothing(data: bytes) -> None:
    """The two orders are each other's reverse, byte by byte."""
    uid = Uid(data)
    assert Uid.from_hex(uid.reversed).reversed == uid.wire
    assert bytes.fromhex(uid.reversed) == data[::-1]


def test_one_chip_is_one_uid_whatever_the_technology_is_called() -> None:
    """Equality and hash are those of the bytes; a plain value is no UID."""
    named = Uid(b"\x04\x01\x02\x03", Technology.ISO14443A)
    assert named == Uid(b"\x04\x01\x02\x03")
    assert len({named, Uid(b"\x04\x01\x02\x03")}) == 1
    assert named != Uid(b"\x03\x02\x01\x04")
    assert named != b"\x04\x01\x02\x03"
    assert str(named) == "04010203"


REFUSE, WARN, ACCEPT = Decision.REFUSE, Decision.WARN, Decision.ACCEPT


@pytest.mark.parametrize(
    ("wire", "decision", "reason"),
    [
        # 4 bytes
        ("08a1b2c3", REFUSE, UidReason.RANDOM),
        ("88a1b2c3", REFUSE, UidReason.CASCADE_TAG),
        ("f8a1b2c3", REFUSE, UidReason.RESERVED),
        ("0fa1b2c3", WARN, UidReason.NOT_UNIQUE),
        ("7fa1b2c3", WARN, UidReason.NOT_UNIQUE),
        ("ffa1b2c3", WARN, UidReason.NOT_UNIQUE),
        ("4390b827", ACCEPT, UidReason.FOUR_BYTES),
        ("a108b2c3", ACCEPT, UidReason.FOUR_BYTES),
        ("a1b2c308", ACCEPT, UidReason.FOUR_BYTES),
        ("18a1b2c3", ACCEPT, UidReason.FOUR_BYTES),
        # values of writable cards
        ("01020304", WARN, UidReason.DEMONSTRATION),
        ("11223344", WARN, UidReason.DEMONSTRATION),
        ("12345678", WARN, UidReason.DEMONSTRATION),
        ("deadbeef", WARN, UidReason.DEMONSTRATION),
        ("aa55c396", WARN, UidReason.DEMONSTRATION),
        # blank, at every length
        ("00", REFUSE, UidReason.BLANK),
        ("00000000", REFUSE, UidReason.BLANK),
        ("ffffffff", REFUSE, UidReason.BLANK),
        ("00000000000000", REFUSE, UidReason.BLANK),
        ("ffffffffffffff", REFUSE, UidReason.BLANK),
        ("ffffffffffffffff", REFUSE, UidReason.BLANK),
        ("00000000000000000000", REFUSE, UidReason.BLANK),
        # 7 bytes
        ("04a1b2c3d4e5f6", ACCEPT, UidReason.OK),
        ("5fa1b2c3d4e5f6", ACCEPT, UidReason.OK),
        ("80a1b2c3d4e5f6", ACCEPT, UidReason.OK),
        ("ffa1b2c3d4e5f6", ACCEPT, UidReason.OK),
        ("88a1b2c3d4e5f6", REFUSE, UidReason.CASCADE_TAG),
        ("04a1b288d4e5f6", REFUSE, UidReason.CASCADE_TAG),
        ("04a188c3d4e5f6", ACCEPT, UidReason.OK),
        ("81a1b2c3d4e5f6", WARN, UidReason.ORDER_SUSPECT),
        ("fea1b2c3d4e5f6", WARN, UidReason.ORDER_SUSPECT),
        ("9618187d009d67", WARN, UidReason.ORDER_SUSPECT),
        # the maker's code of the largest maker at the wrong end
        ("f6e5d4c3b2a104", WARN, UidReason.ORDER_SUSPECT),
        ("3ae5d4c3b2a104", WARN, UidReason.ORDER_SUSPECT),
        ("00e5d4c3b2a104", WARN, UidReason.ORDER_SUSPECT),
        ("3ae5d4c3b2a105", ACCEPT, UidReason.OK),
        *(
            (f"{maker}e5d4c3b2a104", ACCEPT, UidReason.OK)
            for maker in ["02", "04", "05", "07", "16", "1d", "27", "28", "2e", "39", "44", "5a", "5b", "5c"]
        ),
        # 8 bytes
        ("e004015012345678", REFUSE, UidReason.EIGHT_BYTES),
        ("01fe010203040506", REFUSE, UidReason.PHONE),
        # 10 bytes
        ("04a1b2c3d4e5f6070809", ACCEPT, UidReason.TEN_BYTES),
        ("81a1b2c3d4e5f6070809", WARN, UidReason.ORDER_SUSPECT),
        ("fea1b2c3d4e5f6070809", WARN, UidReason.ORDER_SUSPECT),
        # 5 bytes: 125 kHz
        ("04a1b2c3d4", REFUSE, UidReason.LOW_FREQUENCY),
        ("0000000000", REFUSE, UidReason.BLANK),
        # other lengths
        *(("04a1b2c3d4e5f60708"[: 2 * length], REFUSE, UidReason.LENGTH) for length in (1, 2, 3, 6, 9)),
    ],
)
def test_the_verdict_table(wire: str, decision: Decision, reason: UidReason) -> None:
    """Every row of the table, with its neighbours on either side of each limit."""
    verdict = judge(Uid.from_hex(wire))
    assert (verdict.decision, verdict.reason) == (decision, reason)


def test_the_api_documents_own_sample_is_suspect_as_reversed() -> None:
    """7d009d67181896 is in the seeds as an API uid: taken as reversed, its uid0 is 96, which no chip may have."""
    uid = Uid.from_hex("7d009d67181896", ByteOrder.REVERSED)
    assert judge(uid).reason is UidReason.ORDER_SUSPECT


@pytest.mark.parametrize("wire", ["4390b827", "04a1b2c3d4e5f6", "04a1b2c3d4e5f6070809"])
def test_an_unfinished_uid_is_refused(wire: str) -> None:
    """SAK with bit 04 set says that the anticollision was not finished; other bits and no SAK say nothing."""
    uid = Uid.from_hex(wire)
    assert judge(uid, sak=0x04).reason is UidReason.INCOMPLETE
    assert judge(uid, sak=0x24).decision is REFUSE
    for sak in (None, 0x00, 0x08, 0x18, 0x20):
        assert judge(uid, sak=sak).decision is ACCEPT


@pytest.mark.parametrize("wire", ["4390b827", "04a1b2c3d4e5f6"])
def test_type_b_is_refused(wire: str) -> None:
    """A PUPI may be another at each activation."""
    assert judge(Uid.from_hex(wire, technology=Technology.ISO14443B)).reason is UidReason.TYPE_B


@pytest.mark.parametrize("wire", ["4390b827", "04a1b2c3d4", "04a1b2c3d4e5f6", "e004015012345678"])
def test_a_low_frequency_tag_is_refused_whatever_its_length(wire: str) -> None:
    """Where a reader says 125 kHz (HITAG has 4 bytes), length and looks do not matter, nor what settings allow."""
    tag = Uid.from_hex(wire, technology=Technology.LOW_FREQUENCY)
    assert judge(tag, allow_eight_bytes=True).reason is UidReason.LOW_FREQUENCY


def test_eight_bytes_need_a_setting_and_phones_stay_refused() -> None:
    """ISO 15693 and FeliCa cards are taken where a setting allows them; FeliCa on a phone is not."""
    vicinity = Uid.from_hex("e004015012345678", technology=Technology.ISO15693)
    assert judge(vicinity).reason is UidReason.EIGHT_BYTES
    assert judge(vicinity, allow_eight_bytes=True).decision is ACCEPT
    for technology in (Technology.FELICA, Technology.UNKNOWN):
        phone = Uid.from_hex("01fe010203040506", technology=technology)
        assert judge(phone, allow_eight_bytes=True).reason is UidReason.PHONE
    card = Uid.from_hex("0101010203040506", technology=Technology.FELICA)
    assert judge(card, allow_eight_bytes=True).decision is ACCEPT


@untimed
@given(DATA, st.sampled_from(Technology), st.none() | st.integers(0, 255), st.booleans())
def test_every_uid_has_a_verdict(data: bytes, technology: Technology, sak: int | None, eight: bool) -> None:
    """Nothing raises; only four lengths are ever let through; a reason of a refusal is never `ok`."""
    verdict = judge(Uid(data, technology), sak=sak, allow_eight_bytes=eight)
    if verdict.decision is not REFUSE:
        assert len(data) in (4, 7, 10) or (eight and len(data) == 8)
    else:
        assert verdict.reason is not UidReason.OK
