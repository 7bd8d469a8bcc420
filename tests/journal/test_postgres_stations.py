"""Several stations on one PostgreSQL server: numbers in order, one migration, one courier."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from support.headless import Headless, environment
from support.journal import entry, finished, opened, python
from support.postgres import Server, a_database, server
from support.wire_server import WireServer
from tagsmith.errors import JournalUnavailable
from tagsmith.journal import Journal, changes
from tagsmith.journal.advisory import AdvisoryLock
from tagsmith.journal.writing import Transaction
from tagsmith.model import State

SETUP = f"""
import asyncio, sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from support.journal import entry
from tagsmith.journal import Journal
"""

HOLD = """
import sys
from tagsmith.journal import Journal
journal = Journal.open(sys.argv[1], station="line-7")
lock = journal.courier_lock()
print(lock.try_acquire(), flush=True)
sys.stdin.readline()
"""

OPEN = """
import sys
from tagsmith.journal import Journal, migrating, postgresql
print("ready", flush=True)
sys.stdin.readline()
Journal.open(sys.argv[1]).close()
"""


@pytest.fixture
def place() -> Iterator[str]:
    """A database with an empty journal."""
    with a_database() as url:
        yield url


def superuser(url: str) -> psycopg.Connection[tuple[object, ...]]:
    """A connection behind the journal's back."""
    return server().connection(url.partition("@/")[2].partition("?")[0])


# --- numbers ---------------------------------------------------------------------------------------------------------


async def test_a_number_is_seen_after_all_lower_ones(place: str) -> None:
    """While a pair has its number and is not committed, no other station gets a higher one committed.

    What becomes visible later with a lower number would find its undo window half over.
    """
    with opened(place, "one") as slow, opened(place, "two") as quick:
        numbered, go_on = threading.Event(), threading.Event()

        def work(transaction: Transaction) -> int:
            number = changes.append(transaction, entry(1)).record.number
            numbered.set()
            assert go_on.wait(20)
            return number

        first = asyncio.create_task(slow._change(work))
        await asyncio.to_thread(numbered.wait, 20)
        second = asyncio.create_task(quick.append(entry(2)))
        # Not a time that must pass, but one in which a fault would show: without the lock this is done in 10 ms.
        done, _ = await asyncio.wait([second], timeout=0.25)
        assert not done
        assert await quick.changes(0) == 0
        # What is not numbered waits for nobody.
        assert await quick.get("entry-1") is None
        go_on.set()
        assert await first < (await second).record.number


async def test_deliveries_wait_for_no_pair(place: str) -> None:
    """A station that stands in the middle of an append keeps the courier from nothing."""
    with opened(place) as journal, superuser(place) as other:
        await journal.append(entry(1))
        with other.transaction():
            other.execute("SELECT pg_advisory_xact_lock(('entries'::regclass::oid::bigint << 16) + 1)")
            assert await asyncio.wait_for(journal.undo("entry-1"), 10) is not None


def in_order(place: str, stations: int, each: int) -> None:
    """Let processes append at once, and watch: no number may turn up below one that was seen before."""
    script = SETUP + (
        "journal = Journal.open(sys.argv[1], station=sys.argv[2])\n"
        "first, count = int(sys.argv[3]), int(sys.argv[4])\n"
        "print('ready', flush=True)\nsys.stdin.readline()\n"
        "async def main():\n"
        "    for index in range(first, first + count):\n"
        "        await journal.append(entry(index))\n"
        "        try: await journal.append(entry(index + 1_000_000, uid=entry(index).uid))\n"
        "        except Exception: pass\n"
        "asyncio.run(main())\njournal.close()\n"
    )
    with contextlib.ExitStack() as stack:
        processes = [
            stack.enter_context(python(script, place, f"line-{one}", one * 10_000, each)) for one in range(stations)
        ]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        seen: set[int] = set()
        with superuser(place) as watch:
            while len(seen) < stations * each:
                found = {int(str(number)) for (number,) in watch.execute("SELECT number FROM entries")}
                late = [number for number in found - seen if seen and number < max(seen)]
                assert late == []
                seen = found
                if all(process.poll() is not None for process in processes):
                    break
        for process in processes:
            finished(process)
    with opened(place) as journal:
        verification = journal.verify()
        assert (verification.problems, verification.entries, verification.streams) == (
            (),
            stations * each,
            stations,
        )


