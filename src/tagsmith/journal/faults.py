"""Foreign errors and what they are here: the one table of this room.

SQLite says most precisely what went wrong, by the name of its result code, and PostgreSQL by its SQLSTATE; then come
the operating system's errno, then the class of the exception. Nothing of SQLAlchemy, of the drivers or of the
operating system travels further than this.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from tagsmith.errors import JournalCorrupt, JournalError, JournalFull, JournalReadOnly, JournalUnavailable

FOREIGN: Final = (SQLAlchemyError, sqlite3.Error, sqlite3.Warning, OSError, UnicodeError, OverflowError)
"""Everything that the libraries below raise when a journal cannot do what it was asked."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What a foreign error means here. `undone` says that even a commit that met it has proved not to have happened.

    `told`: the error's own words say what no code does, and are passed on.
    """

    kind: type[JournalError]
    message: str
    remedy: str = ""
    undone: bool = False
    told: bool = False


_FULL = Fault(JournalFull, "no room left on the disc", "free some space, then try again", undone=True)
# SQLite says so for every failed write but ENOSPC: quota, file size limit, a bad disc. The commit mark is the last
# thing written to the log, so a write that failed is proof that the commit is not there.
_WRITE = Fault(
    JournalFull, "the disc takes no more data", "check its free space, quota and health, then try again", undone=True
)
_READ_ONLY = Fault(
    JournalReadOnly,
    "the journal cannot be written",
    "make the file and its folder writable for this user",
    undone=True,
)
_CORRUPT = Fault(JournalCorrupt, "the journal is damaged", "keep a copy of it and its -wal file, restore a backup")
_NOT_ONE = Fault(JournalCorrupt, "the file is no journal", "name another file in the journal's URL")
_LOCKED = Fault(
    JournalUnavailable, "another process keeps the journal locked", "end what is using it, then try again", undone=True
)
_OPEN = Fault(JournalUnavailable, "the journal cannot be opened", "check the path and who may open it", undone=True)
MOVED = Fault(
    JournalUnavailable,
    "the journal's file was moved or replaced while in use",
    "put it back together with its -wal file, then start again",
)
_DISC = Fault(JournalUnavailable, "the disc does not answer as it should", "check the disc and its cables")
_MEMORY = Fault(JournalUnavailable, "not enough memory for the journal", "close other programs, then try again")
_STOPPED = Fault(JournalUnavailable, "the journal was interrupted", "try again")
# Of a connection that is refused or lost there is no code, only words: the server's own, or those of libpq.
_NO_ANSWER = Fault(
    JournalUnavailable,
    "the journal's database does not answer",
    "check that its server runs, and the URL and password (~/.pgpass) in the settings",
    told=True,
)
_NO_ROOM_THERE = Fault(
    JournalFull, "no room left on the database server", "free some space there, then try again", undone=True
)
_READ_ONLY_THERE = Fault(
    JournalReadOnly,
    "the journal's database takes no changes",
    "name a server that is no standby, and see that default_transaction_read_only is off",
    undone=True,
)
_FORBIDDEN_THERE = Fault(
    JournalReadOnly,
    "the database does not allow this user to keep a journal in it",
    "make this user its owner: ALTER DATABASE … OWNER TO …",
    undone=True,
    told=True,
)
_BROKEN_THERE = Fault(
    JournalCorrupt, "the journal is damaged", "keep a copy of the database as it is, restore a backup", told=True
)
_SERVER = Fault(JournalUnavailable, "the database server is in trouble", "look into its log, then try again", told=True)
_TEXT = Fault(JournalError, "the journal cannot store this value", "", undone=True)
_OTHER = Fault(JournalUnavailable, "the journal did not work", "try again; the log says more")

TABLE: Final[dict[str, Fault]] = {
    # SQLite result codes (sqlite.org/rescode.html). A longer name is looked up before its beginnings.
    "SQLITE_ABORT": _STOPPED,
    "SQLITE_AUTH": _OTHER,
    "SQLITE_BUSY": _LOCKED,
    "SQLITE_CANTOPEN": _OPEN,
    "SQLITE_CONSTRAINT": _CORRUPT,
    "SQLITE_CORRUPT": _CORRUPT,
    "SQLITE_EMPTY": _OTHER,
    "SQLITE_ERROR": _CORRUPT,
    "SQLITE_FORMAT": _NOT_ONE,
    "SQLITE_FULL": _FULL,
    "SQLITE_INTERNAL": _OTHER,
    "SQLITE_INTERRUPT": _STOPPED,
    "SQLITE_IOERR": _DISC,
    "SQLITE_IOERR_CORRUPTFS": _CORRUPT,
    "SQLITE_IOERR_DATA": _CORRUPT,
    "SQLITE_IOERR_NOMEM": _MEMORY,
    "SQLITE_IOERR_SHORT_READ": _CORRUPT,
    "SQLITE_IOERR_WRITE": _WRITE,
    "SQLITE_LOCKED": _LOCKED,
    "SQLITE_MISMATCH": _CORRUPT,
    "SQLITE_MISUSE": _OTHER,
    "SQLITE_NOLFS": _FULL,
    "SQLITE_NOMEM": _MEMORY,
    "SQLITE_NOTADB": _NOT_ONE,
    "SQLITE_NOTFOUND": _OTHER,
    "SQLITE_PERM": _READ_ONLY,
    "SQLITE_PROTOCOL": _LOCKED,
    "SQLITE_RANGE": _OTHER,
    "SQLITE_READONLY": _READ_ONLY,
    "SQLITE_READONLY_DBMOVED": MOVED,
    "SQLITE_SCHEMA": _STOPPED,
    "SQLITE_TOOBIG": _TEXT,
    # SQLSTATE (Appendix A of PostgreSQL's manual): a whole one is looked up before its class, the first two characters.
    "SQLSTATE 08": _NO_ANSWER,
    "SQLSTATE 22": _TEXT,
    "SQLSTATE 23": _BROKEN_THERE,
    "SQLSTATE 25": _STOPPED,
    "SQLSTATE 25006": _READ_ONLY_THERE,
    "SQLSTATE 28": _NO_ANSWER,
    "SQLSTATE 3D": _NO_ANSWER,
    "SQLSTATE 3F": _BROKEN_THERE,
    "SQLSTATE 40": _LOCKED,
    "SQLSTATE 40003": _SERVER,
    "SQLSTATE 42": _BROKEN_THERE,
    "SQLSTATE 42501": _FORBIDDEN_THERE,
    "SQLSTATE 53": _SERVER,
    "SQLSTATE 53100": _NO_ROOM_THERE,
    "SQLSTATE 54": _TEXT,
    "SQLSTATE 55": _LOCKED,
    "SQLSTATE 57": _STOPPED,
    "SQLSTATE 57P01": _NO_ANSWER,
    "SQLSTATE 57P02": _NO_ANSWER,
    "SQLSTATE 57P03": _NO_ANSWER,
    "SQLSTATE 57P04": _NO_ANSWER,
    "SQLSTATE 57P05": _NO_ANSWER,
    "SQLSTATE 58": _SERVER,
    "SQLSTATE XX": _SERVER,
    "SQLSTATE XX001": _BROKEN_THERE,
    "SQLSTATE XX002": _BROKEN_THERE,
    # errno names of what the operating system says about folder, file and lock.
    "ENOSPC": _FULL,
    "EDQUOT": _FULL,
    "EFBIG": _FULL,
    "EACCES": _READ_ONLY,
    "EPERM": _READ_ONLY,
    "EROFS": _READ_ONLY,
    "EIO": _DISC,
    "ENOMEM": _MEMORY,
    # Classes, where nothing above says more; the nearest one in the order of inheritance.
    "OSError": _OPEN,
    "UnicodeError": _TEXT,
    "OverflowError": _TEXT,
    "sqlalchemy.exc.SQLAlchemyError": _OTHER,
    # With a result code it was found above. Without one the driver itself raised it: for text that is no UTF-8.
    "sqlite3.OperationalError": _CORRUPT,
    "sqlite3.Error": _OTHER,
    "sqlite3.Warning": _OTHER,
    # Without a SQLSTATE the driver speaks: for values that it does not send, and for a connection that is not there.
    "psycopg.DataError": _TEXT,
    "psycopg.OperationalError": _NO_ANSWER,
    "psycopg.Error": _OTHER,
}


def translate(error: BaseException, place: Path | str, *, committing: bool = False, secret: str = "") -> JournalError:
    """Our error for a foreign one met at `place`, to be raised from it.

    `committing` says that it came in answer to a commit: unless the fault proves otherwise the commit may have
    happened, and `perhaps` is set. `secret` is struck out of what is passed on.
    """
    fault = find(error)
    if fault is _OPEN and isinstance(place, Path) and _forbidden(place):
        fault = _READ_ONLY
    message = f"{fault.message}: {place}"
    if fault.told:
        words = " ".join(str(getattr(error, "orig", None) or error).split())
        message = f"{message}: {words.replace(secret, '…') if secret else words}"
    return fault.kind(message, fault.remedy, perhaps=committing and not fault.undone)


def find(error: BaseException) -> Fault:
    """The row of the table for this error; the most precise one that fits.

    Raises:
        KeyError: the error is none of `FOREIGN`.
    """
    for key in _keys(error):
        if key in TABLE:
            return TABLE[key]
    raise KeyError(type(error).__qualname__)


def _keys(error: BaseException) -> Iterator[str]:
    """What the error may be called in the table, the most precise name first."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        yield from _keys(error.orig)
    if isinstance(error, sqlite3.Error):
        name = _result_name(error)
        while "_" in name:
            yield name
            name = name.rpartition("_")[0]
    if state := getattr(error, "sqlstate", None):
        yield f"SQLSTATE {state}"
        yield f"SQLSTATE {state[:2]}"
    if isinstance(error, OSError) and error.errno is not None:
        yield errno.errorcode.get(error.errno, "")
    for cls in type(error).__mro__:
        yield cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def _result_name(error: sqlite3.Error) -> str:
    """The name of SQLite's result code; that of the primary code where this Python does not know the extended one."""
    name: str = getattr(error, "sqlite_errorname", "")
    if name in ("", "unknown"):
        code: int = getattr(error, "sqlite_errorcode", 0)
        name = PRIMARY.get(code & 0xFF, "")
    return name


PRIMARY: Final = {
    value: name for name in TABLE if isinstance(value := getattr(sqlite3, name, None), int) and value <= 0xFF
}
"""SQLite's primary result codes by number (an extended code has its primary one in the low eight bits)."""


def _forbidden(place: Path) -> bool:
    """Whether "cannot open" means "may not write": SQLite does not tell a read-only folder from a missing one."""
    folder = place.parent
    if not folder.exists():
        return False
    # This also sees a file system that is mounted read-only, even for root.
    return any(one.exists() and not os.access(one, os.W_OK, effective_ids=True) for one in (folder, place))
