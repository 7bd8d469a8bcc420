"""One courier per journal: the lock beside the file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from support.journal import finished, opened, python, url
from tagsmith.errors import JournalError
from tagsmith.journal import Journal
from tagsmith.journal.lock import FileLock

pytestmark = pytest.mark.sqlite

HOLD = """
import sys
from tagsmith.journal import Journal
journal = Journal.open(sys.argv[1])
lock = journal.courier_lock()
print(lock.try_acquire(), flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def file(path: Path) -> Path:
    """The lock's file."""
    return path.with_name(f"{path.name}.courier-lock")


def test_one_holds_it_the_other_learns_who(journal: Journal, file: Path) -> None:
    """The second to ask is refused and told the process and the command; after a release it may."""
    first, second = journal.courier_lock(), journal.courier_lock()
    assert first.holder() == ""
    assert first.try_acquire()
    assert first.try_acquire()
    assert not second.try_acquire()
    holder = second.holder()
    assert holder.split()[0] == str(os.getpid())
    assert "pytest" in holder
    first.release()
    first.release()
    assert second.holder() == ""
    assert second.try_acquire()
    second.release()
    assert file.exists()
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_kernel_takes_it_from_the_dead(path: Path) -> None:
    """A process that is killed holds it no longer, and what it left written names nobody."""
    with opened(path) as journal:
        lock = journal.courier_lock()
        with python(HOLD, url(path)) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "True\n"
            assert not lock.try_acquire()
            assert lock.holder().split()[0] == str(process.pid)
            process.kill()
            process.communicate(timeout=50)
        assert lock.holder() == ""
        assert lock.try_acquire()
        lock.release()


def test_another_process_is_refused(path: Path) -> None:
    """The lock holds across processes, whatever name the journal is opened by."""
    alias = path.with_name("alias.db")
    with opened(path) as journal:
        alias.symlink_to(path)
        lock = journal.courier_lock()
        assert lock.try_acquire()
        with python(HOLD, url(alias)) as process:
            assert process.stdin is not None
            process.stdin.write("\n")
            assert finished(process) == "False\n"
        lock.release()


@pytest.mark.parametrize("how", ["replaced", "deleted"])
def test_a_lock_on_a_file_that_is_gone_is_not_held(path: Path, file: Path, how: str) -> None:
    """A lock file that was deleted or replaced under its holder is another's to lock: the holder learns it."""
    with opened(path) as journal:
        first, second = journal.courier_lock(), journal.courier_lock()
        assert not first.held()
        assert first.try_acquire()
        assert first.held()
        if how == "deleted":
            file.unlink()
        else:
            file.with_name("other").touch()
            file.with_name("other").replace(file)
        assert second.try_acquire()
        assert not first.held()
        assert not first.try_acquire()
        assert second.held()
        second.release()
        assert not second.held()
        assert first.try_acquire()
        first.release()


def test_trouble_with_the_file_is_ours(tmp_path: Path) -> None:
    """What the operating system says about the lock file comes as a journal's error."""
    (tmp_path / "lock").mkdir()
    lock = FileLock(tmp_path / "lock")
    with pytest.raises(JournalError):
        lock.try_acquire()
    lock = FileLock(tmp_path / "file" / "lock")
    (tmp_path / "file").touch()
    with pytest.raises(JournalError):
        lock.holder()
