"""What the courier's tests stand on: a loop whose time jumps, and a journal and an API in memory.

The fakes keep to the contracts of the rooms they stand for, and refuse what those would refuse. They say what they
have been asked, with the time of it.
"""

from __future__ import annotations

import asyncio
import json
import random
import selectors
from collections import Counter
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from tagsmith.courier import Courier
from tagsmith.drive import ChargingKey, Receipt
from tagsmith.errors import IllegalTransition, Replaced
from tagsmith.model import (
    DeliveryView,
    Entry,
    Leg,
    LegName,
    LegState,
    Mark,
    Record,
    Settlement,
    Tenure,
)
from tagsmith.uid import ByteOrder, Uid

T = TypeVar("T")

TARGET = "http://127.0.0.1:1/drive"
EPOCH = datetime(2031, 5, 6, 7, 8, 0, tzinfo=UTC)
"""What the calendar shows at time 0 of the loop: a full minute."""


# --- time --------------------------------------------------------------------------------------------------------


class _Jumping(selectors.DefaultSelector):
    """Never waits: where a real selector would, the loop's time goes on at once."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise AssertionError("nothing left to wait for: the loop would hang")
            self.now += max(timeout, 0.0)
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop in which hours pass in no time. For code that waits for nothing outside of it."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def play(scene: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a scene on a jumping loop, from time 0."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(scene())


def now() -> float:
    """The loop's time."""
    return asyncio.get_running_loop().time()


def utcnow() -> datetime:
    """The calendar's time, in step with the loop's."""
    return EPOCH + timedelta(seconds=now())


async def until(condition: Callable[[], bool], within_s: float = 3600.0, step_s: float = 0.01) -> None:
    """Let time pass until the condition holds."""
    end = now() + within_s
    while not condition():
        assert now() < end, "it never came true"
        await asyncio.sleep(step_s)


# --- entries -----------------------------------------------------------------------------------------------------


def entry(index: int, *, user: str | None = None, **fields: Any) -> Entry:
    """The entry of this index; its uid and number follow from it."""
    made = Entry(
        id=f"e{index}",
        target=TARGET,
        uid=Uid(bytes([4, *index.to_bytes(6, "big")])),
        uid_order=ByteOrder.REVERSED,
        visual_number=f"N-{index:05d}",
        number_key=f"n-{index:05d}",
        paired_at=EPOCH,
        user_id=user,
    )
    return replace(made, **fields)


# --- the journal -------------------------------------------------------------------------------------------------


class FakeLock:
    """One lock for all couriers of a fake journal."""

    def __init__(self, journal: FakeJournal) -> None:
        self._journal = journal

    def try_acquire(self) -> bool:
        if self._journal.lock_holder in (None, self):
            self._journal.lock_holder = self
        return self._journal.lock_holder is self

    def release(self) -> None:
        if self._journal.lock_holder is self:
            self._journal.lock_holder = None

    def holder(self) -> str:
        return "" if self._journal.lock_holder is None else "4711 tagsmith run"


