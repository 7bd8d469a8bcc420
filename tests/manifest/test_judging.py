"""What each row of a file comes to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith.errors import ManifestError
from tagsmith.manifest import Cell, Judged, Problem, Row, Sheet, judge_sheet
from tagsmith.uid import ByteOrder, Uid
from tagsmith.visual_number import CheckPolicy, Rules

NO_RULES = Rules()


def sheet(*rows: list[str | Cell] | list[str]) -> Sheet:
    """A sheet of these rows, the first of them row 1."""
    made = [
        Row(number, tuple(cell if isinstance(cell, Cell) else Cell(cell) for cell in cells))
        for number, cells in enumerate(rows, start=1)
        if cells
    ]
    return Sheet("test", tuple(made))


def numbers(judged: Judged) -> list[tuple[int, int, str]]:
    """Row, position and number of each line."""
    return [(row, line.position, line.visual_number) for row, line in zip(judged.rows, judged.lines, strict=True)]


# --- which column is which -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("title", ["visualNumber", "visual_number", "Visual Number", "NUMBER", "Nummer", "card-number"])
def test_the_column_of_numbers_is_known_by_its_title(title: str) -> None:
    """Case, blanks, hyphens and underscores do not count; what else is there is named."""
    judged = judge_sheet(sheet(["note", "UID", title], ["x", "04a1b2c3d4e5f6", "A1"]), NO_RULES)
    assert numbers(judged) == [(2, 1, "A1")]
    assert judged.lines[0].uid == Uid.from_hex("04a1b2c3d4e5f6")
    assert (judged.number_column, judged.uid_column, judged.ignored) == (title, "UID", ("note",))


def test_a_single_column_needs_no_title() -> None:
    """Wherever in the sheet it stands."""
    judged = judge_sheet(sheet(["", "A1"], ["", "A2"]), NO_RULES)
    assert numbers(judged) == [(1, 1, "A1"), (2, 2, "A2")]
    assert judged.number_column == ""


def test_a_title_that_nobody_knows_is_no_number() -> None:
    """Where only the first row has no digit, it is told; where no row has one, they are numbers."""
    judged = judge_sheet(sheet(["Ausweis"], ["A1"], ["A2"]), NO_RULES)
    assert [(one.row, one.text) for one in judged.problems] == [(1, "Ausweis")]
    assert "looks like the title of a column" in judged.problems[0].why
    assert numbers(judged) == [(2, 1, "A1"), (3, 2, "A2")]
    assert judge_sheet(sheet(["ADA"], ["BOB"]), NO_RULES).problems == ()
    assert judge_sheet(sheet(["ADA"]), NO_RULES).problems == ()


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "has no rows"),
        ([["number", "visualNumber"]], "two columns of numbers: 'number' and 'visualNumber'"),
        ([["number", "uid", "UID"]], "two columns of UIDs"),
        ([["card", "chip"], ["1", "2"]], "no column of the file is called like numbers: 'card', 'chip'"),
        ([["uid"], ["04a1b2c3"]], "no column of the file is called like numbers: 'uid'"),
    ],
)
def test_a_file_that_does_not_show_it_is_refused(rows: list[list[str]], words: str) -> None:
    """With the header line that would."""
    with pytest.raises(ManifestError, match=words) as refused:
        judge_sheet(sheet(*rows), NO_RULES)
    assert refused.value.remedy


# --- rows ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (["", "04a1b2c3d4e5f6"], "there is no number in this row"),
        (["x" * 65], "That is too long for a number"),
        (["A\x07B"], "the number holds a control character"),
        (["A\u200bB"], "the number holds a character that cannot be seen"),
        ([Cell("12", "the cell holds a date")], "the cell holds a date"),
        (["A1", "xyz"], "'xyz' is no hexadecimal UID"),
        (["A1", "04a1b"], "'04a1b' has an odd number of hex digits"),
        (["A1", Cell("4", "the cell holds a number")], "UID: the cell holds a number"),
        (["A1", "08a1b2c3"], "UID 08a1b2c3: This chip changes its number at every tap"),
        (["A1", "e004010203040506"], "UID e004010203040506: "),
    ],
)
def test_a_bad_row_is_told_by_its_number(cells: list[str | Cell], why: str) -> None:
    """The others are lines, numbered without a gap."""
    judged = judge_sheet(sheet(["number", "uid"], ["B1"], cells, ["B2"]), NO_RULES)
    (problem,) = judged.problems
    assert problem.row == 3
    assert problem.why.startswith(why)
    assert numbers(judged) == [(2, 1, "B1"), (4, 2, "B2")]


def test_the_rules_of_the_batch_hold() -> None:
    """Its pattern, its check digits by policy, its upper-casing, of ASCII alone."""
    rules = Rules(pattern=r"[A-Z]{2}\d{4}")
    judged = judge_sheet(sheet(["number"], ["ab0001"], ["AB1"]), rules, upper_case=True)
    assert numbers(judged) == [(2, 1, "AB0001")]
    assert judged.problems == (Problem(3, "AB1", "the number does not fit the pattern of the batch"),)
    wrong = sheet(["number"], ["DE-8PS-C0CD0C002-Q"], ["straße1"])
    warned = judge_sheet(wrong, NO_RULES, upper_case=True)
    assert [one.why for one in warned.warnings] == ["the last character is wrong: B is the right one"]
    assert numbers(warned) == [(2, 1, "DE-8PS-C0CD0C002-Q"), (3, 2, "straße1")]
    blocked = judge_sheet(wrong, Rules(CheckPolicy.BLOCK))
    assert [one.row for one in blocked.problems] == [2]
    assert judge_sheet(wrong, Rules(CheckPolicy.OK)).warnings == ()


def test_numbers_may_stand_there_as_the_pattern_takes_them_out() -> None:
    """Where the code on the key is longer than its number, a file has the code or the number."""
    rules = Rules(pattern=r"https://example[.]com/(?P<number>\d+)")
    judged = judge_sheet(sheet(["number"], ["https://example.com/17"], ["18"]), rules)
    assert numbers(judged) == [(2, 1, "17"), (3, 2, "18")]


def test_uids_are_written_in_the_order_that_is_told() -> None:
    """As printed by default; an odd one is taken and told; eight bytes where settings allow them."""
    rows = sheet(["number", "uid"], ["A1", "f6:e5:d4:c3:b2:a1:04"])
    turned = judge_sheet(rows, NO_RULES, order=ByteOrder.REVERSED)
    assert turned.lines[0].uid == Uid.from_hex("04a1b2c3d4e5f6")
    assert turned.warnings == ()
    as_it_stands = judge_sheet(rows, NO_RULES)
    assert [one.row for one in as_it_stands.warnings] == [2]
    assert "f6e5d4c3b2a104" in as_it_stands.warnings[0].why
    eight = sheet(["number", "uid"], ["A1", "e004010203040506"])
    assert judge_sheet(eight, NO_RULES, allow_eight_bytes=True).problems == ()


def test_a_number_that_comes_again_is_told_with_the_row_it_is_of() -> None:
    """The first of two equal rows stays; of two that contradict each other none does."""
    again = judge_sheet(sheet(["number"], ["A1"], ["A2"], ["a1"]), NO_RULES)
    assert numbers(again) == [(2, 1, "A1"), (3, 2, "A2")]
    assert again.problems == (Problem(4, "a1", "the number of row 2 again"),)
    rows = sheet(["number", "uid"], ["A1", "04a1b2c3d4e5f6"], ["A1", "04a1b2c3d4e5f7"], ["A3", "04a1b2c3d4e5f8"])
    contrary = judge_sheet(rows, NO_RULES)
    assert numbers(contrary) == [(4, 1, "A3")]
    assert [(one.row, one.why) for one in contrary.problems] == [
        (2, "the number of row 3 again, with another UID"),
        (3, "the number of row 2 again, with another UID"),
    ]


def test_a_key_that_comes_again_is_told() -> None:
    """One UID under two numbers: nobody can say whose it is."""
    rows = sheet(["number", "uid"], ["A1", "04a1b2c3d4e5f6"], ["A2", "04a1b2c3d4e5f6"], ["A3", ""])
    judged = judge_sheet(rows, NO_RULES)
    assert numbers(judged) == [(4, 1, "A3")]
    assert [(one.row, one.why) for one in judged.problems] == [
        (2, "UID 04a1b2c3d4e5f6: the one of row 3 again, with another number"),
        (3, "UID 04a1b2c3d4e5f6: the one of row 2 again, with another number"),
    ]


def test_more_rows_may_be_taken_out_later() -> None:
    """What the journal has against a line: the others close up, and its warning goes."""
    judged = judge_sheet(sheet(["number"], ["DE-8PS-C0CD0C002-Q"], ["A2"], ["A\x07"], ["A4"]), NO_RULES)
    left = judged.without([Problem(2, "DE-8PS-C0CD0C002-Q", "was paired")])
    assert numbers(left) == [(3, 1, "A2"), (5, 2, "A4")]
    assert [one.row for one in left.problems] == [2, 4]
    assert left.warnings == ()


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "A1", "a1", "A2", "A\x07", "B3", "DE-8PS-C0CD0C002-Q"]),
            st.sampled_from(["", "04a1b2c3d4e5f6", "04:A1:B2:C3:D4:E5:F6", "04a1b2c3d4e5f7", "08010203", "xyz"]),
        ),
        max_size=12,
    )
)
def test_every_row_is_a_line_or_a_problem(rows: list[tuple[str, str]]) -> None:
    """Never both, never neither; and the lines are a manifest: no number and no key stands in it twice."""
    made = sheet(["number", "uid"], *([number, uid] for number, uid in rows))
    judged = judge_sheet(made, NO_RULES)
    assert sorted([*judged.rows, *(one.row for one in judged.problems)]) == list(range(2, len(rows) + 2))
    assert [line.position for line in judged.lines] == list(range(1, len(judged.lines) + 1))
    keys = [line.number_key for line in judged.lines]
    uids = [line.uid for line in judged.lines if line.uid is not None]
    assert len(set(keys)) == len(keys)
    assert len(set(uids)) == len(uids)
