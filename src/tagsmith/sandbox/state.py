"""The state file: every change of the sandbox's memory as a line of JSON, on the disc before it is answered.

A process that vanishes in the midst of a line leaves a line without an end, which was never answered and is cut off at
the next start; anything else that is no record of ours is refused. The file is never written anew.
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import asdict, fields
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from tagsmith.errors import ConfigError, StationError
from tagsmith.sandbox.keys import Key, Reserved
from tagsmith.sandbox.orders import Order

_HEAD = {"tagsmith-sandbox": 1}
_R = TypeVar("_R", Reserved, Key, Order)


class Owned(NamedTuple):
    """A key as it is now, and whose it is."""

    user_id: str
    key: Key


Change = Reserved | Owned | Order
"""One change: a new reservation, a key that is new or changed, a new order."""


class StateFile:
    """A state file that this process alone has open. `read` first, then `append`.

    Raises:
        StationError: another sandbox has it, or it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StationError(f"the state file {path} cannot be opened: {error.strerror}") from None
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.close()
            raise StationError(f"another sandbox keeps its state in {path}", "end it, or name another file") from None
        self._end = 0

    def read(self) -> list[Change]:
        """Everything that was changed so far, oldest first. What a vanished process left half written is cut off.

        Raises:
            ConfigError: it is no state file of ours, or damaged; the line is named.
            StationError: it cannot be read or written.
        """
        try:
            with os.fdopen(os.dup(self._fd), "rb") as file:
                content = file.read()
            whole, _, rest = content.rpartition(b"\n")
            lines = whole.split(b"\n") if whole else []
            changes = self._parsed(lines, rest)
            self._end = len(content) - len(rest)
            os.ftruncate(self._fd, self._end)
            os.lseek(self._fd, self._end, os.SEEK_SET)
            if not lines:
                self._write(json.dumps(_HEAD).encode() + b"\n")
                _sync_folder(self._path)
        except OSError as error:
            raise StationError(f"the state file {self._path} cannot be used: {error.strerror}") from None
        return changes

    def append(self, change: Change) -> None:
        """Put a change on the disc; returns when it is there.

        Raises:
            OSError: it is not; the file is as it was.
        """
        self._write(_written(change))

    def close(self) -> None:
        """Let it go. A change that comes later raises."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _write(self, line: bytes) -> None:
        try:
            if os.write(self._fd, line) < len(line):
                raise OSError(28, "no room for the whole line")
            os.fdatasync(self._fd)
        except OSError:
            os.ftruncate(self._fd, self._end)
            os.lseek(self._fd, self._end, os.SEEK_SET)
            raise
        self._end += len(line)

    def _parsed(self, lines: list[bytes], rest: bytes) -> list[Change]:
        remedy = "name another file, or move this one away"
        if not lines and not (json.dumps(_HEAD).encode() + b"\n").startswith(rest):
            raise ConfigError(f"{self._path} is no state file of a sandbox", remedy)
        changes: list[Change] = []
        for number, line in enumerate(lines, 1):
            try:
                record = json.loads(line)
                if number > 1:
                    changes.append(_read(record))
                elif record != _HEAD:
                    raise ConfigError(f"{self._path} is no state file of a sandbox", remedy)
            except (ValueError, TypeError, KeyError, AttributeError):
                raise ConfigError(f"the state file {self._path} is damaged in line {number}", remedy) from None
        return changes


def _written(change: Change) -> bytes:
    if isinstance(change, Owned):
        record: dict[str, Any] = {"key": {"user_id": change.user_id, **asdict(change.key)}}
    else:
        record = {"reserved" if isinstance(change, Reserved) else "order": asdict(change)}
    return json.dumps(record, default=datetime.isoformat, separators=(",", ":")).encode() + b"\n"


def _read(record: dict[str, dict[str, Any]]) -> Change:
    ((word, values),) = record.items()
    if word == "reserved":
        return _made(Reserved, values)
    if word == "order":
        return _made(Order, values)
    if word == "key":
        return Owned(values.pop("user_id"), _made(Key, values))
    raise ValueError(f"{word!r} is no record")


def _made(kind: type[_R], values: dict[str, Any]) -> _R:
    moments = {one.name for one in fields(kind) if "datetime" in str(one.type)}
    arguments: dict[str, Any] = {
        name: datetime.fromisoformat(value) if name in moments and value is not None else value
        for name, value in values.items()
    }
    return kind(**arguments)


def _sync_folder(path: Path) -> None:
    """A new file is on the disc when its folder's entry is."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
