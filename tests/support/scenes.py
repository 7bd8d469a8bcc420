"""Moments of a day at a station, as views and the keys that lead there: for pictures, and for people who look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from support.fake_station import NOW, STOP, UID, lane, pair, view
from tagsmith.model import LaneView, Notice, Phase, State, StationView
from tagsmith.production import Batch, BatchStand, BatchView, Choice, Operator, ShiftView, Stop
from tagsmith.production import Sequence as Order

NUMBER = "DE*8PS*CD0C00*2"

SHIFT_STOP = Stop(
    "one-card-shift",
    "This number belongs to the next card: one may be missing.",
    "Look which card is on the reader, then decide.",
    (
        Choice("skip-missing", "card #250 is missing: skip it"),
        Choice("recheck-run", "shifted since the last check: check 49 keys again"),
        Choice("undo-run", "take the 49 keys since the last check back"),
        Choice("scan-again", "a wrong scan: lay this key aside, go on as before"),
    ),
    ("DE*8PS*CD0C15*6", "DE*8PS*CD0C16*4"),
)
REJECT_STOP = Stop(
    "many-rejects",
    "5 keys in a row were rejected.",
    "Call a supervisor: badge on this reader, or code or PIN.",
    (Choice("unlock", "a supervisor has looked at it: go on"),),
)


def batch(name: str, paired: int, **changes: object) -> BatchStand:
    """A batch of 500 and how far it is."""
    made = Batch(name.lower(), name, "http://127.0.0.1:8787/drive", NOW - timedelta(days=1), goal=500, key_type="CARD")
    return BatchStand(replace(made, **changes), paired=paired)  # type: ignore[arg-type]


def day(*lanes: LaneView, **changes: object) -> StationView:
    """A shift with a batch under way."""
    stand = batch("LOT-2026-18 Stadtwerke Tiefenbach", 213, size=500, goal=None, sequence=Order.ORDERED)
    made = view(
        *(lanes or (lane(expected=NUMBER),)),
        batch=BatchView(stand, left_s=4800.0),
        batches=(batch("LOT-2026-19", 0), stand, batch("LOT-2026-17", 498)),
        shift=ShiftView(operator=Operator("Ada Lovelace")),
        rates=(0, 3, 5, 7, 7, 8, 6, 0, 2, 7, 9, 7),
        first_pass_yield=0.9712,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def eight() -> tuple[LaneView, ...]:
    """Eight lanes, each in another state."""
    saved = Notice("", f"Saved {NUMBER}.", "Take the key away, tap the next one.", good=True)
    return (
        lane(expected="DE*8PS*CD0C07*5"),
        lane(Phase.TAG_WAITS, lane="2", uid=UID, expected="DE*8PS*CD0C08*3"),
        lane(Phase.PAIRED, lane="3", uid=UID, number=NUMBER, notice=saved),
        lane(Phase.REFUSED, lane="4", uid=UID, number=NUMBER, notice=STOP),
        lane(Phase.REFUSED, lane="5", stop=SHIFT_STOP),
        lane(Phase.NUMBER_WAITS, lane="6", number="DE*8PS*CD0C10*1"),
        lane(Phase.VERIFYING, lane="7", uid=UID, number="DE*8PS*CD0C11*9"),
        lane(Phase.KNOWN, lane="8", uid=UID),
    )


def pairs() -> tuple[object, ...]:
    """The last pairs of two lanes."""
    states = (State.HELD, State.HELD, State.QUEUED, State.RESERVED, State.REFUSED, State.UNKNOWN, State.UNDONE)
    messages = {State.REFUSED: "The API said: 409, it is there already.", State.UNKNOWN: "The answer was lost."}
    return tuple(
        pair(
            f"DE*8PS*CD0C{place:02}*{place % 10}",
            states[place % len(states)],
            lane=str(1 + place % 2),
            paired_at=NOW - timedelta(seconds=40 * place),
            can_undo=states[place % len(states)] in (State.HELD, State.QUEUED),
            message=messages.get(states[place % len(states)], ""),
        )
        for place in range(20)
    )


def work() -> tuple[object, ...]:
    """What waits for a person."""
    return (
        replace(pairs()[4], todo="Put this key aside and pair its number with a new key."),  # type: ignore[type-var]
        replace(pairs()[5], todo="Look it up at the API, then: tagsmith journal settle."),  # type: ignore[type-var]
    )


@dataclass(frozen=True, slots=True)
class Scene:
    """A view and what is pressed then."""

    view: StationView
    keys: Sequence[str] = ()


def scenes() -> dict[str, Scene]:
    """Every state that matters, by name."""
    saved = Notice("", f"Saved {NUMBER}.", "Take the key away, tap the next one.", good=True)
    stopped = day(lane(Phase.REFUSED, stop=SHIFT_STOP))
    listed = day(lane(), lane(Phase.TAG_WAITS, lane="2", uid=UID), pairs=pairs(), work=work())
    return {
        "ready": Scene(view()),
        "half": Scene(view(lane(Phase.TAG_WAITS, uid=UID))),
        "paired": Scene(view(lane(Phase.PAIRED, uid=UID, number=NUMBER, notice=saved))),
        "stop": Scene(view(lane(Phase.REFUSED, uid=UID, number=NUMBER, notice=STOP))),
        "eight-lanes": Scene(day(*eight(), work=work())),
        "batch": Scene(day()),
        "stopped": Scene(stopped),
        "choices": Scene(stopped, ("f11",)),
        "secret": Scene(day(lane(), lane(Phase.REFUSED, lane="2", stop=REJECT_STOP)), ("f11", "1", "4", "7")),
        "batches": Scene(day(), ("f3",)),
        "new-batch": Scene(day(), ("f3", "end", "enter")),
        "work-list": Scene(listed, ("f6",)),
        "recent-pairs": Scene(listed, ("f4", "down")),
        "reject": Scene(listed, ("f7",)),
    }
