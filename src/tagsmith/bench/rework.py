"""Keys that come to nothing: pairs that are taken back, keys that are put aside, lanes that stop after many of those.

What is put aside or taken back is on the disc before it is said to be.
"""

from __future__ import annotations

import abc
import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from tagsmith import pairing, words
from tagsmith.bench.intake import Intake
from tagsmith.bench.lane import Lane, Work
from tagsmith.bench.run_of_batch import RunOfBatch
from tagsmith.errors import IllegalTransition, JournalError
from tagsmith.i18n import Sentence
from tagsmith.journal import Journal
from tagsmith.model import Notice, Phase, Reason, Record, Scan, ScanFault
from tagsmith.production import Choice, RejectCause, RejectedKey, Stop
from tagsmith.uid import Uid

MANY_REJECTS: Final = "many-rejects"
"""The reason of a lane that stopped after many rejected keys in a row."""
UNLOCK: Final = "unlock"
"""The choice that lets it go on."""

_NOT_OF_KEYS: Final = frozenset(
    {
        Reason.CANCELLED,
        Reason.PUT_ASIDE,  # counted where that is done
        Reason.READER_LOST,
        Reason.STALLED,
        Reason.BUSY,
        Reason.NOT_SAVED,
        Reason.CONFIRM_STALE,
        Reason.KEY_AWAY,
        Reason.LANE_STOPPED,
        Reason.GOLDEN_AWAITED,
        Reason.GOLDEN_REVERSED,
        Reason.GOLDEN_MISMATCH,
        Reason.BATCH_CLOSED,
        "batch-changing",
        "batch-complete",
        "batch-held",
        "check-tap-first",
        "nothing-to-decide",
    }
)
"""Refusals that say nothing against a key."""
_LYING: Final = frozenset({Reason.TWO_TAGS, Reason.TWO_LANES, Reason.UNREADABLE})
"""Refusals of what lies on the reader, whatever its UID is."""
_OF_SCANS: Final = frozenset({Reason.NO_TAG, Reason.STALE_SCAN, Reason.NUMBER_CHANGED, *ScanFault})
"""Refusals of scans: without a key, nobody knows which one it was."""
_WAITING: Final = frozenset(
    {Phase.TAG_WAITS, Phase.NUMBER_WAITS, Phase.VERIFYING, Phase.CONFIRMING, Phase.NOT_SAVED, Phase.KNOWN}
)


