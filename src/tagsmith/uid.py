"""The meaning of UID bytes: order, text forms, and which UIDs may become charging keys. Pure.

The only place that knows byte order, hexadecimal and decimal forms, and random UIDs. It never talks to a reader and
never decides what to do with a verdict.

Canonical form: the bytes in *wire order*, uid0 first, as ISO 14443-3 sends them and as PC/SC `FF CA 00 00 00` and
nfcpy's `sdd_res` return them. The Drive API wants "hexadecimal, little-endian"; the default reading is `reversed`
(the API's own sample key has `keyId` 27b89043 and the name `key 4390b827`), the other is `wire`.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from tagsmith.errors import UidError


class ByteOrder(enum.StrEnum):
    """In which order the bytes of a UID are written."""

    REVERSED = "reversed"
    """Last byte of the chip's UID first; the default for the API."""
    WIRE = "wire"
    """uid0 first, as the chip sends it."""


@dataclass(frozen=True, slots=True)
class OrderInForce:
    """The byte order that pairs are made for. `confirmed`: a calibration proved just this one.

    `conflict` is set, in plain words, where settings and calibration contradict each other: nothing may be sent then.
    """

    order: ByteOrder
    confirmed: bool
    conflict: str = ""


def settle_order(configured: ByteOrder | None, recorded: ByteOrder | None) -> OrderInForce:
    """Which order is in force, given the one in the settings and the one the last calibration of this API found.

    Where the two contradict each other the proved one is taken, so that pairs which are made until a person mends the
    settings are right; that they are not sent before is the caller's to see to.
    """
    if recorded is None:
        return OrderInForce(configured or ByteOrder.REVERSED, confirmed=False)
    if configured is None or configured is recorded:
        return OrderInForce(recorded, confirmed=True)
    return OrderInForce(
        recorded,
        confirmed=False,
        conflict=f"the settings say that the API gets UIDs {configured}, the calibration found {recorded}",
    )


class Technology(enum.StrEnum):
    """The radio interface a UID came over; `unknown` where the reader does not say."""

    ISO14443A = "iso14443a"
    """MIFARE, NTAG, DESFire: UID of 4, 7 or 10 bytes."""
    ISO14443B = "iso14443b"
    """PUPI of 4 bytes, may be random at each activation."""
    FELICA = "felica"
    """IDm of 8 bytes."""
    ISO15693 = "iso15693"
    """UID of 8 bytes, E0 first in canonical form."""
    LOW_FREQUENCY = "125khz"
    """EM4100, HITAG and the like: no charging key, whatever its number looks like."""
    UNKNOWN = "unknown"
    """The reader gives bytes only."""


MAX_LENGTH = 10
"""Bytes of the longest UID (ISO 14443-3 triple size)."""

