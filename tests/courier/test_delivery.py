"""The courier with the real journal and the real client, against an API that goes wrong in raw bytes."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest

from courier.accounting import account
from courier.child import Impatient, almost_a_minute, entry_for
from support.journal import laid
from support.wire_server import (
    DROP_AFTER_COMMIT,
    DROP_BEFORE_COMMIT,
    EVERYTHING,
    GARBAGE,
    GARBAGE_AFTER_COMMIT,
    HALF_BODY,
    HALF_HEAD,
    HANG,
    HANG_AFTER_COMMIT,
    PORTAL,
    RESET,
    Fault,
    Kind,
    Plan,
    Request,
    WireServer,
    always,
    at_random,
    delay,
    drip,
    garbage_body,
    in_turn,
    redirect,
    status,
)
from tagsmith.courier import Courier, Pending
from tagsmith.drive import DriveClient
from tagsmith.journal import Journal
from tagsmith.model import Delivery, DeliveryView, LegState, Record, State

KEY = "wire-key"
ENTRIES = 12

FAULTS = {
    "429": status(429),
    "429 with Retry-After": status(429, retry_after="0"),
    "500": status(500),
    "500 after the commit": status(500, commit=True),
    "503 in HTML": status(503, b"<html>busy</html>"),
    "hang": HANG,
    "hang after the commit": HANG_AFTER_COMMIT,
    "reset": RESET,
    "drop": DROP_BEFORE_COMMIT,
    "drop after the commit": DROP_AFTER_COMMIT,
    "half a body": HALF_BODY,
    "half a head": HALF_HEAD,
    "no HTTP": GARBAGE,
    "no HTTP after the commit": GARBAGE_AFTER_COMMIT,
    "garbage in the body": garbage_body(),
    "garbage, nothing done": garbage_body(commit=False),
    "drip": drip(0.01),
    "portal": PORTAL,
    "redirect": redirect("http://127.0.0.1:9/"),
}


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal.open(laid(tmp_path / "journal.db"), station="test")
    yield opened
    opened.close()


async def commit(journal: Journal, url: str, count: int) -> None:
    for index in range(1, count + 1):
        await journal.append(entry_for(url, index))


PATIENT_S = 10.0
"""A request's time limit that a busy machine does not reach."""
IMPATIENT_S = 1.0
"""One for faults that only a time limit ends."""


async def deliver(
    journal: Journal,
    url: str,
    *,
    key: str = KEY,
    timeout_s: float | None = 50.0,
    request_s: float = PATIENT_S,
    **settings: Any,
) -> tuple[Pending, DeliveryView]:
    """Deliver until nothing is left; what is left, and the last view."""
    async with DriveClient(url, key, timeout_s=request_s) as drive:
        settings = {"hold_s": 0.0, "requests_per_minute": 100_000, **settings}
        courier = Courier(journal, drive, url, rng=Impatient(), utcnow=almost_a_minute, **settings)
        return await courier.run_until_drained(timeout_s), courier.view


# --- one fault, all ways -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("duplicate", [201, 409])
@pytest.mark.parametrize("name", FAULTS)
async def test_no_fault_loses_an_entry_or_makes_a_false_one(journal: Journal, name: str, duplicate: int) -> None:
    """The API goes wrong in this way a few times: everything ends reserved or, after a refusal, honestly unknown."""
    # The third 429 in a row means the day's limit, and pauses of minutes: that is not what is looked at here.
    times = 2 if name == "429" else 4
    with WireServer(key=KEY, plan=in_turn([FAULTS[name]] * times), duplicate=duplicate) as server:
        await commit(journal, server.url, ENTRIES)
        endless = FAULTS[name].kind in (Kind.HANG, Kind.DRIP)
        pending, view = await deliver(journal, server.url, request_s=IMPATIENT_S if endless else PATIENT_S)
        assert pending.waiting == 0
        counts = account(journal, server)
        assert sum(counts.values()) == ENTRIES
        unknown = counts.pop(State.UNKNOWN, 0)
        assert set(counts) <= {State.RESERVED, State.ACTIVE}
        assert view.unknown == unknown
        committed_unseen = FAULTS[name].commit and duplicate != 201
        assert (unknown > 0) == committed_unseen
        assert len(server.committed) == ENTRIES


