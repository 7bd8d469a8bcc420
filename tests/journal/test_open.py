"""Opening: what becomes a journal, what is refused and with which words, and what it costs."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.journal import entry, finished, opened, python, url
from tagsmith.errors import (
    JournalCorrupt,
    JournalError,
    JournalNewer,
    JournalReadOnly,
    JournalUnavailable,
)
from tagsmith.journal import Journal, database, sqlite
from tagsmith.journal.schema import VERSION_TABLE, VERSIONS
from tagsmith.journal.sqlite import PAGE_BYTES, log_path
from tagsmith.model import LegName, LegState, Settlement

pytestmark = pytest.mark.sqlite

NOBODY = 65534
MAX_LOG_BYTES = 80_000


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder of a user whom file modes bind: root becomes nobody for the length of a test."""
    folder = Path(tempfile.mkdtemp(prefix="tagsmith-"))
    root = os.geteuid() == 0
    try:
        if root:
            os.chown(folder, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        yield folder
    finally:
        if root:
            os.seteuid(0)
        for one in [folder, *folder.rglob("*")]:
            one.chmod(0o700)
        shutil.rmtree(folder)


def sql(path: Path, *statements: str) -> None:
    """Change the database behind the journal's back."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite+pysqlite:///:memory:", "names no file"),
        ("sqlite:///file:x?mode=memory&uri=true", "takes no settings"),
        ("sqlite:///file:memdb1", "names no file"),
        ("sqlite:////tmp/x.db?timeout=1", "takes no settings, it has timeout"),
        ("sqlite+aiosqlite:////tmp/x.db", "only by SQLite or PostgreSQL"),
        ("mysql://station:secret@db/journal", "cannot be kept by 'mysql'"),
        ("postgresql://station:secret@db:secret/journal", "cannot be read"),
        ("nothing at all : secret", "cannot be read"),
        ("", "cannot be read"),
    ],
)
def test_a_url_that_would_not_last_is_refused(text: str, words: str) -> None:
    """What names no file and no server is no journal; the error says how to name one and repeats no password."""
    with pytest.raises(JournalError, match=words) as refused:
        Journal.open(text)
    assert "sqlite:////" in refused.value.remedy
    assert "secret" not in str(refused.value)


def test_folder_and_file_are_made_for_this_user_only(tmp_path: Path) -> None:
    """What is missing is made, and neither the file nor its log can be read by others."""
    path = tmp_path / "a" / "b" / "journal.db"
    with opened(path, new=True) as journal:
        assert journal.path == path
        assert path.parent.stat().st_mode & 0o777 == 0o700
        files = sorted(path.parent.iterdir())
        assert [one.name for one in files] == ["journal.db", "journal.db-shm", "journal.db-wal"]
        assert {one.stat().st_mode & 0o777 for one in files} == {0o600}
    assert [one.name for one in path.parent.iterdir()] == ["journal.db"]


def test_an_existing_folder_keeps_its_mode(tmp_path: Path) -> None:
    """A folder that is there is not changed."""
    tmp_path.chmod(0o750)
    with opened(tmp_path / "journal.db", new=True):
        assert tmp_path.stat().st_mode & 0o777 == 0o750


def test_the_url_leads_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`url` opens the same file from any folder, also where it was given relative, with a link or with a tilde."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "link").symlink_to(tmp_path)
    urls = set()
    for text in (
        "sqlite:///journal ü%20#%3F.db",
        "sqlite:///link/journal ü%20#%3F.db",
        "sqlite:///~/journal ü%20#%3F.db",
    ):
        with contextlib.closing(Journal.open(text)) as journal:
            urls.add(journal.url)
            assert journal.path == tmp_path / "journal ü #?.db"
            assert database.locate(journal.url).path == journal.path
    assert len(urls) == 1
    assert [one.name for one in tmp_path.iterdir() if one.is_file()] == ["journal ü #?.db"]


async def test_every_connection_is_durable(journal: Journal) -> None:
    """Both engines run with WAL, FULL and foreign keys; the reading one cannot write."""
    with journal._reading_engine.connect() as reading, journal._store.connect() as writing:
        for connection in (reading, writing):
            pragmas = {
                name: connection.connection.driver_connection.execute(f"PRAGMA {name}").fetchone()[0]  # type: ignore[union-attr]
                for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            }
            assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}
        with pytest.raises(Exception, match="readonly"):
            reading.exec_driver_sql("DELETE FROM entries")


async def test_a_pair_writes_little(path: Path) -> None:
    """Three commits from the tap until it is reserved: what they write to the log, which an SD card has to take."""
    pairs = 20
    with opened(path) as journal:
        before = log_path(path).stat().st_size
        for index in range(pairs):
            await journal.append(entry(index))
            attempt_id = await journal.attempt(f"entry-{index}", LegName.RESERVATION, "body")
            await journal.settle(f"entry-{index}", LegName.RESERVATION, attempt_id, Settlement(LegState.DONE))
        assert (log_path(path).stat().st_size - before) / pairs < MAX_LOG_BYTES


def test_an_old_journal_keeps_its_pages(path: Path) -> None:
    """A journal of before smaller pages is opened as it is."""
    shutil.copy(Path(__file__).parent / "fixtures" / "0001.db", path)
    with contextlib.closing(sqlite3.connect(path)) as old:
        (page_bytes,) = old.execute("PRAGMA page_size").fetchone()
    with opened(path) as journal:
        assert journal.verify().ok
    with contextlib.closing(sqlite3.connect(path)) as old:
        assert old.execute("PRAGMA page_size").fetchone() == (page_bytes,)
    assert page_bytes != PAGE_BYTES


def test_an_empty_file_becomes_a_journal(path: Path) -> None:
    """What a first start that was killed leaves behind, an empty file, is no obstacle."""
    path.touch()
    with opened(path) as journal:
        assert journal.verify().ok


@pytest.mark.parametrize("content", [b"no database at all, but a letter " * 100, b"SQLite format 3\0" + b"\xff" * 4000])
def test_a_file_that_is_no_database_is_refused(path: Path, content: bytes) -> None:
    """Another kind of file, or a database with a broken header, is refused and left as it is."""
    path.write_bytes(content)
    with pytest.raises(JournalCorrupt, match=str(path)):
        Journal.open(url(path))
    assert path.read_bytes() == content


def test_a_database_of_something_else_is_refused(path: Path) -> None:
    """A database that holds other tables is no journal, and none is put into it."""
    sql(path, "CREATE TABLE invoices (number INTEGER)")
    before = path.read_bytes()
    with pytest.raises(JournalCorrupt, match="no journal"):
        Journal.open(url(path))
    assert path.read_bytes() == before


def test_a_disc_without_a_log_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where SQLite cannot keep a write-ahead log (a network share, say) nothing is recorded without one."""
    monkeypatch.setattr(sqlite, "keeps_log", lambda connection: False)
    with pytest.raises(JournalUnavailable, match="write-ahead log") as refused:
        Journal.open(url(path))
    assert "local disc" in refused.value.remedy


def test_a_newer_journal_is_refused(path: Path) -> None:
    """A journal of a version that is not known is not touched; the error names both versions."""
    with opened(path):
        pass
    sql(path, f"UPDATE {VERSION_TABLE} SET version_num = '0999'")
    with pytest.raises(JournalNewer, match=f"0999.*{VERSIONS[-1]}") as refused:
        Journal.open(url(path))
    assert "newer" in refused.value.remedy


def test_a_journal_without_a_version_is_refused(path: Path) -> None:
    """Nobody guesses what a journal is whose version was wiped out."""
    with opened(path):
        pass
    sql(path, f"DELETE FROM {VERSION_TABLE}")
    with pytest.raises(JournalCorrupt):
        Journal.open(url(path))


def test_a_file_that_may_not_be_written_is_refused(unprivileged: Path) -> None:
    """A read-only journal is refused at opening, not at the first pair; the error says what to do."""
    path = unprivileged / "journal.db"
    with opened(path):
        pass
    path.chmod(0o400)
    with pytest.raises(JournalReadOnly, match=str(path)) as refused:
        Journal.open(url(path))
    assert "writable" in refused.value.remedy


def test_an_empty_file_that_may_not_be_written_is_refused(unprivileged: Path) -> None:
    """Also where there is no journal in it yet."""
    path = unprivileged / "journal.db"
    path.touch(0o400)
    with pytest.raises(JournalReadOnly):
        Journal.open(url(path))


def test_a_folder_that_may_not_be_written_is_refused(unprivileged: Path) -> None:
    """The log must be made beside the file, so a read-only folder is as bad, with or without a journal in it."""
    folder = unprivileged / "folder"
    path = folder / "journal.db"
    with opened(path):
        pass
    folder.chmod(0o500)
    for refused in (path, folder / "other.db", folder / "deeper" / "journal.db"):
        with pytest.raises(JournalReadOnly):
            Journal.open(url(refused))


def test_a_path_that_cannot_be_is_refused(tmp_path: Path) -> None:
    """A folder in the file's place, or a file in the folder's, is said to be in the way."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    for path in (tmp_path / "folder", tmp_path / "file" / "journal.db"):
        with pytest.raises(JournalUnavailable, match="cannot be opened"):
            Journal.open(url(path))


async def test_a_locked_journal_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another process keeps the write lock nothing is appended, surely nothing; afterwards all is well."""
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.05)
    with opened(path) as journal, contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalUnavailable, match="locked") as refused:
            await journal.append(entry(1))
        assert not refused.value.perhaps
        with pytest.raises(JournalUnavailable, match="locked"):
            Journal.open(url(path))
        assert await journal.get("entry-1") is None
        other.execute("ROLLBACK")
        await journal.append(entry(1))
        assert journal.verify().ok


