"""The tables of the durable record, as the newest migration leaves them.

Owns names, types, constraints and indexes; never a query. Times are ISO 8601 text in UTC of fixed width (aware
datetimes come back naive from SQLite); flags are the integers 0 and 1, so that an event's payload and a row compare
exactly. Columns whose value follows from others (`live`, `open`) are computed by the database, so that no code can
forget them.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Computed,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from tagsmith.model import LegName

VERSIONS: Final = ("0001", "0002", "0003", "0004")
"""Every schema version this program can read or migrate from, oldest first; the last is written. As in migrations/."""

VERSION_TABLE: Final = "journal_version"
"""Where the schema version stands; its presence is what makes a database a journal."""

metadata = MetaData()

# SQLite numbers rows by itself only where the type is exactly INTEGER.
_ROW_NUMBER = BigInteger().with_variant(Integer(), "sqlite")

LIVE: Final = "CASE WHEN mark = 'undone' THEN 0 ELSE 1 END"
"""1 while the entry occupies its uid and its number."""

OPEN: Final = (
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
"""1 while something may be sent or is under way; only such entries stand in the index `entries_open`."""

SENDING: Final = "reservation_state = 'sending' OR activation_state = 'sending'"
"""The condition of the index `entries_sending`; a query must repeat it word for word to use that index."""

FOR_A_PERSON: Final = (
    "mark IS NULL AND (reservation_state = 'refused' OR activation_state = 'refused'"
    " OR (reservation_state = 'unknown' AND reservation_repeat = 0)"
    " OR (activation_state = 'unknown' AND activation_repeat = 0))"
)
"""The condition of the index `entries_for_a_person`, likewise: what only a person brings further."""


def _leg(name: LegName) -> tuple[Column[str] | Column[int] | Column[str | None] | Column[int | None], ...]:
    """The columns of one delivery, in the order of `model.Leg`."""
    return (
        Column(f"{name}_state", Text, nullable=False),
        Column(f"{name}_attempts", Integer, nullable=False),
        Column(f"{name}_attempt_id", Text),
        Column(f"{name}_body", Text),
        Column(f"{name}_repeat", Integer, nullable=False),
        Column(f"{name}_status", Integer),
        Column(f"{name}_message", Text, nullable=False),
    )


entries = Table(
    "entries",
    metadata,
    Column("number", _ROW_NUMBER, Identity(), primary_key=True),
    Column("id", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("uid", Text, nullable=False),
    Column("technology", Text, nullable=False),
    Column("uid_order", Text, nullable=False),
    Column("uid_api", Text, nullable=False),
    Column("visual_number", Text, nullable=False),
    Column("number_key", Text, nullable=False),
    Column("user_id", Text),
    Column("key_type", Text),
    Column("valid_from", Text),
    Column("valid_to", Text),
    Column("lane", Text, nullable=False),
    Column("station", Text, nullable=False),
    Column("reader", Text, nullable=False),
    Column("warnings", Text, nullable=False),
    Column("paired_at", Text, nullable=False),
    *_leg(LegName.RESERVATION),
    *_leg(LegName.ACTIVATION),
    Column("mark", Text),
    Column("delivered_at", Text),
    Column("contract_id", Text),
    Column("note", Text, nullable=False),
    Column("batch", Text),
    Column("operator", Text, nullable=False),
    Column("needs_check", Integer, nullable=False),
    Column("checked", Integer, nullable=False),
    Column("live", Integer, Computed(LIVE, persisted=True)),
    Column("open", Integer, Computed(OPEN, persisted=True)),
    UniqueConstraint("id", name="entries_id"),
)

# An index has the same condition on PostgreSQL. Written for it as well it would load that dialect at each start.
Index(
    "entries_uid",
    entries.c.target,
    entries.c.uid,
    unique=True,
    sqlite_where=text("live = 1"),
)
Index(
    "entries_number_key",
    entries.c.target,
    entries.c.number_key,
    unique=True,
    sqlite_where=text("live = 1"),
)
Index("entries_target", entries.c.target, entries.c.number)
# Without the target, which would make it look good for questions that are not of a time.
Index("entries_paired_at", entries.c.paired_at)
Index(
    "entries_open",
    entries.c.target,
    entries.c.number,
    sqlite_where=text("open = 1"),
)
Index(
    "entries_sending",
    entries.c.target,
    entries.c.number,
    sqlite_where=text(SENDING),
)
Index(
    "entries_for_a_person",
    entries.c.target,
    entries.c.number,
    sqlite_where=text(FOR_A_PERSON),
)
# A batch is counted without a look at its rows.
Index(
    "entries_batch",
    entries.c.batch,
    entries.c.live,
    entries.c.number,
    entries.c.checked,
    sqlite_where=text("batch IS NOT NULL"),
)

events = Table(
    "events",
    metadata,
    Column("n", _ROW_NUMBER, Identity(), primary_key=True),
    Column("stream", Text, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("at", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("station", Text, nullable=False),
    Column("entry_id", Text, ForeignKey("entries.id", name="events_entry_id")),
    Column("payload", Text, nullable=False),
    Column("prev", Text, nullable=False),
    Column("hash", Text, nullable=False),
    UniqueConstraint("stream", "seq", name="events_stream_seq"),
)

Index("events_entry", events.c.entry_id, events.c.n)
# Only the first event of each stream stands in it: the way to a station's streams costs an append nothing.
Index(
    "events_first",
    events.c.station,
    events.c.n,
    sqlite_where=text("seq = 0"),
)

calibrations = Table(
    "calibrations",
    metadata,
    Column("number", _ROW_NUMBER, Identity(), primary_key=True),
    Column("target", Text, nullable=False),
    Column("uid_order", Text, nullable=False),
    Column("uid", Text, nullable=False),
    Column("technology", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("reader", Text, nullable=False),
    Column("done_by", Text, nullable=False),
    Column("station", Text, nullable=False),
    Column("at", Text, nullable=False),
)

Index("calibrations_target", calibrations.c.target, calibrations.c.number)

custody = Table(
    "custody",
    metadata,
    Column("number", _ROW_NUMBER, Identity(), primary_key=True),
    Column("home", Text, nullable=False),
    Column("done_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("station", Text, nullable=False),
    Column("at", Text, nullable=False),
)
"""Where the journal is at home: the last row counts; see `journal.custody`."""

couriers = Table(
    "couriers",
    metadata,
    Column("number", _ROW_NUMBER, Identity(), primary_key=True),
    Column("target", Text, nullable=False),
    Column("holder", Text, nullable=False),
    Column("station", Text, nullable=False),
    Column("at", Text, nullable=False),
)
"""Each process that took delivery over; the last one's number is the term, without which nothing is attempted."""

