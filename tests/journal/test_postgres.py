"""A journal on a real PostgreSQL server: how it is opened, what it needs, and what goes wrong on the way there."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from journal.test_migrations import FIXTURES, KILLED, PLANS, PRODUCTION, goes_on, produce
from support.headless import environment, tagsmith
from support.journal import TARGET, calibration, entry, finished, opened, python
from support.postgres import PASSWORD, USER, Server, Wire, a_database, server
from tagsmith.errors import (
    DuplicateUid,
    JournalCorrupt,
    JournalError,
    JournalFull,
    JournalNewer,
    JournalReadOnly,
    JournalUnavailable,
)
from tagsmith.journal import Journal, changes, database, faults, migrating, postgresql, schema
from tagsmith.journal.writing import Transaction
from tagsmith.model import LegName, LegState, Settlement


@pytest.fixture
def pg() -> Server:
    """The server."""
    return server()


@pytest.fixture
def place() -> Iterator[str]:
    """A database with an empty journal."""
    with a_database() as url:
        yield url


@pytest.fixture
def bare() -> Iterator[str]:
    """A database with nothing in it."""
    with a_database(laid=False) as url:
        yield url


@pytest.fixture
def journal(place: str) -> Iterator[Journal]:
    with opened(place) as journal:
        yield journal


def name_of(url: str) -> str:
    """The database that a URL names."""
    return url.partition("@/")[2].partition("?")[0]


def sql(url: str, *statements: str, owner: bool = False) -> list[tuple[object, ...]]:
    """Do something behind the journal's back; gives what the last statement finds."""
    found: list[tuple[object, ...]] = []
    with server().connection(name_of(url)) as one:
        for statement in statements:
            cursor = one.execute(statement)
            found = cursor.fetchall() if cursor.description else []
    return found


def end_connections(url: str) -> None:
    """Have the server end every connection of the journal's."""
    sql(url, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name LIKE '%tagsmith%'")


# --- the URL and its password ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("postgresql://station:secret@db", "names no database"),
        ("postgresql://station:secret@db/", "names no database"),
        ("postgresql://station:se@cret@db/journal", "host .* cannot be read"),
        ("postgresql://station@db/journal?password=secret", "does not take password"),
        ("postgresql://station@db/journal?options=-csynchronous_commit%3Doff", "does not take options"),
        ("postgresql://station@db/journal?target_session_attrs=any", "does not take target_session_attrs"),
        ("postgresql+asyncpg://station:secret@db/journal", "only by SQLite or PostgreSQL"),
    ],
)
def test_a_url_that_names_no_database_is_refused(text: str, words: str) -> None:
    """The error says what is wrong and how to write it, and repeats no part of a password."""
    with pytest.raises(JournalError, match=words) as refused:
        Journal.open(text)
    assert "postgresql://user@host/database" in refused.value.remedy
    assert "cret" not in str(refused.value)


def test_without_its_driver_it_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """A station that was installed for files is told which extra is missing."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(JournalError, match="psycopg, which is not installed") as refused:
        Journal.open("postgresql://station@db/journal")
    assert refused.value.remedy.endswith("-m pip install psycopg 'psycopg[binary]'")


async def test_a_password_opens_and_never_shows(pg: Server, place: str, caplog: pytest.LogCaptureFixture) -> None:
    """With a password in the URL a journal opens over TCP; no name, log line, repr or error holds it."""
    caplog.set_level(logging.DEBUG)
    told: list[str] = []
    with opened(pg.tcp_url(name_of(place), quote(PASSWORD, safe=""))) as journal:
        await journal.append(entry(1))
        told += [journal.url, journal.place, repr(journal._reading_engine), repr(journal._store.__dict__)]
        assert journal.path is None
        assert journal.url == f"postgresql://{USER}@127.0.0.1:{pg.port}/{name_of(place)}"
        pg.stop()
        try:
            with pytest.raises(JournalUnavailable) as refused:
                await journal.append(entry(2))
            told += [str(refused.value), repr(refused.value.__cause__)]
        finally:
            pg.start()
    with pytest.raises(JournalUnavailable, match="password authentication failed") as wrong:
        Journal.open(pg.tcp_url(name_of(place), "not-the-secret-word"))
    told += [str(wrong.value), repr(wrong.value.__cause__), caplog.text]
    for text in told:
        assert PASSWORD not in text
        assert quote(PASSWORD, safe="") not in text
        assert "not-the-secret-word" not in text
    assert "~/.pgpass" in wrong.value.remedy


async def test_a_password_may_stand_in_pgpass(pg: Server, place: str, clean_environment: Path) -> None:
    """libpq's own file of passwords works, and is what the settings need not hold."""
    password = PASSWORD.replace(":", r"\:")
    file = clean_environment / ".pgpass"
    file.write_text(f"127.0.0.1:{pg.port}:*:{USER}:{password}\n")
    file.chmod(0o600)
    with opened(pg.tcp_url(name_of(place))) as journal:
        await journal.append(entry(1))
        with opened(journal.url) as again:
            assert await again.get("entry-1") is not None


