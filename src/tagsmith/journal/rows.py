"""Between a row and the value it stands for: the one place that knows how each value is written. Pure."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

from tagsmith.errors import JournalCorrupt, UidError
from tagsmith.model import Calibration, Entry, KeyType, Leg, LegName, LegState, Mark, Record, State
from tagsmith.production import Batch, ManifestLine, RejectedKey, Sequence, Shift, Verification
from tagsmith.uid import ByteOrder, Technology, Uid

Value: TypeAlias = str | int | None
Row: TypeAlias = dict[str, Value]
"""Column name → value, without the columns that the database computes."""

Columns: TypeAlias = Mapping[Any, Any]
"""The same as the database gives it."""


def utc_text(at: datetime) -> str:
    """ISO 8601 in UTC with microseconds and `Z`: always as long, so that text sorts as time does.

    Raises:
        ValueError: the time has no zone.
    """
    if at.tzinfo is None:
        raise ValueError("a recorded time needs its zone")
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def new_record(number: int, entry: Entry) -> Record:
    """The record of an entry that was just appended: nothing sent yet, an activation only where there is a user."""
    activation = Leg() if entry.user_id is None else Leg(LegState.HELD)
    return Record(number, entry, Leg(LegState.HELD), activation, checked=not entry.needs_check)


def new_row(entry: Entry) -> Row:
    """The row of `new_record`; all but its number."""
    new = new_record(0, entry)
    return {
        "id": entry.id,
        "target": entry.target,
        "uid": entry.uid.wire,
        "technology": entry.uid.technology.value,
        "uid_order": entry.uid_order.value,
        "uid_api": entry.uid_api,
        "visual_number": entry.visual_number,
        "number_key": entry.number_key,
        "user_id": entry.user_id,
        "key_type": None if entry.key_type is None else entry.key_type.value,
        "valid_from": entry.valid_from,
        "valid_to": entry.valid_to,
        "lane": entry.lane,
        "station": entry.station,
        "reader": entry.reader,
        "warnings": json.dumps(entry.warnings),
        "paired_at": utc_text(entry.paired_at),
        **leg_columns(LegName.RESERVATION, new.reservation),
        **leg_columns(LegName.ACTIVATION, new.activation),
        "mark": None,
        "delivered_at": None,
        "contract_id": None,
        "note": "",
        "batch": entry.batch,
        "operator": entry.operator,
        "needs_check": int(entry.needs_check),
        "checked": int(new.checked),
    }


def leg_columns(name: LegName, leg: Leg) -> Row:
    """What the row holds of one delivery."""
    prefix = name.value
    return {
        f"{prefix}_state": leg.state.value,
        f"{prefix}_attempts": leg.attempts,
        f"{prefix}_attempt_id": leg.attempt_id,
        f"{prefix}_body": leg.body,
        f"{prefix}_repeat": int(leg.repeat),
        f"{prefix}_status": leg.status,
        f"{prefix}_message": leg.message,
    }


def leg(name: LegName, row: Columns) -> Leg:
    """One delivery out of a row.

    Raises:
        ValueError: the row holds a state that does not exist.
    """
    prefix = name.value
    return Leg(
        state=LegState(row[f"{prefix}_state"]),
        attempts=row[f"{prefix}_attempts"],
        attempt_id=row[f"{prefix}_attempt_id"],
        body=row[f"{prefix}_body"],
        repeat=bool(row[f"{prefix}_repeat"]),
        status=row[f"{prefix}_status"],
        message=row[f"{prefix}_message"],
    )


def record(row: Columns) -> Record:
    """The record a row stands for.

    Raises:
        JournalCorrupt: the row holds values that nobody writes.
    """
    try:
        return Record(
            number=row["number"],
            entry=_entry(row),
            reservation=leg(LegName.RESERVATION, row),
            activation=leg(LegName.ACTIVATION, row),
            mark=None if row["mark"] is None else Mark(row["mark"]),
            delivered_at=None if row["delivered_at"] is None else datetime.fromisoformat(row["delivered_at"]),
            contract_id=row["contract_id"],
            note=row["note"],
            checked=bool(row["checked"]),
        )
    except (ValueError, TypeError, UidError) as error:
        raise JournalCorrupt(
            f"entry {row['number']} of the journal cannot be read: {error}", "run: tagsmith journal verify"
        ) from error


def _entry(row: Columns) -> Entry:
    """The pair a row was made of.

    Raises:
        ValueError, TypeError, UidError: values that nobody writes.
    """
    return Entry(
        id=row["id"],
        target=row["target"],
        uid=Uid.from_hex(row["uid"], technology=Technology(row["technology"])),
        uid_order=ByteOrder(row["uid_order"]),
        visual_number=row["visual_number"],
        number_key=row["number_key"],
        paired_at=datetime.fromisoformat(row["paired_at"]),
        lane=row["lane"],
        station=row["station"],
        reader=row["reader"],
        user_id=row["user_id"],
        key_type=None if row["key_type"] is None else KeyType(row["key_type"]),
        valid_from=row["valid_from"],
        valid_to=row["valid_to"],
        warnings=tuple(json.loads(row["warnings"])),
        batch=row["batch"],
        operator=row["operator"],
        needs_check=bool(row["needs_check"]),
    )


def calibration_row(calibration: Calibration) -> Row:
    """The row of a calibration; all but its number."""
    return {
        "target": calibration.target,
        "uid_order": calibration.order.value,
        "uid": calibration.uid.wire,
        "technology": calibration.uid.technology.value,
        "key_id": calibration.key_id,
        "user_id": calibration.user_id,
        "reader": calibration.reader,
        "done_by": calibration.by,
        "station": calibration.station,
        "at": utc_text(calibration.at),
    }


def calibration(row: Columns) -> Calibration:
    """The calibration a row stands for.

    Raises:
        JournalCorrupt: the row holds values that nobody writes.
    """
    try:
        return Calibration(
            target=row["target"],
            order=ByteOrder(row["uid_order"]),
            uid=Uid.from_hex(row["uid"], technology=Technology(row["technology"])),
            key_id=row["key_id"],
            user_id=row["user_id"],
            reader=row["reader"],
            by=row["done_by"],
            station=row["station"],
            at=datetime.fromisoformat(row["at"]),
        )
    except (ValueError, TypeError, UidError) as error:
        raise JournalCorrupt(
            f"calibration {row['number']} of the journal cannot be read: {error}", "run: tagsmith journal verify"
        ) from error


def batch_row(batch: Batch, station: str) -> Row:
    """The row of a batch; all but its number."""
    return {
        "id": batch.id,
        "target": batch.target,
        "name": batch.name,
        "key_type": batch.key_type,
        "valid_from": batch.valid_from,
        "valid_to": batch.valid_to,
        "user_id": batch.user_id,
        "goal": batch.goal,
        "pattern": batch.pattern,
        "check_digit": batch.check_digit,
        "upper_case": int(batch.upper_case),
        "sequence": batch.sequence.value,
        "verification": batch.verification.value,
        "every": batch.every,
        "created_by": batch.created_by,
        "created_at": utc_text(batch.created_at),
        "station": station,
    }


def batch(row: Columns) -> Batch:
    """The batch a row stands for, which has the size of its manifest and its closing too.

    Raises:
        JournalCorrupt: the row holds values that nobody writes.
    """
    try:
        return Batch(
            id=row["id"],
            name=row["name"],
            target=row["target"],
            created_at=datetime.fromisoformat(row["created_at"]),
            created_by=row["created_by"],
            key_type=row["key_type"],
            valid_from=row["valid_from"],
            valid_to=row["valid_to"],
            user_id=row["user_id"],
            goal=row["goal"],
            pattern=row["pattern"],
            check_digit=row["check_digit"],
            upper_case=bool(row["upper_case"]),
            sequence=Sequence(row["sequence"]),
            verification=Verification(row["verification"]),
            every=row["every"],
            size=row["size"],
            closed_at=_time(row["closed_at"]),
            closed_by=row["closed_by"],
        )
    except (ValueError, TypeError) as error:
        raise _unreadable("batch", row["number"], error) from error


def line_row(batch_id: str, line: ManifestLine) -> Row:
    """The row of a line of a manifest."""
    return {
        "batch": batch_id,
        "position": line.position,
        "visual_number": line.visual_number,
        "number_key": line.number_key,
        **_uid_columns(line.uid),
    }


def line(row: Columns) -> ManifestLine:
    """The line of a manifest that a row stands for, which has why it was skipped too.

    Raises:
        JournalCorrupt: the row holds values that nobody writes.
    """
    try:
        return ManifestLine(row["position"], row["visual_number"], row["number_key"], _uid(row), skipped=row["skipped"])
    except (ValueError, TypeError, UidError) as error:
        raise _unreadable("line", row["position"], error) from error


def reject_row(target: str, station: str, key: RejectedKey) -> Row:
    """The row of a key that was put aside; all but its number."""
    return {
        "target": target,
        "station": station,
        "cause": str(key.cause),
        "at": utc_text(key.at),
        "lane": key.lane,
        "visual_number": key.visual_number,
        **_uid_columns(key.uid),
        "batch": key.batch,
        "operator": key.operator,
        "note": key.note,
    }


def reject(row: Columns) -> RejectedKey:
    """The key that was put aside which a row stands for.

    Raises:
        JournalCorrupt: the row holds values that nobody writes.
    """
    try:
        return RejectedKey(
            cause=row["cause"],
            at=datetime.fromisoformat(row["at"]),
            lane=row["lane"],
            visual_number=row["visual_number"],
            uid=_uid(row),
            batch=row["batch"],
            operator=row["operator"],
            note=row["note"],
        )
    except (ValueError, TypeError, UidError) as error:
        raise _unreadable("reject", row["number"], error) from error


def shift_row(shift: Shift) -> Row:
    """The row of a shift; all but its number."""
    return {
        "id": shift.id,
        "station": shift.station,
        "operator": shift.operator,
        "started_at": utc_text(shift.started_at),
        "ended_at": None if shift.ended_at is None else utc_text(shift.ended_at),
        "recoveries": shift.recoveries,
    }


def shift(row: Columns) -> Shift:
    """The shift a row stands for.

    Raises:
        JournalCorrupt: the row holds values that nobody writes.
    """
    try:
        return Shift(
            id=row["id"],
            station=row["station"],
            operator=row["operator"],
            started_at=datetime.fromisoformat(row["started_at"]),
            ended_at=_time(row["ended_at"]),
            recoveries=row["recoveries"],
        )
    except (ValueError, TypeError) as error:
        raise _unreadable("shift", row["number"], error) from error


def _uid_columns(uid: Uid | None) -> Row:
    return {"uid": None if uid is None else uid.wire, "technology": None if uid is None else uid.technology.value}


def _uid(row: Columns) -> Uid | None:
    if row["uid"] is None:
        return None
    return Uid.from_hex(row["uid"], technology=Technology(row["technology"]))


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _unreadable(what: str, which: object, error: Exception) -> JournalCorrupt:
    return JournalCorrupt(f"{what} {which} of the journal cannot be read: {error}", "run: tagsmith journal verify")


_NO_PAIR = Entry("", "", Uid(b"\0"), ByteOrder.WIRE, "", "", datetime.min.replace(tzinfo=UTC))


@functools.cache
def shown(reservation: str, activation: str, mark: str | None) -> State:
    """What is shown for any entry whose legs and mark stand so; `Record` alone knows the rule.

    Raises:
        JournalCorrupt: values that nobody writes.
    """
    try:
        legs = Leg(LegState(reservation)), Leg(LegState(activation))
        return Record(0, _NO_PAIR, *legs, mark=None if mark is None else Mark(mark)).state
    except (ValueError, KeyError) as error:
        raise JournalCorrupt(
            f"the journal holds an impossible state: {error}", "run: tagsmith journal verify"
        ) from error
