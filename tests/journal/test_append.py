"""Appending: durable, once, and never a second pair with the same key or number."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from support.journal import EPOCH, OTHER_TARGET, TARGET, entry, opened, url
from tagsmith.errors import DuplicateNumber, DuplicateUid, IllegalTransition, JournalUnavailable
from tagsmith.journal import Journal
from tagsmith.model import Committed, KeyType, Leg, LegName, LegState, Record, State
from tagsmith.uid import ByteOrder, Technology, Uid


async def test_a_committed_pair_is_there_after_a_restart(place: Path | str) -> None:
    """What `append` returned for is read back by another journal on the same file, every field of it."""
    whole = entry(
        1,
        user_id="user-7",
        key_type=KeyType.CARD,
        valid_from="2031-01-01T00:00:00Z",
        valid_to="2032-01-01T00:00:00Z",
        warnings=("four-byte-uid", "Prüfziffer"),
        uid=Uid(bytes.fromhex("04a1b2c3d4e5f6"), Technology.UNKNOWN),
        uid_order=ByteOrder.WIRE,
        visual_number="ES*BA*4321EU*1 \u20ac",
        paired_at=EPOCH.astimezone(timezone(timedelta(hours=5, minutes=30))),
    )
    with opened(place) as journal:
        committed = await journal.append(whole)
    expected = Record(1, whole, Leg(LegState.HELD), Leg(LegState.HELD))
    assert committed == Committed(expected)
    with opened(place) as journal:
        again = await journal.get(whole.id)
    assert again == expected
    assert again is not None
    assert again.entry.uid.technology is Technology.UNKNOWN
    assert again.entry.uid_api == "04a1b2c3d4e5f6"
    assert again.state is State.HELD


async def test_without_a_user_nothing_is_activated(journal: Journal) -> None:
    """The activation leg is wanted only where the entry has a user."""
    assert (await journal.append(entry(1))).record.activation == Leg(LegState.NONE)
    assert (await journal.append(entry(2, user_id="u"))).record.activation == Leg(LegState.HELD)


async def test_the_same_id_again_is_the_same_pair(journal: Journal) -> None:
    """A pair that is appended again by its id stands there once, and the answer says that it did already."""
    first = await journal.append(entry(1))
    again = await journal.append(replace(entry(1), paired_at=EPOCH + timedelta(days=1), lane="right"))
    assert again == Committed(first.record, again=True)
    assert [record.number for record in journal.records()] == [1]
    assert journal.verify().events == 2


async def test_the_same_id_with_another_pair_is_refused(journal: Journal) -> None:
    """An id belongs to one pair for ever: target, key and number must be the same."""
    await journal.append(entry(1))
    for other in (
        replace(entry(1), uid=entry(2).uid),
        replace(entry(1), visual_number="another"),
        replace(entry(1), number_key="another"),
        replace(entry(1), target=OTHER_TARGET),
    ):
        with pytest.raises(IllegalTransition):
            await journal.append(other)
    assert len(list(journal.records())) == 1


async def test_an_undone_pair_is_not_committed_again_by_its_id(journal: Journal) -> None:
    """Nothing turns green for an entry that was taken back."""
    await journal.append(entry(1))
    await journal.undo("entry-1")
    with pytest.raises(IllegalTransition):
        await journal.append(entry(1))


async def test_a_known_key_is_refused_with_its_record(journal: Journal) -> None:
    """A second pair with the same key is refused, naming the first, whatever a reader called the technology."""
    first = await journal.append(entry(1))
    with pytest.raises(DuplicateUid) as refused:
        await journal.append(entry(2, uid=Uid(entry(1).uid.data, Technology.UNKNOWN)))
    assert refused.value.record == first.record
    assert await journal.get("entry-2") is None


async def test_a_used_number_is_refused_with_its_record(journal: Journal) -> None:
    """A second pair with the same comparison key is refused, naming the first, however the number is written."""
    first = await journal.append(entry(1))
    with pytest.raises(DuplicateNumber) as refused:
        await journal.append(entry(2, number_key=entry(1).number_key))
    assert refused.value.record == first.record


async def test_the_key_is_named_before_the_number(journal: Journal) -> None:
    """Where key and number are both taken, by two records, the key's is told."""
    by_key = await journal.append(entry(1))
    await journal.append(entry(2))
    with pytest.raises(DuplicateUid) as refused:
        await journal.append(entry(3, uid=entry(1).uid, number_key=entry(2).number_key))
    assert refused.value.record == by_key.record