async def test_the_commands_work_on_it_and_show_no_password(pg: Server, place: str, tmp_path: Path) -> None:
    """What a person types works without a file, and names the URL without its password."""
    with opened(place) as journal:
        await journal.append(entry(1))
    url = pg.tcp_url(name_of(place), quote(PASSWORD, safe=""))
    done = tagsmith("journal", "list", env=environment(tmp_path, "http://127.0.0.1:9", TAGSMITH_JOURNAL__URL=url))
    assert done.returncode == 0, done.stderr
    assert "DE*8PS*000001" in done.stdout
    assert quote(PASSWORD, safe="") not in done.stdout + done.stderr


# --- what is opened --------------------------------------------------------------------------------------------------


def test_whether_there_is_one_is_asked(pg: Server, place: str, bare: str) -> None:
    """`exists` makes nothing; where the server cannot say, it is an error."""
    assert Journal.exists(place)
    assert not Journal.exists(bare)
    assert sql(bare, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
    with pytest.raises(JournalUnavailable, match='database "nowhere" does not exist'):
        Journal.exists(pg.url("nowhere"))
    with pytest.raises(JournalUnavailable, match='database "nowhere" does not exist'):
        Journal.open(pg.url("nowhere"))


async def test_every_connection_is_durable(place: str) -> None:
    """Whatever role and database say, commits wait for the disc; reading cannot write."""
    sql(
        place,
        f"ALTER ROLE {USER} IN DATABASE {name_of(place)} SET synchronous_commit = off",
        f"ALTER DATABASE {name_of(place)} SET statement_timeout = '1s'",
        f"ALTER DATABASE {name_of(place)} SET default_transaction_isolation = serializable",
        f"ALTER DATABASE {name_of(place)} SET idle_session_timeout = '1s'",
    )
    with (
        opened(place) as journal,
        journal._reading_engine.connect() as reading,
        contextlib.closing(journal._store.connect()) as writing,
    ):
        for connection, level in ((reading, "repeatable read"), (writing, "read committed")):
            names = ("synchronous_commit", "statement_timeout", "idle_session_timeout", "transaction_isolation")
            found = [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in names]
            assert found == ["on", "0", "0", level]
        with pytest.raises(Exception, match="read-only transaction"):
            reading.exec_driver_sql("UPDATE entries SET note = ''")


def test_a_database_of_something_else_is_refused(bare: str) -> None:
    """A database that holds other tables is no journal, and none is put into it."""
    sql(bare, "CREATE TABLE invoices (number integer)")
    with pytest.raises(JournalCorrupt, match="something else than a journal") as refused:
        Journal.open(bare)
    assert "empty database" in refused.value.remedy
    assert sql(bare, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == [("invoices",)]


def test_a_newer_journal_is_refused(place: str) -> None:
    """A journal of a version that is not known is not touched; the error names both versions."""
    sql(place, f"UPDATE {schema.VERSION_TABLE} SET version_num = '0999'")
    with pytest.raises(JournalNewer, match=f"0999.*{schema.VERSIONS[-1]}"):
        Journal.open(place)


def test_a_database_that_takes_no_changes_is_refused(place: str, bare: str) -> None:
    """A read-only server is refused at opening, with or without a journal in it, not at the first pair."""
    for url in (place, bare):
        sql(url, f"ALTER DATABASE {name_of(url)} SET default_transaction_read_only = on")
        with pytest.raises(JournalReadOnly, match="takes no changes"):
            Journal.open(url)


def test_a_user_without_rights_is_refused(pg: Server, place: str, bare: str) -> None:
    """Who may not make tables, or not write to them, is told by whom it can be allowed."""
    sql(bare, "DROP ROLE IF EXISTS guest", "CREATE ROLE guest LOGIN")
    for url in (bare, place):
        with pytest.raises(JournalReadOnly, match="permission denied") as refused:
            Journal.open(pg.url(name_of(url), "guest"))
        assert "OWNER TO" in refused.value.remedy


# --- the schema ------------------------------------------------------------------------------------------------------


def test_the_migrations_lead_to_the_schema(journal: Journal) -> None:
    """What the steps lay down is what the code's tables say: columns, indexes and their conditions."""
    with journal._reading_engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": schema.VERSION_TABLE})
        assert compare_metadata(context, schema.metadata) == []
        found = connection.exec_driver_sql(
            "SELECT c.relname, pg_get_expr(i.indpred, i.indrelid), i.indisunique FROM pg_index AS i"
            " JOIN pg_class AS c ON c.oid = i.indexrelid WHERE i.indpred IS NOT NULL"
        ).all()
    conditions = {name: (expression, unique) for name, expression, unique in found}
    expected = {
        str(index.name): index
        for table in schema.metadata.tables.values()
        for index in table.indexes
        if index.dialect_options["sqlite"]["where"] is not None
    }
    assert conditions.keys() == expected.keys()
    for name, (expression, unique) in conditions.items():
        assert unique == expected[name].unique
        assert re.findall(r"\w+", expression.replace("::text", "")) == re.findall(
            r"\w+", str(expected[name].dialect_options["sqlite"]["where"])
        )


def test_no_question_of_every_day_sees_all_rows(journal: Journal) -> None:
    """Each statement that runs at a tap or a delivery has an index to be answered from."""
    with journal._reading_engine.connect() as connection:
        # Without rows a planner prefers to read them all; where it must not, it still does for want of an index.
        for setting in ("enable_seqscan", "enable_bitmapscan", "enable_sort"):
            connection.exec_driver_sql(f"SET {setting} = off")
        for name, (statement, parameters, _) in PLANS.items():
            compiled = statement.compile(connection)
            bound = {key: parameters.get(key, value) for key, value in compiled.params.items()}
            text = str(compiled).replace(" FOR UPDATE", "")
            plan = "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {text}", bound))
            assert "Seq Scan" not in plan, (name, plan)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET payload = '{}' WHERE seq = 1",
        "DELETE FROM events WHERE seq = 1",
        "TRUNCATE events",
        "UPDATE entries SET visual_number = 'another'",
        "DELETE FROM entries",
        "TRUNCATE entries CASCADE",
        "UPDATE calibrations SET uid_order = 'wire'",
        "DELETE FROM calibrations",
        "TRUNCATE calibrations",
        *PRODUCTION,
        "TRUNCATE batches CASCADE",
        "TRUNCATE rejects",
        "TRUNCATE shifts",
    ],
)
def test_the_database_itself_forbids_rewriting(written: str, statement: str) -> None:
    """Events, calibrations and the facts of a pair cannot be changed or removed, not even by the superuser."""
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="never"):
        sql(written, statement)


