"""Scan-to-command barcodes: which scanned text is a command to the station, under whatever keyboard layout. Pure.

A command is `TAGSMITH` and a word, letters only, because letters are what the layouts differ least in. Every command is
known as every keyboard mix-up delivers it (a US scanner on a French computer types `TQGS?ITHUNDO`), in either case.
What bears the mark and is no command is a command all the same, an unknown one, so that nobody takes it for a number.

A barcode that spells a lane's name means that lane or nothing, and one that was printed (`commands`) means the lane it
was printed for or nothing, also after lanes were added, renamed or moved: it ends in the lane's name where that is
letters only, else in a letter for its place (A is the first lane) and letters that stand for its name. Y and Z are in
none of them: German and US keyboards have them exchanged. Nor does a single letter stand for a name: it may be a
place's.

Shorter ones are known besides, for labels that people make themselves: `LANE` and any name of letters only; `PLACE` and
the place's letter for the other lanes, of 24 lanes at most; `LANE` and that letter only while no lane's name is letters
only. They go by the lanes as they are now. What could be two of them is none.

A command that has lost its first letters, or its last ones, is no number either.
"""

from __future__ import annotations

import enum
import functools
import hashlib
import re
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tagsmith.production import RejectCause
from tagsmith.visual_number.keyboards import PAIRS, retype

MARK = "TAGSMITH"
"""What every command begins with."""
NAME_LENGTH = 7
"""Letters of the longest lane name that stands in a printed command: what stands for a longer one is shorter."""

_LANE, _PLACE = f"{MARK}LANE", f"{MARK}PLACE"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWX"
_NAME = re.compile("[A-Za-z]+")
_PRINTED_NAME = re.compile(f"[A-Xa-x]{{2,{NAME_LENGTH}}}")
_CHECKED = 4
"""Letters that stand for a name: of 331,776 names two share them."""
_REMNANT = 8
"""Letters of the shortest remnant of a command that is told from a number."""
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
    SIGN_OFF = "sign-off"
    """Whoever is signed on goes."""
    SHIFT_START = "shift-start"
    """The shift begins: its checks are made."""
    SHIFT_END = "shift-end"
    """The shift is over: its report is made."""
    REJECT_PRINT = "reject-print"
    """Put the key aside: its number cannot be read."""
    REJECT_DEAD = "reject-dead"
    """Put the key aside: its chip does not answer."""
    REJECT_WRONG = "reject-wrong"
    """Put the key aside: its chip is of another kind than ordered."""
    REJECT_DOUBLE = "reject-double"
    """Put the key aside: its chip or its number is there twice."""
    REJECT_OTHER = "reject-other"
    """Put the key aside for another reason."""
    UNLOCK = "unlock"
    """Let a lane go on that has stopped after many rejected keys, where nobody has to be a supervisor for that."""
    SKIP = "skip"
    """The lane has stopped: the missing card is skipped."""
    RECHECK = "recheck"
    """The lane has stopped: the keys since the last check are checked again."""
    UNDO_RUN = "undo-run"
    """The lane has stopped: the keys since the last check are taken back."""
    AGAIN = "again"
    """The lane has stopped: it was a wrong scan."""
    ASIDE = "aside"
    """The lane has stopped: its key is put aside."""
    LANE = "lane"
    """The next number is for this lane."""
    UNKNOWN = "unknown"
    """It bears the mark and is no command: to be refused."""


OF_SHIFTS = frozenset({CommandKind.SIGN_OFF, CommandKind.SHIFT_START, CommandKind.SHIFT_END})
"""Commands about who works here, and when; they are of no lane."""

OF_REJECTS = {
    CommandKind.REJECT_PRINT: RejectCause.DAMAGED_PRINT,
    CommandKind.REJECT_DEAD: RejectCause.DEAD_CHIP,
    CommandKind.REJECT_WRONG: RejectCause.WRONG_CHIP,
    CommandKind.REJECT_DOUBLE: RejectCause.DUPLICATE,
    CommandKind.REJECT_OTHER: RejectCause.OTHER,
}
"""Commands that put a key aside, and why."""


