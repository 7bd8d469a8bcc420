"""What a shift or a batch came to: counted from its entries and from the keys that were put aside."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, select, text

from tagsmith.journal import reading, shifts
from tagsmith.journal.rows import utc_text
from tagsmith.journal.schema import entries
from tagsmith.model import Mark
from tagsmith.production import RejectedKey, ShiftReport

BREAK: Final = timedelta(minutes=5)
"""A pause between two pairs that is longer is no part of the work."""

_MADE: Final = (
    select(
        entries.c.uid,
        entries.c.visual_number,
        entries.c.station,
        entries.c.lane,
        entries.c.operator,
        entries.c.mark,
        entries.c.paired_at,
    )
    .where(
        # Nearly all entries are of one target: an index of it, which SQLite would prefer, serves nothing here.
        func.coalesce(entries.c.target, "") == bindparam("this_target"),
        entries.c.paired_at >= bindparam("since"),
        entries.c.paired_at < bindparam("until"),
    )
    .order_by(entries.c.paired_at, entries.c.number)
)
_WAITING_OF_BATCH: Final = (
    select(func.count())
    .select_from(entries)
    .where(entries.c.target == bindparam("this_target"), entries.c.batch == bindparam("this_batch"), text("open = 1"))
)


@dataclass(frozen=True, slots=True)
class Made:
    """A pair as a report counts it."""

    uid: str
    visual_number: str
    lane: tuple[str, str]
    """The station's name and the lane's."""
    operator: str
    undone: bool
    paired_at: datetime


def report(
    connection: Connection,
    target: str,
    *,
    station: str | None,
    since: datetime,
    until: datetime | None,
    now: datetime,
    batch: str | None = None,
    title: str = "",
    recoveries: int = 0,
) -> ShiftReport:
    """What was made from `since` until before `until`, or until `now`; of one station, of one batch (its id).

    Of a batch, keys per hour are those of the hours in which it was worked on; else those of the whole time.
    """
    made = list(_made(connection, target, station, batch, since, until))
    put_aside = shifts.rejects(connection, target, since, until, batch=batch, station=station)
    paired = sum(not one.undone for one in made)
    if batch is None:
        waiting = reading.waiting(connection, target)
        hours = ((until or now) - since) / timedelta(hours=1)
    else:
        waiting = connection.scalars(_WAITING_OF_BATCH, {"this_target": target, "this_batch": batch}).one()
        hours = sum(_cycles(one.paired_at for one in made)) / 3600
    operators = [one.operator for one in made] + [key.operator for key in put_aside]
    return ShiftReport(
        title=title,
        operators=tuple(name for name in dict.fromkeys(operators) if name),
        started_at=since,
        ended_at=until,
        paired=paired,
        undone=len(made) - paired,
        rejects=tuple(Counter(key.cause for key in put_aside).most_common()),
        first_pass_yield=first_pass_yield(made, put_aside),
        median_cycle_s=median_cycle_s(made),
        per_hour=round(paired / hours) if hours > 0 else 0,
        recoveries=recoveries,
        waiting=waiting,
    )


def first_pass_yield(made: Iterable[Made], put_aside: Iterable[RejectedKey]) -> float | None:
    """Of all keys that were tried, how many became a pair at the first try and stayed one.

    A key is known by its UID, else by its number; one that was put aside with neither counts by itself.
    """
    tries: Counter[str] = Counter()
    first: set[str] = set()
    number_of: dict[str, str] = {}
    for one in made:
        tries[one.uid] += 1
        number_of[one.visual_number] = one.uid
        if one.undone or tries[one.uid] > 1:
            first.discard(one.uid)
        else:
            first.add(one.uid)
    nameless = 0
    for key in put_aside:
        known = key.uid.wire if key.uid is not None else number_of.get(key.visual_number, key.visual_number)
        if known:
            tries[known] += 1
            first.discard(known)
        else:
            nameless += 1
    tried = len(tries) + nameless
    return len(first) / tried if tried else None


def median_cycle_s(made: Iterable[Made]) -> float | None:
    """The median time from one pair of a lane to its next, without breaks; None before the second."""
    lanes: dict[tuple[str, str], list[datetime]] = {}
    for one in made:
        lanes.setdefault(one.lane, []).append(one.paired_at)
    found = [cycle for times in lanes.values() for cycle in _cycles(times)]
    return statistics.median(found) if found else None


def _cycles(times: Iterable[datetime]) -> Iterator[float]:
    """The seconds between one time and the next, without breaks."""
    for before, after in pairwise(times):
        if after - before <= BREAK:
            yield (after - before).total_seconds()


def _made(
    connection: Connection, target: str, station: str | None, batch: str | None, since: datetime, until: datetime | None
) -> Iterator[Made]:
    statement = _MADE
    if station is not None:
        statement = statement.where(entries.c.station == station)
    if batch is not None:
        statement = statement.where(entries.c.batch == batch)
    parameters: dict[str, Any] = {
        "this_target": target,
        "since": utc_text(since),
        "until": shifts.ENDLESS if until is None else utc_text(until),
    }
    for row in connection.execute(statement, parameters).mappings():
        yield Made(
            uid=row["uid"],
            visual_number=row["visual_number"],
            lane=(row["station"], row["lane"]),
            operator=row["operator"],
            undone=row["mark"] == Mark.UNDONE.value,
            paired_at=datetime.fromisoformat(row["paired_at"]),
        )
