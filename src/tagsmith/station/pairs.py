"""Pairs as they are shown: the last ones, and what became of each (said once per state); and the work list."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime

from tagsmith import words
from tagsmith.journal import Journal
from tagsmith.model import Event, LegState, PairView, Record, State

SHOWN_PAIRS = 50
"""How many of the last pairs a view holds."""
SHOWN_WORK = 200
"""How many entries the work list has at most."""
_REMEMBERED = 10_000
_DELIVERED = {State.RESERVED, State.ACTIVE, State.REFUSED, State.UNKNOWN}


class Pairs:
    """The last pairs, newest last, and the entries whose delivery is still open. `emit` gets the `delivered` lines.

    Those of other stations are shown at the start; they are not to be taken back here.
    """

    def __init__(self, emit: Callable[[Event], None], station: str) -> None:
        self._emit = emit
        self._station = station
        self._views: OrderedDict[str, PairView] = OrderedDict()
        self._said: dict[str, State] = {}
        self._open: dict[str, None] = {}

    def shown(self) -> tuple[PairView, ...]:
        """Newest first."""
        return tuple(reversed(self._views.values()))

    def undelivered(self) -> list[str]:
        """Entries whose delivery may still come further, oldest first, as many as are shown."""
        return list(self._open)[:SHOWN_PAIRS]

    def paired(self, record: Record) -> None:
        """A pair was made, or taken back."""
        self.show(record, new=record.mark is None)
        if _is_open(record):
            self._open[record.entry.id] = None
        else:
            self._open.pop(record.entry.id, None)

    def settled(self, record: Record) -> None:
        """A pair's delivery has come further, whoever delivers."""
        self.show(record)
        self._say_delivered(record)
        if not _is_open(record):
            self._open.pop(record.entry.id, None)

    def show(self, record: Record, *, new: bool = False) -> None:
        """Put a record among the last pairs, or bring the one that is there up to date."""
        entry = record.entry
        if entry.id not in self._views and not new:
            return
        self._views[entry.id] = pair_view(record, can_undo=record.can_undo and entry.station == self._station)
        if len(self._views) > SHOWN_PAIRS:
            self._views.popitem(last=False)

    def _say_delivered(self, record: Record) -> None:
        """One `delivered` line each time the shown state of an entry becomes another."""
        entry, state = record.entry, record.state
        if state not in _DELIVERED or self._said.get(entry.id) is state:
            return
        self._said[entry.id] = state
        if len(self._said) > _REMEMBERED:
            # Only repeats of the same state are to be kept back, and those come soon after one another.
            del self._said[next(iter(self._said))]
        fields: dict[str, object] = {
            "entry": entry.id,
            "state": str(state),
            "lane": entry.lane,
            "uid": entry.uid.wire,
            "uid_api": entry.uid_api,
            "visual_number": entry.visual_number,
            "at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        if message := _message(record):
            fields["message"] = message
        if entry.operator:
            fields["operator"] = entry.operator
        if record.contract_id:
            fields["contract_id"] = record.contract_id
        self._emit(Event("delivered", fields))


class WorkList:
    """The entries that only a person brings further, of this run or an earlier one; the oldest of them."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._shown: tuple[PairView, ...] | None = ()
        self._changes = 0

    async def read(self, journal: Journal, target: str) -> bool:
        """See what the journal has: other processes settle and correct, too. Whether anything is different.

        Raises:
            JournalError: it cannot be read.
        """
        before = self._changes
        found = {record.entry.id: record for record in await journal.work_list(target, SHOWN_WORK)}
        if before != self._changes or found == self._records:
            return False  # what was settled meanwhile may be newer than what was read
        self._take(found)
        return True

    def settled(self, record: Record) -> None:
        """A pair's delivery has come further, or a person has dealt with it."""
        entry = record.entry.id
        if record.for_a_person and self._records.get(entry) != record:
            found = self._records | {entry: record}
            self._take(dict(sorted(found.items(), key=lambda one: one[1].number)[:SHOWN_WORK]))
        elif not record.for_a_person and entry in self._records:
            self._take({known: one for known, one in self._records.items() if known != entry})

    def shown(self) -> tuple[PairView, ...]:
        """Oldest first."""
        if self._shown is None:
            self._shown = tuple(pair_view(record, todo=words.todo(record)) for record in self._records.values())
        return self._shown

    def _take(self, records: dict[str, Record]) -> None:
        self._records, self._shown = records, None
        self._changes += 1


def pair_view(record: Record, *, can_undo: bool = False, todo: str = "") -> PairView:
    """A record as it is shown."""
    entry = record.entry
    return PairView(
        entry=entry.id,
        lane=entry.lane,
        uid=entry.uid,
        visual_number=entry.visual_number,
        state=record.state,
        paired_at=entry.paired_at,
        warnings=entry.warnings,
        message=_message(record),
        can_undo=can_undo,
        todo=todo,
    )


def _is_open(record: Record) -> bool:
    """Whether delivery may still change what is shown for a pair without a person's doing."""
    under_way = (LegState.HELD, LegState.QUEUED, LegState.SENDING)
    reservation, activation = record.reservation, record.activation
    if record.mark is not None:
        return False
    if reservation.state is LegState.DONE:
        return activation.state in under_way or activation.repeat
    return reservation.state in under_way or reservation.repeat


def _message(record: Record) -> str:
    """What the API, or we, have to say about the last delivery of a pair."""
    return record.activation.message or record.reservation.message
