"""What the screen needs of a station, and what a demo may add to the screen. Values and protocols only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tagsmith.enrolment import FormView, Wish
from tagsmith.model import Scan, StationView


class Station(Protocol):
    """The station as the screen knows it. Nothing here blocks but `stop`; all of it may be called from any thread."""

    def start(self, wake: Callable[[], None]) -> None:
        """Start the core. `wake` is then called, from another thread, when there is a new view; at most one pends.

        Raises:
            TagsmithError: it cannot start.
        """

    def view(self) -> StationView:
        """The latest view; there is one before the start, too."""

    def scan(self, scan: Scan, lane: str | None = None) -> None:
        """A number came from the keyboard or a scanner that types. Without a lane: the only one."""

    def undo(self, lane: str | None = None) -> None:
        """Take the last pair back."""

    def clear(self, lane: str | None = None) -> None:
        """Drop what waits."""

    def retry(self, lane: str | None = None) -> None:
        """Save the pair again that could not be saved."""

    def acknowledge(self) -> None:
        """The alarm was seen."""

    def stop(self, timeout_s: float) -> None:
        """End the core."""


class FieldStation(Station, Protocol):
    """The station as the technician's form knows it."""

    def form(self) -> FormView:
        """The latest view of the form; there is one before the start, too."""

    def ask_user(self, user: str) -> None:
        """Look a user up, with their keys; with an empty one, none."""

    def enroll(self, wish: Wish) -> None:
        """A person has confirmed this pair for this user: save it and send it at once, if it is what waits."""

    def correct(self, entry: str, user: str) -> None:
        """Activate a reserved key for this user, because the API does not know the one it was for."""

    def disable(self, user: str, key_id: str) -> None:
        """Disable a user's key at once."""


@dataclass(frozen=True, slots=True)
class ExtraKey:
    """A function key beyond the operator's own. `action` is called on the screen's thread and must not block."""

    key: str
    label: str
    action: Callable[[], None]
