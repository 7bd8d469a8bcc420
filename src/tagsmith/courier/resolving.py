"""How a reservation in doubt is settled by a person's command: by the user's keys, or by an activation that proves it.

Owns what either proves. A reservation cannot be read back, so there is no third way but a person's word. Nothing is
settled without its evidence in the journal; what proves nothing leaves the doubt as it was.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagsmith.courier.policy import CONFLICT, decide, judge_look, unknown_before
from tagsmith.drive import ChargingKey
from tagsmith.errors import DriveError, NotFound
from tagsmith.model import LegName, LegState, Mark, Record, Settlement

if TYPE_CHECKING:
    from tagsmith.drive import DriveClient
    from tagsmith.journal import Journal


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one look: the record as it is now, and words for a person, who heeds an `alarm` at once."""

    record: Record
    words: str
    alarm: bool = False

    @property
    def settled(self) -> bool:
        """Whether the doubt is over."""
        return not in_doubt(self.record)


def in_doubt(record: Record) -> bool:
    """Whether an entry waits for somebody to find out what became of it: nothing asks the API by itself any more."""
    if record.mark is Mark.UNDONE:
        return False
    return any(leg.state is LegState.UNKNOWN and not leg.repeat for leg in (record.reservation, record.activation))


async def keys_of(drive: DriveClient, user_id: str) -> list[ChargingKey]:
    """The keys of a user; none where the API knows no such user.

    Raises:
        DriveError: they cannot be seen.
    """
    try:
        return await drive.list_keys(user_id)
    except NotFound:
        return []


async def by_keys(journal: Journal, record: Record, user_id: str, keys: Sequence[ChargingKey]) -> Finding:
    """Settle an entry by the keys of a user, where they show it; that they do not proves nothing of a reservation.

    Raises:
        JournalError: it could not be recorded, or the entry has changed meanwhile.
    """
    look = judge_look(record, keys)
    settlement = look.settlement
    if settlement is None or settlement.state is LegState.REFUSED:
        if settlement is not None and record.activation.state is LegState.UNKNOWN:
            record = await journal.resolve(record.entry.id, LegName.ACTIVATION, settlement)
        return Finding(record, f"not among the keys of user {user_id}: that proves nothing of its reservation")
    evidence = f"{settlement.message} ({user_id})"
    found = settlement.state is LegState.DONE
    if record.reservation.state is LegState.UNKNOWN:
        state = LegState.DONE if found else LegState.UNKNOWN
        status = 201 if found else record.reservation.status
        record = await journal.resolve(
            record.entry.id, LegName.RESERVATION, Settlement(state, status=status, message=evidence)
        )
    if found and record.activation.state is LegState.UNKNOWN:
        record = await journal.resolve(record.entry.id, LegName.ACTIVATION, settlement)
    return Finding(record, evidence, alarm=bool(look.alarm))


async def by_activation(journal: Journal, drive: DriveClient, record: Record) -> Finding:
    """Activate the key for its user: that the API does so with our uid proves that it holds the pair.

    The attempt is recorded before it is sent, like any other. This cannot be undone.

    Raises:
        IllegalTransition: the reservation is not in doubt, is still asked for by itself, or the entry has no user.
        JournalError: it could not be recorded.
        DriveError: the API cannot be asked just now; the doubt is as it was.
    """
    entry = record.entry
    user_id = entry.user_id or ""
    before = unknown_before(record.activation)
    attempt_id = await journal.attempt_proof(entry.id)
    outcome: ChargingKey | DriveError
    try:
        outcome = await drive.activate(user_id, entry.visual_number)
    except DriveError as error:
        outcome = error
    decision = decide(
        LegName.ACTIVATION, unknown_before=before, outcome=outcome, uid=entry.uid_api, tries=1, rng=random.Random(0)
    )
    evidence = f"proved by its activation for user {user_id}"
    record = await journal.settle_proof(entry.id, attempt_id, decision.settlement, evidence)
    if record.activation.state is LegState.DONE:
        return Finding(record, evidence)
    if decision.alarm and isinstance(outcome, ChargingKey):
        return Finding(record, decision.alarm, alarm=True)
    if isinstance(outcome, DriveError) and decision.settlement.state is LegState.QUEUED:
        raise outcome
    if record.activation.state is LegState.UNKNOWN:
        # It was done after all, or the key is in use: the user's keys tell.
        finding = await by_keys(journal, record, user_id, await keys_of(drive, user_id))
        if finding.settled or finding.alarm or decision.settlement.status != CONFLICT:
            return finding
        return Finding(finding.record, f"the key is in use, and not by user {user_id}: ask whose it is")
    return Finding(record, f"it proves nothing: {decision.settlement.message}")
