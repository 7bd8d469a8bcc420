"""Rows of cells → the lines of a manifest, and what is wrong with the others. Pure: the file was read before.

A row is good or it is told what is wrong with it, by its number; nothing is mended. The numbers are judged by the same
rules as scans are.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tagsmith import uid as uids
from tagsmith import words
from tagsmith.errors import ManifestError, UidError
from tagsmith.manifest.sheet import Cell, Row, Sheet
from tagsmith.manifest.titles import names_numbers, names_uids
from tagsmith.production import ManifestLine
from tagsmith.uid import ByteOrder, Decision, Uid
from tagsmith.visual_number import NumberDecision, NumberReason, NumberVerdict, Rules, judge

_DIGIT: Final = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is to be said of a row."""

    row: int
    text: str
    """The number as it stands there, or what else shows which row is meant."""
    why: str


@dataclass(frozen=True, slots=True)
class Judged:
    """What a file came to. `rows` has the row of each line; the lines are numbered from 1 whatever was left out."""

    lines: tuple[ManifestLine, ...]
    rows: tuple[int, ...]
    problems: tuple[Problem, ...]
    """Rows that are no lines, and why."""
    warnings: tuple[Problem, ...]
    """Lines that are taken, and what is odd about them."""
    number_column: str
    """The title of the column of numbers; empty where there is no header line."""
    uid_column: str = ""
    ignored: tuple[str, ...] = ()
    """Titles of columns that mean nothing here."""

    def without(self, problems: Iterable[Problem]) -> Judged:
        """The same where these rows, too, are no lines."""
        more = tuple(problems)
        out = {problem.row for problem in more}
        kept = [(row, line) for row, line in zip(self.rows, self.lines, strict=True) if row not in out]
        return replace(
            self,
            lines=tuple(replace(line, position=position) for position, (_, line) in enumerate(kept, start=1)),
            rows=tuple(row for row, _ in kept),
            problems=tuple(sorted((*self.problems, *more), key=lambda problem: problem.row)),
            warnings=tuple(warning for warning in self.warnings if warning.row not in out),
        )


def judge_sheet(
    sheet: Sheet,
    rules: Rules,
    *,
    upper_case: bool = False,
    order: ByteOrder = ByteOrder.WIRE,
    allow_eight_bytes: bool = False,
) -> Judged:
    """The lines of a manifest that a file has. `order` is the one its UIDs are written in.

    Raises:
        ManifestError: it has no rows, or it does not show which column is the one of the numbers.
    """
    if not sheet.rows:
        raise ManifestError("the file has no rows", "one number a line, under a header line visualNumber")
    columns = _columns(sheet.rows)
    rows = sheet.rows[1:] if columns.titled else sheet.rows
    problems: list[Problem] = []
    warnings: list[Problem] = []
    found: list[tuple[int, ManifestLine]] = []
    for row in rows:
        number, uid = _at(row, columns.number), _at(row, columns.uid)
        line, wrong, odd = _line(number, uid, rules, upper_case, order, allow_eight_bytes)
        shown = number.text or uid.text
        if line is None:
            problems.append(Problem(row.number, shown, wrong))
        else:
            found.append((row.number, line))
            if odd:
                warnings.append(Problem(row.number, shown, odd))
    if not columns.titled and len(rows) > 1 and _is_title(rows):
        why = "looks like the title of a column: name it visualNumber, or take the line out"
        problems.append(Problem(rows[0].number, rows[0].cells[0].text, why))
    judged = Judged(
        tuple(line for _, line in found),
        tuple(row for row, _ in found),
        (),
        tuple(warnings),
        columns.number_title,
        columns.uid_title,
        columns.ignored,
    )
    named = {problem.row for problem in problems}
    return judged.without([*problems, *(one for one in _doubles(found) if one.row not in named)])


@dataclass(frozen=True, slots=True)
class _Columns:
    """Which column is which; `uid` is -1 where there is none."""

    number: int
    uid: int = -1
    titled: bool = False
    number_title: str = ""
    uid_title: str = ""
    ignored: tuple[str, ...] = ()


def _columns(rows: Sequence[Row]) -> _Columns:
    """By the titles in the first row, or by there being one column only.

    Raises:
        ManifestError: neither shows it.
    """
    titles = [cell.text for cell in rows[0].cells]
    numbers = [index for index, title in enumerate(titles) if names_numbers(title)]
    known_uids = [index for index, title in enumerate(titles) if names_uids(title)]
    for what, several in (("numbers", numbers), ("UIDs", known_uids)):
        if len(several) > 1:
            named = " and ".join(repr(titles[index]) for index in several)
            raise ManifestError(f"the file has two columns of {what}: {named}", "keep one of them")
    if numbers:
        used = {*numbers, *known_uids}
        return _Columns(
            numbers[0],
            known_uids[0] if known_uids else -1,
            titled=True,
            number_title=titles[numbers[0]],
            uid_title=titles[known_uids[0]] if known_uids else "",
            ignored=tuple(title for index, title in enumerate(titles) if title and index not in used),
        )
    widths = {index for row in rows for index, cell in enumerate(row.cells) if cell.text or cell.fault}
    if len(widths) == 1 and not known_uids:
        return _Columns(next(iter(widths)))
    raise ManifestError(
        f"no column of the file is called like numbers: {', '.join(repr(title) for title in titles[:8])}",
        "write a header line: visualNumber, and uid where the keys are known",
    )


