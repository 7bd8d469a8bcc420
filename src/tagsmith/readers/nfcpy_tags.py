"""What answers of cards come to: the tags in a chip's listing, and the tag in a target of nfcpy. Pure.

Nothing is repaired: an answer whose lengths do not add up is garbled, as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tagsmith.model import Tag, Trouble
from tagsmith.readers.nfcpy_errors import Garbled
from tagsmith.uid import Technology, Uid, UidReason, judge

TYPE_A, FELICA_212, FELICA_424, TYPE_B, JEWEL = range(5)
"""BrTy of InListPassiveTarget (UM0701-02 §7.3.5)."""

_UID_LENGTHS = (4, 7, 10)
_RANDOM = frozenset({UidReason.RANDOM, UidReason.TYPE_B, UidReason.PHONE})


class Target(Protocol):
    """What nfcpy found. What does not apply is None."""

    @property
    def sens_res(self) -> bytearray | None: ...
    @property
    def sdd_res(self) -> bytearray | None: ...
    @property
    def sel_res(self) -> bytearray | None: ...
    @property
    def sensb_res(self) -> bytearray | None: ...
    @property
    def sensf_res(self) -> bytearray | None: ...


def tag_of(target: Target) -> Tag | Trouble:
    """The tag that nfcpy found, or why it has no UID.

    Raises:
        Garbled: its answers cannot be a card's.
    """
    if target.sensf_res is not None:
        return _felica(bytes(target.sensf_res))
    if target.sensb_res is not None:
        return _type_b(bytes(target.sensb_res))
    if target.sdd_res is not None:
        return _type_a(bytes(target.sdd_res), bytes(target.sel_res or b""))
    if target.sens_res is not None:
        # Type 1 (Jewel, Topaz): RID gives four of its seven bytes, which is no UID to bill by.
        return Trouble.NO_UID
    raise Garbled("a target without an answer")


def listed(answer: bytes, brty: int) -> tuple[list[bytes], list[Tag]]:
    """What InListPassiveTarget answered (UM0701-02 §7.3.5): each target's data without its number, and the tags.

    Jewel tags give no tag.

    Raises:
        Garbled: lengths or numbers do not add up.
    """
    if not answer:
        raise Garbled("an empty list of targets")
    count, rest = answer[0], answer[1:]
    pieces: list[bytes] = []
    tags: list[Tag] = []
    for number in range(1, count + 1):
        if rest[:1] != bytes([number]):
            raise Garbled(f"target {number} is missing in {answer.hex()}")
        length = _length(rest[1:], brty)
        piece, rest = rest[1 : 1 + length], rest[1 + length :]
        if len(piece) != length:
            raise Garbled(f"target {number} is cut off in {answer.hex()}")
        pieces.append(piece)
        if brty == TYPE_A:
            tags.append(_type_a(piece[4:], piece[2:3]))
        elif brty == TYPE_B:
            tags.append(_type_b(piece[:12]))
        elif brty in (FELICA_212, FELICA_424):
            tags.append(_felica(piece[1:]))
    if rest:
        # An ATS would stand here; nfcpy switches automatic RATS off, so these bytes are nobody's.
        raise Garbled(f"bytes behind the last target in {answer.hex()}")
    return pieces, tags


def same_stay(before: Sequence[Tag], now: Sequence[Tag]) -> bool:
    """Whether these are the same tags, or one whose identity is made up anew each time it is looked at.

    Each look switches the field off and on, so a phone shows another UID every time. Those UIDs are refused
    everywhere, and need not be told as so many arrivals.
    """
    if len(before) == len(now) == 1:
        one, other = judge(before[0].uid).reason, judge(now[0].uid).reason
        if one in _RANDOM and one is other:
            return True
    return tuple(before) == tuple(now)


def _length(data: bytes, brty: int) -> int:
    """The length of the target's data that stands in front."""
    try:
        match brty:
            case 0:  # SENS_RES, SEL_RES, length, NFCID1
                return 4 + data[3]
            case 1 | 2:  # POL_RES with its length, which counts itself
                return max(1, data[0])
            case 3:  # ATQB, length, ATTRIB_RES
                return 13 + data[12]
            case _:  # SENS_RES, JEWELID
                return 6
    except IndexError:
        raise Garbled(f"a target of {len(data)} bytes") from None


def _type_a(uid: bytes, sel_res: bytes) -> Tag:
    if len(uid) not in _UID_LENGTHS or len(sel_res) != 1:
        raise Garbled(f"a type A target with a UID of {len(uid)} bytes and a SAK of {len(sel_res)}")
    return Tag(Uid(uid, Technology.ISO14443A), sel_res[0], uid.hex())


def _type_b(sensb_res: bytes) -> Tag:
    if not 12 <= len(sensb_res) <= 13 or sensb_res[0] != 0x50:
        raise Garbled(f"a SENSB_RES {sensb_res.hex()}")
    return Tag(Uid(sensb_res[1:5], Technology.ISO14443B), None, sensb_res.hex())


def _felica(sensf_res: bytes) -> Tag:
    if len(sensf_res) not in (17, 19) or sensf_res[0] != 0x01:
        raise Garbled(f"a SENSF_RES {sensf_res.hex()}")
    return Tag(Uid(sensf_res[1:9], Technology.FELICA), None, sensf_res.hex())
