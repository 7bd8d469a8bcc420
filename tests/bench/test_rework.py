"""Keys that come to nothing: any pair taken back, keys put aside, a lane that stops after many rejected ones."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from support.still_bench import StillBench
from tagsmith import pairing, words
from tagsmith.errors import JournalFull
from tagsmith.model import Leg, LegState, Mark, Phase, ReaderState, ScanFault
from tagsmith.production import RejectCause
from tagsmith.uid import Uid

SECRET, BADGE = "OP-SECRET-1", "04b0b1b2b3b4b5"


def key(number: int) -> str:
    """The n-th good key."""
    return f"04{number:010x}80"


def phone(number: int) -> str:
    """The n-th chip that is refused for what it is: its number changes at each tap."""
    return f"08{number:06x}"


def supervisor(shown: Uid | str) -> str:
    """Ada is known by badge and code."""
    return "Ada" if shown in (Uid.from_hex(BADGE), SECRET) else ""


@pytest.fixture
async def still(request: pytest.FixtureRequest) -> AsyncIterator[StillBench]:
    """A lane that stops after three rejected keys; `indirect` parameters are how it differs."""
    given: dict[str, Any] = {"stop_after": 3, "supervised": True, "supervisor": supervisor}
    made = StillBench(**{**given, **getattr(request, "param", {})})
    made.plug()
    yield made
    await made.bench.stop()


# --- taking back ----------------------------------------------------------------------------------------------------


async def test_any_recent_pair_is_taken_back(still: StillBench) -> None:
    """Not the last alone; the lane keeps its last pair, and only what was meant is free again."""
    first, second = await still.pair(key(1), "N-1"), await still.pair(key(2), "N-2")
    still.bench.undo_entry(first)
    await still.settle()
    assert [still.journal.records[entry].mark for entry in (first, second)] == [Mark.UNDONE, None]
    assert still.seen("undone")[-1] | {"at": ""} == {
        "lane": "1",
        "entry": first,
        "done": True,
        "message": "Taken back: N-1. Its key and its number are free again.",
        "at": "",
    }
    assert still.said[-1] == "Taken back: N-1. Its key and its number are free again."
    assert (still.view().phase, still.bench.paired_count) == (Phase.PAIRED, 1)
    await still.pair(key(1), "N-1")


async def test_a_lane_whose_last_pair_was_taken_back_takes_nothing_else_back(still: StillBench) -> None:
    """Nor is it green any more; and however often it is asked for, a pair is taken back once."""
    first, second = await still.pair(key(1), "N-1"), await still.pair(key(2), "N-2")
    still.bench.undo_entry(second)
    still.bench.undo_entry(second)
    still.bench.undo()
    await still.settle()
    assert still.view().phase is Phase.READY
    still.bench.undo()
    await still.settle()
    notice = still.view().notice
    assert notice is not None
    assert notice.reason == "nothing-to-undo"
    assert still.journal.records[first].mark is None
    assert [one["done"] for one in still.seen("undone")] == [True, False]
    assert still.bench.paired_count == 1


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (LegState.DONE, "Too late: the API holds N-1."),
        (LegState.UNKNOWN, "Too late: the API perhaps holds N-1."),
        (LegState.SENDING, "Too late: the API perhaps holds N-1."),
        (LegState.QUEUED, "Too late: the API perhaps holds N-1."),
        (LegState.REFUSED, "Too late: the API refused N-1."),
    ],
)
async def test_what_was_sent_is_not_taken_back(still: StillBench, state: LegState, said: str) -> None:
    """The answer says what the API has, and what to type to give it up."""
    entry = await still.pair(key(1), "N-1")
    still.journal.sent(entry, state)
    still.bench.undo_entry(entry)
    await still.settle()
    assert still.said == [f"{said} To give it up: tagsmith journal void {key(1)} --reason WHY"]
    assert not still.seen("undone")[-1]["done"]
    assert (still.view().phase, still.bench.paired_count) == (Phase.PAIRED, 1)


async def test_a_journal_that_fails_takes_nothing_back(still: StillBench) -> None:
    """It is said, and can be asked for again."""
    entry = await still.pair(key(1), "N-1")
    still.journal.trouble = JournalFull("no room left", "make room")
    still.bench.undo_entry(entry)
    await still.settle()
    assert still.said[-1].startswith("Not undone. no room left")
    still.bench.undo()
    await still.settle()
    assert still.journal.records[entry].mark is Mark.UNDONE


@pytest.mark.parametrize(
    "still", [{}, {"rules": pairing.Rules(golden=Uid.from_hex(key(9)))}], ids=["", "golden"], indirect=True
)
async def test_the_last_pair_is_known_after_a_restart(still: StillBench) -> None:
    """F2 takes it back once, also before and after the golden key; a pair of the run before is not counted."""
    before = StillBench()
    before.plug()
    last = before.journal.records[await before.pair(key(1), "N-1")]
    sent = replace(last, reservation=Leg(LegState.DONE, attempts=1))
    still.journal.put(last)
    still.bench.remember(sent)
    still.bench.undo()
    assert not still.seen("undone")[-1]["done"]
    still.bench.remember(last)
    if still.view().phase is Phase.GOLDEN:
        await still.refuse(key(9))
        assert still.seen("golden")
    still.bench.undo()
    await still.settle()
    assert still.seen("undone")[-1]["done"]
    still.bench.undo()
    await still.settle()
    assert not still.seen("undone")[-1]["done"]
    assert still.bench.paired_count == 0


# --- putting aside --------------------------------------------------------------------------------------------------


async def test_a_key_that_waits_is_put_aside(still: StillBench) -> None:
    """Its half pair is gone, and what is known of it is recorded; its number afterwards joins nothing."""
    still.journal.acting = "Bo"
    still.arrive(key(1))
    still.bench.reject("1", RejectCause.DAMAGED_PRINT, "smeared")
    assert still.view().phase is Phase.READY
    await still.settle()
    [(target, rejected)] = still.journal.rejected
    assert (target, rejected.cause, rejected.lane) == ("http://127.0.0.1:1", "damaged-print", "1")
    assert (rejected.uid, rejected.operator, rejected.note) == (Uid.from_hex(key(1)), "Bo", "smeared")
    assert still.aside == [rejected]
    [told] = still.seen("put-aside")
    assert (told["uid"], told["cause"], told["note"]) == (key(1), "damaged-print", "smeared")
    assert not still.seen("rejected")
    notice = still.view().notice
    assert notice is not None
    assert (notice.reason, notice.title) == ("put-aside", "Put aside: damaged print.")
    still.scan("N-1")
    assert [one["reason"] for one in still.seen("rejected")] == ["no-tag"]
    assert not still.journal.records


@pytest.mark.parametrize(
    ("word", "cause"),
    [
        ("REJPRINT", "damaged-print"),
        ("REJDEAD", "dead-chip"),
        ("REJWRONG", "wrong-chip"),
        ("REJDOUBLE", "duplicate"),
        ("REJOTHER", "other"),
    ],
)
async def test_each_reason_has_a_barcode(still: StillBench, word: str, cause: str) -> None:
    """Also for a key of which nothing is known: one that does not answer."""
    still.scan(f"TAGSMITH{word}")
    await still.settle()
    [(_, rejected)] = still.journal.rejected
    assert (rejected.cause, rejected.uid, rejected.visual_number) == (cause, None, "")


@pytest.mark.parametrize("still", [{"rules": pairing.Rules(order=pairing.Order.SCAN_FIRST)}], indirect=True)
async def test_a_number_that_waits_is_put_aside(still: StillBench) -> None:
    """Its key does not answer; the next key does not get its number."""
    still.scan("N-1")
    still.bench.reject(None, RejectCause.DEAD_CHIP)
    still.arrive(key(2))
    await still.settle()
    [(_, rejected)] = still.journal.rejected
    assert (rejected.uid, rejected.visual_number) == (None, "N-1")
    assert not still.journal.records


async def test_the_key_that_was_just_refused_is_meant(still: StillBench) -> None:
    """Whether it still lies there or was lifted; it is recorded once, however often the barcode is scanned."""
    await still.refuse(phone(1))
    still.bench.reject("1", RejectCause.WRONG_CHIP)
    still.arrive(phone(2))
    for _ in range(3):
        still.bench.reject("1", RejectCause.WRONG_CHIP)
    await still.settle()
    assert [one.uid and one.uid.wire for _, one in still.journal.rejected] == [phone(1), phone(2)]
    assert [said for said in still.said if "already" in said] == 2 * [still.said[0]]
    assert still.view().rejected_in_row == 2


async def test_whoever_knows_the_key_can_say_which(still: StillBench) -> None:
    """A lane that has stopped has dropped it, and it may be lifted; it is put aside all the same."""
    (lane,) = still.bench._lanes.values()
    still.bench.put_aside(lane, RejectCause.WRONG_CHIP, key=(Uid.from_hex(key(1)), "N-1"))
    await still.settle()
    [(_, rejected)] = still.journal.rejected
    assert (rejected.uid, rejected.visual_number) == (Uid.from_hex(key(1)), "N-1")


async def test_a_paired_key_is_not_put_aside(still: StillBench) -> None:
    """Its pair stands; the way is to take the pair back. Once it is lifted, the next key is meant."""
    still.arrive(key(1))
    still.scan("N-1")
    still.bench.reject("1", RejectCause.OTHER)
    assert still.said == ["A pair is still being saved. Wait for PAIRED, then try again."]
    await still.settle()
    still.bench.reject("1", RejectCause.OTHER)
    await still.settle()
    assert "take the pair back" in still.said[-1]
    assert not still.journal.rejected
    assert still.view().phase is Phase.PAIRED
    still.leave(key(1))
    still.bench.reject("1", RejectCause.DEAD_CHIP)
    await still.settle()
    assert [one.uid for _, one in still.journal.rejected] == [None]


async def test_a_key_that_is_not_recorded_is_said_so(still: StillBench) -> None:
    """And no event tells of it."""
    still.journal.trouble = JournalFull("no room left", "make room")
    still.bench.reject("1", RejectCause.DEAD_CHIP)
    await still.settle()
    assert still.said == ["The key is not recorded as put aside. no room left (make room)"]
    assert not still.seen("put-aside")
    assert not still.aside


async def test_of_several_lanes_one_must_be_named() -> None:
    """Nothing is recorded for a lane that nobody chose."""
    two = StillBench("left", "right")
    two.bench.reject(None, RejectCause.OTHER)
    await two.settle()
    assert two.said == ["Nobody knows which lane is meant. Choose the lane first."]
    assert not two.journal.rejected


# --- many in a row --------------------------------------------------------------------------------------------------


async def test_three_rejected_keys_stop_the_lane(still: StillBench) -> None:
    """Keys, not scans: as many as are refused, each once; then nothing is paired until somebody has looked."""
    for number in (1, 2):
        for _ in range(4):
            await still.refuse(phone(number))
            still.scan(f"N-{number}")
    assert (still.view().rejected_in_row, still.view().stop) == (2, None)
    await still.refuse(phone(3))
    stop = still.view().stop
    assert stop is not None
    assert (stop.reason, [choice.id for choice in stop.choices]) == ("many-rejects", ["unlock"])
    assert stop.title == "Stopped: 3 keys in a row were rejected."
    [told] = still.seen("stopped")
    assert (told["lane"], told["reason"], told["choices"]) == ("1", "many-rejects", ["unlock"])
    still.arrive(key(1))
    still.scan("N-1")
    await still.settle()
    assert [one["reason"] for one in still.seen("rejected")][-2:] == ["lane-stopped"] * 2
    assert not still.journal.records
    assert still.view().rejected_in_row == 3


async def test_a_pair_ends_the_row(still: StillBench) -> None:
    """Two rejected, one paired, two rejected: no stop."""
    for start in (0, 10):
        for number in (1, 2):
            await still.refuse(phone(start + number))
        await still.pair(key(start + 1), f"N-{start}")
        assert still.view().rejected_in_row == 0
    assert still.view().stop is None


async def test_scans_of_one_key_are_one_key(still: StillBench) -> None:
    """A key with a bad label is one, however often and however badly it is scanned; then it is put aside: still one."""
    still.arrive(key(1))
    for text in ("N\ufffd", "\x00", "N-1N-1"):
        still.scan(text, fault=ScanFault.DIRTY if text != "N-1N-1" else None)
    for _ in range(3):
        still.scan("N\x07-1")
    assert still.view().rejected_in_row == 1
    still.bench.reject("1", RejectCause.DAMAGED_PRINT)
    still.leave(key(1))
    assert still.view().rejected_in_row == 1


async def test_the_same_number_for_key_after_key(still: StillBench) -> None:
    """A scanner that repeats itself: each key counts."""
    await still.pair(key(9), "N-9")
    for number in (1, 2, 3):
        still.arrive(key(number))
        still.scan("N-9")
        await still.settle()
        still.leave(key(number))
    assert still.view().stop is not None


async def test_what_is_no_rejected_key_does_not_count(still: StillBench) -> None:
    """A lost reader, a cleared lane, scans without a key, a scan that reaches no lane, a moment of standing still."""
    for number in range(1, 6):
        still.arrive(key(number))
        still.lose()
        still.arrive(key(number))
        still.bench.clear("1")
        still.leave(key(number))
        still.scan(f"N-{number}")
        still.scan(f"N-{number}", "no such lane")
        still.arrive(key(number))
        still.bench._stood_still()
        still.leave(key(number))
        still.now += 5.0
    assert {one["reason"] for one in still.seen("rejected")} == {
        "reader-lost",
        "cancelled",
        "no-tag",
        "unknown-lane",
        "stalled",
    }
    assert (still.view().rejected_in_row, still.view().stop) == (0, None)
    assert still.view().reader.state is ReaderState.READY


async def test_keys_without_a_uid(still: StillBench) -> None:
    """Each laying of something that cannot be read is one, until it is read after all; so is each put aside by hand."""
    still.lay_together()
    still.lay_together()  # the same laying: the reader only says it twice
    assert still.view().rejected_in_row == 1
    still.bench.reject("1", RejectCause.DEAD_CHIP)
    assert still.view().rejected_in_row == 1
    still.bench.reject("1", RejectCause.DEAD_CHIP)
    assert still.view().rejected_in_row == 2
    still.now += 5.0
    await still.pair(key(1), "N-1")
    still.lay_together()
    await still.refuse(phone(1))
    assert still.view().rejected_in_row == 1
    for _ in range(2):
        still.now += 5.0
        still.lay_together(key(2), key(3))
    assert still.view().rejected_in_row == 2


@pytest.mark.parametrize("still", [{"rules": pairing.Rules(order=pairing.Order.SCAN_FIRST)}], indirect=True)
async def test_a_number_and_its_key_are_one(still: StillBench) -> None:
    """Scan first: the number is refused, then its key has none: one key. Number after number: each is one."""
    await still.pair_scan_first(key(9), "N-9")
    still.scan("N-9")
    await still.settle()
    still.now += 5.0
    still.scan("N-9")
    await still.settle()
    await still.refuse(key(1))
    assert still.view().rejected_in_row == 1
    for text in ("N\x07-1", "N\x07-1", "N\x07-2"):
        still.scan(text)
    assert still.view().stop is not None


@pytest.mark.parametrize("still", [{"stop_after": 0}], indirect=True)
async def test_no_stop_where_none_is_wanted(still: StillBench) -> None:
    """They are counted all the same."""
    for number in range(20):
        await still.refuse(phone(number))
    assert (still.view().rejected_in_row, still.view().stop) == (20, None)


# --- and on ---------------------------------------------------------------------------------------------------------


async def stopped(still: StillBench, lane: str = "1") -> None:
    """Have a lane stop."""
    for number in (1, 2, 3):
        await still.refuse(phone(number), lane)
    assert still.view(lane).stop is not None


async def test_a_supervisors_badge_lets_its_lane_go_on(still: StillBench) -> None:
    """Another's does not; the UID of the badge, which is a secret, is told nowhere."""
    await stopped(still)
    await still.refuse(key(8))
    assert still.view().stop is not None
    await still.refuse(BADGE)
    assert (still.view().stop, still.view().rejected_in_row) == (None, 0)
    [told] = still.seen("unlocked")
    assert (told["lane"], told["supervisor"], told["by"]) == ("1", "Ada", "badge")
    assert BADGE not in json.dumps([event.fields for event in still.events])
    assert still.said[-1] == "Lane 1 goes on: Ada has let it."
    await still.pair(key(1), "N-1")