def test_several_stations_append_at_once(place: str) -> None:
    """Processes at once: every pair is there, each in its chain, and numbers turn up in order."""
    in_order(place, 2, 25)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_many_stations_append_at_once(place: str) -> None:
    """The same with six, for longer."""
    in_order(place, 6, 300)


# --- the first start -------------------------------------------------------------------------------------------------


def test_stations_that_start_together_lay_one_schema() -> None:
    """Of processes that find an empty database at once one migrates, and the others wait for it."""
    with a_database(laid=False) as url, contextlib.ExitStack() as stack:
        processes = [stack.enter_context(python(OPEN, url)) for _ in range(2)]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        for process in processes:
            finished(process)
        with opened(url) as journal:
            assert journal.verify().ok


# --- the courier's lock ----------------------------------------------------------------------------------------------


@pytest.fixture
def journal(place: str) -> Iterator[Journal]:
    with opened(place) as journal:
        yield journal


@pytest.fixture
def locks(journal: Journal) -> Iterator[tuple[AdvisoryLock, AdvisoryLock]]:
    """Two that want to deliver."""
    first, second = journal.courier_lock(), journal.courier_lock()
    assert isinstance(first, AdvisoryLock)
    assert isinstance(second, AdvisoryLock)
    yield first, second
    first.release()
    second.release()


def test_one_holds_it_the_other_learns_who(locks: tuple[AdvisoryLock, AdvisoryLock]) -> None:
    """The second to ask is refused and told the process, the machine and the station; after a release it may."""
    first, second = locks
    assert (first.holder(), first.held()) == ("", False)
    assert first.try_acquire()
    assert first.try_acquire()
    assert first.held()
    assert not second.try_acquire()
    assert not second.held()
    holder = second.holder()
    assert holder.split()[0] == str(os.getpid())
    assert f"on {os.uname().nodename} tagsmith one" in holder
    first.release()
    first.release()
    assert not first.held()
    assert second.holder() == ""
    assert second.try_acquire()


def test_the_server_takes_it_from_the_dead(locks: tuple[AdvisoryLock, AdvisoryLock], place: str) -> None:
    """A process that is killed holds it no longer, and nobody is named."""
    lock, _ = locks
    with python(HOLD, place) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        assert not lock.try_acquire()
        assert lock.holder().split()[0] == str(process.pid)
        assert "tagsmith line-7" in lock.holder()
        process.kill()
        process.communicate(timeout=50)
    deadline = time.monotonic() + 5
    while not lock.try_acquire():
        assert time.monotonic() < deadline
    assert lock.holder().split()[0] == str(os.getpid())


def test_a_lock_whose_connection_was_lost_is_not_held(locks: tuple[AdvisoryLock, AdvisoryLock], place: str) -> None:
    """Who lost the connection learns it, and that another may hold the lock now; it is taken anew like any other."""
    first, second = locks
    assert first.try_acquire()
    with superuser(place) as other:
        other.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory'")
    assert not first.held()
    assert second.try_acquire()
    assert not first.held()
    assert not first.try_acquire()
    second.release()
    assert first.try_acquire()


def test_a_lock_that_was_let_go_on_the_server_is_not_held(locks: tuple[AdvisoryLock, AdvisoryLock]) -> None:
    """`held` looks at the lock, not only whether somebody answers."""
    first, second = locks
    assert first.try_acquire()
    assert first._connection is not None
    first._connection.exec_driver_sql("SELECT pg_advisory_unlock_all()")
    assert not first.held()
    assert second.try_acquire()


