"""Whether the journal tells one story: hash chains, and the rows against the events that made them.

Reads everything once, in constant memory and in one snapshot; writers go on meanwhile.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, Table, bindparam, exists, func, select

from tagsmith.journal import batches, chain, rows
from tagsmith.journal.chain import Event, Head, Kind
from tagsmith.journal.schema import (
    LATER,
    STORED,
    batch_acts,
    calibrations,
    couriers,
    custody,
    entries,
    events,
    tallies,
)
from tagsmith.journal.schema import batches as batches_table

_MOST: Final = 100
"""Problems that are told one by one."""

_CHAINS: Final = select(events).order_by(events.c.stream, events.c.seq)
_HISTORIES: Final = (
    select(
        events.c.n,
        events.c.entry_id.label("of_entry"),
        events.c.kind,
        events.c.payload,
        *STORED,
    )
    .outerjoin_from(events, entries, entries.c.id == events.c.entry_id)
    .where(events.c.entry_id.is_not(None))
    .order_by(events.c.entry_id, events.c.n)
)
_SILENT: Final = (
    select(entries.c.number, entries.c.id)
    .where(~exists().where(events.c.entry_id == entries.c.id))
    .order_by(entries.c.number)
)
_TOLD: Final = select(events.c.n, events.c.payload).where(events.c.kind == bindparam("kind")).order_by(events.c.n)
_COUNTED: Final = select(
    entries.c.target, entries.c.reservation_state, entries.c.activation_state, entries.c.mark, func.count()
).group_by(entries.c.target, entries.c.reservation_state, entries.c.activation_state, entries.c.mark)
_KEPT: Final = select(tallies.c.target, tallies.c.state, func.sum(tallies.c.total)).group_by(
    tallies.c.target, tallies.c.state
)
_COLUMNS: Final = tuple(column.name for column in STORED)


@dataclass(frozen=True, slots=True)
class Verification:
    """What `verify` found. Each problem names its row; the first hundred are told."""

    ok: bool
    events: int
    entries: int
    streams: int
    problems: tuple[str, ...]
    calibrations: int = 0


@dataclass(slots=True)
class Problems:
    """What was found so far, without growing beyond what anybody reads."""

    told: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, problem: str) -> None:
        """Remember one more."""
        self.count += 1
        if self.count <= _MOST:
            self.told.append(problem)

    def all(self) -> tuple[str, ...]:
        """The problems, with a word on those that are not told."""
        more = self.count - len(self.told)
        return (*self.told, f"… and {more} more") if more else tuple(self.told)


@dataclass(slots=True)
class _Chains:
    """What the walk over the chains learned."""

    events: int = 0
    heads: dict[str, Head] = field(default_factory=dict)
    anchors: list[tuple[str, str]] = field(default_factory=list)
    """Stream and payload of each anchor."""


def verify(connection: Connection, problems: Problems, examine: Callable[[Connection], Iterable[str]]) -> Verification:
    """Check everything; `connection` is a fresh one of the reading engine and serves nothing else meanwhile.

    `examine` begins the snapshot and gives what the database itself finds amiss. Problems are added as they are
    found, so that those before an error are not lost.
    """
    streaming = connection.execution_options(stream_results=True, yield_per=1000)
    for line in examine(connection):
        problems.add(f"file: {line}")
    chains = _walk(streaming.execute(_CHAINS).mappings(), problems)
    _check_anchors(connection, chains, problems)
    for of_entry, history in itertools.groupby(
        streaming.execute(_HISTORIES).mappings(), key=lambda row: str(row["of_entry"])
    ):
        _check_entry(of_entry, history, problems)
    for number, entry_id in streaming.execute(_SILENT):
        problems.add(f"entry {number} ({entry_id}): no event tells of it")
    proofs = _check_told(connection, calibrations, Kind.CALIBRATED, "calibration", problems)
    _check_told(connection, custody, Kind.ADOPTED, "adoption", problems)
    _check_told(connection, couriers, Kind.TOOK_OVER, "courier", problems)
    _check_told(connection, batches_table, Kind.BATCH, "batch", problems)
    _check_told(connection, batch_acts, Kind.BATCH_ACT, "act on a batch", problems)
    for problem in batches.untrue_manifests(streaming):
        problems.add(problem)
    _check_tallies(connection, problems)
    count = connection.scalars(select(func.count()).select_from(entries)).one()
    return Verification(problems.count == 0, chains.events, count, len(chains.heads), problems.all(), proofs)


def _walk(links: Iterable[RowMapping], problems: Problems) -> _Chains:
    """Follow every stream from its first event to its last."""
    seen = _Chains()
    for stream, members in itertools.groupby(links, key=lambda row: str(row["stream"])):
        expected, prev, last_n = 0, chain.GENESIS, 0
        for row in members:
            seen.events += 1
            if not _well_formed(row):
                problems.add(f"event {row['n']} (stream {stream}): holds values that nobody writes")
                continue
            where = f"event {row['n']} (stream {stream}, seq {row['seq']})"
            if row["seq"] != expected:
                problems.add(f"stream {stream}: {_missing(expected, row['seq'] - 1)} before event {row['n']}")
            elif row["prev"] != prev:
                problems.add(f"{where}: does not follow the event before it")
            if row["n"] <= last_n:
                problems.add(f"{where}: stands before an event that it follows")
            if _event(row).hash != row["hash"]:
                problems.add(f"{where}: was changed after it was written")
            if (row["seq"] == 0) != (row["kind"] == Kind.ANCHOR):
                problems.add(f"{where}: an anchor is the first event and nothing else is")
            if row["kind"] == Kind.ANCHOR:
                seen.anchors.append((stream, row["payload"]))
            expected, prev, last_n = row["seq"] + 1, row["hash"], row["n"]
            seen.heads[stream] = Head(stream, row["seq"], row["hash"])
    return seen


def _missing(first: int, last: int) -> str:
    """Which links of a chain are not there."""
    return f"event with seq {first} is missing" if first == last else f"events with seq {first} to {last} are missing"


def _well_formed(row: RowMapping) -> bool:
    """Whether the values are of the kinds that are written; SQLite itself takes any."""
    texts = (row["stream"], row["at"], row["kind"], row["station"], row["payload"], row["prev"], row["hash"])
    return isinstance(row["seq"], int) and all(isinstance(text, str) for text in texts)


def _event(row: RowMapping) -> Event:
    """The event as it stands in the table."""
    return Event(
        stream=row["stream"],
        seq=row["seq"],
        at=row["at"],
        kind=row["kind"],
        station=row["station"],
        entry_id=row["entry_id"],
        payload=row["payload"],
        prev=row["prev"],
    )


def _check_anchors(connection: Connection, chains: _Chains, problems: Problems) -> None:
    """See that what each anchor held on to is still there."""
    for stream, payload in chains.anchors:
        match _object(payload):
            case {"stream": str(earlier), "seq": int(seq), "hash": str(held)}:
                head = chains.heads.get(earlier)
            case {} as empty if not empty:
                continue
            case _:
                problems.add(f"stream {stream}: its anchor cannot be read")
                continue
        if head is None:
            problems.add(f"stream {earlier}: is missing, stream {stream} was begun after it")
        elif head.seq < seq:
            problems.add(f"stream {earlier}: {_missing(head.seq + 1, seq)} at its end, stream {stream} anchors them")
        else:
            found = connection.scalar(select(events.c.hash).where(events.c.stream == earlier, events.c.seq == seq))
            if found is not None and found != held:
                problems.add(f"stream {earlier}, seq {seq}: is not the event that stream {stream} anchors")


def _check_entry(entry_id: str, history: Iterator[RowMapping], problems: Problems) -> None:
    """Fold the events of one entry and compare what they come to with its row, column by column."""
    told: dict[str, Any] = {**LATER}
    row: RowMapping | None = None
    for count, row in enumerate(history):
        if (count == 0) != (row["kind"] == Kind.PAIRED):
            problems.add(
                f"event {row['n']}: the history of entry {entry_id} begins with its pairing and nothing else does"
            )
        changes = _object(row["payload"])
        if changes is None:
            problems.add(f"event {row['n']}: its payload cannot be read")
        else:
            told |= changes
            told.pop(chain.BY, None)
    assert row is not None
    if row["id"] is None:
        problems.add(f"entry {entry_id}: is missing, event {row['n']} tells of it")
        return
    where = f"entry {row['number']} ({entry_id})"
    for column in _COLUMNS:
        if column not in told:
            problems.add(f"{where}: no event tells of its {column}")
        elif told[column] != row[column]:
            problems.add(f"{where}: {column} is {row[column]!r}, its events say {told[column]!r}")
    for column in told.keys() - set(_COLUMNS):
        problems.add(f"{where}: its events tell of {column!r}, which entries do not have")


def _check_told(connection: Connection, table: Table, kind: Kind, what: str, problems: Problems) -> int:
    """Compare each row of a table with the event that tells of it; gives how many there are. They are always few."""
    told: dict[Any, dict[str, Any]] = {}
    for n, payload in connection.execute(_TOLD, {"kind": kind.value}):
        values = _object(payload)
        if values is None or not isinstance(values.get("number"), int):
            problems.add(f"event {n}: its payload cannot be read")
        elif values["number"] in told:
            problems.add(f"event {n}: tells of {what} {values['number']} again")
        else:
            values.pop(chain.BY, None)
            told[values["number"]] = values
    held = {row["number"]: dict(row) for row in connection.execute(select(table)).mappings()}
    for number in sorted(told.keys() - held.keys()):
        problems.add(f"{what} {number}: is missing, an event tells of it")
    for number, row in sorted(held.items()):
        where = f"{what} {number}"
        if number not in told:
            problems.add(f"{where}: no event tells of it")
            continue
        for column in sorted(row.keys() | told[number].keys()):
            says, is_ = told[number].get(column), row.get(column)
            if says != is_:
                problems.add(f"{where}: {column} is {is_!r}, its event says {says!r}")
    return len(held)


def _check_tallies(connection: Connection, problems: Problems) -> None:
    """Count what is kept counted."""
    counted: Counter[tuple[str, str]] = Counter()
    for target, reservation, activation, mark, count in connection.execute(_COUNTED):
        counted[target, rows.shown(reservation, activation, mark).value] += count
    kept = {(target, state): int(total) for target, state, total in connection.execute(_KEPT) if total}
    for target, state in sorted(counted.keys() | kept.keys()):
        if (is_ := counted[target, state]) != (says := kept.get((target, state), 0)):
            problems.add(f"tally of {target}: {is_} entries are {state}, {says} are counted")


def _object(text: str) -> dict[str, Any] | None:
    """A JSON object, or nothing where the text is none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
