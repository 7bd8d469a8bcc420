"""Batches and their manifests, the checks that hold keys back, and the work list."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection

from support.journal import EPOCH, OTHER_TARGET, TARGET, batch, entry, lines, opened, reject
from tagsmith.errors import BatchError, IllegalTransition, JournalError
from tagsmith.journal import Clash, Journal, reading
from tagsmith.model import LegName, LegState, Record, Settlement, State
from tagsmith.production import Batch, BatchKey, BatchStand, Sequence, Shift, Verification

RESERVATION, ACTIVATION = LegName.RESERVATION, LegName.ACTIVATION


async def settled(journal: Journal, index: int, settlement: Settlement, leg: LegName = RESERVATION) -> Record:
    """The record of an entry after an attempt that ended so."""
    attempt_id = await journal.attempt(f"entry-{index}", leg, "{}")
    return await journal.settle(f"entry-{index}", leg, attempt_id, settlement)


# --- batches ---------------------------------------------------------------------------------------------------------


async def test_a_batch_comes_back_as_it_was_made(place: Path | str) -> None:
    """Every field is kept, over a restart too; its size is that of its manifest."""
    whole = batch(
        1,
        key_type="CARD",
        valid_from="2031-01-01T00:00:00.000Z",
        valid_to="2041-01-01T00:00:00.000Z",
        user_id="user-7",
        goal=3,
        pattern=r"\d+",
        check_digit="block",
        upper_case=True,
        sequence=Sequence.AUTO,
        verification=Verification.SAMPLE,
        every=20,
    )
    with opened(place) as journal:
        made = await journal.create_batch(whole, lines(1, 2, uids=True))
        assert made == BatchStand(replace(whole, size=2))
    with opened(place) as journal:
        assert await journal.batch(TARGET, "Batch 1") == made
        assert await journal.manifest("batch-1") == tuple(lines(1, 2, uids=True))
        assert journal.batch_names() == {"batch-1": "Batch 1"}
        assert journal.verify().ok


async def test_batches_are_listed_newest_first(journal: Journal) -> None:
    """The open ones of the target; the closed ones if they are wanted; by name any of them."""
    for index in (1, 2, 3):
        await journal.create_batch(batch(index))
    await journal.create_batch(batch(4, name="Batch 1", target=OTHER_TARGET))
    closed = await journal.close_batch("batch-2", "Bob")
    assert (closed.batch.closed_by, closed.batch.closed_at is not None) == ("Bob", True)
    assert [one.batch.id for one in await journal.batches(TARGET)] == ["batch-3", "batch-1"]
    assert [one.batch.id for one in await journal.batches(TARGET, closed=True)] == ["batch-3", "batch-2", "batch-1"]
    assert await journal.batch(TARGET, "Batch 2") == closed
    assert await journal.batch(TARGET, "batch 2") is None
    # Closed is closed: neither the time nor the name of who did it moves.
    assert await journal.close_batch("batch-2", "Eve") == closed
    with pytest.raises(BatchError, match="no batch batch-9"):
        await journal.close_batch("batch-9", "Bob")


async def test_the_same_batch_again_is_found_again(journal: Journal) -> None:
    """After a commit whose answer was lost it may be asked for again; another one of that name or id is refused."""
    made = await journal.create_batch(batch(1), lines(1))
    assert await journal.create_batch(batch(1), lines(1)) == made
    with pytest.raises(BatchError, match=r"there is a batch Batch 1 already \("):
        await journal.create_batch(batch(2, name="Batch 1"))
    with pytest.raises(BatchError, match="of the same id"):
        await journal.create_batch(batch(1, name="Another"))
    await journal.close_batch("batch-1", "Bob")
    with pytest.raises(BatchError, match="already, and closed"):
        await journal.create_batch(batch(2, name="Batch 1"))
    assert journal.verify().ok


async def test_two_stations_that_do_the_same_at_once_do_it_once(place: Path | str) -> None:
    """Of two batches of one name, two manifests, two closings and two shifts one comes about, whoever was first."""
    with opened(place, "one") as one, opened(place, "two") as two:
        for index in range(1, 6):
            name = f"Batch {index}"
            made = await asyncio.gather(
                one.create_batch(batch(10 + index, name=name)),
                two.create_batch(batch(20 + index, name=name)),
                return_exceptions=True,
            )
            assert {type(result) for result in made} == {BatchStand, BatchError}
            (stand,) = [result for result in made if isinstance(result, BatchStand)]
            loaded = await asyncio.gather(
                *(journal.load_manifest(stand.batch.id, lines(index), "Ada") for journal in (one, two)),
                return_exceptions=True,
            )
            assert {type(result) for result in loaded} == {BatchStand, BatchError}
            skipping = (journal.skip_line(stand.batch.id, 1, "missing", "Ada") for journal in (one, two))
            await asyncio.gather(*skipping)
            first, second = await asyncio.gather(
                *(journal.close_batch(stand.batch.id, who) for journal, who in ((one, "Ada"), (two, "Bob")))
            )
            assert first == second
            shifts = await asyncio.gather(
                *(
                    journal.start_shift(Shift(f"{index}-{who}", "x", who, EPOCH))
                    for journal, who in ((one, "A"), (two, "B"))
                ),
                return_exceptions=True,
            )
            assert {type(result) for result in shifts} == {type(None), IllegalTransition}
            running = await one.running_shift("x")
            assert running is not None
            await one.end_shift(running.id, EPOCH, 0)
        assert one.verify().ok


@pytest.mark.parametrize("name", ["", " ", " a", "a\n", "a\x07b", "a\u200bb", "x" * 65])
@pytest.mark.sqlite
async def test_a_name_is_something_to_be_read_and_typed(journal: Journal, name: str) -> None:
    """Nothing, spaces at the ends, control characters and pages are no names."""
    with pytest.raises(BatchError, match="no name for a batch"):
        await journal.create_batch(batch(1, name=name))
    assert await journal.batches(TARGET, closed=True) == []


# --- manifests -------------------------------------------------------------------------------------------------------


async def test_a_number_is_expected_once(journal: Journal) -> None:
    """A line is refused whose number another open batch expects, or that is paired; then no batch was made."""
    await journal.append(entry(1))
    await journal.append(entry(8))
    await journal.create_batch(batch(1), lines(2, 3))
    mine = [*lines(1, 2, 3, 4), replace(lines(5)[0], position=5, uid=entry(8).uid)]
    with pytest.raises(BatchError) as refused:
        await journal.create_batch(batch(2), mine)
    assert refused.value.message == (
        "line 1: DE*8PS*000001 was paired on 2031-05-06; line 2: DE*8PS*000002 stands in batch Batch 1;"
        " line 3: DE*8PS*000003 stands in batch Batch 1; and 1 more"
    )
    assert await journal.batch(TARGET, "Batch 2") is None
    assert [clash.position for clash in await journal.clashes(TARGET, mine)] == [1, 2, 3, 5]
    assert (await journal.clashes(TARGET, mine))[-1] == Clash(
        5, "key 04000000000008 is paired already, with DE*8PS*000008"
    )
    # Undone, skipped, closed: free again.
    await journal.undo("entry-1")
    await journal.skip_line("batch-1", 1, "damaged", "Ada")
    assert [clash.position for clash in await journal.clashes(TARGET, mine)] == [3, 5]
    await journal.close_batch("batch-1", "Ada")
    assert [clash.position for clash in await journal.clashes(TARGET, mine)] == [5]
    assert await journal.clashes(OTHER_TARGET, mine) == []
    await journal.create_batch(batch(2), mine[:4])


async def test_two_lines_of_one_key_are_refused(journal: Journal) -> None:
    """Whoever makes the manifest: a number or a key stands in it once, and lines count from 1."""
    one, two = lines(1, 2, uids=True)
    with pytest.raises(BatchError, match=r"DE\*8PS\*000001 stands in the manifest more than once"):
        await journal.create_batch(batch(1), [one, replace(one, position=2, uid=None)])
    with pytest.raises(BatchError, match="key 04000000000001 stands in the manifest more than once"):
        await journal.create_batch(batch(1), [one, replace(two, uid=one.uid)])
    with pytest.raises(BatchError, match="numbered from 1"):
        await journal.create_batch(batch(1), [two])


async def test_a_manifest_comes_later_as_long_as_nothing_is_made(journal: Journal) -> None:
    """A batch gets its manifest once, and before its first pair."""
    await journal.create_batch(batch(1))
    assert (await journal.load_manifest("batch-1", lines(1, 2), "Bob")).batch.size == 2
    with pytest.raises(BatchError, match="has a manifest of 2 numbers already"):
        await journal.load_manifest("batch-1", lines(3), "Bob")
    await journal.create_batch(batch(2))
    await journal.append(entry(9, batch="batch-2"))
    with pytest.raises(BatchError, match="has 1 pairs already"):
        await journal.load_manifest("batch-2", lines(3), "Bob")
    await journal.undo("entry-9")
    with pytest.raises(BatchError, match="has no numbers"):
        await journal.load_manifest("batch-2", [], "Bob")
    with pytest.raises(BatchError, match="stands in batch Batch 1"):
        await journal.load_manifest("batch-2", lines(2), "Bob")
    await journal.close_batch("batch-2", "Ada")
    with pytest.raises(BatchError, match="is closed"):
        await journal.load_manifest("batch-2", lines(3), "Bob")
    assert journal.verify().ok


async def test_a_line_is_skipped_once(journal: Journal) -> None:
    """The first reason stays; what is made cannot be skipped; what was skipped and is made all the same counts once."""
    await journal.create_batch(batch(1), lines(1, 2, 3))
    await journal.append(entry(1, batch="batch-1"))
    with pytest.raises(BatchError, match=r"DE\*8PS\*000001 of batch Batch 1 is paired already"):
        await journal.skip_line("batch-1", 1, "damaged", "Ada")
    with pytest.raises(BatchError, match="has no line 4"):
        await journal.skip_line("batch-1", 4, "damaged", "Ada")
    await journal.skip_line("batch-1", 2, "damaged", "Ada")
    await journal.skip_line("batch-1", 2, "missing", "Bob")
    assert [line.skipped for line in await journal.manifest("batch-1")] == ["", "damaged", ""]
    (stand,) = await journal.batches(TARGET)
    assert (stand.paired, stand.skipped, stand.left) == (1, 1, 1)
    await journal.append(entry(2, batch="batch-1"))
    (stand,) = await journal.batches(TARGET)
    assert (stand.paired, stand.skipped, stand.left) == (2, 0, 1)
    await journal.close_batch("batch-1", "Ada")
    with pytest.raises(BatchError, match="is closed"):
        await journal.skip_line("batch-1", 3, "missing", "Bob")


async def test_whose_number_it_is(journal: Journal) -> None:
    """Another open batch is named that has the number, skipped or not; never the own one, nor a closed one."""
    await journal.create_batch(batch(1), lines(1, 2))
    await journal.skip_line("batch-1", 2, "missing", "Ada")
    for index in (1, 2):
        key = entry(index).number_key
        assert await journal.other_batch(TARGET, key, but=None) == "Batch 1"
        assert await journal.other_batch(TARGET, key, but="batch-2") == "Batch 1"
        assert await journal.other_batch(TARGET, key, but="batch-1") is None
        assert await journal.other_batch(OTHER_TARGET, key, but=None) is None
    await journal.close_batch("batch-1", "Ada")
    assert await journal.other_batch(TARGET, entry(1).number_key, but=None) is None


# --- how far it is ---------------------------------------------------------------------------------------------------


async def test_a_batch_counts_what_is_made_of_it(journal: Journal) -> None:
    """Live pairs, those that wait for a check, skipped lines, rejected keys; the pairs in order of commit."""
    await journal.create_batch(batch(1, goal=5))
    for index in (3, 1, 2, 4):
        await journal.append(entry(index, batch="batch-1", needs_check=index > 2))
    await journal.append(entry(5))
    await journal.undo("entry-4")
    await journal.reject_key(TARGET, reject(9, batch="batch-1"))
    await journal.reject_key(TARGET, reject(9))
    assert await journal.batches(TARGET) == [BatchStand(batch(1, goal=5), paired=3, rejected=1, unchecked=1)]
    assert await journal.batch_keys("batch-1") == [
        BatchKey(
            f"entry-{index}",
            entry(index).number_key,
            entry(index).visual_number,
            entry(index).uid,
            "left",
            index != 3,
            "one",
        )
        for index in (3, 1, 2)
    ]


# --- checks ----------------------------------------------------------------------------------------------------------


async def test_what_waits_for_its_check_is_not_sent(journal: Journal) -> None:
    """An unchecked pair is neither due nor waiting nor attempted; when its check has passed it is all of that."""
    await journal.append(entry(1, needs_check=True, user_id="user-7"))
    await journal.append(entry(2))
    assert [record.entry.id for record in await journal.due(TARGET, 10)] == ["entry-2"]
    assert await journal.waiting(TARGET) == 1
    record = await journal.get("entry-1")
    assert record is not None
    assert (record.checked, record.state) == (False, State.HELD)
    with pytest.raises(IllegalTransition, match="not sent before the check"):
        await journal.attempt("entry-1", RESERVATION, "{}")
    (passed,) = await journal.pass_check(["entry-1"], "Bob")
    assert passed == replace(record, checked=True)
    assert await journal.pass_check(["entry-1"], "Eve") == [passed]
    assert [record.entry.id for record in await journal.due(TARGET, 10)] == ["entry-1", "entry-2"]
    assert [(one.kind, one.payload) for one in journal.history("entry-1")][1:] == [
        ("checked", '{"checked":1,"by":"Bob"}')
    ]
    await settled(journal, 1, Settlement(LegState.DONE, status=201))
    assert journal.verify().ok
    assert await journal.tally(TARGET) == dict.fromkeys(State, 0) | {State.HELD: 1, State.RESERVED: 1}


async def test_a_check_passes_for_all_or_none(journal: Journal) -> None:
    """Ids come back in their order; what was taken back stays unchecked; an unknown id ends it for all."""
    for index in (1, 2, 3):
        await journal.append(entry(index, needs_check=True))
    await journal.undo("entry-2", "shifted")
    with pytest.raises(IllegalTransition, match="no entry entry-9"):
        await journal.pass_check(["entry-1", "entry-9"], "Bob")
    records = await journal.pass_check(["entry-3", "entry-2", "entry-1"], "Bob")
    assert [(one.entry.id, one.checked) for one in records] == [
        ("entry-3", True),
        ("entry-2", False),
        ("entry-1", True),
    ]
    assert await journal.waiting(TARGET) == 2


async def test_an_adopted_journal_doubts_what_waited_for_its_check(journal: Journal) -> None:
    """Another copy may have checked and sent it: it is asked for once it is checked here, and cannot be undone."""
    await journal.append(entry(1, needs_check=True))
    assert await journal.adopt(by="Ada", reason="restored") == 1
    assert await journal.waiting(TARGET) == 0
    with pytest.raises(IllegalTransition, match="can no longer be taken back"):
        await journal.undo("entry-1")
    with pytest.raises(IllegalTransition, match="no reservation in doubt"):
        await journal.attempt_proof("entry-1")
    await journal.pass_check(["entry-1"], "Ada")
    assert [record.reservation.state for record in await journal.due(TARGET, 10)] == [LegState.UNKNOWN]
    assert journal.verify().ok


# --- who did it ------------------------------------------------------------------------------------------------------


async def test_every_event_carries_who_was_at_work(journal: Journal) -> None:
    """From the moment somebody is at work until it is somebody else; `verify` knows that it is no column."""
    await journal.append(entry(1))
    journal.acting = "Ada"
    await journal.attempt("entry-1", RESERVATION, "{}")
    await journal.create_batch(batch(1), lines(7))
    journal.acting = "Bob"
    await journal.recover()
    journal.acting = ""
    await journal.void("entry-1", "lost")
    told = [one.payload.rpartition('"by":')[2] for one in journal.history("entry-1")]
    assert told[1:3] == ['"Ada"}', '"Bob"}']
    assert '"by"' not in journal.history("entry-1")[0].payload + journal.history("entry-1")[3].payload
    assert journal.verify().ok


# --- the work list ---------------------------------------------------------------------------------------------------


async def test_the_work_list_has_what_only_a_person_brings_further(journal: Journal) -> None:
    """Refused, in doubt and not asked for again, reserved with a refused activation; marked ones are done with."""
    for index in range(1, 8):
        await journal.append(entry(index, user_id="user-7"))
    refused = Settlement(LegState.REFUSED, status=400, message="no")
    await settled(journal, 1, refused)
    await settled(journal, 2, Settlement(LegState.UNKNOWN, repeat=True))
    await settled(journal, 3, Settlement(LegState.UNKNOWN, status=409))
    await settled(journal, 4, Settlement(LegState.DONE, status=201))
    await settled(journal, 4, replace(refused, status=404), ACTIVATION)
    await settled(journal, 5, Settlement(LegState.DONE, status=201))
    await settled(journal, 6, refused)
    await journal.void("entry-6", "given up")
    assert [record.entry.id for record in await journal.work_list(TARGET)] == ["entry-1", "entry-3", "entry-4"]
    assert [record.entry.id for record in await journal.work_list(TARGET, limit=2)] == ["entry-1", "entry-3"]
    assert await journal.work_list(OTHER_TARGET) == []
    await journal.retry("entry-1")
    assert [record.entry.id for record in await journal.work_list(TARGET)] == ["entry-3", "entry-4"]
    assert [one.entry.id for one in journal.records() if one.for_a_person] == ["entry-3", "entry-4"]


@pytest.mark.sqlite
async def test_the_work_list_costs_what_is_on_it(journal: Journal) -> None:
    """However many entries there are beside, the database does not do a step more for them."""

    async def steps() -> int:
        taken = 0

        def step() -> int:
            nonlocal taken
            taken += 1
            return 0

        def question(connection: Connection) -> int:
            raw = connection.connection.dbapi_connection
            assert isinstance(raw, sqlite3.Connection)
            raw.set_progress_handler(step, 1)
            try:
                assert len(reading.work_list(connection, TARGET, 200)) == 1
            finally:
                raw.set_progress_handler(None, 0)
            return taken

        return await journal._ask(question)

    await journal.append(entry(1))
    await settled(journal, 1, Settlement(LegState.REFUSED, status=400, message="no"))
    few = await steps()
    await asyncio.gather(*(journal.append(entry(index)) for index in range(2, 400)))
    assert await steps() == few > 0


# --- tampering -------------------------------------------------------------------------------------------------------


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("trigger", "statement", "problem"),
    [
        (
            "entries_facts_never_change",
            "UPDATE entries SET operator = 'Eve'",
            "operator is 'Eve', its events say 'Ada'",
        ),
        ("", "UPDATE entries SET checked = 1", "checked is 1, its events say 0"),
        ("batches_never_change", "UPDATE batches SET goal = 7", "batch 1: goal is 7, its event says None"),
        ("batches_never_go", "DELETE FROM batches WHERE id = 'batch-2'", "batch 2: is missing"),
        (
            "manifest_lines_never_change",
            "UPDATE manifest_lines SET visual_number = 'x' WHERE position = 2",
            "batch batch-1: its manifest is not the one that was loaded",
        ),
        (
            "manifest_lines_never_go",
            "DELETE FROM manifest_lines WHERE position = 2",
            "batch batch-1: its manifest is not the one that was loaded",
        ),
        ("manifest_lines_never_go", "DELETE FROM manifest_lines", "batch batch-1: its manifest of 2 lines is missing"),
        (
            "",
            "INSERT INTO manifest_lines VALUES ('batch-2', 1, 'x', 'x', NULL, NULL)",
            "batch batch-2: has lines, no act tells of a manifest",
        ),
        ("batch_acts_never_change", "UPDATE batch_acts SET done_by = 'Eve'", "done_by is 'Eve', its event says 'Ada'"),
    ],
)
async def test_tampering_shows(journal: Journal, trigger: str, statement: str, problem: str) -> None:
    """Who goes round the triggers is found out."""
    await journal.create_batch(batch(1), lines(1, 2))
    await journal.create_batch(batch(2))
    await journal.append(entry(1, operator="Ada", batch="batch-1", needs_check=True))
    assert journal.verify().ok
    with contextlib.closing(sqlite3.connect(journal.path, isolation_level=None)) as connection:
        if trigger:
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute(statement)
    found = journal.verify().problems
    assert any(problem in told for told in found), found


async def test_a_closed_journal_says_so(journal: Journal) -> None:
    """As every method does."""
    journal.close()
    with pytest.raises(JournalError, match="closed"):
        await journal.batches(TARGET)
    with pytest.raises(JournalError, match="closed"):
        journal.batch_names()


def test_wanted_is_the_goal_or_the_manifest() -> None:
    """What the tests above rest on: a batch without goal and manifest has no end."""
    assert BatchStand(Batch("b", "B", TARGET, EPOCH), paired=3).left is None
