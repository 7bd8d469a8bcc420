"""Last byte to UID at 9600 baud: the `serial:` reader against a bare pyserial loop. One command, one run.

    python benchmarks/serial_line.py [--taps 100] [--rounds 4]

Each is a process of its own on the same pseudo-terminal, in turn, in rounds, so that whatever else the machine does
meets both. The sender gives the line the pace of 9600 baud, a byte every 1.04 ms; time counts from just before the last
byte is written to the moment at which the program has the whole line, or the field with its UID.

Printed as text for people, or with `--json` for programs. Exit code 1 if a UID was lost or wrong, or if the target (the
median within 2 ms) is missed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from support.pty_line import PtyLine  # noqa: E402

BYTE_S = 10 / 9600
"""A start bit, eight of data and a stop bit."""
GAP_S = 0.06
"""Between two taps: longer than the stay, so that each is an arrival."""
WITHIN_MS = 2.0
_PATIENCE_S = 10.0


def ours(path: str) -> None:
    """The `serial:` reader: prints each UID with the time at which `wait` gave it."""
    from tagsmith.model import Field
    from tagsmith.readers.serial import SerialReader

    reader = SerialReader(f"{path}?frame=hex-line&baud=9600&length=7&stay=0.05")
    reader.open()
    field = reader.wait(Field(), 0.3)
    print("ready", flush=True)
    while True:
        field = reader.wait(field, 2.0)
        now = time.monotonic()
        if field.tags:
            print(field.tags[0].uid.wire, now, flush=True)


def bare(path: str) -> None:
    """pyserial and nothing else: prints each line with the time at which it was whole."""
    import serial

    port = serial.serial_for_url(path, baudrate=9600, timeout=2.0, exclusive=True)
    print("ready", flush=True)
    line = b""
    while True:
        line += port.read(1)
        line += port.read(port.in_waiting)
        if line.endswith(b"\r"):
            now = time.monotonic()
            print(line.strip().decode(), now, flush=True)
            line = b""


def uid_of(number: int) -> str:
    """A good UID that no other number has."""
    return f"041020{number:06x}80"


def measure(name: str, line: PtyLine, numbers: range) -> tuple[list[float], int]:
    """Milliseconds from the last byte for each tap, and how many were lost. The first taps only warm up."""
    command = [sys.executable, str(Path(__file__)), "--child", name, "--path", str(line.path)]
    taken: list[float] = []
    lost = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        if child.stdout.readline().strip() != "ready":
            raise SystemExit(f"{name} did not start")
        for number in numbers:
            *frame, last = f"{uid_of(number)}\r".encode()
            due = time.monotonic()
            for byte in frame:
                line.send(bytes([byte]))
                due += BYTE_S
                time.sleep(max(0.0, due - time.monotonic()))
            sent_at = time.monotonic()
            line.send(bytes([last]))
            uid, _, at = child.stdout.readline().strip().partition(" ")
            lost += uid != uid_of(number)
            if number - numbers.start >= 3:
                taken.append((float(at) - sent_at) * 1000)
            time.sleep(GAP_S)
        child.kill()
    return taken, lost


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--taps", type=int, default=100, help="taps per program (default 100)")
    parser.add_argument("--rounds", type=int, default=4, help="how often the programs take turns")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--child", choices=("ours", "bare"), help=argparse.SUPPRESS)
    parser.add_argument("--path", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        (ours if options.child == "ours" else bare)(options.path)
    return run(options.taps, options.rounds, as_json=options.json)


def run(taps: int, rounds: int, *, as_json: bool) -> int:
    """Both programs in turn; the figures; 1 if they are not good."""
    per_round = -(-taps // rounds) + 3
    taken: dict[str, list[float]] = {"bare": [], "ours": []}
    lost = number = 0
    with tempfile.TemporaryDirectory() as folder, PtyLine(Path(folder)) as line:
        for _ in range(rounds):
            for name, all_taken in taken.items():
                some, some_lost = measure(name, line, range(number, number + per_round))
                all_taken += some
                lost += some_lost
                number += per_round
    figures = {
        name: {f"p{percent}": round(_quantile(all_taken, percent), 3) for percent in (50, 95, 99)}
        for name, all_taken in taken.items()
    }
    good = not lost and figures["ours"]["p50"] <= WITHIN_MS
    ratio = round(figures["ours"]["p50"] / figures["bare"]["p50"], 2)
    if as_json:
        print(json.dumps({"ms": figures, "ratio": ratio, "lost": lost, "good": good}))
        return 0 if good else 1
    print("last byte at 9600 baud to UID, ms")
    for name, label in (("bare", "bare pyserial"), ("ours", "serial: reader")):
        values = figures[name]
        print(f"  {label:14} median {values['p50']:6.3f}  p95 {values['p95']:6.3f}  p99 {values['p99']:6.3f}")
    print(f"  ratio {ratio}; goal: median within {WITHIN_MS} ms; lost: {lost} of {number}")
    print("good" if good else "MISSED")
    return 0 if good else 1


def _quantile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


if __name__ == "__main__":
    sys.exit(main())
