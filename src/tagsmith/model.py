"""The frozen values that cross rooms, and the words they are made of. No behaviour beyond what derives from them.

Times: `at` is monotonic seconds of capture at the source (`time.monotonic`), used for durations and order only;
`*_at` of records are aware UTC datetimes.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime

from tagsmith.production import BatchStand, BatchView, ShiftView, Stop
from tagsmith.uid import ByteOrder, Uid

# --- what lies on a reader ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tag:
    """One chip as a reader saw it. `sak` where the reader gives it; `raw` is what the reader really sent (hex)."""

    uid: Uid
    sak: int | None = None
    raw: str = ""


class Trouble(enum.StrEnum):
    """Why something lies on a reader and yet its UID cannot be read."""

    MUTE = "mute"
    """It does not answer: two keys at once, one laid badly, or a broken one."""
    NO_UID = "no-uid"
    """It answers, but not with a UID."""
    HELD = "held"
    """Another program holds it for itself."""


@dataclass(frozen=True, slots=True)
class Field:
    """What is on a reader now: none, one or two tags, and the backend's arrival count where it has one.

    Two fields with like tags and unlike counts are different: something left and came back in between. `trouble` is
    set where something lies there that cannot be read; there are no tags then.
    """

    tags: tuple[Tag, ...] = ()
    count: int | None = None
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True)
class ReaderInfo:
    """What an open reader is and can. `name` is the device's own; `spec` the text that selects just this reader."""

    name: str
    spec: str
    sees_two: bool
    """Two chips in the field are seen as two; else the worker must keep other cards away."""
    sees_removal: bool
    """Taking the tag away is seen."""
    sees_sak: bool
    """The select acknowledge is read, so an unfinished UID is noticed."""


class ReaderState(enum.StrEnum):
    """How a reader stands; the `state` of the `reader` event."""

    READY = "ready"
    """Open and waiting for a tag."""
    MISSING = "missing"
    """Not there; it is taken when it comes."""
    FORBIDDEN = "forbidden"
    """There, but this user may not open it."""
    BUSY = "busy"
    """Somebody else holds it."""
    LOST = "lost"
    """It was open and went away; it is taken again when it returns."""
    UNSUPPORTED = "unsupported"
    """Its library is missing or it cannot do what is asked."""


@dataclass(frozen=True, slots=True)
class ReaderStatus:
    """The state of one reader, with the words for it. `info` is there while it is open."""

    spec: str
    state: ReaderState
    message: str = ""
    remedy: str = ""
    info: ReaderInfo | None = None


class Signal(enum.StrEnum):
    """What buzzers and lights can say."""

    PAIRED = "paired"
    """The pair is on the disc."""
    REFUSED = "refused"
    """Something was refused; the screen says why."""
    ALARM = "alarm"
    """Somebody must look at the station."""


# --- what comes from a scanner -----------------------------------------------------------------------------------


class ScanFault(enum.StrEnum):
    """Why a scan is refused before its text is even looked at; stable words (docs/events.md)."""

    DIRTY = "scan-dirty"
    """Control characters, bytes that are no text, or key combinations inside it."""
    OVERFLOW = "scan-too-long"
    """Longer than any number: a pasted page, a jammed scanner."""
    PARTIAL = "scan-incomplete"
    """A part of a line that was left lying without its end."""


@dataclass(frozen=True, slots=True)
class Scan:
    """One line from a scanner or a keyboard. `at` is the capture of its first character.

    `fault` is set where the line must be refused as it is; `text` then only serves to show what came.
    """

    text: str
    at: float
    source: str = ""
    """`scanner`, `typed`, `pasted`, `stdin`: a label, never a reason."""
    fault: ScanFault | None = None
    scanner: str = ""
    """The spec of the device it came from; empty for the screen's keyboard and standard input."""


@dataclass(frozen=True, slots=True)
class ScannerStatus:
    """The state of one scanner device, with the words for it. The states are those of readers.

    `lane` is the lane it is bound to; empty for one that names the lane by a barcode.
    """

    spec: str
    state: ReaderState
    name: str = ""
    message: str = ""
    remedy: str = ""
    lane: str = ""


# --- the lane ----------------------------------------------------------------------------------------------------


