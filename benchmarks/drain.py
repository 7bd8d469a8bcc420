"""Draining a backlog: the courier with journal and client against a bare httpx loop, to an API without limit.

    python benchmarks/drain.py [--entries 20000] [--slices 10] [--concurrency 4] [--folder DIR]

The API is a process of its own. The backlog is all in the journal from the start; courier and bare loop take turns,
a slice of it each: while the loop runs delivery is held back. The courier's entries are two durable records each, so
the folder must lie on a real disc. Memory is this process's resident set after the first slice and after the last.

Exit code 1 if the median slice is slower than 300 entries/s or than 0.35 times the bare loop, or memory grew by more
than 10 MB.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parent))

from filling import body_of, fill, new_entry
from local_api import LocalApi
from tagsmith.courier import Courier
from tagsmith.drive import DriveClient
from tagsmith.journal import Journal
from tagsmith.model import DeliveryView, Record, State

AT_LEAST_PER_S = 300.0
AT_LEAST_RATIO = 0.35
GROWTH_MB = 10.0
PAUSED = "it is the bare loop's turn"


def rss_mb() -> float:
    """What this process holds in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def bare(url: str, count: int, concurrency: int) -> float:
    """Requests per second of so many workers that do nothing but post."""
    bodies = iter([body_of(new_entry(number, url)) for number in range(count)])
    headers = {"Content-Type": "application/json", "X-API-Key": "bench"}

    async def worker() -> None:
        for body in bodies:
            answer = await client.post("/v1/charging-keys/reservations", content=body, headers=headers)
            assert answer.status_code == 201

    async with httpx.AsyncClient(base_url=url, timeout=20.0) as client:
        begun = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(concurrency)))
        return count / (time.perf_counter() - begun)


class Counting:
    """A courier's listener: how many are settled, and an event at each goal."""

    def __init__(self) -> None:
        self.settled = 0
        self.goal = 0
        self.reached = asyncio.Event()

    def __call__(self, record: Record | None, view: DeliveryView) -> None:
        if record is not None:
            assert record.state is State.RESERVED, record
            self.settled += 1
            if self.settled >= self.goal:
                self.reached.set()


async def measure(folder: Path, entries: int, slices: int, concurrency: int) -> int:
    courier_rates, bare_rates = [], []
    with LocalApi() as api:
        fill(folder / "journal.db", api.url, entries, waiting=entries)
        journal = Journal.open(f"sqlite:///{folder / 'journal.db'}", station="bench")
        counting = Counting()
        async with DriveClient(api.url, "bench", concurrency=concurrency) as drive:
            courier = Courier(
                journal,
                drive,
                api.url,
                hold_s=0.0,
                concurrency=concurrency,
                requests_per_minute=10_000_000,
                hold_back=PAUSED,
                listener=counting,
            )
            running = asyncio.create_task(courier.run())
            before_mb = rss_mb()
            for turn in range(slices):
                bare_rates.append(await bare(api.url, entries // slices, concurrency))
                counting.goal = min(entries, counting.settled + entries // slices)
                counting.reached.clear()
                from_, begun = counting.settled, time.perf_counter()
                courier.hold_back("")
                await counting.reached.wait()
                courier_rates.append((counting.settled - from_) / (time.perf_counter() - begun))
                if turn < slices - 1:
                    courier.hold_back(PAUSED)
                if not turn:
                    before_mb = rss_mb()
            left = await courier.drain(60.0)
            after_mb = rss_mb()
            courier.request_stop()
            await running
        journal.close()
        assert left.waiting == 0, left
        assert sum(taken for taken, _ in api.counts().values()) == entries + slices * (entries // slices)
    rate, loop = statistics.median(courier_rates), statistics.median(bare_rates)
    grown = after_mb - before_mb
    good = rate >= AT_LEAST_PER_S and rate / loop >= AT_LEAST_RATIO and grown <= GROWTH_MB
    slowest = min(courier_rates)
    print(
        f"  courier           median {rate:7.0f} entries/s, slowest slice {slowest:.0f} (at least {AT_LEAST_PER_S:.0f})"
    )
    print(f"  bare httpx loop   median {loop:7.0f} requests/s, slowest slice {min(bare_rates):.0f}")
    print(f"  ratio {rate / loop:.2f} (at least {AT_LEAST_RATIO}), {entries} entries, {concurrency} at once")
    print(f"  memory {before_mb:.1f} MB after the first slice, {after_mb:.1f} MB at the end: {grown:+.1f} MB")
    print("good" if good else "MISSED")
    return 0 if good else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--entries", type=int, default=20_000)
    parser.add_argument("--slices", type=int, default=10)
    parser.add_argument("--concurrency", type=int, default=4)
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="where the database is made, then removed")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    folder = Path(tempfile.mkdtemp(prefix=".drain-bench-", dir=arguments.folder))
    try:
        return asyncio.run(measure(folder, arguments.entries, arguments.slices, arguments.concurrency))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