class FakeJournal:
    """The journal's contract in memory. `fault` is asked before and after each call, and may raise.

    Each call takes `latency_s`.
    """

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.lock_holder: FakeLock | None = None
        self.calls: list[tuple[float, str]] = []
        self.fault: Callable[[str, bool], None] = lambda call, done: None
        self.latency_s = 0.001
        self.settlements: list[tuple[str, LegName, Settlement]] = []
        self.strange = ""
        self.term = 0
        self.made: Counter[str] = Counter()
        """Requests by day."""
        self._attempts = 0

    def courier_lock(self) -> FakeLock:
        return FakeLock(self)

    def add(self, one: Entry) -> Record:
        """Append, at once."""
        wanted = LegState.NONE if one.user_id is None else LegState.HELD
        record = Record(len(self.records) + 1, one, Leg(LegState.HELD), Leg(wanted))
        self.records[one.id] = record
        return record

    def leg(self, entry_id: str, name: LegName = LegName.RESERVATION) -> Leg:
        record = self.records[entry_id]
        return record.reservation if name is LegName.RESERVATION else record.activation

    def undo(self, entry_id: str) -> None:
        """Take back, at once."""
        assert self.leg(entry_id).attempts == 0
        self.records[entry_id] = replace(self.records[entry_id], mark=Mark.UNDONE)

    async def _call(self, name: str) -> None:
        self.calls.append((now(), name))
        await asyncio.sleep(self.latency_s)
        self.fault(name, False)

    def _put(self, record: Record, name: LegName, leg: Leg, **fields: Any) -> Record:
        self.records[record.entry.id] = replace(record, **{str(name): leg}, **fields)
        return self.records[record.entry.id]

    async def get(self, entry_id: str) -> Record | None:
        await self._call("get")
        return self.records.get(entry_id)

    async def changes(self, since: int) -> int:
        await self._call("changes")
        return len(self.records)

    async def due(self, target: str, limit: int, *, exclude: Collection[str] = ()) -> list[Record]:
        await self._call("due")
        assert target == TARGET
        return [one for one in self.records.values() if _sendable(one) and one.entry.id not in exclude][:limit]

    async def waiting(self, target: str) -> int:
        await self._call("waiting")
        return sum(_sendable(one) or _sending(one) for one in self.records.values())

    async def recover(self, target: str | None = None) -> int:
        await self._call("recover")
        left = 0
        for record in list(self.records.values()):
            for name in LegName:
                leg = self.leg(record.entry.id, name)
                if leg.state is LegState.SENDING:
                    left += 1
                    self._put(record, name, replace(leg, state=LegState.UNKNOWN, repeat=True))
        return left

    async def last_attempted(self, target: str, n: int) -> list[Record]:
        await self._call("last_attempted")
        return [one for one in reversed(self.records.values()) if one.reservation.attempts][:n]

    async def stranger(self) -> str:
        await self._call("stranger")
        return self.strange

    async def take_over(self, target: str, holder: str = "") -> Tenure:
        left = await self.recover(target)
        self.term += 1
        return Tenure(self.term, left)

    async def requests_made(self, target: str, day: str) -> int:
        await self._call("requests_made")
        return self.made[day]

    async def attempt(
        self,
        entry_id: str,
        leg: LegName,
        body: str,
        *,
        term: int | None = None,
        day: str | None = None,
        requests: int = 1,
        believed: Entry | None = None,
    ) -> str:
        await self._call("attempt")
        if term is not None and term != self.term:
            raise Replaced("another process has taken over")
        record, old = self.records[entry_id], self.leg(entry_id, leg)
        if record.mark is not None or not _open(old) or old.body not in (None, body):
            raise IllegalTransition(f"{entry_id} is {record.state}")
        if leg is LegName.ACTIVATION and record.reservation.state is not LegState.DONE:
            raise IllegalTransition("not reserved")
        if day is not None:
            self.made[day] += requests
        self._attempts += 1
        attempt_id = f"a{self._attempts}"
        self._put(
            record,
            leg,
            replace(old, state=LegState.SENDING, attempts=old.attempts + 1, attempt_id=attempt_id, body=body),
        )
        self.fault("attempt", True)
        return attempt_id

    async def settle(self, entry_id: str, leg: LegName, attempt_id: str, settlement: Settlement) -> Record:
        await self._call("settle")
        record, old = self.records[entry_id], self.leg(entry_id, leg)
        new = replace(
            old,
            state=settlement.state,
            repeat=settlement.repeat or (settlement.state is LegState.QUEUED and old.repeat),
            status=settlement.status,
            message=settlement.message,
        )
        if old.attempt_id != attempt_id or (old.state is not LegState.SENDING and old != new):
            raise IllegalTransition(f"{attempt_id} is not the attempt under way")
        if old == new:
            return record
        self.settlements.append((entry_id, leg, settlement))
        settled = self._put(record, leg, new, contract_id=settlement.contract_id or record.contract_id)
        self.fault("settle", True)
        return settled

    async def resolve(
        self, entry_id: str, leg: LegName, settlement: Settlement, *, attempt_id: str | None = None
    ) -> Record:
        await self._call("resolve")
        record, old = self.records[entry_id], self.leg(entry_id, leg)
        if old.state is not LegState.UNKNOWN or attempt_id not in (None, old.attempt_id):
            raise IllegalTransition("not in doubt")
        self.settlements.append((entry_id, leg, settlement))
        new = replace(
            old,
            state=settlement.state,
            repeat=settlement.repeat,
            status=settlement.status,
            message=settlement.message,
        )
        return self._put(record, leg, new, contract_id=settlement.contract_id or record.contract_id)


def _open(leg: Leg) -> bool:
    return leg.state in (LegState.HELD, LegState.QUEUED) or (leg.state is LegState.UNKNOWN and leg.repeat)


