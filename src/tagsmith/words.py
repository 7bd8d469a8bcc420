"""Reason → what a person reads. The one place with sentences for workers, so that they can be translated.

A title says what happened, a hint what to do now; each fits on a line of 60 characters where it can.
The tables hold English; whoever shows a sentence says it by `i18n.spoken`, so that events and the journal stay English.
Nothing here decides anything. Texts from outside (numbers, names) are put in as they are: whoever shows them makes
them printable.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from tagsmith.i18n import N_, Sentence, _, day_and_time, decimal, spoken
from tagsmith.i18n import number as local_number
from tagsmith.model import (
    Delivery,
    DeliveryView,
    LegState,
    Mark,
    Notice,
    Phase,
    ReaderInfo,
    ReaderState,
    Reason,
    Record,
    ScanFault,
    State,
)
from tagsmith.production import Choice, RejectCause, RejectedKey, Shift, ShiftReport, Stop
from tagsmith.uid import Uid, UidReason
from tagsmith.visual_number import NumberReason, NumberVerdict

BIG: dict[Phase, str] = {
    Phase.READY: "TAP",
    Phase.TAG_WAITS: "SCAN",
    Phase.NUMBER_WAITS: "TAP",
    Phase.VERIFYING: "TAP AGAIN",
    Phase.CONFIRMING: "SURE?",
    Phase.COMMITTING: "SAVING",
    Phase.PAIRED: "PAIRED",
    Phase.REFUSED: "STOP",
    Phase.KNOWN: "KNOWN",
    Phase.NOT_SAVED: "STOP",
    Phase.GOLDEN: "GOLDEN KEY",
}
"""The one huge word of each phase."""

BIG_CHECK = {"check-tap": "CHECK TAP", "check-scan": "CHECK SCAN"}
"""That of a check, by what it wants next."""

BIG_AGAIN = "SCAN AGAIN"
"""That of a number which is to be scanned twice."""

NEXT: dict[str, str] = {
    "tag": "Tap a key on the reader.",
    "number": "Scan the number printed on this key.",
    "either": "Tap a key or scan its number.",
    "verify": "Lift the key and tap it once more.",
    "confirm": "Look at it, then confirm.",
    "saving": "Being written to the disc.",
    "golden": "Tap the golden key: it proves that this reader reads right.",
    "again": "Scan the same number once more.",
    "check-tap": "Check: tap this key again.",
    "check-scan": "Check: scan the number of this key.",
}
"""What the lane expects now."""

STATES: dict[State, str] = {
    State.HELD: "held",
    State.QUEUED: "queued",
    State.RESERVED: "reserved",
    State.ACTIVE: "active",
    State.REFUSED: "refused",
    State.UNKNOWN: "unknown",
    State.UNDONE: "undone",
    State.VOID: "void",
}

READERS: dict[ReaderState, str] = {
    ReaderState.READY: "ready",
    ReaderState.MISSING: "not found",
    ReaderState.FORBIDDEN: "no permission",
    ReaderState.BUSY: "in use by another",
    ReaderState.LOST: "lost",
    ReaderState.UNSUPPORTED: "not usable",
}

_LIFT = "Take the key away and tap it again."

_REASONS: dict[str, tuple[str, str]] = {
    Reason.NO_TAG: ("No key for this number.", "Tap the key first, then scan its number."),
    Reason.NO_NUMBER: ("No number for this key.", "Scan the number first, then tap the key."),
    Reason.STALE_SCAN: ("This number was scanned before the key was tapped.", "Scan the number once more."),
    Reason.STALE_TAP: ("This key was tapped before the lane was clear.", _LIFT),
    Reason.TAG_CHANGED: ("Another key came in between: both are dropped.", "Take all keys away and tap one."),
    Reason.NUMBER_CHANGED: ("Another number came in between: both are dropped.", "Start this key again."),
    Reason.TWO_TAGS: ("Two keys are on the reader.", "Take all keys away and tap one alone."),
    Reason.READER_LOST: ("The reader was away: nothing is paired.", "When it is back, start this key again."),
    Reason.TAG_REMOVED: ("The key left before its number came.", "Tap it again and leave it there."),
    Reason.OTHER_TAG: ("The second tap was another key: nothing is paired.", "Start this key again."),
    Reason.DUPLICATE_UID: ("This key is already paired.", "Put it aside and take the next key."),
    Reason.DUPLICATE_NUMBER: ("This number is already used.", "Put the key aside and call somebody."),
    Reason.BATCH_CLOSED: ("The batch is closed: nothing is paired.", "Choose another batch."),
    Reason.TIMEOUT: ("It took too long: nothing is paired.", _LIFT),
    Reason.CANCELLED: ("Cleared: nothing is paired.", "Tap a key to go on."),
    Reason.PUT_ASIDE: ("Put aside.", "Lay it with the rejects and take the next key."),
    Reason.NOT_SAVED: ("NOT SAVED: the pair is not on the disc.", "Tap the key again to try again."),
    Reason.BUSY: ("The last pair is still being saved.", "Wait for PAIRED, then scan again."),
    Reason.TWO_LANES: ("The same key is on two lanes at once.", "Take it away; put both keys aside and call somebody."),
    Reason.NOT_FOR_PAIRING: (
        "This key is a golden key or a badge: never paired.",
        "Take it away and tap the next key.",
    ),
    Reason.NUMBER_IS_UID: (
        "That is the chip's own number, not the printed one.",
        "Scan the number printed on this key.",
    ),
    Reason.UNREADABLE: ("The key on the reader cannot be read.", "Take it away and lay one key on it, flat."),
    Reason.STALLED: ("The station stood still: nothing is paired.", "Start this key again."),
    Reason.CONFIRM_STALE: ("Something changed before it was confirmed.", "Look at it again, then confirm."),
    Reason.LANE_STOPPED: ("This lane has stopped: nothing is paired.", "Choose what is to be done about it first."),
    Reason.KEY_AWAY: ("The key is not on the reader: nothing is saved.", "Lay this key on the reader, then confirm."),
    Reason.GOLDEN_AWAITED: ("The golden key comes first.", "Tap the golden key on this lane."),
    Reason.GOLDEN_REVERSED: (
        "The golden key came back to front: wrong byte order.",
        "Stop. Set this reader's order right.",
    ),
    Reason.GOLDEN_MISMATCH: (
        "This is not the golden key, or the reader mangles it.",
        "Tap the golden key; if it is, stop.",
    ),
    UidReason.RANDOM: ("This chip changes its number at every tap.", "Not a charging key (a phone?). Put it aside."),
    UidReason.CASCADE_TAG: (
        "The reader gave only a part of the chip's number.",
        "Tap again; if it stays, put it aside.",
    ),
    UidReason.RESERVED: ("This chip has a reserved number.", "Put it aside."),
    UidReason.NOT_UNIQUE: ("This chip's number is not unique.", ""),
    UidReason.ORDER_SUSPECT: ("The chip's number looks back to front.", "Stop and check the reader's byte order."),
    UidReason.BLANK: ("This chip is blank.", "Put it aside."),
    UidReason.DEMONSTRATION: ("This chip has a demonstration number.", ""),
    UidReason.EIGHT_BYTES: ("This chip is of a kind that is no charging key.", "Put it aside."),
    UidReason.LOW_FREQUENCY: ("This is a 125 kHz tag: no charging key.", "Put it aside."),
    UidReason.LENGTH: ("This chip's number has a length no charging key has.", "Put it aside."),
    UidReason.TYPE_B: ("This chip is of a kind that is no charging key.", "Put it aside."),
    UidReason.PHONE: ("This is a phone, not a charging key.", "Take it away."),
    UidReason.INCOMPLETE: ("The reader gave only a part of the chip's number.", _LIFT),
    UidReason.FOUR_BYTES: ("4-byte chip: such numbers are reused by makers.", ""),
    UidReason.TEN_BYTES: ("10-byte chip: rare, check that it is meant.", ""),
    ScanFault.DIRTY: ("The scan holds characters that no number has.", "Scan once more; clean the label."),
    ScanFault.OVERFLOW: ("That is far too long for a number.", "Scan the number on this key only."),
    ScanFault.PARTIAL: ("Only a part of a number came.", "Scan once more."),
    NumberReason.EMPTY: ("There is no number in this scan.", "Scan the number printed on the key."),
    NumberReason.TOO_LONG: ("That is too long for a number.", "Scan the number on this key only."),
    NumberReason.CONTROL_CHARACTER: ("The number holds a character that no number has.", "Scan once more."),
    NumberReason.INVISIBLE_CHARACTER: ("The number holds a character nobody can see.", "Scan once more."),
    NumberReason.PATTERN: ("This is not a number of this kind of key.", "Scan the number printed on the key."),
    NumberReason.CHECK_DIGIT: ("The number's last character is wrong.", "Compare it with the printed one."),
    NumberReason.LAYOUT: ("The number arrived mangled: wrong keyboard setting.", "Call somebody to set the scanner."),
    NumberReason.CAPS_LOCK: ("The number arrived mangled: Caps Lock is on.", "Switch Caps Lock off and scan again."),
    NumberReason.DOUBLED: ("The same number came twice in one line.", "Scan it once more, once only."),
    "unknown-lane": ("The number names no lane of this station.", "Write LANE, a tab, and the number."),
    "lane-first": ("Nobody knows which lane this number is for.", "Scan the lane's barcode, then the number."),
    "lane-chosen": ("This lane is chosen.", "Scan the number printed on its key."),
    "two-lanes-chosen": (
        "Two lanes were chosen, one after the other.",
        "Scan the lane's barcode and its number again.",
    ),
    "other-lane": ("This scanner belongs to another lane.", "Scan with the scanner of that lane."),
    "unknown-command": ("This station knows no such command.", "Print its sheet anew: tagsmith commands --sheet."),
    "verify-next": ("The next pair is verified.", "Tap the key, scan its number, tap it once more."),
    "golden-seen": ("The golden key was read right.", "Tap the first key."),
    "nothing-to-undo": ("There is no pair of this lane to undo.", ""),
    "undone": ("Taken back: the last pair of this lane.", "Its key and its number are free again."),
    "undo-refused": ("Too late to undo: it was already sent.", "Put the key aside and call somebody."),
    "which-lane": ("Nobody knows which lane is meant.", "Choose the lane first."),
    "aside-is-paired": ("The key on the reader is paired.", "Take it away first; or take the pair back (F2)."),
    "aside-already": ("This key is put aside already.", "Lay it with the rejects and take the next key."),
    "aside-not-saved": ("The key is not recorded as put aside.", "Try again."),
    "unlocked": ("This lane goes on.", "Tap the next key."),
    "unlock-wrong": ("That is no supervisor's badge, code or PIN.", "The lane stays stopped."),
    "unlock-supervisor": ("Only a supervisor lets this lane go on.", "Badge on the reader, code, or PIN."),
    "unlock-which": ("Several lanes have stopped.", "Scan the lane's barcode first, or tap the badge on the lane."),
    "sign-on-first": ("Nobody has signed on: nothing is paired.", "Tap your badge, or scan your code."),
    "shift-first": ("The shift has not begun: nothing is paired.", "Start the shift (barcode SHIFTSTART)."),
    "shift-checks": ("The checks of the shift are not passed yet.", "See which is open, and mend it."),
    "unknown-operator": ("Nobody of this name or code works here.", "Tap your badge, or scan your code."),
    "shift-runs": ("A shift runs already.", "End it first (barcode SHIFTEND)."),
    "no-shift": ("No shift runs.", "Start one (barcode SHIFTSTART)."),
    "shift-ending": ("The shift is being ended.", "Wait for its report."),
    "shift-not-saved": ("Not done: the journal does not take it.", "Try again."),
    "still-saving": ("A pair is still being saved.", "Wait for PAIRED, then try again."),
    "already-saved": ("Already saved.", ""),
    "out-of-order": ("This number was not the next one.", ""),
    "batch-changing": ("The batch is being changed: nothing is paired.", "Wait a moment, then start this key again."),
    "check-tap-first": ("The key comes first in a check.", "Tap the key, then scan its number."),
    "second-scan": ("Scanned once.", "Scan the same number once more."),
    "nothing-to-decide": ("This lane has not stopped, or offers no such choice.", "Look at the screen."),
    "no-batch": ("No batch is chosen.", "Choose one first."),
    "no-expected": ("No number comes next in this batch.", "Choose a batch with an order, or close this one."),
    "check-passed": ("Checked: all is right.", "Tap the next key."),
    "run-undone": ("The last keys are taken back.", "Start with the first of them again."),
    "check-not-saved": ("The check has passed, but that is not saved.", "Go on; it is asked for again."),
    "undo-failed": ("Not undone.", ""),
}

_OF_BATCHES: dict[str, tuple[str, str]] = {
    "not-in-batch": ("{number} is not of batch {batch}.", "Put the key aside and take the next one."),
    "other-batch": ("{number} is of another batch: {batch}.", "Put the key aside and call somebody."),
    "number-used": ("{number} is made already, with key {uid}.", "Put the key aside and call somebody."),
    "number-skipped": ("{number} was skipped: {why}.", "Put the key aside and call somebody."),
    "number-held": ("{number} waits on lane {lane}.", "Scan the number printed on this key."),
    "not-expected": ("{number} is not next: {expected} is.", "Scan again, or find the key {expected}."),
    "batch-complete": ("Batch {batch} is complete.", "Close the batch, or choose another one."),
    "batch-held": ("The last keys of batch {batch} are on other lanes.", "Wait until they are done."),
    "batch-closed": ("Batch {batch} is closed.", "Choose another batch."),
    "check-tap": ("CHECK {place} of {count}: tap the key {number} again.", "Then scan its number."),
    "check-scan": ("CHECK {place} of {count}: the key is right.", "Scan its number: {number}."),
    "last-check": ("{count} keys still wait for a check: not closed.", "Check the last one: lane {lane}."),
    "others-wait": ("{count} keys of other stations wait for a check: not closed.", "Have them checked there."),
    "run-partly-undone": ("Already sent, not taken back: {numbers}.", "Put these keys aside and call somebody."),
    "batch-not-changed": ("Not done: {why}.", ""),
    "was-not-next": ("{number} was taken; {expected} is still to come.", "Find the key {expected}, or skip it."),
    "skipped-line": ("{number} is skipped: {why}.", ""),
    "now-batch": ("Batch {batch} is chosen.", "Tap a key."),
    "batch-is-closed": ("Batch {batch} is closed now.", ""),
    "scan-differs": ("The second scan was another number.", "Scan the number of this key twice."),
}
"""As `_REASONS`, with values in them."""

_STOPS: dict[str, tuple[str, str]] = {
    "one-card-shift": (
        "{scanned} came, {expected} is next: shifted by one card?",
        "Look whether a card is missing, then choose.",
    ),
    "other-number-for-key": ("This key belongs to {right}.", "Scan its own number, or put the key aside."),
    "other-key-for-number": ("{number} belongs to another key.", "Scan this key's own number, or put it aside."),
    "check-failed": (
        "The check failed at {number}: {found} came.",
        "Check the keys since the last check, or take them back.",
    ),
}
"""Why a lane has stopped."""

_CHOICES: dict[str, str] = {
    "skip-missing": "Card #{position} is missing: skip it",
    "recheck-run": "Shifted since the last check: check those keys again",
    "undo-run": "Take back all keys since the last check",
    "scan-again": "It was a wrong scan or tap: go on as before",
    "put-aside": "Put this key aside",
}
"""What a person may decide then."""

_SHORT: dict[str, str] = {
    "skip-missing": "skip the missing card",
    "recheck-run": "check the last keys again",
    "undo-run": "take the last keys back",
    "scan-again": "a wrong scan, go on",
    "put-aside": "put the key aside",
}
"""The same in a few words."""


def title(reason: str) -> str:
    """The one line for a reason; the reason itself where there are no words for it."""
    return _REASONS.get(reason, (reason, ""))[0]


def notice(reason: str, *, uid: Uid | None = None, number: str = "", record: Record | None = None) -> Notice:
    """What a person reads for a refusal: what happened, to which key, and what to do now."""
    what, do = _REASONS.get(reason) or (Sentence("Refused: {reason}.", reason=str(reason)), "Try again.")
    if record is not None:
        what = Sentence("{what} {holder}.", what=what, holder=_holder(record))
    return Notice(reason=str(reason), title=what, hint=do)


def batch_notice(reason: str, **values: object) -> Notice:
    """What a person reads about the batch under way; `values` stand in the sentences."""
    what, do = _OF_BATCHES[reason]
    return Notice(reason=reason, title=Sentence(what, **values), hint=Sentence(do, **values) if do else "")


def stop(reason: str, choices: Sequence[str], numbers: Sequence[str] = (), **values: object) -> Stop:
    """Why a lane has stopped, and what may be chosen. `numbers` are those that it is about."""
    what, do = _STOPS[reason]
    offered = tuple(Choice(choice, Sentence(_CHOICES[choice], **values)) for choice in choices)
    # Whatever lies wrong is one matter to whoever decides: a known key and a number that are not each other's.
    word = "other-number-for-key" if reason == "other-key-for-number" else reason
    return Stop(word, Sentence(what, **values), Sentence(do, **values), offered, tuple(numbers))


def choice(choice_id: str) -> str:
    """What a person reads for a choice where nothing of the stop is known any more; its id where there are no words."""
    return _SHORT.get(choice_id, choice_id)


def reader_limits(info: ReaderInfo) -> tuple[str, ...]:
    """What a reader cannot tell, and what follows for the worker; nothing for one that can tell everything."""
    said = (
        (info.sees_two, N_("It cannot tell two keys from one: keep all other keys away from it.")),
        (info.sees_removal, N_("It does not notice when a key is taken away: tap each key once.")),
        (info.sees_sak, N_("It does not tell whether a chip's number is complete: put odd keys aside.")),
    )
    return tuple(text for can, text in said if not can)


def number_notice(verdict: NumberVerdict) -> Notice:
    """What a person reads for a number that is refused: the verdict's own line knows the details."""
    return Notice(reason=str(verdict.reason), title=title(verdict.reason), hint=verdict.hint)


