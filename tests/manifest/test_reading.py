"""Files of numbers: what is read of them, and what is refused before it can do harm."""

from __future__ import annotations

import builtins
import contextlib
import datetime
import io
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith.errors import ManifestError
from tagsmith.manifest import Sheet, read_sheet
from tagsmith.manifest import reading as reading_module
from tagsmith.manifest import sheet as limits
from tagsmith.manifest import workbook as workbook_module


def written(folder: Path, data: bytes | str, name: str = "numbers.csv") -> Path:
    """A file with this content."""
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8"))
    return path


def cells(sheet: Sheet) -> list[tuple[int, list[str]]]:
    """Each row's number and the texts of its cells."""
    return [(row.number, [cell.text for cell in row.cells]) for row in sheet.rows]


def workbook(folder: Path, *rows: list[Any], formats: dict[str, str] | None = None, **more: list[list[Any]]) -> Path:
    """A workbook with these rows in its first sheet, and further sheets by name."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "keys"
    for row in rows:
        sheet.append(row)
    for place, shown_as in (formats or {}).items():
        sheet[place].number_format = shown_as
    for name, others in more.items():
        another = book.create_sheet(name)
        for row in others:
            another.append(row)
    path = folder / "numbers.xlsx"
    book.save(path)
    return path


# --- text ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("number,uid\nA1,04\n", "comma"),
        ("number;uid\nA1;04\n", "semicolon"),
        ("number\tuid\nA1\t04\n", "tab"),
        ("number|uid\nA1|04\n", "bar"),
        ("sep=;\nnumber;uid\nA1;04\n", "semicolon"),
        ("number,uid\r\nA1,04\r\n", "comma"),
        ("\ufeffnumber,uid\nA1,04\n", "comma"),
        ('"number","uid"\n"A1","04"', "comma"),
    ],
)
def test_the_delimiter_is_told_by_the_lines(tmp_path: Path, text: str, what: str) -> None:
    """Whatever a spreadsheet wrote, with or without a byte-order mark, quotation marks and a last line end."""
    sheet = read_sheet(written(tmp_path, text))
    assert sheet.what == f"CSV, {what} between columns"
    assert [texts for _, texts in cells(sheet)] == [["number", "uid"], ["A1", "04"]]


def test_a_known_title_tells_the_delimiter_best(tmp_path: Path) -> None:
    """Where the rows have commas as well, or are broken over several lines."""
    sheet = read_sheet(written(tmp_path, "note;visualNumber\na, b, c, d;A1\na, b, c, d;A2\n"))
    assert [texts[-1] for _, texts in cells(sheet)] == ["visualNumber", "A1", "A2"]


def test_one_column_is_taken_as_it_stands(tmp_path: Path) -> None:
    """A comma or a quotation mark here and there is part of a number; empty lines are no rows, and count."""
    sheet = read_sheet(written(tmp_path, 'DE*8PS*1\n\n A"2 \n3,5\n   \nB4\nC\nD\nE\nF\nG\nH\nI\n'))
    assert sheet.what == "text, one column"
    assert cells(sheet)[:4] == [(1, ["DE*8PS*1"]), (3, ['A"2']), (4, ["3,5"]), (6, ["B4"])]


def test_rows_are_numbered_as_an_editor_does(tmp_path: Path) -> None:
    """A cell over several lines, and a first line that tells the delimiter, count as the lines they are."""
    sheet = read_sheet(written(tmp_path, 'sep=,\nnumber,note\nA1,"two\nlines"\nA2,x\n'))
    assert [row.number for row in sheet.rows] == [2, 3, 5]


def test_what_our_own_export_defused_is_the_number_again(tmp_path: Path) -> None:
    """The apostrophe before a cell that would be calculated is no part of it; another one is."""
    sheet = read_sheet(written(tmp_path, "number,uid\n'=1,\n'+2,\n'x,\n"))
    assert [texts[0] for _, texts in cells(sheet)] == ["number", "=1", "+2", "'x"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("number\nMüller\n".encode("latin-1"), "line 2 is no UTF-8 text; it looks like Latin-1"),
        ("number\nA1\n".encode("utf-16"), "UTF-16"),
        (b"number\nA\0B\n", "no text at all"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old or a protected workbook"),
        (b'number,uid\n"A1,04\nA2,05\n', "is no CSV"),
        (b"sep=x\nnumber\n", "is delimited by 'x'"),
        (b"PK\x03\x04 and no more", "damaged"),
        ("\n".join(["a,b"] * 9 + [",".join("x" * 65)]).encode(), "line 10 has more than 64 columns"),
    ],
)
def test_what_is_no_list_is_refused_with_what_to_do(tmp_path: Path, data: bytes, words: str) -> None:
    """Each with what it is, and what to save it as."""
    with pytest.raises(ManifestError, match=words) as refused:
        read_sheet(written(tmp_path, data))
    assert refused.value.remedy


def test_limits_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes, rows and characters of a cell."""
    monkeypatch.setattr(reading_module, "MAX_ROWS", 10)
    assert len(read_sheet(written(tmp_path, "1\n" * 10)).rows) == 10
    with pytest.raises(ManifestError, match="more than 10 rows"):
        read_sheet(written(tmp_path, "1\n" * 11))
    # Empty ones, too: they take their time.
    with pytest.raises(ManifestError, match="rows"):
        read_sheet(written(tmp_path, "1\n" + "\n" * 11 + "2\n"))
    (row,) = read_sheet(written(tmp_path, "x" * 257)).rows
    assert (len(row.cells[0].text), row.cells[0].fault) == (limits.MAX_CELL, "the cell has 257 characters")
    monkeypatch.setattr(reading_module, "MAX_BYTES", 100)
    with pytest.raises(ManifestError, match="is longer than"):
        read_sheet(written(tmp_path, "x" * 101))


