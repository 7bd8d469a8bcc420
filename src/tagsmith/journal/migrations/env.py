"""Alembic's entry: runs the steps on the connection that `migrating.upgrade` hands over, inside its transaction."""

from __future__ import annotations

from alembic import context

from tagsmith.journal.schema import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    # SQLite's DDL is transactional once the driver keeps its hands off (isolation_level=None).
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
