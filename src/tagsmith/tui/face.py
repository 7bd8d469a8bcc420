"""What a lane shows: one huge word, its colour, what happened, what to do now. Pure.

Decides what is told first when several things are wrong; it decides nothing about pairing.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from tagsmith import words
from tagsmith.i18n import N_, Sentence, _, spoken
from tagsmith.model import LaneView, Notice, Phase, ReaderState, Reason, StationView
from tagsmith.production import ShiftView, Stop
from tagsmith.tui import keys
from tagsmith.tui.text import EMPTY, Safe, joined, printable
from tagsmith.uid import ByteOrder, Uid


class Tone(enum.StrEnum):
    """The colour of a lane. The word says the same, for those who do not see the colour."""

    READY = "ready"
    """Nothing waits."""
    HALF = "half"
    """Something is there and something more is awaited."""
    PAIRED = "paired"
    """The pair is on the disc; the only green one."""
    ERROR = "error"
    """Something was refused or is broken."""


@dataclass(frozen=True, slots=True)
class Face:
    """What a lane shows. `spellings` are forms of the one word, the best first, for lanes that are too narrow for it.

    `details` are groups of facts: the parts of a group stand in one line where there is room, else below each other.
    """

    spellings: tuple[str, ...]
    tone: Tone
    title: Safe
    hint: Safe = EMPTY
    details: tuple[tuple[Safe, ...], ...] = ()
    warnings: tuple[Safe, ...] = ()
    expected: Safe = EMPTY
    """The number that comes next, where there is an order."""
    choices: tuple[Safe, ...] = ()
    """What a person may decide, numbered; never cut for the sake of large letters."""

    @property
    def word(self) -> str:
        """The word in full."""
        return self.spellings[0]


_TONES: dict[Phase, Tone] = {
    Phase.READY: Tone.READY,
    Phase.TAG_WAITS: Tone.HALF,
    Phase.NUMBER_WAITS: Tone.HALF,
    Phase.VERIFYING: Tone.HALF,
    Phase.CONFIRMING: Tone.HALF,
    Phase.COMMITTING: Tone.HALF,
    Phase.PAIRED: Tone.PAIRED,
    Phase.REFUSED: Tone.ERROR,
    Phase.KNOWN: Tone.READY,
    Phase.NOT_SAVED: Tone.ERROR,
    Phase.GOLDEN: Tone.HALF,
}

_TITLES: dict[Phase, str] = {
    Phase.READY: N_("Ready for the next key."),
    Phase.TAG_WAITS: N_("The key is read."),
    Phase.NUMBER_WAITS: N_("The number is read."),
    Phase.VERIFYING: N_("Once more, to be sure."),
    Phase.CONFIRMING: N_("Both are there."),
    Phase.COMMITTING: N_("Saving."),
    Phase.PAIRED: N_("Saved."),
    Phase.REFUSED: N_("Refused."),
    Phase.KNOWN: N_("This key is already paired."),
    Phase.NOT_SAVED: N_("NOT SAVED: the pair is not on the disc."),
    Phase.GOLDEN: N_("First of all: the golden key."),
}

_TELLS_NEXT = frozenset({Phase.READY, Phase.TAG_WAITS, Phase.PAIRED, Phase.REFUSED, Phase.KNOWN})
"""Phases in which the next number is of use: in the others there is one already, or something else comes first."""

_HINTS: dict[Phase, str] = {
    Phase.NUMBER_WAITS: N_("Tap the key that bears this number."),
    Phase.NOT_SAVED: N_("Tap the key again, or press {retry}, to try again."),
}
"""Where what the lane expects does not say it well enough."""


def faces(view: StationView, *, settled: bool = True, alarm_seen: str = "") -> tuple[tuple[Safe, Face], ...]:
    """The heading and the face of each lane; of the station as a whole when it has no lanes yet.

    Told first is what makes everything else worthless: the station that cannot go on, then an alarm nobody has seen,
    then a pair that is not on the disc, then the reader. `settled` is false in the first moments: a reader that
    nobody has opened yet is no fault.
    """
    if not view.lanes:
        return ((EMPTY, _station_face(view, alarm_seen) or _wait()),)
    several = len(view.lanes) > 1
    return tuple(
        (_heading(lane) if several else EMPTY, _lane_face(view, lane, settled, alarm_seen)) for lane in view.lanes
    )


def _heading(lane: LaneView) -> Safe:
    return printable(spoken(Sentence("lane {lane}", lane=lane.lane)))


def _wait() -> Face:
    return Face((_("WAIT"),), Tone.READY, Safe(_("Starting.")))


def _lane_face(view: StationView, lane: LaneView, settled: bool, alarm_seen: str) -> Face:
    if urgent := _station_face(view, alarm_seen):
        return urgent
    busy = lane.phase in (Phase.NOT_SAVED, Phase.COMMITTING)
    if lane.stop is not None and not busy:
        return _stop_face(lane.stop)
    if lane.reader.state is not ReaderState.READY and not busy:
        return _wait() if lane.reader.state is ReaderState.MISSING and not settled else _reader_face(lane)
    return _before_the_shift(view.shift, lane) or _phase_face(view, lane)


def _before_the_shift(shift: ShiftView, lane: LaneView) -> Face | None:
    """What is to be done before keys may be paired, where the lane would else ask for one."""
    cleared = lane.notice is None or lane.notice.reason == Reason.CANCELLED
    if shift.ready or lane.phase is not Phase.READY or not cleared:
        return None
    if shift.operator is None:
        hint = keys.named(_("Tap your badge, scan your code, or press {shift}."))
        return Face((_("SIGN ON"),), Tone.HALF, Safe(_("Nobody has signed on.")), Safe(hint))
    if shift.shift is None:
        hint = keys.named(_("Scan SHIFTSTART, or press {shift}."))
        return Face((_("SHIFT"),), Tone.HALF, Safe(_("The shift has not begun.")), Safe(hint))
    failed = next((check.message for check in shift.checks if check.ok is False), "")
    title = printable(spoken(failed or N_("The checks of the shift run.")))
    return Face((_("WAIT"),), Tone.HALF, title, Safe(keys.named(_("Press {shift} to see every check."))))


def _station_face(view: StationView, alarm_seen: str) -> Face | None:
    """What concerns every lane, if anything does."""
    if view.fatal:
        hint = Safe(keys.named(_("Press {leave}, put it right, start again.")))
        return Face((_("STOP"),), Tone.ERROR, printable(spoken(view.fatal)), hint)
    alarm = view.delivery.alarm
    if alarm and alarm != alarm_seen:
        hint = Safe(keys.named(_("Stop, call somebody, then press {acknowledge}.")))
        return Face((_("ALARM"),), Tone.ERROR, printable(spoken(alarm)), hint)
    return None


def _reader_face(lane: LaneView) -> Face:
    reader = lane.reader
    return Face(
        (_("STOP READER"), _("READER")),
        Tone.ERROR,
        printable(spoken(reader.message or Sentence("The reader is {state}.", state=words.READERS[reader.state]))),
        printable(spoken(reader.remedy or N_("Look at its cable, then wait."))),
        details=((printable(reader.spec),),),
    )


def _stop_face(stop: Stop) -> Face:
    return Face(
        (_("STOP"),),
        Tone.ERROR,
        printable(spoken(stop.title)),
        printable(spoken(stop.hint)),
        details=((joined(map(printable, stop.numbers)),),) if stop.numbers else (),
        choices=tuple(printable(f"{place}  {spoken(choice.label)}") for place, choice in enumerate(stop.choices, 1)),
    )


def _phase_face(view: StationView, lane: LaneView) -> Face:
    notice = lane.notice or Notice("", "")
    # The lane stays shut after a wrong golden key: that is a stop, not a wish.
    shut = lane.phase is Phase.GOLDEN and lane.notice is not None
    return Face(
        (_("STOP"),) if shut else _spellings(lane),
        Tone.ERROR if shut else Tone.HALF if _is_checked(lane) else _TONES[lane.phase],
        printable(spoken(notice.title or _TITLES[lane.phase])),
        # Not what the notice says: it does not know the keys of this screen.
        printable(spoken(_hint(lane) if lane.phase is Phase.NOT_SAVED else notice.hint or _hint(lane))),
        details=_details(view, lane),
        warnings=tuple(printable(f"! {spoken(warning)}") for warning in lane.warnings),
        expected=printable(lane.expected) if lane.phase in _TELLS_NEXT else EMPTY,
    )


def _is_checked(lane: LaneView) -> bool:
    """Whether the lane waits for a key that is looked at once more; what goes wrong meanwhile is shown all the same."""
    return lane.expects in words.BIG_CHECK and lane.phase in (Phase.READY, Phase.PAIRED)


def _hint(lane: LaneView) -> str:
    if lane.phase is Phase.PAIRED and lane.expects == "tag":
        return N_("Take the key away, tap the next one.")
    if lane.phase is Phase.NOT_SAVED:
        return Sentence(_HINTS[lane.phase], retry=keys.name("retry"))
    return _HINTS.get(lane.phase) or words.NEXT.get(lane.expects, "")


def _spellings(lane: LaneView) -> tuple[str, ...]:
    if lane.phase is Phase.READY and lane.expects == "number":
        return (_("SCAN"),)
    if _is_checked(lane):
        word = _(words.BIG_CHECK[lane.expects])
    elif lane.phase is Phase.VERIFYING and lane.expects == "again":
        word = _(words.BIG_AGAIN)
    else:
        word = _(words.BIG[lane.phase])
    last = word.split()[-1]
    return (word,) if word == last else (word, last)


def _details(view: StationView, lane: LaneView) -> tuple[tuple[Safe, ...], ...]:
    number = (printable(spoken(Sentence("number {number}", number=lane.number))),) if lane.number else ()
    uid = uid_lines(lane.uid, view.order) if lane.uid else ()
    return tuple(group for group in (number, uid) if group)


def uid_lines(uid: Uid, order: ByteOrder) -> tuple[Safe, Safe]:
    """The UID in both orders; the one the API gets is marked."""
    wire, reversed_ = (
        Safe(f"{name} {text}{' = API' if api else ''}")
        for name, text, api in (
            ("wire", uid.wire, order is ByteOrder.WIRE),
            ("reversed", uid.reversed, order is ByteOrder.REVERSED),
        )
    )
    return wire, reversed_
