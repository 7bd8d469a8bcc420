"""What is in a file, whatever it was: rows of cells, and the limits of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MAX_BYTES: Final = 20 * 1024 * 1024
"""A file that is longer is no manifest."""
MAX_ROWS: Final = 100_000
"""Rows of a file, empty ones too."""
MAX_COLUMNS: Final = 64
MAX_CELL: Final = 256
"""Characters of a cell."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell as text, trimmed. `fault` says why its text cannot be trusted to be what was meant."""

    text: str
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row that is not empty. `number` counts from 1, as the program shows it that the file is looked at with."""

    number: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows of a file. `what` is what it was read as, for people."""

    what: str
    rows: tuple[Row, ...]