tallies = Table(
    "tallies",
    metadata,
    Column("target", Text, primary_key=True),
    Column("station", Text, primary_key=True),
    Column("state", Text, primary_key=True),
    Column("total", Integer, nullable=False),
)
"""How many entries are shown in each state, kept with every change. By the station that made the change, so that
stations do not wait for one another; a single row may be negative, the sum over all stations is the truth."""

requests = Table(
    "requests",
    metadata,
    Column("target", Text, primary_key=True),
    Column("station", Text, primary_key=True),
    Column("day", Text, primary_key=True),
    Column("total", Integer, nullable=False),
)
"""How many requests a station has made on a day of the API's (UTC): for its share, no part of the record."""

batches = Table(
    "batches",
    metadata,
    Column("number", _ROW_NUMBER, Identity(), primary_key=True),
    Column("id", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("key_type", Text),
    Column("valid_from", Text),
    Column("valid_to", Text),
    Column("user_id", Text),
    Column("goal", Integer),
    Column("pattern", Text),
    Column("check_digit", Text),
    Column("upper_case", Integer, nullable=False),
    Column("sequence", Text, nullable=False),
    Column("verification", Text, nullable=False),
    Column("every", Integer, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("station", Text, nullable=False),
    UniqueConstraint("id", name="batches_id"),
    UniqueConstraint("target", "name", name="batches_name"),
)
"""A batch as it was made; what became of it stands in `batch_acts`."""

manifest_lines = Table(
    "manifest_lines",
    metadata,
    Column("batch", Text, ForeignKey("batches.id", name="manifest_lines_of"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("visual_number", Text, nullable=False),
    Column("number_key", Text, nullable=False),
    Column("uid", Text),
    Column("technology", Text),
    UniqueConstraint("batch", "number_key", name="manifest_lines_number"),
)

Index("manifest_lines_number_key", manifest_lines.c.number_key)

batch_acts = Table(
    "batch_acts",
    metadata,
    Column("number", _ROW_NUMBER, Identity(), primary_key=True),
    Column("batch", Text, ForeignKey("batches.id", name="batch_acts_of"), nullable=False),
    Column("act", Text, nullable=False),
    Column("position", Integer),
    Column("size", Integer),
    Column("note", Text, nullable=False),
    Column("done_by", Text, nullable=False),
    Column("station", Text, nullable=False),
    Column("at", Text, nullable=False),
)
"""What was done with a batch: it got its `manifest` (how many lines, and their digest as `note`), a line was `skipped`
(and why), it was `closed`. Each once."""

for _act, _columns in (("manifest", ("batch",)), ("skipped", ("batch", "position")), ("closed", ("batch",))):
    _condition = text(f"act = '{_act}'")
    Index(
        f"batch_acts_{_act}",
        *(batch_acts.c[column] for column in _columns),
        unique=True,
        sqlite_where=_condition,
    )

rejects = Table(
    "rejects",
    metadata,
    Column("number", _ROW_NUMBER, Identity(), primary_key=True),
    Column("target", Text, nullable=False),
    Column("station", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("visual_number", Text, nullable=False),
    Column("uid", Text),
    Column("technology", Text),
    Column("batch", Text),
    Column("operator", Text, nullable=False),
    Column("note", Text, nullable=False),
)
"""Keys that were put aside."""

Index("rejects_at", rejects.c.target, rejects.c.at)
Index(
    "rejects_batch",
    rejects.c.batch,
    sqlite_where=text("batch IS NOT NULL"),
)

shifts = Table(
    "shifts",
    metadata,
    Column("number", _ROW_NUMBER, Identity(), primary_key=True),
    Column("id", Text, nullable=False),
    Column("station", Text, nullable=False),
    Column("operator", Text, nullable=False),
    Column("started_at", Text, nullable=False),
    Column("ended_at", Text),
    Column("recoveries", Integer, nullable=False),
    UniqueConstraint("id", name="shifts_id"),
)
"""Shifts; one that runs is ended once, and that is all that ever changes of it."""

Index("shifts_station", shifts.c.station, shifts.c.number)
Index(
    "shifts_running",
    shifts.c.station,
    unique=True,
    sqlite_where=text("ended_at IS NULL"),
)

STORED: Final = tuple(column for column in entries.columns if column.computed is None)
"""The columns of an entry that are written; events account for each of them."""

LATER: Final[dict[str, str | int | None]] = {"batch": None, "operator": "", "needs_check": 0, "checked": 1}
"""What stands in the columns that came later for entries whose events do not tell of them."""
