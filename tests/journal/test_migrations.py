"""The schema: what migrations lay down, old files, and a migration that is killed."""

from __future__ import annotations

import contextlib
import re
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Select

from support.journal import EPOCH, TARGET, batch, calibration, entry, finished, lines, opened, python, reject, url
from tagsmith.journal import (
    Journal,
    batches,
    calibrating,
    changes,
    custody,
    reading,
    reporting,
    schema,
    shifts,
    writing,
)
from tagsmith.model import State
from tagsmith.production import Shift

pytestmark = pytest.mark.sqlite

FIXTURES = Path(__file__).parent / "fixtures"

KILLED = """
import os, sys
import alembic.op
from tagsmith.journal import Journal

calls = 0
what, after = sys.argv[2], int(sys.argv[3])
real = getattr(alembic.op, what)

def killing(*args, **kwargs):
    global calls
    calls += 1
    if calls > after:
        os._exit(9)
    return real(*args, **kwargs)

setattr(alembic.op, what, killing)
Journal.open(sys.argv[1])
"""


@pytest.mark.parametrize(("what", "after"), [("create_index", 0), ("create_index", 6), ("execute", 3)])
async def test_a_killed_migration_is_done_again(path: Path, what: str, after: int) -> None:
    """A process that dies in the middle of a migration leaves the database as it was; the next start migrates."""
    with python(KILLED, url(path), what, after) as process:
        process.communicate(timeout=50)
        assert process.returncode == 9
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    with opened(path) as journal:
        await journal.append(entry(1))
        assert journal.verify().ok


@pytest.mark.parametrize(("what", "after"), [("create_table", 0), ("create_index", 0), ("execute", 1)])
async def test_a_killed_step_from_an_old_version_is_done_again(path: Path, what: str, after: int) -> None:
    """A process that dies while it migrates a journal with entries leaves it as it was; the next start migrates it."""
    shutil.copyfile(FIXTURES / "0001.db", path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        before = list(connection.iterdump())
    with python(KILLED, url(path), what, after) as process:
        process.communicate(timeout=50)
        assert process.returncode == 9
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert list(connection.iterdump()) == before
    with opened(path) as journal:
        await journal.record_calibration(calibration(1))
        assert journal.verify() == replace(journal.verify(), ok=True, entries=11, calibrations=1, problems=())


def test_the_migrations_are_those_the_program_knows() -> None:
    """The versions in the code, which are read without Alembic, are the steps in the folder, in one line."""
    config = Config()
    config.set_main_option("script_location", "tagsmith.journal:migrations")
    steps = list(ScriptDirectory.from_config(config).walk_revisions())
    assert [step.revision for step in reversed(steps)] == list(schema.VERSIONS)


def test_the_migrations_lead_to_the_schema(journal: Journal) -> None:
    """What the steps lay down is what the code's tables say: columns, computed ones, indexes and their conditions."""
    with journal._reading_engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": schema.VERSION_TABLE})
        assert compare_metadata(context, schema.metadata) == []
        laid = dict(connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").all())
    squeezed = {name: re.sub(r"\s+", " ", sql) for name, sql in laid.items()}
    for computed in (schema.LIVE, schema.OPEN):
        assert f"GENERATED ALWAYS AS ({computed}) STORED" in squeezed["entries"]
    for table in schema.metadata.tables.values():
        for index in table.indexes:
            condition = index.dialect_options["sqlite"]["where"]
            assert squeezed[str(index.name)].partition(" WHERE ")[2] == ("" if condition is None else str(condition))
    assert {name for name in laid if "_never_" in name} == {
        "batch_acts_never_change",
        "batch_acts_never_go",
        "batches_never_change",
        "batches_never_go",
        "calibrations_never_change",
        "calibrations_never_go",
        "couriers_never_change",
        "couriers_never_go",
        "custody_never_change",
        "custody_never_go",
        "entries_facts_never_change",
        "entries_never_go",
        "events_never_change",
        "events_never_go",
        "manifest_lines_never_change",
        "manifest_lines_never_go",
        "rejects_never_change",
        "rejects_never_go",
        "shifts_end_never_changes",
        "shifts_facts_never_change",
        "shifts_never_go",
    }


PRODUCTION = (
    "UPDATE entries SET batch = NULL",
    "UPDATE entries SET operator = 'Eve'",
    "UPDATE entries SET needs_check = 1",
    "UPDATE batches SET goal = 1",
    "DELETE FROM batches",
    "UPDATE manifest_lines SET visual_number = 'another'",
    "DELETE FROM manifest_lines",
    "UPDATE batch_acts SET note = ''",
    "DELETE FROM batch_acts",
    "UPDATE rejects SET cause = 'other'",
    "DELETE FROM rejects",
    "UPDATE shifts SET operator = 'Eve'",
    "UPDATE shifts SET recoveries = 0 WHERE id = 'shift-8'",
    "UPDATE shifts SET ended_at = NULL WHERE id = 'shift-8'",
    "DELETE FROM shifts",
)


async def produce(journal: Journal) -> None:
    """A batch with all that can be said of it, a rejected key, a shift that has ended and one that runs."""
    await journal.create_batch(batch(9), lines(21, 22))
    await journal.append(entry(21, batch="batch-9", operator="Ada", needs_check=True))
    await journal.skip_line("batch-9", 2, "damaged", "Ada")
    await journal.close_batch("batch-9", "Ada")
    await journal.reject_key(TARGET, reject(23, batch="batch-9"))
    await journal.start_shift(Shift("shift-8", "eight", "Ada", EPOCH))
    await journal.end_shift("shift-8", EPOCH, 1)
    await journal.start_shift(Shift("shift-9", "eight", "Ada", EPOCH))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET payload = '{}' WHERE seq = 1",
        "DELETE FROM events WHERE seq = 1",
        "UPDATE entries SET visual_number = 'another'",
        "UPDATE entries SET uid = '04ffffffffffff'",
        "DELETE FROM entries",
        "UPDATE calibrations SET uid_order = 'wire'",
        "DELETE FROM calibrations",
        "UPDATE custody SET home = 'here'",
        "DELETE FROM custody",
        "UPDATE couriers SET number = 9",
        "DELETE FROM couriers",
        *PRODUCTION,
    ],
)
async def test_the_database_itself_forbids_rewriting(journal: Journal, statement: str) -> None:
    """Events, calibrations and the facts of a pair cannot be changed or removed by another program's mistake."""
    await journal.append(entry(1))
    await journal.record_calibration(calibration(1))
    await journal.take_over(TARGET)
    await produce(journal)
    with (
        contextlib.closing(sqlite3.connect(journal.path)) as connection,
        pytest.raises(sqlite3.IntegrityError, match="never"),
    ):
        connection.execute(statement)


