"""Changes that are asked for at the same time share a transaction, and none of them notices."""

from __future__ import annotations

import asyncio
import threading

import pytest
from sqlalchemy import Engine, event

from support.journal import TARGET, entry
from tagsmith.errors import DuplicateUid, IllegalTransition
from tagsmith.journal import Journal
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


async def test_one_that_is_refused_spoils_no_other(journal: Journal) -> None:
    """A duplicate among them gets its refusal; the others are made."""
    gate = threading.Event()
    journal._writing.submit(gate.wait)
    twin = entry(9, uid=entry(2).uid)
    asked = [asyncio.ensure_future(journal.append(one)) for one in (entry(1), entry(2), twin, entry(3))]
    await asyncio.sleep(0)
    gate.set()
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(found[2], DuplicateUid)
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
