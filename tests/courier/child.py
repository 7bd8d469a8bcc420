"""A process that commits pairs and delivers them, to be killed: `python child.py JOURNAL_URL API_URL KEY FIRST LAST`.

Commits the entries FIRST to LAST while it delivers, and goes on delivering until it is ended. Prints a line for each
committed pair (`paired ID`, after the durable commit), each settled leg (`settled ID STATE`), and each change of how
delivery stands (`standing STATE MESSAGE`).
"""

from __future__ import annotations

import asyncio
import random
import sys
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from courier.fakes import entry
from tagsmith.courier import Courier
from tagsmith.drive import DriveClient
from tagsmith.journal import Journal
from tagsmith.model import DeliveryView, Entry, Record


class Impatient(random.Random):
    """Waits a hundredth of what it may, so that back-off costs a test no time."""

    def uniform(self, a: float, b: float) -> float:
        return a + (b - a) * 0.01


def almost_a_minute() -> datetime:
    """A calendar on which the next clock minute is always near."""
    return datetime(2031, 5, 6, 7, 8, 59, 950_000, tzinfo=UTC)


def entry_for(api_url: str, index: int) -> Entry:
    """The entry of this index for this API; every third has a user."""
    return entry(index, target=api_url, user="worker-1" if index % 3 == 0 else None)


async def main(journal_url: str, api_url: str, key: str, first: int, last: int) -> None:
    """Commit and deliver."""
    standing = ""

    def tell(record: Record | None, view: DeliveryView) -> None:
        nonlocal standing
        if record is not None:
            print(f"settled {record.entry.id} {record.state}", flush=True)
        line = f"standing {view.delivery} {view.message}"
        if line != standing:
            standing = line
            print(line, flush=True)

    journal = Journal.open(journal_url, station=f"child-{first}")
    async with DriveClient(api_url, key, timeout_s=1.0) as drive:
        courier = Courier(
            journal,
            drive,
            api_url,
            hold_s=0.0,
            requests_per_minute=100_000,
            listener=tell,
            rng=Impatient(),
            utcnow=almost_a_minute,
        )
        running = asyncio.create_task(courier.run())
        for index in range(first, last + 1):
            committed = await journal.append(entry_for(api_url, index))
            print(f"paired {committed.record.entry.id}", flush=True)
            courier.nudge(committed.record)
        await running


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4], *map(int, sys.argv[4:6])))
