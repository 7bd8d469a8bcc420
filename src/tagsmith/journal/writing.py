"""The one way anything is written: a transaction on the writing connection, with an event for every change.

Runs on the journal's writer thread only. What a change may be is decided in `changes`; how it is hashed in `chain`.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, TextClause, Update, bindparam, insert, select, text, update
from sqlalchemy.sql.dml import ReturningInsert

from tagsmith.journal import chain, faults, rows
from tagsmith.journal.chain import Head, Kind
from tagsmith.journal.rows import Row, utc_text
from tagsmith.journal.schema import STORED, batch_acts, batches, calibrations, couriers, custody, entries, events
from tagsmith.journal.store import Store

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


def insert_once(table: Table) -> TextClause:
    """An INSERT that gives the number of the row, and does nothing and gives none where such a row is there already.

    The same words in every database we use.
    """
    columns = [column.name for column in table.columns if column.name != "number"]
    values = ", ".join(f":{name}" for name in columns)
    return text(
        f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({values})"  # noqa: S608 - names of our own
        " ON CONFLICT DO NOTHING RETURNING number"
    )


_INSERT_CALIBRATION = insert(calibrations).returning(calibrations.c.number)
_INSERT_CUSTODY = insert(custody).returning(custody.c.number)
_INSERT_COURIER = insert(couriers).returning(couriers.c.number)
_INSERT_BATCH = insert_once(batches)
_INSERT_BATCH_ACT = insert_once(batch_acts)
# The same words in every database we use.
_COUNT_STATE = text(
    "INSERT INTO tallies (target, station, state, total) VALUES (:target, :station, :state, :total)"
    " ON CONFLICT (target, station, state) DO UPDATE SET total = tallies.total + excluded.total"
)
_COUNT_REQUESTS = text(
    "INSERT INTO requests (target, station, day, total) VALUES (:target, :station, :day, :total)"
    " ON CONFLICT (target, station, day) DO UPDATE SET total = requests.total + excluded.total"
)
_INSERT_EVENT = insert(events).inline()
# Whoever reads a row to change it keeps others from changing it; SQLite needs no such words, it has the write lock.
_SELECT_ENTRY = select(*STORED).where(entries.c.id == bindparam("this_id")).with_for_update()
_HEAD = (
    select(events.c.stream, events.c.seq, events.c.hash)
    .where(events.c.stream == bindparam("stream"))
    .order_by(events.c.seq.desc())
    .limit(1)
)
_HEAD_AND_PLACE = _HEAD.add_columns(events.c.n)
# The streams a station began last; the one written to last is nearly always among very few.
_LAST_STREAMS = (
    select(events.c.stream)
    .where(events.c.station == bindparam("station"), text("seq = 0"))
    .order_by(events.c.n.desc())
    .limit(32)
)
_LAST_HEAD = select(events.c.stream, events.c.seq, events.c.hash).order_by(events.c.n.desc()).limit(1)


@functools.cache
def _update(columns: tuple[str, ...]) -> Update:
    """Change these columns of the entry `this_number` to `new_…`. Few sets of columns ever change together."""
    values: dict[str, Any] = {column: bindparam(f"new_{column}") for column in columns}
    return update(entries).where(entries.c.number == bindparam("this_number")).values(values)


def last_head(connection: Connection) -> Head | None:
    """The newest event of all; for the log."""
    found = connection.execute(_LAST_HEAD).one_or_none()
    return None if found is None else Head(*found)


class Transaction:
    """What a change may do to the database; valid until its work returns.

    `now` is the time every event of the transaction bears, `by` who was at work when it was asked for.
    """

    def __init__(
        self,
        connection: Connection,
        insert_entry: ReturningInsert[int],
        stream: str,
        station: str,
        head: Head | None,
        now: datetime,
        by: str = "",
    ) -> None:
        self.connection = connection
        self.by = by
        self.head = head
        self.now = utc_text(now)
        self.station = station
        self._insert_entry = insert_entry
        self._stream = stream
        self._counts: Counter[tuple[str, str]] = Counter()

    def row(self, entry_id: str) -> Row | None:
        """The row of an entry, for changing it."""
        found = self.connection.execute(_SELECT_ENTRY, {"this_id": entry_id}).mappings().one_or_none()
        return None if found is None else dict(found)

    def insert(self, row: Row) -> int | None:
        """Add an entry, and give its number; nothing where it collides with one that is there."""
        number: int | None = self.connection.scalar(self._insert_entry, row)
        if number is not None:
            self._counts[_place(row)] += 1
            self._event(Kind.PAIRED, str(row["id"]), {"number": number, **row})
        return number

    def insert_calibration(self, row: Row) -> None:
        """Add a calibration."""
        self._insert_told(_INSERT_CALIBRATION, Kind.CALIBRATED, row)

    def insert_custody(self, row: Row) -> None:
        """Say where the journal is at home."""
        self._insert_told(_INSERT_CUSTODY, Kind.ADOPTED, row)

    def insert_courier(self, row: Row) -> int:
        """Add a process that delivers from now on; gives its term."""
        return self._insert_told(_INSERT_COURIER, Kind.TOOK_OVER, row)

    def insert_batch(self, row: Row) -> bool:
        """Add a batch, unless there is one of its id or its name: then nothing."""
        return self._insert_once(_INSERT_BATCH, Kind.BATCH, row)

    def insert_batch_act(self, row: Row) -> bool:
        """Say what was done with a batch, unless it was done before: then nothing."""
        return self._insert_once(_INSERT_BATCH_ACT, Kind.BATCH_ACT, row)

    def _insert_told(self, statement: ReturningInsert[int], kind: Kind, row: Row) -> int:
        """Add a row that one event tells of as a whole; gives its number."""
        number: int = self.connection.scalars(statement, row).one()
        self._event(kind, None, {"number": number, **row})
        return number

    def _insert_once(self, statement: TextClause, kind: Kind, row: Row) -> bool:
        """Likewise, where there is no such row yet; gives whether there was none."""
        number: int | None = self.connection.scalar(statement, row)
        if number is None:
            return False
        self._event(kind, None, {"number": number, **row})
        return True

    def count_requests(self, target: str, day: str, total: int) -> None:
        """Add to what this station has asked of the API on a day."""
        counted = {"target": target, "station": self.station, "day": day, "total": total}
        self.connection.execute(_COUNT_REQUESTS, counted)

    def finish(self) -> None:
        """Bring the tallies up to date with what was changed; the last thing before the commit."""
        # In one order, so that two processes of a station do not wait for each other for ever.
        counted = [
            {"target": target, "station": self.station, "state": state, "total": total}
            for (target, state), total in sorted(self._counts.items())
            if total
        ]
        if counted:
            self.connection.execute(_COUNT_STATE, counted)

    def change(self, row: Row, kind: Kind, changes: Row, *, by: str = "") -> Row:
        """Change an entry; gives the row as it is then. Values that stay as they were are left out.

        `by` is who did it, where that is another than who was at work.
        """
        real = {column: value for column, value in changes.items() if row[column] != value}
        if real:
            self.connection.execute(
                _update(tuple(real)),
                {f"new_{column}": value for column, value in real.items()} | {"this_number": row["number"]},
            )
            self._counts[_place(row)] -= 1
            self._counts[_place(row | real)] += 1
            self._event(kind, str(row["id"]), real, by=by)
        return row | real

    def _event(self, kind: Kind, entry_id: str | None, changes: Row, *, by: str = "") -> None:
        """Add the next event to this process's stream, which begins with an anchor."""
        if who := by or self.by:
            changes = {**changes, chain.BY: who}
        if self.head is None:
            self._add(chain.anchor(self._stream, self.now, self.station, self._previous()))
        assert self.head is not None
        self._add(chain.follow(self.head, self.now, kind, self.station, entry_id, changes))

    def _add(self, event: chain.Event) -> None:
        self.connection.execute(
            _INSERT_EVENT,
            {
                "stream": event.stream,
                "seq": event.seq,
                "at": event.at,
                "kind": event.kind,
                "station": event.station,
                "entry_id": event.entry_id,
                "payload": event.payload,
                "prev": event.prev,
                "hash": event.hash,
            },
        )
        self.head = event.head

    def _previous(self) -> Head | None:
        """The head of the stream that this station wrote to last."""
        newest: tuple[int, Head] | None = None
        for stream in self.connection.scalars(_LAST_STREAMS, {"station": self.station}).all():
            *head, n = self.connection.execute(_HEAD_AND_PLACE, {"stream": stream}).one()
            if newest is None or n > newest[0]:
                newest = (n, Head(*head))
        return None if newest is None else newest[1]


