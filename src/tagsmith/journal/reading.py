"""The questions asked of the journal, each answered from an index.

Only `look_up`, `page` and `last_attempted` see many rows.

Works on any connection: the reading engine's, or the writer's inside a transaction.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, func, or_, select
from sqlalchemy import text as sql

from tagsmith.errors import JournalCorrupt, UidError
from tagsmith.journal import rows
from tagsmith.journal.schema import FOR_A_PERSON, STORED, entries, events, requests, tallies
from tagsmith.model import LegState, Record, State
from tagsmith.uid import Uid

PAGE: Final = 500
"""Records fetched at a time where all are wanted."""

_LONGEST_NUMBER: Final = 18
"""Digits that always fit the database's integers."""


@dataclass(frozen=True, slots=True)
class Change:
    """One event of an entry: its time (ISO 8601, UTC), what it tells of, and column → new value as JSON text."""

    at: str
    kind: str
    payload: str


# The partial indexes serve a query only where it states their condition word for word.
_LIVE: Final = sql("live = 1")
_OPEN: Final = sql("open = 1")

_RECORD: Final = select(*STORED)
_BY_ID: Final = _RECORD.where(entries.c.id == bindparam("this_id"))
_BY_UID: Final = _RECORD.where(
    entries.c.target == bindparam("this_target"), entries.c.uid == bindparam("this_uid"), _LIVE
)
_BY_NUMBER: Final = _RECORD.where(
    entries.c.target == bindparam("this_target"), entries.c.number_key == bindparam("this_key"), _LIVE
)
_DUE: Final = _RECORD.where(
    entries.c.target == bindparam("this_target"),
    _OPEN,
    # A marked entry is open only while it is being sent.
    entries.c.reservation_state != LegState.SENDING.value,
    entries.c.activation_state != LegState.SENDING.value,
).order_by(entries.c.number)
_WAITING: Final = select(func.count()).select_from(entries).where(entries.c.target == bindparam("this_target"), _OPEN)
_RECENT: Final = (
    _RECORD.where(entries.c.target == bindparam("this_target"))
    .order_by(entries.c.number.desc())
    .limit(bindparam("this_limit"))
)
_NEWEST: Final = select(func.max(entries.c.number))
_TALLY: Final = select(tallies.c.state, tallies.c.total).where(tallies.c.target == bindparam("this_target"))
_REQUESTS: Final = select(func.coalesce(func.sum(requests.c.total), 0)).where(
    requests.c.target == bindparam("this_target"),
    requests.c.station == bindparam("this_station"),
    requests.c.day == bindparam("this_day"),
)
_LAST_ATTEMPTED: Final = (
    _RECORD.where(entries.c.target == bindparam("this_target"), entries.c.reservation_attempts > 0)
    .order_by(entries.c.number.desc())
    .limit(bindparam("this_limit"))
)
_FOR_A_PERSON: Final = (
    _RECORD.where(entries.c.target == bindparam("this_target"), sql(f"({FOR_A_PERSON})"))
    .order_by(entries.c.target, entries.c.number)
    .limit(bindparam("this_limit"))
)
_PAGE: Final = _RECORD.where(entries.c.number > bindparam("after")).order_by(entries.c.number).limit(PAGE)
_PAGE_OF_TARGET: Final = _PAGE.where(entries.c.target == bindparam("this_target"))
_HISTORY: Final = (
    select(events.c.at, events.c.kind, events.c.payload)
    .where(events.c.entry_id == bindparam("this_id"))
    .order_by(events.c.n)
)


def get(connection: Connection, entry_id: str) -> Record | None:
    """The record of an entry, whatever its state."""
    return _one(connection, _BY_ID, {"this_id": entry_id})


def find(
    connection: Connection, target: str, *, uid: Uid | None = None, number_key: str | None = None
) -> Record | None:
    """The live record with this uid, or else the one with this number."""
    found = None
    if uid is not None:
        found = _one(connection, _BY_UID, {"this_target": target, "this_uid": uid.wire})
    if found is None and number_key is not None:
        found = _one(connection, _BY_NUMBER, {"this_target": target, "this_key": number_key})
    return found


