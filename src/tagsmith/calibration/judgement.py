"""What a key that is known to work proves: how the API writes UIDs, and how a reader writes them. Pure.

The same chip is known twice: as `keyId` at the API, in an order nobody has documented, and as bytes from a reader.
Comparing the two is all that is done here; nothing is guessed where bytes do not agree, and what fits in two ways
proves nothing.
"""

from __future__ import annotations

import enum
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tagsmith.readers.written import Base
from tagsmith.uid import ByteOrder, Uid, UidReason, judge

_KEY_ID: Final = re.compile(r"(?:[0-9A-Fa-f]{2})+", re.ASCII)
_HEX_TEXT: Final = re.compile(r"(?:[0-9A-Fa-f]{2}[:\- ]?)+", re.ASCII)
_DECIMAL_TEXT: Final = re.compile(r"[0-9]{1,25}", re.ASCII)
_CASCADE_TAG: Final = b"\x88"
_LEAST: Final = 3
"""Bytes that must agree before a reader is said to cut a UID; fewer agree by chance."""
_UID_LENGTHS: Final = (4, 7, 8, 10)


class Finding(enum.StrEnum):
    """What one key on one reader proves about the order in which the API gets UIDs."""

    REVERSED = "reversed"
    """The API has the chip's last byte first."""
    WIRE = "wire"
    """The API has uid0 first."""
    PALINDROME = "palindrome"
    """The UID reads the same both ways: it proves that this is the key, and nothing about the order."""
    MISMATCH = "mismatch"
    """Another key; or two keys that contradict each other."""
    TRUNCATED = "truncated"
    """The reader gives a part of the UID only."""
    DECIMAL = "decimal"
    """The reader writes the UID as a decimal number, and it was taken for hex."""
    SUSPECT = "reader-order-suspect"
    """The key is the right one, but no chip has such a UID: the reader seems to give the bytes back to front."""
    SET_OTHERWISE = "set-otherwise"
    """A reader that was compared with the known order needs other options."""
    NO_TAP = "no-tap"
    """No key was laid on a reader in time."""
    NOT_VOUCHED = "not-vouched"
    """Nobody said that the key works at a charger."""
    NO_KEY = "no-key"
    """The user has no physical key that works now."""
    NO_READER = "no-reader"
    """The order is not known yet, and none of the readers can prove it."""

    @property
    def order(self) -> ByteOrder | None:
        """The order this proves, if it proves one."""
        return _ORDERS.get(self)


_ORDERS: Final = {Finding.REVERSED: ByteOrder.REVERSED, Finding.WIRE: ByteOrder.WIRE}
_SILENT: Final = (Finding.PALINDROME, Finding.NO_TAP, Finding.NOT_VOUCHED, Finding.NO_KEY, Finding.NO_READER)
"""What proves nothing and contradicts nothing."""


def key_bytes(key_id: str) -> bytes | None:
    """The bytes of a `keyId`, in the API's order; nothing for one that can be no chip's.

    Strict: whole pairs of hex digits, of either case, as long as UIDs are, and nothing between or around them. A
    virtual key's id is none, nor is one that has lost a leading zero.
    """
    if not _KEY_ID.fullmatch(key_id):
        return None
    data = bytes.fromhex(key_id)
    return data if len(data) in _UID_LENGTHS else None


def compare(uid: Uid, key: bytes, raw: str = "") -> Finding:
    """What a reader's UID proves that was read from the chip whose `keyId` is `key`, or from another one.

    `uid` is taken as the reader's settings claim it, uid0 first. `raw` is what the reader really sent, as hex of its
    bytes or as text, where it is known.
    """
    data, back = uid.data, uid.data[::-1]
    if key in (data, back):
        if data == back:
            return Finding.PALINDROME
        # ISO/IEC 14443-3 forbids some first bytes of longer UIDs: they tell that the reader itself turns them.
        if judge(uid, allow_eight_bytes=True).reason is UidReason.ORDER_SUSPECT:
            return Finding.SUSPECT
        return Finding.WIRE if data == key else Finding.REVERSED
    if any(number in (int.from_bytes(key, "big"), int.from_bytes(key, "little")) for number in _decimals(uid, raw)):
        return Finding.DECIMAL
    if _is_part(data, key):
        return Finding.TRUNCATED
    return Finding.MISMATCH


@dataclass(frozen=True, slots=True)
class Match:
    """Which of several keys lies on the reader, by its place in the list; None where it is none of them."""

    finding: Finding
    index: int | None = None


_RANKS: Final = (
    (Finding.REVERSED, Finding.WIRE, Finding.PALINDROME, Finding.SUSPECT),
    (Finding.DECIMAL, Finding.TRUNCATED),
)


def pick(uid: Uid, keys: Sequence[bytes], raw: str = "") -> Match:
    """Which of a user's keys was read, and what that proves.

    A UID that fits several of the keys fits none: of two keys that are each other's reverse nobody can say which one
    lies there.
    """
    findings = [compare(uid, key, raw) for key in keys]
    for rank in _RANKS:
        fitting = [(index, finding) for index, finding in enumerate(findings) if finding in rank]
        if len({keys[index] for index, _ in fitting}) > 1:
            return Match(Finding.MISMATCH)
        if fitting:
            index, finding = fitting[0]
            return Match(finding, index)
    return Match(Finding.MISMATCH)


