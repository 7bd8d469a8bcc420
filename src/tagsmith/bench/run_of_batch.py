"""A batch at the lanes: what it lets each of them pair, the checks it asks for, and what a person decides in a stop.

The rules are those of `tagsmith.batch`; here they are asked at the right moment, and what follows is done: the number
that is taken by itself, the terms of an entry, the lines that are skipped, checks that pass, runs that are taken back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from tagsmith import batch, pairing, visual_number, words
from tagsmith.batch import Accept, Asked, Check, Halt, Outcome, Refuse, Run
from tagsmith.batch.rules import OUT_OF_ORDER
from tagsmith.bench.lane import Lane
from tagsmith.errors import IllegalTransition, JournalError
from tagsmith.journal import Journal
from tagsmith.model import Entry, KeyType, LaneView, Notice, Phase, ReaderState, Record, Tag
from tagsmith.production import BatchKey, RejectedKey, Sequence, Stop, Verification
from tagsmith.uid import Uid
from tagsmith.visual_number import CheckPolicy, VisualNumber

_log = logging.getLogger(__name__)

_HALF = frozenset({Phase.TAG_WAITS, Phase.NUMBER_WAITS, Phase.VERIFYING, Phase.CONFIRMING})
_SAVING = frozenset({Phase.COMMITTING, Phase.NOT_SAVED})
MISSING = "missing"
"""Why a line is skipped whose card was not in the stack."""


@dataclass(frozen=True, slots=True)
class Hands:
    """What the bench does for its batch. The names are those of its methods."""

    step: Callable[[Lane, pairing.Event], pairing.Step]
    refused: Callable[[Lane, Notice, Uid | None, str], None]
    drop_half: Callable[[Lane], None]
    stop_lane: Callable[[Lane, Stop], None]
    tapped: Callable[[Lane, Tag], pairing.Tapped]
    taken_back: Callable[[Record], None]
    checked: Callable[[Record], None]
    say: Callable[..., None]
    """A line of the event stream about a lane."""
    tell: Callable[..., None]
    """One about the station."""
    spawn: Callable[[Coroutine[object, object, None]], None]
    changed: Callable[[], None]
    new_id: Callable[[], str]
    utcnow: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a lane had in its hands when it stopped: for whatever is decided."""

    place: int | None
    uid: Uid | None
    number: str


