"""What the screen needs of a station, and what a demo may add to the screen. Values and protocols only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from tagsmith.enrolment import FormView, Wish
from tagsmith.model import Scan, StationView
from tagsmith.production import Batch, ManifestLine, RejectCause


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

    def undo_entry(self, entry: str) -> None:
        """Take this pair back, while it was never sent."""

    def reject(self, lane: str | None, cause: RejectCause, note: str = "") -> None:
        """Put aside the key that is on a lane, or the number that waits there, or whatever is next."""

    def answer(self, lane: str, choice: str, secret: str = "") -> None:
        """Decide how a lane that has stopped goes on; `secret` is a supervisor's code or PIN, where that is asked."""

    def choose_batch(self, batch_id: str | None) -> None:
        """Make keys of this batch from now on; None: of none."""

    def create_batch(self, batch: Batch, lines: Sequence[ManifestLine] = ()) -> None:
        """Make a batch, with its manifest where it has one, and choose it."""

    def close_batch(self) -> None:
        """Close the batch under way: nothing more is made of it."""

    def skip_expected(self, why: str) -> None:
        """The number that comes next is not made (its key is scrapped or missing): expect the one after it."""

    def sign_on(self, text: str) -> None:
        """Sign on by code or name."""

    def sign_off(self) -> None:
        """Whoever is signed on goes."""

    def start_shift(self) -> None:
        """Start the shift, and make its checks."""

    def end_shift(self) -> None:
        """End the shift, and make its report."""

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