def combine(findings: Sequence[Finding]) -> Finding:
    """What several keys, or several readers, prove together.

    Those that agree prove that; what proves nothing leaves it to the others; a contradiction is a MISMATCH. Where none
    proves anything, the first of them says why; of none at all: NO_TAP.
    """
    telling = {finding for finding in findings if finding not in _SILENT}
    if not telling:
        return findings[0] if findings else Finding.NO_TAP
    return telling.pop() if len(telling) == 1 else Finding.MISMATCH


# --- a reader that is calibrated against a known order ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Writing:
    """How a reader writes UIDs: what its options must say. `length` is that of the chip, in bytes.

    `order` is None where the chip's UID reads the same both ways. `digits` is how many a decimal number came with.
    """

    base: Base
    order: ByteOrder | None
    length: int
    digits: int = 0


def chip_of(key: bytes, order: ByteOrder) -> Uid:
    """The chip that the API knows by this key, when it has UIDs in this order."""
    return Uid.from_bytes(key, order)


def writing_of(chip: Uid, uid: Uid, raw: str, claimed: ByteOrder) -> Writing | None:
    """How a reader writes UIDs that sent `raw` for this chip; nothing where no options can make it right.

    `uid` is what was made of it with the reader's options as they are, `claimed` the order they state. What the
    reader sent decides; where that is not to be understood (a binary frame), `uid` does.
    """
    length = len(chip.data)
    found = set(_writings(chip, raw))
    if not found and len(uid.data) == length:
        sent = uid.data if claimed is ByteOrder.WIRE else uid.data[::-1]
        found = {Writing(Base.HEX, order, length) for order in _orders_of(sent, chip)}
    if len(found) == 2 and len({one.base for one in found}) == 1:
        return replace(found.pop(), order=None)
    # What can be read as hex and as decimal, and fits both ways, says nothing for certain.
    return found.pop() if len(found) == 1 else None


def _writings(chip: Uid, raw: str) -> Iterator[Writing]:
    length = len(chip.data)
    for text in _texts(raw):
        if _HEX_TEXT.fullmatch(text):
            data = bytes.fromhex(re.sub(r"[:\- ]", "", text))
            if len(data) == length:
                yield from (Writing(Base.HEX, order, length) for order in _orders_of(data, chip))
        if _DECIMAL_TEXT.fullmatch(text) and (number := int(text)) < 1 << (8 * length):
            data = number.to_bytes(length, "big")
            yield from (Writing(Base.DECIMAL, order, length, len(text)) for order in _orders_of(data, chip))


def _orders_of(sent: bytes, chip: Uid) -> Iterator[ByteOrder]:
    """The orders in which these bytes are the chip's."""
    return (order for order in ByteOrder if Uid.from_bytes(sent, order) == chip)


def is_cut(chip: Uid, uid: Uid, raw: str) -> bool:
    """Whether a reader gives a part of this chip's UID only, in hex or as a number, in either order."""
    if _is_part(uid.data, chip.data):
        return True
    parts = {
        int.from_bytes(part, "big")
        for data in (chip.data, chip.data[::-1])
        for size in range(_LEAST, len(data))
        for part in (data[:size], data[-size:])
    }
    return any(number in parts for number in _decimals(uid, raw))


# --- texts and parts ----------------------------------------------------------------------------------------------


def _texts(raw: str) -> Iterator[str]:
    """What a reader may have meant by `raw`: the text itself, and the text whose bytes it is the hex of."""
    stripped = raw.strip()
    yield stripped
    if _KEY_ID.fullmatch(stripped):
        data = bytes.fromhex(stripped)
        # A frame's marks (STX, ETX, carriage return, line feed) are none of the text.
        plain = data.strip(b"\x02\x03\r\n\t \0")
        if plain and all(0x20 <= byte < 0x7F for byte in plain):
            yield plain.decode("ascii").strip()


def _decimals(uid: Uid, raw: str) -> Iterator[int]:
    """The numbers that the reader may have written: its text, or digits that were taken for hex."""
    for text in itertools.chain(_texts(raw), (uid.wire, uid.reversed)):
        if _DECIMAL_TEXT.fullmatch(text):
            yield int(text)


def _is_part(data: bytes, whole: bytes) -> bool:
    """Whether `data` is a beginning or an end of `whole` in either order, but not all of it.

    The cascade tag 88 before it is none of it: ISO/IEC 14443-3 sends it with the first three bytes of a longer UID.
    """
    parts = {data, data.removeprefix(_CASCADE_TAG), data.removesuffix(_CASCADE_TAG)}
    return any(
        _LEAST <= len(part) < len(whole) and (whole.startswith(one) or whole.endswith(one))
        for part in parts
        for one in (part, part[::-1])
    )
