"""Scan-to-command barcodes: which scanned text is a command to the station, under whatever keyboard layout. Pure.

A command is `TAGSMITH` and a word, letters only, because letters are what the layouts differ least in. Every command is
known as every keyboard mix-up delivers it (a US scanner on a French computer types `TQGS?ITHUNDO`), in either case.
What bears the mark and is no command is a command all the same, an unknown one, so that nobody takes it for a number.

A lane's command ends in the lane's name where all names are letters; else, or where a keyboard mix-up would make one
lane's command another's, in a letter for its place: A is the first lane. Y and Z are never such a letter: German and
US keyboards have them exchanged.
"""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tagsmith.visual_number.keyboards import PAIRS, retype

MARK = "TAGSMITH"
"""What every command begins with."""
NAME_LENGTH = 16
"""Letters of the longest lane name that stands in a command: a longer barcode is wider than a scanner reads."""

_PLACES = "ABCDEFGHIJKLMNOPQRSTUVWX"
_TRIMMED = " \t\r\n"  # as visual numbers are


class CommandKind(enum.StrEnum):
    """What a command asks for."""

    UNDO = "undo"
    """Take the last pair back, while that is possible."""
    CLEAR = "clear"
    """Drop what waits on the lane."""
    RETRY = "retry"
    """Try again what failed."""
    VERIFY = "verify"
    """The next pair is saved only after a second tap of the same key."""
    ACK = "ack"
    """Somebody has seen the alarm."""
    LANE = "lane"
    """The next number is for this lane."""
    UNKNOWN = "unknown"
    """It bears the mark and is no command: to be refused."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command that was scanned; `lane` is the name of the lane it chooses, of `LANE` only."""

    kind: CommandKind
    lane: str = ""


_WORDS = {
    "UNDO": CommandKind.UNDO,
    "CLEAR": CommandKind.CLEAR,
    "RETRY": CommandKind.RETRY,
    "VERIFY": CommandKind.VERIFY,
    "ACK": CommandKind.ACK,
}
_UNKNOWN = Command(CommandKind.UNKNOWN)


def commands(lanes: Sequence[str]) -> dict[str, Command]:
    """Every command of a station with these lanes, by the text of its barcode, in the order to print them in."""
    return dict(_commands(tuple(lanes)))


def recognise(text: str, lanes: Sequence[str]) -> Command | None:
    """The command that a scanned text is, None for anything else. Blanks around it and its case mean nothing."""
    folded = _fold(text.strip(_TRIMMED))
    command = _arriving(_commands(tuple(lanes))).get(folded)
    if command is not None:
        return command
    # Not only at its beginning: a command glued to a number must not become a number.
    return _UNKNOWN if any(mark in folded for mark in _MARKS) else None


_Texts = tuple[tuple[str, Command], ...]


@functools.lru_cache(maxsize=8)
def _commands(lanes: tuple[str, ...]) -> _Texts:
    """The texts of all commands; lanes by name where that is safe."""
    fixed = tuple((MARK + word, Command(kind)) for word, kind in _WORDS.items())
    by_name = fixed + tuple((f"{MARK}LANE{lane.upper()}", Command(CommandKind.LANE, lane)) for lane in lanes)
    if all(re.fullmatch(rf"[A-Za-z]{{1,{NAME_LENGTH}}}", lane) for lane in lanes) and _distinct(by_name):
        return by_name
    by_place = enumerate(lanes)
    return fixed + tuple((f"{MARK}LANE{_place(place)}", Command(CommandKind.LANE, lane)) for place, lane in by_place)


def _place(place: int) -> str:
    """A place, from 0, in letters: A to X, then AA, AB and so on."""
    more, letter = divmod(place, len(_PLACES))
    return (_place(more - 1) if more else "") + _PLACES[letter]


def _distinct(texts: _Texts) -> bool:
    """Whether no two commands arrive alike, whatever the keyboards are."""
    known: dict[str, str] = {}
    return all(known.setdefault(form, text) == text for text, _ in texts for form in _forms(text))


@functools.lru_cache(maxsize=8)
def _arriving(texts: _Texts) -> dict[str, Command]:
    """Every command by everything that it may arrive as."""
    return {form: command for text, command in texts for form in _forms(text)}


def _forms(text: str) -> Iterator[str]:
    """What letters may arrive as, folded: typed in either case, by any layout, into any layout."""
    for typed in (text, text.lower()):
        yield _fold(typed)
        for scanner, computer in PAIRS:
            arrives = retype(typed, of=scanner, as_=computer)
            if arrives is not None:
                yield _fold(arrives)


# Case as keyboards make it, for what letters can become on them, and no more: a Kelvin sign is no K.
_CASES = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ\u00d1\u00d6", "abcdefghijklmnopqrstuvwxyz\u00f1\u00f6")


def _fold(text: str) -> str:
    return text.translate(_CASES)


_MARKS = frozenset(_forms(MARK))
