"""A headless station on real wires: a PN532 and a serial reader as two lanes, scanners on lines of their own.

nfcpy and pyserial are the real ones, in a real `tagsmith run --headless`; the chip and the reader are emulated at the
other end of pseudo-terminals, which can be pulled out and put back in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.headless import Headless, entries, environment
from support.pn532 import Pn532, TypeA
from support.pty_line import PtyLine
from support.wire_server import WireServer

KEY = "test-key"
A, B, C, D = (f"04a1b2c3d4e5{end:02x}" for end in range(4))
CHIP, LINE = "1", "2"


class Bench:
    """Two readers on wires, a scanner for each lane and a free one."""

    def __init__(self, folder: Path, url: str) -> None:
        self.chip = Pn532(folder / "pn532")
        self.line = PtyLine(folder, "reader")
        self.wands = {name: PtyLine(folder, f"scanner-{name}") for name in (CHIP, LINE, "free")}
        specs = {name: f"serial:{wand.path}" for name, wand in self.wands.items()}
        self.env = environment(
            folder,
            url,
            TAGSMITH_READER=json.dumps(
                [{"spec": self.chip.spec}, {"spec": f"serial:{self.line.path}?frame=hex-line&length=7"}]
            ),
            TAGSMITH_SCANNER=json.dumps(
                [{"spec": specs[CHIP], "lane": CHIP}, {"spec": specs[LINE], "lane": LINE}, {"spec": specs["free"]}]
            ),
        )

    def tap(self, lane: str, uid: str) -> None:
        """Lay a key on a lane's reader, alone."""
        if lane == CHIP:
            self.chip.put(TypeA(bytes.fromhex(uid)))
        else:
            self.line.send(f"{uid}\r\n".encode())

    def scan(self, wand: str, text: str) -> None:
        """Scan a label with a scanner."""
        self.wands[wand].send(f"{text}\r\n".encode())

    def unplug(self, lane: str) -> None:
        """Pull a lane's reader out."""
        (self.chip if lane == CHIP else self.line).unplug()

    def plug(self, lane: str) -> None:
        """Put it back in."""
        (self.chip if lane == CHIP else self.line).plug()

    def close(self) -> None:
        """Take everything away."""
        for wire in (self.chip, self.line, *self.wands.values()):
            wire.unplug()


@pytest.fixture
def server() -> Iterator[WireServer]:
    """The API."""
    with WireServer(key=KEY) as running:
        yield running


@pytest.fixture
def bench(tmp_path: Path, server: WireServer) -> Iterator[Bench]:
    """The wires, and the environment of a station on them."""
    made = Bench(tmp_path, server.url)
    yield made
    made.close()


def ready(station: Headless) -> None:
    """Wait until the station, both readers and all scanners are ready."""
    station.expect("ready")
    by_now = [one for one in station.events if one["event"] == "scanner" and one["state"] == "ready"]
    for _ in range(3 - len(by_now)):
        station.expect("scanner", state="ready")
    assert all(one["state"] == "ready" for one in station.events if one["event"] == "reader")


def in_step(station: Headless, bench: Bench, wand: str) -> None:
    """Scan until the line is taken whole: nobody knows whether the first one after opening has lost its beginning."""
    while True:
        bench.scan(wand, "N-0")
        if station.expect("rejected")["reason"] != "scan-incomplete":
            return


def tapped(station: Headless, bench: Bench, lane: str, uid: str) -> None:
    """Tap a key until it is seen: the first line after opening may have lost its beginning, so it is not used."""
    for _ in range(10):
        bench.tap(lane, uid)
        try:
            station.expect("tapped", timeout_s=1.0, lane=lane, uid=uid)
        except AssertionError:
            continue
        return
    raise AssertionError(f"{uid} is not seen on lane {lane}")


def paired(station: Headless) -> dict[str, Any]:
    """The next pair, as lane, uid and number."""
    event = station.expect("paired")
    return {name: event[name] for name in ("lane", "uid", "visual_number")}


