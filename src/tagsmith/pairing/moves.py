"""What each move does: one function per cell, or per group of like cells, of the table. Pure.

Every function takes the lane, the event and the rules, and returns the step. None of them reads a clock: times come
with the events.
"""

from __future__ import annotations

from dataclasses import replace

from tagsmith.model import Phase, Reason, Record
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
    Order,
    Reject,
    Rivals,
    Rules,
    Saved,
    Scanned,
    Stalled,
    Step,
    Taken,
    Tapped,
    Undo,
    Undone,
)
from tagsmith.uid import Decision, Uid, UidReason

BOUNCE_S = 3.0
"""The same key, or the same number, this soon after its own commit is a bounce and means nothing."""
RIVALRY_S = 1.5
"""Two tags that take turns within this time lie on the reader together."""
RESCAN_S = 0.5
"""A scanner may say a number twice at one pull: what comes sooner than this is no second scan."""
_OF_KEYS = frozenset({Reason.TWO_TAGS, Reason.TWO_LANES, Reason.UNREADABLE, Reason.STALLED, Reason.READER_LOST})
"""Refusals of keys whose UID nobody knows."""

# --- building blocks ----------------------------------------------------------------------------------------------


def _stay(lane: Lane, *effects: Effect) -> Step:
    return Step(lane, effects)


def _drop(lane: Lane, phase: Phase, at: float, *effects: Effect, rivals: Rivals | None = None) -> Step:
    """Nothing waits any more, and nothing captured before now may join what comes."""
    empty = Lane(phase=phase, not_before=max(lane.not_before, at), last=lane.last, rivals=rivals)
    return Step(empty, effects)


def _refuse(
    lane: Lane,
    reason: Reason | UidReason,
    at: float,
    *,
    uid: Uid | None = None,
    number: str = "",
    record: Record | None = None,
    rivals: Rivals | None = None,
) -> Step:
    """Drop everything and say why. The number of a key that is refused may still come."""
    refused = _drop(lane, Phase.REFUSED, at, Reject(reason, uid, number, record), rivals=rivals)
    return replace(refused, lane=replace(refused.lane, owes=lane.owes or uid is not None or reason in _OF_KEYS))


def _number(lane: Lane) -> str:
    return lane.scan.number.text if lane.scan else ""


def _uid(lane: Lane) -> Uid | None:
    return lane.tap.tag.uid if lane.tap else None


def _refusal(tap: Tapped, rules: Rules) -> Reason | UidReason | None:
    """Why this tag must not be paired, if so. A key that is never paired is known from behind, too."""
    uid = tap.tag.uid
    if uid in rules.never:
        return Reason.NOT_FOR_PAIRING
    if uid.turned in rules.never:
        return UidReason.ORDER_SUSPECT
    if tap.verdict.decision is Decision.REFUSE:
        return tap.verdict.reason
    if rules.stop_on_suspect and tap.verdict.reason is UidReason.ORDER_SUSPECT:
        return UidReason.ORDER_SUSPECT
    return None


def _bounced_tap(lane: Lane, tap: Tapped) -> bool:
    last = lane.last
    return last is not None and tap.tag.uid == last.uid and tap.at - last.at < BOUNCE_S


def _bounced_scan(lane: Lane, scan: Scanned) -> bool:
    last = lane.last
    return last is not None and scan.number.key == last.number_key and scan.at - last.at < BOUNCE_S


def _join(lane: Lane, tap: Tapped, scan: Scanned, rules: Rules, entry: str, at: float) -> Step:
    """Both halves are there: save them, or wait for the second tap or a person's word."""
    if tap.tag.uid in rules.never:  # it became such a key while it waited
        return _refuse(lane, Reason.NOT_FOR_PAIRING, at, uid=tap.tag.uid, number=scan.number.text)
    if rules.verify or rules.rescan:
        return Step(replace(lane, phase=Phase.VERIFYING, tap=tap, scan=scan, since=at, rivals=None))
    if rules.confirm:
        # The half that came first was looked up then. A person should not be asked about what cannot be.
        newer = (
            LookUp(tap.fresh, uid=tap.tag.uid) if lane.tap is None else LookUp(scan.fresh, number_key=scan.number.key)
        )
        return Step(replace(lane, phase=Phase.CONFIRMING, tap=tap, scan=scan, since=at, rivals=None), (newer,))
    return _commit(lane, tap, scan, entry)


def _commit(lane: Lane, tap: Tapped, scan: Scanned, entry: str) -> Step:
    saving = replace(lane, phase=Phase.COMMITTING, tap=tap, scan=scan, entry=entry, arrived=None, rivals=None)
    return Step(saving, (Commit(entry, tap, scan),))


