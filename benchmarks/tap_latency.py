"""Tap to UID on standard output: `tagsmith read` against a C program that does nothing else. One command, one run.

    python benchmarks/tap_latency.py [--taps 200] [--streak 1000] [--polled]

Both programs run on the same real pcscd with the same virtual reader, in turn, in rounds, so that whatever else the
machine does meets both. Time counts from the card's first contact (the first byte that pcscd sends it) to the moment
the whole line has come through the pipe. `--polled` takes vpcd as it is, which pcscd polls every 400 ms (slow, the
same figures); otherwise pcscd is told of every card at once, as by a USB reader.

Then a streak: each card is replaced the moment its UID has been read, so that reading goes as fast as the reader can;
every UID must come out once, in order.

Printed as text for people, or with `--json` for programs. Exit code 1 if a tap was lost, or if the targets (median
within 1.5 times, p99 within 2 times) are missed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import selectors
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from support.pcscd import APT, EVENT, FOLDER, POLLED, Card, Pcscd, Plan, Slot  # noqa: E402

READER = "Virtual PICC"
GAP_S = 0.15
"""Between two taps: a quick hand, and longer than a bounce."""
MEDIAN_WITHIN, P99_WITHIN = 1.5, 2.0
_PATIENCE_S = 10.0
_UID = re.compile(rb"04[0-9a-f]{12}")


class Lost(Exception):
    """A tap that never came out."""


@dataclass
class Contestant:
    """A program under test: its name, its command, and what it took, in milliseconds."""

    name: str
    command: list[str]
    taken_ms: list[float] = field(default_factory=list)

    def quantile(self, percent: int) -> float:
        """A percentile of what it took."""
        return statistics.quantiles(self.taken_ms, n=100, method="inclusive")[percent - 1]


class Run:
    """A contestant that runs and is ready."""

    def __init__(self, contestant: Contestant, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            contestant.command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._out = self._process.stdout.fileno()
        self._rest = b""
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._out, selectors.EVENT_READ)
        said = b""
        while b"ready" not in said:
            line = self._process.stderr.readline()
            if not line:
                raise SystemExit(f"{contestant.name} did not start: {said.decode(errors='replace')}")
            said += line

    def uid(self) -> tuple[str, float]:
        """The next UID, and when its line was complete."""
        while b"\n" not in self._rest:
            if not self._selector.select(_PATIENCE_S):
                raise Lost
            self._rest += os.read(self._out, 65536)
        now = time.monotonic()
        line, _, self._rest = self._rest.partition(b"\n")
        found = _UID.search(line)
        if found is None:
            raise SystemExit(f"no UID in {line!r}")
        return found.group().decode(), now

    def drain(self) -> None:
        """Take what has been printed so far: a full pipe would hold the program up."""
        while self._selector.select(0):
            piece = os.read(self._out, 65536)
            if not piece:
                return
            self._rest += piece

    def end(self) -> None:
        """End the program."""
        self._process.terminate()
        self._process.communicate()


def uid_of(number: int) -> bytes:
    """A good UID that no other number has."""
    return bytes([0x04, 0x10, 0x20]) + number.to_bytes(3, "big") + b"\x80"


def measure(contestant: Contestant, slot: Slot, environment: dict[str, str], numbers: range) -> None:
    """Lay keys one by one. The first ones only warm up."""
    run = Run(contestant, environment)
    try:
        for number in numbers:
            uid = uid_of(number)
            slot.insert(Card(uid=uid))
            got, at = run.uid()
            if got != uid.hex():
                raise Lost
            if number - numbers.start >= 2:
                contestant.taken_ms.append((at - slot.first_contact) * 1000)
            slot.remove()
            time.sleep(GAP_S + number % 7 / 1000)
    finally:
        run.end()
        slot.remove()


def streak(contestant: Contestant, slot: Slot, environment: dict[str, str], taps: int) -> tuple[int, float]:
    """Lay keys as fast as the reader reads them. Returns how many were lost, and keys per second."""
    run = Run(contestant, environment)
    uids = [uid_of(0x800000 + number) for number in range(taps)]
    started = time.monotonic()
    try:
        for uid in uids:
            before = slot.answers
            slot.insert(Card(uid=uid))
            slot.wait_answer(before + 1)
            run.drain()
        seconds = time.monotonic() - started
        got = []
        try:
            while len(got) < taps:
                got.append(run.uid()[0])
        except Lost:
            pass
    finally:
        run.end()
        slot.remove()
    return taps - sum(1 for uid in uids if uid.hex() in got) + (len(got) - len(set(got))), taps / seconds


def build_baseline() -> str:
    """The compiled C program."""
    target = FOLDER / "tap_baseline"
    source = str(HERE / "tap_baseline.c")
    command = ["gcc", "-O2", "-Wall", "-o", str(target), source, "-I/usr/include/PCSC", "-lpcsclite"]
    build = subprocess.run(command, capture_output=True, text=True, check=False)
    if build.returncode:
        raise SystemExit(f"{source} does not compile ({APT}):\n{build.stderr}")
    return str(target)


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--taps", type=int, default=200, help="taps per program (default 200)")
    parser.add_argument("--streak", type=int, default=1000, help="taps without a pause (default 1000, 0 for none)")
    parser.add_argument("--rounds", type=int, default=5, help="how often the programs take turns")
    parser.add_argument("--polled", action="store_true", help="vpcd as it is, polled every 400 ms")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--command", nargs=argparse.REMAINDER, help="measure this instead of `tagsmith read --reader pcsc:`"
    )
    options = parser.parse_args()
    tagsmith = options.command or [sys.executable, "-m", "tagsmith", "read", "--reader", f"pcsc:{READER}"]
    c_program = Contestant("C program", [build_baseline(), READER])
    ours = Contestant("tagsmith read", tagsmith)
    per_round = -(-options.taps // options.rounds) + 2
    lost = 0
    with Pcscd([Plan(READER, POLLED if options.polled else EVENT)]) as pcscd:
        slot = pcscd.readers[0].slot
        number = 0
        for _ in range(options.rounds):
            for contestant in (c_program, ours):
                try:
                    measure(contestant, slot, pcscd.environment, range(number, number + per_round))
                except Lost:
                    lost += 1
                number += per_round
        streak_lost, rate = streak(ours, slot, pcscd.environment, options.streak) if options.streak else (0, 0.0)
    median = ours.quantile(50) / c_program.quantile(50)
    p99 = ours.quantile(99) / c_program.quantile(99)
    good = not lost and not streak_lost and median <= MEDIAN_WITHIN and p99 <= P99_WITHIN
    result = {
        "driver": POLLED if options.polled else EVENT,
        "ms": {
            each.name: {f"p{percent}": round(each.quantile(percent), 3) for percent in (50, 95, 99)}
            | {"taps": len(each.taken_ms)}
            for each in (c_program, ours)
        },
        "ratio": {"median": round(median, 2), "p99": round(p99, 2)},
        "lost": lost,
        "streak": {"taps": options.streak, "lost": streak_lost, "per_second": round(rate, 1)},
        "good": good,
    }
    if options.json:
        print(json.dumps(result))
    else:
        report(result)
    return 0 if good else 1


def report(result: dict[str, object]) -> None:
    """The figures for people."""
    figures, ratio, run = result["ms"], result["ratio"], result["streak"]
    assert isinstance(figures, dict)
    assert isinstance(ratio, dict)
    assert isinstance(run, dict)
    print(f"first contact to UID on stdout, ms ({result['driver']} driver)")
    for name, values in figures.items():
        print(f"  {name:14} median {values['p50']:6.3f}  p95 {values['p95']:6.3f}  p99 {values['p99']:6.3f}", end="")
        print(f"  ({values['taps']} taps)")
    print(f"  ratio: median {ratio['median']} (within {MEDIAN_WITHIN}), p99 {ratio['p99']} (within {P99_WITHIN})")
    print(f"  lost: {result['lost']}")
    print(f"streak: {run['taps']} taps at {run['per_second']}/s, {run['lost']} lost")
    print("good" if result["good"] else "MISSED")


if __name__ == "__main__":
    sys.exit(main())
