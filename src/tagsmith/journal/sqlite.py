"""A journal in a file: where it is, its write-ahead log, its pragmas, and whether it is still the same file."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import sqlite3
import stat
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from sqlalchemy import URL, Connection, Engine, NullPool, QueuePool, Table, create_engine, event
from sqlalchemy.dialects import sqlite

from tagsmith.errors import JournalCorrupt, JournalError, JournalUnavailable
from tagsmith.journal import custody, faults
from tagsmith.journal.lock import CourierLock, FileLock
from tagsmith.journal.store import Store

_log = logging.getLogger(__name__)

BUSY_TIMEOUT_S = 30.0
"""How long SQLite waits for another process's transaction before it gives up."""

PAGE_BYTES = 2048
"""Of a journal that is made anew. A commit changes ten pages by a row each, and writes them whole, to the log and later
to the file: with half of SQLite's usual page an SD card has to take little more than half. No row is more at risk where
two pages share a sector of the disc: frames of the log, whatever their size, share sectors anyway."""
LOG_PAGES = 2000
"""So long the log grows before it is moved into the file: as many bytes as with SQLite's usual page, 4 MB."""

_MOST = 100
"""Findings of SQLite's own check that are asked for."""

FileId: TypeAlias = tuple[int, int]
"""Device and inode."""


def file_id(path: Path) -> FileId:
    """Which file stands at this path.

    Raises:
        OSError: none, or it cannot be seen.
    """
    found = os.stat(path)
    return found.st_dev, found.st_ino


def log_path(path: Path) -> Path:
    """Where SQLite keeps the write-ahead log of a database: part of it, until the last connection is closed."""
    return path.with_name(f"{path.name}-wal")