# --- moves: the golden key ------------------------------------------------------------------------------------------


def golden_tap(lane: Lane, event: Event, rules: Rules) -> Step:
    """The golden key, read as it should be, opens the lane; anything else keeps it shut."""
    assert isinstance(event, Tapped)
    uid = event.tag.uid
    if uid == rules.golden:
        return Step(Lane(not_before=max(lane.not_before, event.at), last=lane.last), (GoldenSeen(uid),))
    return _stay(lane, Reject(Reason.GOLDEN_REVERSED if uid.turned == rules.golden else Reason.GOLDEN_MISMATCH, uid))


def golden_first(lane: Lane, event: Event, rules: Rules) -> Step:
    assert isinstance(event, Scanned)
    return _stay(lane, Reject(Reason.GOLDEN_AWAITED, None, event.number.text))


def golden_collided(lane: Lane, event: Event, rules: Rules) -> Step:
    assert isinstance(event, Collided)
    return _stay(lane, Reject(event.reason))


# --- moves: nothing waits (ready, paired, refused, known) ------------------------------------------------------------


def fresh_tap(lane: Lane, event: Event, rules: Rules) -> Step:
    assert isinstance(event, Tapped)
    uid = event.tag.uid
    rivals = lane.rivals
    if _bounced_tap(lane, event):
        return _stay(lane)
    if event.at < lane.not_before:
        return _refuse(lane, Reason.STALE_TAP, lane.not_before, uid=uid)
    if rivals is not None and uid == rivals.older and event.at - rivals.at < RIVALRY_S:
        turned = Rivals(older=rivals.newer, newer=rivals.older, at=event.at)
        return _refuse(lane, Reason.TWO_TAGS, event.at, uid=uid, rivals=turned)
    if (refusal := _refusal(event, rules)) is not None:
        return _refuse(lane, refusal, event.at, uid=uid)
    if rules.order is Order.SCAN_FIRST:
        return _refuse(lane, Reason.NO_NUMBER, event.at, uid=uid)
    waits = Lane(
        phase=Phase.TAG_WAITS, tap=event, since=event.at, not_before=lane.not_before, last=lane.last, rivals=None
    )
    return Step(waits, (LookUp(event.fresh, uid=uid),))


def fresh_scan(lane: Lane, event: Event, rules: Rules) -> Step:
    assert isinstance(event, Scanned)
    if _bounced_scan(lane, event):
        return _stay(lane)
    if rules.order is Order.TAP_FIRST or (rules.order is Order.EITHER and lane.owes):
        return _refuse(lane, Reason.NO_TAG, max(event.at, lane.not_before), number=event.number.text)
    if event.at < lane.not_before:
        return _refuse(lane, Reason.STALE_SCAN, lane.not_before, number=event.number.text)
    waits = Lane(
        phase=Phase.NUMBER_WAITS, scan=event, since=event.at, not_before=lane.not_before, last=lane.last, rivals=None
    )
    return Step(waits, (LookUp(event.fresh, number_key=event.number.key),))


def known_scan(lane: Lane, event: Event, rules: Rules) -> Step:
    """A number for a key that is already paired: the key is what stands in the way, so say that again."""
    assert isinstance(event, Scanned)
    if rules.order is Order.SCAN_FIRST:
        return fresh_scan(lane, event, rules)
    if _bounced_scan(lane, event):
        return _stay(lane)
    return _stay(lane, Reject(Reason.DUPLICATE_UID, _uid(lane), event.number.text, lane.record))


def known_tap(lane: Lane, event: Event, rules: Rules) -> Step:
    assert isinstance(event, Tapped)
    if event.tag.uid == _uid(lane):
        return _stay(replace(lane, since=event.at), Reject(Reason.DUPLICATE_UID, _uid(lane), "", lane.record))
    return fresh_tap(lane, event, rules)


def known_tick(lane: Lane, event: Event, rules: Rules) -> Step:
    if event.at - lane.since < rules.timeout_s:
        return _stay(lane)
    return _drop(lane, Phase.READY, event.at)


def collided(lane: Lane, event: Event, rules: Rules) -> Step:
    assert isinstance(event, Collided)
    if lane.phase is Phase.PAIRED:  # that key is done with: this is about whatever lies there now
        return _refuse(lane, event.reason, event.at)
    return _refuse(lane, event.reason, event.at, uid=_uid(lane), number=_number(lane))


