"""A copy of a journal while it is being written to: made beside its place, moved there when it is whole and synced.

Owns the files of a backup. That the copy is no journal at home is `custody`'s to say.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from sqlalchemy import Engine

from tagsmith.errors import JournalError
from tagsmith.journal import faults


def partial(path: Path) -> Path:
    """Where the copy is while it is not whole."""
    return path.with_name(f"{path.name}.part")


def copy(engine: Engine, source: Path, path: Path) -> None:
    """Copy the database, as it is at one moment, to `partial(path)`.

    Raises:
        JournalError: `path` is there already, or the copy cannot be written.
    """
    if path.exists():
        raise JournalError(f"{path} is there already", "name a new file for the backup")
    part = partial(path)
    try:
        for rest in _files(part):
            rest.unlink(missing_ok=True)
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        with contextlib.closing(sqlite3.connect(part)) as target, engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            # In one step: it holds one snapshot, and writers are not in its way, nor it in theirs.
            driver.backup(target, pages=-1)
    except OSError as error:
        raise JournalError(f"{path} cannot be written: {error.strerror}", "name another file") from error
    except faults.FOREIGN as error:
        raise faults.translate(error, source) from error


def finish(path: Path) -> None:
    """Put the whole copy in its place, durably.

    Raises:
        JournalError: it cannot be put there.
    """
    part = partial(path)
    try:
        descriptor = os.open(part, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        # A link, unlike a renaming, never replaces what has come there meanwhile.
        os.link(part, path)
        for rest in _files(part):
            rest.unlink(missing_ok=True)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise JournalError(f"{path} cannot be written: {error.strerror}", "name another file") from error


def _files(part: Path) -> list[Path]:
    return [part.with_name(f"{part.name}{suffix}") for suffix in ("", "-wal", "-shm", ".seen")]
