"""Waiting on a running station: every event and every view wakes the look, and nothing sleeps."""

from __future__ import annotations

import abc
import threading
import time
from collections.abc import Callable

from tagsmith.model import Event
from tagsmith.station import Station

GIVE_UP_S = 20.0


class Watching(abc.ABC):
    """A station that somebody waits on. `station` is made by whoever inherits, with `_hear` as its listener."""

    station: Station

    def __init__(self) -> None:
        self._news = threading.Condition()

    @abc.abstractmethod
    def keep(self, event: Event) -> None:
        """Keep an event; called while nobody looks."""

    @abc.abstractmethod
    def about(self) -> object:
        """What to show where something never came true."""

    def _hear(self, event: Event) -> None:
        with self._news:
            self.keep(event)
            self._news.notify_all()

    def _wake(self) -> None:
        with self._news:
            self._news.notify_all()

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds."""
        deadline = time.monotonic() + GIVE_UP_S
        with self._news:
            while not condition():
                self.station.view()
                assert time.monotonic() < deadline, self.about()
                self._news.wait(0.2)
