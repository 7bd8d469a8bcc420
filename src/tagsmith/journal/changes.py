"""What may be done to an entry; each function is the work of one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import bindparam, func, select, text

from tagsmith.errors import (
    BatchError,
    DuplicateNumber,
    DuplicateUid,
    IllegalTransition,
    JournalCorrupt,
    JournalError,
    Replaced,
)
from tagsmith.journal import batches, legs, reading, rows
from tagsmith.journal.chain import Kind
from tagsmith.journal.rows import Row
from tagsmith.journal.schema import SENDING, STORED, couriers, entries
from tagsmith.journal.writing import Transaction
from tagsmith.model import Committed, Correction, Entry, LegName, LegState, Mark, Record, Settlement, Tenure

# In the order of the index, which is otherwise passed over for a walk through all entries.
_SELECT_SENDING: Final = (
    select(*STORED).where(text(f"({SENDING})")).order_by(entries.c.target, entries.c.number).with_for_update()
)
_TRIES: Final = 3
"""How often a pair is inserted where what it collided with was gone when it was looked for: undone just then."""

# What waits for its check is not open, but another copy of the journal may have checked and sent it.
_SELECT_UNSENT: Final = (
    select(*STORED)
    .where(text("(open = 1 OR (checked = 0 AND mark IS NULL))"))
    .order_by(entries.c.target, entries.c.number)
    .with_for_update()
)
_TERM: Final = select(func.max(couriers.c.number))
_LATEST_COURIER: Final = select(couriers.c.number).order_by(couriers.c.number.desc()).limit(1)
# An attempt and a take-over wait for each other: the one that is second sees what the first has done.
_SHARE_TERM: Final = _LATEST_COURIER.with_for_update(read=True)
_END_TERM: Final = _LATEST_COURIER.with_for_update()
_SELECT_SENDING_TO: Final = _SELECT_SENDING.where(entries.c.target == bindparam("this_target"))


def append(transaction: Transaction, entry: Entry) -> Committed:
    """Add a pair; by the same id a second time it is found again.

    Raises:
        DuplicateUid, DuplicateNumber: another live entry of the target has this uid, or (asked next) this number.
        IllegalTransition: the id belongs to another pair, or to one that was taken back.
        BatchError: its batch is closed.
    """
    closed = entry.batch is not None and batches.is_closed(transaction.connection, entry.batch)
    for _ in range(_TRIES):
        number = None if closed else transaction.insert(rows.new_row(entry))
        if number is not None:
            return Committed(rows.new_record(number, entry))
        existing = reading.get(transaction.connection, entry.id)
        if existing is not None:
            if existing.mark is Mark.UNDONE:
                raise IllegalTransition(f"entry {entry.id} was taken back")
            if _pair(existing.entry) != _pair(entry):
                raise IllegalTransition(f"entry {entry.id} is another pair")
            return Committed(existing, again=True)
        if closed:
            raise BatchError("the batch is closed", "choose another batch")
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


def pass_check(transaction: Transaction, entry_ids: Sequence[str], by: str) -> list[Record]:
    """Have entries sent from now on that waited for a check: it has passed. What did not wait is left as it is.

    So is what was taken back meanwhile. Gives the records in the order of the ids.

    Raises:
        IllegalTransition: there is no such entry.
    """
    passed: dict[str, Record] = {}
    # In one order, so that two stations do not wait for each other for ever.
    for entry_id in sorted(set(entry_ids)):
        row = _row(transaction, entry_id)
        if row["mark"] is None:
            row = transaction.change(row, Kind.CHECKED, {"checked": 1}, by=by)
        passed[entry_id] = rows.record(row)
    return [passed[entry_id] for entry_id in entry_ids]


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


def attempt(
    transaction: Transaction,
    entry_id: str,
    name: LegName,
    body: str,
    attempt_id: str,
    *,
    term: int | None = None,
    day: str | None = None,
    requests: int = 1,
    believed: Entry | None = None,
) -> str:
    """Record that a delivery is about to be sent; gives the attempt's id. `day` gets the requests it is counted with.

    Raises:
        Replaced: `term` is not the present one.
        IllegalTransition: it must not be sent (now, or with this body), it is not as `believed` any more, or there is
            no such entry.
    """
    if term is not None and not _in_term(transaction, term):
        raise Replaced("another process has taken delivery over", "nothing is to be done: that one delivers")
    row = _row(transaction, entry_id)
    record = rows.record(row)
    if record.mark is not None:
        raise IllegalTransition(f"entry {entry_id} is {record.state} and is not sent")
    if not record.checked:
        raise IllegalTransition(f"entry {entry_id} is not sent before the check that covers it has passed")
    if name is LegName.ACTIVATION and record.reservation.state is not LegState.DONE:
        raise IllegalTransition(f"entry {entry_id} is {record.state}: only a reserved key can be activated")
    if believed is not None and _correctable(record.entry) != _correctable(believed):
        raise IllegalTransition(f"entry {entry_id} was corrected meanwhile")
    leg = legs.attempt(rows.leg(name, row), attempt_id, body)
    transaction.change(row, Kind.ATTEMPT, rows.leg_columns(name, leg))
    if day is not None:
        transaction.count_requests(record.entry.target, day, requests)
    return attempt_id


def _correctable(entry: Entry) -> tuple[object, ...]:
    """What a person may correct of an entry."""
    return entry.user_id, entry.key_type, entry.valid_from, entry.valid_to


def _in_term(transaction: Transaction, term: int) -> bool:
    """Whether this is the present term, which does not end before the transaction does."""
    connection = transaction.connection
    if connection.dialect.name == "sqlite":  # the write lock is held already
        return bool(connection.scalar(_TERM) == term)
    # Asked again: what a row lock was waited for is seen by the statement after it.
    return connection.scalar(_SHARE_TERM) == term and connection.scalar(_TERM) == term


def attempt_proof(transaction: Transaction, entry_id: str, attempt_id: str) -> str:
    """Record that the activation of an entry is about to be sent as the proof of a reservation in doubt.

    Raises:
        IllegalTransition: its reservation is not in doubt or is still asked for again, it has no user, it is marked, or
            it waits for its check.
    """
    row = _row(transaction, entry_id)
    record = rows.record(row)
    leg = record.reservation
    if record.mark is not None or leg.state is not LegState.UNKNOWN or leg.repeat or not record.checked:
        raise IllegalTransition(f"entry {entry_id} has no reservation in doubt that an activation could prove")
    activation = record.activation
    if activation.state is LegState.UNKNOWN:
        activation = replace(activation, repeat=True)
    sent = legs.attempt(activation, attempt_id, "")
    transaction.change(row, Kind.ATTEMPT, rows.leg_columns(LegName.ACTIVATION, sent))
    return attempt_id


def settle_proof(
    transaction: Transaction, entry_id: str, attempt_id: str, settlement: Settlement, evidence: str
) -> Record:
    """Record what became of a proof: where the activation is done, so is the reservation.

    Raises:
        IllegalTransition: the attempt is not the current one or is settled otherwise, or there is no such entry.
    """
    row = _row(transaction, entry_id)
    record = rows.record(row)
    changes = rows.leg_columns(LegName.ACTIVATION, legs.settle(record.activation, attempt_id, settlement))
    if settlement.contract_id is not None:
        changes["contract_id"] = settlement.contract_id
    if settlement.state is LegState.DONE and record.reservation.state is LegState.UNKNOWN:
        proved = legs.resolve(record.reservation, Settlement(LegState.DONE, status=201, message=evidence))
        changes |= rows.leg_columns(LegName.RESERVATION, proved) | {"delivered_at": transaction.now}
    return rows.record(transaction.change(row, Kind.RESOLVED, changes))


def resolve(
    transaction: Transaction,
    entry_id: str,
    name: LegName,
    settlement: Settlement,
    *,
    attempt_id: str | None = None,
) -> Record:
    """Settle a delivery in doubt by evidence or a person's word, which the settlement's message tells.

    Raises:
        IllegalTransition: it is not in doubt (any more), another attempt was made since, or there is no such entry.
    """
    row = _row(transaction, entry_id)
    leg = rows.leg(name, row)
    if attempt_id is not None and leg.attempt_id != attempt_id:
        raise IllegalTransition(f"another attempt of entry {entry_id} was made meanwhile")
    resolved = legs.resolve(leg, settlement)
    changes = rows.leg_columns(name, resolved)
    if name is LegName.RESERVATION and resolved.state is LegState.DONE:
        changes["delivered_at"] = transaction.now
    if settlement.contract_id is not None:
        changes["contract_id"] = settlement.contract_id
    return rows.record(transaction.change(row, Kind.RESOLVED, changes))


def retry(transaction: Transaction, entry_id: str) -> Record:
    """Have a delivery sent again as it was: the reservation if that was refused or waits in doubt, else the activation.

    Raises:
        IllegalTransition: neither was, the entry is marked, or there is none.
    """
    row = _row(transaction, entry_id)
    record = rows.record(row)
    if record.mark is not None:
        raise IllegalTransition(f"entry {entry_id} is {record.state} and is not sent")
    settled = record.reservation.state is LegState.DONE
    name, leg = (LegName.ACTIVATION, record.activation) if settled else (LegName.RESERVATION, record.reservation)
    return rows.record(transaction.change(row, Kind.RETRIED, rows.leg_columns(name, legs.retry(leg))))


def correct(transaction: Transaction, entry_id: str, correction: Correction) -> Record:
    """Correct what the API has not taken: the user until it is activated, the rest until it is reserved.

    What was refused is sent again. An entry that had no user is to be activated from now on.

    Raises:
        IllegalTransition: the API has it, or perhaps has it; the entry is marked, or there is none.
    """
    row = _row(transaction, entry_id)
    record = rows.record(row)
    if record.mark is not None:
        raise IllegalTransition(f"entry {entry_id} is {record.state} and is not sent")
    changes: Row = {}
    if correction.user_id is not None:
        changes |= {
            "user_id": correction.user_id,
            **rows.leg_columns(LegName.ACTIVATION, legs.renew(record.activation)),
        }
    of_pair: Row = {
        "key_type": None if correction.key_type is None else correction.key_type.value,
        "valid_from": correction.valid_from,
        "valid_to": correction.valid_to,
    }
    given = {column: value for column, value in of_pair.items() if value is not None}
    if given:
        changes |= given | rows.leg_columns(LegName.RESERVATION, legs.renew(record.reservation))
    return rows.record(transaction.change(row, Kind.CORRECTED, changes))


def doubt_open(transaction: Transaction) -> int:
    """Put in doubt whatever is left to send, now or after its check, of every target; gives how many deliveries."""
    doubted = 0
    found = transaction.connection.execute(_SELECT_UNSENT).mappings().all()
    for mapping in found:
        row: Row = dict(mapping)
        changes: Row = {}
        for name in LegName:
            leg = rows.leg(name, row)
            if leg.state in (LegState.HELD, LegState.QUEUED):
                changes |= rows.leg_columns(name, legs.doubt(leg))
                doubted += 1
        transaction.change(row, Kind.DOUBTED, changes)
    return doubted


def take_over(transaction: Transaction, target: str, holder: str) -> Tenure:
    """Begin a term: only its holder's attempts are recorded from now on. What was under way is unknown."""
    transaction.connection.execute(_END_TERM)
    row: Row = {"target": target, "holder": holder, "station": transaction.station, "at": transaction.now}
    term = transaction.insert_courier(row)
    return Tenure(term, recover(transaction, target))


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