def _holder(record: Record) -> Sentence:
    """When, where and with what a pair was made, in local time."""
    entry = record.entry
    values = {"number": entry.visual_number, "uid": entry.uid.wire, "when": entry.paired_at}
    if entry.station and entry.lane:
        return Sentence(
            "{number} with {uid}, {when}, {station} lane {lane}", **values, station=entry.station, lane=entry.lane
        )
    if entry.lane:
        return Sentence("{number} with {uid}, {when}, lane {lane}", **values, lane=entry.lane)
    if entry.station:
        return Sentence("{number} with {uid}, {when}, {station}", **values, station=entry.station)
    return Sentence("{number} with {uid}, {when}", **values)


def told(notice: Notice) -> str:
    """A notice in one line, as the event stream tells it."""
    return Sentence("{title} {hint}", title=notice.title, hint=notice.hint) if notice.hint else notice.title


def many_rejects(count: int, *, supervised: bool) -> tuple[Notice, str]:
    """What a person reads when a lane has stopped after so many rejected keys in a row, and what the way on says."""
    title = Sentence("Stopped: {count} keys in a row were rejected.", count=count)
    if supervised:
        hint, label = N_("Find out why; then call a supervisor."), N_("Go on (a supervisor's badge, code or PIN)")
    else:
        hint, label = N_("Find out why before you go on."), N_("Go on (no supervisor is set: anybody may)")
    return Notice("many-rejects", title, hint), label