async def test_everything_at_once(journal: Journal) -> None:
    """A third of all requests goes wrong in some way: nothing is lost, nothing falsely reserved or active."""
    with WireServer(key=KEY, plan=at_random(7, 0.3, EVERYTHING), duplicate=400) as server:
        await commit(journal, server.url, 60)
        pending, _ = await deliver(journal, server.url)
        assert pending.waiting == 0
        counts = account(journal, server)
        assert set(counts) <= {State.RESERVED, State.ACTIVE, State.UNKNOWN}
        assert sum(counts.values()) == 60


async def test_nobody_listens(journal: Journal) -> None:
    """With no server there at all entries are queued, proved not sent; later everything goes out."""
    server = WireServer(key=KEY)
    server.start()
    server.stop()
    url = server.url
    await commit(journal, url, ENTRIES)
    pending, view = await deliver(journal, url, timeout_s=None)
    assert (pending.waiting, pending.sendable) == (ENTRIES, False)
    assert "cannot be reached" in pending.why
    assert (view.reserved, view.unknown) == (0, 0)
    assert {record.state for record in journal.records()} <= {State.HELD, State.QUEUED}
    with WireServer(key=KEY, port=server.port) as back:
        assert (await deliver(journal, url))[0].waiting == 0
        assert account(journal, back) == {State.RESERVED: 8, State.ACTIVE: 4}


async def test_the_key_is_wrong(journal: Journal) -> None:
    """A key that the API turns away stops delivery with an alarm; everything is still there for the right one."""
    with WireServer(key=KEY) as server:
        await commit(journal, server.url, ENTRIES)
        pending, view = await deliver(journal, server.url, key="another-key")
        assert (pending.waiting, pending.sendable) == (ENTRIES, False)
        assert view.delivery is Delivery.STOPPED
        assert "401" in view.alarm
        assert "another-key" not in view.alarm + view.message
        assert len(server.requests) <= 4
        assert {record.state for record in journal.records()} <= {State.HELD, State.QUEUED}
        assert (await deliver(journal, server.url))[0].waiting == 0
        assert account(journal, server) == {State.RESERVED: 8, State.ACTIVE: 4}


async def test_another_key_is_activated(journal: Journal) -> None:
    """An activation that answers with another key's id is an alarm, and that leg's outcome is for a person."""
    other = {
        "enabled": True,
        "keyId": "deadbeef",
        "contractId": "DE-8PS-CDEADBEEF-X",
        "type": "tag",
        **dict.fromkeys(("validFrom", "validTo", "created", "updated"), "2031-12-08T23:59:59.000Z"),
    }
    swapped = garbage_body(json.dumps(other).encode())
    faults = iter([swapped])

    def plan(request: Request) -> Fault | None:
        return next(faults, None) if request.target.endswith("/activate") else None

    with WireServer(key=KEY, plan=plan) as server:
        await commit(journal, server.url, ENTRIES)
        pending, view = await deliver(journal, server.url)
        assert pending.waiting == 0
        assert "deadbeef" in view.alarm
        assert account(journal, server) == {State.RESERVED: 8, State.ACTIVE: 3, State.UNKNOWN: 1}
        (wrong,) = (record for record in journal.records() if record.state is State.UNKNOWN)
        assert wrong.contract_id is None
        assert "deadbeef" in wrong.activation.message


async def test_what_is_held_back_stays_at_home(journal: Journal) -> None:
    """Not one connection is made while there is a reason to hold back."""
    with WireServer(key=KEY) as server:
        await commit(journal, server.url, ENTRIES)
        pending, view = await deliver(journal, server.url, hold_back="byte order not confirmed")
        assert (pending.waiting, pending.why) == (ENTRIES, "byte order not confirmed")
        assert view.delivery is Delivery.HELD_BACK
        assert server.connections == 0
        assert {record.state for record in journal.records()} == {State.HELD}


