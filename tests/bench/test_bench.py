"""Lanes at work, on a simulated reader and a journal that can be made slow or broken."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.journal import laid
from tagsmith import pairing
from tagsmith.bench import Bench, Work
from tagsmith.bench import bench as bench_module
from tagsmith.errors import JournalFull, JournalUnavailable
from tagsmith.journal import Journal
from tagsmith.model import Committed, Entry, Event, Phase, Record, Scan, ScanFault
from tagsmith.readers.sim import SimReader

TARGET = "http://127.0.0.1:1"
A, B = "04a1b2c3d4e5f6", "04ffeeddccbbaa"


class TroubledJournal:
    """A real journal behind a door: appends can be held up, or answered with an error before or after the commit."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.gate = asyncio.Event()
        self.gate.set()
        self.before: list[Exception] = []
        self.after: list[Exception] = []
        self.appended: list[str] = []

    async def append(self, entry: Entry) -> Committed:
        """As `Journal.append`, with the trouble that was ordered."""
        self.appended.append(entry.id)
        await self.gate.wait()
        if self.before:
            raise self.before.pop(0)
        committed = await self._journal.append(entry)
        if self.after:
            raise self.after.pop(0)
        return committed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)


class Stage:
    """A bench of one lane with everything that a test looks at."""

    def __init__(self, journal: Journal, work: Work) -> None:
        self.reader = SimReader()
        self.journal = TroubledJournal(journal)
        self.events: list[Event] = []
        self.records: list[Record] = []
        self.news = asyncio.Event()
        self.bench = Bench(
            [("1", "sim:", self.reader)],
            self.journal,  # type: ignore[arg-type]
            work,
            emit=self._emit,
            paired=self.records.append,
            changed=self.news.set,
        )

    def _emit(self, event: Event) -> None:
        self.events.append(event)
        self.news.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds; every change wakes the look."""
        async with asyncio.timeout(20):
            while not condition():
                self.news.clear()
                await self.news.wait()

    @property
    def phase(self) -> Phase:
        """Where the lane stands."""
        return self.bench.views()[0].phase

    def seen(self, name: str) -> list[dict[str, object]]:
        """The fields of all events of a name."""
        return [event.fields for event in self.events if event.event == name]

    def scan(self, text: str) -> None:
        """A scan captured now."""
        self.bench.scan(Scan(text, time.monotonic(), "test"))

    async def tap(self, uid: str) -> None:
        """Lay a key on the reader and wait until it was seen."""
        before = len(self.seen("tapped"))
        self.reader.feed.put(uid)
        await self.until(lambda: len(self.seen("tapped")) > before)


@pytest.fixture
async def stage(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """A running stage; `indirect` parameters are the rules of pairing."""
    journal = Journal.open(laid(tmp_path / "journal.sqlite"), station="test")
    made = Stage(journal, Work(TARGET, "test", rules=getattr(request, "param", pairing.Rules())))
    made.bench.start()
    await made.bench.readers_known(20)
    yield made
    await made.bench.stop()
    journal.close()


async def test_paired_is_said_only_after_the_commit(stage: Stage) -> None:
    """While the journal has not answered nothing is green and nothing is reported."""
    stage.journal.gate.clear()
    await stage.tap(A)
    stage.scan("N-1")
    await stage.until(lambda: bool(stage.journal.appended))
    assert stage.phase is Phase.COMMITTING
    assert not stage.seen("paired")
    assert not stage.records
    stage.journal.gate.set()
    await stage.until(lambda: stage.phase is Phase.PAIRED)
    assert [fields["uid"] for fields in stage.seen("paired")] == [A]
    assert await stage.journal.get(stage.journal.appended[0]) == stage.records[0]


async def test_a_full_disc_is_never_green_and_the_pair_can_be_retried(stage: Stage) -> None:
    """The worker is told why; the same entry goes to the disc when there is room."""
    stage.journal.before.append(JournalFull("no room left", "make room"))
    await stage.tap(A)
    stage.scan("N-1")
    await stage.until(lambda: stage.phase is Phase.NOT_SAVED)
    [rejected] = stage.seen("rejected")
    assert rejected["reason"] == "commit-failed"
    assert "no room left" in str(rejected["message"])
    assert not stage.seen("paired")
    stage.bench.retry()
    await stage.until(lambda: stage.phase is Phase.PAIRED)
    assert len(set(stage.journal.appended)) == 1


async def test_perhaps_saved_stays_in_committing_and_is_asked_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit whose answer was lost is tried again by its id until it is certain, and then reported once."""
    monkeypatch.setattr(bench_module, "PERHAPS_RETRY_S", 0.0)
    stage.journal.after.append(JournalUnavailable("the answer was lost", perhaps=True))
    await stage.tap(A)
    stage.scan("N-1")
    await stage.until(lambda: stage.phase is Phase.PAIRED)
    assert len(stage.journal.appended) == 2
    assert len(set(stage.journal.appended)) == 1
    assert len(stage.seen("paired")) == 1
    assert not stage.seen("rejected")