def test_alembic_is_imported_to_migrate_only(path: Path) -> None:
    """A journal of this version is opened without Alembic, which would take longer than all the rest."""
    script = (
        "import sys\nfrom tagsmith.journal import Journal\n"
        "Journal.open(sys.argv[1]).close()\nprint('alembic' in sys.modules)"
    )
    with python(script, url(path)) as first:
        assert finished(first) == "True\n"
    with python(script, url(path)) as second:
        assert finished(second) == "False\n"


TOGETHER = f"""
import asyncio, pathlib, sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from support.journal import entry, url
from tagsmith.journal import Journal, migrating

for line in sys.stdin:
    journal = Journal.open(url(pathlib.Path(line.strip())))
    asyncio.run(journal.append(entry(int(sys.argv[1]))))
    journal.close()
    print("done", flush=True)
"""


@pytest.mark.parametrize("rounds", [5, pytest.param(24, marks=pytest.mark.long)])
def test_many_may_open_a_new_journal_at_once(tmp_path: Path, rounds: int) -> None:
    """Processes that start together on no file at all end up with one journal that all of them write to."""
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(python(TOGETHER, index)) for index in range(4)]
        for number in range(rounds):
            path = tmp_path / str(number) / "journal.db"
            for process in processes:
                assert process.stdin is not None
                process.stdin.write(f"{path}\n")
                process.stdin.flush()
            for process in processes:
                assert process.stdout is not None
                assert process.stdout.readline() == "done\n", process.communicate(timeout=50)[1]
            with opened(path) as journal:
                assert sorted(record.entry.id for record in journal.records()) == [f"entry-{one}" for one in range(4)]
                verification = journal.verify()
                assert (verification.ok, verification.streams) == (True, 4)
        for process in processes:
            finished(process)
