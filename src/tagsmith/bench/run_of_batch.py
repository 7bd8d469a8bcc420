"""A batch at the lanes: what it lets each of them pair, the terms of its entries, the numbers taken by themselves.

The rules are those of `tagsmith.batch`; here they are asked at the right moment, and what follows is done.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace

from tagsmith import batch, pairing, visual_number, words
from tagsmith.batch import Accept, Halt, Refuse, Run
from tagsmith.bench.checking import Checks
from tagsmith.bench.current import HALF, SAVING, Current, Hands
from tagsmith.bench.deciding import Decisions
from tagsmith.bench.lane import Lane
from tagsmith.errors import JournalError
from tagsmith.journal import Journal
from tagsmith.model import Entry, KeyType, LaneView, Notice, Phase, Record
from tagsmith.production import BatchKey, Sequence, Verification
from tagsmith.uid import Uid
from tagsmith.visual_number import CheckPolicy, VisualNumber

_log = logging.getLogger(__name__)


class RunOfBatch:
    """The batch that the lanes of a bench make keys of; none until `take`. Lives on the core loop."""

    def __init__(self, journal: Journal, target: str, lanes: Mapping[str, Lane], hands: Hands) -> None:
        self._current = Current(journal, target, lanes, hands)
        self._checks = Checks(self._current, self.after)
        self._decisions = Decisions(self._current, self._checks, self.undone, self.after)
        self.changing = False
        """Nothing is paired while another batch is being read."""
        self._taken: dict[str, str] = {}
        """By lane, the number key that was taken by itself."""

    @property
    def run(self) -> Run | None:
        """The batch and how far it is."""
        return self._current.run

    @property
    def generation(self) -> int:
        """Grows with every change."""
        return self._current.generation

    @property
    def answers(self) -> Mapping[str, Callable[[Lane], None]]:
        """What each choice does that a stop over the batch may offer."""
        return self._decisions.answers

    # --- which batch --------------------------------------------------------------------------------------------

    def take(self, run: Run | None) -> None:
        """Make keys of this batch from now on. Half pairs of before are dropped; none may be on its way to the disc."""
        lanes = self._current.lanes.values()
        for lane in lanes:
            self._current.hands.drop_half(lane)
        self._checks.clear()
        self._decisions.clear()
        self._taken.clear()
        self._go_by(run)
        self._checks.ask_after_break()

    def refresh(self, run: Run) -> None:
        """The same batch as the journal has it now, after another process has changed it; halves and checks stay."""
        before = self.run
        if before is None or not self._current.is_of(run.batch.id):
            return
        proved = before.proved | run.proved
        self._go_by(replace(run, holds=before.holds, doubted=before.doubted, proved=proved))

    def _go_by(self, run: Run | None) -> None:
        verification = run.batch.verification if run is not None else Verification.NONE
        self._current.set(run)
        self._checks.refresh()
        for lane in self._current.lanes.values():
            lane.asks_twice = verification if verification in (Verification.TAP, Verification.SCAN) else None
            lane.taps_only = run is not None and run.order is Sequence.AUTO
            self.after(lane)

    def was_closed(self) -> None:
        """Another process has closed the batch."""
        if self.run is not None and not self.run.is_closed:
            closed = replace(self.run.batch, closed_at=self._current.hands.utcnow())
            self._current.set(replace(self.run, batch=closed))

    def check_last(self) -> tuple[str, int] | None:
        """Ask for a check of the last piece on each lane with pairs that wait for theirs; a lane and how many wait."""
        return self._checks.ask_last()

    async def checks_recorded(self) -> None:
        """Return when the journal knows of every check that has passed, or does not take it."""
        await self._checks.recorded()

    def skip_expected(self, why: str, said: Callable[[str], None]) -> None:
        """Skip the number that comes next on any lane; `said` gets why it could not be, empty when it was."""
        self._decisions.skip_expected(why, said)

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
        verdict = batch.judge(run, lane.name, number.key, number.text, uid, alone=len(self._current.lanes) == 1)
        match verdict:
            case Accept(warnings):
                if isinstance(event, pairing.Scanned) and warnings:
                    return replace(event, warnings=event.warnings + warnings)
                return event
            case Refuse(notice, is_foreign):
                self._refuse(lane, event, notice, number, is_foreign)
            case Halt(stop):
                self._decisions.halt(lane, stop, uid, number.text)
        return None

    def takes_tap(self, lane: Lane, uid: Uid) -> bool:
        """Whether a tap belongs to a check that is under way."""
        return self._checks.takes_tap(lane, uid)

    def takes_scan(self, lane: Lane, number: VisualNumber) -> bool:
        """Whether a number belongs to a check that is under way."""
        return self._checks.takes_scan(lane, number)

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
        by_itself = self._taken.pop(lane.name, None) == entry.number_key and lane.asks_twice is not Verification.SCAN
        if run is None or not self._current.is_of(entry.batch or ""):
            return
        checked = not entry.needs_check
        key = BatchKey(entry.id, entry.number_key, entry.visual_number, entry.uid, lane.name, checked, entry.station)
        self._current.set(run.paired(key).free(lane.name))
        if self.run is not None and self.run.left_for(lane.name) == 0:
            for other in self._current.lanes.values():
                if other is not lane:
                    self.after(other)  # its last piece may be due for a check now
        if run.order is Sequence.AUTO and not by_itself and run.batch.verification is not Verification.SAMPLE:
            # Its number was read from the key: it is the right one, and so are those that were counted up to it.
            self._checks.passed(lane, tuple(one.entry for one in self._current.run_of(lane)), "scan")

    def after(self, lane: Lane) -> None:
        """A move of a lane is done: reserve what its half pair needs, take the number, ask for a check."""
        run = self.run
        if run is None:
            return
        state = lane.state
        if state.phase in HALF or state.phase in SAVING:
            self._current.set(run.hold(lane.name, self._holds(run, lane)))
        else:
            self._current.set(run.free(lane.name))
        if lane.stop is not None or state.phase in SAVING or self._decisions.is_under_way(lane):
            return
        self._checks.ask_due(lane)
        if self._checks.of(lane.name) is not None:
            if lane.notice is None:
                self._checks.show(lane)
        elif state.phase is Phase.TAG_WAITS and run.order is Sequence.AUTO:
            self._take_number(lane)
        elif state.phase is Phase.PAIRED and state.scan is not None and batch.OUT_OF_ORDER in state.scan.warnings:
            self._show_order(lane, state.scan.number.text)

    def undone(self, record: Record) -> None:
        """A pair was taken back, wherever that was asked for."""
        if self.run is not None and self._current.is_of(record.entry.batch or ""):
            self._current.set(self.run.undone(record.entry.id))
            self._checks.undone(record)

    def shown(self, view: LaneView) -> LaneView:
        """A lane's view with the number that comes next and what a check asks for."""
        if self.run is None:
            return view
        if (check := self._checks.of(view.lane)) is not None:
            expects = "check-scan" if check.tapped else "check-tap"
            return replace(view, expects=expects, expected=check.key.visual_number)
        return replace(view, expected=self._expected(view.lane))

    # --- before a pair ------------------------------------------------------------------------------------------

    def _expected(self, name: str) -> str:
        """The number that comes next on a lane; empty where none does."""
        assert self.run is not None
        place = self.run.expected(name)
        return "" if place is None else self.run.roster.lines[place].visual_number

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
            self._decisions.halt(lane, stop, tap.tag.uid, line.visual_number)
            return
        self._taken[lane.name] = line.number_key
        number = VisualNumber.parse(line.visual_number)
        self._current.hands.step(lane, pairing.Scanned(number, tap.at, self._current.hands.new_id()))

    def _refuse(self, lane: Lane, event: pairing.Event, notice: Notice, number: VisualNumber, is_foreign: bool) -> None:
        hands = self._current.hands
        if isinstance(event, pairing.Scanned):
            hands.step(lane, pairing.NumberRefused(event.at))
        else:
            hands.drop_half(lane)
        if is_foreign:
            hands.spawn(self._refuse_foreign(lane, notice, number, lane.state))
        else:
            hands.refused(lane, notice, None, number.text)

    async def _refuse_foreign(self, lane: Lane, notice: Notice, number: VisualNumber, then: pairing.Lane) -> None:
        """Refuse a number that the manifest has not, and name the batch that has it."""
        current = self._current
        but = current.run.batch.id if current.run is not None else None
        try:
            other = await current.journal.other_batch(current.target, number.key, but=but)
        except JournalError as error:
            _log.warning("whose number this is cannot be asked: %s", error)
            other = None
        if other is not None:
            notice = words.batch_notice("other-batch", number=number.text, batch=other)
        shown = lane.notice
        current.hands.refused(lane, notice, None, number.text)
        if lane.state is not then:
            lane.notice = shown  # the lane has moved on meanwhile, and this is not about what it shows now

    def _show_order(self, lane: Lane, number: str) -> None:
        if lane.notice is None and (expected := self._expected(lane.name)):
            lane.notice = words.batch_notice("was-not-next", number=number, expected=expected)