class RunOfBatch:
    """The batch that the lanes of a bench make keys of; none until `take`. Lives on the core loop."""

    def __init__(self, journal: Journal, target: str, lanes: Mapping[str, Lane], hands: Hands) -> None:
        self._journal = journal
        self._target = target
        self._lanes = lanes
        self._hands = hands
        self.run: Run | None = None
        self.changing = False
        """Nothing is paired while another batch is being read."""
        self.generation = 0
        """Grows with every change: whoever has read the journal meanwhile sees that something has happened."""
        self._checks: dict[str, Check] = {}
        self._asked: dict[str, _Asked] = {}
        self._deciding: set[str] = set()
        self._passing: set[str] = set()
        self._taken: dict[str, str] = {}
        """By lane, the number key that was taken by itself."""
        self.answers: dict[str, Callable[[Lane], None]] = {
            "skip-missing": self._skip_missing,
            "recheck-run": self._recheck_run,
            "undo-run": lambda lane: self._decide(lane, self._undo_run(lane)),
            "scan-again": self._scan_again,
            "put-aside": lambda lane: self._decide(lane, self._put_aside(lane)),
        }

    # --- which batch --------------------------------------------------------------------------------------------

    def take(self, run: Run | None) -> None:
        """Make keys of this batch from now on. Half pairs of before are dropped; none may be on its way to the disc."""
        for lane in self._lanes.values():
            self._hands.drop_half(lane)
            if lane.stop is not None and {choice.id for choice in lane.stop.choices} <= set(self.answers):
                lane.stop = None
        self._checks.clear()
        self._asked.clear()
        self._taken.clear()
        self._passing.clear()
        verification = run.batch.verification if run is not None else Verification.NONE
        for lane in self._lanes.values():
            lane.asks_twice = verification if verification in (Verification.TAP, Verification.SCAN) else None
            lane.taps_only = run is not None and run.order is Sequence.AUTO
        self._set(run)
        for lane in self._lanes.values():
            self.after(lane)

    def refresh(self, run: Run) -> None:
        """The same batch as the journal has it now, after another process has changed it; halves and checks stay."""
        if self.run is not None and self.run.batch.id == run.batch.id:
            self._set(replace(run, holds=self.run.holds, doubted=self.run.doubted, proved=self.run.proved | run.proved))
            for lane in self._lanes.values():
                self.after(lane)

    def _set(self, run: Run | None) -> None:
        if run is not self.run:
            self.run = run
            self.generation += 1
            self._hands.changed()

    # --- asked by the bench -------------------------------------------------------------------------------------

    def numbers(self, rules: visual_number.Rules) -> visual_number.Rules:
        """The rules for numbers: the batch's where it has some, else the station's."""
        if self.run is None:
            return rules
        of = self.run.batch
        policy = CheckPolicy(of.check_digit) if of.check_digit else rules.check_digit
        pattern = of.pattern if of.pattern is not None else rules.pattern
        same = (policy, pattern) == (rules.check_digit, rules.pattern)
        return rules if same else visual_number.Rules(policy, pattern)

    def written(self, text: str) -> str:
        """A scanned number as the batch has it."""
        # As in a manifest: upper-casing turns some other letters into two, or into ASCII ones.
        return text.upper() if self.run is not None and self.run.batch.upper_case and text.isascii() else text

    def is_known(self, text: str) -> bool:
        """Whether a text is a number of the manifest, whatever it looks like besides."""
        if self.run is None or not self.run.roster.lines:
            return False
        number = visual_number.judge(text).number
        return number is not None and number.key in self.run.roster.by_number

    def shut(self, lane: Lane) -> Notice | None:
        """Why nothing of a batch may be begun on a lane now; None while it may."""
        if self.changing:
            return words.notice("batch-changing")
        return batch.shut(self.run, lane.name) if self.run is not None else None

    def allowed(self, lane: Lane, event: pairing.Tapped | pairing.Scanned) -> pairing.Event | None:
        """The event as it may be taken; None where it may not, which has been said then."""
        run = self.run
        if run is None or lane.state.phase is Phase.GOLDEN:
            return event
        ahead = pairing.step(lane.state, event, lane.rules).lane
        if ahead.scan is None or (ahead.scan is not event and ahead.tap is not event):
            return event  # it joins nothing, or there is no number yet
        number, uid = ahead.scan.number, ahead.tap.tag.uid if ahead.tap else None
        verdict = batch.judge(run, lane.name, number.key, number.text, uid, alone=len(self._lanes) == 1)
        match verdict:
            case Accept(warnings):
                if isinstance(event, pairing.Scanned) and warnings:
                    return replace(event, warnings=event.warnings + warnings)
                return event
            case Refuse(notice, is_foreign):
                self._refuse(lane, event, notice, number, is_foreign)
            case Halt(stop):
                self._halt(lane, stop, uid, number.text)
        return None

    def takes_tap(self, lane: Lane, uid: Uid) -> bool:
        """Whether a tap belongs to a check that is under way."""
        if (check := self._checks.get(lane.name)) is None:
            return False
        self._checks[lane.name], outcome = check.tap(uid)
        self._checked(lane, check, outcome, self._name_of(uid))
        return True

    def takes_scan(self, lane: Lane, number: VisualNumber) -> bool:
        """Whether a number belongs to a check that is under way."""
        if (check := self._checks.get(lane.name)) is None:
            return False
        self._checks[lane.name], outcome = check.scan(number.key)
        self._checked(lane, check, outcome, number.text)
        return True

    def entry(self, entry: Entry) -> Entry:
        """The entry with what the batch says of it."""
        if self.run is None:
            return entry
        of = self.run.batch
        return replace(
            entry,
            batch=of.id,
            user_id=of.user_id or entry.user_id,
            key_type=KeyType(of.key_type) if of.key_type else entry.key_type,
            valid_from=of.valid_from or entry.valid_from,
            valid_to=of.valid_to or entry.valid_to,
            needs_check=self.run.is_checked,
        )

    def saved(self, lane: Lane, record: Record) -> None:
        """A pair is on the disc; the lane does not know of it yet."""
        run, entry = self.run, record.entry
        by_itself = self._taken.pop(lane.name, None) == entry.number_key
        if run is None or entry.batch != run.batch.id:
            return
        checked = not entry.needs_check
        key = BatchKey(entry.id, entry.number_key, entry.visual_number, entry.uid, lane.name, checked, entry.station)
        self._set(run.paired(key).free(lane.name))
        if run.order is Sequence.AUTO and not by_itself and run.batch.verification is not Verification.SAMPLE:
            # Its number was read from the key: it is the right one, and so are those that were counted up to it.
            assert self.run is not None
            self._pass(lane, tuple(one.entry for one in self.run.run_of(lane.name)), "scan")

    def after(self, lane: Lane) -> None:
        """A move of a lane is done: reserve what its half pair needs, take the number, ask for a check."""
        run = self.run
        if run is None:
            return
        state = lane.state
        if state.phase in _HALF or state.phase in _SAVING:
            self._set(run.hold(lane.name, self._holds(run, lane)))
        else:
            self._set(run.free(lane.name))
        if lane.stop is not None or state.phase in _SAVING or lane.name in self._deciding:
            return
        self._ask_check(lane)
        if lane.name in self._checks:
            if lane.notice is None:
                self._show_check(lane)
        elif state.phase is Phase.TAG_WAITS and run.order is Sequence.AUTO:
            self._take_number(lane)
        elif state.phase is Phase.PAIRED and state.scan is not None and OUT_OF_ORDER in state.scan.warnings:
            self._show_order(lane, state.scan.number.text)

    def undone(self, record: Record) -> None:
        """A pair was taken back."""
        run = self.run
        if run is None or record.entry.batch != run.batch.id:
            return
        self._set(run.undone(record.entry.id))
        for name, check in list(self._checks.items()):
            left = check.without(record.entry.id)
            if left is None:
                del self._checks[name]
                self._lanes[name].notice = None
            elif left != check:
                self._checks[name] = left
                self._show_check(self._lanes[name])

    def shown(self, view: LaneView) -> LaneView:
        """A lane's view with the number that comes next and what a check asks for."""
        if self.run is None:
            return view
        if (check := self._checks.get(view.lane)) is not None:
            expects = "check-scan" if check.tapped else "check-tap"
            return replace(view, expects=expects, expected=check.key.visual_number)
        place = self.run.expected(view.lane)
        expected = "" if place is None else self.run.roster.lines[place].visual_number
        return replace(view, expected=expected)

    # --- before a pair ------------------------------------------------------------------------------------------

    def _holds(self, run: Run, lane: Lane) -> str:
        """The number key that a lane's half pair has, or is to have."""
        state = lane.state
        if state.scan is not None:
            return state.scan.number.key
        if lane.name in run.holds:
            return run.holds[lane.name]
        place = run.expected(lane.name)
        return batch.ANY if place is None else run.roster.lines[place].number_key

    def _take_number(self, lane: Lane) -> None:
        """Take the next number for the key that waits, unless it is to be scanned."""
        run, tap = self.run, lane.state.tap
        assert run is not None
        assert tap is not None
        place = run.expected(lane.name)
        if place is None or run.must_scan(lane.name):
            return
        line = run.roster.lines[place]
        if (stop := batch.other_key(run, place, tap.tag.uid)) is not None:
            self._halt(lane, stop, tap.tag.uid, line.visual_number)
            return
        self._taken[lane.name] = line.number_key
        number = VisualNumber.parse(line.visual_number)
        self._hands.step(lane, pairing.Scanned(number, tap.at, self._hands.new_id()))

    def _refuse(self, lane: Lane, event: pairing.Event, notice: Notice, number: VisualNumber, is_foreign: bool) -> None:
        if isinstance(event, pairing.Scanned):
            self._hands.step(lane, pairing.NumberRefused(event.at))
        else:
            self._hands.drop_half(lane)
        if is_foreign:
            self._hands.spawn(self._refuse_foreign(lane, notice, number))
        else:
            self._hands.refused(lane, notice, None, number.text)

    async def _refuse_foreign(self, lane: Lane, notice: Notice, number: VisualNumber) -> None:
        """Refuse a number that the manifest has not, and name the batch that has it."""
        but = self.run.batch.id if self.run is not None else None
        try:
            other = await self._journal.other_batch(self._target, number.key, but=but)
        except JournalError as error:
            _log.warning("whose number this is cannot be asked: %s", error)
            other = None
        if other is not None:
            notice = words.batch_notice("other-batch", number=number.text, batch=other)
        self._hands.refused(lane, notice, None, number.text)

    def _halt(self, lane: Lane, stop: Stop, uid: Uid | None, number: str) -> None:
        assert self.run is not None
        self._asked[lane.name] = _Asked(self.run.expected(lane.name), uid, number)
        self._hands.stop_lane(lane, stop)

    def _show_order(self, lane: Lane, number: str) -> None:
        assert self.run is not None
        place = self.run.expected(lane.name)
        expected = "" if place is None else self.run.roster.lines[place].visual_number
        if lane.notice is None and expected:
            lane.notice = words.batch_notice("was-not-next", number=number, expected=expected)

    # --- checks -------------------------------------------------------------------------------------------------

    def check_last(self) -> tuple[str, int] | None:
        """Ask for a check of the last piece on each lane with pairs that wait for theirs; a lane and how many wait."""
        if self.run is None:
            return None
        waiting = [(name, run) for name, run in self.run.unchecked() if name not in self._passing]
        for name, run in waiting:
            lane = self._lanes[name]
            if lane.stop is None and name not in self._checks:
                self._begin_check(lane, Asked.LAST, run[-1:], run)
        return (waiting[0][0], sum(len(run) for _, run in waiting)) if waiting else None

    def _ask_check(self, lane: Lane) -> None:
        run = self.run
        assert run is not None
        if lane.name in self._checks or lane.name in self._passing or not run.check_due(lane.name):
            return
        made = run.run_of(lane.name)
        self._begin_check(lane, Asked.SAMPLE, made[-1:], made)

    def _begin_check(self, lane: Lane, asked: Asked, keys: tuple[BatchKey, ...], covers: tuple[BatchKey, ...]) -> None:
        # First, so that whatever comes of dropping the half pair finds the check.
        self._checks[lane.name] = Check(asked, keys, tuple(key.entry for key in covers))
        self._hands.drop_half(lane)
        self._show_check(lane)
        self._hands.say(
            "check-asked",
            lane,
            check=str(asked),
            numbers=[key.visual_number for key in keys],
            covers=len(covers),
            message=words.told(lane.notice) if lane.notice else "",
        )

    def _show_check(self, lane: Lane) -> None:
        check = self._checks[lane.name]
        values = {"place": check.place + 1, "count": len(check.keys), "number": check.key.visual_number}
        lane.notice = words.batch_notice("check-scan" if check.tapped else "check-tap", **values)
        self._hands.changed()

    def _checked(self, lane: Lane, check: Check, outcome: Outcome, found: str) -> None:
        match outcome:
            case Outcome.GOES_ON:
                self._show_check(lane)
            case Outcome.PASSED:
                del self._checks[lane.name]
                self._pass(lane, check.covers, str(check.asked))
                lane.notice = replace(words.notice("check-passed"), good=True)
            case Outcome.TAP_FIRST:
                self._hands.refused(lane, words.notice("check-tap-first"), None, found)
            case Outcome.FAILED:
                self._asked.pop(lane.name, None)
                self._hands.stop_lane(lane, batch.stop_failed(check, found))

    def _name_of(self, uid: Uid) -> str:
        """A key as people know it: by its number, where it is one of the batch."""
        made = self.run.made if self.run is not None else {}
        return next((key.visual_number for key in made.values() if key.uid == uid), uid.wire)

    def _pass(self, lane: Lane, entries: tuple[str, ...], how: str) -> None:
        self._passing.add(lane.name)
        self._hands.spawn(self._passed(lane, entries, how))

    async def _passed(self, lane: Lane, entries: tuple[str, ...], how: str) -> None:
        """Have what a check covers sent. Where the journal cannot say so now, it waits for the next check."""
        of = self.run.batch.id if self.run is not None else ""
        try:
            records = await self._journal.pass_check(entries, self._journal.acting)
        except JournalError as error:
            _log.error("the check has passed, and the journal does not take it: %s", error)
            lane.notice = Notice("check-not-saved", words.title("check-not-saved"), str(error))
            return
        finally:
            self._passing.discard(lane.name)
        if self.run is not None and self.run.batch.id == of:
            self._set(self.run.passed(entries, lane.name))
        for record in records:
            self._hands.checked(record)
        self._hands.say("check-passed", lane, check=how, entries=len(records))
        self.after(lane)

    # --- what a person decides in a stop ------------------------------------------------------------------------

    def skip_expected(self, why: str, said: Callable[[str], None]) -> None:
        """Skip the number that comes next on any lane; `said` gets why not, or that it was."""
        run = self.run
        if run is None:
            said(words.told(words.notice("no-batch")))
            return
        states = [lane.state for lane in self._lanes.values() if lane.state.phase in _HALF | _SAVING]
        waiting = {state.scan.number.key for state in states if state.scan is not None}
        places = range(run.open_from, len(run.roster.lines)) if run.order is not Sequence.FREE else ()
        place = next((at for at in places if run.is_open(at) and run.roster.lines[at].number_key not in waiting), None)
        if place is None:
            said(words.told(words.notice("no-expected")))
            return

        async def skip() -> None:
            error = await self._skip(place, why)
            said(words.told(words.batch_notice("batch-not-changed", why=error)) if error else "")

        self._hands.spawn(skip())

    async def _skip(self, place: int, why: str) -> str:
        """Skip a line; why it could not be, empty if it was."""
        run = self.run
        assert run is not None
        line = run.roster.lines[place]
        try:
            await self._journal.skip_line(run.batch.id, line.position, why, self._journal.acting)
        except JournalError as error:
            return str(error)
        if self.run is not None and self.run.batch.id == run.batch.id:
            self._set(self.run.skip(place, why))
        self._hands.tell(
            "line-skipped",
            batch=run.batch.name,
            position=line.position,
            visual_number=line.visual_number,
            why=why,
            message=words.told(words.batch_notice("skipped-line", number=line.visual_number, why=why)),
        )
        for lane in self._lanes.values():
            self.after(lane)
        return ""

    def _skip_missing(self, lane: Lane) -> None:
        asked = self._asked.get(lane.name)
        if asked is not None and asked.place is not None:
            self._decide(lane, self._skip_and_go_on(lane, asked.place))

    async def _skip_and_go_on(self, lane: Lane, place: int) -> None:
        if error := await self._skip(place, MISSING):
            lane.notice = words.batch_notice("batch-not-changed", why=error)
            return
        self._go_on(lane)

    def _recheck_run(self, lane: Lane) -> None:
        run = self.run.run_of(lane.name) if self.run is not None else ()
        lane.stop = None
        if run:
            self._doubt(lane)
            self._begin_check(lane, Asked.RUN, run, run)
        else:
            self._go_on(lane)

    def _scan_again(self, lane: Lane) -> None:
        lane.stop = None
        if lane.name in self._checks:
            self._show_check(lane)
        else:
            self._doubt(lane)
            self._go_on(lane)

    async def _undo_run(self, lane: Lane) -> None:
        """Take back what was made since the last check, as far as it was not sent."""
        run = self.run.run_of(lane.name) if self.run is not None else ()
        sent: list[str] = []
        self._checks.pop(lane.name, None)
        for key in reversed(run):
            try:
                record = await self._journal.undo(key.entry, reason="undone with its run")
            except IllegalTransition:
                sent.append(key.visual_number)
                continue
            except JournalError as error:
                lane.notice = Notice("undo-failed", words.title("undo-failed"), str(error))
                return
            self.undone(record)
            self._hands.taken_back(record)
            self._hands.say("undone", lane, entry=key.entry, done=True, message=words.title("undone"))
        self._doubt(lane)
        self._go_on(lane)
        lane.notice = (
            words.batch_notice("run-partly-undone", numbers=", ".join(reversed(sent)))
            if sent
            else replace(words.notice("run-undone"), good=True)
        )
        self._hands.say(
            "run-undone", lane, undone=len(run) - len(sent), sent=sent[::-1], message=words.told(lane.notice)
        )

    async def _put_aside(self, lane: Lane) -> None:
        asked = self._asked.get(lane.name)
        key = RejectedKey(
            lane.stop.reason if lane.stop is not None else "",
            self._hands.utcnow(),
            lane.name,
            asked.number if asked else "",
            asked.uid if asked else None,
            self.run.batch.id if self.run is not None else None,
            self._journal.acting,
        )
        try:
            await self._journal.reject_key(self._target, key)
        except JournalError as error:
            lane.notice = Notice("not-put-aside", words.title("not-put-aside"), str(error))
            return
        lane.stop = None
        lane.notice = None

    def _doubt(self, lane: Lane) -> None:
        if self.run is not None:
            self._set(self.run.doubt(lane.name))

    def _go_on(self, lane: Lane) -> None:
        """The lane pairs again. What lies on its reader is looked at anew, as far as that is known to be true."""
        lane.stop = None
        lane.notice = None
        self._asked.pop(lane.name, None)
        tag, ready = lane.present, lane.status.state is ReaderState.READY
        if tag is not None and ready and lane.sees_removal and lane.name not in self._checks:
            if self.shut(lane) is None:
                self._hands.step(lane, self._hands.tapped(lane, tag))
        self.after(lane)

    def _decide(self, lane: Lane, work: Coroutine[object, object, None]) -> None:
        """Do what was decided; the lane stays stopped until it is done."""
        if lane.name in self._deciding:
            work.close()
            return
        self._deciding.add(lane.name)

        async def decided() -> None:
            try:
                await work
            finally:
                self._deciding.discard(lane.name)
                self.after(lane)
                self._hands.changed()

        self._hands.spawn(decided())