_SEPARATORS = re.compile(r"[:\-\s]")
_HEX = re.compile(r"[0-9A-Fa-f]+", re.ASCII)
_DECIMAL = re.compile(r"[0-9]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Uid:
    """A chip's UID: bytes in wire order (uid0 first) and the technology it came over. Compared by its bytes.

    Raises:
        UidError: no bytes at all, or more than ten.
    """

    data: bytes
    technology: Technology = Technology.UNKNOWN

    def __post_init__(self) -> None:
        if not 1 <= len(self.data) <= MAX_LENGTH:
            raise UidError(f"a UID has 1 to {MAX_LENGTH} bytes, this one has {len(self.data)}")

    def __eq__(self, other: object) -> bool:
        """Two readings of one chip are one UID, whatever a reader calls the technology."""
        return self.data == other.data if isinstance(other, Uid) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.data)

    def __str__(self) -> str:
        return self.wire

    @property
    def wire(self) -> str:
        """Lower-case hex, uid0 first."""
        return self.data.hex()

    @property
    def reversed(self) -> str:
        """Lower-case hex, last byte first."""
        return self.data[::-1].hex()

    @property
    def turned(self) -> Uid:
        """The same bytes in the other order: what a reader that is set wrong would have made of this chip."""
        return Uid(self.data[::-1], self.technology)

    def is_written(self, text: str) -> bool:
        """Whether a text is this UID as readers that type write it.

        Hex or decimal, in either order, whole or cut to four bytes, with separators or leading zeros.
        """
        plain = _SEPARATORS.sub("", text).casefold()
        cuts = {self.data, self.data[::-1], self.data[:4], self.data[-4:], self.data[:4][::-1], self.data[-4:][::-1]}
        if plain in {cut.hex() for cut in cuts}:
            return True
        digits = plain.lstrip("0")
        return _DECIMAL.fullmatch(digits) is not None and digits in {str(int.from_bytes(cut, "big")) for cut in cuts}

    def for_api(self, order: ByteOrder = ByteOrder.REVERSED) -> str:
        """Lower-case hex without separators in the order the API is configured for."""
        return self.wire if order is ByteOrder.WIRE else self.reversed

    @classmethod
    def from_bytes(
        cls, data: bytes, order: ByteOrder = ByteOrder.WIRE, technology: Technology = Technology.UNKNOWN
    ) -> Uid:
        """A UID from bytes that stand in `order`."""
        return cls(bytes(data) if order is ByteOrder.WIRE else bytes(data)[::-1], technology)

    @classmethod
    def from_hex(cls, text: str, order: ByteOrder = ByteOrder.WIRE, technology: Technology = Technology.UNKNOWN) -> Uid:
        """A UID from hex of either case, with or without `:`, `-` or blanks between the digits.

        Raises:
            UidError: other characters, an odd number of digits, or no or too many bytes.
        """
        digits = _SEPARATORS.sub("", text)
        if not _HEX.fullmatch(digits):
            raise UidError(f"{text!r} is no hexadecimal UID", "write it like 04a1b2c3d4e5f6")
        if len(digits) % 2:
            raise UidError(f"{text!r} has an odd number of hex digits", "is a leading zero missing?")
        return cls.from_bytes(bytes.fromhex(digits), order, technology)

    @classmethod
    def from_decimal(
        cls,
        text: str,
        length: int,
        order: ByteOrder = ByteOrder.WIRE,
        technology: Technology = Technology.UNKNOWN,
    ) -> Uid:
        """A UID of `length` bytes from a decimal number, most significant digit first, whose bytes stand in `order`.

        The length must be stated: a decimal number does not show its leading zero bytes.

        Raises:
            UidError: no decimal number, or one that does not fit in `length` bytes.
        """
        if not 1 <= length <= MAX_LENGTH:
            raise UidError(f"a UID has 1 to {MAX_LENGTH} bytes, not {length}")
        digits = text.strip()
        if not _DECIMAL.fullmatch(digits) or len(digits) > 30:
            raise UidError(f"{text!r} is no decimal UID", "write digits only")
        value = int(digits)
        if value >= 1 << (8 * length):
            raise UidError(f"{digits} does not fit in {length} bytes", "state the UID's true length")
        return cls.from_bytes(value.to_bytes(length, "big"), order, technology)


def looks_like_uid(text: str) -> bool:
    """Whether a text is hex of a 7-byte UID with a usual maker's code at either end: hardly a number on a label.

    One of decimal digits alone is left alone: it may well be such a number.
    """
    plain = _SEPARATORS.sub("", text)
    if len(plain) != 14 or not _HEX.fullmatch(plain) or _DECIMAL.fullmatch(plain):
        return False
    data = bytes.fromhex(plain)
    return data[0] in _USUAL_MAKERS or data[-1] in _USUAL_MAKERS


class Decision(enum.StrEnum):
    """What a verdict comes to."""

    ACCEPT = "accept"
    """May be paired."""
    WARN = "warn"
    """May be paired; the warning is shown and recorded."""
    REFUSE = "refuse"
    """Must not become a charging key."""


class UidReason(enum.StrEnum):
    """Why a UID was judged as it was; stable words (docs/events.md)."""

    OK = "ok"
    """A 7-byte UID without anything odd (or one of 8 bytes where they are allowed)."""
    FOUR_BYTES = "four-byte-uid"
    """Accepted; 4-byte UIDs are reused by makers."""
    TEN_BYTES = "ten-byte-uid"
    """Accepted; a rare triple-size UID."""
    RANDOM = "random-uid"
    """4 bytes, uid0 = 08: a phone or a card with random ID (ISO 14443-3)."""
    CASCADE_TAG = "cascade-tag"
    """The cascade tag 88 stands where it cannot: a truncated or mis-assembled UID."""
    RESERVED = "reserved-uid"
    """4 bytes, uid0 = F8: reserved by ISO 14443-3."""
    NOT_UNIQUE = "not-unique-uid"
    """4 bytes, uid0 = xF: fixed, but not unique."""
    ORDER_SUSPECT = "reader-order-suspect"
    """The bytes look reversed: the reader's order is probably set wrong."""
    BLANK = "blank-uid"
    """All bytes 00 or all FF."""
    DEMONSTRATION = "demonstration-uid"
    """A value that writable cards are sold with."""
    EIGHT_BYTES = "eight-byte-uid"
    """ISO 15693 or FeliCa; refused unless a setting allows it."""
    LOW_FREQUENCY = "low-frequency-tag"
    """5 bytes (EM4100), or a reader that says so: a 125 kHz tag, which no charger reads."""
    LENGTH = "uid-length"
    """A length no charging key has."""
    TYPE_B = "type-b"
    """ISO 14443 B: a PUPI may be random at each activation."""
    PHONE = "phone"
    """A FeliCa IDm that starts 01FE: a phone."""
    INCOMPLETE = "uid-incomplete"
    """SAK with bit 04 set: the anticollision was not finished."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision and its reason."""

    decision: Decision
    reason: UidReason


