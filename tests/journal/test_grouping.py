"""Changes that are asked for at the same time share a transaction, and none of them notices."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from sqlalchemy import Engine, event

from support.journal import TARGET, entry
from tagsmith.errors import DuplicateUid, IllegalTransition, JournalError
from tagsmith.journal import Journal
from tagsmith.journal.grouping import GROUP
from tagsmith.model import Correction, LegName


async def test_one_commit_for_all_that_waited(journal: Journal) -> None:
    """What comes while the writer is busy is made with one commit, in the order it was asked for."""
    gate, commits = threading.Event(), 0

    def count(connection: object) -> None:
        nonlocal commits
        commits += 1

    event.listen(Engine, "commit", count)
    try:
        journal._writing.submit(gate.wait)
        asked = [asyncio.ensure_future(journal.append(entry(index))) for index in range(1, 6)]
        await asyncio.sleep(0)
        gate.set()
        numbers = [committed.record.number for committed in await asyncio.gather(*asked)]
    finally:
        event.remove(Engine, "commit", count)
    assert numbers == sorted(numbers)
    assert commits == 1
    assert journal.verify().ok


async def test_what_was_asked_for_before_the_end_is_made(journal: Journal) -> None:
    """More than one group waits when the journal is closed: all of it is on the disc."""

    def until_it_closes() -> None:
        while journal._writing._open:
            time.sleep(0.001)

    journal._writing.submit(until_it_closes)
    asked = [asyncio.ensure_future(journal.append(entry(index))) for index in range(1, 3 * GROUP)]
    await asyncio.sleep(0)
    await asyncio.to_thread(journal.close)
    assert len(await asyncio.gather(*asked)) == 3 * GROUP - 1


async def test_one_that_is_refused_spoils_no_other(journal: Journal) -> None:
    """A duplicate among them gets its refusal, and so does what no database can write; the others are made."""
    gate = threading.Event()
    journal._writing.submit(gate.wait)
    twin, unwritable = entry(9, uid=entry(2).uid), entry(8, reader="\ud800")
    asked = [asyncio.ensure_future(journal.append(one)) for one in (entry(1), entry(2), twin, unwritable, entry(3))]
    await asyncio.sleep(0)
    gate.set()
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(found[2], DuplicateUid)
    assert isinstance(found[3], JournalError)
    assert {record.entry.id for record in journal.records()} == {"entry-1", "entry-2", "entry-3"}
    assert journal.verify().ok


async def test_nothing_is_attempted_of_what_was_corrected_meanwhile(journal: Journal) -> None:
    """A body that was made from what an entry said before a correction is never recorded, so never sent."""
    believed = entry(1, user_id="somebody")
    await journal.append(believed)
    await journal.correct(believed.id, Correction(user_id="somebody-else"))
    with pytest.raises(IllegalTransition, match="corrected meanwhile"):
        await journal.attempt(believed.id, LegName.RESERVATION, "{}", believed=believed)
    (now,) = await journal.due(TARGET, 1)
    assert await journal.attempt(believed.id, LegName.RESERVATION, "{}", believed=now.entry)
