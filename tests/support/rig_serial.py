"""Serial readers on a pseudo-terminal for the conformance suite: one that repeats itself, and one that is asked."""

from __future__ import annotations

import threading
import time
from abc import abstractmethod
from pathlib import Path

from readers.conformance import Rig
from support.pty_line import PtyLine
from tagsmith.readers import Reader, create

STAY_S = 0.5
"""Long enough that a busy machine makes no gap of it."""


class _LineRig(Rig):
    """A reader at the far end of a line, worked by a thread of its own."""

    sees_two = False

    def __init__(self, folder: Path, options: str) -> None:
        self._line = PtyLine(folder)
        self.spec = f"serial:{self._line.path}?{options}&stay={STAY_S}"
        self._uid = ""
        self._silent_until = 0.0
        self._news = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended:
            self._work()

    @abstractmethod
    def _work(self) -> None:
        """One turn of the reader; returns soon."""

    def _lies_there(self) -> str:
        """The UID of the key that lies there, if it can be seen."""
        return self._uid if time.monotonic() >= self._silent_until else ""

    def _make(self) -> Reader:
        return create(self.spec)

    def put(self, uid: str) -> None:
        with self._news:
            if uid == self._uid:  # it was taken away in between, for long enough to be seen
                self._silent_until = time.monotonic() + 1.5 * STAY_S
            self._uid = uid
            self._news.notify_all()

    def remove(self) -> None:
        with self._news:
            self._uid = ""

    def lose(self) -> None:
        self._line.unplug()

    def restore(self) -> None:
        self._line.plug()

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._ended = True
        with self._news:
            self._news.notify_all()
        self._thread.join()
        self._line.unplug()


class SerialRig(_LineRig):
    """A reader that sends a line of hex again and again while a key lies on it."""

    sees_removal = False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "frame=hex-line&length=7&mode=repeat")

    def _work(self) -> None:
        with self._news:
            if uid := self._lies_there():
                self._line.send(f"{uid}\r\n".encode())
            self._news.wait(0.03)


class Twn4Rig(_LineRig):
    """An Elatec TWN4 in Simple Protocol: it answers SearchTag, and says nothing else."""

    def __init__(self, folder: Path) -> None:
        self._rest = b""
        super().__init__(folder, "frame=twn4&poll=0.02")

    def _work(self) -> None:
        *lines, self._rest = (self._rest + self._line.receive(0.05)).split(b"\r")
        for line in lines:
            assert line == b"050010", line
            uid = bytes.fromhex(self._lies_there())
            found = f"000180{8 * len(uid):02X}{len(uid):02X}{uid.hex().upper()}\r" if uid else "0000\r"
            self._line.send(found.encode())
