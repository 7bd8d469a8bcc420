"""What the journal costs: a durable append against a bare SQLite commit, and a full journal against a nearly empty one.

    python benchmarks/journal.py [--entries 200000] [--samples 1000] [--folder DIR]

Prints medians, 99th percentiles and ratios of one run. What is compared takes turns, so that a disc which has a slow
moment has it for both. The folder must lie on a real disc: on tmpfs a commit costs nothing, which is no measure.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import filling
from tagsmith.errors import DuplicateUid
from tagsmith.journal import Journal
from tagsmith.model import Entry
from tagsmith.uid import Uid

TARGET = "https://drive-api.example/drive"
NUMBERS = itertools.count(10_000_001)
"""Past those of the journals that are filled."""


def new_entry() -> Entry:
    """An entry that no journal here has yet."""
    return filling.new_entry(next(NUMBERS), TARGET)


class Samples:
    """Durations of one kind of step, in seconds."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.taken: list[float] = []

    @property
    def median_s(self) -> float:
        return statistics.median(self.taken)

    def line(self) -> str:
        p99 = sorted(self.taken)[int(0.99 * (len(self.taken) - 1))]
        return f"  {self.name:<34} median {self.median_s * 1e3:8.3f} ms   p99 {p99 * 1e3:8.3f} ms   n {len(self.taken)}"


def bare_commits(path: Path) -> Iterator[float]:
    """Durations of a bare commit of one row with the least that is durable: WAL and synchronous=FULL."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE pairs (number INTEGER PRIMARY KEY, id TEXT, uid TEXT, visual_number TEXT)")
    while True:
        entry = new_entry()
        begun = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(
            "INSERT INTO pairs (id, uid, visual_number) VALUES (?, ?, ?)",
            (entry.id, entry.uid.wire, entry.visual_number),
        )
        connection.execute("COMMIT")
        yield time.perf_counter() - begun


async def append(journal: Journal) -> float:
    entry = new_entry()
    begun = time.perf_counter()
    await journal.append(entry)
    return time.perf_counter() - begun


async def refuse(journal: Journal, known: Entry) -> float:
    """An append that the journal must refuse, because it has the key."""
    entry = new_entry()
    duplicate = Entry(**{name: getattr(entry, name) for name in entry.__slots__} | {"uid": known.uid})
    begun = time.perf_counter()
    try:
        await journal.append(duplicate)
    except DuplicateUid:
        return time.perf_counter() - begun
    raise AssertionError("a duplicate was appended")


async def look_up(journal: Journal, uid: Uid, *, there: bool) -> float:
    begun = time.perf_counter()
    found = await journal.find(TARGET, uid=uid)
    spent = time.perf_counter() - begun
    assert (found is not None) is there
    return spent


async def poll(journal: Journal) -> float:
    """What a courier asks for: the next that are due."""
    begun = time.perf_counter()
    await journal.due(TARGET, 8)
    return time.perf_counter() - begun


def open_and_close(path: Path) -> float:
    begun = time.perf_counter()
    journal = Journal.open(f"sqlite:///{path}", station="bench")
    spent = time.perf_counter() - begun
    journal.close()
    return spent


async def against_bare(folder: Path, samples: int) -> None:
    """The price of the whole record over a bare commit."""
    bare, whole = Samples("bare sqlite3 commit (FULL)"), Samples("journal.append")
    commits = bare_commits(folder / "bare.db")
    journal = Journal.open(f"sqlite:///{folder / 'append.db'}", station="bench")
    turn = max(1, samples // 20)
    for _ in range(20):
        bare.taken += [next(commits) for _ in range(turn)]
        whole.taken += [await append(journal) for _ in range(turn)]
    journal.close()
    print("append against a bare commit, taking turns:")
    print(bare.line(), whole.line(), sep="\n")
    print(f"  ratio of medians: {whole.median_s / bare.median_s:.2f} (at most 3)\n")


async def against_size(folder: Path, small: int, large: int, samples: int) -> None:
    """Whether anything that happens at every tap grows with the journal."""
    sizes = (small, large)
    paths = {size: folder / f"{size}.db" for size in sizes}
    for size, path in paths.items():
        begun = time.perf_counter()
        filling.fill(path, TARGET, size, waiting=size)
        print(f"filled {size} entries in {time.perf_counter() - begun:.1f} s, {path.stat().st_size / 1e6:.0f} MB")
    kinds = ("append", "duplicate refused", "look-up, known key", "look-up, new key", "due", "open")
    taken = {(kind, size): Samples(f"{kind}, {size} entries") for kind in kinds for size in sizes}
    for _ in range(25):
        for size, path in paths.items():
            taken["open", size].taken.append(open_and_close(path))
    journals = {size: Journal.open(f"sqlite:///{path}", station="bench") for size, path in paths.items()}
    known = {size: (await journal.recent(TARGET, 1))[0].entry for size, journal in journals.items()}
    turn = max(1, samples // 20)
    for _ in range(20):
        for size, journal in journals.items():
            for _ in range(turn):
                taken["append", size].taken.append(await append(journal))
                taken["duplicate refused", size].taken.append(await refuse(journal, known[size]))
                taken["look-up, known key", size].taken.append(await look_up(journal, known[size].uid, there=True))
                taken["look-up, new key", size].taken.append(await look_up(journal, new_entry().uid, there=False))
                taken["due", size].taken.append(await poll(journal))
    print(f"\n{large} entries against {small}, taking turns:")
    for kind in kinds:
        ratio = taken[kind, large].median_s / taken[kind, small].median_s
        print(*(taken[kind, size].line() for size in sizes), f"  ratio of medians: {ratio:.2f} (at most 1.3)", sep="\n")
    for journal in journals.values():
        journal.close()
    begun = time.perf_counter()
    journal = Journal.open(f"sqlite:///{paths[large]}")
    verification = journal.verify()
    journal.close()
    print(f"\nverify of {verification.entries} entries: {time.perf_counter() - begun:.1f} s, ok={verification.ok}")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--entries", type=int, default=200_000, help="size of the full journal")
    parser.add_argument("--small", type=int, default=1_000, help="size of the nearly empty one")
    parser.add_argument("--samples", type=int, default=1_000, help="steps of each kind")
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="where the databases are made, then removed")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix=".journal-bench-", dir=arguments.folder))
    gc.freeze()
    try:
        asyncio.run(against_bare(folder, arguments.samples))
        asyncio.run(against_size(folder, arguments.small, arguments.entries, arguments.samples))
    finally:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
