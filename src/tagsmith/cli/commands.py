"""`tagsmith commands`: the barcodes that are orders to the station, listed, or as a page to print."""

from __future__ import annotations

import os
import re
import secrets
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import click

from tagsmith.cli.output import config_option, json_option, print_table, settings_from, write_json
from tagsmith.errors import TagsmithError

if TYPE_CHECKING:
    from tagsmith.scanners.commands import Command

# A4, in mm.
_WIDTH, _HEIGHT, _MARGIN, _HEAD, _HEADING = 210.0, 297.0, 12.0, 26.0, 9.0
_MODULES_MM = tuple(dots * 25.4 / 300 for dots in (6, 5, 4))
"""How wide a module, the thinnest bar, may be, best first: whole dots of a 300 dpi printer, and never below 0.33 mm,
where cheap scanners fail."""
_QUIET = 10
"""Modules that must stay white on each side of a Code 128 (ISO/IEC 15417)."""
_COLUMN = 8
"""More lanes than this stand in two columns."""
_ROWS_MM = (40.0, 16.0)
"""The highest and the lowest row: low bars are hard to hit."""
_BESIDE_MM = 88.0
"""What one column leaves for the words beside the bars, at least."""
_BELOW_MM = 22.0
"""The lowest row of two columns in which a sentence stands below its word; in lower ones beside it."""
_BIG, _SMALL, _TINY = 11.6, 4.4, 2.4
"""Font sizes: the word of a command (its capitals are 8 mm high in the usual fonts), its sentence, its text."""
_CAPITAL = 0.73
"""The height of a capital, in font sizes."""


@click.command("commands")
@click.option("--reader", "readers", metavar="SPEC", multiple=True, help="A reader, one per lane, as for `run`.")
@click.option(
    "--sheet",
    metavar="FILE.svg",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a page (A4) of barcodes to print: the lanes, and what is asked of them.",
)
@click.option(
    "--shift-sheet",
    metavar="FILE.svg",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a page of those for sign-off and for the start and end of a shift.",
)
@click.option(
    "--reject-sheet",
    metavar="FILE.svg",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a page of those for keys that are put aside, by reason.",
)
@click.option(
    "--stop-sheet",
    metavar="FILE.svg",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a page of those that decide how a lane goes on that has stopped.",
)
@json_option
@config_option
def commands(
    readers: tuple[str, ...],
    sheet: Path | None,
    shift_sheet: Path | None,
    reject_sheet: Path | None,
    stop_sheet: Path | None,
    as_json: bool,
    config: Path | None,
) -> None:
    """List the barcodes that are orders to the station, for its lanes, and what they do.

    They are letters only, and known whatever keyboards scanner and computer are set to.
    """
    from tagsmith.scanners.commands import CHOICES, OF_REJECTS, OF_SHIFTS, CommandKind
    from tagsmith.scanners.commands import commands as commands_of

    overrides: dict[str, Any] = {"reader": [{"spec": spec} for spec in readers]} if readers else {}
    settings = settings_from(config, **overrides)
    # Without a reader in the settings the station takes the first that it finds: one lane, the first.
    texts = commands_of([reader.lane for reader in settings.reader] or ["1"])
    lanes = [text for text, command in texts.items() if command.lane]
    shifts = [text for text, command in texts.items() if command.kind in OF_SHIFTS]
    rejects = [text for text, command in texts.items() if command.kind in OF_REJECTS]
    stops = [text for text, command in texts.items() if command.kind in CHOICES or command.kind is CommandKind.UNLOCK]
    apart = {*lanes, *shifts, *rejects, *stops}
    orders = [text for text in texts if text not in apart]
    # Lanes first, what is scanned most. What is scanned seldom has pages of its own, for another place: nobody shall
    # hit it for what is beside it, and with many lanes it would not fit either.
    pages = (
        (sheet, {"Lanes": lanes, "Commands": orders}),
        (shift_sheet, {"Shifts": shifts}),
        (reject_sheet, {"Put aside": rejects}),
        (stop_sheet, {"Stopped": stops}),
    )
    wanted = {path: groups for path, groups in pages if path is not None}
    drawn = {path: _page(texts, groups, settings.station.name) for path, groups in wanted.items()}
    for path, page in drawn.items():
        _write(path, page)
    if as_json:
        write_json(
            [
                {"text": text, "command": str(command.kind), "lane": command.lane, "meaning": meaning(command)}
                for text, command in texts.items()
            ]
        )
    elif wanted:
        for path, groups in wanted.items():
            click.echo(f"{sum(map(len, groups.values()))} barcodes: print {path} at its full size, without scaling")
    else:
        print_table(("BARCODE", "WHAT IT DOES"), ((text, meaning(command)) for text, command in texts.items()))


