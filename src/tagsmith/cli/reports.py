"""A report of a shift or a batch as it is printed: for people, as JSON, as CSV."""

from __future__ import annotations

import csv
import sys
from datetime import datetime
from typing import TYPE_CHECKING

from tagsmith.cli.output import print_fields
from tagsmith.production import report_fields

if TYPE_CHECKING:
    from tagsmith.production import ShiftReport


def print_report(report: ShiftReport) -> None:
    """A report for people."""
    rejected = sum(count for _, count in report.rejects)
    print_fields(
        {
            "report": report.title,
            "operators": ", ".join(report.operators),
            "from": _local(report.started_at),
            "until": _local(report.ended_at) or "now",
            "paired": report.paired,
            "undone": report.undone,
            "rejected": rejected,
            **{f"  {cause}": count for cause, count in report.rejects},
            "first-pass yield": _share(report.first_pass_yield),
            "median cycle": "" if report.median_cycle_s is None else f"{report.median_cycle_s:.1f} s",
            "keys per hour": report.per_hour,
            "reader recoveries": report.recoveries,
            "waiting deliveries": report.waiting,
        }
    )


def write_report_csv(report: ShiftReport) -> None:
    """A report for spreadsheets on standard output: a line for each field, and for each cause of rejection."""
    fields = report_fields(report)
    fields["operators"] = ", ".join(report.operators)
    del fields["rejects"]
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("field", "value"))
    for name, value in fields.items():
        writer.writerow((name, _defused("" if value is None else str(value))))
    for cause, count in report.rejects:
        writer.writerow((f"rejected: {cause}", count))


def _defused(cell: str) -> str:
    """The cell as plain text for any spreadsheet; titles and operators are what people typed."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else cell


def _local(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M")


def _share(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f} %"
