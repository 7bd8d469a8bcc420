"""Calibrations on the disc: recorded durably, accounted for by the chain, and what was made in another order."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
from pathlib import Path

import pytest

from support.journal import OTHER_TARGET, TARGET, calibration, entry, opened
from tagsmith.errors import JournalCorrupt, JournalUnavailable
from tagsmith.journal import Journal, calibrating
from tagsmith.journal.chain import Kind
from tagsmith.model import LegName, LegState, Settlement
from tagsmith.uid import ByteOrder, Technology, Uid


async def test_the_last_one_counts(place: Path | str) -> None:
    """After a restart the target's last calibration is as it was recorded, the ones before are kept, others' apart."""
    first, second = calibration(1), calibration(2, order=ByteOrder.WIRE, by="Grace \u20ac")
    with opened(place) as journal:
        assert await journal.calibration(TARGET) is None
        await journal.record_calibration(first)
        await journal.record_calibration(second)
        await journal.record_calibration(calibration(3, target=OTHER_TARGET))
    with opened(place) as journal:
        assert await journal.calibration(TARGET) == second
        assert await journal.calibrations(TARGET) == [first, second]
        assert await journal.calibrations("https://nobody.example") == []
        assert journal.verify().calibrations == 3
        assert journal.verify().ok


async def test_the_technology_is_kept(journal: Journal) -> None:
    """What the reader called the chip is kept, though two UIDs are equal without it."""
    await journal.record_calibration(calibration(1, uid=Uid(b"\1\2\3\4", Technology.FELICA)))
    found = await journal.calibration(TARGET)
    assert found is not None
    assert found.uid.technology is Technology.FELICA


async def test_the_same_again_is_found_again(journal: Journal) -> None:
    """A calibration whose commit's answer was lost may be recorded again without being there twice."""
    await journal.record_calibration(calibration(1))
    await journal.record_calibration(calibration(1))
    assert await journal.calibrations(TARGET) == [calibration(1)]
    await journal.record_calibration(calibration(2))
    await journal.record_calibration(calibration(1))
    assert await journal.calibrations(TARGET) == [calibration(1), calibration(2), calibration(1)]


@pytest.mark.sqlite
async def test_its_event_holds_the_whole_row(journal: Journal) -> None:
    """The chain tells of a calibration with everything there is to know, and of no entry."""
    await journal.record_calibration(calibration(1))
    with contextlib.closing(sqlite3.connect(journal.path)) as connection:
        connection.row_factory = sqlite3.Row
        (row,) = connection.execute("SELECT * FROM calibrations").fetchall()
        (event,) = connection.execute("SELECT * FROM events WHERE kind = ?", (Kind.CALIBRATED,)).fetchall()
    assert event["entry_id"] is None
    assert json.loads(event["payload"]) == dict(row)


async def test_calibration_keys_are_not_for_pairing(journal: Journal) -> None:
    """Every key a target was calibrated with is named, those of other targets are not."""
    await journal.record_calibration(calibration(1))
    await journal.record_calibration(calibration(2))
    await journal.record_calibration(calibration(3, target=OTHER_TARGET))
    assert await journal.not_for_pairing(TARGET) == {calibration(1).uid, calibration(2).uid}


async def test_a_cancelled_recording_is_done_all_the_same(journal: Journal) -> None:
    """Whoever stops waiting does not stop the disc."""
    task = asyncio.ensure_future(journal.record_calibration(calibration(1)))
    await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await journal.record_calibration(calibration(2))
    assert len(await journal.calibrations(TARGET)) == 2


async def test_a_closed_journal_takes_none(path: Path) -> None:
    """After the end it is refused, not lost silently."""
    with opened(path) as journal:
        pass
    with pytest.raises(JournalUnavailable):
        await journal.record_calibration(calibration(1))
    with pytest.raises(JournalUnavailable):
        list(journal.sent_in_other_order(TARGET, ByteOrder.WIRE))


@pytest.mark.sqlite
async def test_a_spoilt_row_is_told(journal: Journal) -> None:
    """A calibration that nobody can have written is an error, never an order."""
    await journal.record_calibration(calibration(1))
    tamper(journal.path, "UPDATE calibrations SET uid_order = 'sideways'")
    with pytest.raises(JournalCorrupt, match=r"calibration 1 .*sideways"):
        await journal.calibration(TARGET)


@pytest.mark.parametrize(
    ("statement", "problems"),
    [
        (
            "UPDATE calibrations SET uid_order = 'wire' WHERE number = 2",
            ["calibration 2: uid_order is 'wire', its event says 'reversed'"],
        ),
        (
            "UPDATE calibrations SET done_by = 'Eve', reader = x'00' WHERE number = 1",
            [
                "calibration 1: done_by is 'Eve', its event says 'Ada'",
                "calibration 1: reader is b'\\x00', its event says 'ACR1252 PICC'",
            ],
        ),
        ("DELETE FROM calibrations WHERE number = 2", ["calibration 2: is missing, an event tells of it"]),
        ("UPDATE calibrations SET number = 7 WHERE number = 2", ["calibration 2: is missing, an event tells of it"]),
        (
            "INSERT INTO calibrations SELECT 3, target, 'wire', uid, technology, key_id, user_id, reader, done_by,"
            " station, at FROM calibrations WHERE number = 2",
            ["calibration 3: no event tells of it"],
        ),
        (
            "UPDATE events SET payload = replace(payload, 'reversed', 'wire') WHERE n = 3",
            ["was changed after it was written", "calibration 2: uid_order is 'reversed', its event says 'wire'"],
        ),
        ("UPDATE events SET payload = '{}' WHERE n = 3", ["event 3: its payload cannot be read"]),
        ("UPDATE events SET payload = x'ff' WHERE n = 3", ["event 3: its payload cannot be read"]),
        (
            "UPDATE events SET payload = (SELECT payload FROM events WHERE n = 2) WHERE n = 3",
            ["event 3: tells of calibration 1 again", "calibration 2: no event tells of it"],
        ),
        ("DELETE FROM events WHERE n = 2", ["seq 1 is missing", "calibration 1: no event tells of it"]),
    ],
)
async def test_verify_notices_a_changed_record(path: Path, statement: str, problems: list[str]) -> None:
    """Whoever edits, adds or removes a calibration, or the event that tells of it, is found out."""
    with opened(path) as journal:
        await journal.record_calibration(calibration(1))
        await journal.record_calibration(calibration(2))
    tamper(path, statement)
    with opened(path) as journal:
        found = journal.verify()
    assert not found.ok
    for problem in problems:
        assert any(problem in told for told in found.problems), found.problems


