"""`tagsmith journal`: what was paired, and whether the record of it is sound."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tagsmith.cli.api import ask_api, confirm, yes_option
from tagsmith.cli.opening import account, meant, open_journal
from tagsmith.cli.output import config_option, json_option, print_fields, print_table, settings_from, write_json
from tagsmith.cli.resolving import resolve

if TYPE_CHECKING:
    from tagsmith.model import Record


@click.group()
def journal() -> None:
    """List, show, correct, verify, back up and export what was paired."""


journal.add_command(resolve)


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
    with open_journal(config) as opened:
        chosen = (row for row in rows(opened.records(), opened.batch_names()) if state is None or row["state"] == state)
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

    with open_journal(config) as opened:
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

    with open_journal(config) as opened:
        record = meant(opened, entry)
        asyncio.run(opened.undo(record.entry.id, reason))
    click.echo(f"undone: {record.entry.visual_number} with {record.entry.uid.wire}")


@journal.command()
@click.argument("entry")
@click.option("--reason", required=True, help="Why, for the record.")
@click.option("--disable", is_flag=True, help="If the key was activated, disable it at the API first.")
@yes_option
@config_option
def void(entry: str, reason: str, disable: bool, yes: bool, config: Path | None) -> None:
    """Declare a pair worthless that was sent, or tried: a mark of ours alone. ENTRY as for show."""
    import asyncio

    from tagsmith.model import LegState

    with open_journal(config) as opened:
        record = meant(opened, entry)
        if disable and record.activation.state is LegState.DONE:
            _disable(record, config, yes=yes)
            reason = f"{reason} (disabled at the API)"
        elif disable:
            click.echo("It was not activated, as far as is known: there is nothing to disable.", err=True)
        asyncio.run(opened.void(record.entry.id, reason))
    click.echo(f"void: {record.entry.visual_number} with {record.entry.uid.wire}; both stay taken")
    click.echo("The API may hold this pair: its reservation cannot be changed there.", err=True)


def _disable(record: Record, config: Path | None, *, yes: bool) -> None:
    """Have the API disable an activated key.

    Raises:
        DriveError: it did not; nothing else was done.
    """
    from tagsmith.config import resolve_api
    from tagsmith.drive import KeyChange

    settings = settings_from(config)
    entry = record.entry
    key = record.contract_id or entry.uid_api
    confirm(f"Disable {entry.visual_number} of user {entry.user_id} at the API?", yes=yes)
    ask_api(
        settings,
        resolve_api(settings),
        lambda drive: drive.change_key(entry.user_id or "", key, KeyChange(enabled=False)),
        if_unknown=f"look first whether it was done: tagsmith keys list --user {entry.user_id}",
    )
    click.echo(f"disabled: {entry.visual_number} of user {entry.user_id}")


@journal.command()
@click.argument("entry", required=False)
@click.option("--refused", is_flag=True, help="Every entry of which something was refused.")
@config_option
def retry(entry: str | None, refused: bool, config: Path | None) -> None:
    """Have sent again, as it was, what was refused or waits in doubt. ENTRY as for show."""
    import asyncio

    from tagsmith.model import LegState

    if (entry is None) is not refused:
        raise click.UsageError("name one ENTRY, or say --refused")
    with open_journal(config) as opened:
        if entry is not None:
            chosen = [meant(opened, entry)]
        else:
            chosen = [
                record
                for record in opened.records()
                if record.mark is None and LegState.REFUSED in (record.reservation.state, record.activation.state)
            ]
        for record in chosen:
            asyncio.run(opened.retry(record.entry.id))
            click.echo(f"sent again: {record.entry.visual_number} with {record.entry.uid.wire}")
    if not chosen:
        click.echo("nothing was refused", err=True)


@journal.command()
@click.argument("entry")
@click.option("--user", "user_id", metavar="ID", help="Activate it for this user.")
@click.option("--valid-to", metavar="TIME", help="The end of its validity, like 2041-12-31T23:59:59.000Z.")
@config_option
def correct(entry: str, user_id: str | None, valid_to: str | None, config: Path | None) -> None:
    """Correct what the API has not taken yet: the user until it is activated, the validity until it is reserved.

    What was refused is sent again, corrected. The pair itself never changes. ENTRY as for show.
    """
    import asyncio
    from dataclasses import replace

    from tagsmith.courier import first_body
    from tagsmith.drive import check_user_id
    from tagsmith.model import Correction, LegName

    if user_id is None and valid_to is None:
        raise click.UsageError("say what is to be corrected: --user, --valid-to")
    if user_id is not None:
        check_user_id(user_id)
    with open_journal(config) as opened:
        record = meant(opened, entry)
        if valid_to is not None:
            # Made to be refused: what could not be sent is not recorded.
            first_body(replace(record.entry, valid_to=valid_to), LegName.RESERVATION)
        corrected = asyncio.run(opened.correct(record.entry.id, Correction(user_id=user_id, valid_to=valid_to)))
    click.echo(f"corrected: {corrected.entry.visual_number} with {corrected.entry.uid.wire}, {corrected.state}")


@journal.command()
@click.option("--reason", required=True, help="Why, for the record.")
@click.option("--moved", is_flag=True, help="No other copy of this journal has sent anything since it was copied.")
@click.option("--yes", is_flag=True, help="Do not ask; for programs.")
@config_option
def adopt(reason: str, moved: bool, yes: bool, config: Path | None) -> None:
    """Let a journal deliver that was restored from a backup or copied here.

    Another copy may have sent what this one still holds for open. So all of that is asked for as after a lost answer,
    and what the API then refuses stays unknown, to be looked into. Only one copy may deliver: stop the others.
    """
    import asyncio

    with open_journal(config) as opened:
        why = asyncio.run(opened.stranger())
        if not why:
            click.echo("the journal is at home here: nothing was done")
            return
        confirm(f"{why}. Does no other copy of it deliver any more?", yes=yes)
        doubted = asyncio.run(opened.adopt(by=account(), reason=reason, moved=moved))
    click.echo(f"adopted: it delivers here from now on; {doubted} open deliveries were put in doubt")


@journal.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@config_option
def backup(file: Path, config: Path | None) -> None:
    """Write a consistent copy to FILE while stations go on. The copy delivers nothing until it is adopted."""
    with open_journal(config) as opened:
        opened.backup(file)
    click.echo(f"written: {file}")


@journal.command()
@json_option
@config_option
def verify(as_json: bool, config: Path | None) -> None:
    """Check the hash chains, and that every entry is what its events say. Exit code 1 when something is wrong."""
    with open_journal(config) as opened:
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
@click.option("--format", "format_", type=click.Choice(["csv", "jsonl", "xlsx"]), default="csv", show_default=True)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="A file; standard output if not given.")
@config_option
def export(format_: str, output: Path | None, config: Path | None) -> None:
    """Write every entry, oldest first. In CSV, cells that a spreadsheet would run as formulas are defused."""
    from tagsmith.errors import TagsmithError
    from tagsmith.journal.export import write_csv, write_jsonl, write_xlsx

    write = write_csv if format_ == "csv" else write_jsonl
    if format_ == "xlsx" and output is None:
        raise click.UsageError("a workbook goes to a file: --output FILE.xlsx")
    with open_journal(config) as opened:
        names = opened.batch_names()
        if output is None:
            write(sys.stdout, opened.records(), names)
            return
        try:
            if format_ == "xlsx":
                write_xlsx(output, opened.records(), names)
                return
            with output.open("w", encoding="utf-8", newline="") as file:
                write(file, opened.records(), names)
        except OSError as error:
            raise TagsmithError(f"{output} cannot be written: {error.strerror}") from None
