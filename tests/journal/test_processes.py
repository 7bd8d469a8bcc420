"""Several processes on one file, and processes that are killed."""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

import pytest

from support.journal import TARGET, entry, finished, opened, python, url
from tagsmith.journal import Journal
from tagsmith.model import LegName, LegState, State

SETUP = f"""
import asyncio, sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from support.journal import entry
from tagsmith.errors import DuplicateUid
from tagsmith.journal import Journal
from tagsmith.model import LegName, LegState, Settlement
"""

APPEND = (
    SETUP
    + """
async def main(first, last):
    for index in range(first, last):
        await journal.append(entry(index))
        print("paired", index, flush=True)
        if index % 3 == 0:
            attempt_id = await journal.attempt(f"entry-{index}", LegName.RESERVATION, f"body {index}")
            print("sent", index, flush=True)
            await journal.settle(f"entry-{index}", LegName.RESERVATION, attempt_id, Settlement(LegState.DONE))
            print("reserved", index, flush=True)

journal = Journal.open(sys.argv[1], station=sys.argv[2])
asyncio.run(main(int(sys.argv[3]), int(sys.argv[4])))
journal.close()
"""
)

RACE = (
    SETUP
    + """
async def main(name, indices):
    for index in indices:
        try:
            await journal.append(entry(index, id=f"{name}-{index}"))
        except DuplicateUid as error:
            print("known", index, error.record.entry.id, flush=True)
        else:
            print("paired", index, f"{name}-{index}", flush=True)

name = sys.argv[2]
journal = Journal.open(sys.argv[1], station=name)
print("ready", flush=True)
sys.stdin.readline()
asyncio.run(main(name, range(1, 151) if name == "up" else range(150, 0, -1)))
journal.close()
"""
)


def killed_in_the_middle(place: Path | str, kills: list[int], last: int) -> None:
    """Append up to `last`, killing the process after each of these numbers of lines; then look at what is there."""
    states: dict[int, str] = {}
    first = 1
    for lines in [*kills, sys.maxsize]:
        with python(APPEND, url(place), "one", first, last + 1) as process:
            assert process.stdout is not None
            for number, line in enumerate(process.stdout, start=1):
                what, index = line.split()
                states[int(index)] = what
                if number >= lines:
                    process.kill()
                    break
            # What was on its way through the pipe when the process was killed was said as well. (`communicate` would
            # pass over what the loop above has read ahead.)
            rest = process.stdout.read()
        for line in rest.splitlines():
            what, index = line.split()
            states[int(index)] = what
        with opened(place) as journal:
            records = {record.entry.id: record for record in journal.records()}
            assert len(records) == len(list(journal.records()))
            assert journal.verify().problems == ()
        # At most the one that was not answered is there besides those that were.
        assert set(records) >= {f"entry-{index}" for index in states}
        assert len(records) <= len(states) + 1
        for index, what in states.items():
            state = records[f"entry-{index}"].reservation.state
            if what == "reserved":
                assert state is LegState.DONE
            elif what == "sent":
                assert state in (LegState.SENDING, LegState.DONE)
        first = max(states) + 1
    assert len(states) == last


async def test_killed_in_the_middle_of_appends(place: Path | str) -> None:
    """Of 500 pairs with two kills -9 among them each acknowledged one is there, once, with what was said of it."""
    kills, last = ([60, 333], 500) if isinstance(place, Path) else ([40], 60)
    killed_in_the_middle(place, kills, last)


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_killed_again_and_again(place: Path | str) -> None:
    """The same, with kills at a hundred places."""
    rng = random.Random(2)
    killed_in_the_middle(place, [rng.randint(1, 40) for _ in range(100)], 3000)


async def test_two_processes_pair_the_same_keys(place: Path | str) -> None:
    """Of two processes that append the same keys at once each key goes to one, and the other is told to which."""
    with opened(place), python(RACE, url(place), "up") as up, python(RACE, url(place), "down") as down:
        for process in (up, down):
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in (up, down):
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        lines = [line.split() for process in (up, down) for line in finished(process).splitlines()]
    paired = {index: entry_id for what, index, entry_id in lines if what == "paired"}
    known = {index: entry_id for what, index, entry_id in lines if what == "known"}
    assert len(lines) == 300
    assert len(paired) == 150
    assert known == paired
    with opened(place) as journal:
        assert {record.entry.id for record in journal.records()} == set(paired.values())
        verification = journal.verify()
        assert (verification.problems, verification.entries) == ((), 150)
        # A process that was always second wrote nothing, and so has no stream.
        assert verification.streams in (1, 2)


async def test_two_writers_never_trip_over_each_other(place: Path | str) -> None:
    """Changes that read before they write wait for another writer's transaction; none fails because of it."""
    with opened(place) as one, opened(place) as other:
        for index in range(60):
            await one.append(entry(index))

        async def change(journal: Journal, indices: range) -> None:
            for index in indices:
                await journal.attempt(f"entry-{index}", LegName.RESERVATION, "body")
                await journal.void(f"entry-{index}", "both at once")

        await asyncio.gather(change(one, range(0, 60, 2)), change(other, range(1, 60, 2)))
        assert (await one.tally(TARGET))[State.VOID] == 60
        assert one.verify().problems == ()


async def test_a_killed_process_leaves_its_attempt_in_doubt(place: Path | str) -> None:
    """What a killed process was sending is unknown to the next courier, with the very body it was sent with."""
    script = SETUP + (
        "journal = Journal.open(sys.argv[1])\n"
        "async def main():\n"
        "    await journal.append(entry(1))\n"
        "    print(await journal.attempt('entry-1', LegName.RESERVATION, 'exactly this'), flush=True)\n"
        "    sys.stdin.readline()\n"
        "asyncio.run(main())\n"
    )
    with python(script, url(place)) as process:
        assert process.stdout is not None
        attempt_id = process.stdout.readline().strip()
        process.kill()
        process.communicate(timeout=50)
    with opened(place) as journal:
        assert await journal.due(TARGET, 10) == []
        assert await journal.waiting(TARGET) == 1
        assert await journal.recover(TARGET) == 1
        (record,) = await journal.due(TARGET, 10)
        assert record.entry == entry(1)
        assert (record.reservation.body, record.reservation.attempt_id) == ("exactly this", attempt_id)
        assert (record.reservation.state, record.reservation.repeat) == (LegState.UNKNOWN, True)