async def test_entries_for_another_api_stay_at_home(journal: Journal) -> None:
    """An entry is sent only to the API it was made for."""
    with WireServer(key=KEY) as server:
        await commit(journal, server.url, 3)
        await journal.append(entry_for("http://127.0.0.1:9/production", 50))
        assert (await deliver(journal, server.url))[0].waiting == 0
        assert len(server.committed) == 3
        foreign = await journal.get("e50")
        assert foreign is not None
        assert foreign.state is State.HELD


async def test_undone_in_its_window(journal: Journal) -> None:
    """What is taken back before its window has passed never reaches the API."""
    with WireServer(key=KEY) as server:
        await commit(journal, server.url, 3)
        async with DriveClient(server.url, KEY) as drive:
            courier = Courier(journal, drive, server.url, hold_s=1.0)
            running = asyncio.create_task(courier.run())
            await journal.undo("e2")
            assert (await courier.drain(30.0)).waiting == 0
            courier.request_stop()
            await running
        assert {number for _, number in server.committed} == {"N-00001", "N-00003"}
        assert account(journal, server) == {State.RESERVED: 1, State.ACTIVE: 1, State.UNDONE: 1}


async def test_a_stop_while_the_api_hangs(journal: Journal) -> None:
    """The grace passes, run returns, and what hangs is neither proved nor denied: the next start asks again."""
    with WireServer(key=KEY, plan=in_turn([HANG_AFTER_COMMIT] * 4), duplicate=201) as server:
        await commit(journal, server.url, 4)
        async with DriveClient(server.url, KEY, timeout_s=30.0) as drive:
            courier = Courier(journal, drive, server.url, hold_s=0.0)
            running = asyncio.create_task(courier.run())
            while len(server.committed) < 4:  # noqa: ASYNC110 - another thread's count has no event
                await asyncio.sleep(0.01)
            courier.request_stop(0.1)
            await running
        assert {record.reservation.state for record in journal.records()} == {LegState.SENDING}
        assert (await deliver(journal, server.url))[0].waiting == 0
        assert account(journal, server) == {State.RESERVED: 3, State.ACTIVE: 1}


# --- processes ---------------------------------------------------------------------------------------------------


