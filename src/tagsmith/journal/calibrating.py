"""Calibrations: how one is recorded and found again, and which entries were made in another order than it found.

Recording is the work of one transaction, on the writer's thread; the questions work on any connection.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, Select, and_, bindparam, or_, select, text

from tagsmith.journal import rows
from tagsmith.journal.reading import PAGE
from tagsmith.journal.schema import STORED, calibrations, entries
from tagsmith.journal.writing import Transaction
from tagsmith.model import Calibration, LegState, Record
from tagsmith.uid import ByteOrder

_OF_TARGET: Final = (
    select(calibrations).where(calibrations.c.target == bindparam("this_target")).order_by(calibrations.c.number.desc())
)
_LATEST: Final = _OF_TARGET.limit(1)

_IN_OTHER_ORDER: Final = (
    select(*STORED)
    .where(
        entries.c.target == bindparam("this_target"),
        entries.c.number > bindparam("after"),
        entries.c.uid_order != bindparam("this_order"),
        text("live = 1"),
    )
    .order_by(entries.c.number)
    .limit(PAGE)
)
_NOT_SENT: Final = or_(
    entries.c.reservation_state == LegState.HELD.value, entries.c.reservation_state == LegState.QUEUED.value
)
_PERHAPS: Final = entries.c.reservation_repeat == 1
"""An earlier attempt ended unknown; that outlives later ones that were proved not processed."""
_SENT: Final = _IN_OTHER_ORDER.where(
    or_(
        *(entries.c.reservation_state == state.value for state in (LegState.SENDING, LegState.UNKNOWN, LegState.DONE)),
        and_(_NOT_SENT, _PERHAPS),
    )
)
_WAITING: Final = _IN_OTHER_ORDER.where(_NOT_SENT, ~_PERHAPS, entries.c.mark.is_(None))


def record(transaction: Transaction, calibration: Calibration) -> None:
    """Add a calibration; the very same one as the target's last is only found again."""
    if latest(transaction.connection, calibration.target) != calibration:
        transaction.insert_calibration(rows.calibration_row(calibration))


def latest(connection: Connection, target: str) -> Calibration | None:
    """The target's last calibration."""
    found = _found(connection, _LATEST, target)
    return found[0] if found else None


def history(connection: Connection, target: str) -> list[Calibration]:
    """Every calibration of the target, oldest first."""
    return _found(connection, _OF_TARGET, target)[::-1]


def in_other_order(
    connection: Connection, target: str, order: ByteOrder, after: int, *, sent: bool
) -> tuple[list[Record], int | None]:
    """The next live records whose UID stands otherwise than `order` would write it, and after which number to go on.

    The number is nothing when there are no more. A UID that reads the same both ways is in no wrong order.

    `sent`: the API has the pair, or perhaps has it. Otherwise: it certainly has it not, and the pair is still to be
    sent. What the API refused is neither.
    """
    statement: Select[Any] = _SENT if sent else _WAITING
    parameters = {"this_target": target, "this_order": order.value, "after": after}
    page = [rows.record(row) for row in connection.execute(statement, parameters).mappings()]
    last = page[-1].number if len(page) == PAGE else None
    return [one for one in page if one.entry.uid_api != one.entry.uid.for_api(order)], last


def _found(connection: Connection, statement: Select[Any], target: str) -> list[Calibration]:
    """The calibrations a statement finds."""
    return [rows.calibration(row) for row in connection.execute(statement, {"this_target": target}).mappings()]
