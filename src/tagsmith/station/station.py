"""The station: one door for commands, one slot for the latest view, and the core thread behind them."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from tagsmith import pairing
from tagsmith.bench import UNLOCK, Bench, Work
from tagsmith.config import DEFAULT_READER, Settings, resolve_api
from tagsmith.courier import ApiClock, Courier
from tagsmith.drive import DriveClient
from tagsmith.errors import ConfigError, JournalError, StationError, TagsmithError
from tagsmith.feedback import Feedback
from tagsmith.journal import Journal
from tagsmith.model import Delivery, DeliveryView, Event, Record, Scan, Signal, State, StationView, Terms
from tagsmith.production import Batch, CheckView, ManifestLine, RejectCause, RejectedKey, ShiftView
from tagsmith.readers import Reader, create
from tagsmith.scanners import ScannerDevice
from tagsmith.scanners import create as create_scanner
from tagsmith.station import shift_checks
from tagsmith.station.attending import Counting, Watch, status_line
from tagsmith.station.batches import Batches
from tagsmith.station.delivering import GRACE_S, Footing, courier_of, drive_of, first_order, footing
from tagsmith.station.operators import Operators
from tagsmith.station.pace import Pace
from tagsmith.station.pairs import SHOWN_PAIRS, Pairs, WorkList
from tagsmith.station.shifts import Shifts
from tagsmith.station.unlocking import Unlocking
from tagsmith.supervision.notify import Notifier
from tagsmith.uid import ByteOrder, Uid
from tagsmith.visual_number import CheckPolicy, Rules

_log = logging.getLogger(__name__)

READY_WITHIN_S = 3.0
"""How long `ready` waits for readers to be tried for the first time."""
FOLLOW_S = 2.0
"""How often a station looks what another process has delivered."""
CALIBRATION_S = 10.0
"""How often it looks whether another process has calibrated, or done something with a batch."""


RATES_S = 60.0
"""How often the view is made anew though nothing happens: rates fall by themselves."""


class Station:
    """One station: lanes, journal and delivery behind one door.

    `settings` are taken as they are; `readers` may bring readers of one's own by spec (the demo lays simulated keys
    on one). `terms` hold for every key. `listener` gets every line of the event stream on the core thread and must
    not block. `notifier` tells the service manager; without one, the one that the environment names. `batch` names the
    batch that keys are made of from the start.

    Raises:
        ConfigError: the settings name no usable API or reader.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        terms: Terms | None = None,
        listener: Callable[[Event], None] = lambda event: None,
        readers: Mapping[str, Reader] | None = None,
        notifier: Notifier | None = None,
        batch: str | None = None,
    ) -> None:
        self._settings = settings
        self._api = resolve_api(settings)
        self._terms = terms or Terms()
        self._notifier = notifier or Notifier()
        given = readers or {}
        specs = [(reader.lane, reader.spec) for reader in settings.reader] or [("1", DEFAULT_READER)]
        self._lanes = [
            (lane, spec, given[spec] if spec in given else create(spec, silent=settings.feedback.silent))
            for lane, spec in specs
        ]
        self._counting = Counting(settings.metrics.textfile, self.lanes)

        def listen(event: Event) -> None:
            listener(event)
            self._counting.take(event)

        self._listener = listen
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stop_asked = threading.Event()
        self._stop: asyncio.Event | None = None
        self._ended = threading.Event()
        self._bench: Bench | None = None
        self._courier: Courier | None = None
        self._scanners = _scanners(settings, self.lanes)
        self._feedback: Feedback | None = None
        self._pairs = Pairs(self._emit, settings.station.name)
        self._work_list = WorkList()
        self._unlocking: Unlocking | None = None
        self._said = ""
        self._pace = Pace()
        self._first_batch = batch
        self._batches: Batches | None = None
        self._shifts: Shifts | None = None
        self._footing: Footing | None = None
        self._delivery_known = asyncio.Event()
        self._delivery = DeliveryView(Delivery.STANDBY)
        self._publishing = False
        self._wake: Callable[[], None] | None = None
        self._wake_pending = False
        self.failure: TagsmithError | None = None
        """Why the core ended, when it did not end because it was asked to."""
        self._view = self._make_view()

    # --- called from any thread -----------------------------------------------------------------------------------

    @property
    def lanes(self) -> tuple[str, ...]:
        """The names of the lanes."""
        return tuple(name for name, _, _ in self._lanes)

    def start(self, wake: Callable[[], None] | None = None) -> None:
        """Start the core. `wake` is called from its thread when the view has changed; it must not block."""
        self._wake = wake
        self._thread = threading.Thread(target=self._run, name="tagsmith-core", daemon=True)
        self._thread.start()

    def view(self) -> StationView:
        """The latest view. Never blocks."""
        self._wake_pending = False
        return self._view

    def scan(self, scan: Scan, lane: str | None = None) -> None:
        """A number was scanned or typed."""
        self._call(lambda bench: bench.scan(scan, lane))

    def undo(self, lane: str | None = None) -> None:
        """Take the last pair back, while it was never sent."""
        self._call(lambda bench: bench.undo(lane))

    def undo_entry(self, entry: str) -> None:
        """Take this pair back, while it was never sent; the view says what became of that."""
        self._call(lambda bench: bench.undo_entry(entry))

    def reject(self, lane: str | None, cause: RejectCause, note: str = "") -> None:
        """Put aside the key that lies on a lane or waits there; without one, a key of which no more is known."""
        self._call(lambda bench: bench.reject(lane, cause, note))

    def answer(self, lane: str, choice: str, secret: str = "") -> None:
        """Decide how a stopped lane goes on; `secret` is a supervisor's code or PIN, where one is asked for."""
        if choice == UNLOCK:
            self._call(lambda _: self._of_unlocking.ask(lane, secret))
        else:
            self._call(lambda bench: bench.answer(lane, choice))

    def clear(self, lane: str | None = None) -> None:
        """Drop what waits."""
        self._call(lambda bench: bench.clear(lane))

    def retry(self, lane: str | None = None) -> None:
        """Try again to save the pair that could not be saved."""
        self._call(lambda bench: bench.retry(lane))

    def acknowledge(self) -> None:
        """A person has seen the alarm: that is logged. It stays an alarm until its cause is gone."""
        self._call(lambda _: self._acknowledged())

    def choose_batch(self, batch_id: str | None) -> None:
        """Make keys of this batch from now on; None: of none."""
        self._call(lambda _: self._of_batches.choose(batch_id))

    def create_batch(self, batch: Batch, lines: Sequence[ManifestLine] = ()) -> None:
        """Make a batch, with its manifest where it has one, and choose it."""
        self._call(lambda _: self._of_batches.create(batch, lines))

    def close_batch(self) -> None:
        """Close the batch under way: nothing more is made of it."""
        self._call(lambda _: self._of_batches.close_batch())

    def skip_expected(self, why: str) -> None:
        """The number that comes next is not made: expect the one after it."""
        self._call(lambda _: self._of_batches.skip_expected(why))

    def sign_on(self, text: str) -> None:
        """Sign on by code or name."""
        self._call(lambda _: self._of_shifts.sign_on(text))

    def sign_off(self) -> None:
        """Whoever is signed on goes."""
        self._call(lambda _: self._of_shifts.sign_off())

    def start_shift(self) -> None:
        """Start the shift, and make its checks."""
        self._call(lambda _: self._of_shifts.start())

    def end_shift(self) -> None:
        """End the shift, and make its report."""
        self._call(lambda _: self._of_shifts.end())

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the core to end; whether it has."""
        return self._ended.wait(timeout_s)

    @property
    def ended(self) -> bool:
        """Whether the core has ended, and with it everything it held open."""
        return self._ended.is_set()

    def drain(self, timeout_s: float) -> concurrent.futures.Future[int]:
        """Wait until nothing is left to send that can be sent, at most `timeout_s`; how many entries are left.

        Raises:
            StationError: the station is not running.
        """
        if self._loop is None or self._bench is None or self._ended.is_set():
            raise self.failure or StationError("the station is not running")
        return asyncio.run_coroutine_threadsafe(self._drain(timeout_s), self._loop)

    def stop(self, timeout_s: float = 10.0) -> None:
        """End the core: nothing more is taken or sent, commits and requests under way may end."""
        self._stop_asked.set()
        loop = self._loop
        if loop is not None and not loop.is_closed():
            try:
                loop.call_soon_threadsafe(self._stop_now)
            except RuntimeError:
                _log.debug("the core has ended meanwhile")
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _call(self, command: Callable[[Bench], None]) -> None:
        """Hand a command to the core; before it runs and after it has ended there is nobody to take it."""
        loop, bench = self._loop, self._bench
        if loop is None or bench is None or loop.is_closed():
            return
        try:
            loop.call_soon_threadsafe(command, bench)
        except RuntimeError:
            _log.debug("the core has ended meanwhile")

    # --- the core thread ------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except TagsmithError as error:
            self._failed(error)
        except Exception as error:  # noqa: BLE001 - the thread must not end silently: whoever waits for it is told
            _log.exception("the core ended")
            self._failed(StationError(f"the station failed: {type(error).__name__}", "see the log"))
        finally:
            self._ended.set()

    def _failed(self, error: TagsmithError) -> None:
        _log.error("%s", error)
        self.failure = error
        self._publish()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        settings, target = self._settings, self._api.target
        journal = await asyncio.to_thread(Journal.open, settings.journal.url, station=settings.station.name)
        try:
            api_clock = ApiClock()
            async with drive_of(settings, self._api, api_clock) as drive:
                recent = await journal.recent(target, SHOWN_PAIRS)
                for record in reversed(recent):
                    self._pairs.show(record, new=True)
                await self._work_list.read(journal, target)
                stands_on = self._footing = await footing(journal, settings, self._api)
                self._delivery = DeliveryView(Delivery.HELD_BACK if stands_on.hold_back else Delivery.STANDBY)
                courier = courier_of(journal, drive, api_clock, settings, self._api, stands_on, self._on_delivery)
                self._feedback = Feedback(settings.feedback)
                self._shifts = self._make_shifts(journal, drive)
                self._unlocking = self._make_unlocking()
                bench = Bench(
                    self._lanes,
                    journal,
                    self._work(stands_on),
                    emit=self._emit,
                    paired=self._on_paired,
                    changed=self._changed,
                    scanners=self._scanners,
                    signal=self._feedback.signal,
                    reader_signals=settings.feedback.reader,
                    acknowledged=self._acknowledged,
                    checked=self._on_checked,
                )
                for record in _last_of_lanes(recent, settings.station.name):
                    bench.remember(record)
                batches = self._make_batches(journal, bench)
                await batches.resume(self._first_batch)
                # Only now: whoever sees the bench gives commands, and nothing is there before that takes them.
                self._bench, self._courier, self._batches = bench, courier, batches
                await self._work_until_stopped(bench, courier, journal)
        finally:
            if self._feedback is not None:
                self._feedback.close()
            await asyncio.to_thread(journal.close)
            self._notifier.close()

    async def _work_until_stopped(self, bench: Bench, courier: Courier, journal: Journal) -> None:
        assert self._stop is not None
        delivering = asyncio.create_task(courier.run(), name="courier")
        try:
            bench.start()
            await bench.readers_known(READY_WITHIN_S)
            await self._of_shifts.resume(bench)
            with contextlib.suppress(TimeoutError):  # then it stands in the event as far as it is known
                await asyncio.wait_for(self._delivery_known.wait(), READY_WITHIN_S)
            self._emit(Event("ready", self._ready_fields(bench)))
            self._changed()
            self._notifier.ready(status_line(self._make_view()))
            if self._stop_asked.is_set():
                self._stop_now()
            stopping = asyncio.create_task(self._stop.wait())
            following = asyncio.create_task(self._follow(journal, courier), name="follow")
            watching = asyncio.create_task(self._watch(bench, journal), name="watch")
            counting = asyncio.create_task(
                self._counting.run(journal, self._api.target, self._make_view), name="metrics"
            )
            await asyncio.wait({delivering, stopping}, return_when=asyncio.FIRST_COMPLETED)
            for task in (stopping, following, watching, counting):
                task.cancel()
        finally:
            self._notifier.stopping()
            courier.request_stop(GRACE_S)
            await self._of_shifts.close()
            await self._of_unlocking.close()
            await self._of_batches.close()
            await bench.stop()
            await delivering

    async def _watch(self, bench: Bench, journal: Journal) -> None:
        """Keep the service manager told, as long as there is one."""
        if self._notifier.present:
            watch = Watch(
                self._notifier,
                journal,
                pumps=lambda: bench.alive_at,
                status=lambda: status_line(self._make_view()),
            )
            await watch.run()

    async def _follow(self, journal: Journal, courier: Courier) -> None:
        """Look now and then what other processes have done: delivered this station's pairs, or calibrated."""
        for turn in itertools.count(1):
            await asyncio.sleep(FOLLOW_S)
            if turn % round(RATES_S / FOLLOW_S) == 0:
                self._changed()
            try:
                if turn % round(CALIBRATION_S / FOLLOW_S) == 0:
                    await self._follow_calibration(journal, courier)
                    if await self._work_list.read(journal, self._api.target):
                        self._changed()
                    await self._of_batches.follow()
                if self._delivery.delivery is Delivery.STANDBY:
                    await self._follow_delivery(journal)
            except JournalError as error:
                _log.warning("cannot see what others have done: %s", error)

    async def _follow_delivery(self, journal: Journal) -> None:
        for entry_id in self._pairs.undelivered():
            if (record := await journal.get(entry_id)) is not None:
                self._pairs.settled(record)
                self._work_list.settled(record)
                self._changed()

    async def _follow_calibration(self, journal: Journal, courier: Courier) -> None:
        """A calibration of another process may let delivery begin. It may not turn pairs that are made here."""
        assert self._footing is not None
        now = await footing(journal, self._settings, self._api)
        if self._bench is not None and now.never != self._footing.never:
            self._bench.never(now.never)
            self._footing = replace(self._footing, never=now.never)
        if now.order.order is self._footing.order.order:
            courier.hold_back(now.hold_back)
        else:
            courier.hold_back(
                f"a calibration has found {now.order.order}: start the station again, to pair in that order"
            )

    def _acknowledged(self) -> None:
        _log.warning("alarm acknowledged: %s", self._delivery.alarm or "none")

    def _stop_now(self) -> None:
        if self._stop is not None:
            self._stop.set()

    async def _drain(self, timeout_s: float) -> int:
        assert self._bench is not None
        assert self._courier is not None
        until = asyncio.get_running_loop().time() + timeout_s
        await self._bench.settled(timeout_s)
        left = await self._courier.drain(max(0.0, until - asyncio.get_running_loop().time()))
        return left.waiting

    def _work(self, stands_on: Footing) -> Work:
        settings = self._settings
        golden = settings.calibration.golden_key
        return Work(
            target=self._api.target,
            station=settings.station.name,
            order=stands_on.order.order,
            rules=pairing.Rules(
                order=pairing.Order(settings.pairing.order),
                timeout_s=settings.pairing.timeout_s,
                verify=settings.pairing.verify,
                keep_removed=settings.pairing.keep_removed,
                stop_on_suspect=self._api.production,
                golden=Uid.from_hex(golden) if golden else None,
                never=stands_on.never,
            ),
            numbers=Rules(CheckPolicy(settings.number.check_digit), settings.number.pattern),
            allow_eight_bytes=settings.uid.allow_eight_bytes,
            terms=self._terms,
            badge=self._of_shifts.badge,
            code=self._of_shifts.code,
            shut=self._of_shifts.shut,
            shift_asked=self._of_shifts.asked,
            stop_after=settings.reject.stop_after,
            supervised=self._of_unlocking.supervised,
            supervisor=self._of_unlocking.supervisor,
            unlock_asked=self._of_unlocking.ask,
            put_aside=self._on_put_aside,
            told=self._tell,
        )

    @property
    def _of_unlocking(self) -> Unlocking:
        assert self._unlocking is not None
        return self._unlocking

    def _make_unlocking(self) -> Unlocking:
        return Unlocking(
            self._settings.operator,
            locked=lambda: self._bench.locked if self._bench is not None else (),
            unlock=lambda lane, who, by: self._bench is not None and self._bench.unlock(lane, who, by),
            said=self._tell,
            who=lambda: self._of_shifts.who,
        )

    @property
    def _of_shifts(self) -> Shifts:
        assert self._shifts is not None
        return self._shifts

    @property
    def _of_batches(self) -> Batches:
        assert self._batches is not None
        return self._batches

    def _make_batches(self, journal: Journal, bench: Bench) -> Batches:
        return Batches(
            journal,
            bench,
            target=self._api.target,
            station=self._settings.station.name,
            lanes=self.lanes,
            changed=self._changed,
            said=self._tell,
        )

    def _make_shifts(self, journal: Journal, drive: DriveClient) -> Shifts:
        settings = self._settings

        async def clock() -> CheckView:
            return shift_checks.clock()

        return Shifts(
            journal,
            Operators(settings.operator),
            target=self._api.target,
            station=settings.station.name,
            required=settings.shift.required,
            report_dir=settings.shift.report_dir,
            golden=settings.calibration.golden_key is not None,
            checks={
                shift_checks.API: lambda: shift_checks.api(drive),
                shift_checks.DISC: lambda: shift_checks.room(settings.journal.url),
                shift_checks.CLOCK: clock,
            },
            emit=self._emit,
            changed=self._changed,
            began=self._pace.begin,
        )

    # --- what bench and courier report ----------------------------------------------------------------------------

    def _emit(self, event: Event) -> None:
        """A line of the event stream, with who is at work."""
        if self._shifts is not None:
            self._shifts.hear(event)
            if self._shifts.who and "operator" not in event.fields:
                event = Event(event.event, event.fields | {"operator": self._shifts.who})
        self._listener(event)

    def _on_paired(self, record: Record) -> None:
        entry = record.entry
        if record.state is State.UNDONE:
            self._pace.undone(entry.uid.wire)
        else:
            self._pace.paired(entry.uid.wire, entry.visual_number, time.monotonic())
        self._pairs.paired(record)
        if self._courier is not None:
            self._courier.nudge(record)
        self._changed()

    def _on_put_aside(self, key: RejectedKey) -> None:
        self._pace.put_aside("" if key.uid is None else key.uid.wire, key.visual_number)

    def _tell(self, said: str) -> None:
        """What a person has asked for beside the lanes was done, or why not."""
        self._said = said
        self._changed()

    def _on_checked(self, record: Record) -> None:
        """The check that covers a pair has passed: it may be sent now."""
        self._pairs.settled(record)
        if self._courier is not None:
            self._courier.nudge(record)
        self._changed()

    def _on_delivery(self, record: Record | None, delivery: DeliveryView) -> None:
        if delivery.alarm and delivery.alarm != self._delivery.alarm and self._feedback is not None:
            self._feedback.signal(Signal.ALARM)
        self._delivery = delivery
        self._delivery_known.set()
        if record is not None:
            self._pairs.settled(record)
            self._work_list.settled(record)
        self._changed()

    # --- the view -------------------------------------------------------------------------------------------------

    def _changed(self) -> None:
        """Have a new view made before the loop sleeps; many changes at once make one view."""
        if not self._publishing and self._loop is not None:
            self._publishing = True
            self._loop.call_soon(self._publish)

    def _publish(self) -> None:
        self._publishing = False
        if self._shifts is not None:
            self._shifts.look()
        self._view = self._make_view()
        if self._wake is not None and not self._wake_pending:
            self._wake_pending = True
            self._wake()

    def _make_view(self) -> StationView:
        bench, delivery, batches, now = self._bench, self._delivery, self._batches, time.monotonic()
        return StationView(
            station=self._settings.station.name,
            target=self._api.target,
            environment=str(self._api.environment),
            order=self._order,
            lanes=bench.views() if bench else (),
            delivery=delivery,
            scanners=bench.scanners() if bench else (),
            pairs=self._pairs.shown(),
            paired=bench.paired_count if bench else 0,
            rejected=bench.rejected_count if bench else 0,
            per_hour=bench.per_hour() if bench else 0,
            batch=batches.view(lambda left: self._pace.left_s(left, now)) if batches else None,
            batches=batches.open if batches else (),
            shift=self._shifts.view() if self._shifts else ShiftView(required=self._settings.shift.required),
            rates=self._pace.rates(now),
            first_pass_yield=self._pace.first_pass_yield,
            work=self._work_list.shown(),
            said=self._said,
            fatal=str(self.failure) if self.failure else "",
        )

    @property
    def _order(self) -> ByteOrder:
        return self._footing.order.order if self._footing else first_order(self._settings)

    def _ready_fields(self, bench: Bench) -> dict[str, object]:
        fields: dict[str, object] = {
            "station": self._settings.station.name,
            "lanes": list(self.lanes),
            "target": self._api.target,
            "environment": str(self._api.environment),
            "uid_order": str(self._order),
            "delivery": str(self._delivery.delivery),
            "readers": [
                {
                    "lane": lane.lane,
                    "reader": lane.reader.info.name if lane.reader.info else lane.reader.spec,
                    "state": str(lane.reader.state),
                }
                for lane in bench.views()
            ],
        }
        if self._delivery.message:
            fields["message"] = self._delivery.message
        return fields


