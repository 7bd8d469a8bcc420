"""An XLSX file → rows of cells. The door to openpyxl.

A spreadsheet that was handed a number has perhaps changed it: leading zeros go, and of more than fifteen digits the
last become zeros. Such cells are told, not guessed.
"""

from __future__ import annotations

import io
import logging
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tagsmith.errors import ManifestError
from tagsmith.lines.libraries import missing
from tagsmith.manifest.reading import too_long, too_many_rows
from tagsmith.manifest.sheet import MAX_CELL, MAX_COLUMNS, MAX_ROWS, Cell, Row, Sheet

_log = logging.getLogger(__name__)

MAX_UNPACKED: Final = 100 * 1024 * 1024
"""Bytes that all parts of a workbook may come to once they are unpacked."""
_MAX_PARTS: Final = 2000
_EXACT: Final = 10**15
"""From here on a spreadsheet keeps no number exactly."""
_ZEROS: Final = re.compile("0+")
_ENTITIES: Final = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)


def read_workbook(path: Path, data: bytes, sheet: str | None) -> Sheet:
    """The rows of the sheet of this name, or of the first one.

    Raises:
        ManifestError: it is no workbook that can be read, is too big, or has no such sheet; openpyxl is missing.
    """
    _require_harmless(path, data)
    try:
        import openpyxl
    except ModuleNotFoundError as error:
        raise ManifestError("an XLSX file needs openpyxl", f"type: {missing('xlsx')}") from error
    try:
        with warnings.catch_warnings():
            # What it does not know of a workbook (colours, validations) is none of ours.
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
            names = [one.title for one in book.worksheets]
            chosen = _chosen(path, names, sheet)
            rows = tuple(_rows(path, book.worksheets[names.index(chosen)]))
    except ManifestError:
        raise
    except Exception as error:  # noqa: BLE001 - a damaged file makes it raise nearly anything
        _log.info("%s cannot be read as a workbook", path, exc_info=error)
        raise ManifestError(
            f"{path} cannot be read as a workbook", "save it as XLSX once more, or as CSV UTF-8"
        ) from None
    others = f" of {len(names)}" if len(names) > 1 else ""
    return Sheet(f"XLSX, sheet {chosen!r}{others}", rows)


def _require_harmless(path: Path, data: bytes) -> None:
    """That the file is a workbook, and no bigger inside than one of so many numbers can be.

    Raises:
        ManifestError: it is not.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            if "[Content_Types].xml" not in archive.namelist():
                raise ManifestError(f"{path} is an archive, but no workbook", "name the XLSX or CSV file itself")
            # No part unpacks to more than it says: what goes beyond is an error of the archive's.
            if len(parts) > _MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
                raise ManifestError(
                    f"{path} unpacks to more than {MAX_UNPACKED // (1 << 20)} MiB: that is no list of numbers",
                    "keep one column of numbers, and at most one of UIDs",
                )
            for part in parts:
                if part.filename.endswith((".xml", ".rels")):
                    with archive.open(part) as opened:
                        if _ENTITIES.search(opened.read(4096)):
                            raise ManifestError(
                                f"{path} holds declarations that no workbook has", "save it as CSV UTF-8"
                            )
    except (zipfile.BadZipFile, zlib.error, RuntimeError, OSError, EOFError, ValueError) as error:
        raise ManifestError(f"{path} is damaged, or protected by a password", "save it as XLSX once more") from error


def _chosen(path: Path, names: list[str], wanted: str | None) -> str:
    if not names:
        raise ManifestError(f"{path} has no sheet with cells", "name another file")
    if wanted is None:
        return names[0]
    if wanted not in names:
        raise ManifestError(f"{path} has no sheet {wanted!r}", f"it has: {', '.join(map(repr, names[:10]))}")
    return wanted


def _rows(path: Path, sheet: Any) -> Iterator[Row]:
    # What a file says of its own size may be anything: too little hides rows, too much makes empty ones.
    sheet.reset_dimensions()
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        if number > MAX_ROWS:
            raise too_many_rows(path)
        if len(cells) > MAX_COLUMNS:
            raise ManifestError(f"{path}: row {number} has more than {MAX_COLUMNS} columns", "take the others out")
        row = Row(number, tuple(_cell(cell.value, cell) for cell in cells))
        if any(cell.text or cell.fault for cell in row.cells):
            yield row


def _cell(value: object, cell: Any) -> Cell:
    match value:
        case None:
            return Cell("")
        case str():
            plain = value.strip(" \t\r\n")
            if getattr(cell, "data_type", "") == "e":
                return Cell(plain[:MAX_CELL], f"the cell holds an error of the spreadsheet: {plain[:20]}")
            return Cell(plain[:MAX_CELL], too_long(len(plain)))
        case bool():
            return Cell(str(value), "the cell holds true or false, not text")
        case int() | float():
            return _number(value, str(cell.number_format))
        case _:
            return Cell(str(value)[:MAX_CELL], "the cell holds a date or a time, not text: format the column as text")


def _number(value: float, shown_as: str) -> Cell:
    """A number as it is shown, where that is certain."""
    if value != value or value in (float("inf"), float("-inf")) or value != int(value) or abs(value) >= _EXACT:
        return Cell(str(value), "the cell holds a number that a spreadsheet has rounded: format the column as text")
    digits = str(int(value))
    if _ZEROS.fullmatch(shown_as):
        return Cell(digits.zfill(len(shown_as)))
    if shown_as in ("General", "@"):
        return Cell(digits, "" if value >= 0 else "the cell holds a negative number")
    return Cell(digits, "the cell holds a number that is shown in another form: format the column as text")
