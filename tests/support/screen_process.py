"""Runs the real screen on a fake station, as a process: `python -m support.screen_process FILE [--lanes N] [--crash]`.

What the station is told goes to FILE, one JSON line each. A scan without a fault makes a pair, another one a refusal.
`--stopped` begins with the last lane stopped; `--pairs` are in the session before; `--storm` are views in a row.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from support.fake_station import UID, FakeStation, lane, pair, view
from support.scenes import SHIFT_STOP, day
from tagsmith.errors import TagsmithError
from tagsmith.model import LaneView, Notice, Phase, Scan, State, StationView
from tagsmith.tui import run_screen


class FileStation(FakeStation):
    """Writes down what it is told, at once."""

    def __init__(self, path: Path, storm: int = 0, lanes: int = 1, pairs: int = 0, *, stopped: bool = False) -> None:
        self._lanes = [lane(lane=str(place)) for place in range(1, lanes + 1)]
        if stopped:
            self._lanes[-1] = replace(self._lanes[-1], phase=Phase.REFUSED, stop=SHIFT_STOP)
        self._made = pairs
        self._pairs = tuple(pair(f"DE*8PS*CD{place:04X}*0") for place in range(pairs, max(pairs - 200, 0), -1))
        super().__init__(self._now(self._lanes[0]))
        self._file = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()
        self._storm = storm

    def _now(self, first: LaneView) -> StationView:
        """The station with its first lane like this."""
        self._lanes[0] = first
        if len(self._lanes) == 1 and not self._made:
            return view(first)
        return day(*self._lanes, pairs=self._pairs, paired=self._made)

    def note(self, name: str, **fields: object) -> None:
        """One line."""
        with self._lock:
            self._file.write(json.dumps({"call": name, **fields}) + "\n")
            self._file.flush()

    def start(self, wake: Callable[[], None]) -> None:
        super().start(wake)
        self.note("start")
        if self._storm:
            threading.Thread(target=self._blow, daemon=True).start()

    def _blow(self) -> None:
        """Many whole-screen changes, as fast as a core could make them; then the news that it was not held up."""
        pause = threading.Event()
        for number in range(self._storm):
            phase = (Phase.REFUSED, Phase.PAIRED)[number % 2]
            self.show(view(lane(phase, notice=Notice("storm", f"Storm {number} of {self._storm}."))))
            pause.wait(0.005)
        self.show(view(lane(Phase.KNOWN, notice=Notice("calm", "The storm is over."))))
        self.note("calm")

    def scan(self, scan: Scan, lane_name: str | None = None) -> None:
        self.note("scan", text=scan.text, fault=scan.fault, source=scan.source)
        if scan.fault is None:
            if self._made:
                self._made += 1
                self._pairs = (pair(scan.text, State.HELD), *self._pairs[:199])
            self.show(self._now(lane(Phase.PAIRED, number=scan.text, notice=Notice("", f"Saved {scan.text}."))))
        else:
            self.show(self._now(lane(Phase.REFUSED, notice=Notice(scan.fault, f"Refused: {scan.fault}."))))

    def undo(self, lane_name: str | None = None) -> None:
        self.note("undo")
        if self._made:  # so that the next scan changes the whole lane
            self.show(self._now(lane(Phase.TAG_WAITS, uid=UID)))

    def clear(self, lane_name: str | None = None) -> None:
        self.note("clear")

    def answer(self, lane_name: str, choice: str, secret: str = "") -> None:
        self.note("answer", lane=lane_name, choice=choice)
        self._lanes[-1] = lane(lane=lane_name)
        self.show(self._now(self._lanes[0]))

    def undo_entry(self, entry: str) -> None:
        self.note("undo_entry", entry=entry)

    def stop(self, timeout_s: float) -> None:
        self.note("stop")


def main() -> int:
    """The exit status of the screen."""
    parser = argparse.ArgumentParser()
    parser.add_argument("path", type=Path)
    parser.add_argument("--storm", type=int, default=0)
    parser.add_argument("--lanes", type=int, default=1)
    parser.add_argument("--pairs", type=int, default=0)
    parser.add_argument("--stopped", action="store_true")
    parser.add_argument("--crash", action="store_true")
    parser.add_argument("--log", type=Path)
    chosen = parser.parse_args()
    if chosen.log:
        logging.basicConfig(filename=chosen.log, level=logging.INFO)
    station = FileStation(chosen.path, chosen.storm, chosen.lanes, chosen.pairs, stopped=chosen.stopped)

    def hint() -> str:
        secret = "tok" + "en-4711"
        if chosen.crash and station.wake is not None:
            raise KeyError(len(secret))
        return ""

    try:
        return run_screen(station, hint=hint)
    except TagsmithError as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