async def test_entries_in_the_other_order_are_told_apart(journal: Journal) -> None:
    """Live entries made in another order are listed, those sent apart from those that wait; no others."""
    wire = ByteOrder.WIRE
    for index in (1, 2, 3, 9):
        await journal.append(entry(index, uid_order=wire))
    await journal.append(entry(5))
    await journal.append(entry(6, uid_order=wire, target=OTHER_TARGET))
    await journal.append(entry(7, uid_order=wire, uid=Uid(bytes.fromhex("04112222221104"))))
    for index in (1, 2, 5, 7):
        attempt_id = await journal.attempt(f"entry-{index}", LegName.RESERVATION, "{}")
        state = LegState.DONE if index != 2 else LegState.UNKNOWN
        await journal.settle(f"entry-{index}", LegName.RESERVATION, attempt_id, Settlement(state))
    await journal.undo("entry-9")
    reversed_ = ByteOrder.REVERSED
    assert [one.entry.id for one in journal.sent_in_other_order(TARGET, reversed_)] == ["entry-1", "entry-2"]
    assert [one.entry.id for one in journal.waiting_in_other_order(TARGET, reversed_)] == ["entry-3"]
    assert [one.entry.id for one in journal.sent_in_other_order(TARGET, wire)] == ["entry-5"]
    assert list(journal.waiting_in_other_order(TARGET, wire)) == []


@pytest.mark.parametrize(
    ("settled", "sent", "waiting"),
    [
        ((), False, True),
        ((Settlement(LegState.QUEUED),), False, True),
        ((Settlement(LegState.QUEUED), Settlement(LegState.QUEUED)), False, True),
        ((None,), True, False),
        ((Settlement(LegState.QUEUED), None), True, False),
        ((Settlement(LegState.UNKNOWN),), True, False),
        ((Settlement(LegState.UNKNOWN, repeat=True),), True, False),
        ((Settlement(LegState.UNKNOWN, repeat=True), Settlement(LegState.QUEUED)), True, False),
        ((Settlement(LegState.DONE),), True, False),
        ((Settlement(LegState.REFUSED),), False, False),
    ],
)
async def test_sent_is_what_the_api_may_have(
    journal: Journal, settled: tuple[Settlement | None, ...], sent: bool, waiting: bool
) -> None:
    """What was proved not processed waits, however often it was tried; a doubt is sent; the API's no is neither."""
    await journal.append(entry(1, uid_order=ByteOrder.WIRE))
    for settlement in settled:  # None: still under way
        attempt_id = await journal.attempt("entry-1", LegName.RESERVATION, "{}")
        if settlement is not None:
            await journal.settle("entry-1", LegName.RESERVATION, attempt_id, settlement)
    found = (
        bool(list(journal.sent_in_other_order(TARGET, ByteOrder.REVERSED))),
        bool(list(journal.waiting_in_other_order(TARGET, ByteOrder.REVERSED))),
    )
    assert found == (sent, waiting)


async def test_what_was_declared_void_does_not_wait(journal: Journal) -> None:
    """A pair that was tried, never processed and then declared void is not sent any more."""
    await journal.append(entry(1, uid_order=ByteOrder.WIRE))
    attempt_id = await journal.attempt("entry-1", LegName.RESERVATION, "{}")
    await journal.settle("entry-1", LegName.RESERVATION, attempt_id, Settlement(LegState.QUEUED))
    await journal.void("entry-1", "in the wrong order")
    assert list(journal.waiting_in_other_order(TARGET, ByteOrder.REVERSED)) == []
    assert list(journal.sent_in_other_order(TARGET, ByteOrder.REVERSED)) == []


async def test_many_in_the_other_order_come_by_the_page(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages are put together without losing or repeating one, also where a page ends with the last of them."""
    for index in range(10, 16):
        await journal.append(entry(index, uid_order=ByteOrder.WIRE))
    monkeypatch.setattr(calibrating, "PAGE", 3)
    monkeypatch.setattr(calibrating, "_WAITING", calibrating._WAITING.limit(3))
    found = list(journal.waiting_in_other_order(TARGET, ByteOrder.REVERSED))
    assert [one.entry.id for one in found] == [f"entry-{index}" for index in range(10, 16)]


def tamper(path: Path, statement: str) -> None:
    """Change the file as somebody would who knows SQLite and has removed the triggers."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(statement)
