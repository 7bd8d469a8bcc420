"""One process per reader: an advisory lock that the kernel lets go when its holder dies, however it dies.

It owns the lock files and what stands in them. It keeps out only those who ask; other programs are the driver's
business. A file is removed by its holder, under the lock; whoever gets the lock of a removed file looks again.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import logging
import os
import re
import stat
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tagsmith.errors import ReaderBusy, ReaderForbidden
from tagsmith.lines.nodes import Holder

_log = logging.getLogger(__name__)

_COMMAND_LENGTH = 120
_TRIES = 5
# O_NONBLOCK: a FIFO planted under the name must not make opening it hang.
_FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


NOBODY_KNOWN = Holder(0)
"""Somebody holds it, and nobody can tell who."""


def folders() -> tuple[Path, ...]:
    """Where lock files may stand, best first. All are looked through, so that users who may write to different ones
    still meet."""
    return Path("/run/lock"), Path(tempfile.gettempdir())


class ReaderLock:
    """The lock of one device. `identity` names the device on this machine, the same for everyone who means it.

    Held by an open file: a second holder is refused also within one process. Not inherited by programs started from
    here.
    """

    def __init__(self, identity: str, *, where: Sequence[Path] | None = None) -> None:
        self._identity = identity
        self._where = folders() if where is None else where
        slug = re.sub(r"[^A-Za-z0-9]+", "-", identity)[:40].strip("-")
        digest = hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()[:12]
        self._name = f"tagsmith-reader-{slug}-{digest}.lock"
        self._file: int | None = None

    def acquire(self) -> None:
        """Take the lock; nothing happens if this object holds it.

        Raises:
            ReaderBusy: somebody holds it; says who.
            ReaderForbidden: there is no folder to lock in.
        """
        if self._file is not None:
            return
        while True:
            file = self._open()
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                holder = _read(file)
                os.close(file)
                if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                    raise ReaderForbidden(f"{self._identity} cannot be locked: {error.strerror}") from error
                raise busy(self._identity, holder) from error
            if os.fstat(file).st_nlink:
                break
            os.close(file)  # its last holder removed it between our opening and our locking
        self._file = file
        _sign(file, self._identity)

    def release(self) -> None:
        """Let it go; idempotent."""
        file, self._file = self._file, None
        if file is None:
            return
        for folder in self._where:
            # May fail: in a sticky folder another user's file stays, and that does no harm.
            with contextlib.suppress(OSError):
                if os.path.samestat(os.stat(folder / self._name, follow_symlinks=False), os.fstat(file)):
                    os.unlink(folder / self._name)
        os.close(file)

    def holder(self) -> Holder | None:
        """Who holds it now; None if nobody does, `NOBODY_KNOWN` where the file does not tell. Takes the lock for an
        instant to find out."""
        file = self._find()
        if file is None:
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return _read(file)
        finally:
            os.close(file)
        return None

    def _open(self) -> int:
        """The open lock file, made if there is none. Two may make it at once, so it is looked for again."""
        for _ in range(_TRIES):
            file = self._find()
            if file is None:
                file = self._create()
            if file is not None:
                return file
        raise ReaderForbidden(
            f"{self._identity} cannot be locked: something stands where the lock file {self._name} should",
            f"remove it from {' and '.join(map(str, self._where))}",
        )

    def _find(self) -> int | None:
        """An existing lock file, opened. Never with O_CREAT, which fs.protected_regular forbids for a file of another
        user in a sticky folder; read-only where writing is not allowed, which is enough for flock."""
        for folder in self._where:
            for mode in (os.O_RDWR, os.O_RDONLY):
                try:
                    file = os.open(folder / self._name, mode | _FLAGS)
                except PermissionError:
                    continue
                except OSError:
                    break
                if stat.S_ISREG(os.fstat(file).st_mode):
                    return file
                os.close(file)
                break
        return None

    def _create(self) -> int | None:
        """A new lock file in the first folder that lets us; None if somebody else made it at the same time."""
        for folder in self._where:
            try:
                file = os.open(folder / self._name, os.O_RDWR | os.O_CREAT | os.O_EXCL | _FLAGS, 0o666)
            except FileExistsError:
                return None
            except OSError as error:
                _log.debug("no lock file in %s: %s", folder, error.strerror)
                continue
            os.fchmod(file, 0o666)  # whatever the umask: the next holder may be another user and must sign, too
            return file
        raise ReaderForbidden(
            f"{self._identity} cannot be locked: none of {', '.join(map(str, self._where))} can be written",
            "let this user write to one of these folders",
        )


def busy(identity: str, holder: Holder) -> ReaderBusy:
    """The error for a reader that somebody holds, in a worker's words. Nobody is told to end an unverified process."""
    if holder.pid == os.getpid():
        return ReaderBusy(
            f"{identity} is already used by another lane of this station", "give each lane a reader of its own"
        )
    if not holder.pid:
        who, remedy = "another process", "end that program"
    else:
        who = str(holder)
        remedy = (
            f"end that program (`kill {holder.pid}`)"
            if holder.verified
            else f"see what it is (`ps -fp {holder.pid}`) and end it if it uses the reader"
        )
    return ReaderBusy(
        f"{identity} is in use by {who}",
        f"{remedy}, or choose another reader: `tagsmith readers`",
        holders=(holder,) if holder.pid else (),
    )


