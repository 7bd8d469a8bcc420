"""Where a journal is at home: copies, backups and older states of it deliver nothing until they are adopted."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from support.journal import TARGET, entry, opened
from tagsmith.errors import JournalError, Replaced
from tagsmith.journal import Journal, custody
from tagsmith.model import Correction, LegName, LegState, Settlement, State

RESERVATION, ACTIVATION = LegName.RESERVATION, LegName.ACTIVATION
REFUSED = Settlement(LegState.REFUSED, status=400, message="no")
DOUBT = Settlement(LegState.UNKNOWN, status=409, message="perhaps reserved")
DONE = Settlement(LegState.DONE, status=201)


async def send(journal: Journal, index: int, settlement: Settlement, leg: LegName = RESERVATION) -> None:
    attempt_id = await journal.attempt(f"entry-{index}", leg, "")
    await journal.settle(f"entry-{index}", leg, attempt_id, settlement)


async def test_a_term_ends_with_the_next(journal: Journal) -> None:
    """Whoever was replaced records no attempt any more, and so sends nothing; what it had under way is unknown."""
    await journal.append(entry(1))
    await journal.append(entry(2))
    first = await journal.take_over(TARGET, "one")
    await journal.attempt("entry-1", RESERVATION, "{}", term=first.term)
    second = await journal.take_over(TARGET, "two")
    assert second.interrupted == 1
    with pytest.raises(Replaced):
        await journal.attempt("entry-2", RESERVATION, "{}", term=first.term)
    await journal.attempt("entry-2", RESERVATION, "{}", term=second.term)
    assert journal.verify().ok


async def test_requests_are_counted_by_day(journal: Journal) -> None:
    """The share of a day outlives the process: each attempt counts, with what was asked beside it."""
    await journal.append(entry(1))
    await send(journal, 1, Settlement(LegState.QUEUED))
    await journal.attempt("entry-1", RESERVATION, "", day="2031-05-06", requests=3)
    assert await journal.requests_made(TARGET, "2031-05-06") == 3
    assert await journal.requests_made(TARGET, "2031-05-07") == 0


async def test_a_copy_is_a_stranger_until_it_is_adopted(path: Path) -> None:
    """A journal that has delivered and is copied elsewhere delivers nothing there; adopted, it doubts what is open."""
    with opened(path) as journal:
        await journal.take_over(TARGET)
        await journal.append(entry(1, user_id="user-7"))
        await journal.append(entry(2))
        await send(journal, 2, DONE)
        assert await journal.stranger() == ""
    copy = path.with_name("copy.db")
    shutil.copyfile(path, copy)
    with opened(copy) as journal:
        assert "copied here" in await journal.stranger()
        with pytest.raises(JournalError, match="copied here"):
            await journal.take_over(TARGET)
        assert await journal.adopt(by="Ada", reason="the old disc died") == 2
        assert await journal.stranger() == ""
        await journal.take_over(TARGET)
        assert (await journal.tally(TARGET))[State.UNKNOWN] == 1
        assert journal.verify().problems == ()


async def test_a_moved_journal_doubts_nothing(path: Path) -> None:
    """Where a person says that no other copy has sent anything, what is open is as it was."""
    with opened(path) as journal:
        await journal.take_over(TARGET)
        await journal.append(entry(1))
    moved = path.with_name("moved.db")
    shutil.copyfile(path, moved)
    with opened(moved) as journal:
        assert await journal.adopt(by="Ada", reason="moved", moved=True) == 0
        assert (await journal.tally(TARGET))[State.HELD] == 1


async def test_an_older_state_in_the_same_place_is_seen(path: Path) -> None:
    """An old copy that is written over the very same file is told by the note beside it, and stays told."""
    with opened(path) as journal:
        await journal.take_over(TARGET)
        await journal.append(entry(1))
    shutil.copyfile(path, old := path.with_name("old"))
    with opened(path) as journal:
        await send(journal, 1, DONE)
    shutil.copyfile(old, path)  # into the very same file
    for _ in range(2):
        with opened(path) as journal:
            assert "older state" in await journal.stranger()
            await journal.append(entry(2))
    with opened(path) as journal:
        await journal.adopt(by="Ada", reason="restored")
        assert await journal.stranger() == ""
        assert journal.verify().ok


@pytest.mark.parametrize("note", [b"", b"garbage", b"\x00" * 54])
async def test_a_note_that_says_nothing_is_none(path: Path, note: bytes) -> None:
    """A torn or foreign note stops nobody."""
    with opened(path) as journal:
        await journal.take_over(TARGET)
    path.with_name(f"{path.name}.seen").write_bytes(note)
    with opened(path) as journal:
        assert await journal.stranger() == ""


@pytest.mark.sqlite
async def test_a_backup_is_whole_and_delivers_nothing(journal: Journal, tmp_path: Path) -> None:
    """The copy is sound, is one file, names itself a backup, and never replaces a file that is there."""
    await journal.append(entry(1))
    target = tmp_path / "backup.db"
    journal.backup(target)
    assert [name for name in os.listdir(tmp_path) if name.startswith("backup")] == ["backup.db"]
    await journal.append(entry(2))
    with pytest.raises(JournalError, match="there already"):
        journal.backup(target)
    with opened(target) as copy:
        assert copy.verify().entries == 1
        assert copy.verify().problems == ()
        assert "is a backup" in await copy.stranger()
    assert await journal.stranger() == ""


@pytest.mark.sqlite
async def test_tallies_are_kept_with_every_change(journal: Journal) -> None:
    """What is counted agrees with what is there, and `verify` names a count that does not."""
    for index in range(1, 5):
        await journal.append(entry(index))
    await journal.undo("entry-1")
    await send(journal, 2, DONE)
    await send(journal, 3, REFUSED)
    expected = dict.fromkeys(State, 0) | dict.fromkeys((State.UNDONE, State.RESERVED, State.REFUSED, State.HELD), 1)
    assert await journal.tally(TARGET) == expected
    connection = sqlite3.connect(journal.path, isolation_level=None)
    connection.execute("UPDATE tallies SET total = 7 WHERE state = 'held'")
    connection.close()
    assert journal.verify().problems == (f"tally of {TARGET}: 1 entries are held, 7 are counted",)


async def test_what_was_refused_comes_back(journal: Journal) -> None:
    """Retried as it was, or corrected with a body that is made anew; what the API perhaps has is not corrected."""
    await journal.append(entry(1))
    await send(journal, 1, REFUSED)
    assert (await journal.retry("entry-1")).state is State.QUEUED
    await send(journal, 1, REFUSED)
    corrected = await journal.correct("entry-1", Correction(valid_to="2041-01-01T00:00:00.000Z"))
    assert (corrected.state, corrected.entry.valid_to) == (State.QUEUED, "2041-01-01T00:00:00.000Z")
    assert corrected.reservation.body is None
    await send(journal, 1, DOUBT)
    with pytest.raises(JournalError):
        await journal.correct("entry-1", Correction(valid_to="2042-01-01T00:00:00.000Z"))
    assert journal.verify().ok


async def test_a_reserved_key_gets_another_user(journal: Journal) -> None:
    """An activation that was refused leaves the key reserved; with the right user it is activated."""
    await journal.append(entry(1, user_id="mistyped"))
    await send(journal, 1, DONE)
    await send(journal, 1, Settlement(LegState.REFUSED, status=404), ACTIVATION)
    corrected = await journal.correct("entry-1", Correction(user_id="user-7"))
    assert (corrected.state, corrected.entry.user_id) == (State.RESERVED, "user-7")
    assert corrected.activation.state is LegState.QUEUED
    await send(journal, 1, Settlement(LegState.DONE, status=200), ACTIVATION)
    assert (await journal.get("entry-1")).state is State.ACTIVE  # type: ignore[union-attr]
    assert journal.verify().ok


async def test_a_doubt_is_proved_by_an_activation(journal: Journal) -> None:
    """The activation is recorded before it is sent; confirmed, it proves the reservation, refused it proves nothing."""
    await journal.append(entry(1, user_id="user-7"))
    await send(journal, 1, DOUBT)
    attempt_id = await journal.attempt_proof("entry-1")
    refused = await journal.settle_proof("entry-1", attempt_id, Settlement(LegState.REFUSED, status=404), "")
    assert refused.state is State.UNKNOWN
    await journal.correct("entry-1", Correction(user_id="user-8"))
    attempt_id = await journal.attempt_proof("entry-1")
    done = Settlement(LegState.DONE, status=200, contract_id="DE-8PS-C0CD0C002-B")
    proved = await journal.settle_proof("entry-1", attempt_id, done, "proved by its activation")
    assert (proved.state, proved.reservation.message) == (State.ACTIVE, "proved by its activation")
    assert proved.delivered_at is not None
    assert journal.verify().ok


async def test_a_word_settles_only_the_attempt_it_is_about(journal: Journal) -> None:
    """A resolution that was made for an earlier attempt changes nothing."""
    await journal.append(entry(1))
    await send(journal, 1, DOUBT)
    with pytest.raises(JournalError):
        await journal.resolve("entry-1", RESERVATION, DONE, attempt_id="another")
    assert (await journal.resolve("entry-1", RESERVATION, DONE)).state is State.RESERVED
    with pytest.raises(JournalError):
        await journal.resolve("entry-1", RESERVATION, DONE)


def test_the_home_is_the_file_not_its_name(tmp_path: Path) -> None:
    """A journal that is renamed on its disc is still at home; a copy with the old name is not."""
    path = tmp_path / "a"
    path.write_bytes(b"")
    home = custody.home_of(path)
    renamed = path.rename(tmp_path / "b")
    path.write_bytes(b"")
    assert custody.home_of(renamed) == home
    assert custody.home_of(path) != home
