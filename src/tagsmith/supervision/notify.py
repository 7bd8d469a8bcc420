"""What the service manager is told: sd_notify(3), by a datagram socket of our own.

Without NOTIFY_SOCKET everything here does nothing. A manager that does not listen is no reason to stop.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping
from typing import Final

_log = logging.getLogger(__name__)

_LONGEST_STATUS: Final = 200


class Notifier:
    """Tells the service manager; `environ` says where it listens and whether it watches. Never blocks, never raises."""

    def __init__(self, environ: Mapping[str, str] = os.environ, *, pid: int | None = None) -> None:
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self._watchdog_s = _watchdog_s(environ, os.getpid() if pid is None else pid)
        self._socket: socket.socket | None = None
        self._status = ""
        self._failed = False

    @property
    def present(self) -> bool:
        """Whether somebody is to be told."""
        return self._address is not None

    @property
    def watchdog_s(self) -> float | None:
        """After how many seconds without `feed` the manager ends this process; None: it does not watch."""
        return self._watchdog_s if self.present else None

    def ready(self, status: str = "") -> None:
        """The service is up."""
        self._send("READY=1", *self._new_status(status))

    def status(self, text: str) -> None:
        """One line for `systemctl status`; the same line again is not sent."""
        if lines := self._new_status(text):
            self._send(*lines)

    def feed(self) -> None:
        """All is well."""
        self._send("WATCHDOG=1")

    def stopping(self, status: str = "") -> None:
        """The service ends."""
        self._send("STOPPING=1", *self._new_status(status))

    def close(self) -> None:
        """Let the socket go; idempotent."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _new_status(self, text: str) -> list[str]:
        # One assignment a line: a line's end inside a value would begin another one.
        line = "".join(char if char.isprintable() else " " for char in text)[:_LONGEST_STATUS]
        if not line or line == self._status:
            return []
        self._status = line
        return [f"STATUS={line}"]

    def _send(self, *lines: str) -> None:
        if self._address is None:
            return
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
                self._socket.setblocking(False)
            self._socket.sendto("\n".join(lines).encode(errors="replace"), self._address)
        except OSError as error:
            if not self._failed:
                _log.warning("the service manager cannot be told: %s", error.strerror)
            self._failed = True
        else:
            self._failed = False


def _address(text: str) -> str | None:
    """NOTIFY_SOCKET as `sendto` takes it: a path, or an abstract name, written with @ (sd_notify(3))."""
    if text.startswith("@"):
        return "\0" + text[1:]
    return text if text.startswith("/") else None


def _watchdog_s(environ: Mapping[str, str], pid: int) -> float | None:
    """The manager's patience (sd_watchdog_enabled(3)); None where it has none, or it is meant for another process."""
    meant = environ.get("WATCHDOG_PID", "")
    text = environ.get("WATCHDOG_USEC", "")
    if (meant and meant != str(pid)) or not (text.isascii() and text.isdecimal()) or not int(text):
        return None
    return int(text) / 1e6
