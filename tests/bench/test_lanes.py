"""Several lanes on one bench: whom a scan reaches, commands by barcode, the same key twice, the golden key."""

from __future__ import annotations

import asyncio
import queue
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from support.journal import laid
from tagsmith import pairing
from tagsmith.bench import Bench, Work, beat
from tagsmith.errors import DeviceLost, DeviceMissing
from tagsmith.journal import Journal
from tagsmith.model import Event, Phase, ReaderInfo, ReaderState, Record, Scan, Signal
from tagsmith.readers.sim import SimReader
from tagsmith.scanners.base import ScannerDevice
from tagsmith.uid import Uid

TARGET = "http://127.0.0.1:1"
A, B = "04a1b2c3d4e5f6", "04ffeeddccbbaa"
LANES = ("left", "right")


class Wand(ScannerDevice):
    """A scanner in the test's hand."""

    def __init__(self, name: str) -> None:
        super().__init__(f"wand:{name}")
        self.plugged = True
        self._said: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def open(self) -> str:
        """It opens while it is plugged."""
        if not self.plugged:
            raise DeviceMissing("the wand is not there", "plug it in")
        return "a wand"

    def read(self, timeout_s: float) -> list[Scan]:
        """What was scanned."""
        try:
            text = self._said.get(timeout=timeout_s)
        except queue.Empty:
            return []
        if not self.plugged:
            raise DeviceLost("the wand was unplugged", "plug it in again")
        return [] if text is None else [Scan(text, time.monotonic(), "scanner", scanner=self.spec)]

    def wake(self) -> None:
        """End a read."""
        self._said.put(None)

    def close(self) -> None:
        """Nothing is held."""

    def scan(self, text: str) -> None:
        """Scan a label."""
        self._said.put(text)


class DeafReader(SimReader):
    """A reader that says when a key comes, and not when it goes."""

    def _open(self) -> ReaderInfo:
        return replace(super()._open(), sees_removal=False)


class Hall:
    """A bench of two lanes with what a test looks at."""

    def __init__(self, journal: Journal, rules: pairing.Rules, wands: list[tuple[ScannerDevice, str | None]]) -> None:
        self.readers = {"left": SimReader(), "right": DeafReader()}
        self.events: list[Event] = []
        self.signals: list[Signal] = []
        self.records: list[Record] = []
        self.acknowledged = 0
        self.news = asyncio.Event()
        self.bench = Bench(
            [(name, "sim:", reader) for name, reader in self.readers.items()],
            journal,
            Work(TARGET, "test", rules=rules),
            emit=self._emit,
            paired=self.records.append,
            changed=self.news.set,
            scanners=wands,
            signal=self.signals.append,
            acknowledged=self._acknowledge,
        )

    def _acknowledge(self) -> None:
        self.acknowledged += 1

    def _emit(self, event: Event) -> None:
        self.events.append(event)
        self.news.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds; every change wakes the look."""
        async with asyncio.timeout(20):
            while not condition():
                self.news.clear()
                await self.news.wait()

    async def until_time(self, at: float) -> None:
        """Let the clock of captures come to a time."""
        await asyncio.sleep(max(0.0, at - time.monotonic()))

    def phase(self, lane: str) -> Phase:
        """Where a lane stands."""
        return next(view.phase for view in self.bench.views() if view.lane == lane)

    def seen(self, name: str) -> list[dict[str, object]]:
        """The fields of all events of a name."""
        return [event.fields for event in self.events if event.event == name]

    def pairs(self) -> list[tuple[object, object, object]]:
        """Lane, uid and number of what was paired."""
        return [(one["lane"], one["uid"], one["visual_number"]) for one in self.seen("paired")]

    def reasons(self) -> list[object]:
        """Why what was refused was refused."""
        return [one["reason"] for one in self.seen("rejected")]

    def scan(self, text: str, lane: str | None = None) -> None:
        """A scan from the keyboard, captured now."""
        self.bench.scan(Scan(text, time.monotonic(), "typed"), lane)

    async def tap(self, lane: str, uid: str) -> None:
        """Lay a key on a lane's reader and wait until it was seen."""
        before = len(self.seen("tapped"))
        self.readers[lane].feed.put(uid)
        await self.until(lambda: len(self.seen("tapped")) > before)


@pytest.fixture
def wands() -> dict[str, Wand]:
    """A scanner that is bound to the left lane, and a free one."""
    return {"bound": Wand("bound"), "free": Wand("free")}