def refused_idle(lane: Lane, event: Event, rules: Rules) -> Step:
    """Nothing waits, and nothing green or ready may stand over a refusal."""
    refused = _drop(lane, Phase.REFUSED, lane.not_before)
    return replace(refused, lane=replace(refused.lane, owes=lane.owes))


def clear(lane: Lane, event: Event, rules: Rules) -> Step:
    """Nothing was open: the lane is simply ready again."""
    assert isinstance(event, Cancel)
    return _owing(_drop(lane, Phase.READY, event.at), event, owes=lane.owes or lane.phase is not Phase.REFUSED)


def _owing(step: Step, event: Cancel, *, owes: bool) -> Step:
    """The number of a key that was put aside may still be scanned out of habit: it must not wait for the next key."""
    return replace(step, lane=replace(step.lane, owes=owes and event.reason is Reason.PUT_ASIDE))


# --- moves: a half pair -------------------------------------------------------------------------------------------


def reader_gone(lane: Lane, event: Event, rules: Rules) -> Step:
    """What waited is dropped: the key that its other half belongs to may have been laid on a dead reader."""
    return _refuse(lane, Reason.READER_LOST, event.at, uid=_uid(lane), number=_number(lane))


def stood_still(lane: Lane, event: Event, rules: Rules) -> Step:
    """What waited is dropped, and so is what comes at once: it was captured meanwhile, in an order nobody knows."""
    assert isinstance(event, Stalled)
    return _refuse(lane, Reason.STALLED, max(event.at, event.until), uid=_uid(lane), number=_number(lane))


def stood_still_idle(lane: Lane, event: Event, rules: Rules) -> Step:
    """Nothing waited; what was captured meanwhile joins nothing."""
    assert isinstance(event, Stalled)
    return Step(replace(lane, not_before=max(lane.not_before, event.until), arrived=None))


def cancel(lane: Lane, event: Event, rules: Rules) -> Step:
    assert isinstance(event, Cancel)
    dropped = _drop(lane, Phase.READY, event.at, Reject(event.reason, _uid(lane), _number(lane)))
    return _owing(dropped, event, owes=lane.scan is None)


def time_out(lane: Lane, event: Event, rules: Rules) -> Step:
    if event.at - lane.since < rules.timeout_s:
        return _stay(lane)
    return _refuse(lane, Reason.TIMEOUT, event.at, uid=_uid(lane), number=_number(lane))


def other_tap(lane: Lane, event: Event, rules: Rules) -> Step:
    """The same tag again is nothing; another one drops both, because nobody can say which of them is meant."""
    assert isinstance(event, Tapped)
    assert lane.tap is not None
    if event.tag.uid == lane.tap.tag.uid:
        return _stay(replace(lane, away=False))
    rivals = Rivals(older=lane.tap.tag.uid, newer=event.tag.uid, at=event.at)
    return _refuse(lane, Reason.TAG_CHANGED, event.at, uid=event.tag.uid, rivals=rivals)


def tag_left(lane: Lane, event: Event, rules: Rules) -> Step:
    if rules.keep_removed:
        return _stay(replace(lane, away=rules.confirm))
    return _refuse(lane, Reason.TAG_REMOVED, event.at, uid=_uid(lane))


def keeps_waiting(lane: Lane, event: Event, rules: Rules) -> Step:
    """The tag stays: the right number may still come."""
    return _stay(lane)


def scan_joins(lane: Lane, event: Event, rules: Rules) -> Step:
    assert isinstance(event, Scanned)
    assert lane.tap is not None
    if event.at < lane.tap.at:
        return _stay(lane, Reject(Reason.STALE_SCAN, _uid(lane), event.number.text))
    if lane.tap.tag.uid.is_written(event.number.text):
        return _stay(lane, Reject(Reason.NUMBER_IS_UID, _uid(lane), event.number.text))
    return _join(lane, lane.tap, event, rules, event.fresh, event.at)


def tag_found(lane: Lane, event: Event, rules: Rules) -> Step:
    assert isinstance(event, Found)
    assert lane.tap is not None
    if event.token != lane.tap.fresh or event.record is None:
        return _stay(lane)
    return _known(lane, event.record, event.at)


def _known(lane: Lane, record: Record | None, at: float) -> Step:
    known = Lane(
        phase=Phase.KNOWN,
        tap=lane.tap,
        since=at,
        not_before=max(lane.not_before, at),
        last=lane.last,
        record=record,
    )
    return Step(known, (Reject(Reason.DUPLICATE_UID, _uid(lane), _number(lane), record),))


