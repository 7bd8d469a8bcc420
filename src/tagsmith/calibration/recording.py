"""From what the readers proved to the durable record, and what follows from it for what was already made."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tagsmith.calibration import telling
from tagsmith.calibration.results import WRONG, Outcome
from tagsmith.calibration.session import Person
from tagsmith.journal import Journal
from tagsmith.model import Calibration, Record
from tagsmith.readers.proof import not_compared, order_is_set
from tagsmith.uid import ByteOrder, settle_order

LISTED: Final = 10
"""Entries in the other order that are told one by one."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is the same for every key and reader of one calibration. `configured` is `[uid] order`, where it is set.

    `lanes` are the specs of the station's readers, calibrated now or not.
    """

    target: str
    user_id: str
    by: str
    station: str
    configured: ByteOrder | None = None
    lanes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Others:
    """Entries whose UID stands in another order than the one that was found: how many, and the first of them."""

    count: int = 0
    first: tuple[Record, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What a calibration came to, and what was recorded of it (nothing, where it proves no order).

    `former` is the record that counted before; `conflict` is set, in plain words, where the settings state another
    order than the record that counts now, and nothing is sent until they agree. `sent` and `waiting` are the entries
    that were sent, or would be, in another order than the one found. `not_compared` are the readers of the station
    that no calibration has found right.
    """

    outcome: Outcome
    recorded: tuple[Calibration, ...] = ()
    former: Calibration | None = None
    conflict: str = ""
    sent: Others = Others()
    waiting: Others = Others()
    not_compared: tuple[str, ...] = ()
    message: str = ""
    remedy: str = ""

    @property
    def ok(self) -> bool:
        """Whether a conclusion was recorded and no reader was found that must not be used as it is."""
        return bool(self.recorded) and not any(one.standing in WRONG for one in self.outcome.readers)


def obstacle(outcome: Outcome, former: Calibration | None, person: Person) -> Report | None:
    """Why nothing is to be recorded; None where it is. Where the order turns, the person is asked."""
    if outcome.order is None:
        return Report(outcome, former=former, message=outcome.message, remedy=outcome.remedy)
    if former is not None and former.order is not outcome.order:
        person.say(telling.turned(former, outcome.order))
        if not person.ask("Record it all the same? From then on pairs are made in the new order.", alone=True):
            return Report(outcome, former=former, message="Nothing was recorded, as you wished.")
    return None


async def record(
    journal: Journal, outcome: Outcome, about: Circumstances, former: Calibration | None, now: datetime
) -> Report:
    """Record each proof of an outcome with an order, and look for what was made in another one; `now` is aware.

    Asks nobody: see `obstacle`. Blocks while the entries of the target are looked at.

    Raises:
        JournalError: it could not be recorded.
    """
    assert outcome.order is not None
    recorded = tuple(
        Calibration(
            target=about.target,
            order=outcome.order,
            uid=proof.uid,
            key_id=proof.key.key_id,
            user_id=about.user_id,
            # Where the order is a setting it is the settings that were found right, not the device.
            reader=proof.spec if order_is_set(proof.spec) else proof.reader,
            by=about.by,
            station=about.station,
            at=now,
        )
        for proof in outcome.proofs
    )
    for one in recorded:
        await journal.record_calibration(one)
    return Report(
        outcome,
        recorded,
        former,
        settle_order(about.configured, outcome.order).conflict,
        _others(journal.sent_in_other_order(about.target, outcome.order)),
        _others(journal.waiting_in_other_order(about.target, outcome.order)),
        not_compared(about.lanes, outcome.order, await journal.calibrations(about.target)),
    )


def _others(records: Iterator[Record]) -> Others:
    first = tuple(itertools.islice(records, LISTED))
    return Others(len(first) + sum(1 for _ in records), first)
