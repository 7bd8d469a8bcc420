"""The door to Alembic: brings a database to the newest schema.

Imported only when a migration must run, because Alembic costs about 0.3 s of start-up.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config

if TYPE_CHECKING:
    from sqlalchemy import Connection

_log = logging.getLogger(__name__)

# Alembic keeps its context in module globals: one migration at a time per process.
_ONE_AT_A_TIME = threading.Lock()


def upgrade(connection: Connection) -> None:
    """Run every missing step in one transaction: after a crash in the middle the database is as it was before.

    `connection` must not be in a transaction. Where another process migrates at the same time, this one waits and
    then finds nothing left to do, because the version is read inside the transaction.
    """
    config = Config()
    config.set_main_option("script_location", "tagsmith.journal:migrations")
    config.attributes["connection"] = connection
    sqlite = connection.dialect.name == "sqlite"
    with _ONE_AT_A_TIME:
        if sqlite:
            # Rebuilding a table drops it, which foreign keys forbid; the pragma does nothing inside a transaction.
            _pragma(connection, "PRAGMA foreign_keys = OFF")
        try:
            with connection.begin():
                command.upgrade(config, "head")
        finally:
            if sqlite:
                _pragma(connection, "PRAGMA foreign_keys = ON")
    _log.info("journal schema brought up to date")


def _pragma(connection: Connection, statement: str) -> None:
    """Run a pragma outside any transaction, below SQLAlchemy, which would begin one."""
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute(statement)
