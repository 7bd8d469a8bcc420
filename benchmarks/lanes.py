"""Eight PC/SC lanes tapped at once against one lane alone: nothing is lost, nobody waits for his neighbours.

    python benchmarks/lanes.py [--rounds 60] [--lanes 8] [--card-ms 10]

A process with one pump per lane, on a real pcscd with virtual readers that tell of every card at once. In turn, a key
is laid on one lane alone, and keys are laid on all lanes at the same moment. Time counts from the card's first contact
(the first byte that pcscd sends it) to the moment the tap reaches the core's side of the pump. A card takes --card-ms
to answer, as radio does: without it the figure would be how fast this program plays eight cards at once.

Exit code 1 if a tap was lost, or if the median with all lanes is above 1.5 times that of one.
"""

from __future__ import annotations

import argparse
import json
import queue
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from support.pcscd import EVENT, Card, Pcscd, Plan, Slot  # noqa: E402

WITHIN = 1.5
PATIENCE_S = 10.0
GAP_S = 0.2

_STATION = """
import os, sys, time
from tagsmith.readers import Pump, ReaderChanged, TagArrived, create

def sink_of(lane):
    def sink(edge):
        now = time.monotonic()
        if isinstance(edge, TagArrived):
            os.write(1, f"{lane} {edge.tag.uid.wire} {now}\\n".encode())
        elif isinstance(edge, ReaderChanged):
            os.write(1, f"{lane} {edge.status.state} {now}\\n".encode())
    return sink

pumps = [Pump(create("pcsc:" + name), sink_of(name.split()[1])) for name in sys.argv[1:]]
for pump in pumps:
    pump.start()
sys.stdin.read()
"""


class Station:
    """The process under test, and what it said."""

    def __init__(self, names: list[str], environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _STATION, *names],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._said: queue.SimpleQueue[tuple[str, str, float]] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        for _ in names:
            assert self.said()[1] == "ready"

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            lane, what, at = line.split()
            self._said.put((lane, what, float(at)))

    def said(self) -> tuple[str, str, float]:
        """The next line: lane, UID or state, monotonic time."""
        return self._said.get(timeout=PATIENCE_S)

    def end(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()


def uid_of(number: int) -> bytes:
    """A good UID that no other number has."""
    return bytes([0x04, 0x10, 0x20]) + number.to_bytes(3, "big") + b"\x80"


def tap(station: Station, slots: dict[str, Slot], first: int, card_s: float) -> tuple[list[float], int]:
    """Lay a key on each of these lanes at once; what each took in ms, and how many never came."""
    uids = {lane: uid_of(first + place) for place, lane in enumerate(slots)}
    together = threading.Barrier(len(slots))

    def lay(lane: str) -> None:
        together.wait()
        slots[lane].insert(Card(uid=uids[lane], delay_s=card_s))

    hands = [threading.Thread(target=lay, args=(lane,)) for lane in slots]
    for hand in hands:
        hand.start()
    taken, seen = [], set()
    try:
        while len(seen) < len(slots):
            lane, uid, at = station.said()
            if uids.get(lane, b"").hex() == uid:
                seen.add(lane)
                taken.append((at - slots[lane].first_contact) * 1000)
    except queue.Empty:
        pass
    for hand in hands:
        hand.join()
    for slot in slots.values():
        slot.remove()
    time.sleep(GAP_S)
    return taken, len(slots) - len(seen)


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--lanes", type=int, default=8)
    parser.add_argument("--card-ms", type=float, default=10.0, help="how long a card takes to answer (default 10)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    names = [f"Lane {place}" for place in range(1, options.lanes + 1)]
    alone: list[float] = []
    together: list[float] = []
    lost = 0
    with Pcscd([Plan(name, EVENT) for name in names]) as pcscd:
        slots = {name.split()[1]: pcscd.readers[place].slot for place, name in enumerate(names)}
        station = Station(names, pcscd.environment)
        try:
            for turn in range(options.rounds):
                one = str(turn % options.lanes + 1)
                for lanes, taken in (({one: slots[one]}, alone), (slots, together)):
                    times, missing = tap(
                        station, lanes, turn * 32 + (16 if taken is together else 0), options.card_ms / 1000
                    )
                    taken += times
                    lost += missing
        finally:
            station.end()
    ratio = statistics.median(together) / statistics.median(alone)
    good = not lost and ratio <= WITHIN
    result = {
        "ms": {
            "one lane": round(statistics.median(alone), 3),
            f"{options.lanes} lanes at once": round(statistics.median(together), 3),
        },
        "taps": len(alone) + len(together),
        "lost": lost,
        "ratio": round(ratio, 2),
        "good": good,
    }
    if options.json:
        print(json.dumps(result))
    else:
        for name, median in result["ms"].items():  # type: ignore[attr-defined]
            print(f"  {name:18} median {median:6.3f} ms")
        print(f"  ratio {result['ratio']} (within {WITHIN}), {lost} of {result['taps']} taps lost")
        print("good" if good else "MISSED")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
