"""What the frames of serial readers say: text or bytes to a tag. Pure.

It owns how a UID may be written on a wire, and is strict about it: what does not fit to the last digit is no UID. Where
frames begin and end is decided in `lines`, which UIDs may be paired in `uid`.
"""

from __future__ import annotations

import enum
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass

from tagsmith.errors import UidError
from tagsmith.lines import framing_twn4 as twn4
from tagsmith.model import Tag, Trouble
from tagsmith.uid import ByteOrder, Technology, Uid

LENGTHS = (4, 5, 7, 8, 10)
"""Bytes of the UIDs that readers send: ISO 14443 A (4, 7, 10), ISO 15693 and FeliCa (8), 125 kHz tags (5)."""


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
    """Two hex digits a byte, with `separator` between every two, or none. Without `length`, any of `LENGTHS`."""

    order: ByteOrder = ByteOrder.WIRE
    length: int | None = None
    case: Case = Case.ANY
    separator: str = ""

    def read(self, payload: bytes) -> Tag:
        text = _text(payload)
        digit = f"[0-9{_LETTERS[self.case]}]"
        if not re.fullmatch(f"{digit}{{2}}(?:{re.escape(self.separator)}{digit}{{2}})*", text):
            raise UidError(f"{text!r} is not hex as this reader writes it")
        data = bytes.fromhex(text.replace(self.separator, "") if self.separator else text)
        return Tag(Uid.from_bytes(_of_length(data, self.length), self.order), raw=text)


@dataclass(frozen=True, slots=True)
class DecimalText(Writing):
    """One decimal number of just `digits` digits, with leading zeros, for `length` bytes.

    With 0 for `digits` any number of them is taken, up to the most that `length` bytes can have: a digit that was lost
    on the wire then makes another number, and nobody can tell.
    """

    length: int
    digits: int
    order: ByteOrder = ByteOrder.WIRE

    def read(self, payload: bytes) -> Tag:
        text = _text(payload)
        if self.digits and len(text) != self.digits:
            raise UidError(f"{text!r} has {len(text)} digits, not {self.digits}")
        if not re.fullmatch(f"[0-9]{{1,{digits_of(self.length)}}}" if not self.digits else "[0-9]+", text):
            raise UidError(f"{text!r} is no decimal number of {self.length} bytes")
        return Tag(Uid.from_decimal(text, self.length, self.order), raw=text)


@dataclass(frozen=True, slots=True)
class Binary(Writing):
    """The bytes themselves. Without `length`, any of `LENGTHS`."""

    order: ByteOrder = ByteOrder.WIRE
    length: int | None = None

    def read(self, payload: bytes) -> Tag:
        return Tag(Uid.from_bytes(_of_length(payload, self.length), self.order), raw=payload.hex())


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
    """An answer of Elatec's Simple Protocol. Tags of other kinds (LEGIC, iCLASS, …) have an ID, but no UID of a key."""

    order: ByteOrder = ByteOrder.WIRE
    length: int | None = None

    def read(self, payload: bytes) -> Tag | Trouble | None:
        answer = twn4.answer(payload)
        if answer is None:
            raise UidError(f"{payload!r} is no answer to SearchTag")
        if not answer.tag_type:
            return None
        technology = _TECHNOLOGIES.get(answer.tag_type)
        if technology is None or len(answer.tag_id) not in LENGTHS:
            return Trouble.NO_UID
        length = None if technology is Technology.LOW_FREQUENCY else self.length
        data = _of_length(answer.tag_id, length)
        return Tag(Uid.from_bytes(data, self.order, technology), raw=answer.tag_id.hex())


def digits_of(length: int) -> int:
    """The decimal digits of the greatest number of so many bytes: what readers with leading zeros write."""
    return len(str((1 << 8 * length) - 1))


def _text(payload: bytes) -> str:
    try:
        return payload.decode("ascii")
    except UnicodeDecodeError:
        raise UidError(f"{payload!r} is no text") from None


def _of_length(data: bytes, length: int | None) -> bytes:
    if length is None and len(data) in LENGTHS:
        return data
    if len(data) == length:
        return data
    raise UidError(f"{data.hex()} has {len(data)} bytes, not {length or 'those of a UID'}")
