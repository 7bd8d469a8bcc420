"""The journal as the courier uses it: the same calls, with patience for its failures.

Owns the two rules that keep delivery honest when the disc does not cooperate: what could not be recorded is not sent,
and an outcome in hand is written until it is written, never asked for again.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from tagsmith.courier.policy import backoff_s, leg_of, not_sent, unknown_before
from tagsmith.errors import IllegalTransition, JournalError, Replaced
from tagsmith.model import LegName, LegState, Record, Settlement

if TYPE_CHECKING:
    from tagsmith.journal import Journal

_log = logging.getLogger(__name__)

PATIENCE_CAP_S = 15.0
"""The longest pause between tries while the journal fails: somebody makes room on a disc and wants to see it go on."""


class Patience:
    """How a thing that fails is tried again. `trouble` says what it fails with just now, "" while it works.

    `changed` is called when `trouble` begins, changes or ends. Times are seconds of the given monotonic clock.
    """

    def __init__(
        self, what: str, *, clock: Callable[[], float], rng: random.Random, changed: Callable[[], None]
    ) -> None:
        self._what = what
        self._clock = clock
        self._rng = rng
        self._changed = changed
        self._until = 0.0
        self.failures = 0
        """Failures in a row."""
        self.trouble = ""

    def wait_s(self) -> float:
        """Seconds until it is worth another try; 0 while it works."""
        return max(0.0, self._until - self._clock()) if self.failures else 0.0

    def failed(self, error: JournalError) -> float:
        """Note one failure; returns how long to leave it alone, in seconds."""
        self.failures += 1
        pause_s = backoff_s(self.failures, self._rng, cap_s=PATIENCE_CAP_S)
        self._until = self._clock() + pause_s
        _log.warning("%s, trying again in %.1f s: %s", self._what, pause_s, error)
        self._say(f"{self._what}: {error}")
        return pause_s

    def worked(self) -> None:
        """It did what it was asked."""
        self.failures = 0
        self._say("")

    def _say(self, trouble: str) -> None:
        if trouble != self.trouble:
            self.trouble = trouble
            self._changed()


class Ledger:
    """Attempts and settlements of one courier; `writes` is the patience with their failures."""

    def __init__(self, journal: Journal, writes: Patience) -> None:
        self._journal = journal
        self.writes = writes
        self.term: int | None = None
        """The term in which attempts are recorded; None while this courier has not taken over, or was replaced."""

    async def attempt(self, record: Record, name: LegName, body: str, *, day: str, requests: int) -> str | None:
        """Record an attempt durably, before it is sent; its id, or None: then nothing may be sent.

        With it goes how many requests were made of this day's share since the last one.
        """
        if self.term is None:
            return None
        try:
            attempt_id = await self._journal.attempt(
                record.entry.id,
                name,
                body,
                term=self.term,
                day=day,
                requests=requests,
                believed=record.entry,
            )
        except Replaced as error:
            self.writes.worked()
            self.term = None
            _log.error("%s: nothing more is sent in the old term", error.message)
            return None
        except IllegalTransition as error:
            # Taken back in the hold window, or marked by a person: that is what the journal is asked for.
            self.writes.worked()
            _log.debug("%s of %s is not to be sent: %s", name, record.entry.id, error)
            return None
        except JournalError as error:
            self.writes.failed(error)
            if error.perhaps:
                await self._withdraw_if_recorded(record, name)
            return None
        self.writes.worked()
        return attempt_id

    async def withdraw(self, record: Record, name: LegName, attempt_id: str) -> Record | None:
        """Settle an attempt that was recorded and then not sent."""
        before = unknown_before(leg_of(record, name))
        settlement = not_sent(name, unknown_before=before, message="recorded, then not sent")
        return await self.settle(record.entry.id, name, attempt_id, settlement)

    async def settle(self, entry_id: str, name: LegName, attempt_id: str, settlement: Settlement) -> Record | None:
        """Write an outcome until it is written; None when the journal says that it is not this attempt's to write.

        Never gives up by itself; when it is cancelled, or the process dies, the leg stays `sending` in the journal,
        which the next start takes for an unknown outcome.
        """
        return await self._write(
            entry_id, settlement, lambda: self._journal.settle(entry_id, name, attempt_id, settlement)
        )

    async def resolve(self, record: Record, name: LegName, settlement: Settlement) -> Record | None:
        """Write, as patiently, what evidence says of a leg in doubt; None where another attempt was made since."""
        entry_id, leg = record.entry.id, leg_of(record, name)
        return await self._write(
            entry_id,
            settlement,
            lambda: self._journal.resolve(entry_id, name, settlement, attempt_id=leg.attempt_id),
        )

    async def _write(
        self, entry_id: str, settlement: Settlement, write: Callable[[], Awaitable[Record]]
    ) -> Record | None:
        while True:
            try:
                settled = await write()
            except IllegalTransition as error:
                self.writes.worked()
                _log.error("the outcome of %s (%s) was not recorded: %s", entry_id, settlement.state, error)
                return None
            except JournalError as error:
                # Perhaps it was written all the same: the journal takes the same settlement twice.
                await asyncio.sleep(self.writes.failed(error))
            else:
                self.writes.worked()
                return settled

    async def _withdraw_if_recorded(self, record: Record, name: LegName) -> None:
        """The attempt's answer was lost: if it stands in the journal, say there that nothing was sent.

        Only the active courier makes attempts, and this one has sent nothing for this leg, so a `sending` there is
        the lost one.
        """
        while True:
            try:
                now = await self._journal.get(record.entry.id)
            except JournalError as error:
                await asyncio.sleep(self.writes.failed(error))
                continue
            leg = leg_of(now, name) if now is not None else None
            if leg is not None and leg.state is LegState.SENDING and leg.attempt_id is not None:
                await self.withdraw(record, name, leg.attempt_id)
            return
