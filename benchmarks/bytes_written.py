"""Bytes that a station writes for one pair, from the tap until it is reserved, by the kernel's count.

    python benchmarks/bytes_written.py [PAIRS] [FOLDER]

`write_bytes` of /proc/self/io counts what this process has made dirty for a real disc; the file system's own journal
comes on top and is counted for the whole disc, from /sys/class/block, where nothing else writes meanwhile. FOLDER must
be on a real disc: nothing counts on a tmpfs. The sandbox keeps all in memory.
"""

from __future__ import annotations

import os
import queue
import random
import sys
import tempfile
import time
from pathlib import Path

from tagsmith.cli.demo import Keys, label
from tagsmith.config import settings_of
from tagsmith.model import Event, Scan
from tagsmith.readers.sim import SimReader
from tagsmith.sandbox import Sandbox
from tagsmith.station import Station

GOAL = 128 * 1024
PATIENCE_S = 30.0


def written() -> int:
    """Bytes that this process has written to discs so far."""
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["write_bytes"]) - int(fields["cancelled_write_bytes"])


def disc_written(folder: Path) -> int:
    """Bytes that the disc under a folder has been given so far by anybody; 0 where the kernel does not say."""
    number = os.stat(folder).st_dev
    path = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}/stat")
    return int(path.read_text().split()[6]) * 512 if path.exists() else 0


def main(pairs: int = 200, folder: Path | None = None) -> float:
    """Make and deliver so many pairs; bytes a pair."""
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    with tempfile.TemporaryDirectory(dir=folder) as name:
        place = Path(name)
        sandbox = Sandbox(key="key")
        sandbox.start()
        reader = SimReader()
        settings = settings_of(
            api={"url": sandbox.url, "key": "key"},
            journal={"url": f"sqlite:///{place / 'journal.sqlite'}"},
            courier={"hold_s": 0.0, "requests_per_minute": 3000},
            reader=[{"spec": "sim:", "lane": "1"}],
        )
        station = Station(settings, listener=events.put, readers={"sim:": reader})
        station.start()

        def until(*names: str) -> str:
            deadline = time.monotonic() + PATIENCE_S
            while (event := events.get(timeout=deadline - time.monotonic()).event) not in names:
                pass
            return event

        keys = Keys(reader, random.Random(1))
        until("ready")
        before, disc_before = written(), disc_written(place)
        done = number = 0
        while done < pairs:
            number += 1
            keys.good()
            until("tapped")
            station.scan(Scan(label(number), time.monotonic(), "benchmark"))
            # On a busy machine the station may stand still and drop what waited: the next key then.
            done += until("delivered", "rejected") == "delivered"
        # The last page of the log may be written when all is done.
        os.sync()
        mine, discs = written() - before, disc_written(place) - disc_before
        station.stop()
        sandbox.stop()
    print(f"{pairs} pairs, tap to reserved, one after the other")
    print(f"this process: {mine / pairs / 1024:.1f} KiB a pair (goal: {GOAL // 1024})")
    print(f"the whole disc meanwhile, whoever wrote: {discs / pairs / 1024:.1f} KiB a pair")
    return mine / pairs


if __name__ == "__main__":
    arguments = sys.argv[1:]
    per_pair = main(int(arguments[0]) if arguments else 200, Path(arguments[1]) if arguments[1:] else None)
    sys.exit(0 if per_pair <= GOAL else 1)
