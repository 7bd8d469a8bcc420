"""Which process delivers: one courier per journal, the others stand by."""

from __future__ import annotations

import abc
import contextlib
import fcntl
import os
import shlex
import sys
import threading
from pathlib import Path
from typing import Final

from tagsmith.journal import faults

_SHOWN: Final = 300
"""Characters of the holder's command line that are kept."""


class CourierLock(abc.ABC):
    """An exclusive lock that lives no longer than the process which holds it. Any thread may use it."""

    @abc.abstractmethod
    def try_acquire(self) -> bool:
        """Take the lock if nobody holds it; true if it is held by this object now. Never waits for another holder.

        Raises:
            JournalError: it cannot be had from anybody.
        """

    @abc.abstractmethod
    def held(self) -> bool:
        """Whether the lock is still this object's, really looked at. Once lost it is given up: take it anew.

        Raises nothing: what cannot be seen is not held.
        """

    @abc.abstractmethod
    def release(self) -> None:
        """Let others deliver; idempotent."""

    @abc.abstractmethod
    def holder(self) -> str:
        """Who holds the lock, beginning with the process id; empty where nobody does.

        Raises:
            JournalError: nobody can say.
        """


class FileLock(CourierLock):
    """A lock on a file beside the database's. The kernel releases it when the process ends, however it ends.

    The file itself stays for ever: deleting it would let two processes hold a lock on two files of one name.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._lock = threading.Lock()

    def try_acquire(self) -> bool:
        with self._lock:
            if self._descriptor is not None:
                return True
            try:
                self._descriptor = self._take()
            except OSError as error:
                raise faults.translate(error, self._path) from error
            return self._descriptor is not None

    def held(self) -> bool:
        """Whether the file at the path is still the very one that is locked: another one may be locked by another."""
        with self._lock:
            if self._descriptor is None:
                return False
            if self._is_at_path(self._descriptor):
                return True
            os.close(self._descriptor)
            self._descriptor = None
            return False

    def release(self) -> None:
        with self._lock:
            descriptor, self._descriptor = self._descriptor, None
            if descriptor is None:
                return
            # Closing unlocks. Emptied first, so that nobody is named who has gone in good order.
            with contextlib.suppress(OSError):  # a name that stays there is not believed without the lock
                os.ftruncate(descriptor, 0)
            os.close(descriptor)

    def holder(self) -> str:
        """Process id and command line of who holds the lock; see `CourierLock.holder`."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise faults.translate(error, self._path) from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                # Between locking and writing its name a holder is nameless for a moment.
                return os.pread(descriptor, 4 * _SHOWN, 0).decode(errors="replace") or "another process"
            # What a killed process left written names nobody.
            return ""
        except OSError as error:
            raise faults.translate(error, self._path) from error
        finally:
            os.close(descriptor)

    def _take(self) -> int | None:
        """A descriptor that holds the lock, or nothing where another does."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not self._is_at_path(descriptor):
                os.close(descriptor)
                return None
            os.ftruncate(descriptor, 0)
            command = shlex.join(sys.orig_argv)[:_SHOWN]
            os.pwrite(descriptor, f"{os.getpid()} {command}".encode(errors="replace"), 0)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _is_at_path(self, descriptor: int) -> bool:
        """Whether this open file is the one that others find."""
        try:
            return os.path.samestat(os.fstat(descriptor), os.stat(self._path))
        except OSError:
            return False
