"""The service manager's end of NOTIFY_SOCKET: a real datagram socket that keeps what it is told, and when."""

from __future__ import annotations

import socket
import struct
import threading
import time
from pathlib import Path
from typing import Self


class ServiceManager:
    """Listens at a path (or `@` an abstract name) from a thread of its own until it is closed."""

    def __init__(self, path: Path | str) -> None:
        self.address = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket.bind(f"\0{self.address[1:]}" if self.address.startswith("@") else self.address)
        self.told: list[tuple[float, str]] = []
        """When (monotonic), and one assignment."""
        self.told_by: set[int] = set()
        """The processes that told it anything."""
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._socket.close()

    def _listen(self) -> None:
        while True:
            data, about, _, _ = self._socket.recvmsg(65536, 256)
            if not data:
                return
            with self._news:
                senders = (sent for _, kind, sent in about if kind == socket.SCM_CREDENTIALS)
                self.told_by |= {struct.unpack("3i", sent)[0] for sent in senders}
                self.told += [(time.monotonic(), line) for line in data.decode().split("\n")]
                self._news.notify_all()

    def lines(self) -> list[str]:
        """Everything it was told, in order."""
        with self._news:
            return [line for _, line in self.told]

    def fed_at(self) -> list[float]:
        """When it was fed."""
        with self._news:
            return [at for at, line in self.told if line == "WATCHDOG=1"]

    def expect(self, start: str, timeout_s: float = 20.0) -> str:
        """The first line that begins so, as soon as it is there."""
        with self._news:
            found = self._news.wait_for(lambda: any(line.startswith(start) for _, line in self.told), timeout_s)
            assert found, f"no {start}; told: {self.told}"
            return next(line for _, line in self.told if line.startswith(start))
