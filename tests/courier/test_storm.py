"""Every fault there is, at random: two thousand pairs go through it, and journal and server agree afterwards."""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from courier.accounting import account
from courier.boundary_child import almost_midnight
from courier.child import Impatient
from courier.fakes import entry
from support.journal import laid
from support.wire_server import (
    DROP_AFTER_COMMIT,
    DROP_BEFORE_COMMIT,
    GARBAGE,
    GARBAGE_AFTER_COMMIT,
    HALF_BODY,
    HALF_HEAD,
    HANG,
    HANG_AFTER_COMMIT,
    PORTAL,
    RESET,
    Fault,
    Pair,
    Request,
    WireServer,
    delay,
    drip,
    garbage_body,
    redirect,
    status,
)
from tagsmith.courier import Courier
from tagsmith.drive import DriveClient
from tagsmith.journal import Journal
from tagsmith.model import Delivery, DeliveryView, LegState, Record, State

KEY = "wire-key"
REQUEST_S = 0.5
"""A request's time limit: what hangs costs so much."""

FAULTS: dict[str, tuple[int, Fault]] = {
    "latency": (8, delay(0.02)),
    "400": (2, status(400)),
    "401": (1, status(401)),
    "403": (1, status(403)),
    "404": (2, status(404)),
    "408": (4, status(408)),
    "409": (2, status(409)),
    "429": (3, status(429)),
    "429 with Retry-After": (3, status(429, retry_after="0")),
    "500": (6, status(500)),
    "500 after the commit": (6, status(500, commit=True)),
    "502 in HTML": (4, status(502, b"<html>bad gateway</html>")),
    "503": (4, status(503)),
    "504 after the commit": (4, status(504, commit=True)),
    "reset": (4, RESET),
    "cut before the commit": (6, DROP_BEFORE_COMMIT),
    "cut after the commit": (6, DROP_AFTER_COMMIT),
    "half a head": (4, HALF_HEAD),
    "half a body": (4, HALF_BODY),
    "no HTTP": (4, GARBAGE),
    "no HTTP after the commit": (4, GARBAGE_AFTER_COMMIT),
    "garbage in the body": (4, garbage_body()),
    "garbage, nothing done": (4, garbage_body(commit=False)),
    "drip": (1, drip(0.01)),
    "hang": (1, HANG),
    "hang after the commit": (1, HANG_AFTER_COMMIT),
    "redirect": (4, redirect("http://127.0.0.1:9/")),
    "portal": (4, PORTAL),
}
"""Each fault and how often it comes, in proportion."""

DUPLICATES = (201, 400, 409, 500)


class Storm:
    """What goes wrong, from one seed: the server's plan, its answers to duplicates, and when it is gone."""

    def __init__(self, seed: int, rate: float, outage_every: int) -> None:
        self._rng = random.Random(seed)
        self._rate = rate
        self._outage_every = outage_every
        self._names = list(FAULTS)
        self._weights = [weight for weight, _ in FAULTS.values()]
        self._requests = 0
        self.faults: Counter[str] = Counter()
        """How often each came."""
        self.outage = threading.Event()
        """Set when the server is to go away for a while."""

    def plan(self, request: Request) -> Fault | None:
        self._requests += 1
        if self._requests % self._outage_every == 0:
            self.outage.set()
        if self._rng.random() >= self._rate:
            return None
        (name,) = self._rng.choices(self._names, self._weights)
        self.faults[name] += 1
        return FAULTS[name][1]

    def duplicate(self, pair: Pair) -> int:
        answer = self._rng.choice(DUPLICATES)
        self.faults[f"duplicate {answer}"] += 1
        return answer


class Outages(threading.Thread):
    """Takes the server away when the storm says so, until somebody has found it gone."""

    def __init__(self, storm: Storm, server: WireServer, found_gone: threading.Event) -> None:
        super().__init__(name="outages", daemon=True)
        self._storm = storm
        self._server = server
        self._found_gone = found_gone
        self._over = threading.Event()

    def run(self) -> None:
        while self._storm.outage.wait() and not self._over.is_set():
            self._storm.outage.clear()
            self._server.stop()
            self._found_gone.clear()
            # When nothing was left to send just then, nobody comes.
            self._found_gone.wait(2.0)
            self._storm.faults["connection refused"] += 1
            self._server.start()

    def end(self) -> None:
        self._over.set()
        self._storm.outage.set()
        self.join(20)
        assert not self.is_alive()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal.open(laid(tmp_path / "journal.db"), station="test")
    yield opened
    opened.close()


async def weather(journal: Journal, url: str, listener: Callable[[Record | None, DeliveryView], None]) -> int:
    """Deliver until nothing is left; how many couriers it took: one follows each that a 401 or 403 has stopped."""
    for couriers in range(1, 500):
        async with DriveClient(url, KEY, timeout_s=REQUEST_S) as drive:
            courier = Courier(
                journal,
                drive,
                url,
                hold_s=0.0,
                requests_per_minute=100_000,
                listener=listener,
                rng=Impatient(couriers),
                utcnow=almost_midnight,
            )
            pending = await courier.run_until_drained(300.0)
        if not pending.waiting:
            return couriers
        assert courier.view.delivery is Delivery.STOPPED, pending.why
    raise AssertionError("it took too many couriers")


def told(title: str, counts: Counter[str]) -> str:
    """A table of counts."""
    return "\n".join(
        [f"\n{title}: {counts.total()}", *(f"{count:5}  {name}" for name, count in sorted(counts.items()))]
    )


async def go_through(journal: Journal, storm: Storm, pairs: int) -> str:
    """Send so many pairs through a storm and hold journal and server together; the report."""
    found_gone = threading.Event()

    def listener(record: Record | None, view: DeliveryView) -> None:
        if "cannot be reached" in view.message:
            found_gone.set()

    with WireServer(key=KEY, plan=storm.plan, duplicate=storm.duplicate) as server:
        for index in range(1, pairs + 1):
            user = f"user-{index % 97}" if index % 3 == 0 else None
            await journal.append(entry(index, target=server.url, user=user))
        outages = Outages(storm, server, found_gone)
        outages.start()
        try:
            couriers = await weather(journal, server.url, listener)
        finally:
            await asyncio.to_thread(outages.end)
        counts = account(journal, server)
        legs = Counter(
            f"{name} {leg.state}"
            for record in journal.records()
            for name, leg in (("reservation", record.reservation), ("activation", record.activation))
            if leg.state is not LegState.NONE
        )
    assert sum(counts.values()) == pairs
    assert set(counts) <= {State.RESERVED, State.ACTIVE, State.REFUSED, State.UNKNOWN}
    states = Counter({str(state): count for state, count in counts.items()})
    return "\n".join(
        [
            told("faults", storm.faults),
            f"\nrequests: {len(server.requests)}, couriers: {couriers}",
            told("pairs", states),
            told("legs", legs),
        ]
    )


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_every_fault_at_random(journal: Journal, capsys: pytest.CaptureFixture[str]) -> None:
    """2,000 pairs, a third of them with users, and four requests of ten go wrong: nothing is lost, nothing made up."""
    storm = Storm(seed=4, rate=0.4, outage_every=500)
    report = await go_through(journal, storm, 2000)
    with capsys.disabled():
        print(report)
    expected = {*FAULTS, *(f"duplicate {answer}" for answer in DUPLICATES), "connection refused"}
    assert storm.faults.keys() == expected
