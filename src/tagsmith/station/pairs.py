"""The last pairs as they are shown, and what became of each: said once per state."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime

from tagsmith.model import Event, LegState, PairView, Record, State

SHOWN_PAIRS = 50
"""How many of the last pairs a view holds."""
_REMEMBERED = 10_000
_DELIVERED = {State.RESERVED, State.ACTIVE, State.REFUSED, State.UNKNOWN}


class Pairs:
    """The last pairs, newest last, and the entries whose delivery is still open. `emit` gets the `delivered` lines."""

    def __init__(self, emit: Callable[[Event], None]) -> None:
        self._emit = emit
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
        self.show(record, new=True)
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
        self._views[entry.id] = PairView(
            entry=entry.id,
            lane=entry.lane,
            uid=entry.uid,
            visual_number=entry.visual_number,
            state=record.state,
            paired_at=entry.paired_at,
            warnings=entry.warnings,
            message=_message(record),
        )
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