_DEMONSTRATION = frozenset(
    bytes.fromhex(value) for value in ("01020304", "11223344", "12345678", "deadbeef", "aa55c396")
)
# Makers' codes (ISO/IEC 7816-6) usual in uid0 of 7-byte chips.
_USUAL_MAKERS = frozenset(bytes.fromhex("0204050716 1d27282e39445a5b5c"))
_NXP = 0x04
_CASCADE_TAG = 0x88
_SAK_INCOMPLETE = 0x04
_LOW_FREQUENCY_LENGTH = 5
"""EM4100 and its like have 40 bits; ISO/IEC 14443 and 15693 know no such length."""


def judge(uid: Uid, *, sak: int | None = None, allow_eight_bytes: bool = False) -> Verdict:
    """Whether this UID may become a charging key.

    The table is that of ISO/IEC 14443-3 (random, cascade, reserved and non-unique UIDs) with what the field adds:
    demonstration values, blank chips and readers that deliver the bytes backwards. `sak` is the select acknowledge
    where the reader gives it.
    """
    data = uid.data
    first = data[0]
    if set(data) in ({0x00}, {0xFF}):
        return Verdict(Decision.REFUSE, UidReason.BLANK)
    if sak is not None and sak & _SAK_INCOMPLETE:
        return Verdict(Decision.REFUSE, UidReason.INCOMPLETE)
    if uid.technology is Technology.ISO14443B:
        return Verdict(Decision.REFUSE, UidReason.TYPE_B)
    if uid.technology is Technology.LOW_FREQUENCY or len(data) == _LOW_FREQUENCY_LENGTH:
        return Verdict(Decision.REFUSE, UidReason.LOW_FREQUENCY)
    match len(data):
        case 4:
            return _judge_four(data)
        case 7:
            if first == _CASCADE_TAG or data[3] == _CASCADE_TAG:
                return Verdict(Decision.REFUSE, UidReason.CASCADE_TAG)
            if _order_suspect(first) or (data[-1] == _NXP and first not in _USUAL_MAKERS):
                return Verdict(Decision.WARN, UidReason.ORDER_SUSPECT)
            return Verdict(Decision.ACCEPT, UidReason.OK)
        case 8:
            if data.startswith(b"\x01\xfe") and uid.technology in (Technology.FELICA, Technology.UNKNOWN):
                return Verdict(Decision.REFUSE, UidReason.PHONE)
            if not allow_eight_bytes:
                return Verdict(Decision.REFUSE, UidReason.EIGHT_BYTES)
            return Verdict(Decision.ACCEPT, UidReason.OK)
        case 10:
            if _order_suspect(first):
                return Verdict(Decision.WARN, UidReason.ORDER_SUSPECT)
            return Verdict(Decision.ACCEPT, UidReason.TEN_BYTES)
        case _:
            return Verdict(Decision.REFUSE, UidReason.LENGTH)


def _judge_four(data: bytes) -> Verdict:
    """The rows for single-size UIDs."""
    fixed = {0x08: UidReason.RANDOM, _CASCADE_TAG: UidReason.CASCADE_TAG, 0xF8: UidReason.RESERVED}
    if (reason := fixed.get(data[0])) is not None:
        return Verdict(Decision.REFUSE, reason)
    if data in _DEMONSTRATION:
        return Verdict(Decision.WARN, UidReason.DEMONSTRATION)
    if data[0] & 0x0F == 0x0F:
        return Verdict(Decision.WARN, UidReason.NOT_UNIQUE)
    return Verdict(Decision.ACCEPT, UidReason.FOUR_BYTES)


def _order_suspect(first: int) -> bool:
    """ISO 14443-3 does not allow 81-FE as uid0 of a double- or triple-size UID."""
    return 0x81 <= first <= 0xFE