def tap_joins(lane: Lane, event: Event, rules: Rules) -> Step:
    """In scan-first and either order a refused tap takes the waiting number with it."""
    assert isinstance(event, Tapped)
    assert lane.scan is not None
    number = _number(lane)
    if _bounced_tap(lane, event):
        return _stay(lane)
    if (refusal := _refusal(event, rules)) is not None:
        return _refuse(lane, refusal, event.at, uid=event.tag.uid, number=number)
    too_old = lane.scan.at if rules.order is Order.SCAN_FIRST else lane.not_before
    if event.at < too_old:
        return _refuse(lane, Reason.STALE_TAP, max(too_old, lane.since), uid=event.tag.uid, number=number)
    if event.tag.uid.is_written(number):
        return _refuse(lane, Reason.NUMBER_IS_UID, event.at, uid=event.tag.uid, number=number)
    return _join(lane, event, lane.scan, rules, event.fresh, event.at)


def other_scan(lane: Lane, event: Event, rules: Rules) -> Step:
    """The same number again is nothing; another one drops both, unless a person is still to see which it is."""
    assert isinstance(event, Scanned)
    assert lane.scan is not None
    if event.number.key == lane.scan.number.key:
        return _stay(lane)
    if rules.confirm and lane.phase is Phase.NUMBER_WAITS:
        return fresh_scan(lane, event, rules)
    return _refuse(lane, Reason.NUMBER_CHANGED, max(event.at, lane.since), uid=_uid(lane), number=event.number.text)


def number_spoilt(lane: Lane, event: Event, rules: Rules) -> Step:
    """A number waits and something unreadable came: it may have been the number that was really meant."""
    return _refuse(lane, Reason.NUMBER_CHANGED, max(event.at, lane.since), uid=_uid(lane), number=_number(lane))


def number_found(lane: Lane, event: Event, rules: Rules) -> Step:
    assert isinstance(event, Found)
    assert lane.scan is not None
    if event.token != lane.scan.fresh or event.record is None:
        return _stay(lane)
    return _refuse(lane, Reason.DUPLICATE_NUMBER, event.at, number=_number(lane), record=event.record)


def second_tap(lane: Lane, event: Event, rules: Rules) -> Step:
    assert isinstance(event, Tapped)
    assert lane.tap is not None
    assert lane.scan is not None
    if event.tag.uid != lane.tap.tag.uid:
        return _refuse(lane, Reason.OTHER_TAG, event.at, uid=event.tag.uid, number=_number(lane))
    if event.at < max(lane.tap.at, lane.scan.at) or (rules.rescan and not rules.verify):
        return _stay(lane)
    return _commit(lane, lane.tap, lane.scan, event.fresh)


def second_scan(lane: Lane, event: Event, rules: Rules) -> Step:
    """The same number again saves the pair where that is asked for; another one drops both."""
    assert isinstance(event, Scanned)
    assert lane.tap is not None
    assert lane.scan is not None
    asked = rules.rescan and not rules.verify
    if not asked or event.number.key != lane.scan.number.key:
        return other_scan(lane, event, rules)
    if event.at < max(lane.tap.at, lane.scan.at) + RESCAN_S:
        return _stay(lane)
    return _commit(lane, lane.tap, lane.scan, event.fresh)


def both_found(lane: Lane, event: Event, rules: Rules) -> Step:
    """A look-up that began with the first half is answered while the second tap is awaited."""
    assert isinstance(event, Found)
    assert lane.tap is not None
    assert lane.scan is not None
    if event.token == lane.tap.fresh:
        return tag_found(lane, event, rules)
    return number_found(lane, event, rules)


# --- moves: a person's word ----------------------------------------------------------------------------------------


def number_again(lane: Lane, event: Event, rules: Rules) -> Step:
    """Another number takes the place of the one before: nobody has given their word for that yet."""
    assert isinstance(event, Scanned)
    assert lane.scan is not None
    if event.number.key == lane.scan.number.key:
        return _stay(lane)
    return (other_scan if rules.order is Order.SCAN_FIRST else scan_joins)(lane, event, rules)


def number_unsure(lane: Lane, event: Event, rules: Rules) -> Step:
    """Something came that is no number: which one is meant must be said anew."""
    return Step(replace(lane, phase=Phase.TAG_WAITS, scan=None, since=max(event.at, lane.since)))


def confirmed(lane: Lane, event: Event, rules: Rules) -> Step:
    """Save the pair that was seen, if it is the one that waits and its key lies on the reader."""
    assert isinstance(event, Confirmed)
    assert lane.tap is not None
    assert lane.scan is not None
    uid, number = lane.tap.tag.uid, _number(lane)
    if (event.uid, event.number) != (uid, number):
        return _stay(lane, Reject(Reason.CONFIRM_STALE, uid, number))
    if uid in rules.never:
        return _refuse(lane, Reason.NOT_FOR_PAIRING, event.at, uid=uid, number=number)
    if lane.away:
        return _stay(lane, Reject(Reason.KEY_AWAY, uid, number))
    return _commit(lane, lane.tap, lane.scan, event.fresh)


