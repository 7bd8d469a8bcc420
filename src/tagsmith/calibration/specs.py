"""Which readers can prove the API's byte order, and what a text reader's spec must say. Opens nothing."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeAlias

from tagsmith.calibration.judgement import Writing
from tagsmith.errors import ConfigError
from tagsmith.lines.spec import Spec
from tagsmith.readers.proof import PROVING, SIMULATED
from tagsmith.readers.written import ANY_DIGITS, LENGTHS, Base, digits_of, lengths_of, order_of
from tagsmith.uid import ByteOrder

_FRAMES = {Base.HEX: "hex-line", Base.DECIMAL: "decimal-line"}
"""Plain lines of a serial reader say by their name in which digits they are."""
_WITH_BASE = ("stx-etx", "regex")
"""Other texts of a serial reader say it by an option, as those of readers that type do."""
_ANY_LENGTH = ",".join(map(str, LENGTHS))
"""Hex of every length that a UID may have."""
_LONGEST = str(max(LENGTHS))
"""A number of any shorter UID fits into one so long."""


def proves_order(spec: str, *, sandbox: bool) -> bool:
    """Whether a reader may decide how the API writes UIDs; a simulated one may for a sandbox, as simulated as it is.

    Raises:
        ConfigError: a simulated reader for a true API.
    """
    scheme = spec.strip().partition(":")[0]
    if scheme == SIMULATED and not sandbox:
        raise ConfigError(f"{spec} has no true keys: it calibrates nothing but a sandbox", "use a true reader")
    return scheme in (*PROVING, SIMULATED)


def claimed_order(spec: str) -> ByteOrder:
    """The order a text reader's spec states; uid0 first where it states none.

    Raises:
        ConfigError: it states another word.
    """
    return order_of(Spec(spec))


def bare(spec: str, raw: str) -> str:
    """The digits in what a text reader sent: without the prefix and the suffix that an `evdev:` reader types."""
    parsed = Spec(spec)
    if parsed.scheme != "evdev":
        return raw
    return raw.strip().removeprefix(parsed.text_of("prefix")).removesuffix(parsed.text_of("suffix"))


def spec_for(spec: str, writing: Writing, lengths: Collection[int] = ()) -> str:
    """The spec of this reader with the options that make its UIDs right; what has nothing to do with it stays.

    `writing.order` is known. The length is stated where it must be: that of the key, and `lengths`, those of the other
    keys that were seen, where a reader may have several. What is stated and has them all stays.
    """
    assert writing.order is not None
    parsed = Spec(spec)
    changes: _Changes = {"order": writing.order.value, **_in_digits(parsed, writing.base)}
    seen = {writing.length}
    if writing.base is Base.DECIMAL:
        changes |= _count(parsed, writing)
    elif not _is_single(parsed):
        seen |= {*lengths}
    own = lengths_of(parsed)
    keeps = seen <= {*own} if writing.base is Base.HEX else seen == {*own}
    if not keeps and (own or _is_text(parsed)):
        changes["length"] = ",".join(map(str, sorted(seen)))
    return _with(spec, changes)


def heard_otherwise(spec: str, length: int) -> tuple[str, ...]:
    """The specs under which this reader's lines are taken that are no UIDs under its own: as long as any, then in other
    digits. `length` is that of the key which is asked for, and the only one where a reader may have no other.

    What is heard so is never used but to be compared with the known key.
    """
    parsed = Spec(spec)
    if not _is_text(parsed):
        return ()
    hex_: _Changes = {**_in_digits(parsed, Base.HEX), "length": str(length) if _is_single(parsed) else _ANY_LENGTH}
    decimal: _Changes = {**_in_digits(parsed, Base.DECIMAL), "length": _LONGEST, "digits": ANY_DIGITS}
    if parsed.has("silence"):  # which may end half a number, so that their digits must be counted
        decimal |= {"length": str(length), "digits": None}
    both = (decimal, hex_) if _is_decimal(parsed) else (hex_, decimal)
    return tuple(other for changes in both if (other := _with(spec, changes)) != spec)


_Changes: TypeAlias = dict[str, str | None]
"""Option → its new value, or None where it is to go."""


def _frame(spec: Spec) -> str:
    return spec.text_of("frame", _FRAMES[Base.HEX]) if spec.scheme == "serial" else ""


def _is_text(spec: Spec) -> bool:
    return spec.scheme == "evdev" or _frame(spec) in (*_FRAMES.values(), *_WITH_BASE)


def _is_single(spec: Spec) -> bool:
    """Whether hex of this reader can have one length only."""
    return _frame(spec) == "stx-etx" or spec.has("silence")


def _is_decimal(spec: Spec) -> bool:
    return _FRAMES[Base.DECIMAL] == _frame(spec) or spec.text_of("base") == Base.DECIMAL


def _in_digits(spec: Spec, base: Base) -> _Changes:
    """What says in which digits a text is; options of the other kind of digits go. Nothing where it is no text."""
    if not _is_text(spec):
        return {}
    named: _Changes = {"base": base.value if base is Base.DECIMAL else None}
    if _frame(spec) in _FRAMES.values():
        named = {"base": None} if _frame(spec) == _FRAMES[base] else {"frame": _FRAMES[base], "base": None}
    other: tuple[str, ...] = ("case", "separator") if base is Base.DECIMAL else ("case", "digits")
    return {**named, **dict.fromkeys(other)}


def _count(spec: Spec, writing: Writing) -> _Changes:
    """What says how many digits a decimal number has; they are padded unless one with fewer came."""
    width = digits_of(writing.length)
    if writing.digits == width:
        return {"digits": None}
    return {"digits": str(writing.digits) if writing.digits > width else ANY_DIGITS}


def _with(spec: str, changes: _Changes) -> str:
    """The text with these options in the place of those of the same names; new ones stand at its end, None goes."""
    head, _, query = spec.partition("?")
    left = dict(changes)
    options = []
    for option in filter(None, query.split("&")):
        name = option.partition("=")[0]
        value = left.pop(name, None) if name in changes else option.partition("=")[2]
        if value is not None:
            options.append(f"{name}={value}")
    options += [f"{name}={value}" for name, value in left.items() if value is not None]
    return f"{head}?{'&'.join(options)}" if options else head