def look_up(connection: Connection, text: str) -> Record | None:
    """The record a person means by its id, number, visual number, or uid in either order; live ones and newer first.

    Looks at every entry.
    """
    meant = [entries.c.id == text, entries.c.visual_number == text]
    with contextlib.suppress(UidError):  # then it means no UID
        written = Uid.from_hex(text)
        meant += [entries.c.uid == written.wire, entries.c.uid_api == written.wire]
    if text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER:
        meant.append(entries.c.number == int(text))
    statement = _RECORD.where(or_(*meant)).order_by(entries.c.live.desc(), entries.c.number.desc()).limit(1)
    return _one(connection, statement, {})


def history(connection: Connection, entry_id: str) -> list[Change]:
    """What happened to an entry, oldest first."""
    return [Change(*row) for row in connection.execute(_HISTORY, {"this_id": entry_id})]


def due(connection: Connection, target: str, limit: int, exclude: Collection[str]) -> list[Record]:
    """The oldest records that may be sent now, at most `limit`, without those whose ids are excluded."""
    skipped = frozenset(exclude)
    found: list[Record] = []
    with connection.execution_options(stream_results=True).execute(_DUE, {"this_target": target}).mappings() as result:
        for row in result:
            if len(found) >= limit:
                break
            if row["id"] not in skipped:
                found.append(rows.record(row))
    return found


def waiting(connection: Connection, target: str) -> int:
    """How many entries have something left to send, or under way. Those that wait for a check do not count."""
    return connection.scalars(_WAITING, {"this_target": target}).one()


def recent(connection: Connection, target: str, limit: int) -> list[Record]:
    """The newest records, newest first."""
    return _all(connection, _RECENT, {"this_target": target, "this_limit": limit})


def newest(connection: Connection) -> int:
    """The number of the newest record of any target; 0 where there is none."""
    return connection.scalar(_NEWEST) or 0


def tally(connection: Connection, target: str) -> dict[State, int]:
    """How many entries are shown in each state; every state is there."""
    counts = dict.fromkeys(State, 0)
    for state, total in connection.execute(_TALLY, {"this_target": target}):
        try:
            counts[State(state)] += total
        except ValueError as error:
            raise JournalCorrupt("the journal counts an impossible state", "run: tagsmith journal verify") from error
    return counts


def requests_made(connection: Connection, target: str, station: str, day: str) -> int:
    """How many requests a station has made on a day."""
    return int(connection.scalars(_REQUESTS, {"this_target": target, "this_station": station, "this_day": day}).one())


def last_attempted(connection: Connection, target: str, limit: int) -> list[Record]:
    """The newest records whose reservation was attempted, newest first. Passes over all that wait behind them."""
    return _all(connection, _LAST_ATTEMPTED, {"this_target": target, "this_limit": limit})


def work_list(connection: Connection, target: str, limit: int) -> list[Record]:
    """The oldest records that only a person brings further: something was refused, or is in doubt and waits."""
    return _all(connection, _FOR_A_PERSON, {"this_target": target, "this_limit": limit})


def page(connection: Connection, target: str | None, after: int) -> list[Record]:
    """The next records by number, `PAGE` at most; none when there are no more."""
    if target is None:
        return _all(connection, _PAGE, {"after": after})
    return _all(connection, _PAGE_OF_TARGET, {"after": after, "this_target": target})


def _one(connection: Connection, statement: Select[Any], parameters: dict[str, str]) -> Record | None:
    """The record a statement finds."""
    row = connection.execute(statement, parameters).mappings().one_or_none()
    return None if row is None else rows.record(row)


def _all(connection: Connection, statement: Select[Any], parameters: dict[str, str | int]) -> list[Record]:
    """The records a statement finds."""
    return [rows.record(row) for row in connection.execute(statement, parameters).mappings()]