def _place(row: Row) -> tuple[str, str]:
    """Where an entry is counted: its target, and what is shown of it."""
    shown = rows.shown(str(row["reservation_state"]), str(row["activation_state"]), _text_or_none(row["mark"]))
    return str(row["target"]), shown.value


def _text_or_none(value: rows.Value) -> str | None:
    return None if value is None else str(value)


class Writer:
    """The writing connection and this process's stream; everything is called on one thread.

    After a fault the connection is made anew, but never to another database than the journal was opened on. `committed`
    is told the head of this process's stream after each commit that changed it.
    """

    def __init__(
        self,
        store: Store,
        station: str,
        clock_utc: Callable[[], datetime],
        committed: Callable[[Head], None] = lambda head: None,
    ) -> None:
        self._store = store
        self.station = station
        self._clock_utc = clock_utc
        self._insert_entry = store.insert(entries).on_conflict_do_nothing().returning(entries.c.number)
        self._stream = uuid.uuid4().hex
        self._head: Head | None = None
        self._head_known = True
        self._committed = committed
        self._connection: Connection | None = None

    @property
    def head(self) -> Head | None:
        """The head of this process's stream; nothing before its first write."""
        return self._head

    def connect(self) -> Connection:
        """The writing connection, made where there is none that leads anywhere.

        Raises:
            JournalUnavailable: another database stands at the place now.
            SQLAlchemyError, sqlite3.Error, OSError: it cannot be opened.
        """
        if self._connection is not None and not self._store.usable(self._connection):
            _log.info("the connection to the journal was lost while idle; it is made anew")
            self._drop()
        if self._connection is None:
            self._connection = self._store.connect()
        return self._connection

    def transact(self, work: Callable[[Transaction], _T], *, by: str = "") -> _T:
        """Do `work` in one transaction: all of it is on the disc when this returns, nothing when it raises.

        Its events tell that it was asked for `by` somebody, where that is known.

        Raises:
            JournalError: it could not be done; with `perhaps` where it may have been done all the same.
            TagsmithError: what `work` raised.
        """
        committing = False
        try:
            connection = self.connect()
            transaction = connection.begin()
            self._store.begun(connection)
            head = self._current_head(connection)
            now = self._clock_utc()
            change = Transaction(connection, self._insert_entry, self._stream, self.station, head, now, by)
            result = work(change)
            change.finish()
            self._store.before_commit(connection)
            committing = True
            self._head_known = False
            transaction.commit()
        except faults.FOREIGN as error:
            self._drop()
            mapped = self._store.translate(error, committing=committing)
            _log.error("%s; %s", mapped.message, getattr(error, "orig", None) or error)
            raise mapped from error
        except BaseException:
            self._roll_back()
            raise
        if change.head is not None and change.head != self._head:
            self._committed(change.head)
        self._head = change.head
        self._head_known = True
        return result

    def close(self) -> None:
        """Give the connection back."""
        self._drop()
        self._store.close()

    def _current_head(self, connection: Connection) -> Head | None:
        """The head of this process's stream; asked for again where a commit's answer was lost."""
        if not self._head_known:
            found = connection.execute(_HEAD, {"stream": self._stream}).one_or_none()
            self._head = None if found is None else Head(*found)
            self._head_known = True
        return self._head

    def _roll_back(self) -> None:
        """End the transaction that `work` gave up."""
        connection = self._connection
        if connection is None:
            return
        try:
            connection.rollback()
        except faults.FOREIGN:
            _log.warning("the rollback failed; the connection is made anew", exc_info=True)
            self._drop()

    def _drop(self) -> None:
        """Let go of the connection, whatever state it is in."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(*faults.FOREIGN):  # what made it useless was raised already
                connection.close()