class SqliteStore(Store):
    """The file at `path`, which is absolute and has its links resolved."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log_path = log_path(path)
        self._database: FileId | None = None
        self._log_file: FileId | None = None
        self._engine = writing_engine(path)

    @property
    def place(self) -> str:
        return str(self._path)

    @property
    def url(self) -> str:
        return URL.create("sqlite", database=str(self._path)).render_as_string()

    @property
    def path(self) -> Path:
        return self._path

    def home(self, connection: Connection) -> str:
        return custody.home_of(self._path)

    def exists(self) -> bool:
        return os.path.exists(self._path)

    def create(self) -> None:
        """Make the file (0600) and its folder (0700) where they are missing, durably; see `Store.create`.

        The file itself is never opened here: closing it would drop the locks that SQLite holds on it in this process.
        """
        path = self._path
        made = [folder for folder in path.parents if not folder.exists()]
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            os.mknod(path, 0o600 | stat.S_IFREG)
        except FileExistsError:
            return
        # A file whose folder entry is not on the disc is lost with the power, however well its content was synced.
        for folder in dict.fromkeys([path.parent, *(folder.parent for folder in made)]):
            _sync_folder(folder)
        _log.info("created %s", path)

    def connect(self) -> Connection:
        database = file_id(self._path)
        if self._database is None:
            self._database = database
        elif self._database != database:
            raise self._moved()
        self._log_file = None
        return self._engine.connect()

    def usable(self, connection: Connection) -> bool:
        return True

    def begun(self, connection: Connection) -> None:
        if self._log_file is None:
            # Only a transaction is sure to have made it.
            self._log_file = file_id(self._log_path)

    def before_commit(self, connection: Connection) -> None:
        """Refuse to commit to files that nobody will find: SQLite itself does not notice in WAL mode.

        Raises:
            JournalUnavailable: database or log were removed or replaced since the connection was made.
        """
        try:
            files = file_id(self._path), file_id(self._log_path)
        except FileNotFoundError:
            files = None
        if files != (self._database, self._log_file):
            raise self._moved()

    def close(self) -> None:
        """See `Store.close`; the last connection out moves the log into the database file."""
        self._engine.dispose()

    def reading_engine(self) -> Engine:
        """See `Store.reading_engine`: no transaction but the statement's own."""
        return create_engine(
            "sqlite://",
            creator=lambda: _connect(self._path, query_only=True),
            poolclass=QueuePool,
            hide_parameters=True,
        )

    def examine(self, connection: Connection) -> Iterator[str]:
        # One snapshot for all that is read; without it each statement would see what was committed before it alone.
        connection.exec_driver_sql("BEGIN")
        for (line,) in connection.exec_driver_sql(f"PRAGMA integrity_check({_MOST})"):
            if line != "ok":
                yield str(line)

    @contextlib.contextmanager
    def migration(self, connection: Connection) -> Iterator[None]:
        # Rebuilding a table drops it, which foreign keys forbid; the pragma does nothing inside a transaction.
        _driver(connection).execute("PRAGMA foreign_keys = OFF")
        try:
            # The write lock: the other process waits where it begins.
            with connection.begin():
                yield
        finally:
            _driver(connection).execute("PRAGMA foreign_keys = ON")

    def insert(self, into: Table) -> sqlite.Insert:
        return sqlite.insert(into)

    def courier_lock(self) -> CourierLock:
        return FileLock(self._path.with_name(f"{self._path.name}.courier-lock"))

    def translate(self, error: BaseException, *, committing: bool = False) -> JournalError:
        return faults.translate(error, self._path, committing=committing)

    def _moved(self) -> JournalUnavailable:
        fault = faults.MOVED
        return JournalUnavailable(f"{fault.message}: {self._path}", fault.remedy)

    def _no_journal(self) -> JournalCorrupt:
        return JournalCorrupt(f"the file is no journal: {self._path}", "name another file in the journal's URL")

    def _begin(self, connection: Connection) -> str | None:
        """Give a new journal its write-ahead log, for good; what is no journal is left as it is.

        Raises:
            JournalCorrupt, JournalNewer, JournalUnavailable: as `prepare`.
        """
        if keeps_log(connection):
            return self._version(connection)
        # Of two processes one of which switches while the other begins a transaction, SQLite tells one "locked" at
        # once, whatever the busy timeout. The folder serves as their lock: no file is left behind, and closing the
        # database's own would drop the locks that SQLite holds on it.
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            # Before the first transaction, which fixes it; in a file that holds anything it changes nothing.
            _driver(connection).execute(f"PRAGMA page_size = {PAGE_BYTES}")
            version = self._version(connection)
            _driver(connection).execute("PRAGMA journal_mode = WAL").fetchone()
        finally:
            os.close(folder)
        if not keeps_log(connection):
            raise JournalUnavailable(
                f"the disc cannot keep a write-ahead log: {self._path}", "keep the journal on a local disc"
            )
        return version


def writing_engine(path: Path) -> Engine:
    """The engine of the one writing connection: every transaction takes the write lock when it begins.

    Never for reading: the hook fires even under AUTOCOMMIT, and a streaming read would then lock everybody out.
    """
    # Without hide_parameters an error's text holds all that was to be written.
    engine = create_engine("sqlite://", creator=lambda: _connect(path), poolclass=NullPool, hide_parameters=True)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _connect(path: Path, *, query_only: bool = False) -> sqlite3.Connection:
    """A connection with every setting that durability rests on; `mode=rw`, so that a lost file is never made anew."""
    connection = sqlite3.connect(
        f"file:{urllib.parse.quote(os.fsencode(path))}?mode=rw",
        uri=True,
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        if query_only:
            connection.execute("PRAGMA query_only = ON")
        # NORMAL loses acknowledged commits when the power goes; and the setting belongs to the connection.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
        connection.execute("PRAGMA trusted_schema = OFF")
    except BaseException:
        connection.close()
        raise
    return connection


def _sync_folder(folder: Path) -> None:
    """Put the folder's list of names on the disc."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _driver(connection: Connection) -> sqlite3.Connection:
    """The driver's own connection: SQLAlchemy would begin a transaction, in which pragmas do nothing."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def keeps_log(connection: Connection) -> bool:
    """Whether the database has a write-ahead log, as every journal has."""
    mode: tuple[str] = _driver(connection).execute("PRAGMA journal_mode").fetchone()
    return mode == ("wal",)