@pytest.fixture
async def hall(tmp_path: Path, request: pytest.FixtureRequest, wands: dict[str, Wand]) -> AsyncIterator[Hall]:
    """A running hall; `indirect` parameters are the rules of pairing."""
    journal = Journal.open(laid(tmp_path / "journal.sqlite"), station="test")
    made = Hall(journal, getattr(request, "param", pairing.Rules()), [(wands["bound"], "left"), (wands["free"], None)])
    made.bench.start()
    await made.bench.readers_known(20)
    await made.until(lambda: len(made.seen("scanner")) == 2)
    yield made
    await made.bench.stop()
    journal.close()


async def test_a_bound_scanner_feeds_its_own_lane(hall: Hall, wands: dict[str, Wand]) -> None:
    """Although the neighbour's key was tapped first."""
    await hall.tap("right", A)
    await hall.tap("left", B)
    wands["bound"].scan("N-1")
    await hall.until(lambda: bool(hall.pairs()))
    assert hall.pairs() == [("left", B, "N-1")]
    assert hall.phase("right") is Phase.TAG_WAITS


async def test_a_free_scanner_needs_the_lane_before_each_number(hall: Hall, wands: dict[str, Wand]) -> None:
    """Without its barcode a number reaches nobody; a barcode serves one number."""
    await hall.tap("left", A)
    await hall.tap("right", B)
    for text in ("N-1", "TAGSMITHLANERIGHT", "N-2", "N-3"):
        wands["free"].scan(text)
    await hall.until(lambda: len(hall.reasons()) == 2 and bool(hall.pairs()))
    assert hall.pairs() == [("right", B, "N-2")]
    assert hall.reasons() == ["lane-first", "lane-first"]
    assert hall.phase("left") is Phase.TAG_WAITS


async def test_a_bound_scanner_cannot_choose_another_lane(hall: Hall, wands: dict[str, Wand]) -> None:
    """The barcode of the neighbour's lane is refused, and the next number goes where it always goes."""
    await hall.tap("left", A)
    await hall.tap("right", B)
    wands["bound"].scan("TAGSMITHLANERIGHT")
    wands["bound"].scan("N-1")
    await hall.until(lambda: bool(hall.pairs()))
    assert hall.reasons() == ["other-lane"]
    assert hall.pairs() == [("left", A, "N-1")]


async def test_the_same_key_on_two_lanes_is_refused_on_both(hall: Hall) -> None:
    """Neither lane keeps it: nobody can say which of them is the chip that the number belongs to."""
    await hall.tap("left", A)
    await hall.tap("right", A)
    hall.scan("N-1", "left")
    hall.scan("N-2", "right")
    assert hall.phase("left") is Phase.REFUSED
    assert hall.phase("right") is Phase.REFUSED
    assert hall.reasons() == ["two-lanes", "two-lanes", "no-tag", "no-tag"]
    assert hall.pairs() == []


async def test_a_key_that_waits_on_one_lane_is_refused_on_another(hall: Hall) -> None:
    """Also when it was taken away from the first meanwhile."""
    await hall.tap("left", A)
    hall.readers["left"].feed.remove()
    await hall.until(lambda: bool(hall.seen("removed")))
    await hall.tap("right", A)
    assert hall.reasons() == ["two-lanes", "two-lanes"]


@pytest.mark.parametrize(
    "text", ["TAGSMITHUNDO", "tagsmithclear", "TAGSMITHVERIFY", "TQGS?ITHUNDO", "TAGSMITHNONSENSE"]
)
async def test_a_command_is_never_a_number(hall: Hall, text: str) -> None:
    """Also in the letters of another keyboard, or where nobody knows it."""
    await hall.tap("left", A)
    hall.scan(text, "left")
    hall.scan("TAGSMITHLANELEFT")
    hall.scan(text)
    assert hall.pairs() == []
    assert not [one for one in hall.events if one.fields.get("visual_number") == text and one.event == "paired"]
    assert hall.phase("left") in (Phase.TAG_WAITS, Phase.READY)