class Reworking(abc.ABC):
    """A part of `Bench`: what that says about threads holds here too."""

    _lanes: dict[str, Lane]
    _intake: Intake
    _journal: Journal
    _work: Work
    _paired: Callable[[Record], None]
    _changed: Callable[[], None]
    _clock: Callable[[], float]
    _utcnow: Callable[[], datetime]
    _tasks: set[asyncio.Task[None]]
    paired_count: int
    batch: RunOfBatch

    def __init__(self) -> None:
        self._made: set[str] = set()
        """Entries of this run that stand."""
        self._taken_back: set[str] = set()
        """Entries that were taken back, or are about to be."""

    # --- taking back --------------------------------------------------------------------------------------------

    def remember(self, record: Record) -> None:
        """Before the start: this is the last pair of its lane, which can be taken back as if it had just been made."""
        entry = record.entry
        if (lane := self._lanes.get(entry.lane)) is not None and record.can_undo:
            last = pairing.Last(entry.id, entry.uid, entry.number_key, float("-inf"))
            lane.state = replace(lane.state, last=last)

    def undo_entry(self, entry: str) -> None:
        """Take this pair back, while it was never sent."""
        self._spawn(self._take_back(entry, "taken back from the list"), self._tasks)

    async def _take_back(self, entry: str, why: str, asked: Lane | None = None) -> None:
        """Take a pair back; each lane whose last pair it is forgets it, so that nothing else is taken back for it."""
        if entry in self._taken_back:
            return  # asked for twice, as people do: the first answer stands
        self._taken_back.add(entry)
        record: Record | None = None
        try:
            record = await self._journal.undo(entry, reason=why)
        except IllegalTransition:
            notice = words.notice("undo-refused")
            said = await self._too_late(entry)
        except JournalError as error:
            notice = Notice("undo-failed", "Not undone.", str(error))
            said = words.told(notice)
        else:
            notice = words.notice("undone")
            said = Sentence("Taken back: {number}. Its key and its number are free again.", number=_number_of(record))
        lanes = self._lanes_with_last(entry)
        if record is not None:
            self._gone(record)
        else:
            self._taken_back.discard(entry)
            for lane in lanes:
                self._step(lane, pairing.Undone(entry, False, self._clock()))
        for lane in lanes or filter(None, [asked]):
            lane.notice = notice
        name = record.entry.lane if record is not None else next((lane.name for lane in lanes), None)
        message = words.told(notice) if lanes or asked else said
        self.say("undone", lane=name, entry=entry, done=record is not None, message=message)
        self._work.told(said)

    def _gone(self, record: Record) -> None:
        """A pair was taken back: it counts no more, and each lane whose last pair it is forgets it."""
        entry = record.entry.id
        self._taken_back.add(entry)
        self.paired_count -= entry in self._made
        self._made.discard(entry)
        self.batch.undone(record)
        self._paired(record)
        for lane in self._lanes_with_last(entry):
            self._step(lane, pairing.Undone(entry, True, self._clock()))

    def _lanes_with_last(self, entry: str) -> list[Lane]:
        return [lane for lane in self._lanes.values() if lane.state.last and lane.state.last.entry == entry]

    async def _too_late(self, entry: str) -> str:
        """Why a pair cannot be taken back any more, and what to do about it."""
        try:
            record = await self._journal.get(entry)
        except JournalError as error:
            return words.told(Notice("undo-failed", "Not undone.", str(error)))
        return words.too_late(record)

    # --- putting aside --------------------------------------------------------------------------------------------

    def reject(self, lane_name: str | None, cause: RejectCause, note: str = "") -> None:
        """Put aside the key that lies on a lane or waits there; without one, a key that nobody knows more of."""
        lane = self._find(lane_name)
        if lane is None:
            self._work.told(words.told(words.notice("which-lane")))
        else:
            self.put_aside(lane, cause, note)

    def put_aside(
        self, lane: Lane, cause: RejectCause, note: str = "", *, key: tuple[Uid | None, str] | None = None
    ) -> None:
        """As `reject`, of this lane; of the key with this UID and number where whoever calls knows which it is."""
        uid, number, why_not = (*key, "") if key is not None else self._key_on(lane)
        if why_not:
            lane.notice = words.notice(why_not)
            self._work.told(words.told(lane.notice))
            self._changed()
            return
        at = self._clock()
        self._step(lane, pairing.Cancel(at, Reason.PUT_ASIDE))
        lane.row.put_aside(at, uid, number)
        lane.aside = uid
        lane.notice = words.put_aside(cause)
        rejected = RejectedKey(
            cause=str(cause),
            at=self._utcnow(),
            lane=lane.name,
            visual_number=number,
            uid=uid,
            batch=self.batch.run.batch.id if self.batch.run is not None else None,
            operator=self._journal.acting,
            note=note,
        )
        self._spawn(self._record_aside(lane, rejected), self._tasks)
        self._stop_after_many(lane)
        self._changed()

    def _put_wrong_aside(self, lane: Lane, uid: Uid | None, number: str, why: str) -> None:
        """The key over which a lane had stopped goes to the rejects, for the reason of the stop."""
        self.put_aside(lane, RejectCause.OTHER, why, key=(uid, number))

    async def _record_aside(self, lane: Lane, key: RejectedKey) -> None:
        try:
            await self._journal.reject_key(self._work.target, key)
        except JournalError as error:
            lane.notice = words.notice("aside-not-saved")
            self._work.told(Sentence("{title} {hint}", title=lane.notice.title, hint=str(error)))
            self._changed()
            return
        fields: dict[str, object] = {"cause": key.cause}
        if key.uid is not None:
            fields |= self._uid_fields(key.uid)
        fields |= {
            name: value
            for name, value in (("visual_number", key.visual_number), ("note", key.note), ("batch", key.batch))
            if value
        }
        notice = words.put_aside(RejectCause(key.cause))
        self._say("put-aside", lane, **fields, message=words.told(notice))
        self._work.put_aside(key)
        self._work.told(words.aside(key))
        self._changed()

    def _key_on(self, lane: Lane) -> tuple[Uid | None, str, str]:
        """UID and number of the key that is on a lane, as far as they are known; or why it is not put aside."""
        state, present = lane.state, lane.present
        if state.phase is Phase.COMMITTING:
            return None, "", "still-saving"
        if state.phase in _WAITING:
            return (state.tap.tag.uid if state.tap else None, state.scan.number.text if state.scan else "", "")
        uid, number = lane.row.last if state.phase is Phase.REFUSED else (None, "")
        if present is None:
            return uid, number, ""
        if state.last is not None and present.uid == state.last.uid:
            return None, "", "aside-is-paired"
        if present.uid == lane.aside:
            return None, "", "aside-already"
        return present.uid, number if present.uid == uid else "", ""

    # --- many in a row --------------------------------------------------------------------------------------------

    def _count_refusal(self, lane: Lane, reason: str, uid: Uid | None, number: str) -> None:
        """Count a refusal if it is one of a key, and stop the lane where that makes too many keys in a row."""
        if lane.stop is not None or reason in _NOT_OF_KEYS or reason == self._shut(lane):
            return
        state = lane.state
        if uid is None and state.tap is not None and state.phase in _WAITING:
            uid = state.tap.tag.uid
        if uid is None and reason in _LYING:
            lying = [lane.present.uid] if lane.present is not None else lane.collided
            uid = min(lying, key=lambda one: one.wire) if lying else None
        elif uid is None and not (number and reason not in _OF_SCANS and self._numbers_come_first(lane)):
            return  # a scan, and nobody knows of which key
        lane.row.refuse(self._clock(), uid, number)
        self._stop_after_many(lane)

    def _numbers_come_first(self, lane: Lane) -> bool:
        """Whether a number stands for a key: not where it can only be that of a key that was tapped."""
        order = self._work.rules.order
        return order is pairing.Order.SCAN_FIRST or (order is pairing.Order.EITHER and not lane.state.owes)

    def _stop_after_many(self, lane: Lane) -> None:
        if lane.stop is None and 0 < self._work.stop_after <= len(lane.row):
            notice, label = words.many_rejects(len(lane.row), supervised=self._work.supervised)
            self._stop_lane(lane, Stop(MANY_REJECTS, notice.title, notice.hint, (Choice(UNLOCK, label),)))

    # --- and on -----------------------------------------------------------------------------------------------------

    @property
    def locked(self) -> tuple[str, ...]:
        """The lanes that have stopped after many rejected keys."""
        return tuple(name for name, lane in self._lanes.items() if _is_locked(lane))

    def unlock(self, lane_name: str, who: str, by: str) -> bool:
        """Let a lane go on that has stopped after many rejected keys; whether it had. Whoever calls has asked who."""
        lane = self._lanes.get(lane_name)
        if lane is None or not _is_locked(lane):
            return False
        lane.stop = None
        lane.row.end()
        lane.notice = replace(words.notice("unlocked"), good=True)
        self._say("unlocked", lane, supervisor=who or None, by=by)
        self._work.told(words.unlocked(lane.name, who))
        self._changed()
        return True

    def unlock_asked(self, lane_name: str) -> None:
        """The barcode for it was scanned."""
        self._work.unlock_asked(lane_name)

    def _code_unlocks(self, scan: Scan, lane_name: str | None) -> bool:
        """Whether a scan is a supervisor's code while a lane waits for one. It goes no further then: it is a secret."""
        if not (locked := self.locked) or scan.fault is not None or not (who := self._work.supervisor(scan.text)):
            return False
        meant = self._intake.meant(scan, lane_name)
        if meant is None and len(locked) == 1:
            (meant,) = locked
        if meant is None:
            self._work.told(words.told(words.notice("unlock-which")))
            return True
        return self.unlock(meant, who, "code")

    # --- what the bench itself has ----------------------------------------------------------------------------------

    @abc.abstractmethod
    def _step(self, lane: Lane, event: pairing.Event) -> pairing.Step:
        """One move of a lane and everything that follows from it."""

    @abc.abstractmethod
    def _stop_lane(self, lane: Lane, stop: Stop) -> None:
        """Pair nothing on this lane until a person has decided."""

    @abc.abstractmethod
    def _shut(self, lane: Lane) -> str:
        """By which reason nothing may be paired on this lane now; empty while it may."""

    @abc.abstractmethod
    def _find(self, name: str | None) -> Lane | None:
        """The lane of this name, or the only one."""

    @abc.abstractmethod
    def _spawn(self, work: object, where: set[asyncio.Task[None]]) -> None:
        """Have a coroutine run on the core loop."""

    @abc.abstractmethod
    def _uid_fields(self, uid: Uid) -> dict[str, object]:
        """A UID as events have it."""

    @abc.abstractmethod
    def say(self, name: str, **fields: object) -> None:
        """A line of the event stream that is about the station."""

    @abc.abstractmethod
    def _say(self, name: str, lane: Lane, **fields: object) -> None:
        """A line of the event stream that is about a lane."""


def _is_locked(lane: Lane) -> bool:
    return lane.stop is not None and lane.stop.reason == MANY_REJECTS


def _number_of(record: Record) -> str:
    return record.entry.visual_number
