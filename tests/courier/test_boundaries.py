"""Killed at every commit and send boundary, again and again: journal and server agree afterwards."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from courier.accounting import account
from courier.boundary_child import Job
from support.wire_server import (
    DROP_AFTER_COMMIT,
    DROP_BEFORE_COMMIT,
    HALF_BODY,
    RESET,
    Plan,
    WireServer,
    always,
    at_random,
    delay,
    status,
)
from tagsmith.journal import Journal
from tagsmith.model import LegState, State

KEY = "wire-key"
FINAL = {State.RESERVED, State.ACTIVE, State.UNKNOWN}
TROUBLE = (delay(0.003), DROP_AFTER_COMMIT, DROP_BEFORE_COMMIT, HALF_BODY, RESET, status(500), status(500, commit=True))

COMMITS = ("paired", *(f"{leg} {kind}" for leg in ("reservation", "activation") for kind in ("attempt", "settled")))
STAGES = ("before the first byte", "between head and body", "after the last byte", "answer arrived, not handed on")
EVERY = frozenset(
    [
        *(f"{side} the commit: {commit}" for side in ("before", "after") for commit in (*COMMITS, "take-over")),
        *(f"{leg}: {stage}" for leg in ("reservation", "activation") for stage in STAGES),
    ]
)
"""The boundaries that there must be; those of a look-up of the key list are added where one is made."""

Deaths = Counter[str]
"""How often a process died at each boundary."""


class Forge:
    """The process that forks the ones to be killed."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("boundary_child.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.passed: set[str] = set()
        """Every boundary that any process has passed."""
        self.paired: set[str] = set()
        """Every entry reported as paired on the journal last worked on."""

    def run(self, job: Job) -> str | None:
        """Have a process do this job; the boundary where it died, or None if it has delivered everything."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{job.line()}\n")
        self.process.stdin.flush()
        at, said = "", []
        for line in self.process.stdout:
            said.append(line)
            what, _, name = line.rstrip("\n").partition(" ")
            if what == "at":
                self.passed.add(at := name)
            elif what == "paired":
                self.paired.add(name)
            elif what == "ended":
                assert name in ("0", "-9"), said[-5:]
                return at if name == "-9" else None
        raise AssertionError(f"the forge ended after {said[-5:]}")


@contextmanager
def lit() -> Iterator[Forge]:
    """A forge that does not outlive the test."""
    forge = Forge()
    try:
        yield forge
    finally:
        forge.process.kill()
        forge.process.communicate()


@pytest.fixture
def forge() -> Iterator[Forge]:
    with lit() as made:
        yield made


def hammer(
    forge: Forge,
    path: Path,
    aims: Iterable[tuple[str, int]],
    *,
    entries: int,
    seed: int,
    duplicate: int,
    plan: Plan | None = None,
) -> Deaths:
    """Kill one process after the other on one journal, each at its aim, until nothing is left to send; then account.

    The one that comes through has said that nothing is left; nothing is delivered outside of the processes.
    """
    deaths: Deaths = Counter()
    forge.paired.clear()
    with WireServer(key=KEY, plan=plan or always(None), duplicate=duplicate) as server:
        journal_url = f"sqlite:///{path}"
        for where, count in aims:
            job = Job(journal_url, server.url, KEY, entries, count, where, seed + sum(deaths.values()))
            died_at = forge.run(job)
            if died_at is None:
                break
            deaths[died_at] += 1
        else:
            assert forge.run(Job(journal_url, server.url, KEY, entries, 0)) is None
        journal = Journal.open(journal_url, station="test")
        try:
            counts = account(journal, server)
            records = list(journal.records())
        finally:
            journal.close()
    wanted = {f"e{index}" for index in range(1, entries + 1)}
    assert forge.paired == wanted
    assert sorted(record.entry.id for record in records) == sorted(wanted), "lost, or there twice"
    assert set(counts) <= FINAL
    assert len(server.committed) == entries, "a pair never came"
    if duplicate == 201:
        assert {record.reservation.state for record in records} == {LegState.DONE}
    return deaths


def one_after_the_other() -> Iterator[tuple[str, int]]:
    """The first process dies at its first boundary, the next at its second, and so on."""
    return (("", count) for count in itertools.count(1))


def at_the_rare(names: Iterable[str]) -> Iterator[tuple[str, int]]:
    """At these, each where the ones before have left work for it.

    A death just before an activation is settled leaves it in doubt, so the next process looks at the user's key list; a
    death on the way to resolving it leaves the doubt as it was, so that every way there is walked in one round. What
    has no work left for it is never reached: the process that aims at it comes through, and the round is over.
    """
    rare = set(names)
    doubted = {name for name in rare if name.startswith("key list") or name.endswith("activation resolved")}
    final = doubted & {"after the commit: activation resolved"}
    yield from ((name, 1) for name in sorted(rare - doubted) if "activation" not in name)
    yield ("before the commit: activation settled", 1)
    for _ in range(3):
        yield from ((name, 1) for name in sorted(doubted - final))
    yield from ((name, 1) for name in sorted(final))
    yield from ((name, 1) for name in sorted(rare - doubted) if "activation" in name)


def told(deaths: Deaths) -> str:
    """How often each boundary was died at, as a table."""
    lines = [f"{count:5}  {name}" for name, count in sorted(deaths.items())]
    return "\n".join(["", *lines, f"{deaths.total():5}  kills at {len(deaths)} boundaries"])


def test_killed_at_one_boundary_after_the_other(forge: Forge, tmp_path: Path) -> None:
    """The n-th process on a journal dies at its n-th boundary: no pair is lost, none is falsely reserved or active."""
    aims = one_after_the_other()
    deaths = hammer(forge, tmp_path / "journal.db", aims, entries=2, seed=1, duplicate=409)
    assert deaths.total() >= 8, told(deaths)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_every_boundary_once(forge: Forge, tmp_path: Path) -> None:
    """One pair with a user, and one process killed: at each boundary there is, each on a journal of its own."""
    for seed, where in enumerate(sorted(EVERY)):
        path = tmp_path / f"{seed}.db"
        died = hammer(forge, path, [(where, 1)], entries=1, seed=seed, duplicate=(201, 400, 409)[seed % 3])
        assert died == {where: 1}


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_killed_three_hundred_times(forge: Forge, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At least 300 kills, at least ten at every boundary, half of the rounds with an API that goes wrong besides."""
    deaths: Deaths = Counter()
    for seed in range(80):
        rare = [name for name in sorted(EVERY | forge.passed) if deaths[name] < 10]
        if deaths.total() >= 300 and not rare:
            break
        aims = one_after_the_other() if seed < 10 or not rare else at_the_rare(rare)
        deaths += hammer(
            forge,
            tmp_path / f"{seed}.db",
            aims,
            entries=8,
            seed=seed,
            duplicate=(201, 400, 409)[seed % 3],
            plan=at_random(seed, 0.25, TROUBLE) if seed % 2 else None,
        )
    with capsys.disabled():
        print(told(deaths))
    assert deaths.total() >= 300
    assert {name: deaths[name] for name in EVERY | forge.passed if deaths[name] < 10} == {}