@pytest.mark.parametrize("version", schema.VERSIONS)
async def test_a_journal_of_every_version_opens(path: Path, version: str) -> None:
    """A file that the first program of each version wrote is brought up to date, is sound, and is written on."""
    shutil.copyfile(FIXTURES / f"{version}.db", path)
    with opened(path) as journal:
        await goes_on(journal, version)


async def goes_on(journal: Journal, version: str) -> None:
    """That a journal with what the fixture of this version holds is sound, knows it all, and is written on."""
    verification = journal.verify()
    assert verification.problems == ()
    assert (verification.entries, verification.streams) == (11, 2)
    counts = await journal.tally(TARGET)
    assert counts == dict.fromkeys(State, 1) | {State.HELD: 2, State.QUEUED: 2}
    assert [record.number for record in await journal.due(TARGET, 10)] == [1, 3, 4, 7, 11]
    assert await journal.calibrations(TARGET) == ([] if version == "0001" else [calibration(1)])
    produced = version >= "0004"
    assert [one.batch.name for one in await journal.batches(TARGET)] == (["Batch 1"] if produced else [])
    assert {record.entry.operator for record in journal.records()} == ({"", "Ada"} if produced else {""})
    assert (await journal.running_shift("one") is not None) is produced
    assert await journal.recover() == 1
    await journal.append(entry(13))
    await journal.record_calibration(calibration(2))
    await produce(journal)
    assert [record.entry.id for record in await journal.work_list(TARGET)] == ["entry-6"]
    assert journal.verify().ok


