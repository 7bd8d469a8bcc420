"""The bench: what comes in, one move of a lane at a time, and everything that follows from it."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from tagsmith import pairing, visual_number, words
from tagsmith.bench.beat import GRACE_S, Beat
from tagsmith.bench.current import SAVING, Hands
from tagsmith.bench.intake import Intake, hand_over
from tagsmith.bench.lane import Lane, Work
from tagsmith.bench.rework import UNLOCK, Reworking
from tagsmith.bench.run_of_batch import RunOfBatch
from tagsmith.errors import BatchError, DuplicateNumber, DuplicateUid, JournalError
from tagsmith.i18n import Sentence
from tagsmith.journal import Journal
from tagsmith.model import (
    Entry,
    Event,
    LaneView,
    Notice,
    Phase,
    ReaderState,
    ReaderStatus,
    Reason,
    Record,
    Scan,
    ScannerStatus,
    Signal,
    Tag,
    Terms,
)
from tagsmith.production import Stop
from tagsmith.readers import Reader
from tagsmith.readers.pump import Edge, Pump, ReaderChanged, TagArrived, TagLeft, TagsCollided
from tagsmith.scanners import CommandKind, ScannerDevice
from tagsmith.uid import Decision, Uid, UidReason, Verdict, judge, looks_like_uid
from tagsmith.visual_number import NumberDecision

_log = logging.getLogger(__name__)


PERHAPS_RETRY_S = 1.0
"""Between two tries of a commit whose answer was lost."""
_ALARMING = frozenset({Reason.GOLDEN_REVERSED, Reason.GOLDEN_MISMATCH, Reason.NOT_SAVED, UidReason.ORDER_SUSPECT})
"""Refusals for which somebody must come."""
_STRAY = frozenset({"unknown-lane", "lane-first", "two-lanes-chosen", "other-lane", "unknown-command", "lane-chosen"})
"""What is said of scans that reached no lane, or only chose one."""
_HEARD = 256
"""So many of the last UIDs are known, so that one that comes as a number is known again."""
_RATE_WINDOW_S = 600.0
_RATE_AT_LEAST_S = 60.0


class Bench(Reworking):
    """The lanes of one station.

    Every public method is called on the core loop, except that pumps hand over from their threads. `scanners` are
    devices with the lane each is bound to (None: it names the lane by a barcode). `emit` gets each line of the event
    stream, `paired` each record right after its durable commit, `changed` is called when a view may look different,
    `signal` is for buzzer and lights that serve all lanes, `acknowledged` is called when a person has seen the alarm,
    `checked` gets each record whose check has passed: it may be sent now.
    """

    def __init__(
        self,
        lanes: Sequence[tuple[str, str, Reader]],
        journal: Journal,
        work: Work,
        *,
        emit: Callable[[Event], None],
        paired: Callable[[Record], None],
        changed: Callable[[], None],
        scanners: Sequence[tuple[ScannerDevice, str | None]] = (),
        signal: Callable[[Signal], None] = lambda _: None,
        reader_signals: bool = True,
        acknowledged: Callable[[], None] = lambda: None,
        checked: Callable[[Record], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        utcnow: Callable[[], datetime] = lambda: datetime.now(UTC),
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        super().__init__()
        self._lanes = {name: Lane(name, reader, spec, work.rules) for name, spec, reader in lanes}
        self._beat = Beat(self._stood_still)
        self._heard: deque[Uid] = deque(maxlen=_HEARD)
        self._intake = Intake(self._lanes, scanners, work.rules.timeout_s, self)
        self._signal_all = signal
        self._reader_signals = reader_signals
        self._acknowledged = acknowledged
        self._journal = journal
        self._work = work
        self._emit = emit
        self._paired = paired
        self._changed = changed
        self._clock = clock
        self._utcnow = utcnow
        self._new_id = new_id
        self._tasks: set[asyncio.Task[None]] = set()
        self._commits: set[asyncio.Task[None]] = set()
        self.batch = RunOfBatch(journal, work.target, self._lanes, self._hands(checked))
        """The batch that keys are made of."""
        self._answers: dict[str, Callable[[Lane], None]] = {
            **self.batch.answers,
            # A stop that only a supervisor ends is not ended by an answer: `unlock` is called by whoever has asked who.
            UNLOCK: lambda lane: self.unlock_asked(lane.name),
        }
        """What each choice does, of all that a stop may offer."""
        self._stopping = False
        self._pair_times: deque[float] = deque()
        self._started_at = clock()
        self.paired_count = 0
        self.rejected_count = 0

    def _hands(self, checked: Callable[[Record], None]) -> Hands:
        return Hands(
            step=self._step,
            refused=self._refused,
            drop_half=self._drop_half,
            stop_lane=self._stop_lane,
            look_again=self._look_again,
            taken_back=self._gone,
            put_aside=self._put_wrong_aside,
            checked=checked,
            say=self._say,
            tell=self.say,
            spawn=lambda work: self._spawn(work, self._tasks),
            changed=self._changed,
            new_id=self._new_id,
            utcnow=self._utcnow,
        )

    # --- life -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start one pump per lane and per scanner; what is not there is taken when it comes."""
        loop = asyncio.get_running_loop()
        self._started_at = self._clock()
        for lane in self._lanes.values():
            lane.pump = Pump(lane.reader, hand_over(loop, self._on_edge, lane), clock=self._clock)
            lane.pump.start()
        self._intake.start(loop)
        self._beat.start()

    async def readers_known(self, timeout_s: float) -> None:
        """Return when every reader was tried once, or at the timeout."""
        waits = [lane.known.wait() for lane in self._lanes.values()]
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.gather(*waits)
        except TimeoutError:
            _log.info("not every reader answered within %.1f s", timeout_s)

    async def stop(self, timeout_s: float = 5.0) -> None:
        """End the pumps and let commits under way finish: a commit is never cancelled."""
        self._stopping = True
        self._beat.stop()
        readers = [lane.pump for lane in self._lanes.values() if lane.pump]
        closing = [pump.close for pump in readers] + [pump.close for pump in self._intake.pumps]
        await asyncio.gather(*(asyncio.to_thread(close, timeout_s) for close in closing))
        for lane in self._lanes.values():
            if lane.timer:
                lane.timer.cancel()
        await self.settled(timeout_s)

    async def settled(self, timeout_s: float | None = None) -> bool:
        """Wait until no commit is under way. False at the timeout: such a pair was never shown as done."""
        if self._commits:
            await asyncio.wait(set(self._commits), timeout=timeout_s)
        return not self._commits

    # --- what comes in --------------------------------------------------------------------------------------------

    def scan(self, scan: Scan, lane_name: str | None = None) -> None:
        """Take a scan: a number, or a command's barcode.

        Without a lane's name it needs a station of one lane, or the lane's barcode right before it: it must never
        reach a neighbour's key.
        """
        if self._stopping:
            return
        self._beat.look()
        for lane in self._lanes.values():
            if lane.notice is not None and lane.notice.reason in _STRAY:
                lane.notice = None  # it was about the scan before this one
        if self._code_unlocks(scan, lane_name) or (scan.fault is None and self._work.code(scan.text)):
            return
        self._intake.take(scan, lane_name)

    def number(self, lane: Lane, scan: Scan) -> None:
        """Take a scan that is no command, for this lane."""
        if lane.status.state is not ReaderState.READY and self._work.rules.order is not pairing.Order.TAP_FIRST:
            # Its key may lie on the dead reader: the number must not wait for whatever is laid there afterwards.
            self._refuse_number(lane, scan, words.notice(Reason.READER_LOST, number=scan.text))
            return
        if shut := self._shut(lane):
            self._refuse_number(lane, scan, words.notice(shut))
            return
        if scan.fault is not None:
            self._refuse_number(lane, scan, words.notice(scan.fault, number=scan.text))
            return
        if self._is_uid(scan.text):
            self._refuse_number(lane, scan, words.notice(Reason.NUMBER_IS_UID, number=scan.text))
            return
        verdict = visual_number.judge(self.batch.written(scan.text), self.batch.numbers(self._work.numbers))
        if verdict.number is None or verdict.decision is NumberDecision.BLOCK:
            self._refuse_number(lane, scan, words.number_notice(verdict))
            return
        if self.batch.takes_scan(lane, verdict.number):
            return
        if (notice := self.batch.shut(lane)) is not None:
            self._refuse_number(lane, scan, notice)
            return
        warnings = (str(verdict.reason),) if verdict.decision is NumberDecision.WARN else ()
        event = self.batch.allowed(lane, pairing.Scanned(verdict.number, scan.at, self._new_id(), warnings))
        if event is not None:
            self._step(lane, event)

    def clear(self, lane_name: str | None = None) -> None:
        """Esc: drop what waits."""
        for lane in self._chosen(lane_name):
            lane.notice = None
            lane.warnings = ()
            lane.verify_next = False
            self._step(lane, pairing.Cancel(self._clock()))

    def retry(self, lane_name: str | None = None) -> None:
        """Save the pair that could not be saved again."""
        for lane in self._chosen(lane_name):
            self._step(lane, pairing.Retry(self._clock()))

    def undo(self, lane_name: str | None = None) -> None:
        """Take the last pair of the lane back, while it was never sent."""
        for lane in self._chosen(lane_name):
            if not self._step(lane, pairing.UndoAsked(self._clock())).moved:
                lane.notice = words.notice("nothing-to-undo")
                self._say("undone", lane, entry=None, done=False, message=lane.notice.title)
                self._changed()

    def confirm(self, lane_name: str, uid: Uid, number: str, terms: Terms) -> None:
        """A person has seen this pair and wants it, on these terms; it is refused if another one waits by now."""
        lane = self._lanes[lane_name]
        if lane.state.phase is Phase.CONFIRMING:
            lane.terms = terms
            self._step(lane, pairing.Confirmed(uid, number, self._clock(), self._new_id()))

    def verify_next(self, lane_name: str) -> None:
        """The lane's next pair is verified by a second tap."""
        lane = self._lanes[lane_name]
        lane.verify_next = True
        lane.notice = words.notice("verify-next")
        self._changed()

    def never(self, uids: frozenset[Uid]) -> None:
        """From now on these keys are never paired."""
        for lane in self._lanes.values():
            lane.never(uids)

    def acknowledge(self) -> None:
        """A person has seen the alarm."""
        self._acknowledged()

    def decide(self, lane_name: str, choice: str) -> None:
        """A choice was scanned: as `answer`, and what is not offered is said."""
        lane = self._lanes[lane_name]
        if lane.stop is None or choice not in {offered.id for offered in lane.stop.choices}:
            self._refused(lane, words.notice("nothing-to-decide"), None, "")
            return
        self.answer(lane_name, choice)

    def answer(self, lane_name: str, choice: str) -> None:
        """A person has decided how a lane that has stopped goes on; what was not offered means nothing."""
        lane = self._lanes.get(lane_name)
        if lane is None or lane.stop is None or choice not in {offered.id for offered in lane.stop.choices}:
            return
        self._say("answered", lane, reason=lane.stop.reason, choice=choice)
        self._answers[choice](lane)
        self._changed()

    def _stop_lane(self, lane: Lane, stop: Stop) -> None:
        """Pair nothing on this lane until a person has decided."""
        self._drop_half(lane)
        lane.notice = None
        lane.stop = stop
        self._signal(lane, Signal.ALARM)
        message = f"{stop.title} {stop.hint}"
        choices = [choice.id for choice in stop.choices]
        self._say("stopped", lane, reason=stop.reason, message=message, choices=choices, numbers=list(stop.numbers))
        self._changed()

    def _shut(self, lane: Lane) -> str:
        """By which reason nothing may be paired on this lane now; empty while it may."""
        return Reason.LANE_STOPPED if lane.stop is not None else self._work.shut()

    def shift_asked(self, kind: CommandKind) -> None:
        """A command about shifts was scanned."""
        self._work.shift_asked(kind)

    def ask_golden(self) -> None:
        """Ask every lane for the golden key, where there is one. No commit may be under way (`settled`)."""
        for lane in self._lanes.values():
            lane.ask_golden(self._clock())
            self._arm(lane)
        self._changed()

    @property
    def is_saving(self) -> bool:
        """Whether a pair is on its way to the disc, or waits for another try."""
        return any(lane.state.phase in SAVING for lane in self._lanes.values())

    def drop_halves(self) -> None:
        """Drop the half pairs that wait: whoever began them goes."""
        for lane in self._lanes.values():
            self._drop_half(lane)

    def _drop_half(self, lane: Lane) -> None:
        if lane.state.deadline_after is not None:  # what waits for the disc is no half pair
            self.clear(lane.name)

    def _find(self, name: str | None) -> Lane | None:
        if name is not None:
            return self._lanes.get(name)
        return next(iter(self._lanes.values())) if len(self._lanes) == 1 else None

    def _chosen(self, name: str | None) -> list[Lane]:
        lane = self._find(name)
        return [lane] if lane else []

    # --- readers --------------------------------------------------------------------------------------------------

    def _on_edge(self, lane: Lane, edge: Edge) -> None:
        if self._stopping:
            return
        self._beat.look()
        match edge:
            case TagArrived():
                self._arrived(lane, edge.tag, edge.at)
            case TagLeft():
                lane.present = None
                if lane.sees_removal:  # else it has only fallen silent, which says nothing of the key
                    warnings = self._uid_warnings(self._judge(edge.tag))
                    self._say("removed", lane, **self._seen_fields(edge.tag.uid), warnings=warnings)
                    self._step(lane, pairing.Removed(edge.at))
            case TagsCollided():
                lane.present = None
                lane.collided = tuple(tag.uid for tag in edge.tags)
                self._heard.extend(lane.collided)
                reason = Reason.TWO_TAGS if edge.tags else Reason.UNREADABLE
                self._step(lane, pairing.Collided(edge.at, reason))
            case ReaderChanged():
                self._reader_changed(lane, edge.status)

    def _arrived(self, lane: Lane, tag: Tag, at: float) -> None:
        verdict = self._judge(tag)
        warnings = self._uid_warnings(verdict)
        self._say("tapped", lane, **self._seen_fields(tag.uid), warnings=warnings, reader=lane.reader_name)
        lane.aside = None
        supervisor = self._work.supervisor(tag.uid)
        if (supervisor and self.unlock(lane.name, supervisor, "badge")) or self._work.badge(tag.uid):
            lane.present = None
            self._drop_half(lane)
            return
        lane.present = tag
        self._heard.append(tag.uid)
        if twins := [other for other in self._lanes.values() if other is not lane and _holds(other, tag.uid)]:
            # One chip cannot lie on two readers: a copied chip, or one reader that is plugged in for two lanes.
            for one in (*twins, lane):
                self._step(one, pairing.Collided(at, Reason.TWO_LANES))
            return
        if lane.state.phase is not Phase.GOLDEN and (shut := self._shut(lane)):
            self._refused(lane, words.notice(shut), tag.uid, "")
            return
        if lane.state.phase is not Phase.GOLDEN:
            if self.batch.takes_tap(lane, tag.uid):
                return
            if (notice := self.batch.shut(lane)) is not None:
                self._refused(lane, notice, tag.uid, "")
                return
        event = self.batch.allowed(lane, pairing.Tapped(tag, verdict, at, self._new_id()))
        if event is not None:
            self._step(lane, event)

    def _look_again(self, lane: Lane) -> None:
        """What lies on the reader counts anew, as far as it can be known that it still does."""
        tag, ready = lane.present, lane.status.state is ReaderState.READY
        if tag is None or not ready or not lane.sees_removal or self._shut(lane) or self.batch.shut(lane):
            return
        self._step(lane, pairing.Tapped(tag, self._judge(tag), self._clock(), self._new_id()))

    def _is_uid(self, text: str) -> bool:
        """Whether a number is the UID of a key that was heard of lately, or looks like one: a reader that types."""
        if any(uid.is_written(text) for uid in self._heard):
            return True
        pattern = self.batch.numbers(self._work.numbers).pattern
        return pattern is None and looks_like_uid(text) and not self.batch.is_known(text)

    def _stood_still(self) -> None:
        """Nobody knows in which order taps and scans came meanwhile: nothing of before joins anything of after."""
        _log.warning("the station stood still for a moment: what waited is dropped")
        now = self._clock()
        for lane in self._lanes.values():
            self._step(lane, pairing.Stalled(now, now + GRACE_S))

    def _judge(self, tag: Tag) -> Verdict:
        return judge(tag.uid, sak=tag.sak, allow_eight_bytes=self._work.allow_eight_bytes)

    def _uid_warnings(self, verdict: Verdict) -> list[str]:
        return [str(verdict.reason)] if verdict.decision is Decision.WARN else []

    def _reader_changed(self, lane: Lane, status: ReaderStatus) -> None:
        lane.status = status
        lane.known.set()
        fields = {"reader": lane.reader_name, "state": str(status.state)}
        if status.message:
            fields |= {"message": status.message, "remedy": status.remedy}
        self._say("reader", lane, **fields)
        if status.state is not ReaderState.READY:
            lane.present = None
            self._step(lane, pairing.ReaderGone(self._clock()))
        self._changed()

    # --- pairing --------------------------------------------------------------------------------------------------

    def _step(self, lane: Lane, event: pairing.Event) -> pairing.Step:
        """One move of a lane and everything that follows from it."""
        before = lane.state.phase
        step = pairing.step(lane.state, event, lane.rules)
        lane.moved(step)
        if before is Phase.VERIFYING and step.lane.phase is Phase.COMMITTING:
            lane.verify_next = False
        for effect in step.effects:
            self._do(lane, effect)
        self._arm(lane)
        self.batch.after(lane)
        self._changed()
        return step

    def _do(self, lane: Lane, effect: pairing.Effect) -> None:
        match effect:
            case pairing.Commit():
                # Made now: nothing that comes before the task begins may change what the entry says.
                self._spawn(self._commit(lane, self._entry(lane, effect)), self._commits)
            case pairing.LookUp():
                self._spawn(self._look_up(lane, effect), self._tasks)
            case pairing.Undo():
                self._spawn(self._take_back(effect.entry, "undone at the lane", lane), self._tasks)
            case pairing.Reject():
                self._rejected(lane, effect)
            case pairing.GoldenSeen():
                self._say("golden", lane, **self._uid_fields(effect.uid), reader=lane.reader_name)
                lane.notice = replace(words.notice("golden-seen"), good=True)

    def _rejected(self, lane: Lane, effect: pairing.Reject) -> None:
        if effect.reason is Reason.PUT_ASIDE:
            return  # whoever put it aside tells of it
        notice = words.notice(effect.reason, uid=effect.uid, number=effect.number, record=effect.record)
        if effect.reason is Reason.NOT_SAVED and lane.failure is not None:
            notice = replace(notice, hint=Sentence("{title} {hint}", title=str(lane.failure), hint=notice.hint))
        self._refused(lane, notice, effect.uid, effect.number)

    def _refused(self, lane: Lane, notice: Notice, uid: Uid | None, number: str) -> None:
        lane.notice = notice
        if notice.reason != Reason.CANCELLED:
            self.rejected_count += 1
            self._signal(lane, Signal.ALARM if notice.reason in _ALARMING else Signal.REFUSED)
        fields: dict[str, object] = {"reason": notice.reason, "message": words.told(notice)}
        if uid is not None:
            fields |= self._uid_fields(uid)
        if number:
            fields["visual_number"] = number
        self._say("rejected", lane, **fields)
        self._count_refusal(lane, notice.reason, uid, number)
        self._changed()

    def _refuse_number(self, lane: Lane, scan: Scan, notice: Notice) -> None:
        self._step(lane, pairing.NumberRefused(scan.at))
        self._refused(lane, notice, None, scan.text)

    def reject_without_lane(self, scan: Scan, lane_name: str | None, reason: str) -> None:
        """Refuse a scan that reaches no lane; every lane shows why."""
        self.rejected_count += 1
        self._signal_all(Signal.REFUSED)
        notice = words.notice(reason)
        for lane in self._lanes.values():
            if lane.state.phase not in (Phase.COMMITTING, Phase.NOT_SAVED):
                lane.notice = notice
        fields: dict[str, object] = {"lane": lane_name or None, "reason": notice.reason, "visual_number": scan.text}
        self._emit(Event("rejected", fields | {"message": words.told(notice), "at": self._stamp()}))
        self._changed()

    def _signal(self, lane: Lane, signal: Signal) -> None:
        if self._reader_signals:
            lane.reader.signal(signal)
        self._signal_all(signal)

    def _arm(self, lane: Lane) -> None:
        """Have the lane looked at again when its half pair is due to time out."""
        if lane.timer:
            lane.timer.cancel()
            lane.timer = None
        if self._stopping or (since := lane.state.deadline_after) is None:
            return
        delay = max(0.0, since + self._work.rules.timeout_s - self._clock())
        lane.timer = asyncio.get_running_loop().call_later(delay + 0.01, self._tick, lane)

    def _tick(self, lane: Lane) -> None:
        self._step(lane, pairing.Tick(self._clock()))

    # --- the journal ----------------------------------------------------------------------------------------------

    async def _commit(self, lane: Lane, entry: Entry) -> None:
        """Bring a pair to the disc and tell the lane. While a commit's answer is lost, it is tried again."""
        asked_at = self._clock()
        while True:
            try:
                committed = await self._journal.append(entry)
            except DuplicateUid as error:
                self._step(lane, pairing.Taken(entry.id, Reason.DUPLICATE_UID, error.record, self._clock()))
            except DuplicateNumber as error:
                self._step(lane, pairing.Taken(entry.id, Reason.DUPLICATE_NUMBER, error.record, self._clock()))
            except BatchError:
                self.batch.was_closed()
                self._step(lane, pairing.Taken(entry.id, Reason.BATCH_CLOSED, None, self._clock()))
            except JournalError as error:
                if error.perhaps:
                    _log.warning("perhaps saved, asking again: %s", error, extra=_about(entry))
                    await asyncio.sleep(PERHAPS_RETRY_S)
                    continue
                _log.error("not saved: %s", error, extra=_about(entry))
                lane.failure = error
                self._step(lane, pairing.NotSaved(entry.id, self._clock()))
            else:
                self._saved(lane, committed.record, self._clock() - asked_at)
            return

    def _saved(self, lane: Lane, record: Record, took_s: float) -> None:
        """From here on the pair is on the disc, whatever the lane does next."""
        entry = record.entry
        self.paired_count += 1
        self._made.add(entry.id)
        lane.row.end()
        self._pair_times.append(self._clock())
        lane.failure = None
        self._say(
            "paired",
            lane,
            entry=entry.id,
            **self._uid_fields(entry.uid),
            visual_number=entry.visual_number,
            warnings=list(entry.warnings),
            user_id=entry.user_id,
            **({"operator": entry.operator} if entry.operator else {}),
            saved_ms=round(1000 * took_s, 1),
        )
        self._paired(record)
        self._signal(lane, Signal.PAIRED)
        self.batch.saved(lane, record)
        self._step(lane, pairing.Saved(entry.id, self._clock()))

    def _entry(self, lane: Lane, effect: pairing.Commit) -> Entry:
        tap, scan, terms = effect.tap, effect.scan, lane.terms or self._work.terms
        tag_warnings = tuple(self._uid_warnings(tap.verdict))
        entry = Entry(
            id=effect.entry,
            target=self._work.target,
            uid=tap.tag.uid,
            uid_order=self._work.order,
            visual_number=scan.number.text,
            number_key=scan.number.key,
            paired_at=self._utcnow(),
            lane=lane.name,
            station=self._work.station,
            reader=lane.reader_name,
            user_id=terms.user_id,
            key_type=terms.key_type,
            valid_from=terms.valid_from,
            valid_to=terms.valid_to,
            warnings=tag_warnings + scan.warnings,
            operator=self._journal.acting,
        )
        return self.batch.entry(entry)

    async def _look_up(self, lane: Lane, effect: pairing.LookUp) -> None:
        """Ask who holds a uid or number. A journal that cannot answer is no obstacle: the commit asks again."""
        try:
            record = await self._journal.find(self._work.target, uid=effect.uid, number_key=effect.number_key)
        except JournalError as error:
            _log.warning("look-up failed: %s", error)
            return
        self._step(lane, pairing.Found(effect.token, record, self._clock()))

    def _spawn(self, work: object, where: set[asyncio.Task[None]]) -> None:
        assert asyncio.iscoroutine(work)
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        where.add(task)  # a task without a reference may be collected before it has run
        task.add_done_callback(where.discard)
        task.add_done_callback(_report)

    # --- what goes out --------------------------------------------------------------------------------------------

    def views(self) -> tuple[LaneView, ...]:
        """The lanes as they are to be shown now."""
        return tuple(self.batch.shown(lane.view()) for lane in self._lanes.values())

    def scanners(self) -> tuple[ScannerStatus, ...]:
        """The scanner devices as they stand now."""
        return self._intake.views()

    def per_hour(self) -> int:
        """Keys per hour at the pace of the last ten minutes (or since the start, at least one minute)."""
        now = self._clock()
        while self._pair_times and self._pair_times[0] < now - _RATE_WINDOW_S:
            self._pair_times.popleft()
        window = min(max(now - self._started_at, _RATE_AT_LEAST_S), _RATE_WINDOW_S)
        return round(len(self._pair_times) * 3600 / window)

    @property
    def alive_at(self) -> Mapping[str, float]:
        """When each reader's and scanner's pump last turned, in monotonic seconds: for a watchdog."""
        readers = {f"reader of lane {lane.name}": lane.pump.alive_at for lane in self._lanes.values() if lane.pump}
        return readers | self._intake.alive_at

    def _seen_fields(self, uid: Uid) -> dict[str, object]:
        """What events tell of what is on a reader: not the UID of a supervisor's badge, which opens what is locked."""
        return {"badge": True} if self._work.supervisor(uid) else self._uid_fields(uid)

    def _uid_fields(self, uid: Uid) -> dict[str, object]:
        return {"uid": uid.wire, "uid_api": uid.for_api(self._work.order)}

    def say(self, name: str, **fields: object) -> None:
        """A line of the event stream that is about the station."""
        self._emit(Event(name, fields | {"at": self._stamp()}))
        self._changed()

    def _say(self, name: str, lane: Lane, **fields: object) -> None:
        self._emit(Event(name, {"lane": lane.name, **fields, "at": self._stamp()}))

    def _stamp(self) -> str:
        return self._utcnow().isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _about(entry: Entry) -> dict[str, object]:
    """What a log record has to say of where it comes from."""
    return {"entry": entry.id, "lane": entry.lane, "reader": entry.reader}


def _holds(lane: Lane, uid: Uid) -> bool:
    """Whether this key lies on a lane, or waits there for its number."""
    if lane.state.phase in (Phase.COMMITTING, Phase.PAIRED):
        return False  # that pair stands; whatever comes of the key now is refused where it was tapped
    waits = lane.state.tap is not None and lane.state.phase in (Phase.TAG_WAITS, Phase.VERIFYING, Phase.CONFIRMING)
    return (lane.present is not None and lane.present.uid == uid) or (
        waits and lane.state.tap is not None and lane.state.tap.tag.uid == uid
    )


def _report(task: asyncio.Task[None]) -> None:
    """A task that died is a fault of ours: it must at least be heard of."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("a task of the bench died", exc_info=error)