def _sendable(record: Record) -> bool:
    if record.mark is not None:
        return False
    return _open(record.reservation) or (record.reservation.state is LegState.DONE and _open(record.activation))


def _sending(record: Record) -> bool:
    return LegState.SENDING in (record.reservation.state, record.activation.state)


# --- the API -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sent:
    """One request as it came to the fake API. `what` is the visual number; `body` None for an activation."""

    at: float
    leg: LegName
    what: str
    body: str | None


Answer = Receipt | ChargingKey | BaseException | None
"""None: what the API documents."""


@dataclass
class FakeDrive:
    """The drive client's contract in memory. `plan` is asked once per request; None is the documented success.

    Each request takes `latency_s`, those for a number in `slow` as long as is said there.
    """

    plan: Callable[[Sent], Answer] = lambda sent: None
    latency_s: float = 0.1
    slow: dict[str, float] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)
    keys: Callable[[str], list[ChargingKey] | BaseException] = lambda user_id: []
    looks: list[float] = field(default_factory=list)
    under_way: int = 0
    most: int = 0

    def bodies(self, what: str) -> list[str | None]:
        """The bodies of all reservations of one number."""
        return [sent.body for sent in self.sent if sent.what == what and sent.leg is LegName.RESERVATION]

    async def reserve(self, body: str) -> Receipt:
        answer = await self._exchange(Sent(now(), LegName.RESERVATION, json.loads(body)["visualNumber"], body))
        assert answer is None or isinstance(answer, Receipt)
        return answer or Receipt(201)

    async def activate(self, user_id: str, reference_id: str) -> ChargingKey:
        answer = await self._exchange(Sent(now(), LegName.ACTIVATION, reference_id, None))
        assert answer is None or isinstance(answer, ChargingKey)
        return answer or charging_key(entry(int(reference_id.removeprefix("N-"))).uid_api)

    async def list_keys(self, user_id: str) -> list[ChargingKey]:
        self.looks.append(now())
        await asyncio.sleep(self.latency_s)
        found = self.keys(user_id)
        if isinstance(found, BaseException):
            raise found
        return found

    async def _exchange(self, sent: Sent) -> Answer:
        self.sent.append(sent)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(self.slow.get(sent.what, self.latency_s))
        finally:
            self.under_way -= 1
        answer = self.plan(sent)
        if isinstance(answer, BaseException):
            raise answer
        return answer


def charging_key(key_id: str) -> ChargingKey:
    """What a documented activation answers."""
    return ChargingKey.model_validate(
        {
            "enabled": True,
            "keyId": key_id,
            "contractId": f"DE-8PS-{key_id}",
            "type": "tag",
            "validFrom": "2021-12-08T00:00:00.000Z",
            "validTo": "2031-12-08T23:59:59.000Z",
            "created": "2021-12-08T10:33:01.000Z",
            "updated": "2021-12-08T10:33:01.000Z",
        }
    )


# --- the courier among them --------------------------------------------------------------------------------------


class Scene:
    """A courier with its fakes, and what its listener was told."""

    def __init__(self, *, journal: FakeJournal | None = None, drive: FakeDrive | None = None, **settings: Any) -> None:
        self.journal = journal or FakeJournal()
        self.drive = drive or FakeDrive()
        self.told: list[tuple[Record | None, DeliveryView]] = []
        settings = {"hold_s": 10.0, "rng": random.Random(1), "listener": self._tell, **settings}
        self.courier = Courier(
            self.journal,  # type: ignore[arg-type]
            self.drive,  # type: ignore[arg-type]
            TARGET,
            clock=now,
            utcnow=utcnow,
            **settings,
        )
        self._running: asyncio.Task[None] | None = None

    def _tell(self, record: Record | None, view: DeliveryView) -> None:
        self.told.append((record, view))

    @property
    def view(self) -> DeliveryView:
        return self.courier.view

    def pair(self, index: int, **fields: Any) -> Record:
        """Commit an entry and tell the courier, as the bench does."""
        record = self.journal.add(entry(index, **fields))
        self.courier.nudge(record)
        return record

    def state(self, index: int) -> str:
        return str(self.journal.records[f"e{index}"].state)

    def start(self) -> asyncio.Task[None]:
        self._running = asyncio.create_task(self.courier.run())
        return self._running

    async def stop(self, grace_s: float = 2.0) -> None:
        assert self._running is not None
        self.courier.request_stop(grace_s)
        await self._running

    async def __aenter__(self) -> Scene:
        self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()
