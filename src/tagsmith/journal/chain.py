"""The hash chain that accounts for every change. Pure.

One chain (*stream*) per writing process, numbered from 0: a single chain for all would make every writer wait for every
other. The first event of a stream is an *anchor*: it holds the head of the station's previous stream, so that
cutting that one's tail shows. What is hashed is exact text; nothing is ever parsed and written again first.
"""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

# Made once: an encoder with settings of its own is otherwise built at every call.
_text = json.JSONEncoder(separators=(",", ":")).encode

BY: Final = "by"
"""Who was at work, in the payload of any event; no column."""

GENESIS: Final = ""
"""The `prev` of a stream's first event."""


class Kind(enum.StrEnum):
    """What an event tells of."""

    ANCHOR = "anchor"
    """A stream begins; its payload is the station's previous head, or empty."""
    PAIRED = "paired"
    """An entry was appended; its payload is the whole row."""
    UNDONE = "undone"
    """An entry was taken back before any attempt."""
    VOID = "void"
    """An entry was declared worthless after an attempt."""
    ATTEMPT = "attempt"
    """An attempt is about to be sent."""
    SETTLED = "settled"
    """It is known what became of an attempt, or that it is not."""
    INTERRUPTED = "interrupted"
    """An attempt was found under way after its program had ended."""
    DOUBTED = "doubted"
    """The journal was adopted, and another copy of it may have sent this."""
    RETRIED = "retried"
    """A person had a delivery tried again that was refused or in doubt."""
    CORRECTED = "corrected"
    """A person corrected the user, the type or the validity before the API had taken it."""
    RESOLVED = "resolved"
    """A delivery in doubt was settled by evidence, or by a person's word."""
    CHECKED = "checked"
    """The check that covers an entry has passed: it may be sent."""
    BATCH = "batch"
    """A batch was made; its payload is the whole row, and there is no entry."""
    BATCH_ACT = "batch-act"
    """A batch got its manifest, one of its lines was skipped, or it was closed; likewise."""
    TOOK_OVER = "took-over"
    """A process became the one that delivers; its payload is the whole row, and there is no entry."""
    ADOPTED = "adopted"
    """The journal was told where it is at home; its payload is the whole row, and there is no entry."""
    CALIBRATED = "calibrated"
    """A calibration was recorded; its payload is the whole row, and there is no entry."""


@dataclass(frozen=True, slots=True)
class Head:
    """The last event of a stream."""

    stream: str
    seq: int
    hash: str

    def __str__(self) -> str:
        return f"stream={self.stream} seq={self.seq} hash={self.hash}"


@dataclass(frozen=True, slots=True)
class Event:
    """One link of a chain. `payload` is JSON text: column → new value, and `by` (who was at work) if known."""

    stream: str
    seq: int
    at: str
    kind: str
    station: str
    entry_id: str | None
    payload: str
    prev: str

    @property
    def hash(self) -> str:
        """SHA-256 over every field, in hex."""
        fields = [
            self.prev,
            self.stream,
            self.seq,
            self.at,
            self.kind,
            self.station,
            self.entry_id,
            self.payload,
        ]
        return hashlib.sha256(_text(fields).encode("ascii")).hexdigest()

    @property
    def head(self) -> Head:
        """The stream's head once this event is its last."""
        return Head(self.stream, self.seq, self.hash)


def payload(changes: Mapping[str, object]) -> str:
    """The text of a change: ASCII only, so that every database keeps it as it is."""
    return _text(changes)


def anchor(stream: str, at: str, station: str, previous: Head | None) -> Event:
    """The first event of a stream."""
    held: dict[str, object] = {}
    if previous is not None:
        held = {"stream": previous.stream, "seq": previous.seq, "hash": previous.hash}
    return Event(stream, 0, at, Kind.ANCHOR.value, station, None, payload(held), GENESIS)


def follow(head: Head, at: str, kind: Kind, station: str, entry_id: str | None, changes: Mapping[str, object]) -> Event:
    """The event after `head`; of no entry where it tells of something else."""
    return Event(head.stream, head.seq + 1, at, kind.value, station, entry_id, payload(changes), head.hash)