def _at(row: Row, column: int) -> Cell:
    return row.cells[column] if 0 <= column < len(row.cells) else Cell("")


def _line(
    number: Cell, uid: Cell, rules: Rules, upper_case: bool, order: ByteOrder, allow_eight_bytes: bool
) -> tuple[ManifestLine | None, str, str]:
    """The line that two cells make, what is wrong with it, and what is odd about it. Its position comes later."""
    if not number.text and not number.fault:
        return None, "there is no number in this row", ""
    if number.fault:
        return None, number.fault, ""
    # Only ASCII: upper-casing turns some other letters into two, or into ASCII ones.
    text = number.text.upper() if upper_case and number.text.isascii() else number.text
    verdict = _judged(text, rules)
    if verdict.decision is NumberDecision.BLOCK or verdict.number is None:
        return None, _of_a_file(verdict), ""
    odd = _of_a_file(verdict) if verdict.decision is NumberDecision.WARN else ""
    key, wrong, suspect = _uid(uid, order, allow_eight_bytes)
    if wrong:
        return None, wrong, ""
    return ManifestLine(0, verdict.number.text, verdict.number.key, key), "", odd or suspect


def _judged(text: str, rules: Rules) -> NumberVerdict:
    """As a scan would be; but where the pattern takes the number out of a longer code, the file has it taken out."""
    verdict = judge(text, rules)
    if verdict.reason is NumberReason.PATTERN and rules.pattern is not None and "(?P<number>" in rules.pattern:
        return judge(text, Rules(rules.check_digit))
    return verdict


_OF_A_FILE: Final = {
    NumberReason.PATTERN: "the number does not fit the pattern of the batch",
    NumberReason.CONTROL_CHARACTER: "the number holds a control character",
    NumberReason.INVISIBLE_CHARACTER: "the number holds a character that cannot be seen",
    NumberReason.DOUBLED: "the number stands there twice in one",
}


def _of_a_file(verdict: NumberVerdict) -> str:
    """What is wrong with a number, in words that speak of a file and not of a scan."""
    if verdict.reason is NumberReason.CHECK_DIGIT and verdict.number is not None:
        return f"the last character is wrong: {verdict.number.expected} is the right one"
    return _OF_A_FILE.get(verdict.reason) or words.title(verdict.reason.value).rstrip(".")


def _uid(cell: Cell, order: ByteOrder, allow_eight_bytes: bool) -> tuple[Uid | None, str, str]:
    """The UID of a cell, what is wrong with it, and what is odd about it."""
    if cell.fault:
        return None, f"UID: {cell.fault}", ""
    if not cell.text:
        return None, "", ""
    try:
        uid = Uid.from_hex(cell.text, order)
    except UidError as error:
        return None, error.message, ""
    verdict = uids.judge(uid, allow_eight_bytes=allow_eight_bytes)
    said = f"UID {uid.wire}: {words.title(verdict.reason.value).rstrip('.')}"
    if verdict.decision is Decision.REFUSE:
        return None, said, ""
    return uid, "", said if verdict.decision is Decision.WARN else ""


def _is_title(rows: Sequence[Row]) -> bool:
    """Whether the first row of a file without titles is one all the same: the only one without a digit."""
    first, *others = (next(cell.text for cell in row.cells if cell.text or cell.fault) for row in rows)
    return not _DIGIT.search(first) and all(_DIGIT.search(text) for text in others)


def _doubles(found: Sequence[tuple[int, ManifestLine]]) -> list[Problem]:
    """The rows that repeat an earlier one, and all rows that contradict one another."""
    by_number: dict[str, list[tuple[int, ManifestLine]]] = defaultdict(list)
    by_uid: dict[Uid, list[tuple[int, ManifestLine]]] = defaultdict(list)
    for row, line in found:
        by_number[line.number_key].append((row, line))
        if line.uid is not None:
            by_uid[line.uid].append((row, line))
    problems: dict[int, Problem] = {}
    for same in by_number.values():
        several = len({line.uid for _, line in same}) > 1
        for row, line in same if several else same[1:]:
            other = next(other for other, _ in same if other != row) if len(same) > 1 else row
            if other != row:
                with_another = ", with another UID" if several else ""
                problems[row] = Problem(row, line.visual_number, f"the number of row {other} again{with_another}")
    for same in by_uid.values():
        if len({line.number_key for _, line in same}) > 1:
            for row, line in same:
                other = next(other for other, another in same if another.number_key != line.number_key)
                why = f"UID {line.uid}: the one of row {other} again, with another number"
                problems.setdefault(row, Problem(row, line.visual_number, why))
    return list(problems.values())
