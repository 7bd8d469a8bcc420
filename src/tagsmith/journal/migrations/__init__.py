"""Alembic's folder: how a journal of an older version becomes one of this version. Forward only.

Run by `tagsmith.journal.migrating` alone, all steps in one transaction with foreign keys off. What a step must mind:

- It never imports `tagsmith.journal.schema`: a step says for ever what it did when it was new.
- `batch_alter_table` drops the triggers of the table silently (it keeps partial indexes): create them again after it.
- Rows of `events` are never changed. A new column of `entries` is a change like any other: existing events do not
  tell of it, so `verifying` must be taught the value that old entries have.
- Its version is added to `schema.VERSIONS`, and a file written by the version before goes to the test fixtures.
"""
