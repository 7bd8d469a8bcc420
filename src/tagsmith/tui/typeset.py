"""Setting a face, or lines, on a sheet of so many cells. Pure: text and sizes in, rows of runs out.

The huge word gets what is left after the sentences; when there is not enough for both, facts go first, sentences
next, the word never.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from functools import lru_cache

from rich.cells import cell_len, chop_cells, set_cell_size

from tagsmith.i18n import _
from tagsmith.tui import keys, letters
from tagsmith.tui.face import Face, Tone
from tagsmith.tui.text import EMPTY, Safe, joined


class Ink(enum.Enum):
    """How a run of cells is drawn, in the colours of the sheet it stands on."""

    PLAIN = enum.auto()
    """Text."""
    BOLD = enum.auto()
    """Text that is read first."""
    DIM = enum.auto()
    """Text that may be overlooked."""
    REVERSE = enum.auto()
    """Text in exchanged colours."""
    BLOCK = enum.auto()
    """Full cells: front and back in the same colour, so that no console's font can leave a gap."""


Run = tuple[Safe, Ink]
Row = tuple[Run, ...]

# Width by height of a cell of a letter, the largest first. A terminal's cell is about twice as high as wide.
_SCALES = sorted(
    ((across, down) for down in (1, 2, 3, 4) for across in range(down, min(3 * down, 6) + 1)),
    key=lambda scale: (scale[0] * scale[1], scale[1]),
    reverse=True,
)
_MARGIN = 1
_TITLE_ROWS = 4
_HINT_ROWS = 2
_ROOMY_HEIGHT = 18
"""Rows of a lane from which on the number that comes next may be set in letters, too."""
_NARROW_STRIP = 60


def row(text: Safe, ink: Ink = Ink.PLAIN) -> Row:
    """A row of one run."""
    return ((text, ink),)


def fitted(text: str, width: int) -> Safe:
    """The text cut to at most `width` cells, with `..` where something was cut away."""
    if cell_len(text) <= width:
        return Safe(text)
    if width <= 2:
        return Safe(set_cell_size(text, max(width, 0)))
    return Safe(set_cell_size(text, width - 2).rstrip() + "..")


def padded(text: str, width: int) -> Safe:
    """The text in exactly `width` cells."""
    return Safe(set_cell_size(fitted(text, width), width))


def first_that_fits(width: int, variants: Iterable[str]) -> Safe:
    """The first of the variants, longest first, that fits; else the last one, cut."""
    last = ""
    for last in variants:
        if cell_len(last) <= width:
            break
    return fitted(last, width)


def wrapped(text: Safe, width: int, most: int) -> list[Safe]:
    """The text broken at blanks into at most `most` lines; the last one is cut when it does not fit."""
    if width <= 0 or most <= 0:
        return []
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if cell_len(longer) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        *full, line = chop_cells(word, width) or [""]
        lines.extend(full)
    lines.append(line)
    if len(lines) > most:
        lines = [*lines[: most - 1], fitted(" ".join(lines[most - 1 :]), width)]
    return [Safe(line) for line in lines if line]


def face_rows(face: Face, width: int, height: int, *, heading: Safe = EMPTY, block: str = "█") -> list[Row]:
    """Exactly `height` rows for a lane's face, each at most `width` cells wide, everything in the middle.

    `heading` names the lane where there are several. `block` is the character of a full cell. A lane of several that is
    too small for letters is set as `strip_rows`. What a person is to choose from is not cut for the sake of letters.
    """
    if width <= 0 or height <= 0:
        return [()] * max(height, 0)
    head = [_centred(heading, width, Ink.BOLD)] if heading else []
    for sentences in _in_letters(face, width, height, block):
        word = _word_rows(face, width, height - len(head) - len(sentences), block)
        if word:
            return _in_the_middle(head, word, sentences, height)
    if heading:
        return strip_rows(face, width, height, heading)
    return small_face_rows(face, width, height, heading)


def _in_letters(face: Face, width: int, height: int, block: str) -> Iterable[list[Row]]:
    """What may stand under a word in letters, from the most on."""
    if face.choices:
        yield _abridged(face, width)[0]
        return
    if face.expected and height >= _ROOMY_HEIGHT:
        large = _large_number(face.expected, width, block)
        # The word stays the larger of the two.
        for sentences in _abridged(face, width, with_expected=False) if large else ():
            if height - len(sentences) - len(large) >= 2 * letters.HEIGHT:
                yield [*sentences, *large]
                break
    yield from _abridged(face, width)