def test_a_text_has_no_sheets(tmp_path: Path) -> None:
    """Who asks for one has named the wrong file."""
    with pytest.raises(ManifestError, match="no sheets"):
        read_sheet(written(tmp_path, "1\n"), sheet="keys")


@given(st.binary(max_size=200))
def test_no_text_makes_it_fall_over(data: bytes) -> None:
    """Whatever the bytes: rows, or an error of ours."""
    numbers = []
    with contextlib.suppress(ManifestError):
        numbers = [row.number for row in reading_module.read_csv(Path("numbers.csv"), data).rows]
    assert numbers == sorted(set(numbers))


@given(
    st.lists(
        st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=20), min_size=2, max_size=9
    ),
    st.sampled_from(",;\t"),
)
def test_what_a_csv_writer_wrote_is_read_again(texts: list[str], delimiter: str) -> None:
    """Every cell of a file with two columns comes back, trimmed."""
    import csv

    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(("visualNumber", "note"))
    writer.writerows((text, "x") for text in texts)
    sheet = reading_module.read_csv(Path("numbers.csv"), file.getvalue().encode("utf-8"))
    read = [row.cells[0].text for row in sheet.rows[1:]]
    stripped = [text.strip(" \t\r\n") for text in texts]
    assert [text.removeprefix("'") for text in read] == [text.removeprefix("'") for text in stripped]


# --- workbooks -------------------------------------------------------------------------------------------------------


def test_a_workbook_is_read_by_its_first_sheet_or_the_one_named(tmp_path: Path) -> None:
    """Rows are numbered as the spreadsheet shows them, empty ones left out."""
    path = workbook(tmp_path, ["visualNumber", "uid"], ["A1", "04"], [], [None, None], ["A2"], other=[["B1"]])
    sheet = read_sheet(path)
    assert sheet.what == "XLSX, sheet 'keys' of 2"
    assert [(number, texts[0]) for number, texts in cells(sheet)] == [(1, "visualNumber"), (2, "A1"), (5, "A2")]
    assert cells(read_sheet(path, sheet="other")) == [(1, ["B1"])]
    with pytest.raises(ManifestError, match="no sheet 'x'") as refused:
        read_sheet(path, sheet="x")
    assert refused.value.remedy == "it has: 'keys', 'other'"


def test_what_a_spreadsheet_did_to_numbers_is_told_not_guessed(tmp_path: Path) -> None:
    """A number is taken where its digits are certain; dates, fractions, long numbers and odd forms are not."""
    values: list[Any] = [12, 12, 1e15, 123456789012345678, 1.5, -3, True, datetime.date(2031, 5, 6), "=1+1", "007", 12]
    path = workbook(tmp_path, *([value] for value in values), formats={"A2": "000000", "A11": "#,##0"})
    found = {row.number: row.cells[0] for row in read_sheet(path).rows}
    good = {number: cell.text for number, cell in found.items() if not cell.fault}
    assert good == {1: "12", 2: "000012", 10: "007"}
    assert "rounded" in found[3].fault
    assert "rounded" in found[4].fault
    assert "rounded" in found[5].fault
    assert "negative" in found[6].fault
    assert "true or false" in found[7].fault
    assert "date" in found[8].fault
    # A formula that nobody has calculated is an empty cell.
    assert 9 not in found
    assert "another form" in found[11].fault


