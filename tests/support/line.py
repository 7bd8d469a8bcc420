"""A whole station of one lane with a simulated reader, a journal on a disc, the sandbox, and hands that work."""

from __future__ import annotations

import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from support.floor import never_still, number, uid
from support.watching import Watching
from tagsmith.config import settings_of
from tagsmith.model import Event, LaneView, Phase, Scan
from tagsmith.readers.sim import SimReader
from tagsmith.sandbox import Sandbox
from tagsmith.station import Station

_OUTCOMES = ("paired", "rejected", "stopped")


class Line(Watching):
    """A running station. Every method waits until what it does has come to something."""

    def __init__(self, folder: Path, *, hold_s: float = 0.0, batch: str | None = None) -> None:
        super().__init__()
        self.sandbox = Sandbox()
        self.sandbox.start()
        self.reader = SimReader()
        self.url = f"sqlite:///{folder / 'journal.sqlite'}"
        self._seen: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._outcomes: list[dict[str, Any]] = []
        settings = settings_of(
            api={"url": self.sandbox.url, "key": "sandbox"},
            journal={"url": self.url},
            courier={"hold_s": hold_s, "requests_per_minute": 3000},
            station={"name": "line"},
            reader=[{"spec": "sim:", "lane": "1"}],
        )
        self.station = Station(settings, readers={"sim:": self.reader}, listener=self._hear, batch=batch)

    def __enter__(self) -> Line:
        self._unhurried = never_still()
        self._unhurried.__enter__()
        self.station.start(self._wake)
        self.until(lambda: bool(self.seen("ready")))
        return self

    def __exit__(self, *exc: object) -> None:
        self.station.stop()
        self.sandbox.stop()
        self._unhurried.__exit__(None, None, None)

    def keep(self, event: Event) -> None:
        """Keep all of them, and in their order those that a tap or a scan came to."""
        self._seen[event.event].append(event.fields)
        if event.event in _OUTCOMES and event.fields.get("reason") != "cancelled":
            self._outcomes.append({"event": event.event, **event.fields})

    def about(self) -> object:
        """What the last taps and scans came to, and what was said."""
        return self._outcomes[-3:], self.station.view().said

    def seen(self, name: str) -> list[dict[str, Any]]:
        """The fields of all events of a name."""
        return self._seen[name]

    def lane(self) -> LaneView:
        """How the lane is shown."""
        return self.station.view().lanes[0]

    def tap(self, key: int) -> None:
        """Lay a key on the reader."""
        before = len(self.seen("tapped"))
        self.reader.feed.put(uid(key))
        self.until(lambda: len(self.seen("tapped")) > before)

    def scan(self, label: int) -> None:
        """Scan a label, whatever comes of it."""
        self.station.scan(Scan(number(label), time.monotonic(), "test"))

    def read(self, label: int) -> dict[str, Any]:
        """Scan a label; what became of it."""
        before = len(self._outcomes)
        self.scan(label)
        self.until(lambda: len(self._outcomes) > before)
        return self._outcomes[before]

    def make(self, key: int, label: int | None = None) -> dict[str, Any]:
        """Tap a key and scan a label (its own, where none is given); what became of it."""
        self.tap(key)
        return self.read(key if label is None else label)

    def take(self, key: int) -> dict[str, Any]:
        """Tap a key, and scan its number only where that is asked for; what became of it."""
        before = len(self._outcomes)
        self.tap(key)
        self.until(lambda: len(self._outcomes) > before or self.lane().phase is Phase.TAG_WAITS)
        if len(self._outcomes) == before:
            self.scan(key)
        self.until(lambda: len(self._outcomes) > before)
        return self._outcomes[before]

    def check(self, *keys: int) -> None:
        """Tap these keys again and scan their numbers, and wait until the check has passed."""
        before = len(self.seen("check-passed"))
        for key in keys:
            self.tap(key)
            self.scan(key)
        self.until(lambda: len(self.seen("check-passed")) > before)

    def decide(self, choice: str) -> None:
        """Answer a stop, and wait until the lane goes on."""
        self.until(lambda: self.lane().stop is not None)
        self.station.answer("1", choice)
        self.until(lambda: self.lane().stop is None)

    def sent(self) -> set[tuple[str, str]]:
        """The pairs that the API has got, keys as they are read."""
        return {(bytes.fromhex(one.uid)[::-1].hex(), one.visual_number) for one in self.sandbox.store.reservations}

    def drained(self) -> int:
        """Wait until all that may be sent was sent; how many pairs are left."""
        return self.station.drain(60).result(70)
