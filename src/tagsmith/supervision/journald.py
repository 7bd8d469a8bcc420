"""Log records to journald with their fields: lane, entry, reader. Its native protocol, by a socket of our own.

Source: systemd.io/JOURNAL_NATIVE_PROTOCOL: one field a line, a value with line ends behind its length in 64 bits, and
what is too long for a datagram in a sealed memory file whose descriptor is sent alone.
"""

from __future__ import annotations

import array
import errno
import fcntl
import logging
import os
import socket
import struct
from collections.abc import Iterable, Mapping
from typing import Final

SOCKET: Final = "/run/systemd/journal/socket"
FIELDS: Final = ("lane", "entry", "reader")
"""What a record may bring in `extra=`; it arrives as TAGSMITH_LANE and so on."""
MORE: Final = "tagsmith_fields"
"""Or in `extra=` under this name a mapping of fields, for names that a record of logging has already."""

# syslog(3)
_PRIORITIES: Final = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_DEBUG: Final = 7


def under_journald(environ: Mapping[str, str], descriptor: int) -> bool:
    """Whether what this descriptor writes goes to journald anyway (JOURNAL_STREAM, systemd.exec(5))."""
    device, _, inode = environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        status = os.fstat(descriptor)
        return (int(device), int(inode)) == (status.st_dev, status.st_ino)
    except (OSError, ValueError):
        return False


class JournaldHandler(logging.Handler):
    """Sends each record to journald. One that does not take it is no reason to stop: the record is lost then."""

    def __init__(self, path: str = SOCKET, *, identifier: str = "tagsmith") -> None:
        super().__init__()
        self._path = path
        self._identifier = identifier
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        # A journald that stands still must not hold up the core.
        self._socket.setblocking(False)

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record."""
        try:
            self._send(encoded(self._fields(record)))
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ENOENT, errno.ECONNREFUSED, errno.ENOBUFS):
                self.handleError(record)
        except Exception:  # noqa: BLE001 - logging must never end what it tells of
            self.handleError(record)

    def close(self) -> None:
        """Let the socket go."""
        self._socket.close()
        super().close()

    def _fields(self, record: logging.LogRecord) -> list[tuple[str, str]]:
        fields = [
            ("MESSAGE", self.format(record)),
            ("PRIORITY", str(priority(record.levelno))),
            ("SYSLOG_IDENTIFIER", self._identifier),
            ("LOGGER", record.name),
            ("CODE_FILE", record.pathname),
            ("CODE_LINE", str(record.lineno)),
            ("CODE_FUNC", record.funcName or ""),
            ("THREAD_NAME", record.threadName or ""),
        ]
        own = {name: getattr(record, name, None) for name in FIELDS} | getattr(record, MORE, {})
        # journald takes capitals, digits and underscores as a name; what has no value is no field.
        fields += [
            (f"TAGSMITH_{name.upper().replace('-', '_')}", str(value))
            for name, value in own.items()
            if value not in (None, "")
        ]
        return fields

    def _send(self, data: bytes) -> None:
        try:
            self._socket.sendto(data, self._path)
        except OSError as error:
            if error.errno not in (errno.EMSGSIZE, errno.ENOBUFS):
                raise
            self._send_as_file(data)

    def _send_as_file(self, data: bytes) -> None:
        descriptor = os.memfd_create("tagsmith-log", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
        try:
            with os.fdopen(os.dup(descriptor), "wb") as file:
                file.write(data)
            # Unsealed ones are refused: the sender could change them while they are read.
            seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))
            self._socket.sendmsg([], [rights], 0, self._path)
        finally:
            os.close(descriptor)


def priority(level: int) -> int:
    """The priority of syslog for a level of Python's logging."""
    return next((number for least, number in _PRIORITIES if level >= least), _DEBUG)


def encoded(fields: Iterable[tuple[str, str]]) -> bytes:
    """Fields as the native protocol has them."""
    parts = []
    for name, value in fields:
        data = value.encode("utf-8", "backslashreplace")
        if b"\n" in data:
            parts.append(name.encode() + b"\n" + struct.pack("<Q", len(data)) + data + b"\n")
        else:
            parts.append(name.encode() + b"=" + data + b"\n")
    return b"".join(parts)


def listening() -> bool:
    """Whether log records of this process go to journald."""
    return any(isinstance(handler, JournaldHandler) for handler in logging.getLogger().handlers)
