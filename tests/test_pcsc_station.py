"""The headless station on a real pcscd with virtual cards: the whole line, pcscd's end and return, and kill -9."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.cli import called
from support.headless import Headless, entries, environment
from support.pcscd import EVENT, Card, Pcscd, Plan, Slot
from support.wire_server import DROP_AFTER_COMMIT, GARBAGE, WireServer, at_random, status

pytestmark = pytest.mark.pcsc

KEY = "test-key"
READER = "Virtual PICC"


@pytest.fixture
def pcscd() -> Iterator[Pcscd]:
    """A pcscd with one virtual reader."""
    with Pcscd([Plan(READER, driver=EVENT)]) as daemon:
        yield daemon


def card(number: int) -> Card:
    """The n-th good key."""
    return Card(bytes.fromhex(f"04{number:010x}80"))


def enroll(station: Headless, slot: Slot, number: int) -> dict[str, Any]:
    """Lay a key on, send its number, take it away; what became of it."""
    slot.insert(card(number))
    station.expect("tapped", uid=card(number).uid.hex())
    station.send(f"N-{number}")
    outcome = station.expect_any("paired", "rejected", visual_number=f"N-{number}")
    slot.remove()
    station.expect("removed")
    return outcome


def test_pcscd_killed_and_started_again(tmp_path: Path, pcscd: Pcscd) -> None:
    """Pairs go on by themselves after pcscd was killed in the middle; each stands at the server once."""
    with WireServer(key=KEY) as server:
        env = environment(tmp_path, server.url) | pcscd.environment
        with Headless("--reader", "pcsc:", env=env) as station:
            station.expect("ready")
            assert enroll(station, pcscd.reader(READER).slot, 1)["event"] == "paired"
            pcscd.kill()
            station.expect("reader", state="lost")
            pcscd.start()
            station.expect("reader", state="ready")
            assert enroll(station, pcscd.reader(READER).slot, 2)["event"] == "paired"
            station.end_input()
            assert station.wait() == 0
        assert sorted(server.committed.values()) == [1, 1]


def test_a_second_station_is_told_who_holds_the_reader(tmp_path: Path, pcscd: Pcscd) -> None:
    """One process per reader; the second one names the first, and takes the reader when the first has ended."""
    with WireServer(key=KEY) as server:
        env = environment(tmp_path, server.url) | pcscd.environment
        with Headless("--reader", "pcsc:", env=env) as first:
            first.expect("reader", state="ready")
            with Headless("--reader", "pcsc:", env=env) as second:
                busy = second.expect("reader", state="busy")
                assert str(first.pid) in busy["message"] + busy["remedy"]
                first.kill()
                second.expect("reader", state="ready")
                assert enroll(second, pcscd.reader(READER).slot, 1)["event"] == "paired"


def play_and_kill(
    folder: Path, pcscd: Pcscd, server: WireServer, *, pairs: int, kills: int, seed: int
) -> list[dict[str, Any]]:
    """Enroll keys with a station that is killed at random moments and started again; what it reported as paired."""
    rng = random.Random(seed)
    env = environment(folder, server.url, TAGSMITH_API__TIMEOUT_S="2", TAGSMITH_COURIER__DRAIN_S="90")
    slot = pcscd.reader(READER).slot
    kill_at = set(rng.sample(range(pairs - 1), kills))
    reported: list[dict[str, Any]] = []
    number = 0
    while number < pairs:
        with Headless("--reader", "pcsc:", env=env | pcscd.environment) as station:
            station.expect("ready")
            while number < pairs:
                if number in kill_at:
                    kill_at.remove(number)
                    slot.insert(card(number))
                    station.expect("tapped", uid=card(number).uid.hex())
                    station.send(f"N-{number}")
                    time.sleep(rng.random() * 0.02)  # the moment itself is what is tried
                    station.kill()
                    slot.remove()
                    break
                outcome = enroll(station, slot, number)
                assert outcome["event"] == "paired" or outcome["reason"] == "duplicate-uid", outcome
                number += 1
            else:
                station.end_input()
                assert station.wait(150) == 0
        reported += [event for event in station.events if event["event"] == "paired"]
    return reported


def agree(server: WireServer, env: dict[str, str], reported: list[dict[str, Any]], pairs: int) -> None:
    """Journal, server and what was reported as paired tell one story, and no pair is missing from it."""
    journal = {entry["entry"]: entry for entry in entries(env)}
    assert called("journal", "verify", env=env).returncode == 0
    assert sorted(entry["visual_number"] for entry in journal.values()) == sorted(f"N-{n}" for n in range(pairs))
    assert len({event["entry"] for event in reported}) == len(reported)
    for event in reported:
        entry = journal[event["entry"]]
        assert (entry["uid"], entry["visual_number"]) == (event["uid"], event["visual_number"])
    for entry in journal.values():
        times = server.committed[(entry["uid_api"], entry["visual_number"])]
        assert (entry["state"], times) in {("reserved", 1), ("unknown", 1), ("unknown", 0)}, (entry, times)
    assert not server.conflicts


def test_killed_again_and_again(tmp_path: Path, pcscd: Pcscd) -> None:
    """kill -9 while a pair is under way: what was reported stands once, or is unknown; nothing is lost."""
    with WireServer(key=KEY, plan=at_random(3, 0.1, [DROP_AFTER_COMMIT, status(500)])) as server:
        reported = play_and_kill(tmp_path, pcscd, server, pairs=10, kills=2, seed=1)
        agree(server, environment(tmp_path, server.url), reported, 10)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_killed_at_any_moment_of_500_pairs(tmp_path: Path, pcscd: Pcscd) -> None:
    """The same with 500 pairs and 100 kills, and a server that loses some answers."""
    with WireServer(key=KEY, plan=at_random(5, 0.05, [DROP_AFTER_COMMIT, status(500), GARBAGE])) as server:
        reported = play_and_kill(tmp_path, pcscd, server, pairs=500, kills=100, seed=2)
        assert len(reported) >= 400
        agree(server, environment(tmp_path, server.url), reported, 500)