async def test_commands_do_what_the_keys_do(hall: Hall) -> None:
    """Clear drops what waits; undo takes the lane's last pair back."""
    await hall.tap("left", A)
    hall.scan("TAGSMITHCLEAR", "left")
    assert hall.phase("left") is Phase.READY
    await hall.tap("right", B)
    hall.scan("N-1", "right")
    await hall.until(lambda: bool(hall.pairs()))
    hall.scan("TAGSMITHUNDO", "right")
    await hall.until(lambda: len(hall.records) == 2)
    assert str(hall.records[-1].state) == "undone"


async def test_verify_asks_for_a_second_tap_once(hall: Hall) -> None:
    """The next pair needs it; the one after does not."""
    hall.scan("TAGSMITHVERIFY", "left")
    await hall.tap("left", A)
    hall.scan("N-1", "left")
    assert hall.phase("left") is Phase.VERIFYING
    hall.readers["left"].feed.remove()
    await hall.until(lambda: bool(hall.seen("removed")))
    await hall.tap("left", A)
    await hall.until(lambda: len(hall.pairs()) == 1)
    await hall.tap("left", B)
    hall.scan("N-2", "left")
    await hall.until(lambda: len(hall.pairs()) == 2)


async def test_acknowledge_reaches_the_station(hall: Hall) -> None:
    """It needs no lane."""
    hall.scan("TAGSMITHACK")
    assert hall.acknowledged == 1


async def test_a_lost_scanner_is_told_and_taken_again(hall: Hall, wands: dict[str, Wand]) -> None:
    """With words and a remedy; what it had chosen before counts no more."""
    free = wands["free"]
    free.scan("TAGSMITHLANELEFT")
    await hall.until(lambda: bool(hall.seen("command")))
    free.plugged = False
    free.wake()
    await hall.until(lambda: len(hall.seen("scanner")) >= 3)
    lost = hall.seen("scanner")[2]
    assert (lost["state"], lost["message"]) == ("lost", "the wand was unplugged")
    free.plugged = True
    await hall.until(lambda: hall.seen("scanner")[-1]["state"] == "ready")
    assert {view.state for view in hall.bench.scanners()} == {ReaderState.READY}
    await hall.tap("left", A)
    free.scan("N-1")
    await hall.until(lambda: bool(hall.reasons()))
    assert hall.reasons() == ["lane-first"]


async def test_two_lanes_chosen_from_the_keyboard(hall: Hall) -> None:
    """Two scanners that type are one keyboard: a number after two lanes is nobody's."""
    await hall.tap("left", A)
    await hall.tap("right", B)
    for text in ("TAGSMITHLANELEFT", "TAGSMITHLANERIGHT", "N-1"):
        hall.scan(text)
    assert hall.reasons() == ["two-lanes-chosen", "lane-first"]
    hall.scan("TAGSMITHLANELEFT")
    hall.scan("N-1")
    await hall.until(lambda: bool(hall.pairs()))
    assert hall.pairs() == [("left", A, "N-1")]
    assert [view.notice for view in hall.bench.views() if view.lane == "right"] == [None]


async def test_a_number_glued_to_a_lane_uses_up_what_was_chosen(hall: Hall, wands: dict[str, Wand]) -> None:
    """The lane of before must not take the number that is scanned again."""
    await hall.tap("left", A)
    for text in ("TAGSMITHLANELEFT", "TAGSMITHLANERIGHTN-1", "N-1"):
        wands["free"].scan(text)
    await hall.until(lambda: len(hall.reasons()) == 2)
    assert hall.reasons() == ["unknown-command", "lane-first"]
    assert hall.pairs() == []


