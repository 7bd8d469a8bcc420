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

    from tagsmith.journal.store import Store

_log = logging.getLogger(__name__)

# Alembic keeps its context in module globals: one migration at a time per process.
_ONE_AT_A_TIME = threading.Lock()


def upgrade(store: Store, connection: Connection, version: str = "head") -> None:
    """Run every missing step in one transaction: after a crash in the middle the database is as it was before.

    Up to `version`, where one is named. `connection` must not be in a transaction. Where another process migrates at
    the same time, this one waits and then finds nothing left to do, because the version is read inside the transaction.
    """
    config = Config()
    config.set_main_option("script_location", "tagsmith.journal:migrations")
    config.attributes["connection"] = connection
    with _ONE_AT_A_TIME, store.migration(connection):
        command.upgrade(config, version)
    _log.info("journal schema brought up to date")
