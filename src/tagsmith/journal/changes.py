"""What may be done to an entry; each function is the work of one transaction."""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, select, text

from tagsmith.errors import DuplicateNumber, DuplicateUid, IllegalTransition, JournalCorrupt, JournalError
from tagsmith.journal import legs, reading, rows
from tagsmith.journal.chain import Kind
from tagsmith.journal.rows import Row
from tagsmith.journal.schema import SENDING, STORED, entries
from tagsmith.journal.writing import Transaction
from tagsmith.model import Committed, Entry, LegName, LegState, Mark, Record, Settlement

# In the order of the index, which is otherwise passed over for a walk through all entries.
_SELECT_SENDING: Final = (
    select(*STORED).where(text(f"({SENDING})")).order_by(entries.c.target, entries.c.number).with_for_update()
)
_TRIES: Final = 3
"""How often a pair is inserted where what it collided with was gone when it was looked for: undone just then."""

_SELECT_SENDING_TO: Final = _SELECT_SENDING.where(entries.c.target == bindparam("this_target"))


def append(transaction: Transaction, entry: Entry) -> Committed:
    """Add a pair; by the same id a second time it is found again.

    Raises:
        DuplicateUid, DuplicateNumber: another live entry of the target has this uid, or (asked next) this number.
        IllegalTransition: the id belongs to another pair, or to one that was taken back.
    """
    for _ in range(_TRIES):
        number = transaction.insert(rows.new_row(entry))
        if number is not None:
            return Committed(rows.new_record(number, entry))
        existing = reading.get(transaction.connection, entry.id)
        if existing is not None:
            if existing.mark is Mark.UNDONE:
                raise IllegalTransition(f"entry {entry.id} was taken back")
            if _pair(existing.entry) != _pair(entry):
                raise IllegalTransition(f"entry {entry.id} is another pair")
            return Committed(existing, again=True)
        if (obstacle := _obstacle(transaction, entry)) is not None:
            raise obstacle
    raise JournalCorrupt(
        f"entry {entry.id} collides with an entry that cannot be found", "run: tagsmith journal verify"
    )


def _pair(entry: Entry) -> tuple[object, ...]:
    """What makes two entries the same pair."""
    return entry.target, entry.uid, entry.visual_number, entry.number_key


def _obstacle(transaction: Transaction, entry: Entry) -> JournalError | None:
    """What stands in the way of this entry now, if anything does."""
    by_uid = reading.find(transaction.connection, entry.target, uid=entry.uid)
    if by_uid is not None:
        return DuplicateUid(f"key {entry.uid} is already paired", by_uid)
    by_number = reading.find(transaction.connection, entry.target, number_key=entry.number_key)
    if by_number is not None:
        return DuplicateNumber(f"number {entry.visual_number} is already used", by_number)
    return None


def undo(transaction: Transaction, entry_id: str, reason: str) -> Record:
    """Take a pair back that was never attempted; undoing it again changes nothing.

    Raises:
        IllegalTransition: an attempt was made, or there is no such entry.
    """
    row = _row(transaction, entry_id)
    record = rows.record(row)
    if record.mark is Mark.UNDONE:
        return record
    if record.mark is not None or record.reservation.state is not LegState.HELD or record.reservation.attempts:
        raise IllegalTransition(f"entry {entry_id} is {record.state} and can no longer be taken back")
    return rows.record(transaction.change(row, Kind.UNDONE, {"mark": Mark.UNDONE.value, "note": reason}))


def void(transaction: Transaction, entry_id: str, reason: str) -> Record:
    """Declare an attempted pair worthless; doing so again changes nothing, not even the reason.

    Raises:
        IllegalTransition: no attempt was made, or there is no such entry.
    """
    row = _row(transaction, entry_id)
    record = rows.record(row)
    if record.mark is Mark.VOID:
        return record
    if record.mark is not None or not record.reservation.attempts:
        raise IllegalTransition(f"entry {entry_id} is {record.state}: nothing was sent that could be void")
    return rows.record(transaction.change(row, Kind.VOID, {"mark": Mark.VOID.value, "note": reason}))


def attempt(transaction: Transaction, entry_id: str, name: LegName, body: str, attempt_id: str) -> str:
    """Record that a delivery is about to be sent; gives the attempt's id.

    Raises:
        IllegalTransition: it must not be sent (now, or with this body), or there is no such entry.
    """
    row = _row(transaction, entry_id)
    record = rows.record(row)
    if record.mark is not None:
        raise IllegalTransition(f"entry {entry_id} is {record.state} and is not sent")
    if name is LegName.ACTIVATION and record.reservation.state is not LegState.DONE:
        raise IllegalTransition(f"entry {entry_id} is {record.state}: only a reserved key can be activated")
    leg = legs.attempt(rows.leg(name, row), attempt_id, body)
    transaction.change(row, Kind.ATTEMPT, rows.leg_columns(name, leg))
    return attempt_id


def settle(transaction: Transaction, entry_id: str, name: LegName, attempt_id: str, settlement: Settlement) -> Record:
    """Record what became of an attempt, whatever a person has marked the entry as meanwhile.

    Raises:
        IllegalTransition: the attempt is not the current one or is settled otherwise, or there is no such entry.
    """
    row = _row(transaction, entry_id)
    leg = legs.settle(rows.leg(name, row), attempt_id, settlement)
    changes = rows.leg_columns(name, leg)
    if name is LegName.RESERVATION and leg.state is LegState.DONE and row["delivered_at"] is None:
        changes["delivered_at"] = transaction.now
    if settlement.contract_id is not None:
        changes["contract_id"] = settlement.contract_id
    return rows.record(transaction.change(row, Kind.SETTLED, changes))


def recover(transaction: Transaction, target: str | None) -> int:
    """Make every attempt under way an unknown one to be repeated; gives how many there were."""
    if target is None:
        found = transaction.connection.execute(_SELECT_SENDING)
    else:
        found = transaction.connection.execute(_SELECT_SENDING_TO, {"this_target": target})
    interrupted = 0
    for mapping in found.mappings().all():
        row: Row = dict(mapping)
        changes: Row = {}
        for name in LegName:
            leg = rows.leg(name, row)
            if leg.state is LegState.SENDING:
                changes |= rows.leg_columns(name, legs.interrupt(leg))
                interrupted += 1
        transaction.change(row, Kind.INTERRUPTED, changes)
    return interrupted


def _row(transaction: Transaction, entry_id: str) -> Row:
    """The row of an entry that is about to change.

    Raises:
        IllegalTransition: there is none.
    """
    row = transaction.row(entry_id)
    if row is None:
        raise IllegalTransition(f"there is no entry {entry_id}")
    return row