@pytest.fixture(scope="module")
def written() -> Iterator[str]:
    """A journal with entries, a delivery and a calibration, which no test changes."""

    async def write(journal: Journal) -> None:
        for index in (1, 2, 3):
            await journal.append(entry(index))
        attempt_id = await journal.attempt("entry-1", LegName.RESERVATION, "{}")
        await journal.settle("entry-1", LegName.RESERVATION, attempt_id, Settlement(LegState.DONE, status=201))
        await journal.record_calibration(calibration(1))
        await produce(journal)

    with a_database() as url:
        with opened(url) as journal:
            asyncio.run(write(journal))
        yield url


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE events SET at = '2001' WHERE n = 3", r"event 3 .*: was changed after it was written"),
        ("DELETE FROM events WHERE n = 3", r"stream \w+: event with seq 2 is missing before event 4"),
        ("DELETE FROM events WHERE entry_id = 'entry-2'", r"entry 2 \(entry-2\): no event tells of it"),
        ("DELETE FROM entries WHERE number = 2", r"entry entry-2: is missing, event 3 tells of it"),
        (
            "UPDATE entries SET reservation_state = 'held' WHERE number = 1",
            r"entry 1 \(entry-1\): reservation_state is 'held', its events say 'done'",
        ),
        ("UPDATE calibrations SET done_by = 'Eve'", r"calibration 1: done_by is 'Eve', its event says 'Ada'"),
        ("UPDATE entries SET visual_number = 'x' WHERE id = 'entry-3'", r"entry 3 .*: visual_number is 'x'"),
        ("UPDATE entries SET checked = 1 WHERE needs_check = 1", r"entry 4 .*: checked is 1, its events say 0"),
        ("UPDATE manifest_lines SET uid = '04ff' WHERE position = 2", r"batch batch-9: its manifest is not the one"),
        ("DELETE FROM batch_acts WHERE act = 'closed'", r"act on a batch 3: is missing"),
    ],
)
def test_tampering_shows(written: str, statement: str, problem: str) -> None:
    """Who goes round the triggers is found out, and the row is named."""
    pg = server()
    copy = pg.database(name_of(written))
    try:
        # Off for this session: triggers and foreign keys alike.
        sql(pg.url(copy), "SET session_replication_role = replica", statement)
        with opened(pg.url(copy)) as journal:
            found = journal.verify()
        assert not found.ok
        assert any(re.search(problem, told) for told in found.problems), found.problems
    finally:
        pg.drop(copy)


