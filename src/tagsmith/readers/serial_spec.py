"""What a `serial:` reader's spec says: the port, how frames begin and end, how UIDs are written, how long a tap lasts.

    serial:/dev/ttyUSB0?frame=hex-line&baud=9600&order=wire&length=7

| option | for which frames | meaning |
|---|---|---|
| `frame` | | `hex-line` (default), `decimal-line`, `stx-etx`, `length-prefixed`, `twn4`, `regex` |
| `baud`, `bits`, `parity`, `stop` | all | how the port is set: 9600, 8, none, 1 |
| `order` | all | `wire`: uid0 first (default); `reversed`: last byte first |
| `length` | hex-line, regex | bytes of every UID: 4, 5, 7, 8 or 10, or a list of these like `4,7`; needed |
| | where it is decimal | one of them; needed |
| | stx-etx | one of them; default: 5 |
| | length-prefixed | a list; needed with `checksum=none`, else default: all of them |
| | twn4 | a list; default: all of them |
| `mode` | all but twn4 | `once` per tap (default), or `repeat`: frames come while the key lies there |
| `stay` | all | seconds from the last frame until the key counts as gone: 0.3, repeating 0.6, twn4 0.25 |
| `end` | lines, regex | `any` (CR, LF or both; default), `cr`, `lf`, `crlf`, `tab`, `etx` |
| `prefix`, `suffix` | hex-line, decimal-line | fixed text around the UID, percent-encoded |
| `base` | stx-etx, regex | `hex` (default) or `decimal`; the line frames say it by their name |
| `case`, `separator`, `digits` | where it is text | as in readers/written.py |
| `checksum` | stx-etx | `xor` (default), `none` |
| | length-prefixed | `none` (default), `xor` of the payload, `xor-all`: of the length, too |
| `quiet` | length-prefixed | the pause in seconds that ends a frame: 0.02 |
| `pattern` | regex | the expression for a whole line, with a group `uid`, percent-encoded |
| `poll` | twn4 | seconds from an answer to the next question: 0.05 |
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tagsmith.lines.framing import QUIET_S, Check, End, Framing, LengthPrefixed, Lines, StxEtx
from tagsmith.lines.ports import Settings, address_of
from tagsmith.lines.spec import Spec
from tagsmith.readers.written import (
    LENGTHS,
    Binary,
    Pattern,
    Twn4,
    Writing,
    decimal_of,
    hex_of,
    lengths_of,
    needed_lengths,
    order_of,
    text_of,
)

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
    writing = hex_of(spec)
    return _lines(spec, is_fixed=writing.is_fixed), writing


def _decimal_line(spec: Spec) -> tuple[Framing, Writing]:
    spec.choice("base", ("decimal",), "decimal")
    writing = decimal_of(spec)
    return _lines(spec, is_fixed=writing.is_fixed), writing


def _stx_etx(spec: Spec) -> tuple[Framing, Writing]:
    checksum = spec.choice("checksum", ("xor", "none"), "xor") == "xor"
    lengths = lengths_of(spec) or (_LOW_FREQUENCY_LENGTH,)
    if len(lengths) > 1:
        raise spec.error("frame=stx-etx takes one length", "write the one: its checksum does not notice lost zeros")
    return StxEtx(checksum=checksum, limit=_LIMIT), text_of(spec, lengths)


def _length_prefixed(spec: Spec) -> tuple[Framing, Writing]:
    check = Check(spec.choice("checksum", tuple(Check), Check.NONE))
    framing = LengthPrefixed(check, quiet_s=spec.seconds("quiet", QUIET_S, 0.005, 0.2), limit=_LIMIT)
    lengths = needed_lengths(spec) if check is Check.NONE else lengths_of(spec)
    return framing, Binary(lengths or LENGTHS, order_of(spec))


def _twn4(spec: Spec) -> tuple[Framing, Writing]:
    # A line that has lost its beginning is no answer: those begin with 0000 or 0001 and count their bytes.
    return Lines(limit=_LIMIT, rests_are_told=True), Twn4(lengths_of(spec) or LENGTHS, order_of(spec))


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
    return Lines(_end(spec), limit=_LIMIT), Pattern(pattern, text_of(spec))


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
