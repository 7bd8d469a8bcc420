"""The table of foreign errors is complete, and says of a commit only what is proved."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import exc

from tagsmith.errors import (
    JournalCorrupt,
    JournalError,
    JournalFull,
    JournalReadOnly,
    JournalUnavailable,
)
from tagsmith.journal import faults

PLACE = Path("/nowhere/journal.db")

# sqlite.org/rescode.html: the primary result codes that are errors. Names and numbers are frozen by SQLite.
PRIMARY = {
    1: "ERROR",
    2: "INTERNAL",
    3: "PERM",
    4: "ABORT",
    5: "BUSY",
    6: "LOCKED",
    7: "NOMEM",
    8: "READONLY",
    9: "INTERRUPT",
    10: "IOERR",
    11: "CORRUPT",
    12: "NOTFOUND",
    13: "FULL",
    14: "CANTOPEN",
    15: "PROTOCOL",
    16: "EMPTY",
    17: "SCHEMA",
    18: "TOOBIG",
    19: "CONSTRAINT",
    20: "MISMATCH",
    21: "MISUSE",
    22: "NOLFS",
    23: "AUTH",
    24: "FORMAT",
    25: "RANGE",
    26: "NOTADB",
}


def subclasses(cls: type[BaseException]) -> Iterator[type[BaseException]]:
    """The class and everything derived from it."""
    yield cls
    for one in cls.__subclasses__():
        yield from subclasses(one)


def sqlite_error(name: str, code: int = 0) -> sqlite3.OperationalError:
    """An error as the driver raises it."""
    error = sqlite3.OperationalError("what SQLite says")
    error.sqlite_errorname = name  # type: ignore[misc]
    error.sqlite_errorcode = code  # type: ignore[misc]
    return error


def wrapped(error: sqlite3.Error) -> exc.OperationalError:
    """The same as SQLAlchemy passes it on."""
    return exc.OperationalError("COMMIT", None, error)


@pytest.mark.parametrize(("code", "name"), PRIMARY.items())
def test_every_result_code_of_sqlite_is_in_the_table(code: int, name: str) -> None:
    """Each primary result code has a row of its own, by name, and is found by number where the name is not known."""
    assert f"SQLITE_{name}" in faults.TABLE
    by_name = faults.find(wrapped(sqlite_error(f"SQLITE_{name}", code)))
    assert by_name is faults.TABLE[f"SQLITE_{name}"]
    assert faults.find(sqlite_error("unknown", code | 77 << 8)) is by_name


def test_every_extended_code_finds_its_row() -> None:
    """Each extended result code the driver knows is mapped by its own row or that of its primary code."""
    extended = [
        name
        for name in dir(sqlite3)
        if name.startswith("SQLITE_")
        and isinstance(code := getattr(sqlite3, name), int)
        and code > 0xFF
        and code & 0xFF in PRIMARY
        and name.startswith(f"SQLITE_{PRIMARY[code & 0xFF]}_")
    ]
    assert len(extended) > 50
    for name in extended:
        assert issubclass(faults.find(wrapped(sqlite_error(name))).kind, JournalError), name


def test_every_class_of_the_libraries_finds_a_row() -> None:
    """Whatever sqlite3 and SQLAlchemy define as an error is caught by FOREIGN and has a row."""
    known = {*subclasses(exc.SQLAlchemyError), *subclasses(sqlite3.Error), *subclasses(sqlite3.Warning)}
    assert len(known) > 40
    for cls in known:
        assert issubclass(cls, faults.FOREIGN)
        # Not called: their constructors ask for all sorts of things, and only the class counts here.
        assert issubclass(faults.find(cls.__new__(cls)).kind, JournalError), cls


@pytest.mark.parametrize("code", sorted(errno.errorcode))
def test_every_errno_finds_a_row(code: int) -> None:
    """Whatever the operating system says about a file is mapped."""
    assert issubclass(faults.find(OSError(code, os.strerror(code))).kind, JournalError)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (sqlite_error("SQLITE_FULL"), JournalFull),
        (sqlite_error("SQLITE_IOERR_WRITE"), JournalFull),
        (sqlite_error("SQLITE_IOERR_FSYNC"), JournalUnavailable),
        (sqlite_error("SQLITE_IOERR_SHORT_READ"), JournalCorrupt),
        (sqlite_error("SQLITE_BUSY_SNAPSHOT"), JournalUnavailable),
        (sqlite_error("SQLITE_NOTADB"), JournalCorrupt),
        (sqlite_error("SQLITE_CORRUPT_INDEX"), JournalCorrupt),
        (sqlite_error("SQLITE_READONLY_DIRECTORY"), JournalReadOnly),
        (sqlite_error("SQLITE_READONLY_DBMOVED"), JournalUnavailable),
        (sqlite3.ProgrammingError("Cannot operate on a closed database."), JournalUnavailable),
        (exc.TimeoutError("QueuePool limit"), JournalUnavailable),
        (OSError(errno.ENOSPC, "No space left on device"), JournalFull),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), JournalFull),
        (OSError(errno.EROFS, "Read-only file system"), JournalReadOnly),
        (PermissionError(errno.EACCES, "Permission denied"), JournalReadOnly),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory"), JournalUnavailable),
        (OSError("no errno"), JournalUnavailable),
        ("\ud800".encode, JournalError),
        (OverflowError("Python int too large"), JournalError),
    ],
)
def test_what_matters_is_told_apart(error: BaseException, kind: type[JournalError]) -> None:
    """The errors that ask for different remedies become different kinds, each naming the file."""
    if callable(error):
        with pytest.raises(UnicodeError) as raised:
            error()
        error = raised.value
    mapped = faults.translate(error, PLACE)
    assert type(mapped) is kind
    assert str(PLACE) in mapped.message
    assert not mapped.perhaps


@pytest.mark.parametrize(
    ("name", "perhaps"),
    [
        ("SQLITE_FULL", False),
        ("SQLITE_IOERR_WRITE", False),
        ("SQLITE_BUSY", False),
        ("SQLITE_READONLY", False),
        ("SQLITE_IOERR_FSYNC", True),
        ("SQLITE_IOERR_SHMMAP", True),
        ("SQLITE_CORRUPT", True),
        ("SQLITE_NOMEM", True),
        ("SQLITE_INTERRUPT", True),
    ],
)
def test_a_commit_is_doubted_unless_it_is_disproved(name: str, perhaps: bool) -> None:
    """In answer to a commit only what proves that it did not happen is a plain failure."""
    assert faults.translate(sqlite_error(name), PLACE, committing=True).perhaps is perhaps
    assert not faults.translate(sqlite_error(name), PLACE).perhaps


def test_what_is_not_foreign_is_not_mapped() -> None:
    """Mistakes of our own are not dressed up as trouble with the disc."""
    assert not issubclass(AttributeError, faults.FOREIGN)
    with pytest.raises(KeyError):
        faults.find(AttributeError("a mistake"))