def small_face_rows(face: Face, width: int, height: int, heading: Safe = EMPTY) -> list[Row]:
    """As `face_rows`, with the word in one line: where the sentences are what counts."""
    # A shorter word in full says more than half of the longer one.
    spelled = [joined([place, Safe(word)], ": ") for place in (heading, EMPTY) for word in face.spellings]
    text = first_that_fits(max(width - 2, 1), spelled)
    word = [_centred(f" {text} ", width, Ink.REVERSE)]
    for sentences in _abridged(face, width):
        if len(word) + len(sentences) <= height:
            return _in_the_middle([], word, sentences, height)
    return word + [()] * (height - 1)


def strip_rows(face: Face, width: int, height: int, heading: Safe) -> list[Row]:
    """Exactly `height` rows for one of many lanes: name and word, what happened, the number; from the left on."""
    number = _expected_text(face) if face.expected else next((part for group in face.details for part in group), EMPTY)
    if height <= 1:
        return [_single_row(face, width, heading, number)][:height]
    inner = max(width - 2 * _MARGIN, 1)
    spelled = [joined([heading, Safe(word)], ": ") for word in face.spellings]
    chip = first_that_fits(inner, spelled)
    beside = bool(number) and cell_len(chip) + cell_len(number) + 5 <= width
    rows = [_with_chip(chip, number if beside else EMPTY, width)]
    below = [number] if number and not beside else []
    # One line is kept for what is to be done: the hint, or the choices.
    kept = int(bool(face.hint or face.choices) and height > 2)
    most = max(height - 1 - kept - (len(below) if height > 3 else 0), 1)
    rows += [_left(line, width, Ink.BOLD) for line in wrapped(face.title, inner, most)]
    if face.choices:
        told = _told_choices(face.choices, inner, height - len(rows))
        rows += [_left(line, width, Ink.PLAIN) for line in told]
    else:
        rows += [_left(line, width, Ink.PLAIN) for line in wrapped(face.hint, inner, height - len(rows) - len(below))]
        rows += [_left(line, width, Ink.PLAIN) for line in below]
        rows += [_left(line, width, Ink.BOLD) for line in face.warnings]
    return (rows + [()] * (height - len(rows)))[:height]


def _single_row(face: Face, width: int, heading: Safe, number: Safe) -> Row:
    """A lane in one line. What is refused must be said; else the word says enough, and the number is what counts."""
    place = heading if width >= _NARROW_STRIP else Safe(heading.partition(" ")[2] or heading)
    chip = joined([place, Safe(face.spellings[-1])], ": ")
    room = width - cell_len(chip) - cell_len(number) - 5
    if face.tone is Tone.ERROR or not number:
        both = cell_len(face.title) <= room
        return _with_chip(chip, joined([face.title, number]) if both else face.title, width)
    title = fitted(face.title, room) if room > 8 else EMPTY
    return _with_chip(chip, joined([number, title]), width)


def _told_choices(choices: Sequence[Safe], inner: int, room: int) -> list[Safe]:
    """All of them in full, or all cut, or how to see them."""
    full = [line for choice in choices for line in hanging(choice, inner, 2)]
    if len(full) <= room:
        return full
    return list(choices) if len(choices) <= room else [Safe(keys.named(_("{choices}: decide")))]


def _with_chip(chip: Safe, text: Safe, width: int) -> Row:
    label = fitted(f" {fitted(chip, max(width - 2, 1))} ", width) if width > 2 else fitted(chip, width)
    room = width - cell_len(label) - 1
    return ((Safe(label), Ink.REVERSE), (Safe(f" {fitted(text, room)}" if room > 2 else ""), Ink.BOLD))


def _left(text: Safe, width: int, ink: Ink) -> Row:
    return row(fitted(f"{' ' * _MARGIN}{text}", width), ink)