def pair(station: Headless, bench: Bench, lane: str, uid: str, number: str) -> dict[str, Any]:
    """Tap and scan until there is a pair: a station that stood still on a loaded machine drops what came meanwhile."""
    while True:
        tapped(station, bench, lane, uid)
        bench.scan(lane, number)
        outcome = station.expect_any("paired", "rejected")
        if outcome["event"] == "paired":
            return {name: outcome[name] for name in ("lane", "uid", "visual_number")}
        assert outcome["reason"] in ("no-tag", "stale-tap", "stalled"), outcome


def test_both_lanes_pair_and_survive_their_cables(bench: Bench) -> None:
    """Taps on each wire are paired on their lane by its own scanner; either reader pulled out and back goes on."""
    with Headless(env=bench.env) as station:
        ready(station)
        for lane in (CHIP, LINE):
            in_step(station, bench, lane)
        tapped(station, bench, LINE, A)
        tapped(station, bench, CHIP, B)
        bench.scan(CHIP, "N-1")
        assert paired(station) == {"lane": CHIP, "uid": B, "visual_number": "N-1"}
        bench.scan(LINE, "N-2")
        assert paired(station) == {"lane": LINE, "uid": A, "visual_number": "N-2"}
        for lane, uid, number in ((CHIP, C, "N-3"), (LINE, D, "N-4")):
            bench.unplug(lane)
            lost = station.expect("reader", lane=lane, state="lost")
            assert lost["remedy"]
            bench.plug(lane)
            station.expect("reader", lane=lane, state="ready")
            assert pair(station, bench, lane, uid, number) == {"lane": lane, "uid": uid, "visual_number": number}
        assert station.terminate() == 0
    found = {(entry["uid"], entry["visual_number"]) for entry in entries(bench.env)}
    assert found == {(B, "N-1"), (A, "N-2"), (C, "N-3"), (D, "N-4")}


def test_a_free_scanner_names_the_lane_first(bench: Bench) -> None:
    """Without the lane's barcode nothing is paired, however many lanes wait; with it that lane alone."""
    with Headless(env=bench.env) as station:
        ready(station)
        in_step(station, bench, "free")
        tapped(station, bench, CHIP, A)
        tapped(station, bench, LINE, B)
        bench.scan("free", "N-1")
        assert station.expect("rejected")["reason"] == "lane-first"
        bench.scan("free", "TAGSMITHLANEB")
        assert station.expect("command")["lane"] == LINE
        bench.scan("free", "N-2")
        assert paired(station) == {"lane": LINE, "uid": B, "visual_number": "N-2"}


def test_a_scanner_pulled_out_and_back(bench: Bench) -> None:
    """Half a number that the cable tore is never taken; the scanner goes on by itself when it is back."""
    with Headless(env=bench.env) as station:
        ready(station)
        in_step(station, bench, CHIP)
        bench.tap(CHIP, A)
        station.expect("tapped")
        bench.wands[CHIP].send(b"N-12")
        bench.wands[CHIP].unplug()
        assert station.expect("scanner", lane=CHIP, state="lost")["remedy"]
        bench.wands[CHIP].plug()
        station.expect("scanner", lane=CHIP, state="ready")
        bench.scan(CHIP, "34")
        assert station.expect("rejected")["reason"] == "scan-incomplete"
        bench.scan(CHIP, "N-1234")
        assert paired(station)["visual_number"] == "N-1234"


def test_two_keys_on_the_chip_s_antenna(bench: Bench) -> None:
    """nfcpy's chip sees both; nothing is paired until one lies there alone."""
    with Headless(env=bench.env) as station:
        ready(station)
        in_step(station, bench, CHIP)
        bench.chip.put(TypeA(bytes.fromhex(A)), TypeA(bytes.fromhex(B)))
        assert station.expect("rejected", lane=CHIP)["reason"] == "two-tags"
        bench.scan(CHIP, "N-1")
        assert station.expect("rejected", lane=CHIP)["reason"] == "no-tag"


def test_a_station_starts_without_its_readers(bench: Bench) -> None:
    """It says what is missing, and takes them when they come."""
    bench.unplug(CHIP)
    bench.unplug(LINE)
    with Headless(env=bench.env) as station:
        station.expect("ready")
        for lane in (CHIP, LINE):
            first = next(one for one in station.events if one["event"] == "reader" and one["lane"] == lane)
            assert first["state"] == "missing"
            bench.plug(lane)
            station.expect("reader", lane=lane, state="ready")
