"""A file of numbers → rows of cells, within limits: no file makes the program slow, big or fall over."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from pathlib import Path
from typing import Final

from tagsmith.errors import ManifestError
from tagsmith.manifest.sheet import MAX_BYTES, MAX_CELL, MAX_COLUMNS, MAX_ROWS, Cell, Row, Sheet
from tagsmith.manifest.titles import names_numbers

_ZIP: Final = b"PK\x03\x04"
_OLE: Final = b"\xd0\xcf\x11\xe0"
_UTF8_MARK: Final = b"\xef\xbb\xbf"
_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
_DELIMITERS: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_LOOKED_AT: Final = 50
"""Lines from which the delimiter is told."""
_SEP: Final = re.compile(r"sep=(.)", re.IGNORECASE)
# What spreadsheets, and our own exports, put before a cell so that it is not calculated.
_DEFUSED: Final = re.compile(r"'[=+\-@]")

_AS_UTF8: Final = "save it as CSV UTF-8, or as XLSX"


def read_sheet(path: Path, *, sheet: str | None = None) -> Sheet:
    """The rows of a CSV or XLSX file; of the sheet of that name, where it has several.

    Raises:
        ManifestError: it is neither, is too big, is damaged, or has no such sheet; it cannot be opened; openpyxl is
            missing.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ManifestError(f"{path} cannot be read: {error.strerror}", "name a CSV or XLSX file") from error
    if len(data) > MAX_BYTES:
        raise ManifestError(
            f"{path} is longer than {MAX_BYTES // (1 << 20)} MiB: that is no list of numbers",
            "keep one column of numbers, and at most one of UIDs",
        )
    if data.startswith(_ZIP):
        # Most manifests are CSV, and openpyxl takes its time to be imported.
        from tagsmith.manifest.workbook import read_workbook

        return read_workbook(path, data, sheet)
    if data.startswith(_OLE):
        raise ManifestError(f"{path} is an old or a protected workbook", "save it as XLSX, without a password")
    if sheet is not None:
        raise ManifestError(f"{path} has no sheets: it is no workbook", "leave --sheet out")
    return read_csv(path, data)


def read_csv(path: Path, data: bytes) -> Sheet:
    """The rows of a text file with one line per key.

    Raises:
        ManifestError: it is no UTF-8 text, or no CSV.
    """
    text = _decoded(path, data)
    first, _, rest = text.partition("\n")
    skipped = 0
    if told := _SEP.fullmatch(first.rstrip("\r")):
        # The line with which a spreadsheet is told the delimiter.
        delimiter, text, skipped = told[1], rest, 1
        if delimiter not in _DELIMITERS:
            raise ManifestError(f"{path} is delimited by {delimiter!r}", "use commas, semicolons or tabs")
    else:
        delimiter = _delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter or ",", strict=True)
    if not delimiter:
        # One column, in which a comma or a quotation mark would be part of the number.
        reader = csv.reader(io.StringIO(text, newline=""), delimiter="\x1f", quoting=csv.QUOTE_NONE, quotechar=None)
    rows: list[Row] = []
    number = skipped + 1
    try:
        for cells in reader:
            if number > MAX_ROWS:
                raise too_many_rows(path)
            row = Row(number, tuple(_cell(cell) for cell in cells))
            if len(cells) > MAX_COLUMNS:
                raise ManifestError(f"{path}: line {number} has more than {MAX_COLUMNS} columns", _one_list())
            if any(cell.text or cell.fault for cell in row.cells):
                rows.append(row)
            number = skipped + reader.line_num + 1
    except csv.Error as error:
        raise ManifestError(
            f"{path}: line {skipped + reader.line_num} is no CSV: {error}", "is a quotation mark missing?"
        ) from error
    kind = f"CSV, {_DELIMITERS[delimiter]} between columns" if delimiter else "text, one column"
    return Sheet(kind, tuple(rows))


def too_many_rows(path: Path) -> ManifestError:
    """The error of a file that is too long."""
    return ManifestError(f"{path} has more than {MAX_ROWS} rows", "make several batches of it")


def _one_list() -> str:
    return "keep one column of numbers, and at most one of UIDs"


def _decoded(path: Path, data: bytes) -> str:
    if data.startswith(_UTF16_MARKS) or b"\0" in data[:4096]:
        raise ManifestError(f"{path} is no UTF-8 text: it is UTF-16, or no text at all", _AS_UTF8)
    try:
        return data.removeprefix(_UTF8_MARK).decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ManifestError(
            f"{path}: line {line} is no UTF-8 text; it looks like Latin-1, where an umlaut would be guessed", _AS_UTF8
        ) from None


def _delimiter(text: str) -> str:
    """What stands between the columns, by the first lines; empty where there is one column."""
    lines = [line for line in text.splitlines()[: _LOOKED_AT * 2] if line.strip()][:_LOOKED_AT]
    for delimiter in _DELIMITERS:
        # Titles that are known are the surest sign.
        titles = _split(lines[0], delimiter) if lines else []
        if len(titles) > 1 and any(map(names_numbers, titles)):
            return delimiter
    best, columns = "", 1
    for delimiter in _DELIMITERS:
        found = Counter(len(_split(line, delimiter)) for line in lines)
        if not found:
            break
        # Numbers may hold a comma here and there; a column is there in every line.
        width, often = found.most_common(1)[0]
        if width > columns and often * 10 >= len(lines) * 9:
            best, columns = delimiter, width
    return best


def _split(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return [line]


def _cell(text: str) -> Cell:
    plain = text.strip(" \t\r\n")
    if _DEFUSED.match(plain):
        plain = plain[1:]
    return Cell(plain[:MAX_CELL], too_long(len(plain)))


def too_long(length: int) -> str:
    """What is wrong with a cell of that many characters; empty where nothing is."""
    return f"the cell has {length} characters" if length > MAX_CELL else ""
