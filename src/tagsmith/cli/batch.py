"""`tagsmith batch`: runs of keys of one kind, and the lists of their numbers."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tagsmith.cli.api import confirm, shown, yes_option
from tagsmith.cli.manifests import file_options, good_lines, preview_file
from tagsmith.cli.opening import account, open_journal
from tagsmith.cli.output import (
    config_option,
    json_option,
    print_fields,
    print_table,
    printable,
    settings_from,
    write_json,
)

if TYPE_CHECKING:
    from tagsmith.config import Settings
    from tagsmith.journal import Journal
    from tagsmith.production import Batch, BatchKey, BatchStand, ManifestLine

_NAMED = 10
"""Numbers that are named where there may be many."""


@click.group()
def batch() -> None:
    """Create, fill, list, show, close and report batches of keys."""


@batch.command()
@click.argument("name")
@click.option("--type", "key_type", type=click.Choice(["TAG", "CARD"], case_sensitive=False), help="What the keys are.")
@click.option("--valid-from", metavar="DATE", help="When the keys begin to work: a date, today, or a datetime.")
@click.option("--valid-to", metavar="DATE", help="When they end: the end of a date, or a datetime with its zone.")
@click.option("--user", "user_id", metavar="ID", help="Activate every key for this user.")
@click.option("--goal", type=click.IntRange(1, 10_000_000), help="How many keys are wanted; else as many as numbers.")
@click.option("--pattern", metavar="REGEX", help="What every number must match.")
@click.option(
    "--check-digit", type=click.Choice(["off", "warn", "block"]), help="What a wrong check character comes to."
)
@click.option("--upper-case", is_flag=True, help="Send numbers in upper case.")
@click.option(
    "--sequence",
    type=click.Choice(["free", "ordered", "shown", "auto"]),
    default="free",
    show_default=True,
    help="Whether the manifest's order holds: not at all; strictly; with exceptions shown; by tapping alone.",
)
@click.option(
    "--verification",
    type=click.Choice(["none", "tap", "scan", "sample"]),
    default="none",
    show_default=True,
    help="What is asked for besides tap and scan.",
)
@click.option(
    "--every",
    metavar="K",
    type=click.IntRange(1, 10_000),
    default=50,
    show_default=True,
    help="How often a sample is taken, or a number scanned under auto.",
)
@click.option("--manifest", "file", type=click.Path(path_type=Path), help="A CSV or XLSX file with the numbers.")
@file_options
@config_option
def create(name: str, file: Path | None, config: Path | None, **options: Any) -> None:
    """Create a batch. What is not said here holds as the station's settings have it."""
    import asyncio

    settings = settings_from(config)
    batch = _batch_wanted(name, settings, **options)
    with _journal_to_write(settings) as opened:
        lines: tuple[ManifestLine, ...] = ()
        if file is not None:
            lines = good_lines(
                opened, batch, settings, file, **{name: options[name] for name in ("uid_order", "sheet", "skip_bad")}
            )
        stand = asyncio.run(opened.create_batch(batch, lines))
    size = f", {stand.batch.size} numbers" if stand.batch.size else ""
    click.echo(f"created: {stand.batch.name}{size}")
    if batch.sequence != "free" and not stand.batch.size:
        click.echo(f"Its order is that of a manifest: tagsmith batch import {_quoted(name)} FILE", err=True)


@batch.command("import")
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--preview", is_flag=True, help="Show what would be imported; import nothing.")
@file_options
@config_option
def import_(name: str, file: Path, preview: bool, config: Path | None, **options: Any) -> None:
    """Give a batch its manifest from a CSV or XLSX file, as long as it has neither a manifest nor a pair.

    The file has a header line that names the column visualNumber (or number), and one named uid where the keys are
    known; or it has one column only. Where one row is not good, nothing is imported.
    """
    import asyncio

    from tagsmith.journal import require_empty

    settings = settings_from(config)
    with _journal_of(settings, config) as opened:
        stand = _stand(opened, settings, name)
        require_empty(stand)
        if preview:
            sys.exit(preview_file(opened, stand.batch, settings, file, **options))
        lines = good_lines(opened, stand.batch, settings, file, **options)
        loaded = asyncio.run(opened.load_manifest(stand.batch.id, lines, account()))
    click.echo(f"imported: {loaded.batch.size} numbers into {loaded.batch.name}")