async def test_a_station_that_stood_still_joins_nothing(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read at once afterwards was captured meanwhile, in an order nobody knows; what comes later is fine."""
    await hall.tap("left", A)
    slept = time.monotonic()
    monkeypatch.setattr(hall.bench._beat, "_clock", lambda: beat.boot_time() + 60)
    hall.scan("N-1", "left")
    assert hall.reasons() == ["stalled", "no-tag"]
    await hall.tap("left", B)
    hall.scan("N-2", "left")
    assert hall.reasons()[2:] == ["stale-tap", "no-tag"]
    await hall.until_time(slept + beat.GRACE_S + 0.1)
    hall.readers["left"].feed.remove()
    await hall.until(lambda: bool(hall.seen("removed")))
    await hall.tap("left", B)
    hall.scan("N-2", "left")
    await hall.until(lambda: bool(hall.pairs()))
    assert hall.pairs() == [("left", B, "N-2")]


@pytest.mark.parametrize("hall", [pairing.Rules(order=pairing.Order.EITHER)], indirect=True)
async def test_no_number_waits_for_a_dead_reader(hall: Hall) -> None:
    """Its key may lie on the reader that is away: it must not get the next one's."""
    hall.readers["left"].feed.unplug()
    await hall.until(lambda: bool([one for one in hall.seen("reader") if one["state"] == "lost"]))
    hall.scan("N-1", "left")
    assert hall.reasons() == ["reader-lost"]
    assert hall.phase("left") is not Phase.NUMBER_WAITS


@pytest.mark.parametrize("text", [B, B.upper(), "04A1B2C3D4E5F7", "80f2e1d0c3b2a104"[2:]])
async def test_a_uid_is_no_number(hall: Hall, text: str) -> None:
    """Not that of a key on another lane, and not one that was never tapped but looks like one: a reader that types."""
    await hall.tap("right", B)
    await hall.tap("left", A)
    hall.scan(text, "left")
    assert hall.reasons() == ["number-is-uid"]
    hall.scan("04123456789012", "left")
    await hall.until(lambda: bool(hall.pairs()))


async def test_verify_during_a_commit_is_for_the_next_pair(hall: Hall) -> None:
    """What was asked for is not forgotten with the pair that was already on its way."""
    await hall.tap("left", A)
    hall.scan("N-1", "left")
    hall.scan("TAGSMITHVERIFY", "left")
    await hall.until(lambda: bool(hall.pairs()))
    await hall.tap("left", B)
    hall.scan("N-2", "left")
    assert hall.phase("left") is Phase.VERIFYING


async def test_what_became_of_an_undo_is_told(hall: Hall) -> None:
    """A listener must not keep an undone pair for a good one, nor take a refused undo for one that was done."""
    hall.scan("TAGSMITHUNDO", "left")
    await hall.tap("left", A)
    hall.scan("N-1", "left")
    await hall.until(lambda: bool(hall.pairs()))
    hall.scan("TAGSMITHUNDO", "left")
    await hall.until(lambda: len(hall.seen("undone")) == 2)
    nothing, done = hall.seen("undone")
    assert (nothing["entry"], nothing["done"]) == (None, False)
    assert (done["entry"], done["done"]) == (hall.seen("paired")[0]["entry"], True)


async def test_a_key_becomes_one_that_is_never_paired(hall: Hall) -> None:
    """It was used to calibrate meanwhile: also where it already waits."""
    await hall.tap("left", A)
    hall.bench.never(frozenset({Uid.from_hex(A), Uid.from_hex(B)}))
    hall.scan("N-1", "left")
    await hall.tap("right", B)
    assert hall.reasons() == ["not-for-pairing", "not-for-pairing"]


@pytest.mark.parametrize("hall", [pairing.Rules(keep_removed=False)], indirect=True)
async def test_a_reader_that_does_not_see_removal_drops_nothing(hall: Hall) -> None:
    """Where keys must stay until their number comes: a reader that falls silent has not seen the key go."""
    await hall.tap("right", A)
    await hall.tap("left", B)
    for reader in hall.readers.values():
        reader.feed.remove()
    await hall.until(lambda: hall.phase("left") is Phase.REFUSED)
    hall.scan("N-1", "right")
    await hall.until(lambda: bool(hall.pairs()))
    assert hall.reasons() == ["tag-removed"]
    assert {one["lane"] for one in hall.seen("removed")} == {"left"}


@pytest.mark.parametrize("hall", [pairing.Rules(golden=Uid.from_hex(B))], indirect=True)
async def test_each_lane_begins_with_the_golden_key(hall: Hall) -> None:
    """A lane that has not seen it pairs nothing, whatever the others have seen; a wrong key is an alarm."""
    await hall.tap("left", B)
    hall.readers["left"].feed.remove()
    await hall.until(lambda: bool(hall.seen("removed")))
    await hall.tap("left", A)
    hall.scan("N-1", "left")
    await hall.until(lambda: bool(hall.pairs()))
    await hall.tap("right", "04010203040506")
    hall.scan("N-2", "right")
    assert hall.reasons() == ["golden-key-mismatch", "golden-key-awaited"]
    assert hall.phase("right") is Phase.GOLDEN
    assert [one["lane"] for one in hall.seen("golden")] == ["left"]
    assert hall.signals == [Signal.PAIRED, Signal.ALARM, Signal.REFUSED]
