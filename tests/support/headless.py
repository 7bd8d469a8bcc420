"""A real `tagsmith run --headless` process, driven as its user drives it: lines in, events out, signals."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from support.cli import called
from support.journal import lay

PATIENCE_S = 20.0
"""How long an event may take before a test gives up; not a timing that is tested."""


def environment(folder: Path, url: str, **more: str) -> dict[str, str]:
    """The variables of a station that keeps its journal in `folder` and delivers to `url`, with no undo window."""
    return {
        **os.environ,
        "TAGSMITH_API__URL": url,
        "TAGSMITH_API__KEY": "test-key",
        "TAGSMITH_JOURNAL__URL": f"sqlite:///{folder / 'journal.sqlite'}",
        "TAGSMITH_COURIER__HOLD_S": "0",
        "TAGSMITH_COURIER__REQUESTS_PER_MINUTE": "3000",
        **more,
    }


def tagsmith(*arguments: str, env: Mapping[str, str], timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Run one command of tagsmith to its end."""
    return subprocess.run(
        [sys.executable, "-m", "tagsmith", *arguments],
        env=dict(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


class Headless:
    """One running station. Every event it printed stays in `events`, in order.

    Its journal is laid beforehand where there is none, as making one takes it longer than all else; `new` leaves it to
    the station.
    """

    def __init__(
        self,
        *arguments: str,
        env: Mapping[str, str],
        command: Sequence[str] = ("run", "--headless"),
        new: bool = False,
    ) -> None:
        scheme, _, path = env.get("TAGSMITH_JOURNAL__URL", "").partition(":///")
        if scheme == "sqlite" and not new and not Path(path).exists() and Path(path).parent.is_dir():
            lay(Path(path))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tagsmith", *command, *arguments],
            env=dict(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.events: list[dict[str, Any]] = []
        self._read = 0
        self._arrived: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._errors: list[bytes] = []
        self._threads = [
            threading.Thread(target=self._read_events, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        """The process to measure or to end."""
        return self._process.pid

    @property
    def stderr(self) -> str:
        """What it said on standard error so far."""
        return b"".join(self._errors).decode(errors="replace")

    def expect(self, name: str, *, timeout_s: float = PATIENCE_S, **fields: object) -> dict[str, Any]:
        """The next event of this name with these fields; events before it are passed over."""
        return self._next({name}, fields, timeout_s)

    def expect_any(self, *names: str, timeout_s: float = PATIENCE_S, **fields: object) -> dict[str, Any]:
        """The next event of one of these names with these fields; events before it are passed over."""
        return self._next(set(names), fields, timeout_s)

    def expect_nothing(self, name: str, for_s: float) -> None:
        """See that no event of this name comes for a while."""
        deadline = time.monotonic() + for_s
        while (left_s := deadline - time.monotonic()) > 0:
            with contextlib.suppress(queue.Empty):
                self._arrived.get(timeout=left_s)
        assert not any(event["event"] == name for event in self.events[self._read :]), self.events[self._read :]

    def _next(self, names: set[str], fields: Mapping[str, object], timeout_s: float) -> dict[str, Any]:
        deadline = time.monotonic() + timeout_s
        while True:
            while self._read < len(self.events):
                event = self.events[self._read]
                self._read += 1
                if event["event"] in names and all(event.get(key) == value for key, value in fields.items()):
                    return event
            try:
                self._arrived.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(
                    f"no {names} {fields}; saw {self.events[-8:]}; stderr: {self.stderr[-2000:]}"
                ) from None

    def send(self, data: str | bytes) -> None:
        """Write to its standard input; text gets its line end."""
        assert self._process.stdin is not None
        self._process.stdin.write(data if isinstance(data, bytes) else data.encode() + b"\n")
        self._process.stdin.flush()

    def end_input(self) -> None:
        """Close its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def terminate(self) -> int:
        """SIGTERM, and the exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """SIGKILL, if it still runs; then everything it printed is in `events`."""
        if self._process.poll() is None:
            self._process.kill()
        self.wait()
        if self._process.stdin is not None and not self._process.stdin.closed:
            with contextlib.suppress(BrokenPipeError):  # it is gone, and so is what was not yet read
                self._process.stdin.close()

    def wait(self, timeout_s: float = 60.0) -> int:
        """The exit code, when it has ended and all its output was read."""
        code = self._process.wait(timeout_s)
        for thread in self._threads:
            thread.join(10)
        return code

    def _read_events(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stream:
            for line in stream:
                if line.endswith(b"\n"):
                    self.events.append(json.loads(line))
                    self._arrived.put(None)

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as stream:
            while chunk := stream.read1(65536):  # type: ignore[attr-defined]
                self._errors.append(chunk)


def entries(env: Mapping[str, str]) -> list[dict[str, Any]]:
    """What the journal holds, through the command that shows it."""
    listed = called("journal", "export", "--format", "jsonl", env=env)
    assert listed.returncode == 0, listed.stderr
    return [json.loads(line) for line in listed.stdout.splitlines()]
