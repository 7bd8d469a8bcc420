"""Lists of the numbers that are to be made: a CSV or XLSX file, read within limits, and each of its rows judged.

Nothing is recorded here; what the journal has against a line, the journal says.

    reading     a file → rows of cells, or why it cannot be read
    workbook    the same of an XLSX file; the door to openpyxl
    sheet       rows, cells, and the limits
    titles      what the columns may be called. Pure
    judging     rows → the lines of a manifest, and what is wrong with the others. Pure
"""

from __future__ import annotations

from tagsmith.manifest.judging import Judged, Problem, judge_sheet
from tagsmith.manifest.reading import read_sheet
from tagsmith.manifest.sheet import Cell, Row, Sheet

__all__ = ["Cell", "Judged", "Problem", "Row", "Sheet", "judge_sheet", "read_sheet"]
