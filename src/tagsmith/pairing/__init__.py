"""What a lane may do now: one table of moves, `step(lane, event, rules) -> Step`. Pure: no clock, no input, no output.

Every move stands in `TABLE`; an event without a move changes nothing. Every tap and scan carries the monotonic time
of its *capture*, because what a stalled terminal or a slow reader delivers late would otherwise be joined by
delivery, and that makes wrong pairs. Effects bear ids; an answer to a past id is ignored.

    values   rules, events, effects, the lane
    moves    what each move does
    table    which event means something in which phase, and where it may lead (docs/pairing.md)
"""

from tagsmith.pairing.moves import BOUNCE_S, RESCAN_S, RIVALRY_S
from tagsmith.pairing.table import TABLE, Move, describe, step
from tagsmith.pairing.values import (
    Cancel,
    Collided,
    Commit,
    Confirmed,
    Effect,
    Event,
    Found,
    GoldenSeen,
    Lane,
    Last,
    LookUp,
    NotSaved,
    NumberRefused,
    Order,
    ReaderGone,
    Reject,
    Removed,
    Retry,
    Rivals,
    Rules,
    Saved,
    Scanned,
    Stalled,
    Step,
    Taken,
    Tapped,
    Tick,
    Undo,
    UndoAsked,
    Undone,
)

__all__ = [
    "BOUNCE_S",
    "RESCAN_S",
    "RIVALRY_S",
    "TABLE",
    "Cancel",
    "Collided",
    "Commit",
    "Confirmed",
    "Effect",
    "Event",
    "Found",
    "GoldenSeen",
    "Lane",
    "Last",
    "LookUp",
    "Move",
    "NotSaved",
    "NumberRefused",
    "Order",
    "ReaderGone",
    "Reject",
    "Removed",
    "Retry",
    "Rivals",
    "Rules",
    "Saved",
    "Scanned",
    "Stalled",
    "Step",
    "Taken",
    "Tapped",
    "Tick",
    "Undo",
    "UndoAsked",
    "Undone",
    "describe",
    "step",
]