def unlocked(lane: str, who: str) -> str:
    """That a lane goes on."""
    if who:
        return Sentence("Lane {lane} goes on: {who} has let it.", lane=lane, who=who)
    return Sentence("Lane {lane} goes on.", lane=lane)


def unlock_later(seconds: int) -> str:
    """That no secret is looked at for so long."""
    return Sentence("Too many wrong ones: wait {seconds} s, then try again.", seconds=seconds)


def put_aside(cause: RejectCause) -> Notice:
    """What a person reads on the lane when a key was put aside."""
    title = Sentence("Put aside: {cause}.", cause=CAUSES[cause])
    return Notice(Reason.PUT_ASIDE, title, _REASONS[Reason.PUT_ASIDE][1])


def aside(key: RejectedKey) -> str:
    """Which key was put aside, and why; in one line."""
    cause = CAUSES.get(key.cause, key.cause)
    if key.visual_number:
        return Sentence("Put aside: {number}, {cause}.", number=key.visual_number, cause=cause)
    if key.uid is not None:
        return Sentence("Put aside: key {uid}, {cause}.", uid=key.uid.wire, cause=cause)
    return Sentence("Put aside: {cause}.", cause=cause)


def too_late(record: Record | None) -> str:
    """Why a pair cannot be taken back, and what to do instead; in one line."""
    if record is None:
        return N_("There is no such pair.")
    number = record.entry.visual_number
    if record.mark is Mark.VOID:
        return Sentence("{number} was declared void before: it stays so.", number=number)
    if record.reservation.state is LegState.DONE:
        what = Sentence("Too late: the API holds {number}.", number=number)
    elif record.reservation.state is LegState.REFUSED:
        what = Sentence("Too late: the API refused {number}.", number=number)
    else:
        what = Sentence("Too late: the API perhaps holds {number}.", number=number)
    uid = record.entry.uid.wire
    return Sentence("{what} To give it up: tagsmith journal void {uid} --reason WHY", what=what, uid=uid)


