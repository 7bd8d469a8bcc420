"""`tagsmith journal`: what was paired, and whether the record of it is sound."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tagsmith.cli.output import config_option, json_option, print_fields, print_table, settings_from, write_json

if TYPE_CHECKING:
    from tagsmith.journal import Journal


@click.group()
def journal() -> None:
    """List, show, undo, void, verify and export what was paired."""


@contextlib.contextmanager
def _open(config: Path | None) -> Iterator[Journal]:
    """The journal of the settings. Looking makes none: where there is none yet an empty one stands in for it."""
    from tagsmith.journal import Journal

    settings = settings_from(config)
    url = settings.journal.url
    with contextlib.ExitStack() as stack:
        if not Journal.exists(url):
            click.echo(f"there is no journal yet at {Journal.place_of(url)}", err=True)
            url = f"sqlite:///{stack.enter_context(tempfile.TemporaryDirectory())}/empty.sqlite"
        opened = Journal.open(url, station=settings.station.name)
        stack.callback(opened.close)
        yield opened


@journal.command("list")
@click.option("--state", help="Only entries in this state (held, queued, reserved, …).")
@json_option
@config_option
def list_(state: str | None, as_json: bool, config: Path | None) -> None:
    """List the entries, oldest first."""
    from tagsmith.journal.export import COLUMNS, rows
    from tagsmith.model import State

    if state is not None and state not in set(State):
        raise click.BadParameter(f"one of {', '.join(State)}", param_hint="--state")
    with _open(config) as opened:
        chosen = (row for row in rows(opened.records()) if state is None or row["state"] == state)
        if as_json:
            write_json(list(chosen))
        else:
            print_table([name.upper() for name in COLUMNS], ([row[name] for name in COLUMNS] for row in chosen))


@journal.command()
@click.argument("entry")
@json_option
@config_option
def show(entry: str, as_json: bool, config: Path | None) -> None:
    """Show one entry with its two deliveries and its history. ENTRY is its id, its number or its uid."""
    from tagsmith.errors import JournalError
    from tagsmith.journal.export import details

    with _open(config) as opened:
        fields = details(opened, entry)
    if fields is None:
        raise JournalError(f"there is no entry {entry}", "tagsmith journal list shows them all")
    if as_json:
        write_json(fields)
    else:
        history = fields.pop("events")
        assert isinstance(history, list)
        print_fields(fields)
        click.echo()
        print_table(("AT", "KIND", "CHANGE"), ((one["at"], one["kind"], one["change"]) for one in history))


@journal.command()
@click.argument("entry")
@click.option("--reason", default="undone by command", show_default=True, help="Why, for the record.")
@config_option
def undo(entry: str, reason: str, config: Path | None) -> None:
    """Take a pair back that was never sent: its key and its number are free again. ENTRY as for show."""
    import asyncio

    from tagsmith.errors import JournalError

    with _open(config) as opened:
        record = opened.look_up(entry)
        if record is None:
            raise JournalError(f"there is no entry {entry}", "tagsmith journal list shows them all")
        asyncio.run(opened.undo(record.entry.id, reason))
    click.echo(f"undone: {record.entry.visual_number} with {record.entry.uid.wire}")


@journal.command()
@click.argument("entry")
@click.option("--reason", required=True, help="Why, for the record.")
@config_option
def void(entry: str, reason: str, config: Path | None) -> None:
    """Declare a pair worthless that was sent, or tried: a mark of ours alone. ENTRY as for show."""
    import asyncio

    from tagsmith.errors import JournalError

    with _open(config) as opened:
        record = opened.look_up(entry)
        if record is None:
            raise JournalError(f"there is no entry {entry}", "tagsmith journal list shows them all")
        asyncio.run(opened.void(record.entry.id, reason))
    click.echo(f"void: {record.entry.visual_number} with {record.entry.uid.wire}; both stay taken")
    click.echo("The API may hold this pair: nothing was changed there.", err=True)


@journal.command()
@json_option
@config_option
def verify(as_json: bool, config: Path | None) -> None:
    """Check the hash chains, and that every entry is what its events say. Exit code 1 when something is wrong."""
    with _open(config) as opened:
        result = opened.verify()
    if as_json:
        write_json(
            {
                "ok": result.ok,
                "entries": result.entries,
                "events": result.events,
                "streams": result.streams,
                "problems": list(result.problems),
            }
        )
    elif result.ok:
        click.echo(f"sound: {result.entries} entries, {result.events} events in {result.streams} chains")
    else:
        for problem in result.problems:
            click.echo(problem, err=True)
        click.echo(f"NOT SOUND: {len(result.problems)} problems in {result.events} events", err=True)
    sys.exit(0 if result.ok else 1)


@journal.command()
@click.option("--format", "format_", type=click.Choice(["csv", "jsonl"]), default="csv", show_default=True)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="A file; standard output if not given.")
@config_option
def export(format_: str, output: Path | None, config: Path | None) -> None:
    """Write every entry, oldest first. In CSV, cells that a spreadsheet would run as formulas are defused."""
    from tagsmith.errors import TagsmithError
    from tagsmith.journal.export import write_csv, write_jsonl

    write = write_csv if format_ == "csv" else write_jsonl
    with _open(config) as opened:
        if output is None:
            write(sys.stdout, opened.records())
            return
        try:
            with output.open("w", encoding="utf-8", newline="") as file:
                write(file, opened.records())
        except OSError as error:
            raise TagsmithError(f"{output} cannot be written: {error.strerror}") from None
