"""What holds for every key of a run (type and validity), and a lost key that is replaced: real processes, real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cli import CommandLine, called
from support.headless import Headless, entries, environment, tagsmith
from support.seed_server import KEY as SAMPLE
from support.seed_server import SeedServer
from tagsmith.wall_clock import WallClock, look

KEY = "test-key"
USER = ("--user", "user-1")
LIST = "/v1/users/user-1/charging-keys"
UID = "04a1b2c3d4e5f6"


def scenario(folder: Path, pause_s: float = 0.3) -> str:
    """A simulated reader on which one key is laid; its spec."""
    path = folder / "scenario.toml"
    path.write_text(f'[[step]]\npause_s = {pause_s}\n\n[[step]]\nput = "{UID}"\n', encoding="utf-8")
    return f"sim:{path}"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> CommandLine:
    """The command line, with a journal of its own that is not there yet, and an API that nobody serves."""
    for name, value in environment(tmp_path, "http://127.0.0.1:1").items():
        monkeypatch.setenv(name, value)
    return CommandLine(monkeypatch, capsys)


def test_type_and_validity_go_with_every_key(tmp_path: Path) -> None:
    """As flags, into the journal and onto the wire, in the API's form; a date is the station's own day."""
    terms = ("--type", "card", "--valid-from", "2031-01-01", "--valid-to", "2031-12-31")
    with SeedServer(key=KEY) as server:
        env = environment(tmp_path, server.url, TZ="Asia/Tokyo")
        with Headless("--reader", scenario(tmp_path), *USER, *terms, env=env) as station:
            station.expect("tapped")
            station.send("N-1")
            station.expect("delivered", state="active")
            station.end_input()
            assert station.wait() == 0
        [reservation] = [one for one in server.asked if one.target.endswith("/reservations")]
    assert json.loads(reservation.body) == {
        "uid": bytes.fromhex(UID)[::-1].hex(),
        "visualNumber": "N-1",
        "validFrom": "2030-12-31T15:00:00.000Z",
        "validTo": "2031-12-31T14:59:59.999Z",
        "type": "CARD",
    }
    [entry] = entries(env)
    assert (entry["user_id"], entry["state"]) == ("user-1", "active")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--valid-to", "2020-01-01"), "validTo 2020-01-01 is past"),
        (("--valid-from", "2032-01-01", "--valid-to", "2031-01-01"), "does not lie after validFrom"),
        (("--valid-from", "soon"), "neither a date nor"),
        (("--type", "ring"), "not one of"),
    ],
)
@pytest.mark.parametrize("command", [("run",), ("keys", "replace", "27b89043", "--yes")], ids=["run", "replace"])
def test_terms_that_make_no_key_are_refused_before_anything_starts(
    run: CommandLine, tmp_path: Path, command: tuple[str, ...], flags: tuple[str, ...], words: str
) -> None:
    """No journal is made, no reader opened, nobody asked."""
    done = run(*command, "--headless", "--reader", "sim:", *USER, *flags)
    assert done.code in (1, 2)
    assert words in done.err
    assert done.out == ""
    assert not (tmp_path / "journal.sqlite").exists()


def test_today_is_refused_where_nobody_keeps_the_clock(run: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """No key begins on a day that a machine without network made up."""
    monkeypatch.setattr("tagsmith.wall_clock.look", lambda: WallClock(look().now, synchronised=False))
    done = run("run", "--headless", "--reader", "sim:", "--valid-from", "today")
    assert (done.code, "what day it is nobody knows" in done.err, "timedatectl" in done.err) == (1, True, True)


# --- replacing a lost key ----------------------------------------------------------------------------------------


def changes(server: SeedServer) -> list[bytes]:
    return [one.body for one in server.asked if one.method == "PATCH"]


def test_a_lost_key_is_disabled_and_the_new_one_enrolled(tmp_path: Path) -> None:
    """In one command: the old one no longer works, the new one does, for the same user."""
    with SeedServer(key=KEY) as server:
        server.keys.append(dict(SAMPLE))
        env = environment(tmp_path, server.url)
        replace = ("27b89043", *USER, "--yes", "--headless", "--reader", scenario(tmp_path))
        with Headless(*replace, env=env, command=("keys", "replace")) as station:
            station.expect("tapped")
            station.send("N-2")
            station.expect("delivered", state="active")
            station.end_input()
            assert station.wait() == 0
        states = {key["keyId"]: key["enabled"] for key in server.keys if key["type"] == "tag"}
        assert states == {"27b89043": False, bytes.fromhex(UID)[::-1].hex(): True}
        assert "is disabled. Now the new one." in station.stderr
        assert changes(server) == [b'{"enabled":false}']
        # Again: what is disabled is left alone, and nothing is asked.
        again = tagsmith("keys", "replace", "27b89043", *USER, "--headless", "--reader", "sim:", env=env)
        assert again.returncode == 0, again.stderr
        assert "is disabled already" in again.stderr
        assert len(changes(server)) == 1


@pytest.fixture
def seed(run: CommandLine, monkeypatch: pytest.MonkeyPatch) -> Iterator[SeedServer]:
    """A server on which the sample key is active, as the command line has it."""
    with SeedServer(key=KEY) as server:
        server.keys.append(dict(SAMPLE))
        monkeypatch.setenv("TAGSMITH_API__URL", server.url)
        yield server


REPLACE = ("keys", "replace", "DE8PSC0CD0C002Q", *USER, "--headless", "--reader", "sim:")


def test_nothing_is_disabled_without_a_yes(seed: SeedServer, run: CommandLine) -> None:
    """The question names the key as people know it; no terminal and no --yes is a no."""
    done = run(*REPLACE)
    assert (done.code, "say --yes" in done.err) == (1, True)
    done = run(*REPLACE, typed=["n"])
    assert done.code == 1
    assert "Disable the key 27b89043, DE*8PS*CD0C00*2, key 4390b827 of user user-1 at once" in done.err
    assert changes(seed) == []


def test_a_key_that_is_not_there_or_has_no_chip_is_not_replaced(seed: SeedServer, run: CommandLine) -> None:
    """Another user's, a virtual one, a vehicle's."""
    seed.keys.append({**SAMPLE, "keyId": "DE-8PS-C0AD21B13-Q", "contractId": None, "type": "plug_and_charge"})
    for key, words in (
        ("00000000", "user user-1 has no key 00000000"),
        ("a1b2", "is a virtual key"),
        ("DE-8PS-C0AD21B13-Q", "is a plug_and_charge key"),
    ):
        done = run("keys", "replace", key, *USER, "--yes", "--headless", "--reader", "sim:")
        assert (done.code, words in done.err) == (1, True), done.err
    assert changes(seed) == []


@pytest.mark.parametrize(
    "broken", [("--reader", "nonsense:"), ("--reader", "sim:", "--scanner", "nonsense:"), ()], ids=["r", "s", "screen"]
)
def test_a_station_that_could_not_start_is_found_before_the_key_is_disabled(
    seed: SeedServer, run: CommandLine, broken: tuple[str, ...]
) -> None:
    """A wrong spec, or a screen without a terminal: the user keeps a key that works."""
    done = run("keys", "replace", "27b89043", *USER, "--yes", *(("--headless", *broken) if broken else ()))
    assert done.code == 1
    assert seed.asked == []


def test_a_station_that_fails_afterwards_says_where_things_stand(seed: SeedServer, tmp_path: Path) -> None:
    """The journal is none: the old key is disabled already, and the line to type is there."""
    (tmp_path / "journal.sqlite").write_bytes(b"this is no database, and it is long enough to be read as one" * 100)
    done = called(*REPLACE, "--yes", env=environment(tmp_path, seed.url))
    assert done.returncode == 1
    assert changes(seed) == [b'{"enabled":false}']
    assert "is disabled already; to enroll the new one: tagsmith run --user user-1" in done.stderr


def test_nobody_knows_whether_it_was_disabled(seed: SeedServer, run: CommandLine) -> None:
    """A lost answer starts no station: look first, and type it again."""
    seed.lose("PATCH", f"{LIST}/27b89043")
    done = run(*REPLACE, "--yes")
    assert (done.code, "tagsmith keys list --user user-1" in done.err) == (1, True)
    assert done.out == ""
