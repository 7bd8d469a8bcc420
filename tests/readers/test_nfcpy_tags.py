"""What answers of cards come to, and that nothing damaged comes to a UID."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.fake_nfcpy import target
from support.pn532 import Jewel, TypeA, TypeB, TypeF
from tagsmith.model import Tag, Trouble
from tagsmith.readers.nfcpy_errors import Garbled
from tagsmith.readers.nfcpy_tags import FELICA_212, JEWEL, TYPE_A, TYPE_B, listed, same_stay, tag_of
from tagsmith.uid import Technology, Uid

SEVEN = bytes.fromhex("04a1b2c3d4e5f6")
FOUR = bytes.fromhex("1a2b3c4d")
IDM = bytes.fromhex("0110030456789abc")


def answer(*cards: TypeA | TypeB | TypeF | Jewel) -> bytes:
    """What the chip lists for these cards."""
    return bytes([len(cards)]) + b"".join(bytes([number]) + card.target() for number, card in enumerate(cards, 1))


def test_type_a() -> None:
    """UID in wire order, uid0 first, whole; SAK; and `raw` is what the chip sent."""
    _, tags = listed(answer(TypeA(SEVEN, 0x20)), TYPE_A)
    assert tags == [Tag(Uid(SEVEN), 0x20, SEVEN.hex())]
    assert tags[0].uid.technology is Technology.ISO14443A


def test_two_of_type_a() -> None:
    """Two cards are two tags, and each piece is one card's without its number."""
    pieces, tags = listed(answer(TypeA(SEVEN, 0x20), TypeA(FOUR, 0x08)), TYPE_A)
    assert [(tag.uid.data, tag.sak) for tag in tags] == [(SEVEN, 0x20), (FOUR, 0x08)]
    assert pieces == [TypeA(SEVEN, 0x20).target(), TypeA(FOUR, 0x08).target()]


def test_type_b_and_felica() -> None:
    """The PUPI is bytes 1 to 4 of SENSB_RES, the IDm bytes 1 to 8 of SENSF_RES; neither has a SAK."""
    _, (tag,) = listed(answer(TypeB(FOUR)), TYPE_B)
    assert (tag.uid.data, tag.uid.technology, tag.sak) == (FOUR, Technology.ISO14443B, None)
    assert tag.raw == TypeB(FOUR).atqb.hex()
    _, (tag,) = listed(answer(TypeF(IDM)), FELICA_212)
    assert (tag.uid.data, tag.uid.technology, tag.sak) == (IDM, Technology.FELICA, None)
    assert tag.raw.startswith("01" + IDM.hex())


def test_a_listed_jewel_gives_no_tag() -> None:
    """A Type 1 tag gives four of its bytes, which are no UID."""
    pieces, tags = listed(answer(Jewel(FOUR)), JEWEL)
    assert (pieces, tags) == ([b"\x0c\x00" + FOUR], [])


def test_nothing_is_listed() -> None:
    """No card is a value."""
    assert listed(b"\x00", TYPE_A) == ([], [])


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"\x01",
        b"\x00\x01",
        answer(TypeA(SEVEN))[:-1],
        answer(TypeA(SEVEN)) + b"\x00",
        answer(TypeA(SEVEN, extra=bytes.fromhex("067577810280"))),  # an ATS, which nobody asked for
        answer(TypeA(FOUR, extra=b"\x03\x04\x05")),  # would look like a UID of seven bytes
        answer(TypeA(SEVEN[:5])),
        answer(TypeA(b"")),
        b"\x02" + answer(TypeA(SEVEN))[1:],
        b"\x01\x02" + TypeA(SEVEN).target(),
    ],
)
def test_what_does_not_add_up_is_garbled(wrong: bytes) -> None:
    """A list with a byte too many or too few anywhere gives no tag at all, not even the good one in it."""
    with pytest.raises(Garbled):
        listed(wrong, TYPE_A)


@given(st.binary(max_size=40), st.sampled_from((TYPE_A, TYPE_B, FELICA_212, JEWEL)))
@settings(max_examples=200)
def test_garbage_is_a_list_or_garbled(data: bytes, brty: int) -> None:
    """Whatever comes, it is taken whole or not at all, and nothing else is raised."""
    try:
        pieces, tags = listed(data, brty)
    except Garbled:
        return
    assert data == bytes([len(pieces)]) + b"".join(bytes([n]) + piece for n, piece in enumerate(pieces, 1))
    assert len(tags) == (0 if brty == JEWEL else len(pieces))


def found(**answers: Any) -> SimpleNamespace:
    """A target of nfcpy's: what is not given is None."""
    names = ("sens_res", "sdd_res", "sel_res", "sensb_res", "sensf_res")
    return SimpleNamespace(**(dict.fromkeys(names) | answers))


def test_targets_of_nfcpy() -> None:
    """The same from what nfcpy returns, for readers whose chip cannot be asked for a list."""
    tag = tag_of(target(SEVEN.hex(), 0x28))
    assert isinstance(tag, Tag)
    assert (tag.uid.data, tag.sak, tag.raw) == (SEVEN, 0x28, SEVEN.hex())
    tag = tag_of(found(sensb_res=bytearray(TypeB(FOUR).atqb)))
    assert isinstance(tag, Tag)
    assert tag.uid.data == FOUR
    tag = tag_of(found(sensf_res=bytearray(TypeF(IDM).target()[1:])))
    assert isinstance(tag, Tag)
    assert tag.uid.data == IDM
    assert tag_of(found(sens_res=bytearray(b"\x00\x0c"), rid_res=bytearray(6))) is Trouble.NO_UID


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"sens_res": b"\x44\x03", "sdd_res": b"", "sel_res": b"\x20"},
        {"sens_res": b"\x44\x03", "sdd_res": SEVEN[:6], "sel_res": b"\x20"},
        {"sens_res": b"\x44\x03", "sdd_res": SEVEN + b"\x06\x75", "sel_res": b"\x20"},
        {"sens_res": b"\x44\x03", "sdd_res": SEVEN, "sel_res": b""},
        {"sensb_res": b"\x50" + FOUR},
        {"sensb_res": b"\x51" + TypeB(FOUR).atqb[1:]},
        {"sensf_res": b"\x01" + IDM},
        {"sensf_res": b"\x02" + IDM + bytes(8)},
    ],
)
def test_targets_that_cannot_be(answers: dict[str, bytes]) -> None:
    """nfcpy's drivers take whatever follows for a UID: lengths that no card has are garbled."""
    with pytest.raises(Garbled):
        tag_of(found(**answers))


def tag(uid: str, technology: Technology = Technology.ISO14443A) -> Tag:
    """A tag with that UID."""
    return Tag(Uid.from_hex(uid, technology=technology), 0x20, uid)


@pytest.mark.parametrize(
    ("before", "now", "same"),
    [
        ("04a1b2c3d4e5f6", "04a1b2c3d4e5f6", True),
        ("04a1b2c3d4e5f6", "04a1b2c3d4e5f7", False),
        ("08010203", "08999999", True),
        ("08010203", "04999999", False),
        ("18010203", "18010204", False),
    ],
)
def test_random_uids_are_one_stay(before: str, now: str, same: bool) -> None:
    """A phone shows another random UID at each look: still the same stay. No other two UIDs ever are."""
    assert same_stay((tag(before),), (tag(now),)) is same


def test_two_random_uids_are_not_one() -> None:
    """Where two lie there, nothing is taken for the same."""
    assert not same_stay((tag("08010203"),), (tag("08010204"), tag("08010205")))
    assert not same_stay((), (tag("08010204"),))