async def test_the_next_key_during_a_slow_commit_waits_for_its_own_number(stage: Stage) -> None:
    """A key laid down while the last pair is being saved is looked at afterwards; a number meanwhile joins nothing."""
    stage.journal.gate.clear()
    await stage.tap(A)
    stage.scan("N-1")
    await stage.tap(B)
    stage.scan("N-2")
    assert [fields["reason"] for fields in stage.seen("rejected")] == ["busy"]
    stage.journal.gate.set()
    await stage.until(lambda: stage.phase is Phase.TAG_WAITS)
    stage.scan("N-3")
    await stage.until(lambda: len(stage.records) == 2)
    assert [(r.entry.uid.wire, r.entry.visual_number) for r in stage.records] == [(A, "N-1"), (B, "N-3")]


async def test_numbers_are_compared_by_their_key(stage: Stage) -> None:
    """The same contract id in another spelling is a duplicate, and says with which key it was paired."""
    await stage.tap(A)
    stage.scan("DE*8PS*CD0C00*2")
    await stage.until(lambda: stage.phase is Phase.PAIRED)
    await stage.tap(B)
    stage.scan("de-8ps-cd0c00-2")
    await stage.until(lambda: bool(stage.seen("rejected")))
    [rejected] = stage.seen("rejected")
    assert rejected["reason"] == "duplicate-number"
    assert A in str(rejected["message"])


async def test_a_faulty_scan_keeps_the_tag(stage: Stage) -> None:
    """A dirty scan is refused with its own reason, and the right number still joins the waiting key."""
    await stage.tap(A)
    stage.bench.scan(Scan("N\ufffd", time.monotonic(), "test", ScanFault.DIRTY))
    stage.scan("[bold]N-1[/]")
    await stage.until(lambda: stage.phase is Phase.PAIRED)
    assert [fields["reason"] for fields in stage.seen("rejected")] == ["scan-dirty"]
    assert stage.records[0].entry.visual_number == "[bold]N-1[/]"


async def test_a_wrong_check_digit_is_paired_with_a_warning(stage: Stage) -> None:
    """By default a contract id with a wrong check digit is paired, and the warning stands in event and entry."""
    await stage.tap(A)
    stage.scan("DE-8PS-C0CD0C002-Q")
    await stage.until(lambda: stage.phase is Phase.PAIRED)
    assert stage.seen("paired")[0]["warnings"] == ["number-check-digit"]
    assert stage.records[0].entry.warnings == ("number-check-digit",)
    assert stage.bench.views()[0].warnings


async def test_undo_frees_key_and_number(stage: Stage) -> None:
    """The last pair can be taken back while it was never sent; both can then be paired again at once."""
    await stage.tap(A)
    stage.scan("N-1")
    await stage.until(lambda: stage.phase is Phase.PAIRED)
    stage.bench.undo()
    await stage.until(lambda: stage.phase is Phase.READY)
    stage.reader.feed.remove()
    await stage.until(lambda: bool(stage.seen("removed")))
    await stage.tap(A)
    stage.scan("N-1")
    await stage.until(lambda: stage.phase is Phase.PAIRED)
    assert [record.state.value for record in stage.records] == ["held", "undone", "held"]


async def test_undo_with_nothing_to_undo_says_so(stage: Stage) -> None:
    """F2 on a fresh lane changes nothing and is answered."""
    stage.bench.undo()
    view = stage.bench.views()[0]
    assert view.notice is not None
    assert view.notice.reason == "nothing-to-undo"
    assert view.phase is Phase.READY


@pytest.mark.parametrize("stage", [pairing.Rules(timeout_s=0.05)], indirect=True)
async def test_a_half_pair_times_out_by_itself(stage: Stage) -> None:
    """Nothing has to happen for a waiting tag to be given up."""
    await stage.tap(A)
    await stage.until(lambda: bool(stage.seen("rejected")))
    assert stage.seen("rejected")[0]["reason"] == "timeout"
    assert stage.phase is Phase.REFUSED


@pytest.mark.parametrize("stage", [pairing.Rules(verify=True)], indirect=True)
async def test_verify_wants_the_same_key_twice(stage: Stage) -> None:
    """With verify the pair goes to the disc only after a second tap of the same key."""
    await stage.tap(A)
    stage.scan("N-1")
    assert stage.phase is Phase.VERIFYING
    assert not stage.journal.appended
    stage.reader.feed.remove()
    await stage.until(lambda: bool(stage.seen("removed")))
    await stage.tap(A)
    await stage.until(lambda: stage.phase is Phase.PAIRED)


async def test_a_commit_under_way_is_not_cut_off_by_stop(tmp_path: Path) -> None:
    """Stopping the bench waits for the pair on its way to the disc."""
    journal = Journal.open(laid(tmp_path / "journal.sqlite"))
    stage = Stage(journal, replace(Work(TARGET), station="test"))
    stage.bench.start()
    stage.journal.gate.clear()
    await stage.tap(A)
    stage.scan("N-1")
    await stage.until(lambda: bool(stage.journal.appended))
    stopping = asyncio.create_task(stage.bench.stop())
    stage.journal.gate.set()
    await stopping
    assert len(stage.seen("paired")) == 1
    journal.close()