def test_a_server_that_is_away_holds_nothing(locks: tuple[AdvisoryLock, AdvisoryLock]) -> None:
    """Without the server nobody holds the lock, and nobody can have it."""
    pg: Server = server()
    first, second = locks
    assert first.try_acquire()
    pg.stop()
    try:
        assert not first.held()
        for ask in (second.try_acquire, second.holder):
            with pytest.raises(JournalUnavailable, match="does not answer"):
                ask()
    finally:
        pg.start()
    assert second.try_acquire()


def test_release_waits_for_nobody(locks: tuple[AdvisoryLock, AdvisoryLock], monkeypatch: pytest.MonkeyPatch) -> None:
    """While another thread waits for the server's answer the lock is given up all the same, and free for others."""
    from sqlalchemy import text

    from tagsmith.journal import advisory

    first, second = locks
    assert first.try_acquire()
    with monkeypatch.context() as slow:
        slow.setattr(advisory, "_HOLDER", text("SELECT true FROM pg_sleep(30)"))
        answers: list[bool] = []
        asking = threading.Thread(target=lambda: answers.append(first.held()))
        asking.start()
        while not first._asking.locked():
            time.sleep(0.001)
        # It may be on its way to the server still; either way it must end.
        started = time.monotonic()
        first.release()
        asking.join(10)
    assert answers == [False]
    assert time.monotonic() - started < 5
    # The server notices a closed line only when it next speaks to it.
    with superuser_of(first) as other:
        other.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)'")
    assert second.try_acquire()


def superuser_of(lock: AdvisoryLock) -> psycopg.Connection[tuple[object, ...]]:
    """A connection to the lock's database."""
    return server().connection(str(lock._engine.url.database))


# --- whole stations --------------------------------------------------------------------------------------------------


def station(folder: Path, api: str, url: str, number: int) -> Headless:
    """A station with a journal on the server, on whose reader lies the key of this number."""
    scenario = folder / f"{number}.toml"
    scenario.write_text(f'[[step]]\nput = "{key(number)}"\n', encoding="utf-8")
    env = environment(folder, api, TAGSMITH_JOURNAL__URL=url, TAGSMITH_STATION__NAME=f"line-{number}")
    return Headless("--reader", f"sim:{scenario}", env=env)


def key(number: int) -> str:
    return f"04{number:010x}80"


@pytest.mark.long
@pytest.mark.timeout(120)
def test_another_station_delivers_when_one_is_killed(place: str, tmp_path: Path) -> None:
    """Two stations pair into one journal and one delivers for both; when it is killed the other goes on.

    A third is told that the first one's key is known already.
    """
    with WireServer(key="test-key") as api, contextlib.ExitStack() as stack:
        first = stack.enter_context(station(tmp_path, api.url, place, 1))
        first.expect("tapped")
        first.send("N-1")
        assert first.expect("delivered")["state"] == "reserved"
        second = stack.enter_context(station(tmp_path, api.url, place, 2))
        second.expect("tapped")
        second.send("N-2")
        second.expect("paired")
        assert second.expect("delivered")["state"] == "reserved"  # by the first; killed before, it left a doubt
        deadline = time.monotonic() + 20
        first.kill()
        third = stack.enter_context(station(tmp_path, api.url, place, 3))
        third.expect("tapped")
        third.send("N-1")
        assert third.expect("rejected")["reason"] == "duplicate-number"
        fourth = stack.enter_context(station(tmp_path, api.url, place, 4))
        fourth.expect("tapped")
        fourth.send("N-4")
        fourth.expect("paired")
        while len(api.committed) < 3:
            assert time.monotonic() < deadline + 20
            time.sleep(0.05)
        assert set(api.committed.values()) == {1}
        for one in (second, third, fourth):
            one.end_input()
            assert one.wait() == 0
    with opened(place) as journal:
        assert journal.verify().problems == ()
        assert {record.state for record in journal.records()} == {State.RESERVED}
        assert {record.entry.station for record in journal.records()} == {"line-1", "line-2", "line-4"}