def _last_of_lanes(recent: Sequence[Record], station: str) -> Iterator[Record]:
    """The last pair of each lane of a station, whatever became of it; `recent` is newest first."""
    seen: set[str] = set()
    for record in recent:
        entry = record.entry
        if entry.station == station and entry.lane not in seen:
            seen.add(entry.lane)
            yield record


def _scanners(settings: Settings, lanes: tuple[str, ...]) -> list[tuple[ScannerDevice, str | None]]:
    """The scanner devices of the settings, each with the lane it is bound to. Standard input is not one of them.

    Raises:
        ConfigError: a spec means no scanner, stands twice, or is bound to a lane that no reader has.
    """
    found: list[tuple[ScannerDevice, str | None]] = []
    for scanner in settings.scanner:
        if scanner.spec == "stdin:":
            continue
        if any(device.spec == scanner.spec for device, _ in found):
            raise ConfigError(f"[[scanner]] {scanner.spec!r} stands twice", "one [[scanner]] for each device")
        found.append((create_scanner(scanner.spec), bound_lane(scanner.lane, lanes)))
    return found


def bound_lane(lane: str, lanes: tuple[str, ...]) -> str | None:
    """The lane that a scanner is bound to, as the readers write it; None for one that is not.

    Raises:
        ConfigError: no reader has that lane.
    """
    if not lane:
        return None
    for name in lanes:
        if name.casefold() == lane.casefold():
            return name
    raise ConfigError(f"[[scanner]] lane {lane!r} is no lane of a [[reader]]", f"one of: {', '.join(lanes)}")
