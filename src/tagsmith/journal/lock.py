"""Which process delivers: one courier per journal, the others stand by."""

from __future__ import annotations

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


class CourierLock:
    """An exclusive lock beside the database file. The kernel releases it when the process ends, however it ends.

    The file itself stays for ever: deleting it would let two processes hold a lock on two files of one name.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._lock = threading.Lock()

    def try_acquire(self) -> bool:
        """Take the lock if nobody holds it; true if it is held by this object now. Never waits.

        Raises:
            JournalError: the lock file cannot be made or locked.
        """
        with self._lock:
            if self._descriptor is not None:
                return True
            try:
                self._descriptor = self._take()
            except OSError as error:
                raise faults.translate(error, self._path) from error
            return self._descriptor is not None

    def release(self) -> None:
        """Let others deliver; idempotent."""
        with self._lock:
            descriptor, self._descriptor = self._descriptor, None
            if descriptor is None:
                return
            # Closing unlocks. Emptied first, so that nobody is named who has gone in good order.
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, 0)
            os.close(descriptor)

    def holder(self) -> str:
        """Process id and command line of who holds the lock; empty where nobody does.

        Raises:
            JournalError: the lock file cannot be read.
        """
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
