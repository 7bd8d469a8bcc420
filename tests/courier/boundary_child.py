"""Processes that pair and deliver, and kill themselves at a boundary: `python boundary_child.py`.

Reads one job a line (JSON, the fields of `Job`) from standard input and forks a process for each, so that hundreds of
kills cost no start of Python. That process commits its entries while it delivers them, and passes a *boundary* just
before and just after every commit that records something, and at four places of every exchange with the API: before
the first byte of the request, between head and body, after the last byte, and when the whole answer has arrived and
nobody has seen it yet. At the one the job names it ends itself with SIGKILL.

Prints `at BOUNDARY` for each boundary passed, the last one being where it died, `paired ID` after each durable commit,
and `ended STATUS` when the process is gone: 0 nothing is left to send, 3 something is, -9 killed.

The boundaries are seen from the libraries below (SQLAlchemy's events, its dialects' commit, the trace of httpx's
transport), so that they are where they are whatever the code above does.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Engine, event
from sqlalchemy.engine.default import DefaultDialect

sys.path.insert(0, str(Path(__file__).parent.parent))

from courier.child import Impatient
from courier.fakes import entry
from tagsmith.courier import Courier
from tagsmith.drive import DriveClient
from tagsmith.journal import Journal
from tagsmith.journal import migrating as migrating  # imported by the first fork otherwise, and by every one anew
from tagsmith.journal.chain import Kind
from tagsmith.model import Entry

PATIENCE_S = 30.0
"""How long a process tries to deliver what is left."""
LIFETIME_S = 50
"""After this it is ended by the kernel, whatever holds it up."""

STAGES = {
    "http11.send_request_headers.started": "before the first byte",
    "http11.send_request_headers.complete": "between head and body",
    "http11.send_request_body.complete": "after the last byte",
    "http11.receive_response_body.complete": "answer arrived, not handed on",
}


@dataclass(frozen=True)
class Job:
    """What one process does, and where it dies: at the `count`-th boundary whose name contains `where`, 0 for never."""

    journal: str
    api: str
    key: str
    entries: int
    count: int
    where: str = ""
    seed: int = 0

    def line(self) -> str:
        return json.dumps(asdict(self))


def entry_for(api_url: str, index: int) -> Entry:
    """The entry of this index for this API; every second has a user."""
    return entry(index, target=api_url, user=f"user-{index}" if index % 2 else None)


def almost_midnight() -> datetime:
    """A calendar on which the next minute and the next day are always near."""
    return datetime(2031, 5, 6, 23, 59, 59, 950_000, tzinfo=UTC)


class Boundaries:
    """Counts boundaries as they are passed, on whatever thread, and dies at the one that is wanted."""

    def __init__(self, where: str, count: int) -> None:
        self._where = where
        self._left = count
        # Held while the process dies: nothing passes a boundary after that one.
        self._lock = threading.Lock()

    def reach(self, name: str) -> None:
        with self._lock:
            say(f"at {name}")
            if self._where in name and self._left > 0:
                self._left -= 1
                if not self._left:
                    os.kill(os.getpid(), signal.SIGKILL)


def say(line: str) -> None:
    """One line in one write: it is out when this returns."""
    os.write(1, f"{line}\n".encode())


# --- commits -----------------------------------------------------------------------------------------------------


def watch_commits(boundaries: Boundaries) -> None:
    """Have every commit that records an event pass two boundaries; what it records is read off the events."""
    recorded: list[str] = []

    @event.listens_for(Engine, "before_cursor_execute")
    def _seen(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool) -> None:
        if statement.startswith("INSERT INTO events"):
            values = list(parameters.values() if isinstance(parameters, dict) else parameters)
            kind = next(value for value in values if value in set(Kind))
            leg = next((leg for leg in ("reservation", "activation") if f'"{leg}_state"' in str(values)), "")
            recorded.append(f"{leg} {kind}" if leg and kind != Kind.PAIRED else kind)

    commit = DefaultDialect.do_commit

    def do_commit(self: DefaultDialect, connection: Any) -> None:
        # The last event names the commit: a stream's anchor may stand before it. A take-over interrupts many.
        name = recorded[-1] if recorded else ""
        if any(one.endswith(("took-over", "interrupted")) for one in recorded):
            name = "take-over"
        recorded.clear()
        if name:
            boundaries.reach(f"before the commit: {name}")
        commit(self, connection)
        if name:
            boundaries.reach(f"after the commit: {name}")

    DefaultDialect.do_commit = do_commit  # type: ignore[method-assign]


# --- requests ----------------------------------------------------------------------------------------------------


def watch_requests(boundaries: Boundaries) -> None:
    """Have every exchange pass a boundary at each of its stages."""
    handle = httpx.AsyncHTTPTransport.handle_async_request

    def trace_for(name: str) -> Callable[[str, Any], Awaitable[None]]:
        async def trace(stage: str, info: Any) -> None:
            if stage in STAGES:
                boundaries.reach(f"{name}: {STAGES[stage]}")

        return trace

    async def handle_async_request(self: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        request.extensions = {**request.extensions, "trace": trace_for(_name(request))}
        return await handle(self, request)

    httpx.AsyncHTTPTransport.handle_async_request = handle_async_request  # type: ignore[method-assign]


def _name(request: httpx.Request) -> str:
    if request.method == "GET":
        return "key list"
    return "activation" if request.url.path.endswith("/activate") else "reservation"


# --- the process -------------------------------------------------------------------------------------------------


async def deliver(job: Job) -> int:
    """Commit and deliver until nothing is left."""
    journal = Journal.open(job.journal, station="boundary")
    async with DriveClient(job.api, job.key, timeout_s=5.0) as drive:
        courier = Courier(
            journal,
            drive,
            job.api,
            hold_s=0.0,
            requests_per_minute=100_000,
            rng=Impatient(job.seed),
            utcnow=almost_midnight,
        )
        running = asyncio.create_task(courier.run())
        for index in range(1, job.entries + 1):
            committed = await journal.append(entry_for(job.api, index))
            say(f"paired {committed.record.entry.id}")
            courier.nudge(committed.record)
        pending = await courier.drain(PATIENCE_S)
        courier.request_stop()
        await running
    journal.close()
    if pending.waiting:
        say(f"left {pending.waiting} {pending.why}")
    return 3 if pending.waiting else 0


def main() -> None:
    """Do one job after another, each in a process of its own."""
    for line in sys.stdin:
        if child := os.fork():
            _, status = os.waitpid(child, 0)
            say(f"ended {os.waitstatus_to_exitcode(status)}")
        else:
            signal.alarm(LIFETIME_S)
            job = Job(**json.loads(line))
            boundaries = Boundaries(job.where, job.count)
            watch_commits(boundaries)
            watch_requests(boundaries)
            os._exit(asyncio.run(deliver(job)))


if __name__ == "__main__":
    main()
