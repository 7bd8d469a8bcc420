"""A journal on a PostgreSQL server: its URL, its connections' settings, and whether it is still the same database.

What SQLite has by its one write lock is had here by a lock each: numbers that become visible in their order (a trigger
of the schema sees to that), one migration at a time, one courier.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import select as poll
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import URL, Connection, Engine, NullPool, QueuePool, Table, create_engine, event, inspect, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DisconnectionError

from tagsmith.errors import JournalCorrupt, JournalError, JournalUnavailable
from tagsmith.journal import faults
from tagsmith.journal.advisory import AdvisoryLock
from tagsmith.journal.schema import VERSION_TABLE
from tagsmith.journal.store import Store
from tagsmith.lines.libraries import missing

if TYPE_CHECKING:
    from psycopg import Connection as Driver

_log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S: Final = 5
"""How long a server may take to answer a new connection."""

_WRITE_IT: Final = "write it like postgresql://user@host/database; characters of a password as %40 for @"

_TAKEN: Final = frozenset(
    {"host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile", "channel_binding"}
)
"""Parameters of libpq's that a URL may have. None holds a secret, and none can undo a setting of ours."""

_HOST: Final = re.compile(r"[\w.:%/-]*")

# By libpq and the server, so that the end of a connection shows on both sides within half a minute.
_KEEPALIVES: Final = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
_SETTINGS: Final = {
    # `off` loses acknowledged commits when the server's power goes, and a role or database may have it so.
    "synchronous_commit": "on",
    # It would also end the wait for a standby at a commit, which then counts as done without it.
    "statement_timeout": "0",
    "lock_timeout": "30s",
    # A station that lost its power in the middle of a transaction must not keep its locks.
    "idle_in_transaction_session_timeout": "30s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "client_encoding": "UTF8",
}
_READING: Final = {"default_transaction_read_only": "on"}

# Not known before version 14, where nothing ends an idle session.
_NEVER_IDLE: Final = (
    "SELECT set_config('idle_session_timeout', '0', false)"
    " WHERE current_setting('server_version_num')::integer >= 140000"
)
_IDENTITY: Final = text(
    "SELECT system_identifier::text, (SELECT oid::text FROM pg_database WHERE datname = current_database())"
    " FROM pg_control_system()"
)
_ONE_MIGRATES: Final = text("SELECT pg_advisory_xact_lock(7814149)")
_MIGRATION_MAY_TAKE: Final = text("SET LOCAL lock_timeout = '10min'")
_CAREFUL: Final = text("SHOW fsync")


