"""`tagsmith commands`: the barcodes that are orders to the station, listed, or as a page to print."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

import click

from tagsmith.cli.output import config_option, json_option, print_table, settings_from, write_json
from tagsmith.errors import TagsmithError

if TYPE_CHECKING:
    from tagsmith.scanners.commands import Command

# A4, in mm.
_WIDTH, _HEIGHT, _MARGIN, _HEAD = 210.0, 297.0, 12.0, 24.0
_MODULES_MM = tuple(dots * 25.4 / 300 for dots in (6, 5, 4))
"""How wide a module, the thinnest bar, may be, best first: whole dots of a 300 dpi printer, and never below 0.33 mm,
where cheap scanners fail."""
_QUIET = 10
"""Modules that must stay white on each side of a Code 128 (ISO/IEC 15417)."""
_ROWS_MM = (30.0, 15.0)
"""The highest and the lowest row, with 8 mm for the words: low bars are hard to hit."""
_ROWS = 8
"""More barcodes than this stand in two columns."""


@click.command("commands")
@click.option(
    "--sheet",
    metavar="FILE.svg",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a page (A4) of barcodes to print.",
)
@json_option
@config_option
def commands(sheet: Path | None, as_json: bool, config: Path | None) -> None:
    """List the barcodes that are orders to the station, for its lanes, and what they do.

    They are letters only, and known whatever keyboards scanner and computer are set to.
    """
    from tagsmith.scanners.commands import commands as commands_of

    settings = settings_from(config)
    # Without a reader in the settings the station takes the first that it finds: one lane, the first.
    texts = commands_of([reader.lane for reader in settings.reader] or ["1"])
    if sheet is not None:
        _write(sheet, _page({text: meaning(command) for text, command in texts.items()}))
    if as_json:
        write_json(
            [
                {"text": text, "command": str(command.kind), "lane": command.lane, "meaning": meaning(command)}
                for text, command in texts.items()
            ]
        )
    elif sheet is not None:
        click.echo(f"{len(texts)} barcodes: print {sheet} at its full size, without scaling")
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
        CommandKind.LANE: f"the next number is for lane {command.lane}",
        CommandKind.UNKNOWN: "refused",
    }[command.kind]


def _page(meanings: Mapping[str, str]) -> str:
    """The barcodes of these texts as an SVG page.

    Raises:
        TagsmithError: they do not fit on one page.
    """
    from barcode import Code128

    codes = {text: str(Code128(text).build()[0]) for text in meanings}
    columns, module_mm, row_mm = _layout(len(codes), max(len(code) + 2 * _QUIET for code in codes.values()))
    rows = -(-len(codes) // columns)
    drawn = [
        _barcode(
            code,
            text,
            meanings[text],
            x_mm=_MARGIN + place // rows * (_WIDTH - 2 * _MARGIN) / columns,
            y_mm=_HEAD + place % rows * row_mm,
            module_mm=module_mm,
            bars_mm=row_mm - 8.0,
        )
        for place, (text, code) in enumerate(codes.items())
    ]
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH:g}mm" height="{_HEIGHT:g}mm"'
            f' viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" font-family="sans-serif" fill="#000">',
            f'<rect width="{_WIDTH:g}" height="{_HEIGHT:g}" fill="#fff"/>',
            f'<text x="{_MARGIN:g}" y="14" font-size="6" font-weight="bold">tagsmith</text>',
            f'<text x="{_MARGIN:g}" y="19" font-size="3.2">Scan one of these to give the station an order.</text>',
            *drawn,
            "</svg>",
            "",
        ]
    )


def _layout(count: int, modules: int) -> tuple[int, float, float]:
    """Columns, the width of a module, and the height of a row (mm), for so many codes of at most so many modules.

    Raises:
        TagsmithError: they do not fit on one page.
    """
    for columns in (1, 2) if count <= _ROWS else (2, 1):
        row_mm = min(_ROWS_MM[0], (_HEIGHT - _HEAD - _MARGIN) / -(-count // columns))
        for module_mm in _MODULES_MM:
            if modules * module_mm <= (_WIDTH - 2 * _MARGIN) / columns and row_mm >= _ROWS_MM[1]:
                return columns, module_mm, row_mm
    raise TagsmithError(
        f"{count} barcodes do not fit on one page", "make a sheet for some of the lanes: --config with fewer readers"
    )


def _barcode(code: str, text: str, says: str, *, x_mm: float, y_mm: float, module_mm: float, bars_mm: float) -> str:
    """One barcode (modules as 1 and 0) with its quiet zone, and two lines below it."""
    x_mm += _QUIET * module_mm
    bars = "".join(
        f'<rect x="{x_mm + bar.start() * module_mm:.4f}" y="{y_mm:.2f}" width="{len(bar[0]) * module_mm:.4f}"'
        f' height="{bars_mm:.2f}"/>'
        for bar in re.finditer("1+", code)
    )
    return (
        f'<g id="{escape(text)}">\n<g shape-rendering="crispEdges">{bars}</g>\n'
        f'<text x="{x_mm:.2f}" y="{y_mm + bars_mm + 2.9:.2f}" font-size="2.8">{escape(says)}</text>\n'
        f'<text x="{x_mm:.2f}" y="{y_mm + bars_mm + 5.4:.2f}" font-size="2.2">{escape(text)}</text>\n</g>'
    )


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all; one that is there already is replaced.

    Raises:
        TagsmithError: it cannot be written.
    """
    path = path.resolve()
    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")  # a pipe or a device takes it as it comes
            return
        try:
            half.write_text(text, encoding="utf-8")
            half.replace(path)
        finally:
            half.unlink(missing_ok=True)
    except OSError as error:
        raise TagsmithError(f"{path} cannot be written: {error.strerror}") from None
