"""The values of pairing: rules, events, effects, and the lane itself. Frozen; nothing happens here."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from tagsmith.model import Phase, Reason, Record, Tag
from tagsmith.uid import Uid, UidReason, Verdict
from tagsmith.visual_number import VisualNumber


class Order(enum.StrEnum):
    """What comes first."""

    TAP_FIRST = "tap-first"
    """A number is only taken for a tag that waits."""
    SCAN_FIRST = "scan-first"
    """A tag is only taken for a number that waits."""
    EITHER = "either"
    """Whatever comes first waits for the other."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How a lane pairs. `stop_on_suspect` refuses tags whose byte order looks wrong (production).

    `confirm` has a pair wait for a person's word (`Confirmed`), given while the key lies on the reader; until then
    another number takes the place of the one before. `rescan` asks for a second scan of the number, `verify` for a
    second tap of the key; of both, the tap. `golden` is the key that must be tapped before the first pair; `never`
    holds keys that must not be paired at all.
    """

    order: Order = Order.TAP_FIRST
    timeout_s: float = 30.0
    verify: bool = False
    rescan: bool = False
    confirm: bool = False
    keep_removed: bool = True
    stop_on_suspect: bool = False
    golden: Uid | None = None
    never: frozenset[Uid] = frozenset()


# --- events -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tapped:
    """One tag arrived on the reader. `fresh` is a new id: of the look-up it causes, or of the entry it completes."""

    tag: Tag
    verdict: Verdict
    at: float
    fresh: str


@dataclass(frozen=True, slots=True)
class Collided:
    """Two tags are in the field; by its reason, one that could not be read, or one that lies on two lanes."""

    at: float
    reason: Reason = Reason.TWO_TAGS


@dataclass(frozen=True, slots=True)
class Removed:
    """The tag left the reader."""

    at: float


@dataclass(frozen=True, slots=True)
class ReaderGone:
    """The reader cannot be used any more; what happens on it meanwhile nobody sees."""

    at: float


@dataclass(frozen=True, slots=True)
class Stalled:
    """The station stood still: what is captured before `until` may have come in any order meanwhile."""

    at: float
    until: float


@dataclass(frozen=True, slots=True)
class Scanned:
    """A number came that the rules for numbers accept. `fresh` as for a tap."""

    number: VisualNumber
    at: float
    fresh: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A person has seen this pair and wants it. `fresh` is a new id: of the entry it becomes."""

    uid: Uid
    number: str
    at: float
    fresh: str


@dataclass(frozen=True, slots=True)
class NumberRefused:
    """A number came that the rules for numbers do not accept; whoever refused it has said why."""

    at: float


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to a `LookUp`: the record that already holds the uid or number, if any."""

    token: str
    record: Record | None
    at: float


@dataclass(frozen=True, slots=True)
class Saved:
    """The pair is durably on the disc."""

    entry: str
    at: float


@dataclass(frozen=True, slots=True)
class Taken:
    """The journal holds the uid or the number already; nothing was recorded."""

    entry: str
    reason: Reason
    record: Record | None
    at: float


@dataclass(frozen=True, slots=True)
class NotSaved:
    """The journal certainly did not record the pair. (While it is uncertain, the commit is still under way.)"""

    entry: str
    at: float


@dataclass(frozen=True, slots=True)
class Retry:
    """A person asks to save the same pair again."""

    at: float


@dataclass(frozen=True, slots=True)
class Cancel:
    """A person clears the lane, or (`put-aside`) takes the key away for good."""

    at: float
    reason: Reason = Reason.CANCELLED


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""

    at: float


@dataclass(frozen=True, slots=True)
class UndoAsked:
    """A person takes the lane's last pair back."""

    at: float


@dataclass(frozen=True, slots=True)
class Undone:
    """The answer to an `Undo`."""

    entry: str
    done: bool
    at: float


Event = (
    Tapped
    | Collided
    | Removed
    | ReaderGone
    | Stalled
    | Scanned
    | Confirmed
    | NumberRefused
    | Found
    | Saved
    | Taken
    | NotSaved
    | Retry
    | Cancel
    | Tick
    | UndoAsked
    | Undone
)

# --- effects ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Commit:
    """Record this pair durably; answer with `Saved`, `Taken` or `NotSaved` of the same entry."""

    entry: str
    tap: Tapped
    scan: Scanned


@dataclass(frozen=True, slots=True)
class LookUp:
    """Ask the journal who holds this uid or number; answer with `Found` of the same token."""

    token: str
    uid: Uid | None = None
    number_key: str | None = None


@dataclass(frozen=True, slots=True)
class Undo:
    """Take this entry back; answer with `Undone`."""

    entry: str


@dataclass(frozen=True, slots=True)
class Reject:
    """Tell the person what was refused. `record` is the pair that stands in the way, where there is one."""

    reason: Reason | UidReason
    uid: Uid | None = None
    number: str = ""
    record: Record | None = None


@dataclass(frozen=True, slots=True)
class GoldenSeen:
    """The golden key was read as it should be: the lane may begin."""

    uid: Uid


Effect = Commit | LookUp | Undo | Reject | GoldenSeen

# --- the lane -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Last:
    """The lane's last pair on the disc: for bounces and for undo."""

    entry: str
    uid: Uid
    number_key: str
    at: float


@dataclass(frozen=True, slots=True)
class Rivals:
    """Two tags of which the newer pushed the older out, for telling two that take turns."""

    older: Uid
    newer: Uid
    at: float


@dataclass(frozen=True, slots=True)
class Lane:
    """Where one lane stands.

    `tap` and `scan` are what waits or is being saved; `since` is when the half pair began; captures before
    `not_before` belong to what was dropped then. `arrived` is what came onto the reader during a commit.
    """

    phase: Phase = Phase.READY
    tap: Tapped | None = None
    scan: Scanned | None = None
    entry: str | None = None
    since: float = 0.0
    not_before: float = float("-inf")
    arrived: Tapped | Collided | None = None
    early: str = ""
    """A number that came during the commit and was refused."""
    last: Last | None = None
    rivals: Rivals | None = None
    record: Record | None = None
    """In phase `known`: the pair that holds the key."""
    away: bool = False
    """The tag that waits has left the reader; kept track of where a pair is confirmed."""
    owes: bool = False
    """A key was refused, and its number may still come: alone it must not wait for the next key."""

    @classmethod
    def first(cls, rules: Rules) -> Lane:
        """A lane at the start of a shift: with a golden key it begins by asking for that."""
        return cls(phase=Phase.READY if rules.golden is None else Phase.GOLDEN)

    @property
    def deadline_after(self) -> float | None:
        """When the half pair began, if there is one that times out; the timeout itself is in the rules."""
        return self.since if self.phase in _TIMED else None


_TIMED = frozenset({Phase.TAG_WAITS, Phase.NUMBER_WAITS, Phase.VERIFYING, Phase.CONFIRMING, Phase.KNOWN})


@dataclass(frozen=True, slots=True)
class Step:
    """The lane afterwards and what is to be done.

    `moved` is false where the table has no such move; `then` is an event that has waited and is looked at now.
    """

    lane: Lane
    effects: tuple[Effect, ...] = ()
    moved: bool = True
    then: Tapped | Collided | None = None