async def test_a_supervisors_code_lets_the_lane_go_on(still: StillBench) -> None:
    """It is no number, and told nowhere."""
    await stopped(still)
    still.scan(SECRET)
    assert still.view().stop is None
    assert still.seen("unlocked")[0]["by"] == "code"
    assert SECRET not in json.dumps([event.fields for event in still.events]) + "".join(still.said)


async def test_a_code_is_for_one_lane() -> None:
    """Of two that have stopped, that of the barcode before it; without one none, and it says so."""
    two = StillBench("left", "right", stop_after=3, supervised=True, supervisor=supervisor)
    two.plug()
    for lane in ("left", "right"):
        await stopped(two, lane)
        two.now += 5.0
    two.scan(SECRET)
    assert two.bench.locked == ("left", "right")
    assert two.said[-1].startswith("Several lanes have stopped.")
    two.scan("TAGSMITHLANERIGHT")
    two.scan(SECRET)
    assert two.bench.locked == ("left",)
    two.scan(SECRET)
    assert two.bench.locked == ()
    assert SECRET not in json.dumps([event.fields for event in two.events]) + "".join(two.said)


async def test_an_answer_alone_unlocks_nothing(still: StillBench) -> None:
    """The choice asks for whoever may; so does its barcode."""
    asked: list[str] = []
    other = StillBench(stop_after=3, unlock_asked=asked.append)
    other.plug()
    await stopped(other)
    other.bench.answer("1", "unlock")
    other.scan("TAGSMITHUNLOCK")
    assert asked == ["1", "1"]
    assert other.view().stop is not None
    assert not still.bench.unlock("1", "Ada", "badge")


def test_a_choice_says_whether_somebody_is_needed() -> None:
    """Where no supervisor is set, the label says that anybody may."""
    assert "supervisor's badge, code or PIN" in words.many_rejects(5, supervised=True)[1]
    assert "anybody" in words.many_rejects(5, supervised=False)[1]
