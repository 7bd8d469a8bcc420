"""Delivery at work: takes what is due from the journal, sends it, writes back what became of it.

Owns the order of things (hold, gate, limit, attempt, send, settle) and how it is shown. Decides nothing about
outcomes (policy.py), never changes a frozen body, and never sends what the journal has not recorded first.

One task per request, started by one loop and by nothing else; the loop sleeps on an event with a time limit, so an
idle courier costs one small query every two seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tagsmith.courier.api_clock import ApiClock
from tagsmith.courier.board import Board, Listener
from tagsmith.courier.caution import REFUSALS, Caution, is_refused
from tagsmith.courier.gate import Gate
from tagsmith.courier.holds import Holds
from tagsmith.courier.ledger import Ledger, Patience
from tagsmith.courier.limiter import Limiter
from tagsmith.courier.policy import can_be_undone, is_misordered, next_leg
from tagsmith.courier.sender import VAIN_TRIES, Sender
from tagsmith.errors import JournalError
from tagsmith.model import Delivery, DeliveryView, LegName, Record
from tagsmith.uid import ByteOrder

if TYPE_CHECKING:
    from tagsmith.drive import DriveClient
    from tagsmith.journal import Journal

_log = logging.getLogger(__name__)

POLL_S = 2.0
"""How often the journal is asked for entries of other processes, and a standing-by courier for the lock."""
NEWS_S = 0.9 * POLL_S
"""How old at the least its answer is before it is asked again; an alarm clock may go off a little early."""
FULL_LOOK_S = 20.0
"""How often it is asked for everything due, also when nothing new is known of: a person may have changed an entry."""
SPARE = 12
"""Entries taken from the journal at a time beyond those that can start: held ones may stand before others."""
FRESH_S = 0.5
"""So long they are taken from what was answered; an attempt is not recorded of one that was changed since."""
MISHAP_S = 60.0
"""How long an entry is left alone after its delivery failed for a reason that nobody foresaw."""
JOURNAL_TRIES = 3
"""Failures of the journal in a row after which `drain` without a time limit waits no longer."""
MANY = 1000
RECOUNT_S = 5.0
"""Counting costs as much as there are: so many that wait are counted this often at the most, fewer more often."""
GRACE_S = 2.0


@dataclass(frozen=True, slots=True)
class Pending:
    """What is left to send. `sendable`: this courier sends it, perhaps after a wait; else `why` says what hinders."""

    waiting: int
    sendable: bool
    why: str = ""


class Courier:
    """Delivers the entries of one target from one journal. All methods belong to the event loop that `run` runs in.

    `hold_s` is the undo window, `concurrency` the requests under way at most, `hold_back` a reason to send nothing at
    all. `order` is the byte order in force: a pair that was made in the other one and never sent is left alone.
    `requests_per_minute` and `requests_per_day` are this station's share of what the API allows in its clock minutes
    and UTC days; `api_clock` tells of those as far as the client shows it the answers. `listener` is called on the
    loop with each settled record, and with None when only the view changed; it must return soon. `clock` is monotonic
    seconds, `utcnow` aware UTC, which serves while the API's own time is not known.
    """

    def __init__(
        self,
        journal: Journal,
        drive: DriveClient,
        target: str,
        *,
        hold_s: float = 10.0,
        concurrency: int = 4,
        requests_per_minute: int = 600,
        requests_per_day: int = 100_000,
        api_clock: ApiClock | None = None,
        hold_back: str = "",
        order: ByteOrder | None = None,
        listener: Listener = lambda _record, _view: None,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
        utcnow: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        rng = rng or random.Random()
        self._journal = journal
        self._target = target
        self._concurrency = concurrency
        self._hold_back = hold_back
        self._order = order
        self._misordered: set[str] = set()
        self._clock = clock
        self._lock = journal.courier_lock()
        self._holds = Holds(hold_s)
        self._utcnow = utcnow
        api_clock = api_clock or ApiClock()
        self._limiter = Limiter(requests_per_minute, requests_per_day, clock=api_clock)
        self._gate = Gate(rng)
        self._caution = Caution()
        self._board = Board(listener, self._stand, clock)
        self._reads = Patience("the journal cannot be read", clock=clock, rng=rng, changed=self._board.publish)
        self._writes = Patience(
            "the journal cannot record deliveries", clock=clock, rng=rng, changed=self._board.publish
        )
        self._ledger = Ledger(journal, self._writes)
        self._sender = Sender(
            self._ledger,
            drive,
            gate=self._gate,
            limiter=self._limiter,
            api_clock=api_clock,
            board=self._board,
            clock=clock,
            rng=rng,
            utcnow=utcnow,
        )

        self._wake = asyncio.Event()
        self._news = asyncio.Event()
        self._tasks: dict[asyncio.Task[None], str] = {}
        self._look_at = -math.inf
        self._asked_at = -math.inf
        self._ready: deque[Record] = deque()
        self._due_at = -math.inf
        self._counted_at = -math.inf

        self._locked = False
        self._took_over = False
        self._stranger = ""
        self._looked = False
        self._holder: str | None = None
        self._stop_at: float | None = None
        self._finishing = False

    # --- for the station -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Deliver until `request_stop`, or until cancelled; once per courier. Never ends by itself, raises nothing.

        Cancelling gives no grace: what is under way stays `sending` in the journal.
        """
        try:
            while self._stop_at is None:
                self._wake.clear()
                await _wait(self._wake, await self._safe_round())
        finally:
            await self._finish()

    def nudge(self, record: Record) -> None:
        """An entry was committed just now: its undo window begins."""
        self._holds.seen(record.number, self._clock())
        self._stir()

    def request_stop(self, grace_s: float = GRACE_S) -> None:
        """Attempt nothing more from now on; `run` returns when what is under way has settled, or after `grace_s`.

        What has not settled by then stays `sending` in the journal: its outcome is unknown at the next start.
        """
        at = self._clock() + grace_s
        self._stop_at = at if self._stop_at is None else min(self._stop_at, at)
        self._sender.ending = True
        self._stir()

    def hold_back(self, reason: str) -> None:
        """Send nothing from now on, for this reason; with an empty one delivery goes on. What is under way may end."""
        if reason != self._hold_back:
            self._hold_back = reason
            self._stir()

    @property
    def view(self) -> DeliveryView:
        """How delivery stands now."""
        return self._board.view

    async def pending(self) -> Pending:
        """What is left to send now or later: held, queued, on its way, or unknown and to be repeated.

        Raises:
            JournalError: it could not be counted.
        """
        waiting = await self._journal.waiting(self._target)
        delivery, words = self._stand()
        sendable = waiting > 0 and delivery is Delivery.ACTIVE
        return Pending(waiting, sendable, words if waiting and not sendable else "")

    async def drain(self, timeout_s: float | None = None) -> Pending:
        """Wait while `run` runs elsewhere until nothing is left to send, or only what cannot be sent now.

        With `timeout_s` it waits that long at the most: through holds, limits, outages, and while another process
        delivers. It ends early only when delivery is held back or stopped and nothing is under way.

        Without, it ends as well when another process delivers, when the API was tried three times in vain (three
        pauses in a row without an answer), when its limit opens in more than two minutes or it has answered 429 three
        times in a row, when every waiting entry was tried five times without a result, and when the journal failed
        three times in a row. One caller at a time.

        `waiting` of the answer is what is left; 0 means all was sent.
        """
        deadline = None if timeout_s is None else self._clock() + timeout_s
        pending = Pending(self._board.waiting, sendable=False, why="the journal could not be read")
        while True:
            self._news.clear()
            troubled = self._writes.failures or self._reads.failures
            if self._tasks and not troubled and (deadline is None or self._clock() < deadline):
                # Something is still under way, so nobody need count.
                await _wait(self._news, POLL_S if deadline is None else min(POLL_S, deadline - self._clock()))
                continue
            why = ""
            try:
                pending = await self.pending()
                if not pending.waiting and not self._tasks:
                    return pending
                why = await self._in_vain(pending, patient=deadline is not None)
            except JournalError as error:
                self._reads.failed(error)
                if deadline is None and self._reads.failures >= JOURNAL_TRIES:
                    why = self._reads.trouble
            left_s = math.inf if deadline is None else deadline - self._clock()
            if why or left_s <= 0:
                return Pending(pending.waiting, pending.sendable and not why, why or pending.why)
            await _wait(self._news, min(left_s, POLL_S))

    async def run_until_drained(self, timeout_s: float | None = None, *, grace_s: float = GRACE_S) -> Pending:
        """Run just as long as `drain` waits, then stop. For delivery alone."""
        running = asyncio.create_task(self.run(), name="courier")
        try:
            return await self.drain(timeout_s)
        finally:
            self.request_stop(grace_s)
            await running

    # --- the loop ------------------------------------------------------------------------------------------------

    async def _safe_round(self) -> float:
        """One round; whatever fails in it is shown, and tried again after the time answered, in seconds."""
        if (wait_s := self._reads.wait_s()) > 0:
            return wait_s
        try:
            pause_s = await self._round()
            self._reads.worked()
        except JournalError as error:
            pause_s = self._reads.failed(error)
        except Exception as error:  # noqa: BLE001 - delivery must outlive a mistake of ours; it is shown and logged
            self._board.raise_alarm(f"delivery failed unexpectedly and goes on: {error!r}", error)
            pause_s = MISHAP_S
        self._board.publish()
        self._news.set()
        return pause_s

    async def _round(self) -> float:
        """Look what there is to do and start it. Seconds until the next round, at the latest."""
        if self._hold_back or self._sender.stopped:
            if not self._tasks:
                # A process with a better key may take over.
                self._release()
            await self._count()
            self._looked = True
            return POLL_S
        if self._took_over and self._ledger.term is None:
            # Another process began a term though the lock was ours: its file was removed. Whoever has it now, delivers.
            self._board.raise_alarm("another process has taken delivery over: this one stands by")
            self._release()
        if not self._locked and not self._lock.try_acquire():
            self._holder = self._lock.holder()
            self._looked = True
            await self._count()
            return POLL_S
        self._locked = True
        self._holder = None
        if not self._took_over:
            self._stranger = await self._journal.stranger()
            if self._stranger:
                await self._count()
                self._looked = True
                return POLL_S
            # Attempts that a process before this one left behind: whatever became of them is not known.
            tenure = await self._journal.take_over(self._target, f"process {os.getpid()}")
            self._caution.start(await self._journal.last_attempted(self._target, REFUSALS))
            day = self._limiter.day(self._clock(), self._utcnow())
            self._limiter.resume(day, await self._journal.requests_made(self._target, day))
            self._ledger.term = tenure.term
            self._took_over = True
            _log.info("delivering to %s; attempts left behind by an earlier run: %d", self._target, tenure.interrupted)
        self._looked = True
        if not self._caution.room and not await self._dealt_with():
            await self._count()
            return POLL_S
        return await self._look()

    async def _dealt_with(self) -> bool:
        """Whether a person has dealt with one of the refusals that paused delivery; then it goes on."""
        for entry_id in self._caution.refused:
            record = await self._journal.get(entry_id)
            if record is None or not is_refused(record):
                self._caution.resume()
                return True
        return False

    async def _look(self) -> float:
        """Start what may be sent now. Seconds until the next look at the journal."""
        if await self._appended() or self._clock() >= self._look_at:
            self._look_at = self._clock() + FULL_LOOK_S
            try:
                await self._count()
                wait_s = await self._start_due()
            except JournalError:
                # This look has not been had: what it would have found is still to be found.
                self._look_at = -math.inf
                raise
            # A nudge or a task that ended meanwhile wants another look at once.
            self._look_at = min(self._look_at, self._clock() + wait_s)
        return min(POLL_S, max(0.0, self._look_at - self._clock()))

    async def _appended(self) -> bool:
        """Whether other processes have appended since they were asked last: not at the end of every request."""
        now = self._clock()
        if 0 <= now - self._asked_at < NEWS_S:
            return False
        newest = await self._journal.changes(self._holds.newest)
        self._asked_at = now
        return self._holds.seen(newest, self._clock())

    async def _start_due(self) -> float:
        """Start as many requests as hold, gate, limit and concurrency allow, oldest entries first.

        Seconds until more could start by the passing of time alone; inf when only an event can change it.
        """
        if (wait_s := self._clearance_s()) > 0:
            return wait_s
        # Of a pair that was taken back nobody asks whether its window has passed: it would wake us for ever.
        self._holds.ripe(self._clock())
        asked = False
        while True:
            now = self._clock()
            if not self._ready or now - self._due_at > FRESH_S:
                if asked:
                    break
                asked = True
                left_alone = {*self._sender.resting(), *self._tasks.values(), *self._misordered}
                due = await self._journal.due(self._target, self._concurrency + SPARE, exclude=left_alone)
                self._ready = deque(due)
                self._due_at = self._clock()
                continue
            record = self._ready[0]
            name = self._sendable(record)
            if name is not None and (wait_s := self._clearance_s()) > 0:
                return wait_s
            self._ready.popleft()
            if name is not None:
                self._start(record, name)
        return max(0.0, min(self._holds.next_at(), self._sender.next_at()) - self._clock())

    def _sendable(self, record: Record) -> LegName | None:
        """What may be sent of an entry now: nothing in its undo window, or where it was made in the other order."""
        now = self._clock()
        self._holds.seen(record.number, now)
        name = next_leg(record)
        if name is None or (can_be_undone(record, name) and record.number > self._holds.ripe(now)):
            return None
        if is_misordered(record, self._order):
            self._leave_alone(record)
            return None
        return name

    def _leave_alone(self, record: Record) -> None:
        if not self._misordered:
            self._board.raise_alarm(
                f"pairs that were made in the other byte order ({record.entry.uid_order}) are not sent: undo them"
                " (`tagsmith journal undo ENTRY`, or void where one was tried) and pair their keys again"
            )
        self._misordered.add(record.entry.id)

    def _clearance_s(self) -> float:
        """Seconds until one more request may start; 0 now; inf when something else must end first."""
        # Each of these may have come true while the journal was being asked.
        if self._stop_at is not None or self._hold_back or self._sender.stopped:
            return math.inf
        if len(self._tasks) >= min(self._concurrency, self._caution.room) or self._ledger.term is None:
            return math.inf
        now = self._clock()
        return max(
            self._gate.wait_s(now, len(self._tasks)),
            self._limiter.wait_s(now, ahead=self._sender.unsent),
            self._limiter.wait_for_day_s(now, self._utcnow()),
            self._writes.wait_s(),
        )

    def _start(self, record: Record, name: LegName) -> None:
        task = asyncio.create_task(self._deliver(record, name), name=f"{name} {record.entry.id}")
        self._tasks[task] = record.entry.id
        self._sender.expect(record.entry.id)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        entry_id = self._tasks.pop(task)
        self._sender.over(entry_id)
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is not None and not (task.cancelled() and self._finishing):
            self._sender.rest(entry_id, MISHAP_S)
            self._board.raise_alarm(f"the delivery of entry {entry_id} failed unexpectedly: {error!r}", error)
        self._stir()

    async def _deliver(self, record: Record, name: LegName) -> None:
        """One request, and what is shown of it."""
        settled = await self._sender.deliver(record, name)
        if settled is None:
            return
        self._board.count(settled, name)
        if name is LegName.RESERVATION:
            self._caution.settled(settled)
        try:
            await self._count()
        except JournalError as error:
            self._reads.failed(error)
        self._board.publish(settled)

    # --- what is shown -------------------------------------------------------------------------------------------

    async def _count(self) -> None:
        if 0 <= self._clock() - self._counted_at < RECOUNT_S * min(1.0, self._board.waiting // 100 * 100 / MANY):
            return
        self._board.waiting = await self._journal.waiting(self._target)
        self._counted_at = self._clock()

    def _stand(self) -> tuple[Delivery, str]:
        """How delivery stands, and the words for it."""
        if self._hold_back:
            return Delivery.HELD_BACK, self._hold_back
        if self._stranger:
            return Delivery.HELD_BACK, f"{self._stranger}: nothing is sent (see `tagsmith journal adopt --help`)"
        if self._sender.stopped:
            return Delivery.STOPPED, self._sender.stopped
        if trouble := self._caution.trouble():
            return Delivery.PAUSED, trouble
        if self._holder is not None:
            return Delivery.STANDBY, f"another process delivers: {self._holder or 'it does not say which'}"
        trouble = self._writes.trouble or self._reads.trouble or self._gate.trouble()
        return Delivery.ACTIVE, trouble or self._used_up()

    def _used_up(self) -> str:
        """What to say when the share of the day is used up; empty while it is not."""
        if self._limiter.wait_for_day_s(self._clock(), self._utcnow()) > 0:
            return (
                "this station's requests of the day are used up ([courier] requests_per_day), it goes on at 00:00 UTC"
            )
        return ""

    async def _in_vain(self, pending: Pending, *, patient: bool) -> str:
        """Why `drain` should wait no longer; empty while it should."""
        if self._tasks:
            return ""
        if self._stop_at is not None:
            return pending.why or "delivery was told to stop"
        if self._hold_back or self._stranger or self._sender.stopped or not self._caution.room:
            return pending.why
        if patient:
            return ""
        for patience in (self._writes, self._reads):
            if patience.failures >= JOURNAL_TRIES:
                return patience.trouble
        if self._gate.given_up(self._clock()):
            return self._gate.trouble()
        if used_up := self._used_up():
            return used_up
        if pending.why or not self._looked:
            return pending.why
        if self._misordered:
            left_alone = {*self._misordered, *self._sender.vain()}
            if not await self._journal.due(self._target, 1, exclude=left_alone):
                return f"{len(self._misordered)} pairs were made in the other byte order"
        vain = self._sender.vain()
        if vain and not await self._journal.due(self._target, 1, exclude=vain):
            return f"every entry was tried {VAIN_TRIES} times without a result"
        return ""

    # --- waking, stopping ----------------------------------------------------------------------------------------

    def _stir(self) -> None:
        """Something happened: look at once."""
        self._look_at = -math.inf
        self._wake.set()

    async def _finish(self) -> None:
        """Let what is under way settle within the grace, cancel the rest, let another courier take over."""
        try:
            while self._tasks and self._stop_at is not None and (left_s := self._stop_at - self._clock()) > 0:
                self._wake.clear()
                await _wait(self._wake, left_s)
        finally:
            self._finishing = self._sender.ending = True
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            try:
                await asyncio.gather(*tasks, return_exceptions=True)
            finally:
                self._release()

    def _release(self) -> None:
        if self._locked:
            self._locked = False
            self._ready.clear()
            self._caution.resume()
            # Whoever delivers meanwhile begins a term of its own, and this one another after that.
            self._took_over = False
            self._ledger.term = None
            self._lock.release()


async def _wait(event: asyncio.Event, timeout_s: float) -> None:
    """Until the event is set, at most this long."""
    with contextlib.suppress(TimeoutError):  # that is an answer, too
        async with asyncio.timeout(timeout_s):
            await event.wait()
