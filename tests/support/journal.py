"""What the journal's tests stand on: entries that follow from a number, a clock that counts, and other processes."""

from __future__ import annotations

import contextlib
import functools
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tagsmith.journal import Journal
from tagsmith.model import Calibration, Entry
from tagsmith.production import Batch, ManifestLine, RejectedKey
from tagsmith.uid import ByteOrder, Technology, Uid

TARGET = "https://drive-api.example/drive"
OTHER_TARGET = "http://127.0.0.1:8787/drive"
EPOCH = datetime(2031, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)


def entry(index: int, **fields: Any) -> Entry:
    """The entry of this index: id, uid and number follow from it."""
    known: dict[str, Any] = {
        "id": f"entry-{index}",
        "target": TARGET,
        "uid": Uid(bytes([4, *index.to_bytes(6, "big")]), Technology.ISO14443A),
        "uid_order": ByteOrder.REVERSED,
        "visual_number": f"DE*8PS*{index:06d}",
        "number_key": f"de8ps{index:06d}",
        "paired_at": EPOCH + timedelta(seconds=index),
        "lane": "left",
        "station": "one",
        "reader": "ACR1252 PICC",
    }
    return Entry(**(known | fields))


def calibration(index: int, **fields: Any) -> Calibration:
    """The calibration of this index: key and time follow from it."""
    uid = Uid(bytes([4, *index.to_bytes(6, "big")]), Technology.ISO14443A)
    known: dict[str, Any] = {
        "target": TARGET,
        "order": ByteOrder.REVERSED,
        "uid": uid,
        "key_id": uid.reversed.upper(),
        "user_id": "user-7",
        "reader": "ACR1252 PICC",
        "by": "Ada",
        "station": "one",
        "at": EPOCH + timedelta(days=index),
    }
    return Calibration(**(known | fields))


def batch(index: int, **fields: Any) -> Batch:
    """The batch of this index: id, name and time follow from it."""
    known: dict[str, Any] = {
        "id": f"batch-{index}",
        "name": f"Batch {index}",
        "target": TARGET,
        "created_at": EPOCH + timedelta(seconds=index),
        "created_by": "Ada",
    }
    return Batch(**(known | fields))


def lines(*indexes: int, uids: bool = False) -> list[ManifestLine]:
    """The lines of a manifest with the numbers of these entries, and with their keys if wanted."""
    return [
        ManifestLine(position, one.visual_number, one.number_key, one.uid if uids else None)
        for position, one in enumerate(map(entry, indexes), start=1)
    ]


def reject(index: int, **fields: Any) -> RejectedKey:
    """The key of the entry of this index as it is put aside."""
    one = entry(index)
    known: dict[str, Any] = {
        "cause": "dead-chip",
        "at": one.paired_at,
        "lane": one.lane,
        "visual_number": one.visual_number,
        "uid": one.uid,
        "operator": "Ada",
    }
    return RejectedKey(**(known | fields))


class CountingClock:
    """Aware UTC that goes on by one second each time it is asked."""

    def __init__(self) -> None:
        self.now = EPOCH

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def url(place: Path | str) -> str:
    """The URL of a journal in this file, or at this URL."""
    return place if isinstance(place, str) else f"sqlite:///{place}"


@functools.cache
def _template() -> bytes:
    """The file of a journal in which nothing was ever recorded, as the program itself makes it."""
    with tempfile.TemporaryDirectory(prefix="tagsmith-") as folder:
        path = Path(folder) / "journal.db"
        Journal.open(url(path)).close()
        return path.read_bytes()


def lay(path: Path) -> None:
    """Put an empty journal here; the same as to open a new one, but migrating every time would take most of a test."""
    path.touch(0o600, exist_ok=False)
    path.write_bytes(_template())


def laid(path: Path) -> str:
    """The URL of the journal in this file, which is laid if there is none."""
    if not path.exists():
        lay(path)
    return url(path)


@contextlib.contextmanager
def opened(place: Path | str, station: str = "one", *, new: bool = False) -> Iterator[Journal]:
    """A journal that is closed afterwards. A file that is not there is laid, or made by the program if it is `new`."""
    if isinstance(place, Path) and not new and not place.exists() and place.parent.is_dir():
        lay(place)
    journal = Journal.open(url(place), station=station, clock_utc=CountingClock())
    try:
        yield journal
    finally:
        journal.close()


def python(script: str, *arguments: object) -> subprocess.Popen[str]:
    """Another process that runs `script`; a context manager. Its standard output is read line by line."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    )


def finished(process: subprocess.Popen[str]) -> str:
    """Standard output of a process that has to end well."""
    output, errors = process.communicate(timeout=50)
    assert process.returncode == 0, errors
    return output
