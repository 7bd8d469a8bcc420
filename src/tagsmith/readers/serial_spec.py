"""What a `serial:` reader's spec says: the port, how frames begin and end, how UIDs are written, how long a tap lasts.

    serial:/dev/ttyUSB0?frame=hex-line&baud=9600&order=wire&length=7

| option | for which frames | meaning |
|---|---|---|
| `frame` | | `hex-line` (default), `decimal-line`, `stx-etx`, `length-prefixed`, `twn4`, `regex` |
| `baud`, `bits`, `parity`, `stop` | all | how the port is set: 9600, 8, none, 1 |
| `order` | all | `wire`: uid0 first (default); `reversed`: last byte first |
| `length` | all | bytes of every UID: 4, 5, 7, 8 or 10. Without it any of these (stx-etx: 5); decimal needs it |
| `mode` | all but twn4 | `once` per tap (default), or `repeat`: frames come while the key lies there |
| `stay` | all | seconds from the last frame until the key counts as gone: 0.3, repeating 0.6, twn4 0.25 |
| `end` | lines, regex | `any` (CR, LF or both; default), `cr`, `lf`, `crlf`, `tab`, `etx` |
| `prefix`, `suffix` | hex-line, decimal-line | fixed text around the UID, percent-encoded |
| `base` | stx-etx, regex | `hex` (default) or `decimal`; the line frames say it by their name |
| `case` | where it is hex | `any` (default), `upper`, `lower` |
| `separator` | where it is hex | what stands between two bytes, like `%3A` |
| `digits` | where it is decimal | how many, with leading zeros; default: those of the greatest UID; `any` |
| `checksum` | stx-etx | `xor` (default), `none` |
| | length-prefixed | `none` (default), `xor` of the payload, `xor-all`: of the length, too |
| `quiet` | length-prefixed | the pause in seconds that ends a frame: 0.02 |
| `pattern` | regex | the expression for a whole line, with a group `uid`, percent-encoded |
| `poll` | twn4 | seconds from an answer to the next question: 0.05 |
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tagsmith.errors import ConfigError
from tagsmith.lines.framing import QUIET_S, Check, End, Framing, LengthPrefixed, Lines, StxEtx
from tagsmith.lines.ports import Settings, address_of
from tagsmith.lines.spec import Spec
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
from tagsmith.uid import MAX_LENGTH, ByteOrder

FRAMES = ("hex-line", "decimal-line", "stx-etx", "length-prefixed", "twn4", "regex")
_LOW_FREQUENCY_LENGTH = 5
_LIMIT = 256
"""Bytes of the longest frame; the longest UID in any writing with any marks around it is far shorter."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a spec says. `poll_s` is None for a reader that sends by itself."""

    address: str
    settings: Settings
    framing: Framing
    writing: Writing
    repeats: bool
    stay_s: float
    poll_s: float | None = None


def plan(text: str) -> Plan:
    """What a spec says; `text` is the whole of it.

    Raises:
        ConfigError: an option is wrong, unknown or missing; says which, and what to write.
    """
    spec = Spec(text)
    address = address_of(spec)
    settings = Settings.read(spec)
    frame = spec.choice("frame", FRAMES, "hex-line")
    framing, writing = _MAKERS[frame](spec)
    if frame == "twn4":
        stay_s, poll_s = spec.seconds("stay", 0.25, 0.05, 10), spec.seconds("poll", 0.05, 0.02, 2)
        made = Plan(address, settings, framing, writing, repeats=True, stay_s=stay_s, poll_s=poll_s)
    else:
        repeats = spec.choice("mode", ("once", "repeat"), "once") == "repeat"
        made = Plan(
            address, settings, framing, writing, repeats, spec.seconds("stay", 0.6 if repeats else 0.3, 0.05, 10)
        )
    spec.finish()
    return made


def _hex_line(spec: Spec) -> tuple[Framing, Writing]:
    spec.choice("base", ("hex",), "hex")
    writing = _hex(spec, _length(spec))
    return _lines(spec, is_fixed=writing.length is not None), writing


def _decimal_line(spec: Spec) -> tuple[Framing, Writing]:
    spec.choice("base", ("decimal",), "decimal")
    writing = _decimal(spec, _length(spec))
    return _lines(spec, is_fixed=writing.digits > 0), writing


