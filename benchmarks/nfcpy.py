"""An nfcpy reader: tap to UID against a bare `sense()` loop, and what it costs while nobody taps. One command, one run.

    python benchmarks/nfcpy.py [--taps 100] [--rounds 4] [--idle 15] [--minute] [--json]

Both programs run the real nfcpy on an emulated PN532 that takes 5 ms for each command, in turn, in rounds, so that
whatever else the machine does meets both. Time counts from the moment at which the card lies there to the moment at
which the whole line has come through the pipe. Keys are laid on at random moments of the reader's cycle.

Then the processor's share of a reader that has been idle for a minute; the minute is skipped unless `--minute`.

Exit code 1 if a tap was lost, or if a target (median within 1.3 times, less than 1 % of a processor) is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from support.pn532 import Pn532, TypeA  # noqa: E402
from tap_latency import Contestant, Lost, Run, uid_of  # noqa: E402

COMMAND_S = 0.005
GAP_S = 0.15
MEDIAN_WITHIN, IDLE_PERCENT = 1.3, 1.0

_BARE = """
import sys
import nfc.clf, nfc.clf.pn532, nfc.clf.transport
frontend = nfc.clf.ContactlessFrontend()
frontend.device = nfc.clf.pn532.init(nfc.clf.transport.TTY(sys.argv[1]))
target, last = nfc.clf.RemoteTarget("106A"), None
print("ready", file=sys.stderr, flush=True)
while True:
    found = frontend.sense(target)
    uid = found and found.sdd_res.hex()
    if uid and uid != last:
        print(uid, flush=True)
    last = uid
"""
_IDLE = """
import sys, time
from tagsmith.readers import Pump, create
import tagsmith.readers.nfcpy as backend
backend.ACTIVE_S = float(sys.argv[2])
Pump(create(sys.argv[1]), print).start()
time.sleep(3600)
"""


def measure(contestant: Contestant, chip: Pn532, numbers: range) -> None:
    """Lay keys one by one. The first ones only warm up."""
    run = Run(contestant, dict(os.environ))
    try:
        for number in numbers:
            uid = uid_of(number)
            laid = chip.put(TypeA(uid))
            got, at = run.uid()
            if got != uid.hex():
                raise Lost
            if number - numbers.start >= 2:
                contestant.taken_ms.append((at - laid) * 1000)
            chip.put()
            time.sleep(GAP_S + random.random() / 20)
    finally:
        run.end()


def idle_percent(chip: Pn532, seconds: float, *, minute: bool) -> float:
    """The share of one processor that a reader takes after its idle minute."""
    command = [sys.executable, "-c", _IDLE, chip.spec, "60" if minute else "0"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        time.sleep(65.0 if minute else 3.0)
        before, started = _cpu_s(process.pid), time.monotonic()
        time.sleep(seconds)
        return 100 * (_cpu_s(process.pid) - before) / (time.monotonic() - started)
    finally:
        process.terminate()
        process.wait()


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--taps", type=int, default=100, help="taps per program (default 100)")
    parser.add_argument("--rounds", type=int, default=4, help="how often the programs take turns")
    parser.add_argument("--idle", type=float, default=15.0, help="seconds over which idling is measured")
    parser.add_argument("--minute", action="store_true", help="wait for the idle minute instead of skipping it")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    bare = Contestant("bare sense()", [])
    ours = Contestant("tagsmith read", [])
    lost = number = 0
    per_round = -(-options.taps // options.rounds) + 2
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(options.rounds):
            for contestant in (bare, ours):
                with Pn532(Path(folder) / "pn532", command_s=COMMAND_S) as chip:
                    bare.command = [sys.executable, "-c", _BARE, str(chip.node)]
                    ours.command = [sys.executable, "-m", "tagsmith", "read", "--reader", chip.spec]
                    try:
                        measure(contestant, chip, range(number, number + per_round))
                    except Lost:
                        lost += 1
                    number += per_round
        with Pn532(Path(folder) / "pn532", command_s=COMMAND_S) as chip:
            idle = idle_percent(chip, options.idle, minute=options.minute)
    ratio = ours.quantile(50) / bare.quantile(50)
    good = not lost and ratio <= MEDIAN_WITHIN and idle < IDLE_PERCENT
    result = {
        "ms": {
            each.name: {f"p{percent}": round(each.quantile(percent), 1) for percent in (50, 95, 99)}
            | {"taps": len(each.taken_ms)}
            for each in (bare, ours)
        },
        "ratio": round(ratio, 2),
        "idle_percent": round(idle, 2),
        "lost": lost,
        "good": good,
    }
    if options.json:
        print(json.dumps(result))
        return 0 if good else 1
    print("card laid on to UID on stdout, ms (PN532 with 5 ms per command)")
    for each in (bare, ours):
        p50, p95, p99 = (each.quantile(percent) for percent in (50, 95, 99))
        print(f"  {each.name:14} median {p50:5.1f}  p95 {p95:5.1f}  p99 {p99:5.1f}  ({len(each.taken_ms)} taps)")
    print(f"  ratio of medians: {ratio:.2f} (within {MEDIAN_WITHIN}); lost: {lost}")
    print(f"idle after a minute: {idle:.2f} % of a processor (under {IDLE_PERCENT:g})")
    print("good" if good else "MISSED")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
