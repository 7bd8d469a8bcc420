"""One request: recorded, sent, judged, written back.

Owns the order of those four steps, what is remembered of entries that have to be tried again, and the end of all
sending when the API turns the key away. Which entry is sent, and when, is the courier's.
"""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from tagsmith.courier.api_clock import ApiClock
from tagsmith.courier.board import Board
from tagsmith.courier.gate import Gate
from tagsmith.courier.ledger import Ledger
from tagsmith.courier.limiter import Limiter
from tagsmith.courier.policy import (
    Decision,
    Reach,
    backoff_s,
    decide,
    first_body,
    judge_look,
    leg_of,
    unknown_before,
)
from tagsmith.drive import ChargingKey, Receipt
from tagsmith.errors import DriveError, NotFound, OutcomeUnknown, Refused
from tagsmith.model import Entry, LegName, LegState, Record

if TYPE_CHECKING:
    from tagsmith.drive import DriveClient

_log = logging.getLogger(__name__)

BALKED_S = 2.0
"""How long an entry is left alone that the journal did not let be sent."""
VAIN_TRIES = 5
"""Tries without a result after which an entry counts as one that cannot be sent now."""


class Sender:
    """Sends single legs of entries; several calls of `deliver` may be under way at once.

    `gate` and `limiter` are told of every request; asking them before is the caller's.
    """

    def __init__(
        self,
        ledger: Ledger,
        drive: DriveClient,
        *,
        gate: Gate,
        limiter: Limiter,
        api_clock: ApiClock,
        board: Board,
        clock: Callable[[], float],
        rng: random.Random,
        utcnow: Callable[[], datetime],
    ) -> None:
        self._ledger = ledger
        self._drive = drive
        self._gate = gate
        self._limiter = limiter
        self._api_clock = api_clock
        self._board = board
        self._clock = clock
        self._rng = rng
        self._utcnow = utcnow
        self._not_before: dict[str, float] = {}
        self._tries: dict[str, int] = {}
        self._unsent: set[str] = set()
        self._looked: set[str] = set()
        self.stopped = ""
        """Why nothing more is sent by this process: the API turned the key away; empty while it did not."""
        self.ending = False
        """Set when nothing more is to be sent because the courier ends."""

    @property
    def unsent(self) -> int:
        """Requests that are expected and have not left yet."""
        return len(self._unsent)

    def resting(self) -> Iterable[str]:
        """The entries that are not to be tried yet."""
        now = self._clock()
        self._not_before = {entry_id: at for entry_id, at in self._not_before.items() if at > now}
        return self._not_before.keys()

    def next_at(self) -> float:
        """When the first of them may be tried again; inf when there is none."""
        return min(self._not_before.values(), default=math.inf)

    def vain(self) -> list[str]:
        """The entries that were tried `VAIN_TRIES` times without a result, or cannot be sent at all."""
        return [entry_id for entry_id, tries in self._tries.items() if tries >= VAIN_TRIES]

    def rest(self, entry_id: str, for_s: float) -> None:
        """Leave an entry alone for so long."""
        self._not_before[entry_id] = self._clock() + for_s

    def expect(self, entry_id: str) -> None:
        """`deliver` is about to be called for this entry; `over` follows when that has ended, however it did."""
        self._unsent.add(entry_id)

    def over(self, entry_id: str) -> None:
        """What was expected has ended."""
        self._unsent.discard(entry_id)

    async def deliver(self, record: Record, name: LegName) -> Record | None:
        """One attempt of one leg; the settled record, or None when nothing was sent or recorded."""
        entry, leg = record.entry, leg_of(record, name)
        in_doubt = name is LegName.ACTIVATION and leg.state is LegState.UNKNOWN
        if in_doubt and entry.id not in self._looked:
            return await self._look(record)
        looked = in_doubt
        self._looked.discard(entry.id)
        try:
            body = leg.body if leg.body is not None else first_body(entry, name, self._api_clock.utc(self._clock()))
        except Refused as error:
            # Never attempted, so it stays as it is and can still be undone.
            self.rest(entry.id, math.inf)
            self._tries[entry.id] = VAIN_TRIES
            self._board.raise_alarm(f"entry {entry.id} cannot be sent: {error}")
            return None
        day = self._limiter.day(self._clock(), self._utcnow())
        attempt_id = await self._ledger.attempt(record, name, body, day=day, requests=self._limiter.unrecorded())
        if attempt_id is None:
            if not self._ledger.writes.failures:
                self.rest(entry.id, BALKED_S)
            return None
        if self.ending or self.stopped:
            # The commit took its time, and meanwhile nothing more is to be sent.
            return await self._ledger.withdraw(record, name, attempt_id)
        sent_at = self._clock()
        self._unsent.discard(entry.id)
        ticket = self._limiter.take(sent_at)
        try:
            outcome = await self._send(entry, name, body)
        finally:
            self._limiter.ended(ticket, self._clock())
        decision = decide(
            name,
            # What was not among the user's keys just now was not activated by an earlier attempt.
            unknown_before=unknown_before(leg) and not looked,
            outcome=outcome,
            uid=entry.uid_api,
            tries=self._tries.get(entry.id, 0) + 1,
            rng=self._rng,
        )
        self._heed(entry.id, decision, sent_at)
        settled = await self._ledger.settle(entry.id, name, attempt_id, decision.settlement)
        if settled is None:
            self._board.raise_alarm(f"entry {entry.id}: its outcome was not recorded, somebody else had changed it")
        return settled

    async def _look(self, record: Record) -> Record | None:
        """Settle an activation in doubt by its user's keys; None when they do not show, or cannot be seen.

        One request, as any delivery: where the key is not among them, the activation itself is the next one.
        """
        entry = record.entry
        sent_at = self._clock()
        self._unsent.discard(entry.id)
        ticket = self._limiter.take(sent_at)
        try:
            keys: Sequence[ChargingKey] = await self._drive.list_keys(entry.user_id or "")
        except NotFound:
            # No such user, so none of their keys.
            keys = ()
        except DriveError as error:
            tries = self._tries.get(entry.id, 0) + 1
            decision = decide(
                LegName.ACTIVATION, unknown_before=True, outcome=error, uid=entry.uid_api, tries=tries, rng=self._rng
            )
            if decision.reach is not Reach.KEY_REJECTED:
                # Also a refusal to show the keys says nothing of this one.
                decision = replace(decision, delay_s=backoff_s(tries, self._rng))
            self._heed(entry.id, decision, sent_at)
            return None
        finally:
            self._limiter.ended(ticket, self._clock())
        self._gate.learn(Reach.ANSWERS, sent_at=sent_at, now=self._clock(), utcnow=self._utcnow())
        look = judge_look(record, keys)
        if look.settlement is None:
            self._looked.add(entry.id)
            return None
        if look.alarm:
            self._board.raise_alarm(f"{look.alarm} (entry {entry.id})")
        self._tries.pop(entry.id, None)
        return await self._ledger.resolve(record, LegName.ACTIVATION, look.settlement)

    async def _send(self, entry: Entry, name: LegName, body: str) -> Receipt | ChargingKey | DriveError:
        """Send one request and return what came of it, whatever it was."""
        try:
            if name is LegName.RESERVATION:
                return await self._drive.reserve(body)
            return await self._drive.activate(entry.user_id or "", entry.visual_number)
        except DriveError as error:
            return error
        except Exception as error:  # noqa: BLE001 - the request may have left: the leg must not stay `sending`
            self._board.raise_alarm(f"the request for entry {entry.id} failed unexpectedly: {error!r}", error)
            return OutcomeUnknown(f"the request failed unexpectedly ({type(error).__name__})")

    def _heed(self, entry_id: str, decision: Decision, sent_at: float) -> None:
        """Act on a decision at once, before it is written: what it says holds for the next request already."""
        if decision.delay_s is None:
            self._tries.pop(entry_id, None)
        else:
            self._tries[entry_id] = self._tries.get(entry_id, 0) + 1
            self.rest(entry_id, decision.delay_s)
        if decision.reach is not Reach.KEY_REJECTED:
            self._gate.learn(
                decision.reach,
                sent_at=sent_at,
                now=self._clock(),
                utcnow=self._utcnow(),
                retry_after_s=decision.retry_after_s,
                trouble=decision.trouble,
            )
        elif self.stopped:
            # One alarm is enough for all requests that were under way with the same key.
            return
        else:
            self.stopped = f"{decision.trouble}; nothing more is sent until the next start"
        if decision.alarm:
            self._board.raise_alarm(f"{decision.alarm} (entry {entry_id})")
