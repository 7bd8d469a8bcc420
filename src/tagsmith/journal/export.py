"""Records as rows for other programs: CSV, JSON lines, XLSX, and one entry in full."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, TextIO

from tagsmith.errors import JournalError
from tagsmith.journal.rows import utc_text
from tagsmith.lines.libraries import missing
from tagsmith.model import Leg, Record

if TYPE_CHECKING:
    from pathlib import Path

    from tagsmith.journal.journal import Journal

COLUMNS: Final = (
    "entry",
    "uid",
    "uid_api",
    "visual_number",
    "state",
    "paired_at",
    "delivered_at",
    "user_id",
    "contract_id",
    "batch",
    "operator",
)
"""The columns of an export, in order."""

# What no XML can hold.
_UNSAFE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

# What makes a spreadsheet take a cell for a formula, or strip what stands before one.
_ACTIVE: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


_NAMELESS: Final[Mapping[str, str]] = {}


def rows(records: Iterable[Record], batches: Mapping[str, str] = _NAMELESS) -> Iterator[dict[str, str | None]]:
    """One dict per record, with `COLUMNS` as keys. Times are ISO 8601 in UTC with `Z`; what is absent is None.

    `batches` has the names of batches by their ids; one without a name stands there as its id.
    """
    for record in records:
        entry = record.entry
        yield {
            "entry": entry.id,
            "uid": entry.uid.wire,
            "uid_api": entry.uid_api,
            "visual_number": entry.visual_number,
            "state": record.state.value,
            "paired_at": utc_text(entry.paired_at),
            "delivered_at": None if record.delivered_at is None else utc_text(record.delivered_at),
            "user_id": entry.user_id,
            "contract_id": record.contract_id,
            "batch": None if entry.batch is None else batches.get(entry.batch, entry.batch),
            "operator": entry.operator or None,
        }


def write_csv(file: TextIO, records: Iterable[Record], batches: Mapping[str, str] = _NAMELESS) -> None:
    """Write a header and one line per record; a cell that a spreadsheet would calculate gets an apostrophe before it.

    `file` is opened with `newline=""`. What is absent is an empty cell.
    """
    plain = csv.writer(file, lineterminator="\n")
    quoted = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
    plain.writerow(COLUMNS)
    for row in rows(records, batches):
        cells = [_defused(row[column] or "") for column in COLUMNS]
        # Python before 3.13 leaves a lone carriage return unquoted, and readers take it for the end of the line.
        writer = quoted if any("\r" in cell for cell in cells) else plain
        writer.writerow(cells)


def write_jsonl(file: TextIO, records: Iterable[Record], batches: Mapping[str, str] = _NAMELESS) -> None:
    """Write one JSON object per line and record."""
    for row in rows(records, batches):
        file.write(json.dumps(row, ensure_ascii=False) + "\n")


SHEET_ROWS: Final = 1_048_576
"""Rows that a sheet of a workbook has (ECMA-376, as Excel keeps to it)."""


def write_xlsx(
    path: Path,
    records: Iterable[Record],
    batches: Mapping[str, str] = _NAMELESS,
    *,
    sheet_rows: int = SHEET_ROWS,
) -> None:
    """Write a workbook with a header and one row per record, as text; a further sheet where one is full.

    Rows go to the file as they come, so memory does not grow with them. Text in a cell of text is never calculated.

    Raises:
        JournalError: openpyxl is not installed.
        OSError: the file cannot be written.
    """
    try:
        from openpyxl import Workbook
        from openpyxl.cell import WriteOnlyCell
    except ModuleNotFoundError as error:
        raise JournalError("an XLSX file needs openpyxl", f"type: {missing('xlsx')}") from error
    book = Workbook(write_only=True)
    numbered = iter(rows(records, batches))
    row = next(numbered, None)
    number = 0
    while row is not None or not number:
        number += 1
        sheet = book.create_sheet(f"entries {number}" if number > 1 else "entries")
        sheet.append(COLUMNS)
        for _ in range(sheet_rows - 1):
            if row is None:
                break
            cells = []
            for column in COLUMNS:
                # A string is otherwise taken for a formula where it begins with an equals sign.
                cell = WriteOnlyCell(sheet, value=_UNSAFE.sub("�", row[column] or ""))
                cell.data_type = "s"
                cells.append(cell)
            sheet.append(cells)
            row = next(numbered, None)
    book.save(path)


def details(journal: Journal, text: str) -> dict[str, object] | None:
    """All that is known of the entry a person means by id, number, visual number or uid; nothing where there is none.

    Flat, but for `warnings` (a list of words) and `events` (a list of dicts of `at`, `kind` and `change`). Blocks.
    """
    record = journal.look_up(text)
    if record is None:
        return None
    entry = record.entry
    (row,) = rows([record], journal.batch_names())
    return {
        "number": record.number,
        **row,
        "target": entry.target,
        "technology": entry.uid.technology.value,
        "key_type": None if entry.key_type is None else entry.key_type.value,
        "valid_from": entry.valid_from,
        "valid_to": entry.valid_to,
        "station": entry.station,
        "lane": entry.lane,
        "reader": entry.reader,
        "needs_check": entry.needs_check,
        "checked": record.checked,
        "warnings": list(entry.warnings),
        "note": record.note,
        **_leg("reservation", record.reservation),
        **_leg("activation", record.activation),
        "events": [
            {"at": change.at, "kind": change.kind, "change": _told(change.payload)}
            for change in journal.history(entry.id)
        ],
    }


def _leg(name: str, leg: Leg) -> dict[str, object]:
    return {
        name: leg.state.value,
        f"{name}_attempts": leg.attempts,
        f"{name}_status": leg.status,
        f"{name}_message": leg.message,
        f"{name}_body": leg.body,
    }


def _told(payload: str) -> str:
    """A change in one line, without what is empty."""
    try:
        changes: dict[str, object] = json.loads(payload)
    except ValueError:
        # Somebody has been at it; `verify` says so.
        return payload
    return ", ".join(f"{column}={value}" for column, value in changes.items() if value not in (None, ""))


def _defused(cell: str) -> str:
    """The cell as plain text for any spreadsheet."""
    return f"'{cell}" if cell.startswith(_ACTIVE) else cell
