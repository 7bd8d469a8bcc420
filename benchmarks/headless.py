"""The headless station at rest and at work: CPU while idle, and memory over many pairs.

Idle: a real `tagsmith run --headless` process. Memory: the same station, driven from inside. Simulated reader; the
sandbox API runs in the parent process, so that its keys do not count.

    .venv/bin/python benchmarks/headless.py --idle 60 --pairs 10000
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import queue
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from tagsmith.sandbox import Sandbox

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """User and system seconds a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_mb(pid: int) -> float:
    """Resident memory of a process, in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmRSS")


def events(stream: IO[str]) -> Iterator[dict[str, object]]:
    """The event stream of a station."""
    for line in stream:
        yield json.loads(line)


def start(folder: Path, url: str, reader: str) -> subprocess.Popen[str]:
    """A headless station that delivers to `url`."""
    environment = {
        **os.environ,
        "TAGSMITH_API__URL": url,
        "TAGSMITH_API__KEY": "bench",
        "TAGSMITH_JOURNAL__URL": f"sqlite:///{folder / 'journal.sqlite'}",
        "TAGSMITH_COURIER__HOLD_S": "0",
        "TAGSMITH_COURIER__REQUESTS_PER_MINUTE": "3000",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "tagsmith", "run", "--headless", "--reader", reader],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        bufsize=1,
        env=environment,
    )


def idle(folder: Path, url: str, seconds: float) -> None:
    """CPU of a station at which nothing happens."""
    empty = folder / "idle.toml"
    empty.write_text("[[step]]\npause_s = 86400\n", encoding="utf-8")
    station = start(folder, url, f"sim:{empty}")
    assert station.stdout is not None
    next(event for event in events(station.stdout) if event["event"] == "ready")
    time.sleep(3)
    before, started = cpu_s(station.pid), time.monotonic()
    time.sleep(seconds)
    share = (cpu_s(station.pid) - before) / (time.monotonic() - started)
    station.terminate()
    station.wait(10)
    print(f"idle: {100 * share:.2f} % of a core over {seconds:.0f} s (goal: under 0.3 %)")


def work(folder: Path, url: str, pairs: int) -> None:
    """In a process of its own: a station without a screen that pairs keys one after another; prints memory and pace."""
    from tagsmith.config import settings_of
    from tagsmith.model import Event, Scan
    from tagsmith.readers.sim import SimReader
    from tagsmith.station import Station

    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    settings = settings_of(
        api={"url": url, "key": "bench"},
        journal={"url": f"sqlite:///{folder / 'work.sqlite'}"},
        courier={"hold_s": 0, "requests_per_minute": 3000},
        reader=[{"spec": "sim:"}],
    )
    reader = SimReader()
    station = Station(settings, listener=events.put, readers={"sim:": reader})

    def until(name: str) -> None:
        while events.get(timeout=30).event != name:
            pass

    station.start()
    until("ready")
    first, started = 0.0, time.monotonic()
    for number in range(pairs):
        reader.feed.put(f"04{number:010x}80")
        until("tapped")
        station.scan(Scan(f"BENCH-{number:06d}", time.monotonic(), "bench"))
        until("paired")
        if number == 200:
            first = rss_mb(os.getpid())
    seconds, last = time.monotonic() - started, rss_mb(os.getpid())
    station.stop()
    print(f"memory: {first:.1f} MiB after 200 pairs, {last:.1f} after {pairs}: {last - first:+.1f} (goal: under +10)")
    print(f"pace: {pairs / seconds:.0f} pairs/s")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--idle", type=float, default=60.0, metavar="S")
    parser.add_argument("--pairs", type=int, default=10_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, Sandbox(key="bench") as sandbox:
        folder = Path(name)
        if arguments.idle:
            idle(folder, sandbox.url, arguments.idle)
        if arguments.pairs:
            child = multiprocessing.get_context("spawn").Process(
                target=work, args=(folder, sandbox.url, arguments.pairs)
            )
            child.start()
            child.join()


if __name__ == "__main__":
    main()
