"""Runs the real screen on a fake station, as a process: `python -m support.screen_process FILE [--storm N] [--crash]`.

What the station is told goes to FILE, one JSON line each. A scan without a fault makes a pair, another one a refusal.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from support.fake_station import FakeStation, lane, view
from tagsmith.errors import TagsmithError
from tagsmith.model import Notice, Phase, Scan
from tagsmith.tui import run_screen


class FileStation(FakeStation):
    """Writes down what it is told, at once."""

    def __init__(self, path: Path, storm: int) -> None:
        super().__init__()
        self._file = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()
        self._storm = storm

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
            self.show(view(lane(Phase.PAIRED, number=scan.text, notice=Notice("", f"Saved {scan.text}."))))
        else:
            self.show(view(lane(Phase.REFUSED, notice=Notice(scan.fault, f"Refused: {scan.fault}."))))

    def undo(self, lane_name: str | None = None) -> None:
        self.note("undo")

    def clear(self, lane_name: str | None = None) -> None:
        self.note("clear")

    def stop(self, timeout_s: float) -> None:
        self.note("stop")


def main() -> int:
    """The exit status of the screen."""
    parser = argparse.ArgumentParser()
    parser.add_argument("path", type=Path)
    parser.add_argument("--storm", type=int, default=0)
    parser.add_argument("--crash", action="store_true")
    parser.add_argument("--log", type=Path)
    chosen = parser.parse_args()
    if chosen.log:
        logging.basicConfig(filename=chosen.log, level=logging.INFO)
    station = FileStation(chosen.path, chosen.storm)

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
