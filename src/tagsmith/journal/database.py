"""The database file: where it is, how it is opened, and whether it is a journal this program can use.

Owns the URL, the pragmas and the two engines; knows no table but the one with the schema version. SQLite only as yet:
all that is particular to it is in this module, in `faults` and in `lock`.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import stat
import urllib.parse
from pathlib import Path
from typing import Final, TypeAlias

from sqlalchemy import (
    Connection,
    Engine,
    NullPool,
    QueuePool,
    Select,
    column,
    create_engine,
    event,
    inspect,
    make_url,
    select,
    table,
    update,
)
from sqlalchemy.exc import ArgumentError

from tagsmith.errors import JournalCorrupt, JournalError, JournalNewer, JournalUnavailable
from tagsmith.journal.schema import VERSION_TABLE, VERSIONS

_log = logging.getLogger(__name__)

BUSY_TIMEOUT_S = 30.0
"""How long SQLite waits for another process's transaction before it gives up."""

FileId: TypeAlias = tuple[int, int]
"""Device and inode."""

_WRITE_NOTHING: Final = update(table(VERSION_TABLE, column("version_num"))).values(version_num=column("version_num"))
_READ_VERSION: Final[Select[tuple[str]]] = select(column("version_num")).select_from(table(VERSION_TABLE))
_WRITE_A_PATH: Final = "write it like sqlite:////var/lib/tagsmith/journal.db"


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


def locate(url: str) -> Path:
    """The file that a journal's URL names, absolute and with links resolved.

    Raises:
        JournalError: the URL cannot be read, names another database than SQLite, no file, or settings of its own.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        # The text is not repeated: what cannot be parsed may hold a password.
        raise JournalError("the journal's URL cannot be read", _WRITE_A_PATH) from error
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise JournalError(f"a journal cannot be kept by {parsed.drivername!r} yet, only by SQLite", _WRITE_A_PATH)
    if parsed.query:
        names = ", ".join(sorted(parsed.query))
        raise JournalError(f"the journal's URL takes no settings, it has {names}", _WRITE_A_PATH)
    database = parsed.database or ":memory:"
    if database == ":memory:" or database.startswith("file:"):
        raise JournalError("the journal's URL names no file; a journal in memory would not last", _WRITE_A_PATH)
    return Path(os.path.realpath(os.path.expanduser(database)))


def create(path: Path) -> None:
    """Make the file (0600) and its folder (0700) where they are missing, durably; an existing file is not touched.

    The file itself is never opened here: closing it would drop the locks that SQLite holds on it in this process.

    Raises:
        OSError: it cannot be made.
    """
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


def _sync_folder(folder: Path) -> None:
    """Put the folder's list of names on the disc."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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


def reading_engine(path: Path) -> Engine:
    """The engine for reading: no transaction but the statement's own, and no way to write."""
    return create_engine(
        "sqlite://", creator=lambda: _connect(path, query_only=True), poolclass=QueuePool, hide_parameters=True
    )


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
        connection.execute("PRAGMA trusted_schema = OFF")
    except BaseException:
        connection.close()
        raise
    return connection


def prepare(connection: Connection, path: Path) -> None:
    """Make sure that a connection of the writing engine holds a journal of this version, and that it can be written.

    Looks at the version only, never at the rows. An empty database becomes a journal, an older one is migrated.

    Raises:
        JournalCorrupt: a database, but no journal.
        JournalNewer: a journal of a version this program does not know.
        JournalUnavailable: the disc cannot keep a write-ahead log.
    """
    version = _version(connection, path) if _keeps_log(connection) else _begin_log(connection, path)
    if version != VERSIONS[-1]:
        if version is not None:
            _log.info("migrating %s from version %s to %s", path, version, VERSIONS[-1])
        # Alembic takes longer to import than all else at start-up.
        from tagsmith.journal import migrating

        migrating.upgrade(connection)
    # SQLite opens a file it may not write for reading, silently, and lets a writing transaction begin on it: only a
    # write shows it. Rolled back, it never reaches the disc.
    with connection.begin() as transaction:
        connection.execute(_WRITE_NOTHING)
        transaction.rollback()


def _driver(connection: Connection) -> sqlite3.Connection:
    """The driver's own connection: SQLAlchemy would begin a transaction, in which these pragmas do nothing."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def _keeps_log(connection: Connection) -> bool:
    """Whether the database has a write-ahead log, as every journal has."""
    mode: tuple[str] = _driver(connection).execute("PRAGMA journal_mode").fetchone()
    return mode == ("wal",)


def _begin_log(connection: Connection, path: Path) -> str | None:
    """Give a new journal its write-ahead log, for good; returns the version. What is no journal is left as it is.

    Raises:
        JournalCorrupt, JournalNewer, JournalUnavailable: as `prepare`.
    """
    # Of two processes one of which switches while the other begins a transaction, SQLite tells one "locked" at once,
    # whatever the busy timeout. The folder serves as their lock: no file is left behind, and closing the database's
    # own would drop the locks that SQLite holds on it.
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        version = _version(connection, path)
        _driver(connection).execute("PRAGMA journal_mode = WAL").fetchone()
    finally:
        os.close(folder)
    if not _keeps_log(connection):
        raise JournalUnavailable(f"the disc cannot keep a write-ahead log: {path}", "keep the journal on a local disc")
    return version


def _version(connection: Connection, path: Path) -> str | None:
    """The schema version; nothing for a database without any table.

    Raises:
        JournalCorrupt, JournalNewer: as `prepare`.
    """
    with connection.begin():
        tables = inspect(connection).get_table_names()
        if not tables:
            return None
        found = connection.scalars(_READ_VERSION).all() if VERSION_TABLE in tables else []
    if len(found) != 1:
        raise JournalCorrupt(f"the file is no journal: {path}", "name another file in the journal's URL")
    version = str(found[0])
    if version not in VERSIONS:
        raise JournalNewer(
            f"{path} has schema version {version}, this tagsmith knows up to {VERSIONS[-1]}",
            "install the tagsmith that wrote it, or a newer one",
        )
    return version
