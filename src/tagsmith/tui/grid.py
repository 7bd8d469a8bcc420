"""How several lanes share one screen. Pure."""

from __future__ import annotations

from tagsmith.tui import letters

LEAST_WIDTH = 37
"""Cells in which the longest word still fits in letters."""
MOST_LANES = 8
_SENTENCES = 3
"""Rows that a lane needs besides its word: its name and two lines of what happened."""
_ENOUGH = 4
"""Rows of a lane without letters: name and word, what happened in two lines, the number. More are of little use."""

FEW_ROWS = 3
"""Rows below which a lane is a strip."""


def columns(lanes: int, width: int, height: int) -> int:
    """How many lanes stand side by side: so that their words are as large as they can be, else all is told of each."""
    choices = [count for count in range(1, lanes + 1) if count == 1 or (width - count + 1) // count >= LEAST_WIDTH]
    return max(choices, key=lambda count: (*_use(lanes, count, width, height), count))


def _use(lanes: int, count: int, width: int, height: int) -> tuple[int, int]:
    across, down = (width - count + 1) // count, height // -(-lanes // count)
    rows = down - _SENTENCES
    if rows < letters.HEIGHT:
        return 0, min(down, _ENOUGH)
    # A cell is twice as high as wide, so letters may be three times as wide as their pattern.
    high = min(rows // letters.HEIGHT, 4)
    return high, min(across // LEAST_WIDTH, 3 * high)
