"""What the disc under a folder can still take: free room, and whether it may be written. It changes nothing there."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MIN_FREE_BYTES: Final = 100_000_000
MIN_FREE_SHARE: Final = 0.05


@dataclass(frozen=True, slots=True)
class Disc:
    """The disc under `folder` at one moment. `there` is the folder, or the nearest one above it that exists."""

    folder: Path
    there: Path
    read_only: bool
    writable: bool
    free: int
    size: int

    @property
    def nearly_full(self) -> bool:
        """Whether too little is free to work."""
        return self.free < MIN_FREE_BYTES

    @property
    def fills_up(self) -> bool:
        """Whether somebody should make room."""
        return self.free < MIN_FREE_SHARE * self.size

    def __str__(self) -> str:
        return f"{self.free / 1e6:.0f} MB of {self.size / 1e9:.1f} GB are free for {self.folder}"


def may_write(folder: Path) -> bool:
    """Whether this process may make files in a folder."""
    return os.access(folder, os.W_OK | os.X_OK)


def look(
    folder: Path,
    *,
    statvfs: Callable[[Path], os.statvfs_result] = os.statvfs,
    writable: Callable[[Path], bool] = may_write,
) -> Disc:
    """The disc under a folder, now.

    Raises:
        OSError: it cannot be asked.
    """
    there = next(place for place in (folder, *folder.parents) if place.exists())
    status = statvfs(there)
    return Disc(
        folder,
        there,
        bool(status.f_flag & os.ST_RDONLY),
        writable(there),
        status.f_bavail * status.f_frsize,
        status.f_blocks * status.f_frsize,
    )


def folder_of(journal_url: str) -> Path | None:
    """The folder of the journal's file; None where it is in no file."""
    scheme, _, path = journal_url.partition(":///")
    return Path(os.path.realpath(os.path.expanduser(path))).parent if scheme.startswith("sqlite") and path else None
