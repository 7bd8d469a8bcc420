"""How a reader writes a UID: as hex, as a decimal number, or as bytes; and the options of a spec that say which. Pure.

Serial readers and readers that type share it, so that both have one language:

| option | meaning |
|---|---|
| `base` | `hex` (default): two hex digits a byte; `decimal`: one number, the most significant digit first |
| `order` | `wire`: uid0 first (default); `reversed`: last byte first |
| `length` | bytes of every UID: 4, 5, 7, 8 or 10; hex takes a list like `4,7` and nothing of another length |
| `case` | hex: `any` (default), `upper`, `lower` |
| `separator` | hex: the one character between two bytes, like `%3A` |
| `digits` | decimal: how many, with leading zeros; default: those of the greatest UID; `any`: without them |

It owns how a UID may be written, and is strict about it: what does not fit to the last digit is no UID. Hex without a
checksum needs its lengths stated, because a line that lost its beginning would else pass for a shorter UID. Where
frames begin and end is decided in `lines`, which UIDs may be paired in `uid`.
"""

from __future__ import annotations

import enum
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass

from tagsmith.errors import UidError
from tagsmith.lines import framing_twn4 as twn4
from tagsmith.lines.spec import Spec
from tagsmith.model import Tag, Trouble
from tagsmith.uid import ByteOrder, Technology, Uid

LENGTHS = (4, 5, 7, 8, 10)
"""Bytes of the UIDs that readers send: ISO 14443 A (4, 7, 10), ISO 15693 and FeliCa (8), 125 kHz tags (5)."""
ANY_DIGITS = "any"
"""`digits` for decimal numbers without leading zeros."""


class Base(enum.StrEnum):
    """In which digits a reader writes a UID."""

    HEX = "hex"
    """Two hex digits a byte."""
    DECIMAL = "decimal"
    """One decimal number, the most significant digit first."""


class Case(enum.StrEnum):
    """Which letters hex digits are written with."""

    ANY = "any"
    """Either, also mixed."""
    UPPER = "upper"
    """Capitals."""
    LOWER = "lower"
    """Small letters."""


_LETTERS = {Case.ANY: "A-Fa-f", Case.UPPER: "A-F", Case.LOWER: "a-f"}


class Writing(ABC):
    """How a reader writes what it sees."""

    @abstractmethod
    def read(self, payload: bytes) -> Tag | Trouble | None:
        """The tag that a frame tells of; a trouble for one without a UID; None where it says that nothing is there.

        Raises:
            UidError: the frame is none of this kind, or is damaged; says in what.
        """


@dataclass(frozen=True, slots=True)
class HexText(Writing):
    """Two hex digits a byte, with `separator` between every two, or none; as many bytes as one of `lengths`."""

    lengths: tuple[int, ...]
    order: ByteOrder = ByteOrder.WIRE
    case: Case = Case.ANY
    separator: str = ""

    @property
    def is_fixed(self) -> bool:
        """Whether a part of a UID never passes for a whole one, because all have one length."""
        return len(self.lengths) == 1

    def read(self, payload: bytes) -> Tag:
        text = _text(payload)
        digit = f"[0-9{_LETTERS[self.case]}]"
        if not re.fullmatch(f"{digit}{{2}}(?:{re.escape(self.separator)}{digit}{{2}})*", text):
            raise UidError(f"{text!r} is not hex as this reader writes it")
        data = bytes.fromhex(text.replace(self.separator, "") if self.separator else text)
        return Tag(Uid.from_bytes(_of_length(data, self.lengths), self.order), raw=text)


@dataclass(frozen=True, slots=True)
class DecimalText(Writing):
    """One decimal number of just `digits` digits, with leading zeros, for `length` bytes.

    With 0 for `digits` any number of them is taken, up to the most that `length` bytes can have: a digit that was lost
    on the wire then makes another number, and nobody can tell.
    """

    length: int
    digits: int
    order: ByteOrder = ByteOrder.WIRE

    @property
    def is_fixed(self) -> bool:
        """Whether a part of a number never passes for a whole one, because all have as many digits."""
        return self.digits > 0

    def read(self, payload: bytes) -> Tag:
        text = _text(payload)
        if self.digits and len(text) != self.digits:
            raise UidError(f"{text!r} has {len(text)} digits, not {self.digits}")
        if not re.fullmatch(f"[0-9]{{1,{digits_of(self.length)}}}" if not self.digits else "[0-9]+", text):
            raise UidError(f"{text!r} is no decimal number of {self.length} bytes")
        return Tag(Uid.from_decimal(text, self.length, self.order), raw=text)


@dataclass(frozen=True, slots=True)
class Binary(Writing):
    """The bytes themselves, as many as one of `lengths`."""

    lengths: tuple[int, ...] = LENGTHS
    order: ByteOrder = ByteOrder.WIRE

    def read(self, payload: bytes) -> Tag:
        return Tag(Uid.from_bytes(_of_length(payload, self.lengths), self.order), raw=payload.hex())


@dataclass(frozen=True, slots=True)
class Pattern(Writing):
    """A line that a pattern with a group `uid` matches from its beginning to its end; that group is written `inner`."""

    pattern: re.Pattern[str]
    inner: Writing

    def read(self, payload: bytes) -> Tag | Trouble | None:
        text = _text(payload)
        found = self.pattern.fullmatch(text)
        if found is None or found["uid"] is None:
            raise UidError(f"{text!r} does not match {self.pattern.pattern!r}")
        return self.inner.read(found["uid"].encode("ascii"))


