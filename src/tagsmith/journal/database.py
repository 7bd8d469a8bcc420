"""Which database a journal's URL names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from tagsmith.errors import JournalError
from tagsmith.journal.sqlite import SqliteStore
from tagsmith.journal.store import Store

_WRITE_A_PATH: Final = "write it like sqlite:////var/lib/tagsmith/journal.db"
_WRITE_ONE: Final = f"{_WRITE_A_PATH} or postgresql://user@host/database"
_POSTGRESQL: Final = ("postgresql", "postgres", "postgresql+psycopg")


def locate(url: str, *, station: str = "") -> Store:
    """The database that a journal's URL names; nothing is made, opened or connected to.

    `station` is what the database's own list of connections shows.

    Raises:
        JournalError: the URL cannot be read, or names another kind of database, none at all, or settings that a
            journal does not take; or what the database needs is not installed.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # Neither the text nor the error is repeated: what cannot be parsed may hold a password.
        raise JournalError("the journal's URL cannot be read", _WRITE_ONE) from None
    if parsed.drivername in ("sqlite", "sqlite+pysqlite"):
        return SqliteStore(_file(parsed))
    if parsed.drivername in _POSTGRESQL:
        # Only where it is used: SQLite's stations need neither the module nor its driver.
        from tagsmith.journal.postgresql import PostgresStore

        return PostgresStore(parsed, station)
    raise JournalError(f"a journal cannot be kept by {parsed.drivername!r}, only by SQLite or PostgreSQL", _WRITE_ONE)


def _file(url: URL) -> Path:
    """The file that a URL of SQLite's names, absolute and with links resolved.

    Raises:
        JournalError: it names none, or settings of its own.
    """
    if url.query:
        names = ", ".join(sorted(url.query))
        raise JournalError(f"the journal's URL takes no settings, it has {names}", _WRITE_A_PATH)
    database = url.database or ":memory:"
    if database == ":memory:" or database.startswith("file:"):
        raise JournalError("the journal's URL names no file; a journal in memory would not last", _WRITE_A_PATH)
    return Path(os.path.realpath(os.path.expanduser(database)))
