"""Records for other programs."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sqlite3
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.journal import batch, entry
from tagsmith.journal import Journal
from tagsmith.journal.export import COLUMNS, details, rows, write_csv, write_jsonl, write_xlsx
from tagsmith.journal.rows import new_record
from tagsmith.model import Entry, LegName, LegState, Settlement


def csv_text(*entries: Entry) -> str:
    """The CSV of entries that were just appended."""
    file = io.StringIO()
    write_csv(file, [new_record(number, one) for number, one in enumerate(entries, start=1)])
    return file.getvalue()


async def test_the_columns_are_those_promised(journal: Journal) -> None:
    """Each row has the promised columns, times in UTC with Z, and nothing where nothing is."""
    await journal.create_batch(batch(1))
    await journal.append(entry(1, user_id="user-7", batch="batch-1", operator="Ada"))
    attempt_id = await journal.attempt("entry-1", LegName.RESERVATION, "{}")
    settlement = Settlement(LegState.DONE, contract_id="DE-8PS-C0CD0C002-B")
    await journal.settle("entry-1", LegName.RESERVATION, attempt_id, settlement)
    await journal.append(entry(2))
    first, second = rows(journal.records(), journal.batch_names())
    assert first == {
        "entry": "entry-1",
        "uid": "04000000000001",
        "uid_api": "01000000000004",
        "visual_number": "DE*8PS*000001",
        "state": "reserved",
        "paired_at": "2031-05-06T07:08:10.123456Z",
        "delivered_at": first["delivered_at"],
        "user_id": "user-7",
        "contract_id": "DE-8PS-C0CD0C002-B",
        "batch": "Batch 1",
        "operator": "Ada",
    }
    assert first["delivered_at"] is not None
    assert first["delivered_at"].endswith("Z")
    assert [second[name] for name in ("state", "delivered_at", "user_id", "contract_id")] == ["held", None, None, None]
    assert (second["batch"], second["operator"]) == (None, None)
    assert tuple(second) == COLUMNS


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_formulas_are_defused(start: str) -> None:
    """A cell that a spreadsheet would calculate begins with an apostrophe."""
    text = csv_text(entry(1, visual_number=f'{start}HYPERLINK("http://x")'))
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert row["visual_number"] == f'\'{start}HYPERLINK("http://x")'


@given(st.lists(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0")), max_size=4))
def test_csv_survives_any_text(numbers: list[str]) -> None:
    """Whatever a number holds, a CSV reader gets it back, or with an apostrophe before it; none begins a formula."""
    text = csv_text(*(entry(index, visual_number=number) for index, number in enumerate(numbers)))
    read = [row["visual_number"] for row in csv.DictReader(io.StringIO(text, newline=""))]
    assert [cell.removeprefix("'") for cell in read] == [number.removeprefix("'") for number in numbers]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for cell in read)


def test_json_lines_are_one_object_each() -> None:
    """One line per record whatever its text; what is absent is null; nothing is defused."""
    file = io.StringIO()
    write_jsonl(file, [new_record(1, entry(1, visual_number="=1\n\u20ac")), new_record(2, entry(2))])
    lines = file.getvalue().splitlines()
    first, second = map(json.loads, lines)
    assert first["visual_number"] == "=1\n\u20ac"
    assert "\u20ac" in lines[0]
    assert second["user_id"] is None
    assert list(second) == list(COLUMNS)


async def test_one_entry_in_full(journal: Journal) -> None:
    """`details` has the row, both deliveries and the history in words; nothing for an entry that is not there."""
    await journal.append(entry(1, user_id="user-7", warnings=("four-byte-uid",)))
    await journal.attempt("entry-1", LegName.RESERVATION, '{"uid":"x"}')
    told = details(journal, entry(1).uid.wire)
    assert told is not None
    assert (told["entry"], told["number"], told["state"]) == ("entry-1", 1, "queued")
    assert (told["reservation"], told["reservation_body"], told["activation"]) == ("sending", '{"uid":"x"}', "held")
    assert told["warnings"] == ["four-byte-uid"]
    events = told["events"]
    assert isinstance(events, list)
    assert [event["kind"] for event in events] == ["paired", "attempt"]
    assert "reservation_state=sending, reservation_attempts=1" in events[1]["change"]
    json.dumps(told)
    assert details(journal, "nothing like it") is None


@pytest.mark.sqlite
async def test_one_entry_in_full_after_tampering(journal: Journal) -> None:
    """A payload that is no JSON any more is shown as it is."""
    await journal.append(entry(1))
    with contextlib.closing(sqlite3.connect(journal.path, isolation_level=None)) as connection:
        connection.execute("DROP TRIGGER events_never_change")
        connection.execute("UPDATE events SET payload = 'no JSON'")
    told = details(journal, "1")
    assert told is not None
    assert told["events"] == [{"at": "2031-05-06T07:08:10.123456Z", "kind": "paired", "change": "no JSON"}]


async def test_a_workbook_holds_text_only(journal: Journal, tmp_path: Path) -> None:
    """Every cell is text, never a formula; what no XML can hold is replaced; a full sheet is followed by another."""
    numbers = ["=1+1", "+49", "@SUM(A1)", "0012", "a\x07b"]
    for index, number in enumerate(numbers, start=1):
        await journal.append(entry(index, visual_number=number))
    path = tmp_path / "entries.xlsx"
    write_xlsx(path, journal.records(), sheet_rows=4)
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["entries", "entries 2"]
    cells = [row for sheet in book for row in sheet.iter_rows(min_row=2)]
    assert [row[3].value for row in cells] == ["=1+1", "+49", "@SUM(A1)", "0012", "a\ufffdb"]
    assert {cell.data_type for row in cells for cell in row if cell.value is not None} == {"s"}
    assert [cell.value for cell in book["entries 2"][1]] == list(COLUMNS)


def test_an_empty_workbook_has_its_header(journal: Journal, tmp_path: Path) -> None:
    """A journal without entries makes a workbook without rows."""
    path = tmp_path / "entries.xlsx"
    write_xlsx(path, journal.records())
    assert [[cell.value for cell in row] for row in openpyxl.load_workbook(path).active] == [list(COLUMNS)]
