"""What the journal needs of the database it is kept in; `sqlite` and `postgresql` fill it.

Owns how a database becomes a journal of this version. What is particular to one database stands in its module; nothing
else in this room asks which it is.
"""

from __future__ import annotations

import abc
import contextlib
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from sqlalchemy import Select, Table, column, inspect, select, table, update

from tagsmith.errors import JournalCorrupt, JournalError, JournalNewer
from tagsmith.journal.schema import VERSION_TABLE, VERSIONS

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection, Engine
    from sqlalchemy.dialects import postgresql, sqlite

    from tagsmith.journal.lock import CourierLock

_log = logging.getLogger(__name__)

_WRITE_NOTHING: Final = update(table(VERSION_TABLE, column("version_num"))).values(version_num=column("version_num"))
_READ_VERSION: Final[Select[tuple[str]]] = select(column("version_num")).select_from(table(VERSION_TABLE))


class Store(abc.ABC):
    """One database, for one journal object: how it is made, opened, checked and locked.

    `connect`, `begun`, `before_commit` and `close` are the writer's and are called on its thread only.
    """

    @property
    @abc.abstractmethod
    def place(self) -> str:
        """Where the journal is, for people: never a password."""

    @property
    @abc.abstractmethod
    def url(self) -> str:
        """The URL it can be opened with again from any folder; never with a password."""

    @property
    @abc.abstractmethod
    def path(self) -> Path | None:
        """The file, where it is one."""

    @abc.abstractmethod
    def home(self, connection: Connection) -> str:
        """The name of the place where the journal lies, for `custody`: another one for every copy.

        Raises:
            OSError, SQLAlchemyError: it cannot be seen.
        """

    @abc.abstractmethod
    def exists(self) -> bool:
        """Whether there is something a journal would be opened in; nothing is made.

        Raises:
            JournalError: nobody can say.
        """

    @abc.abstractmethod
    def create(self) -> None:
        """Make what must be there before anything can connect, durably; what is there is not touched.

        Raises:
            OSError: it cannot be made.
        """

    @abc.abstractmethod
    def connect(self) -> Connection:
        """A new writing connection, with every setting that durability rests on.

        Never to another database than the first one was made to.

        Raises:
            JournalUnavailable: another database stands at the place now.
            SQLAlchemyError, OSError, sqlite3.Error: it cannot be made.
        """

    @abc.abstractmethod
    def usable(self, connection: Connection) -> bool:
        """Whether an idle writing connection still leads anywhere, as far as can be told without waiting."""

    @abc.abstractmethod
    def begun(self, connection: Connection) -> None:
        """A transaction of the writer has just begun."""

    @abc.abstractmethod
    def before_commit(self, connection: Connection) -> None:
        """Look once more whether what is committed now will be found again.

        Raises:
            JournalUnavailable: it would not.
        """

    @abc.abstractmethod
    def close(self) -> None:
        """Let go of what writing needed."""

    @abc.abstractmethod
    def reading_engine(self) -> Engine:
        """An engine for reading, which cannot write; it belongs to the caller."""

    @abc.abstractmethod
    def examine(self, connection: Connection) -> Iterator[str]:
        """Begin one snapshot on a fresh connection of the reading engine, and give what the database finds amiss."""

    @abc.abstractmethod
    def migration(self, connection: Connection) -> contextlib.AbstractContextManager[None]:
        """The transaction in which migrations run; of two processes one waits for the other."""

    @abc.abstractmethod
    def insert(self, into: Table) -> sqlite.Insert | postgresql.Insert:
        """An INSERT in this database's words, which know ON CONFLICT DO NOTHING."""

    @abc.abstractmethod
    def courier_lock(self) -> CourierLock:
        """A lock, not yet taken, that one process at a time can hold for this journal."""

    @abc.abstractmethod
    def translate(self, error: BaseException, *, committing: bool = False) -> JournalError:
        """Our error for a foreign one, to be raised from it; `committing`: it came in answer to a commit."""

    # --- becoming a journal ----------------------------------------------------------------------------------

    def prepare(self, connection: Connection) -> None:
        """Make sure that a writing connection holds a journal of this version, and that it can be written.

        Looks at the version only, never at the rows. An empty database becomes a journal, an older one is migrated.

        Raises:
            JournalCorrupt: a database, but no journal.
            JournalNewer: a journal of a version this program does not know.
            JournalUnavailable: the database cannot keep what durability needs.
        """
        version = self._begin(connection)
        if version != VERSIONS[-1]:
            if version is not None:
                _log.info("migrating %s from version %s to %s", self.place, version, VERSIONS[-1])
            # Alembic takes longer to import than all else at start-up.
            from tagsmith.journal import migrating

            migrating.upgrade(self, connection)
        # Only a write shows that one may write: SQLite opens a read-only file, and begins a writing transaction on it,
        # without a word; PostgreSQL refuses the statement alone. Rolled back, it never reaches the disc.
        with connection.begin() as transaction:
            connection.execute(_WRITE_NOTHING)
            transaction.rollback()

    @abc.abstractmethod
    def _begin(self, connection: Connection) -> str | None:
        """Set a new database up for good, and give the schema version as `_version` does."""

    @abc.abstractmethod
    def _no_journal(self) -> JournalCorrupt:
        """There is a database, but it holds something else."""

    def _version(self, connection: Connection) -> str | None:
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
            raise self._no_journal()
        version = str(found[0])
        if version not in VERSIONS:
            raise JournalNewer(
                f"{self.place} has schema version {version}, this tagsmith knows up to {VERSIONS[-1]}",
                "install the tagsmith that wrote it, or a newer one",
            )
        return version