def todo(record: Record) -> str:
    """What a person is to do about a pair that does not go on by itself; one sentence, empty for any other.

    The commands name it by its UID: a number could be that of another one, too, and needs quotes in a shell.
    """
    if not record.for_a_person:
        return ""
    key, reservation, activation = {"uid": record.entry.uid.wire}, record.reservation, record.activation
    if reservation.state is LegState.REFUSED:
        return Sentence("Look at number and key; then tagsmith journal retry {uid}, or correct, or void.", **key)
    if reservation.state is LegState.UNKNOWN and not reservation.repeat:
        return Sentence("Find out whether the API holds it: tagsmith journal resolve {uid}", **key)
    if activation.state is LegState.UNKNOWN:
        return Sentence("Find out whether it is activated: tagsmith journal resolve {uid}", **key)
    if activation.status == _NO_SUCH_USER:
        return Sentence("The API does not know its user: tagsmith journal correct {uid} --user ANOTHER", **key)
    return Sentence("Not activated, see why; then tagsmith journal retry {uid}, or correct with --user.", **key)


_NO_SUCH_USER = 404

BACKLOG = 20
"""So many waiting entries are a backlog, whose progress is told."""


def progress(delivery: DeliveryView) -> str:
    """How a backlog comes down, in a few words; empty where there is none."""
    if delivery.delivery is not Delivery.ACTIVE or delivery.waiting < BACKLOG:
        return ""
    left_s = delivery.left_s
    waiting = local_number(delivery.waiting)
    if left_s is None:
        return spoken(Sentence("{waiting} wait to be sent", waiting=waiting))
    if left_s < 90:
        left = N_("about a minute left")
    elif left_s < 5400:
        left = Sentence("about {count} minutes left", count=round(left_s / 60))
    else:
        left = Sentence("about {count} hours left", count=round(left_s / 3600))
    pace = local_number(delivery.per_minute)
    return spoken(Sentence("{waiting} wait to be sent, {pace} a minute, {left}", waiting=waiting, pace=pace, left=left))