def held(where: Sequence[Path] | None = None) -> list[tuple[str, Holder]]:
    """Every device that is held now, as its holder names it, and by whom. Takes no lock for longer than an instant."""
    found: dict[str, Holder] = {}
    for folder in folders() if where is None else where:
        for path in sorted(folder.glob("tagsmith-reader-*.lock")):
            try:
                file = os.open(path, os.O_RDONLY | _FLAGS)
            except OSError:
                continue
            try:
                if not stat.S_ISREG(os.fstat(file).st_mode):
                    continue
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                found.setdefault(_device(file, path), _read(file))
            finally:
                os.close(file)
    return list(found.items())


def _device(file: int, path: Path) -> str:
    """What the holder says it holds; else what is left of that in the file's name."""
    lines = os.pread(file, 4096, 0).decode(errors="replace").splitlines()
    told = "".join(char for char in "".join(lines[2:3]) if char.isprintable())
    return told[:_COMMAND_LENGTH] or path.stem.removeprefix("tagsmith-reader-")


def _sign(file: int, identity: str) -> None:
    """Write who we are, and what we hold. A file that may only be read stays as it is: the lock holds all the same."""
    try:
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n{_command()}\n{identity}\n".encode(errors="replace"), 0)
    except OSError as error:
        _log.debug("the lock file cannot be signed: %s", error.strerror)


def _read(file: int) -> Holder:
    """Who signed. Anybody may write to the file, so only a process that has it open is believed; where /proc does not
    let us look, as into another user's process, its number is told as unverified and its words are not."""
    lines = os.pread(file, 4096, 0).decode(errors="replace").splitlines()
    pid = int(lines[0]) if lines and re.fullmatch(r"[0-9]{1,10}", lines[0], re.ASCII) else 0
    if not pid:
        return NOBODY_KNOWN
    try:
        if not _has_open(pid, file):
            return NOBODY_KNOWN
    except PermissionError:
        return Holder(pid, verified=False)
    except OSError:
        return NOBODY_KNOWN  # no such process: the true holder may have been unable to sign
    command = "".join(character for character in "".join(lines[1:2]) if character.isprintable())
    return Holder(pid, command[:_COMMAND_LENGTH])


def _has_open(pid: int, file: int) -> bool:
    """Whether a process has this file open; of our own, whether it has it open once more.

    Raises:
        PermissionError: it is another user's.
        OSError: there is no such process.
    """
    name, wanted = os.path.basename(os.readlink(f"/proc/self/fd/{file}")), os.fstat(file)
    for entry in os.listdir(f"/proc/{pid}/fd"):
        if pid == os.getpid() and entry == str(file):
            continue
        path = f"/proc/{pid}/fd/{entry}"
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            # Only what is called so is asked for more: a file of a dead network drive would never answer.
            if os.path.basename(os.readlink(path)) == name and os.path.samestat(os.stat(path), wanted):
                return True
    return False


def _command() -> str:
    """The command line of this process, short enough to be shown."""
    program = Path(sys.argv[0] if sys.argv else "")
    name = program.parent.name if program.name == "__main__.py" else program.name
    return " ".join([name or "python", *sys.argv[1:]])[:_COMMAND_LENGTH]