_TECHNOLOGIES = {
    twn4.ISO14443A: Technology.ISO14443A,
    twn4.ISO14443B: Technology.ISO14443B,
    twn4.ISO15693: Technology.ISO15693,
    twn4.FELICA: Technology.FELICA,
    **dict.fromkeys(twn4.LOW_FREQUENCY, Technology.LOW_FREQUENCY),
}


@dataclass(frozen=True, slots=True)
class Twn4(Writing):
    """An answer of Elatec's Simple Protocol. Tags of other kinds (LEGIC, iCLASS, …) have an ID, but no UID of a key.

    An answer that is whole and tells of a UID of none of `lengths` is no damage: such a tag lies there. 125 kHz tags
    are told of whatever their length.
    """

    lengths: tuple[int, ...] = LENGTHS
    order: ByteOrder = ByteOrder.WIRE

    def read(self, payload: bytes) -> Tag | Trouble | None:
        answer = twn4.answer(payload)
        if answer is None:
            raise UidError(f"{payload!r} is no answer to SearchTag")
        if not answer.tag_type:
            return None
        technology = _TECHNOLOGIES.get(answer.tag_type)
        lengths = LENGTHS if technology is Technology.LOW_FREQUENCY else self.lengths
        if technology is None or len(answer.tag_id) not in lengths:
            return Trouble.NO_UID
        return Tag(Uid.from_bytes(answer.tag_id, self.order, technology), raw=answer.tag_id.hex())


def digits_of(length: int) -> int:
    """The decimal digits of the greatest number of so many bytes: what readers with leading zeros write."""
    return len(str((1 << 8 * length) - 1))


def _text(payload: bytes) -> str:
    try:
        return payload.decode("ascii")
    except UnicodeDecodeError:
        raise UidError(f"{payload!r} is no text") from None


def _of_length(data: bytes, lengths: tuple[int, ...]) -> bytes:
    if len(data) not in lengths:
        raise UidError(f"{data.hex()} has {len(data)} bytes, not {' or '.join(map(str, lengths))}")
    return data


# --- the options that say it --------------------------------------------------------------------------------------


def order_of(spec: Spec) -> ByteOrder:
    """The order in which the bytes stand; uid0 first where it is not said.

    Raises:
        ConfigError: another word.
    """
    return ByteOrder(spec.choice("order", tuple(ByteOrder), ByteOrder.WIRE))


def lengths_of(spec: Spec) -> tuple[int, ...]:
    """The lengths that are listed, the shortest first; empty where there is no such option.

    Raises:
        ConfigError: something else is listed.
    """
    stated = spec.text_of("length")
    if not spec.has("length"):
        return ()
    listed = stated.split(",")
    if not {*listed} <= {str(length) for length in LENGTHS}:
        remedy = f"write one of {', '.join(map(str, LENGTHS))}, or several of them like length=4,7"
        raise spec.error(f"length={stated} should list bytes that UIDs have", remedy)
    return tuple(sorted({int(length) for length in listed}))


def needed_lengths(spec: Spec) -> tuple[int, ...]:
    """The lengths that are listed, where nothing but they tells a UID from a part of one.

    Raises:
        ConfigError: none are, or something else is.
    """
    lengths = lengths_of(spec)
    if not lengths:
        what = "nothing else tells a UID from the rest of a longer one here, so its length is needed"
        raise spec.error(what, "write length=7, or length=4,7 where keys of both kinds are used")
    return lengths


def text_of(spec: Spec, lengths: tuple[int, ...] = ()) -> HexText | DecimalText:
    """How a UID is written in the digits that `base` says; of these lengths, or else of those that the spec must state.

    Raises:
        ConfigError: an option is wrong, or the length is missing.
    """
    is_decimal = spec.choice("base", tuple(Base), Base.HEX) == Base.DECIMAL
    return decimal_of(spec, lengths) if is_decimal else hex_of(spec, lengths)


def hex_of(spec: Spec, lengths: tuple[int, ...] = ()) -> HexText:
    """How a UID is written in hex; of these lengths, or else of those that the spec must state.

    Raises:
        ConfigError: an option is wrong, or the length is missing.
    """
    case = Case(spec.choice("case", tuple(Case), Case.ANY))
    separator = spec.text_of("separator")
    if len(separator) > 1 or re.fullmatch("[0-9A-Fa-f]", separator):
        raise spec.error(f"separator={separator} should be one character that is no hex digit")
    return HexText(lengths or needed_lengths(spec), order_of(spec), case, separator)


def decimal_of(spec: Spec, lengths: tuple[int, ...] = ()) -> DecimalText:
    """How a UID is written as a decimal number; of this length, or else of the one that the spec must state.

    Raises:
        ConfigError: an option is wrong, or there is not exactly one length.
    """
    lengths = lengths or lengths_of(spec)
    if len(lengths) != 1:
        remedy = "write length=4 or length=7: a number does not show its leading zero bytes"
        raise spec.error("decimal UIDs need one length", remedy)
    least = digits_of(lengths[0])
    digits = 0 if spec.text_of("digits") == ANY_DIGITS else spec.integer("digits", least, least, 30)
    return DecimalText(lengths[0], digits, order_of(spec))
