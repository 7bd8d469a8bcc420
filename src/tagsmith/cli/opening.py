"""What the commands share that open the journal: it, the entry a person means, and whose account this is."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tagsmith.cli.output import settings_from

if TYPE_CHECKING:
    from tagsmith.journal import Journal
    from tagsmith.model import Record


@contextlib.contextmanager
def open_journal(config: Path | None) -> Iterator[Journal]:
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


def meant(opened: Journal, entry: str) -> Record:
    """The record a person means.

    Raises:
        JournalError: there is none.
    """
    from tagsmith.errors import JournalError

    record = opened.look_up(entry)
    if record is None:
        raise JournalError(f"there is no entry {entry}", "tagsmith journal list shows them all")
    return record


def account() -> str:
    """Whose account this runs in, for the record."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "somebody without a name"
