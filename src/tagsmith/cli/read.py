"""`tagsmith read` and `tagsmith readers`: what is on the reader, and what readers there are."""

from __future__ import annotations

import queue
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from tagsmith.cli.output import config_option, json_option, print_table, settings_from, write_json


@click.command()
@click.option("--reader", "spec", metavar="SPEC", help="The reader; the first of the settings, or pcsc:, if not given.")
@click.option("--count", type=click.IntRange(min=1), help="End after so many taps.")
@config_option
def read(spec: str | None, count: int | None, config: Path | None) -> None:
    """Print one JSON line per tap: uid (wire order), uid_api, reader, at.

    Waits for the reader if it is not there, and goes on when it comes back. What is in the way is told on standard
    error.
    """
    from tagsmith.model import ReaderState
    from tagsmith.readers import create
    from tagsmith.readers.pump import Edge, Pump, ReaderChanged, TagArrived, TagsCollided

    settings = settings_from(config)
    order = settings.uid.order
    if spec is None:
        spec = settings.reader[0].spec if settings.reader else "pcsc:"
    edges: queue.SimpleQueue[Edge] = queue.SimpleQueue()
    pump = Pump(create(spec), edges.put)
    name = spec
    pump.start()
    try:
        while count is None or count > 0:
            edge = edges.get()
            match edge:
                case TagArrived():
                    captured = datetime.now(UTC) - timedelta(seconds=time.monotonic() - edge.at)
                    uid = edge.tag.uid
                    at = captured.isoformat(timespec="milliseconds").replace("+00:00", "Z")
                    write_json({"uid": uid.wire, "uid_api": uid.for_api(order), "reader": name, "at": at})
                    count = count - 1 if count is not None else None
                case TagsCollided():
                    click.echo("two tags are on the reader, or one that cannot be read: tap one alone", err=True)
                case ReaderChanged(status=status) if status.state is ReaderState.READY:
                    name = status.info.name if status.info else spec
                    click.echo(f"{name}: ready", err=True)
                case ReaderChanged(status=status):
                    click.echo(f"{name}: {status.message} {status.remedy}".rstrip(), err=True)
    finally:
        pump.close(2.0)
        sys.stdout.flush()


@click.command()
@json_option
def readers(as_json: bool) -> None:
    """List the readers that are there: the spec to use, how each stands, and what to do about it."""
    from tagsmith.readers import discover

    found = discover()
    if as_json:
        write_json(
            [
                {
                    "spec": status.spec,
                    "state": str(status.state),
                    "message": status.message,
                    "remedy": status.remedy,
                }
                for status in found
            ]
        )
        return
    print_table(
        ("SPEC", "STATE", "WHAT", "WHAT TO DO"),
        ((status.spec, status.state, status.message, status.remedy) for status in found),
    )
