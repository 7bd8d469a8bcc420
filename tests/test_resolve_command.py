"""`journal resolve` and `journal void --disable` as people use them, against the sandbox and a server of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cli import CommandLine
from support.journal import entry, laid
from support.seed_server import SeedServer
from tagsmith.drive import DriveClient, Reservation
from tagsmith.journal import Journal
from tagsmith.model import Entry, LegName, LegState, Record, Settlement, State
from tagsmith.sandbox import Sandbox

API_KEY = "s3cr3t-of-the-doubts"
RESERVATION, ACTIVATION = LegName.RESERVATION, LegName.ACTIVATION
PERHAPS = Settlement(LegState.UNKNOWN, status=409, message="perhaps reserved")


@pytest.fixture(params=["seed", "sandbox"])
def url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Each of the two servers in turn; the settings name it, and a journal of the test's own."""
    monkeypatch.setenv("TAGSMITH_API__KEY", API_KEY)
    monkeypatch.setenv("TAGSMITH_JOURNAL__URL", f"sqlite:///{tmp_path / 'journal.sqlite'}")
    server = request.getfixturevalue("a_" + request.param)
    monkeypatch.setenv("TAGSMITH_API__URL", server.url)
    return str(server.url)


@pytest.fixture
def a_seed() -> Iterator[SeedServer]:
    with SeedServer(key=API_KEY) as server:
        yield server


@pytest.fixture
def a_sandbox() -> Iterator[Sandbox]:
    with Sandbox(key=API_KEY) as server:
        yield server


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(monkeypatch, capsys)


def in_journal(tmp_path: Path, one: Entry, *settlements: tuple[LegName, Settlement]) -> None:
    """An entry, and what became of its attempts."""
    journal = Journal.open(laid(tmp_path / "journal.sqlite"), station="test")

    async def write() -> None:
        await journal.append(one)
        for leg, settlement in settlements:
            await journal.settle(one.id, leg, await journal.attempt(one.id, leg, ""), settlement)

    asyncio.run(write())
    journal.close()


def record(tmp_path: Path, one: Entry) -> Record:
    journal = Journal.open(laid(tmp_path / "journal.sqlite"), station="test")
    try:
        found = journal.look_up(one.id)
        assert found is not None
        assert journal.verify().problems == ()
        return found
    finally:
        journal.close()


def at_api(url: str, one: Entry, *, user: str | None = None) -> None:
    """The pair is reserved there, and perhaps activated."""

    async def ask() -> None:
        async with DriveClient(url, API_KEY) as drive:
            await drive.reserve(Reservation(uid=one.uid_api, visual_number=one.visual_number).body())
            if user is not None:
                await drive.activate(user, one.visual_number)

    asyncio.run(ask())


def test_all_doubts_are_looked_for_among_the_users_keys(url: str, run: CommandLine, tmp_path: Path) -> None:
    """Without a name every entry in doubt is looked for; what shows is settled, the rest is told with what to do."""
    shown, hidden, nobody = (
        entry(1, target=url, user_id="user-1"),
        entry(2, target=url, user_id="user-1"),
        entry(3, target=url),
    )
    for one in (shown, hidden, nobody):
        in_journal(tmp_path, one, (RESERVATION, PERHAPS))
    at_api(url, shown, user="user-1")
    done = run("journal", "resolve")
    assert done.code == 3, done.err
    assert record(tmp_path, shown).state is State.RESERVED
    assert [record(tmp_path, one).state for one in (hidden, nobody)] == [State.UNKNOWN] * 2
    assert "proves nothing" in done.out
    assert "say --user ID" in done.out


def test_an_activation_proves_it_after_a_question(url: str, run: CommandLine, tmp_path: Path) -> None:
    """Nothing is activated without a yes; with it, and a user, the doubt is over and the next look finds none."""
    one = entry(1, target=url)
    in_journal(tmp_path, one, (RESERVATION, PERHAPS))
    at_api(url, one)
    assert run("journal", "resolve", one.id, "--by-activation", "--user", "user-1").code == 1
    assert record(tmp_path, one).state is State.UNKNOWN
    done = run("journal", "resolve", one.id, "--by-activation", "--user", "user-1", "--yes")
    assert (done.code, "proved by its activation" in done.out) == (0, True), done.err
    assert record(tmp_path, one).state is State.ACTIVE
    assert "nothing is in doubt" in run("journal", "resolve").err


def test_a_proof_wants_a_user(url: str, run: CommandLine, tmp_path: Path) -> None:
    """Whom to activate it for is asked; and one is never settled both ways at once."""
    one = entry(1, target=url)
    in_journal(tmp_path, one, (RESERVATION, PERHAPS))
    wanting = run("journal", "resolve", one.id, "--by-activation", "--yes")
    assert (wanting.code, "--user" in wanting.err) == (1, True)
    both = run("journal", "resolve", one.id, "--by-activation", "--reserved", "--reason", "x")
    assert both.code == 2
    known = entry(2, target=url)
    in_journal(tmp_path, known, (RESERVATION, Settlement(LegState.DONE, status=201)))
    sure = run("journal", "resolve", known.id, "--reserved", "--reason", "x")
    assert (sure.code, "no doubt" in sure.err) == (1, True)


def test_what_is_void_is_disabled_there(url: str, run: CommandLine, tmp_path: Path) -> None:
    """An activated key is disabled at the API before it is declared void; one that was not has nothing to disable."""
    one, other = entry(1, target=url, user_id="user-1"), entry(2, target=url)
    done = Settlement(LegState.DONE, status=201)
    in_journal(tmp_path, one, (RESERVATION, done), (ACTIVATION, done))
    in_journal(tmp_path, other, (RESERVATION, done))
    at_api(url, one, user="user-1")
    assert run("journal", "void", one.id, "--reason", "wrong chip", "--disable").code == 1
    assert record(tmp_path, one).state is State.ACTIVE
    assert run("journal", "void", one.id, "--reason", "wrong chip", "--disable", "--yes").code == 0
    assert record(tmp_path, one).note == "wrong chip (disabled at the API)"
    (key,) = run("keys", "list", "--user", "user-1", "--json").json
    assert key["enabled"] is False
    assert "nothing to disable" in run("journal", "void", other.id, "--reason", "x", "--disable").err
