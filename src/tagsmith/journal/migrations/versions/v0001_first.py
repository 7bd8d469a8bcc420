"""The first schema: entries, and the events that account for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_LIVE = "CASE WHEN mark = 'undone' THEN 0 ELSE 1 END"
_OPEN = (
    "CASE"
    " WHEN reservation_state = 'sending' OR activation_state = 'sending' THEN 1"
    " WHEN mark IS NOT NULL THEN 0"
    " WHEN reservation_state IN ('held', 'queued') THEN 1"
    " WHEN reservation_state = 'unknown' AND reservation_repeat = 1 THEN 1"
    " WHEN reservation_state <> 'done' THEN 0"
    " WHEN activation_state IN ('held', 'queued') THEN 1"
    " WHEN activation_state = 'unknown' AND activation_repeat = 1 THEN 1"
    " ELSE 0 END"
)
_SENDING = "reservation_state = 'sending' OR activation_state = 'sending'"

# What an entry was made of never changes; an event never changes at all. Only deliveries and marks move.
_FACTS = (
    "number, id, target, uid, technology, uid_order, uid_api, visual_number, number_key, user_id, key_type,"
    " valid_from, valid_to, lane, station, reader, warnings, paired_at"
)
_TRIGGERS = {
    "sqlite": (
        "CREATE TRIGGER events_never_change BEFORE UPDATE ON events"
        " BEGIN SELECT RAISE(ABORT, 'an event never changes'); END",
        "CREATE TRIGGER events_never_go BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'an event never goes'); END",
        f"CREATE TRIGGER entries_facts_never_change BEFORE UPDATE OF {_FACTS} ON entries"
        " BEGIN SELECT RAISE(ABORT, 'a pair never changes'); END",
        "CREATE TRIGGER entries_never_go BEFORE DELETE ON entries"
        " BEGIN SELECT RAISE(ABORT, 'an entry never goes'); END",
    ),
    "postgresql": (
        "CREATE FUNCTION journal_never() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN RAISE EXCEPTION USING MESSAGE = TG_ARGV[0], ERRCODE = ''23000''; END'",
        # A sequence gives numbers in any order of commit. With this lock, held until then, an entry's number becomes
        # visible after all lower ones: that is what `Journal.changes` and the courier's undo window go by. A statement
        # trigger runs before the number is taken. The key is the table's, so that two journals do not meet.
        "CREATE FUNCTION journal_in_order() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM pg_advisory_xact_lock((CAST(TG_RELID AS bigint) << 16) + 1); RETURN NULL; END'",
        "CREATE TRIGGER entries_in_order BEFORE INSERT ON entries"
        " FOR EACH STATEMENT EXECUTE FUNCTION journal_in_order()",
        "CREATE TRIGGER events_never_change BEFORE UPDATE ON events"
        " FOR EACH ROW EXECUTE FUNCTION journal_never('an event never changes')",
        "CREATE TRIGGER events_never_go BEFORE DELETE ON events"
        " FOR EACH ROW EXECUTE FUNCTION journal_never('an event never goes')",
        "CREATE TRIGGER events_never_go_at_once BEFORE TRUNCATE ON events"
        " FOR EACH STATEMENT EXECUTE FUNCTION journal_never('an event never goes')",
        f"CREATE TRIGGER entries_facts_never_change BEFORE UPDATE OF {_FACTS} ON entries"
        " FOR EACH ROW EXECUTE FUNCTION journal_never('a pair never changes')",
        "CREATE TRIGGER entries_never_go BEFORE DELETE ON entries"
        " FOR EACH ROW EXECUTE FUNCTION journal_never('an entry never goes')",
        "CREATE TRIGGER entries_never_go_at_once BEFORE TRUNCATE ON entries"
        " FOR EACH STATEMENT EXECUTE FUNCTION journal_never('an entry never goes')",
    ),
}


def upgrade() -> None:
    """Lay everything down on an empty database."""
    op.create_table(
        "entries",
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
        sa.Column("live", sa.Integer, sa.Computed(_LIVE, persisted=True)),
        sa.Column("open", sa.Integer, sa.Computed(_OPEN, persisted=True)),
        sa.UniqueConstraint("id", name="entries_id"),
    )
    _index("entries_uid", "entries", ["target", "uid"], where="live = 1", unique=True)
    _index("entries_number_key", "entries", ["target", "number_key"], where="live = 1", unique=True)
    _index("entries_target", "entries", ["target", "number"])
    _index("entries_open", "entries", ["target", "number"], where="open = 1")
    _index("entries_sending", "entries", ["target", "number"], where=_SENDING)
    op.create_table(
        "events",
        sa.Column("n", _ROW_NUMBER, sa.Identity(), primary_key=True),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("station", sa.Text, nullable=False),
        sa.Column("entry_id", sa.Text, sa.ForeignKey("entries.id", name="events_entry_id")),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("prev", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.UniqueConstraint("stream", "seq", name="events_stream_seq"),
    )
    _index("events_entry", "events", ["entry_id", "n"])
    _index("events_first", "events", ["station", "n"], where="seq = 0")
    for statement in _TRIGGERS[op.get_bind().dialect.name]:
        op.execute(statement)


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