def meaning(command: Command) -> str:
    """What a command does, for people."""
    from tagsmith.scanners.commands import CommandKind

    return {
        CommandKind.UNDO: "take the last pair back, before it is sent",
        CommandKind.CLEAR: "drop what waits: begin this key anew",
        CommandKind.RETRY: "try to save the pair again",
        CommandKind.VERIFY: "tap the next key twice before it is saved",
        CommandKind.ACK: "the alarm was seen",
        CommandKind.SIGN_OFF: "sign off: whoever worked here goes",
        CommandKind.SHIFT_START: "start the shift: its checks are made",
        CommandKind.SHIFT_END: "end the shift: its report is made",
        CommandKind.REJECT_PRINT: "put this key aside: damaged print",
        CommandKind.REJECT_DEAD: "put this key aside: dead chip",
        CommandKind.REJECT_WRONG: "put this key aside: wrong chip",
        CommandKind.REJECT_DOUBLE: "put this key aside: duplicate",
        CommandKind.REJECT_OTHER: "put this key aside: other reason",
        CommandKind.UNLOCK: "let a stopped lane go on",
        CommandKind.SKIP: "lane stopped: the missing card is skipped",
        CommandKind.RECHECK: "lane stopped: check the last keys again",
        CommandKind.UNDO_RUN: "lane stopped: take the last keys back",
        CommandKind.AGAIN: "lane stopped: it was a wrong scan, go on",
        CommandKind.ASIDE: "lane stopped: put its key aside",
        CommandKind.LANE: f"the next number is for lane {command.lane}",
        CommandKind.UNKNOWN: "refused",
    }[command.kind]


# --- the page -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a page is divided: columns, their width, the height of a row, the width of a module and of a code (mm)."""

    columns: int
    column_mm: float
    row_mm: float
    module_mm: float
    code_mm: float


def _page(texts: Mapping[str, Command], groups: Mapping[str, Sequence[str]], station: str) -> str:
    """These groups of barcodes, each under its heading, as an SVG page of today.

    Raises:
        TagsmithError: they do not fit on one page.
    """
    from barcode import Code128

    codes = {text: str(Code128(text).build()[0]) for group in groups.values() for text in group}
    layout = _layout([len(group) for group in groups.values()], max(map(len, codes.values())) + 2 * _QUIET)
    drawn = _head(station, datetime.now().astimezone().date())
    top = _HEAD
    for heading, group in groups.items():
        drawn.append(f'<rect x="{_MARGIN:g}" y="{top:.2f}" width="{_WIDTH - 2 * _MARGIN:g}" height="0.3"/>')
        drawn.append(_text(heading, _MARGIN, top + 6.0, 5.0, bold=True))
        top += _HEADING
        rows = -(-len(group) // layout.columns)
        for place, text in enumerate(group):
            x, y = _MARGIN + place // rows * layout.column_mm, top + place % rows * layout.row_mm
            drawn.append(_cell(codes[text], text, texts[text], x, y, layout))
        top += rows * layout.row_mm
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH:g}mm" height="{_HEIGHT:g}mm"'
            f' viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" font-family="sans-serif" fill="#000">',
            f'<rect width="{_WIDTH:g}" height="{_HEIGHT:g}" fill="#fff"/>',
            *drawn,
            "</svg>",
            "",
        ]
    )


def _head(station: str, today: date) -> list[str]:
    """Whose sheet it is, and of which day."""
    width = _WIDTH - 2 * _MARGIN
    return [
        _text(station, _MARGIN, 16.0, _fitting(station, 9.0, width - 45.0, bold=True), bold=True),
        _text(today.isoformat(), _WIDTH - _MARGIN, 16.0, 5.0, end=True),
        _text("tagsmith: scan an order for the station. Print it anew when the lanes change.", _MARGIN, 22.5, _SMALL),
    ]


