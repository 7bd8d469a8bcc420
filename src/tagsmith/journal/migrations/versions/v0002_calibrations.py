"""Calibrations: the proofs of the byte order that each target gets UIDs in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_TRIGGERS = {
    "sqlite": (
        "CREATE TRIGGER calibrations_never_change BEFORE UPDATE ON calibrations"
        " BEGIN SELECT RAISE(ABORT, 'a calibration never changes'); END",
        "CREATE TRIGGER calibrations_never_go BEFORE DELETE ON calibrations"
        " BEGIN SELECT RAISE(ABORT, 'a calibration never goes'); END",
    ),
    "postgresql": (
        "CREATE TRIGGER calibrations_in_order BEFORE INSERT ON calibrations"
        " FOR EACH STATEMENT EXECUTE FUNCTION journal_in_order()",
        "CREATE TRIGGER calibrations_never_change BEFORE UPDATE ON calibrations"
        " FOR EACH ROW EXECUTE FUNCTION journal_never('a calibration never changes')",
        "CREATE TRIGGER calibrations_never_go BEFORE DELETE ON calibrations"
        " FOR EACH ROW EXECUTE FUNCTION journal_never('a calibration never goes')",
        "CREATE TRIGGER calibrations_never_go_at_once BEFORE TRUNCATE ON calibrations"
        " FOR EACH STATEMENT EXECUTE FUNCTION journal_never('a calibration never goes')",
    ),
}


def upgrade() -> None:
    """Add an empty table; entries and events stay as they are."""
    op.create_table(
        "calibrations",
        sa.Column("number", _ROW_NUMBER, sa.Identity(), primary_key=True),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("uid_order", sa.Text, nullable=False),
        sa.Column("uid", sa.Text, nullable=False),
        sa.Column("technology", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("reader", sa.Text, nullable=False),
        sa.Column("done_by", sa.Text, nullable=False),
        sa.Column("station", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
    )
    op.create_index("calibrations_target", "calibrations", ["target", "number"])
    for statement in _TRIGGERS[op.get_bind().dialect.name]:
        op.execute(statement)
