"""How much of its share of the API's clock minute a draining courier uses, and how often it is told: too much.

    python benchmarks/share.py [--minutes 3] [--per-minute 3000] [--ahead 17] [--folder DIR]

The API is a process of its own that counts clock minutes by a clock which is ahead of this machine's, and answers 429
to what is above the limit. The courier's share is the whole limit. Counted are the minutes that begin after it started.
Takes up to a minute longer than `--minutes`.

Exit code 1 if there was one 429, or less than 95 % of the limit was used.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from filling import fill
from local_api import LocalApi
from tagsmith.courier import Courier
from tagsmith.drive import DriveClient
from tagsmith.journal import Journal

AT_LEAST = 0.95


async def measure(folder: Path, minutes: int, per_minute: int, ahead_s: float) -> int:
    with LocalApi("--per-minute", str(per_minute), "--ahead", str(ahead_s)) as api:
        # One minute that has begun already, the ones that count, and something to spare.
        entries = per_minute * (minutes + 2)
        fill(folder / "journal.db", api.url, entries, waiting=entries)
        journal = Journal.open(f"sqlite:///{folder / 'journal.db'}", station="bench")
        async with DriveClient(api.url, "bench") as drive:
            courier = Courier(journal, drive, api.url, hold_s=0.0, requests_per_minute=per_minute)
            running = asyncio.create_task(courier.run())
            now = time.time() + ahead_s
            first = int(now // 60) + 1
            await asyncio.sleep((first + minutes) * 60 - now)
            counts = api.counts()
            courier.request_stop()
            await running
        journal.close()
    taken = [counts.get(minute, [0, 0])[0] for minute in range(first, first + minutes)]
    limited = sum(too_many for _, too_many in counts.values())
    used = sum(taken) / (minutes * per_minute)
    good = not limited and used >= AT_LEAST
    print(f"  {minutes} minutes of at most {per_minute}: {', '.join(map(str, taken))} requests taken")
    print(f"  used {used:.1%} of the limit (at least {AT_LEAST:.0%}), {limited} answers 429 (none)")
    print("good" if good else "MISSED")
    return 0 if good else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=int, default=3)
    parser.add_argument("--per-minute", type=int, default=3000)
    parser.add_argument("--ahead", type=float, default=17.0, help="seconds that the API's clock is ahead of this one")
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="where the database is made, then removed")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    folder = Path(tempfile.mkdtemp(prefix=".share-bench-", dir=arguments.folder))
    try:
        return asyncio.run(measure(folder, arguments.minutes, arguments.per_minute, arguments.ahead))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