CAUSES: dict[str, str] = {
    RejectCause.DAMAGED_PRINT: N_("damaged print"),
    RejectCause.DEAD_CHIP: N_("dead chip"),
    RejectCause.WRONG_CHIP: N_("wrong chip"),
    RejectCause.DUPLICATE: N_("duplicate"),
    RejectCause.OTHER: N_("other"),
}
"""Why keys were put aside."""

PAGE = 60
"""Columns of a page of plain text: what a receipt printer, a terminal and a mail all show whole."""
_LABEL = 22


def shift_title(shift: Shift) -> str:
    """What stands above the report of a shift. It is English, as all that is recorded."""
    return f"Shift of {shift.operator or 'nobody in particular'} at {shift.station}"


def shift_page(report: ShiftReport) -> str:
    """A report as a page of plain text, at most `PAGE` columns wide; times are local."""
    cycle, share = report.median_cycle_s, report.first_pass_yield
    rows = [
        (_("Operators"), ", ".join(report.operators) or "-"),
        (_("From"), day_and_time(report.started_at)),
        (_("Until"), day_and_time(report.ended_at) if report.ended_at else _("now")),
        (_("Pairs"), str(report.paired)),
        (_("Undone"), str(report.undone)),
        (_("Rejected keys"), str(sum(count for _cause, count in report.rejects))),
        *((f"  {_(CAUSES.get(cause, cause))}", str(count)) for cause, count in report.rejects),
        (_("First-pass yield"), "-" if share is None else f"{decimal(100 * share)} %"),
        (_("Median cycle time"), "-" if cycle is None else f"{decimal(cycle)} s"),
        (_("Keys per hour"), str(report.per_hour)),
        (_("Reader recoveries"), str(report.recoveries)),
        (_("Waiting deliveries"), str(report.waiting)),
    ]
    lines = [*textwrap.wrap(report.title, PAGE), "=" * PAGE]
    for label, value in rows:
        # A cause may be any word; a long one has a line of its own.
        head = textwrap.wrap(label.strip(), PAGE, initial_indent=label[: len(label) - len(label.lstrip())]) or [""]
        body = textwrap.wrap(value, PAGE - _LABEL) or [""]
        lines += head[:-1]
        if len(head[-1]) >= _LABEL:
            lines.append(head[-1])
            head = [""]
        lines += [f"{name:<{_LABEL}}{text}" for name, text in zip([head[-1], *[""] * len(body)], body, strict=False)]
    return "\n".join(lines) + "\n"
