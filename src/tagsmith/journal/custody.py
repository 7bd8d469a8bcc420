"""Where a journal is at home: a copy or an old state of it must not deliver, or it would send everything again.

A journal on SQLite is at home in one file of one machine, one on PostgreSQL in one database of one server. The last
row of the table `custody` names that home; a journal that is opened elsewhere (copied to another station, restored
from an archive) is a stranger there, and so is a backup that `journal backup` made. Beside a file lies a note of how
far the journal had come when it was last written to; a journal that has not come so far was replaced by an older state
of itself. Strangers take pairs and answer questions; delivery waits until a person has adopted them.

Owns the names of homes, the note, and the rows. Never delivers.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, select

from tagsmith.journal.chain import Head
from tagsmith.journal.schema import custody, events
from tagsmith.journal.writing import Transaction

_log = logging.getLogger(__name__)

BACKUP: Final = "a backup"
"""The home of a copy that `journal backup` made: it is at home nowhere."""
OLDER: Final = "an older state"
"""The home of a journal that was found to be older than its note."""

_MACHINE_IDS: Final = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
_NOTE: Final = re.compile(rb"([0-9a-f]{32}) ([0-9]{20})\n")
_LATEST: Final = select(custody.c.home, custody.c.at, custody.c.reason).order_by(custody.c.number.desc()).limit(1)
_REACHED: Final = select(events.c.seq)


def home_of(path: Path) -> str:
    """The home of a journal in this file on this machine; the machine's own id is not told.

    The file's inode tells a restored file from the one that was there; a disc's number may change at every start of
    the machine and is left out.

    Raises:
        OSError: there is no such file.
    """
    machine = next((text for one in _MACHINE_IDS if (text := _read(one))), os.uname().nodename)
    # An id that is shown elsewhere is to be hashed with something of the program's own (machine-id(5)).
    digest = hashlib.sha256(f"tagsmith journal {machine}".encode()).hexdigest()[:16]
    return f"{digest}/{os.stat(path).st_ino}"


def _read(path: Path) -> str:
    with contextlib.suppress(OSError, UnicodeDecodeError):  # not every system has it; then it says nothing of here
        return path.read_text("ascii").strip()
    return ""


@dataclass(frozen=True, slots=True)
class Stay:
    """The last word on where a journal is at home."""

    home: str
    at: str
    reason: str


def latest(connection: Connection) -> Stay | None:
    """The last word; None where nobody has said anything yet."""
    row = connection.execute(_LATEST).one_or_none()
    return None if row is None else Stay(*row)


def stranger(stay: Stay | None, home: str) -> str:
    """Why a journal that lies here may not deliver; empty where it is at home, or nobody has said where it is."""
    if stay is None or stay.home == home:
        return ""
    match stay.home:
        case here if here == BACKUP:
            return f"this journal is a backup of {stay.at[:16]}Z"
        case here if here == OLDER:
            return "this journal is an older state than what was here before"
        case _:
            return "this journal was copied here from another place"


def settle(transaction: Transaction, home: str, *, by: str, reason: str) -> None:
    """Say where the journal is at home from now on."""
    transaction.insert_custody(
        {"home": home, "done_by": by, "reason": reason, "station": transaction.station, "at": transaction.now}
    )


class Note:
    """How far a journal had come, in a small file beside it: the head of the stream that was written to last.

    Written after each commit and never synced: after a power cut it may be behind, it is never ahead. A note that
    cannot be written or read is no note; the journal itself does not depend on it.
    """

    def __init__(self, path: Path | None) -> None:
        """`path` is the journal's file; one that is kept in none has no note."""
        self._path = None if path is None else path.with_name(f"{path.name}.seen")
        self._descriptor: int | None = None
        self._broken = path is None

    def ahead_of(self, connection: Connection) -> bool:
        """Whether the journal has not come as far as the note says."""
        if self._path is None:
            return False
        try:
            found = _NOTE.fullmatch(self._path.read_bytes())
        except OSError:
            return False
        if found is None:
            return False
        stream, seq = found[1].decode(), int(found[2])
        there = connection.scalar(_REACHED.where(events.c.stream == stream, events.c.seq == seq))
        return there is None

    def write(self, head: Head) -> None:
        """Note this head."""
        if self._broken or self._path is None:
            return
        try:
            if self._descriptor is None:
                self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            os.pwrite(self._descriptor, f"{head.stream} {head.seq:020}\n".encode(), 0)
        except OSError as error:
            self._broken = True
            _log.warning("how far the journal has come cannot be noted beside it: %s", error)

    def close(self) -> None:
        """Let go of the file; idempotent."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
