"""What a key and a number come to on a lane while a batch is made: taken, shown, refused, or the lane stops. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from tagsmith import words
from tagsmith.batch.checks import Asked, Check
from tagsmith.batch.state import Run
from tagsmith.model import Notice
from tagsmith.production import Sequence, Stop
from tagsmith.uid import Uid

OUT_OF_ORDER = "out-of-order"
"""The warning of a pair whose number was another than the expected one, where that is accepted."""


@dataclass(frozen=True, slots=True)
class Accept:
    """It may be paired; with `warnings` it is shown."""

    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refuse:
    """It is refused, and why. `is_foreign`: the manifest has no such number; another batch's may have."""

    notice: Notice
    is_foreign: bool = False


@dataclass(frozen=True, slots=True)
class Halt:
    """Nothing is paired on the lane until a person has decided."""

    stop: Stop


Verdict = Accept | Refuse | Halt


def shut(run: Run, lane: str) -> Notice | None:
    """Why nothing more of a batch may be begun on a lane; None while it may."""
    if run.is_closed:
        return words.batch_notice("batch-closed", batch=run.batch.name)
    if lane not in run.holds and run.left_for(lane) == 0:
        others = any(other != lane for other in run.holds)
        return words.batch_notice("batch-held" if others else "batch-complete", batch=run.batch.name)
    return None


def judge(run: Run, lane: str, number_key: str, number: str, uid: Uid | None, *, alone: bool) -> Verdict:
    """Whether a lane may have this number, with this key where one is there already.

    `alone`: the station has no other lane, so what was made last was made on this one.
    """
    roster = run.roster
    if not roster.lines:
        return Accept()
    place = roster.by_number.get(number_key)
    if place is None:
        return Refuse(words.batch_notice("not-in-batch", number=number, batch=run.batch.name), is_foreign=True)
    if uid is not None and (stop := other_key(run, place, uid)) is not None:
        return Halt(stop)
    expected = run.expected(lane)
    if expected is not None and place != expected and (stop := _shift(run, lane, place, expected, alone)) is not None:
        return Halt(stop)
    line = roster.lines[place]
    if expected is not None and place != expected and run.order is Sequence.AUTO:
        # The number was asked for because nobody has looked at those before it.
        return Halt(_failed(roster.lines[expected].visual_number, number, ("recheck-run", "undo-run", "scan-again")))
    if line.number_key in run.made:
        return Refuse(words.batch_notice("number-used", number=number, uid=run.made[line.number_key].uid.wire))
    if place in run.skipped:
        return Refuse(words.batch_notice("number-skipped", number=number, why=run.skipped[place]))
    if holder := run.holder(line.number_key, but=lane):
        return Refuse(words.batch_notice("number-held", number=number, lane=holder))
    if expected is None or place == expected:
        return Accept()
    if run.order is Sequence.SHOWN:
        return Accept((OUT_OF_ORDER,))
    return Refuse(words.batch_notice("not-expected", number=number, expected=roster.lines[expected].visual_number))


def other_key(run: Run, place: int, uid: Uid) -> Stop | None:
    """The stop for a number and a key of which the manifest knows better; None where it does not."""
    roster = run.roster
    line, known = roster.lines[place], roster.by_uid.get(uid)
    if line.uid == uid or (line.uid is None and known is None):
        return None
    if known is not None:
        right = roster.lines[known].visual_number
        return words.stop("other-number-for-key", ("scan-again", "put-aside"), (line.visual_number, right), right=right)
    return words.stop(
        "other-key-for-number", ("scan-again", "put-aside"), (line.visual_number,), number=line.visual_number
    )


def _shift(run: Run, lane: str, place: int, expected: int, alone: bool) -> Stop | None:
    """The stop for a number that belongs to a neighbour of the expected one."""
    lines = run.roster.lines
    after = {run.beside(expected, 1), run.available(lane, expected + 1)}
    if place not in after | {run.beside(expected, -1)} or place in run.skipped:
        return None
    made = lines[place].number_key in run.made
    if made and not alone:
        return None  # another lane has made it: this number was only used twice
    is_next = run.leave_out(expected, "").expected(lane) == place
    if run.order is Sequence.AUTO and run.run_of(lane):
        is_next = False  # the card that is missing may be any of those that nobody has looked at
    offered = ["recheck-run", "undo-run"] if run.run_of(lane) else []
    return words.stop(
        "one-card-shift",
        (*(["skip-missing"] if is_next else []), *offered, "scan-again"),
        (lines[expected].visual_number, lines[place].visual_number),
        expected=lines[expected].visual_number,
        scanned=lines[place].visual_number,
        position=lines[expected].position,
    )


def stop_failed(check: Check, found: str) -> Stop:
    """The stop for a check in which another key or number came than there should be. `found` is what came."""
    key = check.key
    choices = ("recheck-run", "undo-run") if check.asked is Asked.RUN else ("recheck-run", "undo-run", "scan-again")
    return _failed(key.visual_number, found, choices)


def _failed(number: str, found: str, choices: tuple[str, ...]) -> Stop:
    return words.stop("check-failed", choices, (number,), number=number, found=found)