@batch.command("list")
@click.option("--all", "closed", is_flag=True, help="The closed ones too.")
@json_option
@config_option
def list_(closed: bool, as_json: bool, config: Path | None) -> None:
    """List the open batches, newest first."""
    import asyncio

    settings = settings_from(config)
    with _journal_of(settings, config) as opened:
        stands = asyncio.run(opened.batches(_target(settings), closed=closed))
    if as_json:
        write_json([_json(stand) for stand in stands])
        return
    print_table(
        ("NAME", "PAIRED", "LEFT", "SKIPPED", "REJECTED", "UNCHECKED", "SEQUENCE", "VERIFICATION", "CREATED", "CLOSED"),
        (
            (
                stand.batch.name,
                stand.paired,
                stand.left,
                stand.skipped,
                stand.rejected,
                stand.unchecked,
                stand.batch.sequence,
                stand.batch.verification,
                shown(stand.batch.created_at),
                shown(stand.batch.closed_at),
            )
            for stand in stands
        ),
    )


@batch.command()
@click.argument("name")
@click.option("--lines", "with_lines", is_flag=True, help="Every line of its manifest, and what became of it.")
@json_option
@config_option
def show(name: str, with_lines: bool, as_json: bool, config: Path | None) -> None:
    """Show a batch: what holds for its keys, and how far it is."""
    import asyncio

    settings = settings_from(config)
    with _journal_of(settings, config) as opened:
        stand = _stand(opened, settings, name)
        told = []
        if with_lines:
            lines = asyncio.run(opened.manifest(stand.batch.id))
            told = _told(lines, asyncio.run(opened.batch_keys(stand.batch.id)))
    fields = _json(stand)
    if as_json:
        write_json(fields | ({"lines": told} if with_lines else {}))
        return
    print_fields({name.replace("_", " "): value for name, value in fields.items() if value not in (None, "")})
    if with_lines:
        click.echo()
        columns = ("position", "visual_number", "uid", "state", "note", "entry")
        print_table([column.upper() for column in columns], ([line[column] for column in columns] for line in told))


@batch.command()
@click.argument("name")
@yes_option
@config_option
def close(name: str, yes: bool, config: Path | None) -> None:
    """Close a batch for good. Pairs that wait for their check are named first: they are never sent then."""
    import asyncio

    settings = settings_from(config)
    with _journal_of(settings, config) as opened:
        stand = _stand(opened, settings, name)
        if stand.batch.closed_at is not None:
            click.echo(f"closed already: {stand.batch.name}, {shown(stand.batch.closed_at)}")
            return
        keys = asyncio.run(opened.batch_keys(stand.batch.id))
        lines = asyncio.run(opened.manifest(stand.batch.id))
        unchecked = [key.visual_number for key in keys if not key.checked]
        left = [str(line["visual_number"]) for line in _told(lines, keys) if line["state"] == "expected"]
        if unchecked:
            click.echo(f"{len(unchecked)} pairs wait for their check and are not sent: {_some(unchecked)}", err=True)
        if left:
            click.echo(f"{len(left)} numbers are left: {_some(left)}", err=True)
        elif stand.left:
            click.echo(f"{stand.left} of {stand.batch.wanted} keys are left", err=True)
        confirm(f"Close batch {stand.batch.name} ({stand.paired} paired)?", yes=yes)
        asyncio.run(opened.close_batch(stand.batch.id, account()))
    click.echo(f"closed: {stand.batch.name}, {stand.paired} paired")


@batch.command()
@click.argument("name")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@json_option
@config_option
def report(name: str, as_csv: bool, as_json: bool, config: Path | None) -> None:
    """What a batch came to: pairs, rejects by cause, yield and pace."""
    import asyncio
    from dataclasses import replace
    from datetime import UTC, datetime

    from tagsmith.cli.reports import print_report, write_report_csv
    from tagsmith.production import report_fields

    if as_csv and as_json:
        raise click.UsageError("--csv or --json, not both")
    settings = settings_from(config)
    with _journal_of(settings, config) as opened:
        batch = _stand(opened, settings, name).batch
        found = asyncio.run(
            opened.report(
                batch.target,
                station=None,
                # Whatever the clocks of its stations said.
                since=datetime.min.replace(tzinfo=UTC),
                until=None,
                batch=batch.id,
                title=batch.name,
            )
        )
    found = replace(found, started_at=batch.created_at, ended_at=batch.closed_at)
    if as_json:
        write_json(report_fields(found))
    elif as_csv:
        write_report_csv(found)
    else:
        print_report(found)


# --- the batch that is meant ---------------------------------------------------------------------------------------


def _target(settings: Settings) -> str:
    from tagsmith.config import resolve_api

    return resolve_api(settings).target


@contextlib.contextmanager
def _journal_to_write(settings: Settings) -> Iterator[Journal]:
    """The journal of the settings, made where there is none."""
    from tagsmith.journal import Journal

    opened = Journal.open(settings.journal.url, station=settings.station.name)
    try:
        opened.acting = account()
        yield opened
    finally:
        opened.close()


