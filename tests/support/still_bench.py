"""A bench without threads: what comes from readers and scanners is handed to it, time stands until it is moved."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from tagsmith import pairing
from tagsmith.bench import Bench, Work
from tagsmith.errors import DuplicateNumber, DuplicateUid, IllegalTransition, JournalError
from tagsmith.model import (
    Committed,
    Entry,
    Event,
    LaneView,
    Leg,
    LegState,
    Mark,
    ReaderInfo,
    ReaderState,
    ReaderStatus,
    Record,
    Scan,
    ScanFault,
    Tag,
)
from tagsmith.production import RejectedKey
from tagsmith.readers.pump import ReaderChanged, TagArrived, TagLeft, TagsCollided
from tagsmith.readers.sim import SimReader
from tagsmith.uid import Uid

TARGET = "http://127.0.0.1:1"
READY = ReaderStatus("sim:", ReaderState.READY, info=ReaderInfo("sim", "sim:", True, True, True))
LOST = ReaderStatus("sim:", ReaderState.LOST, "gone")


class MemoryJournal:
    """As much of a journal as a bench asks for, in memory. `trouble` is raised by the next change."""

    def __init__(self) -> None:
        self.acting = ""
        self.records: dict[str, Record] = {}
        self.rejected: list[tuple[str, RejectedKey]] = []
        self.trouble: JournalError | None = None

    async def _turn(self) -> None:
        """A change: others have their turn meanwhile, and it may fail."""
        await asyncio.sleep(0)
        if self.trouble is not None:
            trouble, self.trouble = self.trouble, None
            raise trouble

    async def append(self, entry: Entry) -> Committed:
        await self._turn()
        if (found := await self.find(entry.target, uid=entry.uid)) is not None:
            raise DuplicateUid("paired already", found)
        if (found := await self.find(entry.target, number_key=entry.number_key)) is not None:
            raise DuplicateNumber("used already", found)
        return Committed(self.put(Record(len(self.records) + 1, entry, Leg(LegState.HELD), Leg())))

    async def find(self, target: str, *, uid: Uid | None = None, number_key: str | None = None) -> Record | None:
        for record in self.records.values():
            same = record.entry.uid == uid or record.entry.number_key == number_key
            if same and record.mark is not Mark.UNDONE:
                return record
        return None

    async def get(self, entry_id: str) -> Record | None:
        return self.records.get(entry_id)

    async def undo(self, entry_id: str, reason: str = "") -> Record:
        await self._turn()
        record = self.records.get(entry_id)
        if record is None or (record.mark is not Mark.UNDONE and not record.can_undo):
            raise IllegalTransition("it cannot be taken back")
        return self.put(_with(record, mark=Mark.UNDONE, note=reason))

    async def reject_key(self, target: str, key: RejectedKey) -> None:
        await self._turn()
        self.rejected.append((target, key))

    def put(self, record: Record) -> Record:
        """Have a record stand as it is given."""
        self.records[record.entry.id] = record
        return record

    def sent(self, entry_id: str, state: LegState = LegState.DONE) -> None:
        """Have an entry's reservation attempted."""
        self.put(_with(self.records[entry_id], reservation=Leg(state, attempts=1)))


def _with(record: Record, **changes: Any) -> Record:
    return replace(record, **changes)


class StillBench:
    """A bench of lanes, with what a test looks at. Everything that is done to it is done within the running loop."""

    def __init__(self, *lanes: str, rules: pairing.Rules | None = None, **work: Any) -> None:
        self.now = 100.0
        self.events: list[Event] = []
        self.records: list[Record] = []
        self.aside: list[RejectedKey] = []
        self.said: list[str] = []
        self.journal = MemoryJournal()
        self.bench = Bench(
            [(name, "sim:", SimReader()) for name in lanes or ("1",)],
            self.journal,  # type: ignore[arg-type]
            Work(
                TARGET,
                "test",
                rules=rules or pairing.Rules(),
                put_aside=self.aside.append,
                told=self.said.append,
                **work,
            ),
            emit=self.events.append,
            paired=self.records.append,
            changed=lambda: None,
            reader_signals=False,
            clock=lambda: self.now,
            utcnow=lambda: datetime(2026, 5, 4, 12, tzinfo=UTC),
        )
        self._edge = self.bench._on_edge
        self._lanes = self.bench._lanes

    def plug(self) -> None:
        """Every reader is there."""
        for lane in self._lanes.values():
            self._edge(lane, ReaderChanged(READY, self.now))

    def _later(self) -> float:
        self.now += 0.01
        return self.now

    def arrive(self, uid: str, lane: str = "1") -> None:
        """A key is laid on a reader."""
        self._edge(self._lanes[lane], TagArrived(Tag(Uid.from_hex(uid)), self._later()))

    def leave(self, uid: str, lane: str = "1") -> None:
        """It is taken away."""
        self._edge(self._lanes[lane], TagLeft(Tag(Uid.from_hex(uid)), self._later()))

    def lay_together(self, *uids: str, lane: str = "1") -> None:
        """Two keys are on a reader, or (none) something that cannot be read."""
        self._edge(self._lanes[lane], TagsCollided(tuple(Tag(Uid.from_hex(uid)) for uid in uids), self._later()))

    def lose(self, lane: str = "1") -> None:
        """The reader is pulled out, and plugged in again."""
        self._edge(self._lanes[lane], ReaderChanged(LOST, self._later()))
        self._edge(self._lanes[lane], ReaderChanged(READY, self._later()))

    def scan(self, text: str, lane: str | None = None, fault: ScanFault | None = None) -> None:
        """A scan captured now."""
        self.bench.scan(Scan(text, self._later(), "test", fault), lane)

    async def settle(self) -> None:
        """Let everything that is under way end."""
        while tasks := [*self.bench._commits, *self.bench._tasks]:
            await asyncio.gather(*tasks)

    async def pair(self, uid: str, number: str, lane: str = "1") -> str:
        """Make a pair, and lift its key; the entry's id."""
        self.arrive(uid, lane)
        self.scan(number, lane)
        await self.settle()
        self.leave(uid, lane)
        return self.records[-1].entry.id

    async def pair_scan_first(self, uid: str, number: str, lane: str = "1") -> None:
        """As `pair`, the number first."""
        self.scan(number, lane)
        self.arrive(uid, lane)
        await self.settle()
        self.leave(uid, lane)

    async def refuse(self, uid: str, lane: str = "1") -> None:
        """Tap a key that is refused, and lift it."""
        self.arrive(uid, lane)
        await self.settle()
        self.leave(uid, lane)

    def view(self, lane: str = "1") -> LaneView:
        """How a lane is shown."""
        return next(view for view in self.bench.views() if view.lane == lane)

    def seen(self, name: str) -> list[dict[str, Any]]:
        """The fields of all events of a name."""
        return [event.fields for event in self.events if event.event == name]
