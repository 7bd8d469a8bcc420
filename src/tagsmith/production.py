"""What a day of production is made of: batches, their checks, rejected keys, operators, shifts. Frozen values.

Nothing is decided here. Times are aware UTC; durations are seconds.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from tagsmith.uid import Uid


class Sequence(enum.StrEnum):
    """In which order the numbers of a batch come."""

    FREE = "free"
    """In any; with a manifest, any number of it."""
    ORDERED = "ordered"
    """As the manifest says. Another number of the manifest is refused."""
    SHOWN = "shown"
    """As the manifest says. Another number of the manifest is accepted, and shown."""
    AUTO = "auto"
    """As the manifest says, and the operator only taps: the next number is taken by itself."""


class Verification(enum.StrEnum):
    """What is asked for besides tap and scan."""

    NONE = "none"
    """Nothing."""
    TAP = "tap"
    """A second tap of each key before it is saved."""
    SCAN = "scan"
    """A second scan of each number before it is saved."""
    SAMPLE = "sample"
    """Tap and scan of the first key, of every so many, and of the last; until then what they cover is not sent."""


class RejectCause(enum.StrEnum):
    """Why a person puts a key aside."""

    DAMAGED_PRINT = "damaged-print"
    """Its number cannot be read."""
    DEAD_CHIP = "dead-chip"
    """It does not answer."""
    WRONG_CHIP = "wrong-chip"
    """It is of another kind than ordered."""
    DUPLICATE = "duplicate"
    """Its chip or its number is there twice."""
    OTHER = "other"
    """Something else."""


@dataclass(frozen=True, slots=True)
class ManifestLine:
    """One key that is to be made. `position` counts from 1; `uid` where it is known before.

    `skipped` is why it is not made (damaged, missing); empty while it is expected.
    """

    position: int
    visual_number: str
    number_key: str
    uid: Uid | None = None
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """A run of keys of one kind. `goal` is how many are wanted; `size` how many lines its manifest has, 0 without one.

    `key_type`, `valid_from`, `valid_to` and `user_id` hold for each of its keys; `pattern`, `check_digit` and
    `upper_case` for its numbers, where they are set, in place of the station's. `every` is the distance of samples
    under `Verification.SAMPLE` and of the verifying scans under `Sequence.AUTO`.
    """

    id: str
    name: str
    target: str
    created_at: datetime
    created_by: str = ""
    key_type: str | None = None
    valid_from: str | None = None
    valid_to: str | None = None
    user_id: str | None = None
    goal: int | None = None
    pattern: str | None = None
    check_digit: str | None = None
    upper_case: bool = False
    sequence: Sequence = Sequence.FREE
    verification: Verification = Verification.NONE
    every: int = 50
    size: int = 0
    closed_at: datetime | None = None
    closed_by: str = ""

    @property
    def wanted(self) -> int | None:
        """How many keys are to be made: the goal, else the manifest's lines; None where nobody said."""
        return self.goal if self.goal is not None else (self.size or None)


@dataclass(frozen=True, slots=True)
class BatchStand:
    """A batch and how far it is. `unchecked` are pairs that wait for the check that covers them."""

    batch: Batch
    paired: int = 0
    skipped: int = 0
    rejected: int = 0
    unchecked: int = 0

    @property
    def left(self) -> int | None:
        """How many are still to be made; None where nobody said how many there shall be."""
        wanted = self.batch.wanted
        return None if wanted is None else max(0, wanted - self.paired - (self.skipped if not self.batch.goal else 0))


@dataclass(frozen=True, slots=True)
class BatchKey:
    """A live pair of a batch, as the bench needs it to go on after a restart. In order of commit."""

    entry: str
    number_key: str
    visual_number: str
    uid: Uid
    lane: str
    checked: bool
    station: str = ""


@dataclass(frozen=True, slots=True)
class RejectedKey:
    """A key that was put aside. `cause` is a `RejectCause`, or the reason word of the refusal."""

    cause: str
    at: datetime
    lane: str = ""
    visual_number: str = ""
    uid: Uid | None = None
    batch: str | None = None
    operator: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody who works at the station; known by a badge (the UID of a key), a scanned code, or the name alone."""

    name: str
    supervisor: bool = False


@dataclass(frozen=True, slots=True)
class Shift:
    """A shift of this station, from its start to its end (None while it runs)."""

    id: str
    station: str
    operator: str
    started_at: datetime
    ended_at: datetime | None = None
    recoveries: int = 0
    """How often a reader came back after it was lost."""


@dataclass(frozen=True, slots=True)
class ShiftReport:
    """What a shift, or a batch, came to."""

    title: str
    operators: tuple[str, ...]
    started_at: datetime
    ended_at: datetime | None
    paired: int
    undone: int
    rejects: tuple[tuple[str, int], ...]
    """Rejected keys by cause, most frequent first."""
    first_pass_yield: float | None
    """Keys that became a pair at the first try, of all that were tried (0 to 1); None before the first."""
    median_cycle_s: float | None
    """From one pair of a lane to its next, breaks of over five minutes left out."""
    per_hour: int
    recoveries: int
    waiting: int
    """Deliveries that are still open."""


def report_fields(report: ShiftReport) -> dict[str, object]:
    """A report for programs. Times are ISO 8601 in UTC; what nobody can say is None."""
    return {
        "title": report.title,
        "operators": list(report.operators),
        "started_at": report.started_at.isoformat(),
        "ended_at": None if report.ended_at is None else report.ended_at.isoformat(),
        "paired": report.paired,
        "undone": report.undone,
        "rejected": sum(count for _, count in report.rejects),
        "rejects": dict(report.rejects),
        "first_pass_yield": report.first_pass_yield,
        "median_cycle_s": report.median_cycle_s,
        "per_hour": report.per_hour,
        "recoveries": report.recoveries,
        "waiting": report.waiting,
    }


# --- what the screen shows -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer to a lane that has stopped. `id` is what the station is told; `label` what a person reads."""

    id: str
    label: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a lane has stopped until a person decides. `reason` is a stable word; `numbers` are the keys it is about."""

    reason: str
    title: str
    hint: str
    choices: tuple[Choice, ...] = ()
    numbers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BatchView:
    """The batch under way. `left_s` is how long the rest takes at the present pace, where that can be said."""

    stand: BatchStand
    left_s: float | None = None


@dataclass(frozen=True, slots=True)
class CheckView:
    """One of the checks at the start of a shift. `ok` is None while it is not known."""

    what: str
    ok: bool | None
    message: str = ""
    warning: bool = False
    """It is passed, and yet somebody should read the message."""


@dataclass(frozen=True, slots=True)
class ShiftView:
    """Who works, and since when. `checks` are those of the start; `ready` when all are passed."""

    operator: Operator | None = None
    shift: Shift | None = None
    required: bool = False
    """Nothing is paired before somebody has signed on and the checks are passed."""
    checks: tuple[CheckView, ...] = ()
    report: ShiftReport | None = None
    """Of the shift that has just ended, or of this one so far."""
    message: str = ""
    """Why what was asked for last was not done; plain words."""

    @property
    def ready(self) -> bool:
        """Whether keys may be paired."""
        if not self.required:
            return True
        return self.operator is not None and self.shift is not None and all(check.ok for check in self.checks)