class Phase(enum.StrEnum):
    """Where a lane's pairing stands (docs/pairing.md has the table)."""

    READY = "ready"
    """Nothing waits."""
    TAG_WAITS = "tag-waits"
    """A tag was tapped; its number is awaited."""
    NUMBER_WAITS = "number-waits"
    """A number was scanned; its tag is awaited."""
    VERIFYING = "verifying"
    """Both are there; a second tap of the same key, or a second scan of the same number, is awaited."""
    CONFIRMING = "confirming"
    """Both are there; a person's word on the form is awaited."""
    COMMITTING = "committing"
    """The pair is on its way to the disc."""
    PAIRED = "paired"
    """The pair is on the disc. The only green phase."""
    REFUSED = "refused"
    """Something was refused; nothing waits."""
    KNOWN = "known"
    """The tapped key is already paired; its record is shown."""
    NOT_SAVED = "not-saved"
    """The commit failed; the same pair can be tried again."""
    GOLDEN = "golden"
    """The golden key is awaited: the start of a shift."""


class Reason(enum.StrEnum):
    """Why pairing refused something; stable words (docs/events.md). UID and number reasons stand beside these."""

    NO_TAG = "no-tag"
    """A number came and no tag waits for it."""
    NO_NUMBER = "no-number"
    """A tag came and, in scan-first order, no number waits for it."""
    STALE_SCAN = "stale-scan"
    """The number was captured before the tap it would join, or before the last reset."""
    STALE_TAP = "stale-tap"
    """The tap was captured before the number it would join, or before the last reset."""
    TAG_CHANGED = "tag-changed"
    """Another tag came while one waited: both are dropped."""
    NUMBER_CHANGED = "number-changed"
    """Another number came while one waited: both are dropped."""
    TWO_TAGS = "two-tags"
    """Two chips in the field, or two that take turns."""
    READER_LOST = "reader-lost"
    """The reader went away while something waited: nobody can say what was laid on it meanwhile."""
    TAG_REMOVED = "tag-removed"
    """The tag left before its number came, where settings want it to stay."""
    OTHER_TAG = "verify-mismatch"
    """The second tap was another key."""
    DUPLICATE_UID = "duplicate-uid"
    """The key is already paired."""
    DUPLICATE_NUMBER = "duplicate-number"
    """The number is already used."""
    BATCH_CLOSED = "batch-closed"
    """The batch is closed: it takes no pair."""
    TIMEOUT = "timeout"
    """A half pair waited too long."""
    CANCELLED = "cancelled"
    """A person cleared the lane."""
    PUT_ASIDE = "put-aside"
    """A person has put the key aside (event `put-aside`)."""
    NOT_SAVED = "commit-failed"
    """The journal could not record the pair."""
    BUSY = "busy"
    """The last pair is still being saved."""
    TWO_LANES = "two-lanes"
    """The same key is on two lanes at once."""
    NOT_FOR_PAIRING = "not-for-pairing"
    """A golden key, a calibration key or a badge: it never becomes somebody's charging key."""
    NUMBER_IS_UID = "number-is-uid"
    """What came as a number is the UID of the key that waits: a reader that types."""
    UNREADABLE = "unreadable"
    """Something lies on the reader that gives no usable UID."""
    STALLED = "stalled"
    """The station stood still for a moment: in which order taps and scans came meanwhile nobody knows."""
    CONFIRM_STALE = "confirm-stale"
    """What a person confirmed is not what waits now."""
    KEY_AWAY = "key-away"
    """The key is not on the reader while its pair is confirmed."""
    LANE_STOPPED = "lane-stopped"
    """The lane waits for a person's decision; nothing is paired on it before."""
    GOLDEN_AWAITED = "golden-key-awaited"
    """The shift begins with the golden key; nothing is paired before."""
    GOLDEN_REVERSED = "golden-key-reversed"
    """The golden key came with its bytes the other way round: the reader's order is set wrong."""
    GOLDEN_MISMATCH = "golden-key-mismatch"
    """Another key came where the golden key was asked for, or the reader mangles it."""


# --- the journal's record ----------------------------------------------------------------------------------------