def _layout(groups: Sequence[int], modules: int) -> _Layout:
    """The layout for groups of so many codes, of at most so many modules.

    Raises:
        TagsmithError: they do not fit on one page.
    """
    columns = 2 if groups[0] > _COLUMN else 1
    column_mm = (_WIDTH - 2 * _MARGIN) / columns
    left_mm = _HEIGHT - _MARGIN - _HEAD - len(groups) * _HEADING
    row_mm = min(_ROWS_MM[0], left_mm / sum(-(-group // columns) for group in groups))
    code_mm = column_mm if columns == 2 else column_mm - _BESIDE_MM
    module_mm = next((one for one in _MODULES_MM if modules * one <= code_mm), 0.0)
    if not module_mm or row_mm < _ROWS_MM[1]:
        raise TagsmithError(
            f"{sum(groups)} barcodes do not fit on one page",
            "make a sheet for some of the lanes: --config with fewer readers",
        )
    return _Layout(columns, column_mm, row_mm, module_mm, modules * module_mm)


def _cell(code: str, text: str, command: Command, x: float, y: float, layout: _Layout) -> str:
    """A barcode (modules as 1 and 0) with its quiet zones, and what it does: beside it, or in two columns below it."""
    left, end = x + _QUIET * layout.module_mm, x + layout.column_mm
    if layout.columns == 1:
        bars_mm = layout.row_mm - 6.2
        words = _beside(command, x + layout.code_mm + 3.0, end, y, bars_mm)
    elif layout.row_mm >= _BELOW_MM:
        size = min(_BIG, layout.row_mm - 16.4)
        bars_mm = layout.row_mm - 8.9 - size
        words = _stacked(command, left, end, y + bars_mm + 3.0 + 0.76 * size, size)
    else:
        size = 5.0 + 0.4 * (layout.row_mm - _ROWS_MM[1])
        bars_mm = layout.row_mm - 5.2 - 0.76 * size
        words = _in_line(command, left, end, y + bars_mm + 3.0 + 0.76 * size, size)
    bars = "".join(
        f'<rect x="{left + bar.start() * layout.module_mm:.4f}" y="{y:.2f}"'
        f' width="{len(bar[0]) * layout.module_mm:.4f}" height="{bars_mm:.2f}"/>'
        for bar in re.finditer("1+", code)
    )
    return "\n".join(
        [
            f'<g id="{escape(text)}">',
            f'<g shape-rendering="crispEdges">{bars}</g>',
            *words,
            _text(text, left, y + bars_mm + 2.4, _TINY),
            "</g>",
        ]
    )


def _word(command: Command, size: float, width_mm: float) -> tuple[str, float]:
    """The word of a command and its font size, at most this one.

    A lane's name stands alone where it is long, to be as large as it can: the heading says that it is a lane.
    """
    word = f"LANE {command.lane}" if command.lane else str(command.kind).upper()
    fitting = _fitting(word, size, width_mm, bold=True)
    if command.lane and fitting < min(size, _BIG):
        return command.lane, _fitting(command.lane, min(size, _BIG), width_mm, bold=True)
    return word, fitting


def _sentence(command: Command) -> str:
    """What a command does, where its word stands beside."""
    says = "the next number is for this lane" if command.lane else meaning(command)
    return says[0].upper() + says[1:]


def _beside(command: Command, left: float, end: float, top: float, height: float) -> list[str]:
    """Word and sentence in the middle of this height; the more there is, the larger is the word."""
    size = min(16.0, _BIG + 0.25 * (height - 12.0))
    lines_mm = _CAPITAL * size + _leading(size) + 1.0
    return _stacked(command, left, end, top + max(0.0, height - lines_mm) / 2 + _CAPITAL * size, size)


def _stacked(command: Command, left: float, end: float, base: float, size: float) -> list[str]:
    """The word on this base line, and its sentence below it."""
    word, fitting = _word(command, size, end - left)
    says = _sentence(command)
    return [
        _text(word, left, base, fitting, bold=True),
        _text(says, left, base + _leading(size), _fitting(says, _SMALL, end - left)),
    ]


def _leading(size: float) -> float:
    """From a word's base line to its sentence's: clear of what letters have below it."""
    return 0.24 * size + _CAPITAL * _SMALL + 0.7


def _in_line(command: Command, left: float, end: float, base: float, size: float) -> list[str]:
    """The word on this base line, and its sentence beside it."""
    middle = left + 0.4 * (end - left)
    word, size = _word(command, size, middle - left - 2.0)
    says = _sentence(command)
    return [
        _text(word, left, base, size, bold=True),
        _text(says, middle, base, _fitting(says, _SMALL, end - middle)),
    ]


def _text(words: str, x: float, y: float, size: float, *, bold: bool = False, end: bool = False) -> str:
    """A line of text on the base line `y`, from `x` on, or up to it."""
    more = (' font-weight="bold"' if bold else "") + (' text-anchor="end"' if end else "")
    return f'<text x="{x:.2f}" y="{y:.2f}" font-size="{size:.2f}"{more}>{escape(words)}</text>'


def _fitting(words: str, size: float, width_mm: float, *, bold: bool = False) -> float:
    """A font size at which the words fit, at most this one. Which font it is nobody knows: as wide as wide ones."""
    return min(size, width_mm / (sum(map(_em, words)) * (1.0 if bold else 0.88)))


def _em(char: str) -> float:
    """How wide a bold character is at most, in font sizes, but for very few."""
    if unicodedata.east_asian_width(char) in "WF":
        return 1.14
    if char in "MWmw@%":
        return 1.12
    if char in " .,:;-'|!()iIjlt1":
        return 0.45
    return 0.7 if char.islower() or char.isdigit() else 0.82


# --- the file -----------------------------------------------------------------------------------------------------


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all; one that is there already is replaced.

    Raises:
        TagsmithError: it cannot be written.
    """
    path = path.resolve()
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")  # a pipe or a device takes it as it comes
            return
        # In a folder of others somebody might lay a file or a link where they expect it: nobody does, and none counts.
        half = path.with_name(f".{secrets.token_hex(8)}.svg")
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666), "wb") as file:
            try:
                file.write(text.encode("utf-8"))
                file.flush()
                half.replace(path)
            except OSError:
                half.unlink()
                raise
    except OSError as error:
        raise TagsmithError(f"{path} cannot be written: {error.strerror}") from None
