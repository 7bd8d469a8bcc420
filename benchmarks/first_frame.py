"""How long until the screen stands, against a bare Textual app; and what it costs to let it stand.

    python benchmarks/first_frame.py [--runs 9] [--idle 20] [--size 80x24] [--json] [-- COMMAND...]

Each run starts a process on a pty of its own and takes the time until the first frame's text has been read from it. The
two kinds alternate, so that a busy machine slows both; medians and their ratio come from the same minute. Then the
screen is left alone and the time its process and threads were on a processor is taken from the kernel's accounts.
COMMAND is measured instead of our screen on a station that does nothing, `tagsmith demo` for instance; it must end
by F10.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import termios
import time
from dataclasses import dataclass
from pathlib import Path

GIVE_UP_S = 60.0
TESTS = Path(__file__).resolve().parents[1] / "tests"

BARE = """
from textual.app import App
from textual.widgets import Static

class Bare(App):
    def compose(self):
        yield Static("first-frame")

Bare().run()
"""
MARKS = (b"first-frame", b"SANDBOX")
F10, CTRL_Q = b"\x1b[21~", b"\x11"


@dataclass(frozen=True, slots=True)
class Run:
    """One life of a screen. Idle is in percent of one core."""

    first_frame_ms: float
    idle_percent: float | None
    rss_mb: float


def on_pty(command: list[str], size: tuple[int, int], quit_key: bytes, idle_s: float = 0.0) -> Run:
    """Start, wait for the first frame, perhaps let it stand, and leave."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    # Without compiled modules both cost half a second more, and the ratio would flatter us.
    unwanted = ("COLUMNS", "LINES", "NO_COLOR", "PYTHONDONTWRITEBYTECODE")
    environment = {name: value for name, value in os.environ.items() if name not in unwanted}
    environment |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    began = time.perf_counter()
    process = subprocess.Popen(
        ["setsid", "--ctty", *command], stdin=slave, stdout=slave, stderr=slave, cwd=TESTS, env=environment
    )
    os.close(slave)
    try:
        seen = b""
        while not any(mark in seen for mark in MARKS):
            if not select.select([master], [], [], GIVE_UP_S)[0]:
                raise SystemExit(f"no first frame of {command}: {seen[-500:]!r}")
            seen += os.read(master, 65536)
        first_frame_ms = (time.perf_counter() - began) * 1000
        idle = _idle_percent(process.pid, master, idle_s) if idle_s else None
        rss_mb = _rss_mb(process.pid)
        _drain(master, 0.3)
        os.write(master, quit_key)
        until = time.monotonic() + GIVE_UP_S
        while process.poll() is None and time.monotonic() < until:
            _drain(master, 0.02)
        return Run(first_frame_ms, idle, rss_mb)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        os.close(master)


def _drain(master: int, seconds: float) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if select.select([master], [], [], left)[0]:
            try:
                os.read(master, 65536)
            except OSError:
                return


def _idle_percent(pid: int, master: int, seconds: float) -> float:
    _drain(master, 3.0)  # what is started behind the first frame is not idling
    before, began = _cpu_s(pid), time.perf_counter()
    _drain(master, seconds)
    return 100 * (_cpu_s(pid) - before) / (time.perf_counter() - began)


def _cpu_s(pid: int) -> float:
    """Seconds on a processor of all threads, in nanoseconds resolution."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def _rss_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def main() -> int:
    """Measure and say it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--idle", type=float, default=20.0, help="seconds; 0 leaves it out")
    parser.add_argument("--size", default="80x24")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("command", nargs="*")
    chosen = parser.parse_args()
    columns, rows = (int(part) for part in chosen.size.split("x"))
    size = (columns, rows)
    bare = [sys.executable, "-c", BARE]
    ours = chosen.command or [sys.executable, "-m", "support.screen_process", os.devnull]
    for command, key in ((bare, CTRL_Q), (ours, F10)):
        on_pty(command, size, key)  # the first run of each compiles and fills caches
    pairs = [(on_pty(bare, size, CTRL_Q), on_pty(ours, size, F10)) for _ in range(chosen.runs)]
    bare_ms = statistics.median(one.first_frame_ms for one, _ in pairs)
    ours_ms = statistics.median(other.first_frame_ms for _, other in pairs)
    idle = on_pty(ours, size, F10, chosen.idle) if chosen.idle else None
    result = {
        "size": chosen.size,
        "runs": chosen.runs,
        "bare_ms": round(bare_ms, 1),
        "ours_ms": round(ours_ms, 1),
        "ratio": round(ours_ms / bare_ms, 2),
        "rss_mb": round(statistics.median(other.rss_mb for _, other in pairs), 1),
        "idle_percent": None if idle is None or idle.idle_percent is None else round(idle.idle_percent, 2),
    }
    if chosen.json:
        print(json.dumps(result))
        return 0
    print(f"first frame, {chosen.runs} runs each, {chosen.size}: bare Textual {bare_ms:.0f} ms, ours {ours_ms:.0f} ms")
    print(f"ratio {result['ratio']} (at most 2)")
    if idle is not None:
        print(f"idle {result['idle_percent']} % of a core over {chosen.idle:.0f} s (under 1), {result['rss_mb']} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
