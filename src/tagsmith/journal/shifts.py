"""Shifts of a station, and the keys that were put aside in them.

Changes are the work of one transaction, on the writer's thread; the questions work on any connection.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, insert, select, text, update

from tagsmith.errors import IllegalTransition
from tagsmith.journal import rows
from tagsmith.journal.rows import utc_text
from tagsmith.journal.schema import rejects as rejects_table
from tagsmith.journal.schema import shifts as shifts_table
from tagsmith.journal.writing import Transaction, insert_once
from tagsmith.production import RejectedKey, Shift

_OF_STATION: Final = (
    select(shifts_table)
    .where(shifts_table.c.station == bindparam("this_station"))
    .order_by(shifts_table.c.number.desc())
    .limit(bindparam("this_limit"))
)
_START: Final = insert_once(shifts_table)
_RUNNING: Final = select(shifts_table).where(
    shifts_table.c.station == bindparam("this_station"), text("ended_at IS NULL")
)
_BY_ID: Final = select(shifts_table).where(shifts_table.c.id == bindparam("this_id"))
_END: Final = update(shifts_table).where(shifts_table.c.id == bindparam("this_id"), shifts_table.c.ended_at.is_(None))

ENDLESS: Final = "9999"
"""Later than any time that is written."""

_REJECTS: Final = (
    select(rejects_table)
    .where(
        rejects_table.c.target == bindparam("this_target"),
        rejects_table.c.at >= bindparam("since"),
        rejects_table.c.at < bindparam("until"),
    )
    .order_by(rejects_table.c.at, rejects_table.c.number)
)


def start(transaction: Transaction, shift: Shift) -> None:
    """Begin a shift; the very same one again changes nothing.

    Raises:
        IllegalTransition: another one of the station's runs, or this one has ended.
    """
    connection = transaction.connection
    if connection.scalar(_START, rows.shift_row(shift)) is not None:
        return
    there = _one(connection, _BY_ID, {"this_id": shift.id})
    if there is not None and there.ended_at is None:
        return
    if there is not None:
        raise IllegalTransition("this shift has ended", "start another one")
    other = running(connection, shift.station) or shift
    since = other.started_at.strftime("%Y-%m-%d %H:%M")
    raise IllegalTransition(
        f"a shift of {other.operator or 'nobody'} runs at {other.station or 'this station'} since {since} UTC",
        "end it first",
    )


def end(transaction: Transaction, shift_id: str, ended_at: datetime, recoveries: int) -> Shift:
    """End a shift; one that has ended stays as it is.

    Raises:
        IllegalTransition: there is no such shift.
    """
    connection = transaction.connection
    connection.execute(_END.values(ended_at=utc_text(ended_at), recoveries=recoveries), {"this_id": shift_id})
    ended = _one(connection, _BY_ID, {"this_id": shift_id})
    if ended is None:
        raise IllegalTransition(f"there is no shift {shift_id}")
    return ended


def running(connection: Connection, station: str) -> Shift | None:
    """The shift of a station that has not ended."""
    return _one(connection, _RUNNING, {"this_station": station})


def latest(connection: Connection, station: str, limit: int) -> list[Shift]:
    """The shifts of a station, newest first."""
    parameters: dict[str, Any] = {"this_station": station, "this_limit": limit}
    return [rows.shift(row) for row in connection.execute(_OF_STATION, parameters).mappings()]


def reject(transaction: Transaction, target: str, key: RejectedKey) -> None:
    """Record that a key was put aside."""
    transaction.connection.execute(insert(rejects_table), rows.reject_row(target, transaction.station, key))


def rejects(
    connection: Connection,
    target: str,
    since: datetime,
    until: datetime | None,
    *,
    batch: str | None = None,
    station: str | None = None,
) -> list[RejectedKey]:
    """The keys that were put aside from `since` until before `until`, oldest first; of a batch, or of a station."""
    statement = _REJECTS
    if batch is not None:
        statement = statement.where(rejects_table.c.batch == batch)
    if station is not None:
        statement = statement.where(rejects_table.c.station == station)
    parameters = {
        "this_target": target,
        "since": utc_text(since),
        "until": ENDLESS if until is None else utc_text(until),
    }
    return [rows.reject(row) for row in connection.execute(statement, parameters).mappings()]


def _one(connection: Connection, statement: Select[Any], parameters: dict[str, str]) -> Shift | None:
    row = connection.execute(statement, parameters).mappings().one_or_none()
    return None if row is None else rows.shift(row)