class Child:
    """A delivering process, and the lines it prints."""

    def __init__(self, journal_url: str, api_url: str, first: int, last: int) -> None:
        command = [sys.executable, str(Path(__file__).with_name("child.py"))]
        self.process = subprocess.Popen(
            [*command, journal_url, api_url, KEY, str(first), str(last)], stdout=subprocess.PIPE, text=True
        )
        self.said: list[str] = []
        self._lines: Queue[str | None] = Queue()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def until(self, wanted: Callable[[str], bool], count: int = 1) -> str:
        """Read until so many lines are as wanted; the last of them."""
        while True:
            try:
                # Longer than a clock minute: an answer 429 is heeded.
                line = self._lines.get(timeout=120.0)
            except Empty:
                raise AssertionError(f"the child says no more after {self.said[-5:]}") from None
            if line is None:
                self._lines.put(None)
                raise AssertionError(f"the child ended after {self.said[-5:]}")
            self.said.append(line)
            count -= wanted(line)
            if count <= 0:
                return line

    def kill(self) -> list[str]:
        """kill -9; everything it ever said."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)
        self._thread.join(10)
        while (line := self._lines.get_nowait()) is not None:
            self.said.append(line)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return self.said


@contextmanager
def child(journal_url: str, api_url: str, first: int, last: int) -> Iterator[Child]:
    """A child that does not outlive the test."""
    process = Child(journal_url, api_url, first, last)
    try:
        yield process
    finally:
        if process.process.poll() is None:
            process.kill()


def test_the_second_process_stands_by_and_takes_over(journal: Journal) -> None:
    """While one process delivers the other names it; after kill -9 of the first it goes on with what is left."""
    with (
        WireServer(key=KEY) as server,
        child(journal.url, server.url, 1, 5) as first,
    ):
        first.until(lambda line: line == "settled e5 reserved")
        with child(journal.url, server.url, 6, 10) as second:
            standing = second.until(lambda line: line.startswith("standing standby"))
            assert str(first.process.pid) in standing
            first.until(lambda line: line == "settled e10 reserved")
            server.plan = always(HANG)
            asyncio.run(_append(journal, server.url, 11))
            first.until(lambda line: "unknown" in line)
            first.kill()
            server.plan = always(None)
            second.until(lambda line: line == "standing active ")
            second.until(lambda line: line == "settled e11 reserved")
            assert not any(line.startswith("settled") for line in second.said[: second.said.index("standing active ")])
            # On a busy machine an activation was perhaps cut by its time limit, and is still asked for again.
            pause = threading.Event()
            while asyncio.run(journal.waiting(server.url)) and not pause.wait(0.05):
                pass
        assert account(journal, server) == {State.RESERVED: 8, State.ACTIVE: 3}
        assert sum(server.attempts.values()) == 11


async def _append(journal: Journal, url: str, index: int) -> Record:
    return (await journal.append(entry_for(url, index))).record


def _kill_again_and_again(journal: Journal, kills: int, *, seed: int, duplicate: int, plan: Plan) -> None:
    """Kill processes in the middle of 40 pairs each, then deliver the rest and hold journal and server together."""
    rng = random.Random(seed)
    reported: set[str] = set()
    with WireServer(key=KEY, plan=plan, duplicate=duplicate) as server:
        for number in range(kills):
            first = 1 + 40 * number
            with child(journal.url, server.url, first, first + 39) as process:
                # At the start, in the middle, or when all but the last is done: counted, not timed.
                process.until(lambda line: line.startswith(("paired", "settled")), count=rng.randrange(1, 75))
                said = process.kill()
            reported |= {line.split()[1] for line in said if line.startswith("paired")}
        server.plan = always(None)
        pending, _ = asyncio.run(deliver(journal, server.url))
        assert pending.waiting == 0
        counts = account(journal, server)
        assert set(counts) <= {State.RESERVED, State.ACTIVE, State.UNKNOWN}
        assert duplicate != 201 or State.UNKNOWN not in counts or _all_in_activation(journal)
        recorded = [record.entry.id for record in journal.records()]
        assert len(recorded) == len(set(recorded))
        assert reported <= set(recorded)
        assert len(reported) >= kills


def _all_in_activation(journal: Journal) -> bool:
    """Whether whatever is unknown is an activation: its repetition is answered with 409 in any case."""
    unknown = (record for record in journal.records() if record.state is State.UNKNOWN)
    return all(record.reservation.state is LegState.DONE for record in unknown)


@pytest.mark.parametrize("duplicate", [201, 409])
def test_kill_9_in_the_middle(journal: Journal, duplicate: int) -> None:
    """Every pair reported as paired is in the journal once, and at the server once or in the journal as unknown."""
    plan = at_random(duplicate, 0.3, [delay(0.01), delay(0.03), DROP_AFTER_COMMIT, status(500), RESET])
    _kill_again_and_again(journal, 3, seed=duplicate, duplicate=duplicate, plan=plan)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", [1, 2])
def test_kill_9_more_than_two_hundred_times(journal: Journal, seed: int) -> None:
    """The same with 110 kills each, and every fault there is."""
    plan = at_random(seed, 0.4, [*EVERYTHING, delay(0.01), delay(0.05), HANG_AFTER_COMMIT])
    _kill_again_and_again(journal, 110, seed=seed, duplicate=409, plan=plan)


async def test_what_waits_for_its_check_is_sent_when_it_has_passed(journal: Journal) -> None:
    """Not a request goes out for it before, and nobody waits for it; then it is delivered like any other."""
    with WireServer(key=KEY) as server:
        for index in (1, 2, 3):
            await journal.append(replace(entry_for(server.url, index), needs_check=index != 2))
        pending, view = await deliver(journal, server.url)
        assert (pending.waiting, view.waiting, view.reserved) == (0, 0, 1)
        assert len(server.requests) == 1
        ids = [record.entry.id for record in journal.records()]
        await journal.pass_check([ids[0]], "Ada")
        await deliver(journal, server.url)
        assert [record.state for record in journal.records()] == [State.RESERVED, State.RESERVED, State.HELD]
        await journal.undo(ids[2], "the check did not pass")
        assert journal.verify().ok
