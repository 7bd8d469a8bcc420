"""The report of a shift as files: a page for people, and JSON for programs. Whole, or not there."""

from __future__ import annotations

import json
import os
from datetime import UTC
from pathlib import Path

from tagsmith import words
from tagsmith.production import Shift, ShiftReport, report_fields


def write(folder: Path, shift: Shift, report: ShiftReport) -> tuple[Path, ...]:
    """Write the report of a shift into a folder, which is made if it is not there; blocks. The files.

    Raises:
        OSError: it cannot be written.
    """
    folder = folder.expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    name = f"shift-{shift.started_at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{shift.id[:8]}"
    fields = {"shift": shift.id, "station": shift.station, **report_fields(report)}
    return (
        _whole(folder / f"{name}.txt", words.shift_page(report)),
        _whole(folder / f"{name}.json", json.dumps(fields, ensure_ascii=False, indent=2) + "\n"),
    )


def _whole(path: Path, text: str) -> Path:
    partial = path.with_name(f".{path.name}.part")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    return path
