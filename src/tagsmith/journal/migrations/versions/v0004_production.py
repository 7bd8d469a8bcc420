"""Batches with their manifests, checks before sending, rejected keys, operators and shifts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_LIVE = "CASE WHEN mark = 'undone' THEN 0 ELSE 1 END"
_OPEN = (
    "CASE"
    " WHEN reservation_state = 'sending' OR activation_state = 'sending' THEN 1"
    " WHEN mark IS NOT NULL OR checked = 0 THEN 0"
    " WHEN reservation_state IN ('held', 'queued') THEN 1"
    " WHEN reservation_state = 'unknown' AND reservation_repeat = 1 THEN 1"
    " WHEN reservation_state <> 'done' THEN 0"
    " WHEN activation_state IN ('held', 'queued') THEN 1"
    " WHEN activation_state = 'unknown' AND activation_repeat = 1 THEN 1"
    " ELSE 0 END"
)
_SENDING = "reservation_state = 'sending' OR activation_state = 'sending'"
_FOR_A_PERSON = (
    "mark IS NULL AND (reservation_state = 'refused' OR activation_state = 'refused'"
    " OR (reservation_state = 'unknown' AND reservation_repeat = 0)"
    " OR (activation_state = 'unknown' AND activation_repeat = 0))"
)
_NEW = "batch, operator, needs_check, checked"
_NEW_VALUES = "NULL, '', 0, 1"

# Whether its check has passed moves; that it needs one, its batch and its operator are facts of a pair.
_FACTS = (
    "number, id, target, uid, technology, uid_order, uid_api, visual_number, number_key,"
    " lane, station, reader, warnings, paired_at, batch, operator, needs_check"
)
_NEVER_CHANGE = ("batches", "manifest_lines", "batch_acts", "rejects")
_SHIFT_FACTS = "number, id, station, operator, started_at"
_TRIGGERS = {
    "sqlite": (
        # With the old table went its triggers.
        f"CREATE TRIGGER entries_facts_never_change BEFORE UPDATE OF {_FACTS} ON entries"
        " BEGIN SELECT RAISE(ABORT, 'a pair never changes'); END",
        "CREATE TRIGGER entries_never_go BEFORE DELETE ON entries"
        " BEGIN SELECT RAISE(ABORT, 'an entry never goes'); END",
        *(
            f"CREATE TRIGGER {table}_never_{what} BEFORE {action} ON {table}"
            f" BEGIN SELECT RAISE(ABORT, '{table} never {what}'); END"
            for table in _NEVER_CHANGE
            for what, action in (("change", "UPDATE"), ("go", "DELETE"))
        ),
        f"CREATE TRIGGER shifts_facts_never_change BEFORE UPDATE OF {_SHIFT_FACTS} ON shifts"
        " BEGIN SELECT RAISE(ABORT, 'shifts never change'); END",
        "CREATE TRIGGER shifts_end_never_changes BEFORE UPDATE ON shifts WHEN OLD.ended_at IS NOT NULL"
        " BEGIN SELECT RAISE(ABORT, 'shifts that ended never change'); END",
        "CREATE TRIGGER shifts_never_go BEFORE DELETE ON shifts BEGIN SELECT RAISE(ABORT, 'shifts never go'); END",
    ),
    "postgresql": (
        "DROP TRIGGER entries_facts_never_change ON entries",
        f"CREATE TRIGGER entries_facts_never_change BEFORE UPDATE OF {_FACTS} ON entries"
        " FOR EACH ROW EXECUTE FUNCTION journal_never('a pair never changes')",
        # Of two batches with the same numbers, the second sees the first.
        "CREATE TRIGGER batches_in_order BEFORE INSERT ON batches"
        " FOR EACH STATEMENT EXECUTE FUNCTION journal_in_order()",
        "CREATE TRIGGER batch_acts_in_order BEFORE INSERT ON batch_acts"
        " FOR EACH STATEMENT EXECUTE FUNCTION journal_in_order()",
        *(
            f"CREATE TRIGGER {table}_never_{what} BEFORE {action} ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION journal_never('{table} never {what}')"
            for table in _NEVER_CHANGE
            for what, action in (("change", "UPDATE"), ("go", "DELETE"))
        ),
        f"CREATE TRIGGER shifts_facts_never_change BEFORE UPDATE OF {_SHIFT_FACTS} ON shifts"
        " FOR EACH ROW EXECUTE FUNCTION journal_never('shifts never change')",
        "CREATE TRIGGER shifts_end_never_changes BEFORE UPDATE ON shifts FOR EACH ROW WHEN (OLD.ended_at IS NOT NULL)"
        " EXECUTE FUNCTION journal_never('shifts that ended never change')",
        "CREATE TRIGGER shifts_never_go BEFORE DELETE ON shifts"
        " FOR EACH ROW EXECUTE FUNCTION journal_never('shifts never go')",
        *(
            f"CREATE TRIGGER {table}_never_go_at_once BEFORE TRUNCATE ON {table}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION journal_never('{table} never go')"
            for table in (*_NEVER_CHANGE, "shifts")
        ),
    ),
}


def upgrade() -> None:
    """Give entries four columns and let those that wait for a check not be open; add five tables."""
    if op.get_bind().dialect.name == "sqlite":
        _rebuild_entries()
    else:
        _alter_entries()
    _index("entries_open", "entries", ["target", "number"], where="open = 1")
    _index("entries_for_a_person", "entries", ["target", "number"], where=_FOR_A_PERSON)
    _index("entries_batch", "entries", ["batch", "live", "number", "checked"], where="batch IS NOT NULL")
    _index("entries_paired_at", "entries", ["paired_at"])
    op.create_table(
        "batches",
        sa.Column("number", _ROW_NUMBER, sa.Identity(), primary_key=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("key_type", sa.Text),
        sa.Column("valid_from", sa.Text),
        sa.Column("valid_to", sa.Text),
        sa.Column("user_id", sa.Text),
        sa.Column("goal", sa.Integer),
        sa.Column("pattern", sa.Text),
        sa.Column("check_digit", sa.Text),
        sa.Column("upper_case", sa.Integer, nullable=False),
        sa.Column("sequence", sa.Text, nullable=False),
        sa.Column("verification", sa.Text, nullable=False),
        sa.Column("every", sa.Integer, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("station", sa.Text, nullable=False),
        sa.UniqueConstraint("id", name="batches_id"),
        sa.UniqueConstraint("target", "name", name="batches_name"),
    )
    op.create_table(
        "manifest_lines",
        sa.Column("batch", sa.Text, sa.ForeignKey("batches.id", name="manifest_lines_of"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("visual_number", sa.Text, nullable=False),
        sa.Column("number_key", sa.Text, nullable=False),
        sa.Column("uid", sa.Text),
        sa.Column("technology", sa.Text),
        sa.UniqueConstraint("batch", "number_key", name="manifest_lines_number"),
    )
    _index("manifest_lines_number_key", "manifest_lines", ["number_key"])
    op.create_table(
        "batch_acts",
        sa.Column("number", _ROW_NUMBER, sa.Identity(), primary_key=True),
        sa.Column("batch", sa.Text, sa.ForeignKey("batches.id", name="batch_acts_of"), nullable=False),
        sa.Column("act", sa.Text, nullable=False),
        sa.Column("position", sa.Integer),
        sa.Column("size", sa.Integer),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("done_by", sa.Text, nullable=False),
        sa.Column("station", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
    )
    _index("batch_acts_manifest", "batch_acts", ["batch"], where="act = 'manifest'", unique=True)
    _index("batch_acts_skipped", "batch_acts", ["batch", "position"], where="act = 'skipped'", unique=True)
    _index("batch_acts_closed", "batch_acts", ["batch"], where="act = 'closed'", unique=True)
    op.create_table(
        "rejects",
        sa.Column("number", _ROW_NUMBER, sa.Identity(), primary_key=True),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("station", sa.Text, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("visual_number", sa.Text, nullable=False),
        sa.Column("uid", sa.Text),
        sa.Column("technology", sa.Text),
        sa.Column("batch", sa.Text),
        sa.Column("operator", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
    )
    _index("rejects_at", "rejects", ["target", "at"])
    _index("rejects_batch", "rejects", ["batch"], where="batch IS NOT NULL")
    op.create_table(
        "shifts",
        sa.Column("number", _ROW_NUMBER, sa.Identity(), primary_key=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("station", sa.Text, nullable=False),
        sa.Column("operator", sa.Text, nullable=False),
        sa.Column("started_at", sa.Text, nullable=False),
        sa.Column("ended_at", sa.Text),
        sa.Column("recoveries", sa.Integer, nullable=False),
        sa.UniqueConstraint("id", name="shifts_id"),
    )
    _index("shifts_station", "shifts", ["station", "number"])
    _index("shifts_running", "shifts", ["station"], where="ended_at IS NULL", unique=True)
    for statement in _TRIGGERS[op.get_bind().dialect.name]:
        op.execute(statement)


def _rebuild_entries() -> None:
    """SQLite changes no column that it computes: the table is made anew and filled with what there is."""
    stored = (
        "number, id, target, uid, technology, uid_order, uid_api, visual_number, number_key, user_id, key_type,"
        " valid_from, valid_to, lane, station, reader, warnings, paired_at,"
        " reservation_state, reservation_attempts, reservation_attempt_id, reservation_body, reservation_repeat,"
        " reservation_status, reservation_message, activation_state, activation_attempts, activation_attempt_id,"
        " activation_body, activation_repeat, activation_status, activation_message,"
        " mark, delivered_at, contract_id, note"
    )
    op.create_table(
        "entries_anew",
        sa.Column("number", _ROW_NUMBER, sa.Identity(), primary_key=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("uid", sa.Text, nullable=False),
        sa.Column("technology", sa.Text, nullable=False),
        sa.Column("uid_order", sa.Text, nullable=False),
        sa.Column("uid_api", sa.Text, nullable=False),
        sa.Column("visual_number", sa.Text, nullable=False),
        sa.Column("number_key", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text),
        sa.Column("key_type", sa.Text),
        sa.Column("valid_from", sa.Text),
        sa.Column("valid_to", sa.Text),
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("station", sa.Text, nullable=False),
        sa.Column("reader", sa.Text, nullable=False),
        sa.Column("warnings", sa.Text, nullable=False),
        sa.Column("paired_at", sa.Text, nullable=False),
        *_leg("reservation"),
        *_leg("activation"),
        sa.Column("mark", sa.Text),
        sa.Column("delivered_at", sa.Text),
        sa.Column("contract_id", sa.Text),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("batch", sa.Text),
        sa.Column("operator", sa.Text, nullable=False),
        sa.Column("needs_check", sa.Integer, nullable=False),
        sa.Column("checked", sa.Integer, nullable=False),
        sa.Column("live", sa.Integer, sa.Computed(_LIVE, persisted=True)),
        sa.Column("open", sa.Integer, sa.Computed(_OPEN, persisted=True)),
        sa.UniqueConstraint("id", name="entries_id"),
    )
    op.execute(
        f"INSERT INTO entries_anew ({stored}, {_NEW})"  # noqa: S608 - names of our own
        f" SELECT {stored}, {_NEW_VALUES} FROM entries"
    )
    op.drop_table("entries")
    op.rename_table("entries_anew", "entries")
    _index("entries_uid", "entries", ["target", "uid"], where="live = 1", unique=True)
    _index("entries_number_key", "entries", ["target", "number_key"], where="live = 1", unique=True)
    _index("entries_target", "entries", ["target", "number"])
    _index("entries_sending", "entries", ["target", "number"], where=_SENDING)


def _alter_entries() -> None:
    """PostgreSQL before version 17 changes no expression either, but it takes the column away and adds it anew."""
    op.add_column("entries", sa.Column("batch", sa.Text))
    op.add_column("entries", sa.Column("operator", sa.Text, nullable=False, server_default=""))
    op.add_column("entries", sa.Column("needs_check", sa.Integer, nullable=False, server_default="0"))
    op.add_column("entries", sa.Column("checked", sa.Integer, nullable=False, server_default="1"))
    for column in ("operator", "needs_check", "checked"):
        # Whoever writes says what it is; nothing comes about by being left out.
        op.alter_column("entries", column, server_default=None)
    # Its index goes with it.
    op.drop_column("entries", "open")
    op.add_column("entries", sa.Column("open", sa.Integer, sa.Computed(_OPEN, persisted=True)))


def _leg(name: str) -> list[sa.Column[str] | sa.Column[int]]:
    """The columns of one delivery."""
    return [
        sa.Column(f"{name}_state", sa.Text, nullable=False),
        sa.Column(f"{name}_attempts", sa.Integer, nullable=False),
        sa.Column(f"{name}_attempt_id", sa.Text),
        sa.Column(f"{name}_body", sa.Text),
        sa.Column(f"{name}_repeat", sa.Integer, nullable=False),
        sa.Column(f"{name}_status", sa.Integer),
        sa.Column(f"{name}_message", sa.Text, nullable=False),
    ]


def _index(name: str, table: str, columns: list[str], *, where: str | None = None, unique: bool = False) -> None:
    """An index, of the rows that meet `where` only if that is given."""
    condition = None if where is None else sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
