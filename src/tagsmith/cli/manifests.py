"""Files of numbers: what the commands share that read one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tagsmith.cli.output import print_fields, print_table, printable

if TYPE_CHECKING:
    from tagsmith.config import Settings
    from tagsmith.journal import Journal
    from tagsmith.manifest import Judged, Problem, Sheet
    from tagsmith.production import Batch, ManifestLine

_F = TypeVar("_F", bound=Callable[..., Any])

_PREVIEWED = 10
"""Lines of a manifest that a preview shows."""
_TOLD = 50
"""Rows that are told one by one, of those with something wrong or odd about them."""

_FILE_OPTIONS = (
    click.option(
        "--uid-order",
        type=click.Choice(["wire", "reversed"]),
        default="wire",
        show_default=True,
        help="How the file writes UIDs: the first byte first, as readers give and printers print them, or last.",
    ),
    click.option("--sheet", metavar="NAME", help="The sheet of a workbook; the first one if not given."),
    click.option("--skip-bad", is_flag=True, help="Import the good rows although others are not."),
)


def file_options(command: _F) -> _F:
    """What commands take that read a file of numbers."""
    for option in reversed(_FILE_OPTIONS):
        command = option(command)
    return command


def _read(
    opened: Journal, batch: Batch, settings: Settings, file: Path, *, uid_order: str, sheet: str | None
) -> tuple[Sheet, Judged]:
    """What a file came to, with what the journal has against its lines.

    Raises:
        ManifestError: it cannot be read.
    """
    import asyncio

    from tagsmith.manifest import Problem, judge_sheet, read_sheet
    from tagsmith.uid import ByteOrder
    from tagsmith.visual_number import CheckPolicy, Rules

    number = settings.number
    rules = Rules(CheckPolicy(batch.check_digit or number.check_digit), batch.pattern or number.pattern)
    read = read_sheet(file, sheet=sheet)
    judged = judge_sheet(
        read,
        rules,
        upper_case=batch.upper_case,
        order=ByteOrder(uid_order),
        allow_eight_bytes=settings.uid.allow_eight_bytes,
    )
    taken = asyncio.run(opened.clashes(batch.target, judged.lines))
    clashes = [
        Problem(judged.rows[clash.position - 1], judged.lines[clash.position - 1].visual_number, clash.why)
        for clash in taken
    ]
    return read, judged.without(clashes)


def good_lines(
    opened: Journal, batch: Batch, settings: Settings, file: Path, *, uid_order: str, sheet: str | None, skip_bad: bool
) -> tuple[ManifestLine, ...]:
    """The lines of a file that is good as a whole, or the good ones if that was said.

    Raises:
        ManifestError: it cannot be read, is not good as a whole, or no row is.
    """
    from tagsmith.errors import ManifestError

    _, judged = _read(opened, batch, settings, file, uid_order=uid_order, sheet=sheet)
    _print_problems("warning", judged.warnings)
    _print_problems("left out" if skip_bad and judged.lines else "error", judged.problems)
    bad = len(judged.problems)
    if not judged.lines:
        raise ManifestError(f"{file} has no good row: nothing was imported", "correct the file")
    if bad and not skip_bad:
        raise ManifestError(
            f"{bad} of {bad + len(judged.lines)} rows of {file} are not good: nothing was imported",
            "correct them, or leave them out with --skip-bad",
        )
    return judged.lines


def preview_file(
    opened: Journal, batch: Batch, settings: Settings, file: Path, *, uid_order: str, sheet: str | None, skip_bad: bool
) -> int:
    """Show what would be imported; the exit code that the import would end with."""
    read, judged = _read(opened, batch, settings, file, uid_order=uid_order, sheet=sheet)
    print_fields(
        {
            "file": f"{file} ({read.what})",
            "numbers": judged.number_column or "the only column; there is no header line",
            "uids": judged.uid_column or "none",
            **({"not used": ", ".join(judged.ignored)} if judged.ignored else {}),
            "good rows": len(judged.lines),
            "bad rows": len(judged.problems),
        }
    )
    click.echo()
    previewed = list(zip(judged.rows, judged.lines, strict=True))[:_PREVIEWED]
    print_table(
        ("POSITION", "ROW", "NUMBER", "UID"),
        (
            (line.position, row, line.visual_number, None if line.uid is None else line.uid.wire)
            for row, line in previewed
        ),
    )
    if len(judged.lines) > _PREVIEWED:
        click.echo(f"… and {len(judged.lines) - _PREVIEWED} more")
    _print_problems("warning", judged.warnings)
    _print_problems("error", judged.problems)
    click.echo("nothing was imported: this is a preview", err=True)
    return 0 if judged.lines and (skip_bad or not judged.problems) else 1


def _print_problems(what: str, problems: Sequence[Problem]) -> None:
    for problem in problems[:_TOLD]:
        number = f" ({printable(problem.text[:40])})" if problem.text else ""
        click.echo(f"{what}: row {problem.row}{number}: {printable(problem.why)}", err=True)
    if len(problems) > _TOLD:
        click.echo(f"{what}: … and {len(problems) - _TOLD} more rows", err=True)
