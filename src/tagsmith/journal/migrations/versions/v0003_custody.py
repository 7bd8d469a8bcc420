"""Whose journal it is, which courier delivers, what was asked of the API, and counts that need no counting."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# What a person may correct before the API has taken it (user, type, validity) is no longer among the facts.
_FACTS = (
    "number, id, target, uid, technology, uid_order, uid_api, visual_number, number_key,"
    " lane, station, reader, warnings, paired_at"
)
_RULES = tuple(
    (table, what, action)
    for table in ("custody", "couriers")
    for what, action in (("change", "UPDATE"), ("go", "DELETE"))
)
_TRIGGERS = {
    "sqlite": (
        "DROP TRIGGER entries_facts_never_change",
        f"CREATE TRIGGER entries_facts_never_change BEFORE UPDATE OF {_FACTS} ON entries"
        " BEGIN SELECT RAISE(ABORT, 'a pair never changes'); END",
        *(
            f"CREATE TRIGGER {table}_never_{what} BEFORE {action} ON {table}"
            f" BEGIN SELECT RAISE(ABORT, '{table} never {what}'); END"
            for table, what, action in _RULES
        ),
    ),
    "postgresql": (
        "DROP TRIGGER entries_facts_never_change ON entries",
        f"CREATE TRIGGER entries_facts_never_change BEFORE UPDATE OF {_FACTS} ON entries"
        " FOR EACH ROW EXECUTE FUNCTION journal_never('a pair never changes')",
        *(
            f"CREATE TRIGGER {table}_never_{what} BEFORE {action} ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION journal_never('{table} never {what}')"
            for table, what, action in _RULES
        ),
        *(
            f"CREATE TRIGGER {table}_never_go_at_once BEFORE TRUNCATE ON {table}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION journal_never('{table} never go')"
            for table in ("custody", "couriers")
        ),
    ),
}

_COUNT = """
INSERT INTO tallies (target, station, state, total)
SELECT target, station, state, count(*) FROM (
    SELECT target, station, CASE
        WHEN mark IS NOT NULL THEN mark
        WHEN reservation_state = 'unknown' OR activation_state = 'unknown' THEN 'unknown'
        WHEN reservation_state = 'done' AND activation_state = 'done' THEN 'active'
        WHEN reservation_state = 'done' THEN 'reserved'
        WHEN reservation_state = 'sending' THEN 'queued'
        ELSE reservation_state END AS state
    FROM entries) AS shown
GROUP BY target, station, state
"""


def upgrade() -> None:
    """Add four tables, count once what is there, and let users, types and validities be corrected."""
    op.create_table(
        "custody",
        sa.Column("number", _ROW_NUMBER, sa.Identity(), primary_key=True),
        sa.Column("home", sa.Text, nullable=False),
        sa.Column("done_by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("station", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
    )
    op.create_table(
        "couriers",
        sa.Column("number", _ROW_NUMBER, sa.Identity(), primary_key=True),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("station", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
    )
    op.create_table(
        "tallies",
        sa.Column("target", sa.Text, primary_key=True),
        sa.Column("station", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, primary_key=True),
        sa.Column("total", sa.Integer, nullable=False),
    )
    op.create_table(
        "requests",
        sa.Column("target", sa.Text, primary_key=True),
        sa.Column("station", sa.Text, primary_key=True),
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("total", sa.Integer, nullable=False),
    )
    op.execute(_COUNT)
    for statement in _TRIGGERS[op.get_bind().dialect.name]:
        op.execute(statement)
