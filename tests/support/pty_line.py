"""A serial cable made of a pseudo-terminal, which can be pulled out and put back in under the same name."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import threading
import time
import tty
from pathlib import Path


class PtyLine:
    """`path` is the near end, a link as udev makes them, for whoever opens serial ports; the far end is worked here.

    It is plugged in from the start. Nothing of it is held open at the near end: who looks finds no other opener. Any
    thread may send; one may receive.
    """

    def __init__(self, folder: Path, name: str = "ttyTEST0") -> None:
        self.path = folder / name
        self._guard = threading.Lock()
        self._master: int | None = None
        self.plug()

    def plug(self) -> None:
        """Put the cable in."""
        with self._guard:
            if self._master is not None:
                return
            self._master, slave = os.openpty()
            os.set_blocking(self._master, False)
            # Else the terminal would send back what is sent to a port that nobody has opened yet.
            tty.setraw(slave)
            beside = self.path.with_name(f"{self.path.name}.new")
            beside.symlink_to(os.ttyname(slave))
            beside.replace(self.path)
            os.close(slave)

    def unplug(self) -> None:
        """Pull it out: the name goes, and whoever has it open finds the line dead."""
        with self._guard:
            if self._master is not None:
                self.path.unlink()
                os.close(self._master)
                self._master = None

    def send(self, data: bytes) -> None:
        """Send bytes; they are lost where nothing is plugged in, or nobody reads what was sent before."""
        with self._guard, contextlib.suppress(BlockingIOError):
            if self._master is not None:
                os.write(self._master, data)

    def receive(self, timeout_s: float) -> bytes:
        """What the near end has written, as soon as there is something; nothing at the timeout."""
        deadline = time.monotonic() + timeout_s
        while True:
            with self._guard:
                data = self._received()
            if data or time.monotonic() >= deadline:
                return data
            self._wait(min(0.05, deadline - time.monotonic()))

    def _received(self) -> bytes:
        if self._master is None:
            return b""
        try:
            return os.read(self._master, 4096)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EIO):  # EIO: nobody has the near end open
                return b""
            raise

    def _wait(self, timeout_s: float) -> None:
        with self._guard:
            master = self._master
        if master is None:
            time.sleep(max(0.0, timeout_s))
            return
        # A line that nobody has open is always ready (hung up); it must not make this spin.
        ready = select.select([master], [], [], max(0.0, timeout_s))[0]
        if ready:
            time.sleep(0.002)

    def __enter__(self) -> PtyLine:
        return self

    def __exit__(self, *_: object) -> None:
        self.unplug()