async def test_a_killed_migration_is_done_again(bare: str) -> None:
    """A process that dies in the middle of a migration leaves the database empty; the next start migrates."""
    with python(KILLED, bare, "execute", 3) as process:
        process.communicate(timeout=50)
        assert process.returncode == 9
    assert sql(bare, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
    with opened(bare) as journal:
        await journal.append(entry(1))
        assert journal.verify().ok


@pytest.mark.parametrize("version", schema.VERSIONS[:-1])
async def test_a_journal_of_every_version_opens(bare: str, version: str) -> None:
    """A database of each version with entries in every state is brought up to date, is sound, and is written on."""
    store = database.locate(bare)
    with contextlib.closing(store.connect()) as connection:
        migrating.upgrade(store, connection, version)
    store.close()
    with (
        contextlib.closing(sqlite3.connect(FIXTURES / f"{version}.db")) as fixture,
        server().connection(name_of(bare)) as to,
    ):
        tables = [name for (name,) in fixture.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        tables.sort(key=lambda name: name != "entries")
        for table in tables:
            if table == schema.VERSION_TABLE:
                continue
            columns = [row[1] for row in fixture.execute(f"PRAGMA table_info({table})")]
            values = ", ".join(["%s"] * len(columns))
            for row in fixture.execute(f"SELECT {', '.join(columns)} FROM {table}"):
                to.execute(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values})", row)
            if columns[0] in ("number", "n"):
                to.execute(f"SELECT setval(pg_get_serial_sequence('{table}', '{columns[0]}'), 100)")
    with opened(bare) as journal:
        await goes_on(journal, version)


# --- servers and lines that fail -------------------------------------------------------------------------------------


async def test_a_stopped_server_takes_nothing_and_comes_back(pg: Server, journal: Journal) -> None:
    """While the server is away every call is refused, surely; when it is back the next one works."""
    await journal.append(entry(1))
    pg.stop()
    try:
        for _ in range(2):
            with pytest.raises(JournalUnavailable, match="does not answer") as refused:
                await journal.append(entry(2))
            assert not refused.value.perhaps
            with pytest.raises(JournalUnavailable, match="does not answer"):
                await journal.get("entry-1")
    finally:
        pg.start()
    await journal.append(entry(2))
    assert await journal.get("entry-2") is not None
    assert journal.verify().streams == 1


async def test_a_connection_lost_while_idle_is_not_noticed(journal: Journal, place: str) -> None:
    """A server that ended idle connections, or was restarted, costs no pair and no question an error."""
    await journal.append(entry(1))
    assert await journal.waiting(TARGET) == 1
    end_connections(place)
    await journal.append(entry(2))
    assert await journal.waiting(TARGET) == 2
    assert journal.verify().streams == 1


async def test_a_connection_ended_in_a_transaction_leaves_nothing(journal: Journal, place: str) -> None:
    """What was half done is gone, surely, and the same again is done."""
    await journal.append(entry(1))

    def work(transaction: Transaction) -> None:
        changes.append(transaction, entry(2))
        end_connections(place)
        changes.append(transaction, entry(3))

    with pytest.raises(JournalUnavailable, match="does not answer") as refused:
        await journal._change(work)
    assert not refused.value.perhaps
    assert [record.entry.id for record in journal.records()] == ["entry-1"]
    assert not (await journal.append(entry(2))).again
    assert journal.verify().ok


@pytest.fixture
def wire(pg: Server) -> Iterator[Wire]:
    with contextlib.closing(Wire(pg.port)) as wire:
        yield wire


@pytest.mark.parametrize("happens", [True, False])
async def test_a_commit_without_an_answer_is_asked_again(pg: Server, place: str, wire: Wire, happens: bool) -> None:
    """`perhaps` is said where the line was cut at a commit; the same entry again is then committed once, for sure."""
    url = pg.tcp_url(name_of(place), quote(PASSWORD, safe="")).replace(str(pg.port), str(wire.port))
    with opened(url) as journal:
        for index in (1, 2):
            # The stream's very first event, and one that follows.
            wire.fates.append(happens)
            with pytest.raises(JournalUnavailable, match="does not answer") as doubtful:
                await journal.append(entry(index))
            assert doubtful.value.perhaps
            assert (await journal.append(entry(index))).again is happens
        assert [record.entry.id for record in journal.records()] == ["entry-1", "entry-2"]
        found = journal.verify()
        assert (found.problems, found.streams) == ((), 1)


async def test_a_connection_ended_at_the_commit_is_a_doubt(
    journal: Journal, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the server ended the connection just before the commit, nobody here can know that."""
    monkeypatch.setattr(journal._store, "before_commit", lambda connection: end_connections(place))
    with pytest.raises(JournalUnavailable) as doubtful:
        await journal.append(entry(1))
    assert doubtful.value.perhaps
    monkeypatch.undo()
    assert not (await journal.append(entry(1))).again
    assert journal.verify().ok


async def test_a_transaction_that_failed_is_not_taken_for_committed(journal: Journal) -> None:
    """PostgreSQL answers the COMMIT of a failed transaction by rolling back, without an error."""

    def work(transaction: Transaction) -> None:
        changes.append(transaction, entry(1))
        with contextlib.suppress(Exception):
            transaction.connection.exec_driver_sql("SELECT 1 / 0")

    with pytest.raises(JournalUnavailable, match=r"has failed|was interrupted"):
        await journal._change(work)
    assert await journal.get("entry-1") is None
    await journal.append(entry(1))
    assert journal.verify().ok


async def test_another_database_is_not_taken_for_the_old_one(pg: Server, place: str) -> None:
    """A database that was made anew under the old name gets nothing until the station is started again."""
    with opened(place) as journal:
        await journal.append(entry(1))
        pg.drop(name_of(place))
        with server().connection() as one:
            one.execute(f"CREATE DATABASE {name_of(place)} TEMPLATE {pg._templates['laid']} OWNER {USER}")
        with pytest.raises(JournalUnavailable, match="another database") as refused:
            await journal.append(entry(2))
        assert not refused.value.perhaps
    with opened(place) as journal:
        assert list(journal.records()) == []


async def test_a_locked_journal_says_so(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another transaction keeps a row a change of it is refused after a while, surely."""
    monkeypatch.setitem(postgresql._SETTINGS, "lock_timeout", "50ms")
    with opened(place) as journal, server().connection(name_of(place)) as other:
        await journal.append(entry(1))
        with other.transaction():
            other.execute("UPDATE entries SET note = ''")
            with pytest.raises(JournalUnavailable, match="locked") as refused:
                await journal.undo("entry-1")
            assert not refused.value.perhaps
        await journal.undo("entry-1")


async def test_what_was_undone_just_then_is_no_obstacle(
    journal: Journal, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pair that collides with one which another station takes back at that moment is appended."""
    await journal.append(entry(1))
    with opened(place) as other:
        real = changes._obstacle
        undone: list[object] = []

        def obstacle(*arguments: object) -> object:
            if not undone:
                undone.append(asyncio.run(other.undo("entry-1")))
            return real(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(changes, "_obstacle", obstacle)
        assert not (await journal.append(entry(2, uid=entry(1).uid))).again
        with pytest.raises(DuplicateUid):
            await journal.append(entry(3, uid=entry(1).uid))
    assert journal.verify().ok


@pytest.mark.parametrize("text", ["\ud83d", "a\0b"])
async def test_text_that_cannot_be_stored_is_refused(journal: Journal, text: str) -> None:
    """Half a character, and the one that PostgreSQL has no place for, leave nothing behind."""
    with pytest.raises(JournalError, match="cannot store"):
        await journal.append(entry(1, reader=text))
    await journal.append(entry(2))
    assert journal.verify().entries == 1


# --- the table of errors ---------------------------------------------------------------------------------------------


def state(code: str) -> psycopg.Error:
    return psycopg.errors.lookup(code)("what the server says")


@pytest.mark.parametrize(
    ("code", "kind", "perhaps"),
    [
        ("53100", JournalFull, False),
        ("53300", JournalUnavailable, True),
        ("25006", JournalReadOnly, False),
        ("42501", JournalReadOnly, False),
        ("42P01", JournalCorrupt, True),
        ("23505", JournalCorrupt, True),
        ("XX001", JournalCorrupt, True),
        ("XX000", JournalUnavailable, True),
        ("40P01", JournalUnavailable, False),
        ("40001", JournalUnavailable, False),
        ("40003", JournalUnavailable, True),
        ("55P03", JournalUnavailable, False),
        ("57014", JournalUnavailable, True),
        ("57P01", JournalUnavailable, True),
        ("57P03", JournalUnavailable, True),
        ("08006", JournalUnavailable, True),
        ("58030", JournalUnavailable, True),
        ("22021", JournalError, False),
    ],
)
def test_what_matters_is_told_apart(code: str, kind: type[JournalError], perhaps: bool) -> None:
    """Errors that ask for different remedies are different kinds; a commit is doubted unless it is disproved."""
    mapped = faults.translate(state(code), "postgresql://station@db/journal", committing=True)
    assert type(mapped) is kind
    assert mapped.perhaps is perhaps
    assert "postgresql://station@db/journal" in mapped.message


def test_every_error_of_the_driver_finds_a_row() -> None:
    """Whatever psycopg raises is mapped, with a SQLSTATE and without."""

    def classes(cls: type[BaseException]) -> Iterator[type[BaseException]]:
        yield cls
        for one in cls.__subclasses__():
            yield from classes(one)

    found = list(classes(psycopg.Error))
    assert len(found) > 200
    for cls in found:
        assert issubclass(faults.find(cls.__new__(cls)).kind, JournalError), cls


def test_a_password_is_struck_out_of_what_is_passed_on() -> None:
    """Should a driver ever repeat it, it goes no further."""
    error = psycopg.OperationalError("connection to station:hunter2@db failed")
    told = faults.translate(error, "postgresql://station@db/journal", secret="hunter2").message
    assert "hunter2" not in told
    assert "failed" in told


def test_opening_a_file_needs_no_driver(tmp_path: Path) -> None:
    """A journal in a file imports nothing of PostgreSQL."""
    script = (
        "import sys\nfrom tagsmith.journal import Journal\nJournal.open(sys.argv[1]).close()\n"
        "print('psycopg' in sys.modules, 'tagsmith.journal.postgresql' in sys.modules)"
    )
    with python(script, f"sqlite:///{tmp_path / 'journal.db'}") as process:
        assert finished(process) == "False False\n"
    assert os.path.exists(tmp_path / "journal.db")