PLANS: dict[str, tuple[Select[Any], dict[str, object], str]] = {
    "get": (reading._BY_ID, {"this_id": "x"}, "INDEX sqlite_autoindex_entries_1"),
    "find by uid": (reading._BY_UID, {"this_target": "t", "this_uid": "u"}, "INDEX entries_uid"),
    "find by number": (reading._BY_NUMBER, {"this_target": "t", "this_key": "k"}, "INDEX entries_number_key"),
    "due": (reading._DUE, {"this_target": "t"}, "INDEX entries_open"),
    "waiting": (reading._WAITING, {"this_target": "t"}, "INDEX entries_open"),
    "recent": (reading._RECENT, {"this_target": "t", "this_limit": 5}, "INDEX entries_target"),
    "page": (reading._PAGE, {"after": 0}, "INTEGER PRIMARY KEY"),
    "page of target": (reading._PAGE_OF_TARGET, {"after": 0, "this_target": "t"}, "INDEX entries_target"),
    "newest": (reading._NEWEST, {}, "SEARCH entries"),
    "history": (reading._HISTORY, {"this_id": "x"}, "INDEX events_entry"),
    "change": (writing._SELECT_ENTRY, {"this_id": "x"}, "INDEX sqlite_autoindex_entries_1"),
    "calibration": (calibrating._LATEST, {"this_target": "t"}, "INDEX calibrations_target"),
    "calibrations": (calibrating._OF_TARGET, {"this_target": "t"}, "INDEX calibrations_target"),
    "sent in the other order": (
        calibrating._SENT,
        {"this_target": "t", "this_order": "wire", "after": 0},
        "INDEX entries_target",
    ),
    "waiting in the other order": (
        calibrating._WAITING,
        {"this_target": "t", "this_order": "wire", "after": 0},
        "INDEX entries_target",
    ),
    "head": (writing._HEAD, {"stream": "s"}, "INDEX sqlite_autoindex_events_1"),
    "streams": (writing._LAST_STREAMS, {"station": "s"}, "INDEX events_first"),
    "last head": (writing._LAST_HEAD, {}, "SCAN events"),
    "tally": (reading._TALLY, {"this_target": "t"}, "INDEX sqlite_autoindex_tallies_1"),
    "requests": (
        reading._REQUESTS,
        {"this_target": "t", "this_station": "s", "this_day": "d"},
        "INDEX sqlite_autoindex_requests_1",
    ),
    "work list": (reading._FOR_A_PERSON, {"this_target": "t", "this_limit": 5}, "INDEX entries_for_a_person"),
    "keys of a batch": (batches._KEYS, {"this_id": "b"}, "INDEX entries_batch"),
    "shift": (shifts._RUNNING, {"this_station": "s"}, "INDEX shifts_running"),
    "shifts": (shifts._OF_STATION, {"this_station": "s", "this_limit": 5}, "INDEX shifts_station"),
    "rejects": (shifts._REJECTS, {"this_target": "t", "since": "1", "until": "2"}, "INDEX rejects_at"),
    "report": (reporting._MADE, {"this_target": "t", "since": "1", "until": "2"}, "INDEX entries_paired_at"),
    "term": (changes._TERM, {}, "SEARCH couriers"),
    "custody": (custody._LATEST, {}, "SCAN custody"),
    "recover": (changes._SELECT_SENDING_TO, {"this_target": "t"}, "INDEX entries_sending"),
    "recover all": (changes._SELECT_SENDING, {}, "SCAN entries USING INDEX entries_sending"),
}


@pytest.mark.parametrize("name", PLANS)
def test_no_question_of_every_day_sees_all_rows(journal: Journal, name: str) -> None:
    """Each statement that runs at a tap or a delivery is answered from its index, without sorting."""
    statement, parameters, index = PLANS[name]
    with journal._reading_engine.connect() as connection:
        compiled = str(statement.compile(connection))
        known = statement.compile(connection)
        values = tuple(parameters.get(key, known.params.get(key)) for key in known.positiontup or ())
        plan = [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", values)]
    assert len(plan) == 1, plan
    assert index in plan[0]
    # Scanning backwards and stopping at the first row is no scan; nor is one of an index with nothing else in it.
    if name not in ("last head", "recover all", "custody"):
        assert plan[0].startswith("SEARCH"), plan


def test_the_fixtures_are_small_and_whole() -> None:
    """A fixture is one file: its log was moved into it when it was closed."""
    files = {one.name for one in FIXTURES.iterdir() if one.name != "__pycache__"}
    assert files == {"make.py", *(f"{version}.db" for version in schema.VERSIONS)}
    assert all((FIXTURES / f"{version}.db").stat().st_size < 300_000 for version in schema.VERSIONS)


def test_a_fixture_can_be_made(tmp_path: Path) -> None:
    """The script that writes a fixture works, so that the next version gets one."""
    script = (
        f"import sys, runpy; sys.path.insert(0, {str(FIXTURES.parents[1])!r})\n"
        f"runpy.run_path({str(FIXTURES / 'make.py')!r}, run_name='__main__')"
    )
    with python(script, tmp_path / "new.db") as process:
        finished(process)
    with opened(tmp_path / "new.db") as journal:
        assert journal.verify().entries == 11