def test_an_error_of_the_spreadsheet_is_told(tmp_path: Path) -> None:
    """`#N/A` is no number."""
    path = workbook(tmp_path, ["#N/A"], ["A1"])
    first, second = read_sheet(path).rows
    assert "an error of the spreadsheet" in first.cells[0].fault
    assert second.cells[0].fault == ""


def replaced(path: Path, part: str, old: bytes, new: bytes) -> Path:
    """The workbook with something else in one of its parts."""
    changed = path.with_name("changed.xlsx")
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as to:
        for name in archive.namelist():
            data = archive.read(name)
            to.writestr(name, data.replace(old, new) if name == part else data)
    return changed


SHEET = "xl/worksheets/sheet1.xml"


def test_what_a_workbook_says_of_its_size_is_not_believed(tmp_path: Path) -> None:
    """Neither are rows hidden by a size that is too small, nor does one that is too big make any."""
    path = workbook(tmp_path, ["A1"], ["A2"], ["A3"])
    for said in (b"A1:A1", b"A1:XFD1048576"):
        read = read_sheet(replaced(path, SHEET, b'<dimension ref="A1:A3"', b'<dimension ref="' + said + b'"'))
        assert [texts for _, texts in cells(read)] == [["A1"], ["A2"], ["A3"]]


def test_a_row_far_down_is_too_many_rows(tmp_path: Path) -> None:
    """The rows between are not made one by one for ever."""
    path = replaced(workbook(tmp_path, ["A1"], ["A2"]), SHEET, b'r="2"', b'r="1048000"')
    with pytest.raises(ManifestError, match="more than 100000 rows"):
        read_sheet(path)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what its parts say they come to; no part unpacks to more than it says. Entities are refused unread."""
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<x/>")
        archive.writestr("xl/sharedStrings.xml", b"\0" * (workbook_module.MAX_UNPACKED + 1))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(ManifestError, match="unpacks to more than 100 MiB"):
        read_sheet(path)
    entities = replaced(workbook(tmp_path, ["A1"]), SHEET, b"<worksheet", b'<!DOCTYPE x [<!ENTITY a "aa">]><worksheet')
    with pytest.raises(ManifestError, match="declarations that no workbook has"):
        read_sheet(entities)
    monkeypatch.setattr(workbook_module, "_MAX_PARTS", 2)
    with pytest.raises(ManifestError, match="unpacks to more"):
        read_sheet(workbook(tmp_path, ["A1"]))


def test_damaged_workbooks_are_refused(tmp_path: Path) -> None:
    """An archive of something else, a cut file, a part that is none: each says what to do."""
    with zipfile.ZipFile(tmp_path / "other.xlsx", "w") as archive:
        archive.writestr("hello.txt", "hello")
    with pytest.raises(ManifestError, match="an archive, but no workbook"):
        read_sheet(tmp_path / "other.xlsx")
    path = workbook(tmp_path, ["A1"])
    with pytest.raises(ManifestError, match="damaged"):
        read_sheet(written(tmp_path, path.read_bytes()[:2000], "cut.xlsx"))
    with pytest.raises(ManifestError, match="cannot be read as a workbook"):
        read_sheet(replaced(path, SHEET, b"</sheetData>", b""))
    with pytest.raises(ManifestError, match="cannot be read as a workbook"):
        read_sheet(replaced(path, "xl/workbook.xml", b"<sheets>", b"<nothing>"))


def test_without_openpyxl_it_says_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A station that has none of it reads CSV all the same."""
    real = builtins.__import__

    def without(name: str, *arguments: Any, **more: Any) -> Any:
        if name == "openpyxl":
            raise ModuleNotFoundError(name)
        return real(name, *arguments, **more)

    path = workbook(tmp_path, ["A1"])
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ManifestError, match="needs openpyxl") as refused:
        read_sheet(path)
    assert "pip install openpyxl" in refused.value.remedy
    assert cells(read_sheet(written(tmp_path, "A1\n"))) == [(1, ["A1"])]
