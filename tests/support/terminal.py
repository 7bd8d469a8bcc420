"""A terminal of our own for a process: what it writes, what is typed into it, and what becomes of it."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

GIVE_UP_S = 30.0
"""Only reached when a test fails."""
TESTS = Path(__file__).resolve().parents[1]


class Terminal:
    """A pty with the screen process of `support.screen_process`, or another `command`, on it; it reads when told to.

    `controlling` makes it the process's controlling terminal, so that closing it sends SIGHUP.
    """

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        size: tuple[int, int] = (80, 24),
        controlling: bool = True,
        stderr: int | None = None,
        command: Sequence[str] | None = None,
        **environment: str,
    ) -> None:
        self.calls_path = folder / "calls.jsonl"
        self.calls_path.touch()
        self.master, slave = pty.openpty()
        columns, rows = size
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.before = termios.tcgetattr(self.master)
        self.output = b""
        command = command or [sys.executable, "-m", "support.screen_process", str(self.calls_path), *arguments]
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *command] if controlling else command,
            stdin=slave,
            stdout=slave,
            stderr=slave if stderr is None else stderr,
            cwd=TESTS,
            env=_environment(environment),
            start_new_session=not controlling,
        )
        os.close(slave)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(GIVE_UP_S)
        self.hang_up()

    # --- what is typed --------------------------------------------------------------------------------------------

    def type(self, data: bytes) -> None:
        """Send bytes at once, as a scanner does."""
        os.write(self.master, data)

    def press(self, data: bytes) -> None:
        """Send bytes as a person does: not within a twentieth of a second of what came before."""
        until = time.monotonic() + 0.1
        while (left := until - time.monotonic()) > 0:
            self.read(left)
        os.write(self.master, data)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        self.process.send_signal(number)

    def hang_up(self) -> None:
        """Close our side for good."""
        if self.master >= 0:
            os.close(self.master)
            self.master = -1

    # --- what comes back ------------------------------------------------------------------------------------------

    def read(self, timeout_s: float = 0.1) -> bool:
        """Take what is there; whether there was anything."""
        if not select.select([self.master], [], [], timeout_s)[0]:
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError:  # the last one on the other side has gone
            return False
        self.output += data
        return bool(data)

    def read_until(self, mark: str) -> None:
        """Read until this was written (since the last `forget`)."""
        until = time.monotonic() + GIVE_UP_S
        while mark.encode() not in self.output:
            assert time.monotonic() < until, self.output[-3000:]
            self.read()

    def forget(self) -> None:
        """What was written so far is of no interest."""
        while self.read(0.0):
            pass
        self.output = b""

    def calls(self, name: str = "") -> list[dict[str, object]]:
        """What the station was told so far."""
        told = [json.loads(line) for line in self.calls_path.read_text(encoding="utf-8").splitlines()]
        return [call for call in told if not name or call["call"] == name]

    def wait_for(self, name: str, count: int = 1, *, reading: bool = True) -> list[dict[str, object]]:
        """Wait until the station was told this so often; meanwhile read what is written, or leave it."""
        until = time.monotonic() + GIVE_UP_S
        while len(told := self.calls(name)) < count:
            assert time.monotonic() < until, (self.calls(), self.output[-3000:])
            assert self.process.poll() is None, (self.process.returncode, self.output[-3000:])
            if reading:
                self.read(0.02)
            else:
                select.select([], [], [], 0.02)
        return told

    def wait_for_end(self, *, reading: bool = True) -> int:
        """The exit status."""
        until = time.monotonic() + GIVE_UP_S
        while self.process.poll() is None:
            assert time.monotonic() < until, self.output[-3000:]
            if not reading or not self.read(0.02):
                select.select([], [], [], 0.02)
        while reading and self.read(0.0):
            pass
        return self.process.returncode

    def is_restored(self) -> bool:
        """Whether the main screen, the cursor and the line discipline are back."""
        echo = termios.tcgetattr(self.master)[3]
        return b"\x1b[?1049l" in self.output and b"\x1b[?25h" in self.output and echo == self.before[3]


def _environment(changes: dict[str, str]) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    return {**clean, "TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONUTF8": "1", **changes}
