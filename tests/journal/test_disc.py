"""The disc at its worst: full, damaged, pulled away, or silent about a commit."""

# ruff: noqa: ASYNC240 - these tests are alone on their loop

from __future__ import annotations

import contextlib
import functools
import json
import random
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import pytest

from support.journal import TARGET, entry, finished, opened, python
from tagsmith.errors import JournalCorrupt, JournalError, JournalUnavailable
from tagsmith.journal import Journal
from tagsmith.model import LegName

pytestmark = pytest.mark.sqlite

PAGE = 4096

FILL = f"""
import asyncio, json, os, resource, sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from support.journal import entry
from tagsmith.errors import JournalError
from tagsmith.journal import Journal

path, ballast = sys.argv[1:]

def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

async def fill(journal):
    for index in range(1, 100_000):
        try:
            await journal.append(entry(index))
        except JournalError as error:
            return index, error
    raise AssertionError("the disc never filled up")

journal = Journal.open("sqlite:///" + path)
if not ballast:
    limit(os.path.getsize(path + "-wal") + 300_000)
full, error = 0, None
while True:
    # A log that has become too large may be emptied into the database: then there is room once more.
    last, (full, error) = full, asyncio.run(fill(journal))
    if last == full:
        break
kept = [record.entry.id for record in journal.records()]
if ballast:
    os.unlink(ballast)
else:
    limit(resource.RLIM_INFINITY)
after = asyncio.run(journal.append(entry(full)))
verification = journal.verify()
journal.close()
print(json.dumps({{
    "kind": type(error).__name__, "perhaps": error.perhaps, "full": full, "kept": kept,
    "again": after.again, "problems": verification.problems, "entries": verification.entries,
}}))
"""


def mounts() -> list[str]:
    """The command for a mount namespace of one's own, where this user may have one."""
    for command in (["unshare", "--mount"], ["unshare", "--mount", "--map-root-user"]):
        if shutil.which("unshare") and subprocess.run([*command, "true"], capture_output=True).returncode == 0:
            return command
    return []


@pytest.mark.parametrize("disc", ["limit", *(["tmpfs"] if mounts() else [])])
def test_a_full_disc_loses_nothing(tmp_path: Path, disc: str) -> None:
    """What was appended before the disc was full is there, what was refused is not; with room again it goes on.

    The disc is full by a limit on the size of files, and where this user may mount, by a tiny file system.
    """
    path = tmp_path / "disc" / "journal.db"
    path.parent.mkdir()
    if disc == "limit":
        with python(FILL, path, "") as process:
            output = finished(process)
    else:
        ballast = path.with_name("ballast")
        script = 'mount -t tmpfs -o size=2m tmpfs "$1" && head -c 1000000 /dev/zero >"$2" && shift 2 && exec "$@"'
        shell = [*mounts(), "sh", "-c", script, "sh", str(path.parent), str(ballast)]
        done = subprocess.run(
            [*shell, sys.executable, "-c", FILL, str(path), str(ballast)], capture_output=True, text=True, timeout=50
        )
        assert done.returncode == 0, done.stderr
        output = done.stdout
    told = json.loads(output)
    assert (told["kind"], told["perhaps"], told["again"]) == ("JournalFull", False, False)
    assert told["full"] > 10
    assert told["kept"] == [f"entry-{index}" for index in range(1, told["full"])]
    assert told["problems"] == []
    assert told["entries"] == told["full"]


class Lossy(sqlite3.Connection):
    """A connection whose next commit is not answered; `happens` says whether it is done all the same."""

    faults: ClassVar[list[bool]] = []

    def commit(self) -> None:
        if not self.in_transaction or not self.faults:
            super().commit()
            return
        if self.faults.pop(0):
            super().commit()
        else:
            super().rollback()
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorname = "SQLITE_IOERR_FSYNC"  # type: ignore[misc]
        raise error


