"""Which process delivers, on PostgreSQL: a lock of the server's, which lives as long as the connection that took it."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection, Engine, text

from tagsmith.errors import JournalError
from tagsmith.journal import faults
from tagsmith.journal.lock import CourierLock

_log = logging.getLogger(__name__)

# The key is the table's own, so that two journals in one database do not meet. Its low bits say what is locked; the
# trigger that keeps entries in order has another number there.
_TAKE: Final = text("SELECT pg_try_advisory_lock(('entries'::regclass::oid::bigint << 16) + 2)")
_HOLDER: Final = text(
    "SELECT locks.pid = pg_backend_pid(), locks.pid, application_name, host(client_addr)"
    " FROM pg_locks AS locks LEFT JOIN pg_stat_activity USING (pid)"
    " WHERE locktype = 'advisory' AND granted AND objsubid = 1"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND ((classid::bigint << 32) | objid::bigint) = ('entries'::regclass::oid::bigint << 16) + 2"
)


class AdvisoryLock(CourierLock):
    """A session's advisory lock, on a connection of its own that serves nothing else.

    The server releases it when the connection ends: at once when the process does, within half a minute when its
    machine or the network is gone. All but `release` may wait for the network: never call them on an event loop.
    """

    def __init__(self, engine: Engine, translate: Callable[[BaseException], JournalError]) -> None:
        self._engine = engine
        self._translate = translate
        self._asking = threading.Lock()
        """Held while the server is asked."""
        self._state = threading.Lock()
        """Held for moments only: guards what follows."""
        self._connection: Connection | None = None
        self._releases = 0

    def try_acquire(self) -> bool:
        with self._asking:
            with self._state:
                releases = self._releases
            if self._still():
                return True
            try:
                with self._state:
                    if self._releases != releases:
                        return False
                connection = self._engine.connect()
                try:
                    taken = bool(connection.scalar(_TAKE))
                except BaseException:
                    connection.close()
                    raise
            except faults.FOREIGN as error:
                raise self._translate(error) from error
            with self._state:
                if taken and self._releases == releases:
                    self._connection = connection
                    return True
            # Not to be had, or given up by another thread meanwhile.
            _close(connection)
            return False

    def held(self) -> bool:
        with self._asking:
            return self._still()

    def release(self) -> None:
        """Let others deliver; idempotent, and waits for nobody."""
        with self._state:
            self._releases += 1
            connection, self._connection = self._connection, None
        if connection is None:
            return
        if not self._asking.acquire(blocking=False):
            # Another thread waits on this connection: without it that thread is done at once.
            _cut(connection)
            self._asking.acquire()
        try:
            _close(connection)
        finally:
            self._asking.release()

    def holder(self) -> str:
        try:
            with self._engine.connect() as connection:
                found = connection.execute(_HOLDER).first()
        except faults.FOREIGN as error:
            raise self._translate(error) from error
        if found is None:
            return ""
        _, backend, name, address = found
        where = f"from {address}" if address else "on the server itself"
        return f"{name or 'another process'} ({where}, backend {backend})"

    def _still(self) -> bool:
        """Whether the session lives and holds the lock; where not, the connection is given up."""
        with self._state:
            connection = self._connection
        if connection is None:
            return False
        try:
            found = bool(connection.scalar(_HOLDER))
        except faults.FOREIGN as error:
            _log.warning("the courier's lock is lost: %s", getattr(error, "orig", None) or error)
            found = False
        with self._state:
            if found and self._connection is connection:
                return True
            self._connection = None
        _close(connection)
        return False


def _close(connection: Connection) -> None:
    with contextlib.suppress(*faults.FOREIGN):  # it is given up: the server lets go of the lock when the line ends
        connection.close()


def _cut(connection: Connection) -> None:
    """End the connection under a thread that waits on it: only the socket is touched, which is safe from any thread."""
    with contextlib.suppress(*faults.FOREIGN):  # a line that is cut already needs no cutting
        driver = connection.connection.driver_connection
        assert driver is not None
        with socket.socket(fileno=socket.dup(driver.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)
