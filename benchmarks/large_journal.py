"""Whether delivery and export notice how large the journal is.

    python benchmarks/large_journal.py [--small 10000] [--large 200000] [--waiting 2000] [--samples 400]
                                       [--export 1000000] [--folder DIR]

Two journals with as much left to send, one of them with far more behind it; what the courier asks of them takes turns.
Then `tagsmith journal export` of a third, in each format there is, as a process of its own: its peak of memory, and
its time against a plain `sqlite3` loop that reads and writes the same rows.

Exit code 1 if a median grew by more than 30 %, or an export took 150 MB or more.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import logging
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from filling import body_of, fill
from tagsmith.journal import Journal, export
from tagsmith.journal.export import COLUMNS
from tagsmith.model import LegName, LegState, Settlement

TARGET = "https://drive-api.example/drive"
AT_MOST = 1.3
PEAK_MB = 150.0

# A process's peak counts what it was forked from, so the one that forks must be small.
_PEAK = """
import resource, subprocess, sys
status = subprocess.call(sys.argv[1:])
print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


async def compare(folder: Path, small: int, large: int, waiting: int, samples: int) -> bool:
    """Print what each step costs in either journal; whether none grew too much."""
    journals = {}
    for size in (small, large):
        path = folder / f"{size}.db"
        begun = time.perf_counter()
        fill(path, TARGET, size, waiting=waiting)
        spent = time.perf_counter() - begun
        print(f"filled {size} entries in {spent:.1f} s, {path.stat().st_size / 1e6:.0f} MB")
        journals[size] = Journal.open(f"sqlite:///{path}", station="bench")
    taken: dict[tuple[str, int], list[float]] = {}

    async def timed(what: str, size: int, step: Callable[[], Awaitable[object]]) -> object:
        begun = time.perf_counter()
        result = await step()
        taken.setdefault((what, size), []).append(time.perf_counter() - begun)
        return result

    async def one(size: int, journal: Journal) -> None:
        (record,) = await journal.due(TARGET, 1)
        entry_id, body = record.entry.id, body_of(record.entry)
        attempt_id = await timed("attempt", size, lambda: journal.attempt(entry_id, LegName.RESERVATION, body))
        settlement = Settlement(LegState.DONE, status=201)
        await timed("settle", size, lambda: journal.settle(entry_id, LegName.RESERVATION, str(attempt_id), settlement))
        await timed("tally", size, lambda: journal.tally(TARGET))
        await timed("due", size, lambda: journal.due(TARGET, 16))
        await timed("waiting", size, lambda: journal.waiting(TARGET))

    for _ in range(min(samples, waiting)):
        for size, journal in journals.items():
            await one(size, journal)
    for journal in journals.values():
        journal.close()
    good = True
    print(f"\n{large} entries against {small}, {waiting} waiting in either, medians, taking turns:")
    for what in ("attempt", "settle", "tally", "due", "waiting"):
        few, many = (statistics.median(taken[what, size]) for size in (small, large))
        good &= many / few <= AT_MOST
        print(f"  {what:8} {few * 1e3:8.3f} ms {many * 1e3:8.3f} ms   ratio {many / few:.2f} (at most {AT_MOST})")
    return good


def exports(folder: Path, count: int) -> bool:
    """Export a large journal in each format; whether each stayed small."""
    path = folder / "export.db"
    begun = time.perf_counter()
    fill(path, TARGET, count, waiting=0, events=False)
    print(f"\nfilled {count} entries in {time.perf_counter() - begun:.1f} s, {path.stat().st_size / 1e6:.0f} MB")
    config = folder / "tagsmith.toml"
    config.write_text(f'[journal]\nurl = "sqlite:///{path}"\n')
    bare_s = bare_export(path, folder / "bare.csv")
    print(f"  bare   {bare_s:6.1f} s")
    good = True
    formats = ["csv", "jsonl", *(["xlsx"] if hasattr(export, "write_xlsx") else [])]
    for name in formats:
        output = folder / f"out.{name}"
        command = [sys.executable, "-m", "tagsmith", "journal", "export", "--config", str(config)]
        more = ["--format", name, "--output", str(output)]
        begun = time.perf_counter()
        status, peak_kib = map(int, subprocess.check_output([sys.executable, "-c", _PEAK, *command, *more]).split())
        spent = time.perf_counter() - begun
        peak_mb = peak_kib * 1024 / 1e6
        whole = status == 0 and (name == "xlsx" or _lines(output) == count + (name == "csv"))
        good &= whole and peak_mb < PEAK_MB
        print(
            f"  {name:6} {spent:6.1f} s, {spent / bare_s:4.1f} times bare, {output.stat().st_size / 1e6:4.0f} MB,"
            f" peak {peak_mb:.0f} MB (below {PEAK_MB:.0f}){'' if whole else ', NOT WHOLE'}"
        )
    return good


def bare_export(path: Path, output: Path) -> float:
    """Seconds that it takes to read the same columns and write them as they are."""
    names = {"entry": "id", "uid": "uid", "state": "reservation_state"}
    begun = time.perf_counter()
    connection = sqlite3.connect(path)
    found = connection.execute(
        f"SELECT {', '.join(names.get(column, column) for column in COLUMNS)} FROM entries ORDER BY number"
    )
    with output.open("w", newline="") as file:
        csv.writer(file).writerows(found)
    connection.close()
    return time.perf_counter() - begun


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=200_000)
    parser.add_argument("--waiting", type=int, default=2_000, help="how many of either are left to send")
    parser.add_argument("--samples", type=int, default=400)
    parser.add_argument("--export", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="where the databases are made, then removed")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    folder = Path(tempfile.mkdtemp(prefix=".large-bench-", dir=arguments.folder))
    try:
        sizes = (arguments.small, arguments.large, arguments.waiting, arguments.samples)
        good = asyncio.run(compare(folder, *sizes)) & exports(folder, arguments.export)
    finally:
        shutil.rmtree(folder)
    print("good" if good else "MISSED")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