@contextlib.contextmanager
def _journal_of(settings: Settings, config: Path | None) -> Iterator[Journal]:
    """The journal of the settings; an empty one where there is none."""
    with open_journal(config) as opened:
        opened.acting = account()
        yield opened


def _stand(opened: Journal, settings: Settings, name: str) -> BatchStand:
    """The batch of this name.

    Raises:
        BatchError: there is none.
    """
    import asyncio

    from tagsmith.errors import BatchError

    target = _target(settings)
    stand = asyncio.run(opened.batch(target, name))
    if stand is None:
        raise BatchError(
            f"there is no batch {printable(name[:80])} for {target}", "tagsmith batch list --all shows those there are"
        )
    return stand


def _batch_wanted(
    name: str,
    settings: Settings,
    *,
    key_type: str | None,
    valid_from: str | None,
    valid_to: str | None,
    user_id: str | None,
    goal: int | None,
    pattern: str | None,
    check_digit: str | None,
    upper_case: bool,
    sequence: str,
    verification: str,
    every: int,
    **_: object,
) -> Batch:
    """The batch that these options ask for.

    Raises:
        ConfigError: the pattern is none, or nothing says which API it is for.
        Refused: no such user, or no such validity.
    """
    import uuid
    from datetime import UTC, datetime

    from tagsmith import wall_clock
    from tagsmith.drive import check_user_id, validity
    from tagsmith.production import Batch, Sequence, Verification
    from tagsmith.visual_number import Rules

    if user_id is not None:
        check_user_id(user_id)
    Rules(pattern=pattern)
    valid = validity(valid_from, valid_to, wall_clock.look())
    return Batch(
        id=uuid.uuid4().hex,
        name=name,
        target=_target(settings),
        created_at=datetime.now(UTC),
        created_by=account(),
        key_type=key_type,
        valid_from=valid.valid_from,
        valid_to=valid.valid_to,
        user_id=user_id,
        goal=goal,
        pattern=pattern,
        # The settings call it ok.
        check_digit="ok" if check_digit == "off" else check_digit,
        upper_case=upper_case,
        sequence=Sequence(sequence),
        verification=Verification(verification),
        every=every,
    )


# --- as it is shown ------------------------------------------------------------------------------------------------


def _json(stand: BatchStand) -> dict[str, object]:
    """A batch for programs. Times are ISO 8601 in UTC; what nobody said is null."""
    batch = stand.batch
    return {
        "name": batch.name,
        "target": batch.target,
        "goal": batch.goal,
        "size": batch.size,
        "paired": stand.paired,
        "left": stand.left,
        "skipped": stand.skipped,
        "rejected": stand.rejected,
        "unchecked": stand.unchecked,
        "key_type": batch.key_type,
        "valid_from": batch.valid_from,
        "valid_to": batch.valid_to,
        "user_id": batch.user_id,
        "pattern": batch.pattern,
        "check_digit": "off" if batch.check_digit == "ok" else batch.check_digit,
        "upper_case": batch.upper_case,
        "sequence": batch.sequence.value,
        "verification": batch.verification.value,
        "every": batch.every,
        "created_at": batch.created_at.isoformat(),
        "created_by": batch.created_by,
        "closed_at": None if batch.closed_at is None else batch.closed_at.isoformat(),
        "closed_by": batch.closed_by,
        "id": batch.id,
    }


def _told(lines: Sequence[ManifestLine], keys: Sequence[BatchKey]) -> list[dict[str, object]]:
    """Each line and what became of it; what was made without standing in the manifest comes last."""
    made = {key.number_key: key for key in keys}
    told = [_line(line.position, line, made.pop(line.number_key, None)) for line in lines]
    return [*told, *(_line(None, None, key) for key in made.values())]


def _line(position: int | None, line: ManifestLine | None, key: BatchKey | None) -> dict[str, object]:
    """One line and its key, of which one may be missing."""
    known = key or line
    assert known is not None
    note = "" if line is None else line.skipped
    return {
        "position": position,
        "visual_number": known.visual_number,
        "uid": None if known.uid is None else known.uid.wire,
        "state": _state(key) if key is not None else "skipped" if note else "expected",
        "note": note,
        "entry": None if key is None else key.entry,
    }


def _state(key: BatchKey) -> str:
    return "paired" if key.checked else "unchecked"


def _some(numbers: Sequence[str]) -> str:
    """The first numbers of many."""
    more = f" and {len(numbers) - _NAMED} more" if len(numbers) > _NAMED else ""
    return ", ".join(printable(number) for number in numbers[:_NAMED]) + more


def _quoted(name: str) -> str:
    import shlex

    return printable(shlex.quote(name))
