"""The batch under way as the lanes share it, and what the bench does for it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime

from tagsmith import pairing
from tagsmith.batch import Run
from tagsmith.bench.lane import Lane
from tagsmith.journal import Journal
from tagsmith.model import Notice, Phase, Record
from tagsmith.production import BatchKey, Stop
from tagsmith.uid import Uid

HALF = frozenset({Phase.TAG_WAITS, Phase.NUMBER_WAITS, Phase.VERIFYING, Phase.CONFIRMING})
"""A half pair waits."""
SAVING = frozenset({Phase.COMMITTING, Phase.NOT_SAVED})
"""A pair is on its way to the disc."""


@dataclass(frozen=True, slots=True)
class Hands:
    """What the bench does for its batch. The names are those of its methods."""

    step: Callable[[Lane, pairing.Event], pairing.Step]
    refused: Callable[[Lane, Notice, Uid | None, str], None]
    drop_half: Callable[[Lane], None]
    stop_lane: Callable[[Lane, Stop], None]
    look_again: Callable[[Lane], None]
    taken_back: Callable[[Record], None]
    put_aside: Callable[[Lane, Uid | None, str, str], None]
    """A key by its UID and number, and why."""
    checked: Callable[[Record], None]
    say: Callable[..., None]
    """A line of the event stream about a lane."""
    tell: Callable[..., None]
    """One about the station."""
    spawn: Callable[[Coroutine[object, object, None]], None]
    changed: Callable[[], None]
    new_id: Callable[[], str]
    utcnow: Callable[[], datetime]


class Current:
    """The batch under way, and with whom and what it is made. Lives on the core loop."""

    def __init__(self, journal: Journal, target: str, lanes: Mapping[str, Lane], hands: Hands) -> None:
        self.journal = journal
        self.target = target
        self.lanes = lanes
        self.hands = hands
        self.run: Run | None = None
        self.generation = 0
        """Grows with every change: whoever has read the journal meanwhile sees that something has happened."""

    def set(self, run: Run | None) -> None:
        """It is like this from now on."""
        if run is not self.run:
            self.run = run
            self.generation += 1
            self.hands.changed()

    def is_of(self, batch_id: str) -> bool:
        """Whether this batch is still the one under way."""
        return self.run is not None and self.run.batch.id == batch_id

    def run_of(self, lane: Lane) -> tuple[BatchKey, ...]:
        """What a lane has made since its last passed check, oldest first."""
        return self.run.run_of(lane.name) if self.run is not None else ()
