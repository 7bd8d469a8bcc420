"""`tagsmith doctor`: what is in the way, and what to type."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tagsmith.cli.output import json_option, printable, write_json

if TYPE_CHECKING:
    from tagsmith.doctor import Finding


@click.command()
@json_option
@click.option(
    "--config",
    # Looked at by the examination alone: one that is missing, unreadable or a folder is a finding like any other.
    type=click.Path(path_type=Path, readable=False),
    help="A settings file on top of the machine's and the user's.",
)
def doctor(as_json: bool, config: Path | None) -> None:
    """Look at readers, drivers, permissions, clock, disc, journal and API; say what to type where something is wrong.

    The worst comes first. Changes nothing; opens the configured readers for an instant. Exit code 1 when something
    is bad.
    """
    from tagsmith.doctor import Verdict, examine

    findings = examine(config=config)
    sound = all(finding.verdict is not Verdict.BAD for finding in findings)
    if as_json:
        write_json({"ok": sound, "findings": [_fields(finding) for finding in findings]})
    else:
        _print(findings)
    sys.exit(0 if sound else 1)


def _fields(finding: Finding) -> dict[str, str]:
    return {
        "check": finding.check,
        "verdict": str(finding.verdict),
        "what": finding.what,
        "remedy": finding.remedy,
        "section": f"hardware.md#{finding.section}" if finding.section else "",
    }


def _print(findings: Sequence[Finding]) -> None:
    """One line each, and what to type below it; where to read more, where something is wrong."""
    for finding in findings:
        click.echo(f"{finding.verdict.upper():<7}  {finding.check}: {printable(finding.what)}")
        for line in finding.remedy.splitlines():
            click.echo(f"           {printable(line)}")
        if finding.remedy and finding.section:
            click.echo(f"           # more: hardware.md#{finding.section}")