CHOICES = {
    CommandKind.SKIP: "skip-missing",
    CommandKind.RECHECK: "recheck-run",
    CommandKind.UNDO_RUN: "undo-run",
    CommandKind.AGAIN: "scan-again",
    CommandKind.ASIDE: "put-aside",
}
"""Commands that decide how a lane goes on that has stopped, with the choice that each is."""


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
    "SIGNOFF": CommandKind.SIGN_OFF,
    "SHIFTSTART": CommandKind.SHIFT_START,
    "SHIFTEND": CommandKind.SHIFT_END,
    "REJPRINT": CommandKind.REJECT_PRINT,
    "REJDEAD": CommandKind.REJECT_DEAD,
    "REJWRONG": CommandKind.REJECT_WRONG,
    "REJDOUBLE": CommandKind.REJECT_DOUBLE,
    "REJOTHER": CommandKind.REJECT_OTHER,
    "UNLOCK": CommandKind.UNLOCK,
    "SKIP": CommandKind.SKIP,
    "RECHECK": CommandKind.RECHECK,
    # Not UNDORUN: cut short, it would be UNDO.
    "RUNUNDO": CommandKind.UNDO_RUN,
    "AGAIN": CommandKind.AGAIN,
    "ASIDE": CommandKind.ASIDE,
}
_UNKNOWN = Command(CommandKind.UNKNOWN)


def commands(lanes: Sequence[str]) -> dict[str, Command]:
    """Every command to print for a station with these lanes, by the text of its barcode; first what needs no lane."""
    fixed = {MARK + word: Command(kind) for word, kind in _WORDS.items()}
    return fixed | {_printed(place, lane): Command(CommandKind.LANE, lane) for place, lane in enumerate(lanes)}


def recognise(text: str, lanes: Sequence[str]) -> Command | None:
    """The command that a scanned text is, None for anything else. Blanks around it and its case mean nothing."""
    folded = _fold(text.strip(_TRIMMED))
    arriving, remnants = _arriving(tuple(lanes))
    command = arriving.get(folded)
    if command is not None:
        return command
    # Not only at its beginning: a command glued to a number must not become a number.
    if folded in remnants or _is_cut(folded) or any(mark in folded for mark in _MARKS):
        return _UNKNOWN
    return None


def _printed(place: int, lane: str) -> str:
    """The text of the barcode that is printed for a lane."""
    if _PRINTED_NAME.fullmatch(lane):
        return _LANE + lane.upper()
    # Without its name, the barcode of a place would mean another lane as soon as one is put before it.
    digest = hashlib.sha256(lane.casefold().encode("utf-8", "backslashreplace")).digest()
    return _PLACE + _place(place) + "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:_CHECKED])


def _short(lanes: Sequence[str]) -> Iterator[tuple[str, Command]]:
    """The shorter texts that are known besides."""
    # A place of two letters that lost one would be another place.
    has_places = len(lanes) <= len(_LETTERS)
    any_named = any(map(_NAME.fullmatch, lanes))
    for place, lane in enumerate(lanes):
        command = Command(CommandKind.LANE, lane)
        if _NAME.fullmatch(lane):
            yield _LANE + lane.upper(), command
        elif has_places:
            yield _PLACE + _LETTERS[place], command
            if not any_named:
                yield _LANE + _LETTERS[place], command


def _place(place: int) -> str:
    """A place, from 0, in letters: A to X, then AA, AB and so on."""
    more, letter = divmod(place, len(_LETTERS))
    return (_place(more - 1) if more else "") + _LETTERS[letter]


@functools.lru_cache(maxsize=8)
def _arriving(lanes: tuple[str, ...]) -> tuple[dict[str, Command], frozenset[str]]:
    """Every command by everything that it may arrive as, and what may be left of those that lost their beginning."""
    arriving: dict[str, Command] = {}
    for text, command in (*commands(lanes).items(), *_short(lanes)):
        for form in _forms(text):
            if arriving.setdefault(form, command) != command:
                arriving[form] = _UNKNOWN
    return arriving, frozenset(remnant for form in arriving for remnant in _remnants(form))


def _remnants(form: str) -> Iterator[str]:
    """What is left of a command that lost letters at its beginning, as long as it is told from a number."""
    return (form[lost:] for lost in range(1, min(len(MARK), len(form) - _REMNANT) + 1))


def _is_cut(folded: str) -> bool:
    """Whether it is the barcode of a lane, known here or not, that lost letters at its beginning."""
    # More than letters would be a number: SM-ITH may be somebody's contract ids.
    return any(folded.startswith(cut) and not folded[len(cut) :].strip(_LETTERS_FOLDED) for cut in _CUTS)


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
_CUTS = frozenset(cut for text in (_LANE, _PLACE) for form in _forms(text) for cut in _remnants(form))
_LETTERS_FOLDED = "".join({form for letter in string.ascii_uppercase for form in _forms(letter)})