@lru_cache(maxsize=64)
def _abridged(face: Face, width: int, with_expected: bool = True) -> list[list[Row]]:
    """The sentences under the word, from all of them to none: what is dropped first is what can wait."""
    inner = max(width - 2 * _MARGIN, 1)
    titles = [
        [_centred(line, width, Ink.BOLD) for line in wrapped(face.title, inner, most)]
        for most in (_TITLE_ROWS, 3, 2, 1)
    ]
    hint = [_centred(line, width, Ink.PLAIN) for line in wrapped(face.hint, inner, _HINT_ROWS)]
    short_hint = [_centred(line, width, Ink.PLAIN) for line in wrapped(face.hint, inner, 1)]
    warnings = [_centred(fitted(line, inner), width, Ink.BOLD) for line in face.warnings]
    details = [_centred(line, width, Ink.PLAIN) for group in face.details for line in _grouped(group, inner)]
    if face.choices:
        choices, short = _choice_rows(face.choices, inner, 2), _choice_rows(face.choices, inner, 1)
        gap: list[Row] = [()]
        ladder = [titles[0] + hint + gap + choices + gap + details, titles[0] + hint + gap + choices]
        ladder += [titles[0] + hint + choices, titles[0] + hint + short]
        ladder += [title + short_hint + short for title in titles[1:]] + [titles[-1] + short]
        return [*ladder, titles[-1], []]
    following = [_centred(_expected_text(face, inner), width, Ink.REVERSE)] if face.expected and with_expected else []
    # The word and the number that comes next are read from afar; the sentences explain them.
    titles = [title + following for title in titles]
    ladder = [titles[0] + hint + warnings + details[:keep] for keep in range(len(details), -1, -1)]
    ladder += [title + hint + warnings[:1] for title in titles]
    ladder += [title + hint for title in titles[1:]]
    return [*ladder, titles[-1] + short_hint, titles[-1], following, []]


def _choice_rows(choices: Sequence[Safe], inner: int, most: int) -> list[Row]:
    """The choices below each other, from one left edge on."""
    lines = [line for choice in choices for line in hanging(choice, inner, most)]
    left = max((inner - max(map(cell_len, lines), default=0)) // 2, 0) + _MARGIN
    return [((Safe(" " * left), Ink.PLAIN), (line, Ink.BOLD)) for line in lines]


def hanging(choice: Safe, inner: int, most: int) -> list[Safe]:
    """A numbered choice on so many lines at most, those after the first under its words."""
    first, *rest = wrapped(choice, inner, most) or [EMPTY]
    return [first, *(fitted(f"   {line}", inner) for line in rest)]


def _expected_text(face: Face, width: int = 200) -> Safe:
    spoken = Safe(f" {_('next')}  {face.expected} ")
    return spoken if cell_len(spoken) <= width else fitted(f" {face.expected} ", width)


def _large_number(number: Safe, width: int, block: str) -> list[Row]:
    """The number in letters under its label; nothing if it does not fit or has signs without a shape."""
    text = number.upper()
    if not letters.known(text) or letters.word_width(text) > width - 2 * _MARGIN:
        return []
    return [(), _centred(_("next"), width, Ink.BOLD), *_enlarged(text, 1, 1, width, block)]


def _grouped(group: Sequence[Safe], width: int) -> list[Safe]:
    together = "   ".join(group)
    return [Safe(together)] if cell_len(together) <= width else [fitted(part, width) for part in group]


def _word_rows(face: Face, width: int, height: int, block: str) -> list[Row]:
    """The word as large as it fits; nothing if no spelling of it does."""
    inner = width - 2 * _MARGIN
    for spelling in face.spellings:
        for across, down in _SCALES:
            if letters.word_width(spelling) * across <= inner and letters.HEIGHT * down <= height:
                return _enlarged(spelling, across, down, width, block)
    return []


def _enlarged(word: str, across: int, down: int, width: int, block: str) -> list[Row]:
    left = (width - letters.word_width(word) * across) // 2
    rows: list[Row] = []
    for cells in letters.word_rows(word):
        runs: list[Run] = [(Safe(" " * left), Ink.PLAIN)]
        for cell in cells:
            ink = Ink.BLOCK if cell == "#" else Ink.PLAIN
            text = (block if cell == "#" else " ") * across
            if runs[-1][1] is ink:
                runs[-1] = (Safe(runs[-1][0] + text), ink)
            else:
                runs.append((Safe(text), ink))
        rows += [tuple(runs)] * down
    return rows


def _in_the_middle(head: list[Row], word: list[Row], sentences: list[Row], height: int) -> list[Row]:
    spare = height - len(head) - len(word) - len(sentences)
    gap = 1 if spare and sentences else 0
    above = (spare - gap + 1) // 2
    filled = [*head, *[()] * above, *word, *[()] * gap, *sentences]
    return filled + [()] * (height - len(filled))


def _centred(text: str, width: int, ink: Ink) -> Row:
    text = fitted(text, width)
    return ((Safe(" " * ((width - cell_len(text)) // 2)), Ink.PLAIN), (text, ink))
