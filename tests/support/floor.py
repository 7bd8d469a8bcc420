"""A bench with simulated readers, a journal of its own and a batch: hands that lay keys and scan numbers."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tagsmith import pairing
from tagsmith.batch import begin
from tagsmith.bench import Bench, Work, beat
from tagsmith.journal import Journal
from tagsmith.model import Event, LaneView, Phase, Record, Scan
from tagsmith.production import Batch, ManifestLine
from tagsmith.readers.sim import SimReader
from tagsmith.uid import Uid
from tagsmith.visual_number import VisualNumber

TARGET = "http://127.0.0.1:1"
Event_ = dict[str, Any]


def uid(index: int) -> str:
    """The chip of this index: 7 bytes, nothing odd about it."""
    return f"04{index:010x}80"


def number(index: int) -> str:
    """The number of this index."""
    return f"N-{index:05d}"


def lines(indexes: Iterable[int], uids: Iterable[int] = ()) -> list[ManifestLine]:
    """A manifest of these numbers; the keys of those in `uids` are known."""
    known = set(uids)
    return [
        ManifestLine(
            position,
            number(index),
            VisualNumber.parse(number(index)).key,
            Uid.from_hex(uid(index)) if index in known else None,
        )
        for position, index in enumerate(indexes, start=1)
    ]


def batch(name: str = "b", **fields: Any) -> Batch:
    """A batch of this name."""
    return Batch(f"id-{name}", name, TARGET, datetime(2031, 5, 6, tzinfo=UTC), **fields)


class Floor:
    """A bench at work, and everything that a test looks at."""

    def __init__(self, journal: Journal, lanes: Sequence[str], rules: pairing.Rules, bound: float = 20.0) -> None:
        self.journal = journal
        self.readers = {lane: SimReader() for lane in lanes}
        self.events: list[Event] = []
        self._seen: dict[tuple[str, object], list[Event_]] = defaultdict(list)
        self.records: list[Record] = []
        self.checked: list[Record] = []
        self._bound = bound
        self._news = asyncio.Event()
        self.bench = Bench(
            [(lane, "sim:", reader) for lane, reader in self.readers.items()],
            journal,
            Work(TARGET, "test", rules=rules),
            emit=self._emit,
            paired=self.records.append,
            changed=self._news.set,
            checked=self.checked.append,
        )

    def _emit(self, event: Event) -> None:
        self.events.append(event)
        lane = event.fields.get("lane")
        self._seen[event.event, None].append(event.fields)
        if lane is not None:
            self._seen[event.event, lane].append(event.fields)
        if event.event in ("paired", "rejected", "stopped") and event.fields.get("reason") != "cancelled":
            self._seen["outcome", lane].append({"event": event.event, **event.fields})
        self._news.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds; every change wakes the look."""
        async with asyncio.timeout(self._bound):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def choose(self, wanted: Batch, manifest: Sequence[ManifestLine] = ()) -> None:
        """Make this batch, and make keys of it."""
        await self.journal.create_batch(wanted, manifest)
        await self.resume(wanted.name)

    async def resume(self, name: str) -> None:
        """Make keys of the batch of this name, as the journal has it."""
        stand = await self.journal.batch(TARGET, name)
        assert stand is not None
        manifest = await self.journal.manifest(stand.batch.id)
        keys = await self.journal.batch_keys(stand.batch.id)
        self.bench.batch.take(begin(stand.batch, manifest, keys, list(self.readers), "test"))

    # --- hands --------------------------------------------------------------------------------------------------

    async def tap(self, key: int, lane: str = "1") -> None:
        """Lay a key on the reader, and wait until it was seen."""
        before = len(self.seen("tapped", lane))
        self.readers[lane].feed.put(uid(key))
        await self.until(lambda: len(self.seen("tapped", lane)) > before)

    def scan(self, label: int | str, lane: str = "1") -> None:
        """Scan a label."""
        text = label if isinstance(label, str) else number(label)
        self.bench.scan(Scan(text, time.monotonic(), "test"), lane)

    async def read(self, label: int | str, lane: str = "1") -> Event_:
        """Scan a label; what became of it."""
        before = len(self.outcomes(lane))
        self.scan(label, lane)
        await self.until(lambda: len(self.outcomes(lane)) > before)
        return self.outcomes(lane)[before]

    async def make(self, key: int, label: int | str | None = None, lane: str = "1") -> Event_:
        """Tap a key and scan a label (its own, where none is given); what became of it."""
        before = len(self.outcomes(lane))
        await self.tap(key, lane)
        if len(self.outcomes(lane)) == before:
            self.scan(key if label is None else label, lane)
        await self.until(lambda: len(self.outcomes(lane)) > before)
        return self.outcomes(lane)[before]

    async def tap_only(self, key: int, lane: str = "1") -> Event_:
        """Tap a key whose number is taken by itself; what became of it."""
        before = len(self.outcomes(lane))
        await self.tap(key, lane)
        await self.until(lambda: len(self.outcomes(lane)) > before)
        return self.outcomes(lane)[before]

    async def decide(self, choice: str, lane: str = "1") -> None:
        """Answer a stop, and wait until the lane goes on."""
        self.bench.answer(lane, choice)
        await self.until(lambda: self.view(lane).stop is None)

    # --- what is seen -------------------------------------------------------------------------------------------

    def view(self, lane: str = "1") -> LaneView:
        """How a lane is shown."""
        return next(view for view in self.bench.views() if view.lane == lane)

    def phase(self, lane: str = "1") -> Phase:
        """Where a lane stands."""
        return self.view(lane).phase

    def seen(self, name: str, lane: str | None = None) -> list[Event_]:
        """The fields of all events of a name."""
        return self._seen[name, lane]

    def outcomes(self, lane: str) -> list[Event_]:
        """What became of the keys and numbers of a lane, in order."""
        return self._seen["outcome", lane]

    def reasons(self) -> list[object]:
        """Why what was refused or stopped was, in order."""
        return [
            event.fields["reason"]
            for event in self.events
            if event.event in ("rejected", "stopped") and event.fields["reason"] != "cancelled"
        ]

    async def pairs(self, name: str = "b") -> list[tuple[str, str]]:
        """The live pairs of a batch as the journal has them."""
        return [(key.uid.wire, key.visual_number) for key in await self.journal.batch_keys(f"id-{name}")]


@contextlib.asynccontextmanager
async def working(
    folder: Path, lanes: Sequence[str] = ("1",), rules: pairing.Rules | None = None, bound: float = 20.0
) -> AsyncIterator[Floor]:
    """A floor that is at work; `bound` is how long any wait may take, in seconds."""
    journal = Journal.open(f"sqlite:///{folder / 'journal.sqlite'}", station="test")
    floor = Floor(journal, lanes, rules or pairing.Rules(), bound)
    with never_still():
        floor.bench.start()
        await floor.bench.readers_known(20)
        try:
            yield floor
        finally:
            await floor.bench.stop()
            journal.close()


@contextlib.contextmanager
def never_still() -> Iterator[None]:
    """A machine that many tests share stands still now and then; what comes of that is proved elsewhere."""
    before, beat.STALL_S = beat.STALL_S, 60.0
    try:
        yield
    finally:
        beat.STALL_S = before


def pair(index: int) -> tuple[str, str]:
    """The right pair of this index."""
    return uid(index), number(index)
