"""Enter of a scan to the last byte of the repaint, in tmux at 80x24: one lane and eight, against a bare Textual input.

    python benchmarks/screen.py [--scans 60] [--burst 200] [--pairs 10000] [--json]

The three run side by side, each in a tmux of its own, and take their scans in turn, so that whatever else the machine
does meets all. A scan's characters are sent first; when the screen has come to rest, Enter is sent and the time runs
until the last output of the repaint, as a client in tmux's control mode gets it. The session holds so many pairs
already. Then a burst: scans at 1,000 keys a second without a pause, each of which must reach the station, in order.

Exit code 1 if the median with eight lanes is above 3 times that of the bare input, or above 1.5 times that with one
lane, or if a scan of the burst is lost.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1] / "tests"
BARE = """
from textual.app import App
from textual.widgets import Input, Static

class Bare(App):
    def compose(self):
        yield Static("Ready for", id="said")
        yield Input()

    def on_input_submitted(self, event):
        self.query_one("#said").update(f"Saved {event.value}.")
        event.input.value = ""

Bare().run(mouse=False)
"""
REST_S = 0.12
"""The screen is at rest when it has written nothing for so long; less than the second between two ticks of a clock."""
GIVE_UP_S = 60.0
BARE_WITHIN, LANES_WITHIN = 3.0, 1.5


class Glass:
    """One program in a tmux of its own, seen by a client in control mode."""

    def __init__(self, folder: Path, name: str, command: list[str]) -> None:
        self.name = name
        unwanted = ("TMUX", "COLUMNS", "LINES", "NO_COLOR", "PYTHONDONTWRITEBYTECODE")
        environment = {key: value for key, value in os.environ.items() if key not in unwanted}
        shell = f"cd {shlex.quote(str(TESTS))}; exec {shlex.join(command)}"
        tmux = ["tmux", "-S", str(folder / name), "-f", "/dev/null", "-C"]
        self.client = subprocess.Popen(
            [*tmux, "new-session", "-x", "80", "-y", "24", shell],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**environment, "LC_ALL": "C.UTF-8", "COLORTERM": "truecolor"},
            bufsize=0,
        )
        assert self.client.stdin is not None and self.client.stdout is not None  # noqa: PT018
        self._in, self._out = self.client.stdin, self.client.stdout
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._out, selectors.EVENT_READ)
        self.command("set -g prefix None; set -g status off")
        self.wait_for(b"Ready for")

    def command(self, text: str) -> None:
        """One command of tmux's."""
        self._in.write(text.encode() + b"\n")

    def read(self, timeout_s: float) -> bytes:
        """What came; nothing if nothing did."""
        return os.read(self._out.fileno(), 65536) if self._selector.select(timeout_s) else b""

    def wait_for(self, mark: bytes) -> None:
        """Until this was written, and the screen is at rest."""
        seen = b""
        until = time.monotonic() + GIVE_UP_S
        while mark not in seen:
            if time.monotonic() > until:
                raise SystemExit(f"{self.name} never wrote {mark!r}: {seen[-500:]!r}")
            seen += self.read(0.1)
        self.rest()

    def rest(self) -> float:
        """Until nothing more is written; when the last output of the program came."""
        last = time.perf_counter()
        while data := self.read(REST_S):
            if b"%output" in data:
                last = time.perf_counter()
        return last

    def scan(self, number: str) -> float:
        """Milliseconds from Enter to the end of the repaint, which turns a whole lane from yellow to green."""
        self.command("send-keys F2")
        self.rest()
        self.command(f"send-keys -l -- {number}")
        self.rest()
        began = time.perf_counter()
        self.command("send-keys Enter")
        seen, last = b"", began
        until = time.monotonic() + GIVE_UP_S
        while data := self.read(REST_S) or (b"" if number.encode() in seen or time.monotonic() > until else b" "):
            seen += data
            if b"%output" in data:
                last = time.perf_counter()
        if number.encode() not in seen:
            raise SystemExit(f"{self.name} lost {number}")
        return (last - began) * 1000

    def close(self) -> None:
        """End the program and its tmux."""
        self.command("kill-server")
        until = time.monotonic() + 10
        while self.client.poll() is None and time.monotonic() < until:
            self.read(0.1)
        if self.client.poll() is None:
            self.client.kill()


def burst(glass: Glass, calls: Path, scans: int) -> tuple[int, float]:
    """How many of the scans came through as they were sent, and how many keys a second were sent."""
    numbers = [f"B{place:05}*{'ABCDEFGHJKLMNPQRST'}" for place in range(scans)]
    keys = [key for number in numbers for key in (*number, "Enter")]
    began = time.perf_counter()
    for place, key in enumerate(keys):
        glass.command("send-keys Enter" if key == "Enter" else f"send-keys -l -- '{key}'")
        while time.perf_counter() < began + place / 1000:
            glass.read(0)
    rate = len(keys) / (time.perf_counter() - began)
    until = time.monotonic() + GIVE_UP_S
    told: list[str] = []
    while len(told) < scans and time.monotonic() < until:
        glass.read(0.2)
        lines = [json.loads(line) for line in calls.read_text().splitlines()]
        told = [
            line["text"] for line in lines if line["call"] == "scan" and line["text"][:1] == "B" and not line["fault"]
        ]
    return (scans if told == numbers else sum(number in told for number in numbers)), rate


def main() -> int:
    """Measure and say it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--scans", type=int, default=60)
    parser.add_argument("--burst", type=int, default=200)
    parser.add_argument("--pairs", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tagsmith-screen-") as name:
        folder = Path(name)
        calls = folder / "calls"
        ours = [sys.executable, "-m", "support.screen_process"]
        pairs = ["--pairs", str(chosen.pairs)]
        glasses = (
            Glass(folder, "bare", [sys.executable, "-c", BARE]),
            Glass(folder, "one", [*ours, os.devnull, "--lanes", "1", *pairs]),
            Glass(folder, "eight", [*ours, str(calls), "--lanes", "8", *pairs]),
        )
        try:
            times: dict[str, list[float]] = {glass.name: [] for glass in glasses}
            for place in range(-3, chosen.scans):
                for glass in glasses:
                    took = glass.scan(f"DE*8PS*CD{place + 100:04}*0")
                    if place >= 0:  # the first ones fill caches
                        times[glass.name].append(took)
            came, rate = burst(glasses[2], calls, chosen.burst)
        finally:
            for glass in glasses:
                glass.close()
    medians = {name: statistics.median(values) for name, values in times.items()}
    against_bare, against_one = medians["eight"] / medians["bare"], medians["eight"] / medians["one"]
    result = {
        **{f"{name}_ms": round(value, 1) for name, value in medians.items()},
        "eight_to_bare": round(against_bare, 2),
        "eight_to_one": round(against_one, 2),
        "burst_sent": chosen.burst,
        "burst_came": came,
        "keys_per_s": round(rate),
    }
    good = against_bare <= BARE_WITHIN and against_one <= LANES_WITHIN and came == chosen.burst
    if chosen.json:
        print(json.dumps(result))
    else:
        print(
            f"Enter to the end of the repaint, {chosen.scans} scans each, {chosen.pairs} pairs in the session, medians:"
        )
        print(", ".join(f"{name} {value:.1f} ms" for name, value in medians.items()))
        print(f"eight lanes to the bare input {against_bare:.2f} (at most {BARE_WITHIN})")
        print(f"eight lanes to one {against_one:.2f} (at most {LANES_WITHIN})")
        print(f"burst: {came} of {chosen.burst} scans came, {rate:.0f} keys a second")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