class KeyType(enum.StrEnum):
    """The API's `type` of a reservation; without practical implications."""

    TAG = "TAG"
    """A key fob."""
    CARD = "CARD"
    """A card."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What every key of a run gets beside its pair: for whom it is, and type and validity as the API is sent them."""

    user_id: str | None = None
    """Whom each key is activated for; None: nobody yet."""
    key_type: KeyType | None = None
    valid_from: str | None = None
    valid_to: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A pair as it is appended to the journal: facts only, never changed afterwards.

    `target` is the API origin it was made for; it is sent nowhere else. `uid_api` is the text the API gets.
    """

    id: str
    target: str
    uid: Uid
    uid_order: ByteOrder
    visual_number: str
    number_key: str
    paired_at: datetime
    lane: str = ""
    station: str = ""
    reader: str = ""
    user_id: str | None = None
    key_type: KeyType | None = None
    valid_from: str | None = None
    valid_to: str | None = None
    warnings: tuple[str, ...] = ()
    batch: str | None = None
    """The id of the batch it was made in."""
    operator: str = ""
    needs_check: bool = False
    """It is not sent before the check that covers it has passed."""

    @property
    def uid_api(self) -> str:
        """The UID as it is sent: lower-case hex in the order this entry was made for."""
        return self.uid.for_api(self.uid_order)


class LegName(enum.StrEnum):
    """The two deliveries an entry may need."""

    RESERVATION = "reservation"
    """POST /v1/charging-keys/reservations"""
    ACTIVATION = "activation"
    """POST /v1/users/{userId}/charging-keys/{referenceId}/activate"""


class LegState(enum.StrEnum):
    """Where one delivery stands."""

    NONE = "none"
    """Not wanted."""
    HELD = "held"
    """Waiting, never attempted."""
    QUEUED = "queued"
    """Attempted and proved not processed; will be tried again."""
    SENDING = "sending"
    """The attempt is recorded and may be on its way."""
    DONE = "done"
    """The API confirmed it."""
    REFUSED = "refused"
    """The API said no."""
    UNKNOWN = "unknown"
    """Sent, and what became of it is not known."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One delivery of an entry.

    `body` is the exact text of the first attempt, frozen then. `repeat` says that an unknown outcome is still to be
    asked again by repeating that body; without it an unknown leg waits for a person.
    """

    state: LegState = LegState.NONE
    attempts: int = 0
    attempt_id: str | None = None
    body: str | None = None
    repeat: bool = False
    status: int | None = None
    message: str = ""


class Mark(enum.StrEnum):
    """What a person made of an entry afterwards."""

    UNDONE = "undone"
    """Taken back before any attempt: its uid and number are free again."""
    VOID = "void"
    """Declared worthless after an attempt: the API still holds the pair, so both stay taken."""


class State(enum.StrEnum):
    """What is shown for an entry; derived, never stored."""

    HELD = "held"
    """On the disc, not sent yet; can be undone."""
    QUEUED = "queued"
    """To be sent (again) as soon as possible."""
    RESERVED = "reserved"
    """The API holds the pair."""
    ACTIVE = "active"
    """The API holds the pair and has activated it for the user."""
    REFUSED = "refused"
    """The API said no to the pair."""
    UNKNOWN = "unknown"
    """Perhaps at the API, perhaps not."""
    UNDONE = "undone"
    """Taken back before anything was sent."""
    VOID = "void"
    """Declared worthless; the API still holds the pair."""


@dataclass(frozen=True, slots=True)
class Record:
    """An entry as it stands in the journal now. `number` grows in order of commit."""

    number: int
    entry: Entry
    reservation: Leg
    activation: Leg
    mark: Mark | None = None
    delivered_at: datetime | None = None
    """When the reservation was confirmed."""
    contract_id: str | None = None
    note: str = ""
    checked: bool = True
    """Whether the check that covers it has passed, or none is needed: only then it is sent."""

    @property
    def can_undo(self) -> bool:
        """Whether it can still be taken back: nothing of it was ever sent."""
        return self.mark is None and self.reservation.state is LegState.HELD and not self.reservation.attempts

    @property
    def for_a_person(self) -> bool:
        """Whether only a person brings it further: something was refused, or is in doubt and not asked for again."""
        return self.mark is None and any(
            leg.state is LegState.REFUSED or (leg.state is LegState.UNKNOWN and not leg.repeat)
            for leg in (self.reservation, self.activation)
        )

    @property
    def state(self) -> State:
        """What is shown. An unknown outcome of either leg outranks everything a person has not marked."""
        if self.mark is not None:
            return State(self.mark.value)
        if LegState.UNKNOWN in (self.reservation.state, self.activation.state):
            return State.UNKNOWN
        if self.reservation.state is LegState.DONE:
            return State.ACTIVE if self.activation.state is LegState.DONE else State.RESERVED
        return _SHOWN[self.reservation.state]


_SHOWN = {
    LegState.HELD: State.HELD,
    LegState.QUEUED: State.QUEUED,
    LegState.SENDING: State.QUEUED,
    LegState.REFUSED: State.REFUSED,
}


@dataclass(frozen=True, slots=True)
class Committed:
    """The journal's answer to `append`: the pair is durably on the disc. `again` if it already was, by this id."""

    record: Record
    again: bool = False


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of one attempt, as the courier writes it back."""

    state: LegState
    repeat: bool = False
    status: int | None = None
    message: str = ""
    contract_id: str | None = None


@dataclass(frozen=True, slots=True)
class Tenure:
    """A process's right to deliver from a journal: attempts are recorded in its `term` alone, until another begins.

    `interrupted` counts the attempts of whoever delivered before that were found under way: now unknown.
    """

    term: int
    interrupted: int = 0


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person corrects of an entry before the API has taken it; what is None stays."""

    user_id: str | None = None
    key_type: KeyType | None = None
    valid_from: str | None = None
    valid_to: str | None = None