# --- moves: the commit --------------------------------------------------------------------------------------------


def arrives_meanwhile(lane: Lane, event: Event, rules: Rules) -> Step:
    assert isinstance(event, Tapped | Collided)
    return Step(replace(lane, arrived=event))


def leaves_meanwhile(lane: Lane, event: Event, rules: Rules) -> Step:
    """A key that came and went during the commit stays valid where taken ones do."""
    if rules.keep_removed and isinstance(lane.arrived, Tapped):
        return _stay(lane)
    return Step(replace(lane, arrived=None))


def lost_meanwhile(lane: Lane, event: Event, rules: Rules) -> Step:
    return Step(replace(lane, arrived=None))


def too_early(lane: Lane, event: Event, rules: Rules) -> Step:
    assert isinstance(event, Scanned)
    number = event.number.text
    return Step(replace(lane, early=number), (Reject(Reason.BUSY, None, number),))


def saved(lane: Lane, event: Event, rules: Rules) -> Step:
    assert isinstance(event, Saved)
    if event.entry != lane.entry:
        return _stay(lane)
    assert lane.tap is not None
    assert lane.scan is not None
    paired = Lane(
        phase=Phase.PAIRED,
        tap=lane.tap,
        scan=lane.scan,
        entry=lane.entry,
        not_before=lane.not_before,
        last=Last(event.entry, lane.tap.tag.uid, lane.scan.number.key, event.at),
    )
    if lane.early and rules.order is not Order.TAP_FIRST:
        # Numbers may come before their keys here: were the refusal overlooked, every key would get the next one's.
        refused = replace(paired, phase=Phase.REFUSED, tap=None, scan=None, entry=None, not_before=event.at)
        return Step(refused, (Reject(Reason.BUSY, None, lane.early),))
    return Step(paired, then=lane.arrived)


def taken(lane: Lane, event: Event, rules: Rules) -> Step:
    assert isinstance(event, Taken)
    if event.entry != lane.entry:
        return _stay(lane)
    if event.reason is Reason.DUPLICATE_UID:
        refused = _known(lane, event.record, event.at)
    else:
        refused = _drop(
            lane, Phase.REFUSED, lane.not_before, Reject(event.reason, _uid(lane), _number(lane), event.record)
        )
    # What arrived during the commit was captured before its answer: it is newer than the refused pair, not stale.
    return replace(refused, lane=replace(refused.lane, not_before=lane.not_before), then=lane.arrived)


def not_saved(lane: Lane, event: Event, rules: Rules) -> Step:
    assert isinstance(event, NotSaved)
    if event.entry != lane.entry:
        return _stay(lane)
    kept = replace(lane, phase=Phase.NOT_SAVED, arrived=None)
    return Step(kept, (Reject(Reason.NOT_SAVED, _uid(lane), _number(lane)),))


def retry(lane: Lane, event: Event, rules: Rules) -> Step:
    """The same entry again: append is idempotent by its id."""
    assert lane.tap is not None
    assert lane.scan is not None
    assert lane.entry is not None
    return _commit(lane, lane.tap, lane.scan, lane.entry)


def retry_by_tap(lane: Lane, event: Event, rules: Rules) -> Step:
    assert isinstance(event, Tapped)
    return retry(lane, event, rules) if event.tag.uid == _uid(lane) else other_tap(lane, event, rules)


def retry_by_scan(lane: Lane, event: Event, rules: Rules) -> Step:
    assert isinstance(event, Scanned)
    assert lane.scan is not None
    if event.number.key == lane.scan.number.key:
        return retry(lane, event, rules)
    return other_scan(lane, event, rules)


# --- moves: undo --------------------------------------------------------------------------------------------------


def undo(lane: Lane, event: Event, rules: Rules) -> Step:
    if lane.last is None:
        return Step(lane, moved=False)
    return _stay(lane, Undo(lane.last.entry))


def undone(lane: Lane, event: Event, rules: Rules) -> Step:
    assert isinstance(event, Undone)
    if not event.done or lane.last is None or lane.last.entry != event.entry:
        return _stay(lane)
    if lane.phase is Phase.PAIRED:
        return Step(Lane(not_before=max(lane.not_before, event.at)))
    return Step(replace(lane, last=None))