async def test_targets_do_not_meet(journal: Journal) -> None:
    """The same key and number may be paired once for each target."""
    await journal.append(entry(1))
    await journal.append(entry(2, target=OTHER_TARGET, uid=entry(1).uid, number_key=entry(1).number_key))
    found = await journal.find(OTHER_TARGET, uid=entry(1).uid)
    assert found is not None
    assert found.entry.id == "entry-2"


async def test_undone_frees_key_and_number(journal: Journal) -> None:
    """After an undo the same key and number can be paired again; the undone one is no longer found by them."""
    await journal.append(entry(1))
    await journal.undo("entry-1")
    assert await journal.find(TARGET, uid=entry(1).uid, number_key=entry(1).number_key) is None
    await journal.append(entry(2, uid=entry(1).uid, number_key=entry(1).number_key))
    found = await journal.find(TARGET, number_key=entry(1).number_key)
    assert found is not None
    assert found.entry.id == "entry-2"


async def test_void_keeps_key_and_number(journal: Journal) -> None:
    """After a void the API still holds the pair, so both stay taken."""
    await journal.append(entry(1))
    await journal.attempt("entry-1", LegName.RESERVATION, "{}")
    await journal.void("entry-1", "wrong key ring")
    with pytest.raises(DuplicateUid):
        await journal.append(entry(2, uid=entry(1).uid))
    with pytest.raises(DuplicateNumber):
        await journal.append(entry(2, number_key=entry(1).number_key))


async def test_a_time_without_zone_is_refused(journal: Journal) -> None:
    """A naive time would be recorded hours off: it is a mistake of the caller, and nothing is recorded."""
    with pytest.raises(ValueError, match="zone"):
        await journal.append(entry(1, paired_at=datetime(2031, 1, 1)))
    assert list(journal.records()) == []


async def test_a_cancelled_append_is_committed(journal: Journal) -> None:
    """Cancelling whoever waits does not stop a commit, not even one that has not begun yet."""
    gate = threading.Event()
    journal._writing.submit(gate.wait)
    waiting = asyncio.create_task(journal.append(entry(1)))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    gate.set()
    # Writes are done in order, so that this one's answer tells that the cancelled one is done.
    await journal.append(entry(2))
    assert await journal.get("entry-1") is not None


def test_several_loops_may_append(place: Path | str) -> None:
    """A journal serves any number of event loops and threads at once."""
    with opened(place) as journal:

        async def some(first: int) -> None:
            await asyncio.gather(*(journal.append(entry(index)) for index in range(first, first + 25)))

        threads = [
            threading.Thread(target=lambda first=first: asyncio.run(some(first))) for first in (0, 100, 200, 300)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [record.number for record in journal.records()] == list(range(1, 101))
        assert journal.verify().ok


async def test_closing_finishes_what_was_asked_for(place: Path | str) -> None:
    """`close` returns after every append that was handed over is on the disc."""
    journal = Journal.open(url(place))
    waiting = [asyncio.create_task(journal.append(entry(index))) for index in range(50)]
    await asyncio.sleep(0)
    await asyncio.to_thread(journal.close)
    assert {type(answer) for answer in await asyncio.gather(*waiting)} == {Committed}
    with opened(place) as journal:
        assert len(list(journal.records())) == 50


async def test_a_closed_journal_says_so(place: Path | str) -> None:
    """Every method of a closed journal raises `JournalUnavailable`; closing again does nothing."""
    journal = Journal.open(url(place))
    await journal.append(entry(1))
    reading = journal.records()
    journal.close()
    journal.close()
    with pytest.raises(JournalUnavailable, match="closed"):
        await journal.append(entry(2))
    with pytest.raises(JournalUnavailable, match="closed"):
        await journal.get("entry-1")
    with pytest.raises(JournalUnavailable, match="closed"):
        next(reading)
    with pytest.raises(JournalUnavailable, match="closed"):
        journal.verify()
    with pytest.raises(JournalUnavailable, match="closed"):
        journal.look_up("entry-1")
