"""`tagsmith shift`: what the shifts of this station came to, and the line for a supervisor's PIN."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tagsmith.cli.opening import open_journal
from tagsmith.cli.output import config_option, json_option, print_table, printable, settings_from, write_json

if TYPE_CHECKING:
    from tagsmith.production import Shift

_SOME = 20


@click.group()
def shift() -> None:
    """List and report shifts; make the line for a PIN.

    A shift is started and ended at the running station, where its checks are made: by the barcodes TAGSMITHSHIFTSTART
    and TAGSMITHSHIFTEND (tagsmith commands --shift-sheet), or on its screen.
    """


@shift.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=_SOME, show_default=True, help="How many at most.")
@json_option
@config_option
def list_(limit: int, as_json: bool, config: Path | None) -> None:
    """List this station's shifts, newest first."""
    settings = settings_from(config)
    with open_journal(config) as opened:
        found = asyncio.run(opened.shifts(settings.station.name, limit))
    if as_json:
        write_json([_json(one) for one in found])
        return
    print_table(
        ("SHIFT", "OPERATOR", "FROM", "UNTIL", "RECOVERIES"),
        (
            (
                one.id[:8],
                one.operator,
                f"{one.started_at.astimezone():%Y-%m-%d %H:%M}",
                f"{one.ended_at.astimezone():%Y-%m-%d %H:%M}" if one.ended_at else "runs",
                one.recoveries,
            )
            for one in found
        ),
    )


@shift.command()
@click.argument("which", metavar="[SHIFT]", default="")
@json_option
@config_option
def report(which: str, as_json: bool, config: Path | None) -> None:
    """Report a shift: by its id or the beginning of it; without one the newest, as far as it is.

    While a shift runs its reader recoveries are known to the station only, and stand as 0 here.
    """
    from tagsmith import words
    from tagsmith.config import resolve_api
    from tagsmith.errors import JournalError
    from tagsmith.production import report_fields

    settings = settings_from(config)
    target = resolve_api(settings).target
    with open_journal(config) as opened:
        shifts = asyncio.run(opened.shifts(settings.station.name, 1 if not which else 10_000))
        meant = [one for one in shifts if one.id.startswith(which)]
        if len(meant) != 1:
            what = f"{len(meant)} shifts begin with {printable(which)}" if meant else "there is no such shift"
            raise JournalError(what, "tagsmith shift list shows them")
        [one] = meant
        found = asyncio.run(
            opened.report(
                target,
                station=one.station,
                since=one.started_at,
                until=one.ended_at,
                title=words.shift_title(one),
                recoveries=one.recoveries,
            )
        )
    if as_json:
        write_json({"shift": one.id, "station": one.station, **report_fields(found)})
    else:
        for line in words.shift_page(found).splitlines():
            click.echo(printable(line))


@shift.command()
def pin() -> None:
    """Print the settings line for a supervisor's PIN, which is asked for twice and shown nowhere."""
    from tagsmith.config import hash_pin
    from tagsmith.errors import ConfigError

    given = click.prompt("PIN", hide_input=True, confirmation_prompt=True, err=True)
    try:
        line = hash_pin(given)
    except ValueError as error:
        raise ConfigError(str(error), "choose another one") from None
    click.echo(f'pin_hash = "{line}"')
    click.echo("Put this line under the supervisor's [[operator]] in the settings.", err=True)


def _json(one: Shift) -> dict[str, object]:
    return {
        "shift": one.id,
        "station": one.station,
        "operator": one.operator,
        "started_at": one.started_at.isoformat(),
        "ended_at": one.ended_at.isoformat() if one.ended_at else None,
        "recoveries": one.recoveries,
    }