class PostgresStore(Store):
    """The database that `url` names, on a server that may be anywhere.

    Raises:
        JournalError: the URL names none or has settings a journal does not take, or psycopg is not installed.
    """

    def __init__(self, url: URL, station: str) -> None:
        _require_driver()
        # A password with an `@` that was not written as %40 would be taken for a part of the host, and shown.
        if not _HOST.fullmatch(url.host or ""):
            raise JournalError("the host in the journal's URL cannot be read", _WRITE_IT)
        if not url.database:
            raise JournalError("the journal's URL names no database", _WRITE_IT)
        if not_taken := sorted(set(url.query) - _TAKEN):
            raise JournalError(f"the journal's URL does not take {', '.join(not_taken)}", _WRITE_IT)
        self._url = url.set(drivername="postgresql+psycopg")
        self._name = f"{os.getpid()} on {socket.gethostname()} tagsmith {station}".strip()
        self._writing = self._engine(NullPool, _SETTINGS, "READ COMMITTED")
        self._identity: tuple[str, ...] | None = None

    @property
    def place(self) -> str:
        return self.url

    @property
    def url(self) -> str:
        whole = self._url
        without = URL.create("postgresql", whole.username, None, whole.host, whole.port, whole.database, whole.query)
        return without.render_as_string()

    @property
    def path(self) -> None:
        return None

    def home(self, connection: Connection) -> str:
        """The server's own number and the database's; a server restored from an archive keeps its own."""
        return "/".join(str(part) for part in connection.execute(_IDENTITY).one())

    def exists(self) -> bool:
        """Whether the database holds a journal, asked of the server; see `Store.exists`."""
        try:
            with self._writing.connect() as connection:
                return inspect(connection).has_table(VERSION_TABLE)
        except faults.FOREIGN as error:
            raise self.translate(error) from error

    def create(self) -> None:
        """Nothing: a database is made by who looks after the server."""

    def connect(self) -> Connection:
        connection = self._writing.connect()
        try:
            with connection.begin():
                identity = tuple(connection.execute(_IDENTITY).one())
            if self._identity is None:
                self._identity = identity
            elif self._identity != identity:
                raise JournalUnavailable(
                    f"another database answers than the journal was opened on: {self.place}",
                    "bring the first one back, or start the station again to use this one",
                )
        except BaseException:
            connection.close()
            raise
        return connection

    def usable(self, connection: Connection) -> bool:
        return _answers(_driver(connection))

    def begun(self, connection: Connection) -> None:
        pass

    def before_commit(self, connection: Connection) -> None:
        """Refuse where the server would answer COMMIT by rolling back, which it does without an error."""
        from psycopg.pq import TransactionStatus

        if _driver(connection).info.transaction_status is not TransactionStatus.INTRANS:
            raise JournalUnavailable(f"the transaction has failed: {self.place}", "try again")

    def close(self) -> None:
        self._writing.dispose()

    def reading_engine(self) -> Engine:
        """See `Store.reading_engine`: each question sees one snapshot."""
        engine = self._engine(QueuePool, _SETTINGS | _READING, "REPEATABLE READ")

        @event.listens_for(engine, "checkout")
        def _checkout(driver: Driver[Any], *_: object) -> None:
            if not _answers(driver):
                # The pool makes another one.
                raise DisconnectionError

        return engine

    def examine(self, connection: Connection) -> Iterator[str]:
        # The snapshot is the isolation level's; what the server's own checks need is not any user's to run.
        yield from ()

    @contextlib.contextmanager
    def migration(self, connection: Connection) -> Iterator[None]:
        with connection.begin():
            connection.execute(_MIGRATION_MAY_TAKE)
            connection.execute(_ONE_MIGRATES)
            yield

    def insert(self, into: Table) -> postgresql.Insert:
        return postgresql.insert(into)

    def courier_lock(self) -> AdvisoryLock:
        return AdvisoryLock(self._engine(NullPool, _SETTINGS, "AUTOCOMMIT"), self.translate)

    def translate(self, error: BaseException, *, committing: bool = False) -> JournalError:
        return faults.translate(error, self.place, committing=committing, secret=str(self._url.password or ""))

    def _no_journal(self) -> JournalCorrupt:
        return JournalCorrupt(
            f"the database holds something else than a journal: {self.place}",
            "name an empty database in the journal's URL",
        )

    def _begin(self, connection: Connection) -> str | None:
        version = self._version(connection)
        with connection.begin():
            if connection.scalar(_CAREFUL) != "on":
                _log.warning("the server of %s runs with fsync off: a power cut there loses pairs", self.place)
        return version

    def _engine(self, pool: type[NullPool] | type[QueuePool], settings: dict[str, str], isolation: Any) -> Engine:
        """An engine whose connections have these settings, whatever role, database or environment say."""
        arguments: dict[str, Any] = {
            "connect_timeout": CONNECT_TIMEOUT_S,
            "application_name": self._name,
            "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
            **_KEEPALIVES,
        }
        engine = create_engine(
            self._url, poolclass=pool, isolation_level=isolation, connect_args=arguments, hide_parameters=True
        )

        @event.listens_for(engine, "connect")
        def _connect(driver: Driver[Any], *_: object) -> None:
            driver.execute(_NEVER_IDLE)
            driver.commit()

        return engine


def _require_driver() -> None:
    """Make sure that psycopg and the library it needs are there.

    Raises:
        JournalError: they are not.
    """
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise JournalError(
            "a journal on PostgreSQL needs psycopg, which is not installed", missing("postgresql")
        ) from error


def _driver(connection: Connection) -> Driver[Any]:
    """The driver's own connection."""
    driver: Any = connection.connection.driver_connection
    return driver  # type: ignore[no-any-return]


def _answers(driver: Driver[Any]) -> bool:
    """Whether an idle connection leads anywhere. The server is asked only where it has said something by itself.

    That is nearly always its farewell: it was restarted, or ended the connection.
    """
    import psycopg

    try:
        waiting = poll.poll()
        waiting.register(driver.fileno(), poll.POLLIN)
        if waiting.poll(0):
            driver.execute("SELECT 1")
            driver.rollback()
    except (psycopg.Error, OSError):
        return False
    return True