@pytest.fixture
def lossy(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """The fates of the next commits that get no answer: done or not."""
    monkeypatch.setattr(Lossy, "faults", [])
    monkeypatch.setattr(sqlite3, "connect", functools.partial(sqlite3.connect, factory=Lossy))
    return Lossy.faults


@pytest.mark.parametrize("happens", [True, False])
async def test_a_commit_without_an_answer_is_asked_again(path: Path, lossy: list[bool], happens: bool) -> None:
    """`perhaps` is said where a commit was not answered; the same entry again is then committed once, for sure."""
    with opened(path) as journal:
        await journal.append(entry(1))
        lossy.append(happens)
        with pytest.raises(JournalUnavailable) as doubtful:
            await journal.append(entry(2))
        assert doubtful.value.perhaps
        committed = await journal.append(entry(2))
        assert committed.again is happens
        await journal.append(entry(3))
        assert [record.entry.id for record in journal.records()] == ["entry-1", "entry-2", "entry-3"]
        verification = journal.verify()
        assert (verification.problems, verification.streams) == ((), 1)


@pytest.mark.parametrize("happens", [True, False])
async def test_the_first_commit_may_go_unanswered_too(path: Path, lossy: list[bool], happens: bool) -> None:
    """A process knows how its stream stands even when it lost the answer to the stream's very first event."""
    with opened(path) as journal:
        lossy.append(happens)
        with pytest.raises(JournalUnavailable):
            await journal.append(entry(1))
        await journal.append(entry(1))
        assert journal.verify().problems == ()


@pytest.mark.parametrize("happens", [True, False])
async def test_undo_and_void_can_be_asked_again(path: Path, lossy: list[bool], happens: bool) -> None:
    """A change of a mark whose answer was lost is repeated without harm."""
    with opened(path) as journal:
        await journal.append(entry(1))
        await journal.append(entry(2))
        await journal.attempt("entry-2", LegName.RESERVATION, "{}")
        for change in (lambda: journal.undo("entry-1", "x"), lambda: journal.void("entry-2", "x")):
            lossy.append(happens)
            with pytest.raises(JournalUnavailable):
                await change()
            assert (await change()).note == "x"
        assert journal.verify().problems == ()


async def test_a_journal_that_was_moved_takes_nothing(path: Path) -> None:
    """A file that was renamed or deleted under a running station would swallow pairs: the commit is refused."""
    elsewhere = path.with_name("elsewhere.db")
    with opened(path) as journal:
        await journal.append(entry(1))
        path.rename(elsewhere)
        for _ in range(2):
            with pytest.raises(JournalUnavailable, match="moved or replaced") as refused:
                await journal.append(entry(2))
            assert not refused.value.perhaps
        shutil.copyfile(elsewhere, path)
        with pytest.raises(JournalUnavailable, match="moved or replaced"):
            await journal.append(entry(2))
        elsewhere.rename(path)
        await journal.append(entry(2))
        assert journal.verify().ok


async def test_a_journal_whose_log_was_deleted_takes_nothing(path: Path) -> None:
    """The log beside the file is part of it: without it nothing is committed, and closing saves what it held."""
    with opened(path) as journal:
        await journal.append(entry(1))
        path.with_name("journal.db-wal").unlink()
        with pytest.raises(JournalUnavailable, match="moved or replaced"):
            await journal.append(entry(2))
    with opened(path) as journal:
        assert [record.entry.id for record in journal.records()] == ["entry-1"]
        assert journal.verify().ok


async def test_a_replaced_journal_is_not_taken_for_the_old_one(path: Path, lossy: list[bool]) -> None:
    """When the connection must be made anew it is never made to another file, though that be a journal too."""
    with opened(path.with_name("other.db")) as other:
        await other.append(entry(7))
    with opened(path) as journal:
        lossy.append(False)
        with pytest.raises(JournalUnavailable):
            await journal.append(entry(1))
        path.with_name("other.db").replace(path)
        with pytest.raises(JournalUnavailable, match="moved or replaced"):
            await journal.append(entry(1))
        path.unlink()
        with pytest.raises(JournalUnavailable, match="cannot be opened"):
            await journal.append(entry(1))
        with pytest.raises(JournalUnavailable, match="cannot be opened"):
            await journal.get("entry-1")
    assert not path.exists()


async def test_damage_is_told_and_nothing_is_made_up(path: Path) -> None:
    """With any page overwritten each answer is the true one or `JournalCorrupt`, and `verify` does not hold."""
    with opened(path) as journal:
        for index in range(1, 80):
            await journal.append(entry(index))
        expected = {record.entry.id: record for record in journal.records()}
    whole = path.read_bytes()
    rng = random.Random(7)
    for page in rng.sample(range(1, len(whole) // PAGE), 12):
        path.write_bytes(whole[: page * PAGE] + rng.randbytes(PAGE) + whole[(page + 1) * PAGE :])
        with contextlib.suppress(JournalCorrupt), opened(path) as journal:
            assert not journal.verify().ok, page
            for entry_id, record in expected.items():
                with contextlib.suppress(JournalCorrupt):
                    assert await journal.get(entry_id) in (record, None)
                with contextlib.suppress(JournalCorrupt):
                    assert await journal.find(TARGET, uid=record.entry.uid) in (record, None)


async def test_impossible_values_are_damage(path: Path) -> None:
    """A row that nobody writes is named, wherever it turns up."""
    with opened(path) as journal:
        await journal.append(entry(1))
    for column, value in (("mark", "'lost'"), ("reservation_state", "'gone'"), ("delivered_at", "'soon'")):
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute(f"UPDATE entries SET {column} = {value}")
        connection.close()
        with opened(path) as journal:
            with pytest.raises(JournalCorrupt, match="entry 1"):
                await journal.get("entry-1")
            with pytest.raises(JournalCorrupt, match="entry 1"):
                await journal.attempt("entry-1", LegName.RESERVATION, "{}")
            assert not journal.verify().ok


async def test_text_that_cannot_be_stored_is_refused(journal: Journal) -> None:
    """Half a character, as broken input decodes to, is refused as an error of ours and leaves nothing behind."""
    with pytest.raises(JournalError, match="cannot store"):
        await journal.append(entry(1, reader="\ud83d"))
    await journal.append(entry(2))
    assert journal.verify().entries == 1