def _stx_etx(spec: Spec) -> tuple[Framing, Writing]:
    checksum = spec.choice("checksum", ("xor", "none"), "xor") == "xor"
    return StxEtx(checksum=checksum, limit=_LIMIT), _text(spec, _length(spec) or _LOW_FREQUENCY_LENGTH)


def _length_prefixed(spec: Spec) -> tuple[Framing, Writing]:
    check = Check(spec.choice("checksum", tuple(Check), Check.NONE))
    framing = LengthPrefixed(check, quiet_s=spec.seconds("quiet", QUIET_S, 0.005, 0.2), limit=_LIMIT)
    return framing, Binary(_order(spec), _length(spec))


def _twn4(spec: Spec) -> tuple[Framing, Writing]:
    # A line that has lost its beginning is no answer: those begin with 0000 or 0001 and count their bytes.
    return Lines(limit=_LIMIT, rests_are_told=True), Twn4(_order(spec), _length(spec))


def _regex(spec: Spec) -> tuple[Framing, Writing]:
    text = spec.text_of("pattern")
    if not text:
        raise spec.error("frame=regex needs a pattern", "write pattern=… with a group (?P<uid>…), percent-encoded")
    try:
        pattern = re.compile(text, re.ASCII)
    except re.error as error:
        raise spec.error(f"pattern={text} is no regular expression: {error}") from error
    if "uid" not in pattern.groupindex:
        raise spec.error(f"pattern={text} has no group for the UID", "put (?P<uid>…) around it")
    return Lines(_end(spec), limit=_LIMIT), Pattern(pattern, _text(spec, _length(spec)))


_MAKERS = {
    "hex-line": _hex_line,
    "decimal-line": _decimal_line,
    "stx-etx": _stx_etx,
    "length-prefixed": _length_prefixed,
    "twn4": _twn4,
    "regex": _regex,
}


def _lines(spec: Spec, *, is_fixed: bool) -> Lines:
    prefix, suffix = _affix(spec, "prefix"), _affix(spec, "suffix")
    # A prefix tells a line from the rest of one if it begins with what stands in no UID: a letter beyond F, a control.
    is_marked = re.match(rb"[G-Zg-z\x00-\x1f]", prefix) is not None
    return Lines(_end(spec), prefix=prefix, suffix=suffix, limit=_LIMIT, rests_are_told=is_fixed or is_marked)


def _affix(spec: Spec, name: str) -> bytes:
    """An option that is a fixed text of ASCII characters.

    Raises:
        ConfigError: it has others.
    """
    text = spec.text_of(name)
    if not text.isascii():
        raise spec.error(f"{name}={text} has characters that are not ASCII")
    return text.encode("ascii")


def _end(spec: Spec) -> End:
    return End(spec.choice("end", tuple(End), End.ANY))


def _order(spec: Spec) -> ByteOrder:
    return ByteOrder(spec.choice("order", tuple(ByteOrder), ByteOrder.WIRE))


def _length(spec: Spec) -> int | None:
    if not spec.has("length"):
        spec.text_of("length")
        return None
    length = spec.integer("length", 0, min(LENGTHS), MAX_LENGTH)
    if length not in LENGTHS:
        raise spec.error(f"no UID has {length} bytes", f"one of: {', '.join(map(str, LENGTHS))}")
    return length


def _text(spec: Spec, length: int | None) -> Writing:
    if spec.choice("base", ("hex", "decimal"), "hex") == "decimal":
        return _decimal(spec, length)
    return _hex(spec, length)


def _hex(spec: Spec, length: int | None) -> HexText:
    case = Case(spec.choice("case", tuple(Case), Case.ANY))
    separator = spec.text_of("separator")
    if len(separator) > 1 or re.fullmatch("[0-9A-Fa-f]", separator):
        raise spec.error(f"separator={separator} should be one character that is no hex digit")
    return HexText(_order(spec), length, case, separator)


def _decimal(spec: Spec, length: int | None) -> DecimalText:
    if length is None:
        raise _no_length(spec)
    least = digits_of(length)
    digits = 0 if spec.text_of("digits") == "any" else spec.integer("digits", least, least, 30)
    return DecimalText(length, digits, _order(spec))


def _no_length(spec: Spec) -> ConfigError:
    return spec.error(
        "decimal UIDs need a length", "write length=4 or length=7: a number does not show its leading zero bytes"
    )