@dataclass(frozen=True, slots=True)
class Calibration:
    """The proof of the byte order of one target: a key that is known to work, as the API knows it and as it was read.

    `uid` is the chip's (uid0 first), `key_id` the API's text for it.
    """

    target: str
    order: ByteOrder
    uid: Uid
    key_id: str
    user_id: str
    reader: str
    by: str
    """Who did it: a person's name, or the account's."""
    station: str
    at: datetime


# --- what the screen and the event stream show -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Notice:
    """The last thing a lane has to say: a stable reason word and the two lines a person reads."""

    reason: str
    title: str
    hint: str = ""
    good: bool = False


@dataclass(frozen=True, slots=True)
class LaneView:
    """One lane as it is shown."""

    lane: str
    phase: Phase
    reader: ReaderStatus
    uid: Uid | None = None
    number: str = ""
    notice: Notice | None = None
    warnings: tuple[str, ...] = ()
    expects: str = "tag"
    """What the lane would take next: `tag`, `number`, `either`, or another word of `words.NEXT`."""
    expected: str = ""
    """The number that comes next after the manifest; empty where there is no order."""
    stop: Stop | None = None
    """Set while the lane waits for a person's decision; nothing is paired on it meanwhile."""
    rejected_in_row: int = 0
    """Keys refused one after the other since the lane's last pair."""


class Delivery(enum.StrEnum):
    """How delivery stands."""

    ACTIVE = "active"
    """This process sends."""
    STANDBY = "standby"
    """Another process sends for this journal."""
    HELD_BACK = "held-back"
    """Production without a confirmed byte order, or a journal that is a copy: pairs are kept, nothing is sent."""
    PAUSED = "paused"
    """Many pairs in a row were refused; the rest waits until a person has dealt with one of them."""
    STOPPED = "stopped"
    """The API turned the key away (401, 403); nothing is sent until the station is started again."""


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """The courier as it is shown. `waiting` counts entries with something left to send, of this target."""

    delivery: Delivery
    waiting: int = 0
    reserved: int = 0
    refused: int = 0
    unknown: int = 0
    message: str = ""
    alarm: str = ""
    per_minute: int = 0
    """Deliveries that were settled in the last minute."""

    @property
    def left_s(self) -> float | None:
        """How long what waits takes at this pace, in seconds; None where nobody can say."""
        return 60.0 * self.waiting / self.per_minute if self.per_minute else None


@dataclass(frozen=True, slots=True)
class PairView:
    """One line of the last pairs."""

    entry: str
    lane: str
    uid: Uid
    visual_number: str
    state: State
    paired_at: datetime
    warnings: tuple[str, ...] = ()
    message: str = ""
    can_undo: bool = False
    """Whether it was never sent."""
    todo: str = ""
    """For the work list: what a person is to do about it."""


@dataclass(frozen=True, slots=True)
class StationView:
    """Everything the screen shows, in one immutable value. Counts are of this run of the station."""

    station: str
    target: str
    environment: str
    order: ByteOrder
    lanes: tuple[LaneView, ...]
    delivery: DeliveryView
    scanners: tuple[ScannerStatus, ...] = ()
    pairs: tuple[PairView, ...] = ()
    paired: int = 0
    rejected: int = 0
    per_hour: int = 0
    batch: BatchView | None = None
    batches: tuple[BatchStand, ...] = ()
    """The open batches of this target, newest first."""
    shift: ShiftView = field(default_factory=ShiftView)
    work: tuple[PairView, ...] = ()
    """The work list: what was refused or is unknown, oldest first."""
    rates: tuple[int, ...] = ()
    """Pairs in each five minutes of the last hour, oldest first."""
    first_pass_yield: float | None = None
    """Keys that became a pair at the first try, of all that were tried (0 to 1); None before the first."""
    said: str = ""
    """Why what was asked for last (of a batch, an undo, a key put aside) was not done, or that it was; plain words."""
    fatal: str = ""
    """Set when the station cannot go on; plain words."""


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the event stream (docs/events.md): its name and its fields, ready for JSON."""

    event: str
    fields: dict[str, object] = field(default_factory=dict)
