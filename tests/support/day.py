"""A running station of two lanes with simulated readers, and everything it says."""

from __future__ import annotations

import time
from typing import Any

from support.watching import Watching
from tagsmith.config import Settings
from tagsmith.model import Event, Scan
from tagsmith.readers.sim import SimReader
from tagsmith.station import Station


def key(number: int) -> str:
    """The n-th good key."""
    return f"04{number:010x}80"


class Day(Watching):
    """A running station of two lanes, and everything it says."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.readers = {"A": SimReader(), "B": SimReader()}
        self.events: list[Event] = []
        readers = {"sim:a": self.readers["A"], "sim:b": self.readers["B"]}
        self.station = Station(settings, readers=readers, listener=self._hear)  # type: ignore[arg-type]

    def __enter__(self) -> Day:
        self.station.start(self._wake)
        self.until(lambda: bool(self.seen("ready")))
        return self

    def __exit__(self, *exc: object) -> None:
        self.station.stop()

    def keep(self, event: Event) -> None:
        """Keep all of them."""
        self.events.append(event)

    def about(self) -> object:
        """The last events, and the shift."""
        return self.events[-6:], self.station.view().shift

    def seen(self, name: str) -> list[dict[str, Any]]:
        """The fields of all events of a name."""
        return [event.fields for event in list(self.events) if event.event == name]

    def tap(self, lane: str, uid: str) -> None:
        """Lay a key on a lane and take it away again: it may be laid on the other lane next."""
        before, left = len(self.seen("tapped")), len(self.seen("removed"))
        self.readers[lane].feed.put(uid)
        self.until(lambda: len(self.seen("tapped")) > before)
        self.readers[lane].feed.remove()
        self.until(lambda: len(self.seen("removed")) > left)

    def scan(self, text: str, lane: str | None = None) -> None:
        """A scan captured now."""
        self.station.scan(Scan(text, time.monotonic(), "test"), lane)

    def pair(self, lane: str, number: int) -> None:
        """Make the n-th pair."""
        before = len(self.seen("paired"))
        self.tap(lane, key(number))
        self.scan(f"N-{number}", lane)
        self.until(lambda: len(self.seen("paired")) > before)

    def refused(self, lane: str, uid: str) -> str:
        """The reason by which a tap is refused."""
        before = len(self.seen("rejected"))
        self.tap(lane, uid)
        self.until(lambda: len(self.seen("rejected")) > before)
        return str(self.seen("rejected")[-1]["reason"])
