"""The words of a calibration that programs read stand in its page of the documentation, and no others."""

from __future__ import annotations

import enum
import re
from pathlib import Path

import pytest

from tagsmith.calibration import SecondKey, Standing
from tagsmith.calibration.judgement import Finding
from tagsmith.uid import ByteOrder

PAGE = (Path(__file__).parents[2] / "docs" / "calibration.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("field", "words"), [("finding", Finding), ("standing", Standing)])
def test_each_word_is_documented(field: str, words: type[enum.StrEnum]) -> None:
    """The table of the field has each of its values once, and nothing else."""
    (table,) = re.findall(rf"^\| `{field}` \| meaning \|\n\|---\|---\|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    cells = [line.split("|")[1] for line in table.splitlines()]
    assert sorted(word for cell in cells for word in re.findall("`([^`]+)`", cell)) == sorted(map(str, words))


@pytest.mark.parametrize(
    ("field", "words"), [("order", [*ByteOrder, "mismatch", "inconclusive"]), ("second_key", SecondKey)]
)
def test_each_word_of_a_row_is_documented(field: str, words: list[str]) -> None:
    """The row of a field with few values names each of them."""
    (row,) = re.findall(rf"^\| `{field}` \|(.+)\|$", PAGE, re.MULTILINE)
    assert sorted(re.findall("`([^`]+)`", row)) == sorted(map(str, words))
