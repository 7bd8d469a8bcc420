"""Full journals, quickly: rows in plain SQLite where the journal's own writer would take minutes.

What is written is what the journal writes (`rows.new_row`, the events' chain, the tallies where there are any), so the
result passes `journal verify`; without events it is for reading only.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tagsmith.drive import Reservation
from tagsmith.journal import Journal, chain, rows
from tagsmith.model import Entry, Leg, LegName, LegState
from tagsmith.uid import ByteOrder, Technology, Uid

AT_ONCE = 10_000


def new_entry(number: int, target: str) -> Entry:
    """An entry like those of a station: uids scattered, numbers counted up."""
    uid = b"\x04" + (number * 0x9E3779B97F4A7C15 % (1 << 48)).to_bytes(6, "big")
    return Entry(
        id=uuid.uuid4().hex,
        target=target,
        uid=Uid(uid, Technology.ISO14443A),
        uid_order=ByteOrder.REVERSED,
        visual_number=f"DE*8PS*{number:09d}",
        number_key=f"de8ps{number:09d}",
        paired_at=datetime.now(UTC),
        lane="1",
        station="bench",
        reader="ACS ACR1252 Dual Reader [ACR1252 Dual Reader PICC] 00 00",
    )


def body_of(entry: Entry) -> str:
    """What is sent for an entry."""
    return Reservation(uid=entry.uid_api, visual_number=entry.visual_number).body()


def fill(path: Path, target: str, count: int, *, waiting: int, events: bool = True) -> None:
    """Make a journal of `count` entries, of which the newest `waiting` are held and all others reserved."""
    journal = Journal.open(f"sqlite:///{path}", station="bench")
    journal.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        head: chain.Head | None = None
        for first in range(1, count + 1, AT_ONCE):
            made = [
                _row(number, target, done=number <= count - waiting)
                for number in range(first, min(first + AT_ONCE, count + 1))
            ]
            connection.execute("BEGIN IMMEDIATE")
            _insert(connection, "entries", made)
            if events:
                told = list(_events(head, made))
                head = told[-1].head
                _insert(connection, "events", [_event_row(event) for event in told])
            connection.execute("COMMIT")
        _count(connection, target, {"reserved": count - waiting, "held": waiting})
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _row(number: int, target: str, *, done: bool) -> dict[str, Any]:
    entry = new_entry(number, target)
    row: dict[str, Any] = {"number": number, **rows.new_row(entry)}
    if done:
        leg = Leg(LegState.DONE, attempts=1, attempt_id=uuid.uuid4().hex, body=body_of(entry), status=201)
        row |= rows.leg_columns(LegName.RESERVATION, leg) | {"delivered_at": row["paired_at"]}
    return row


def _events(head: chain.Head | None, made: list[dict[str, Any]]) -> Iterator[chain.Event]:
    """One event for each row, as if it had been paired as it stands; before the first one the stream's anchor."""
    if head is None:
        anchor = chain.anchor(uuid.uuid4().hex, made[0]["paired_at"], "bench", None)
        yield anchor
        head = anchor.head
    for row in made:
        event = chain.follow(head, row["paired_at"], chain.Kind.PAIRED, "bench", row["id"], row)
        yield event
        head = event.head


def _event_row(event: chain.Event) -> dict[str, Any]:
    names = ("stream", "seq", "at", "kind", "station", "entry_id", "payload", "prev", "hash")
    return {name: getattr(event, name) for name in names}


def _insert(connection: sqlite3.Connection, table: str, made: list[dict[str, Any]]) -> None:
    names = list(made[0])
    statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
    connection.executemany(statement, ([row[name] for name in names] for row in made))


def _count(connection: sqlite3.Connection, target: str, states: dict[str, int]) -> None:
    """Keep the journal's own counts true, where it keeps any."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'tallies'").fetchone():
        made = [(target, "bench", state, total) for state, total in states.items()]
        connection.executemany("INSERT INTO tallies (target, station, state, total) VALUES (?, ?, ?, ?)", made)
