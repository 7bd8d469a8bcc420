"""The core thread: bench and courier on an event loop of their own, with one door in and one slot out.

Owns when things start and stop, the way commands reach the core, the latest view, and the event stream. A screen or
a terminal that stalls never holds it up: nothing here waits for whoever looks at the view, and at most one wake-up
is under way at a time.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from tagsmith import pairing
from tagsmith.bench import Bench, Work
from tagsmith.config import Api, Settings, resolve_api
from tagsmith.courier import Courier
from tagsmith.drive import DriveClient
from tagsmith.errors import JournalError, StationError, TagsmithError
from tagsmith.journal import Journal
from tagsmith.model import Delivery, DeliveryView, Event, LegState, PairView, Record, Scan, State, StationView
from tagsmith.readers import Reader, create
from tagsmith.visual_number import CheckPolicy, Rules

_log = logging.getLogger(__name__)

DEFAULT_READER = "pcsc:"
"""The reader of a station whose settings name none."""
SHOWN_PAIRS = 50
"""How many of the last pairs a view holds."""
READY_WITHIN_S = 3.0
"""How long `ready` waits for readers to be tried for the first time."""
FOLLOW_S = 2.0
"""How often a station that stands by looks what the other process has delivered."""
GRACE_S = 2.0
"""How long requests under way may take to end when the station stops."""

_DELIVERED = {State.RESERVED, State.ACTIVE, State.REFUSED, State.UNKNOWN}


class Station:
    """One station: lanes, journal and delivery behind one door.

    `settings` are taken as they are; `readers` may bring readers of one's own by spec (the demo lays simulated keys
    on one). `listener` gets every line of the event stream on the core thread and must not block.

    Raises:
        ConfigError: the settings name no usable API or reader.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        user_id: str | None = None,
        listener: Callable[[Event], None] = lambda event: None,
        readers: Mapping[str, Reader] | None = None,
    ) -> None:
        self._settings = settings
        self._api = resolve_api(settings)
        self._user_id = user_id
        self._listener = listener
        given = readers or {}
        specs = [(reader.lane, reader.spec) for reader in settings.reader] or [("1", DEFAULT_READER)]
        self._lanes = [(lane, spec, given[spec] if spec in given else create(spec)) for lane, spec in specs]
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stop_asked = threading.Event()
        self._stop: asyncio.Event | None = None
        self._ended = threading.Event()
        self._bench: Bench | None = None
        self._courier: Courier | None = None
        self._pairs: OrderedDict[str, PairView] = OrderedDict()
        self._said: dict[str, State] = {}
        self._undelivered: dict[str, None] = {}
        self._delivery_known = asyncio.Event()
        self._delivery = DeliveryView(self._first_delivery())
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

    def clear(self, lane: str | None = None) -> None:
        """Drop what waits."""
        self._call(lambda bench: bench.clear(lane))

    def retry(self, lane: str | None = None) -> None:
        """Try again to save the pair that could not be saved."""
        self._call(lambda bench: bench.retry(lane))

    def acknowledge(self) -> None:
        """A person has seen the alarm: that is logged. It stays an alarm until its cause is gone."""

        def seen(_: Bench) -> None:
            _log.warning("alarm acknowledged: %s", self._delivery.alarm or "none")

        self._call(seen)

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
            async with _drive(settings, self._api) as drive:
                for record in reversed(await journal.recent(target, SHOWN_PAIRS)):
                    self._show(record, new=True)
                courier = _courier(journal, drive, settings, self._api, self._on_delivery)
                bench = Bench(
                    self._lanes,
                    journal,
                    self._work(),
                    emit=self._listener,
                    paired=self._on_paired,
                    changed=self._changed,
                )
                self._bench, self._courier = bench, courier
                await self._work_until_stopped(bench, courier, journal)
        finally:
            await asyncio.to_thread(journal.close)

    async def _work_until_stopped(self, bench: Bench, courier: Courier, journal: Journal) -> None:
        assert self._stop is not None
        delivering = asyncio.create_task(courier.run(), name="courier")
        try:
            bench.start()
            await bench.readers_known(READY_WITHIN_S)
            with contextlib.suppress(TimeoutError):  # then it stands in the event as far as it is known
                await asyncio.wait_for(self._delivery_known.wait(), READY_WITHIN_S)
            self._listener(Event("ready", self._ready_fields(bench)))
            self._changed()
            if self._stop_asked.is_set():
                self._stop_now()
            stopping = asyncio.create_task(self._stop.wait())
            following = asyncio.create_task(self._follow(journal), name="follow")
            await asyncio.wait({delivering, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            following.cancel()
        finally:
            courier.request_stop(GRACE_S)
            await bench.stop()
            await delivering

    async def _follow(self, journal: Journal) -> None:
        """While another process delivers, ask the journal what became of this station's pairs."""
        while True:
            await asyncio.sleep(FOLLOW_S)
            if self._delivery.delivery is not Delivery.STANDBY:
                continue
            for entry_id in list(self._undelivered)[:SHOWN_PAIRS]:
                try:
                    record = await journal.get(entry_id)
                except JournalError as error:
                    _log.warning("cannot see what became of a pair: %s", error)
                    break
                if record is not None:
                    self._settled(record)

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

    def _work(self) -> Work:
        settings = self._settings
        return Work(
            target=self._api.target,
            station=settings.station.name,
            order=settings.uid.order,
            rules=pairing.Rules(
                order=pairing.Order(settings.pairing.order),
                timeout_s=settings.pairing.timeout_s,
                verify=settings.pairing.verify,
                keep_removed=settings.pairing.keep_removed,
                stop_on_suspect=self._api.production,
            ),
            numbers=Rules(CheckPolicy(settings.number.check_digit), settings.number.pattern),
            allow_eight_bytes=settings.uid.allow_eight_bytes,
            user_id=self._user_id,
        )

    # --- what bench and courier report ----------------------------------------------------------------------------

    def _on_paired(self, record: Record) -> None:
        self._show(record, new=True)
        if _is_open(record):
            self._undelivered[record.entry.id] = None
        else:
            self._undelivered.pop(record.entry.id, None)
        if self._courier is not None:
            self._courier.nudge(record)
        self._changed()

    def _on_delivery(self, record: Record | None, delivery: DeliveryView) -> None:
        self._delivery = delivery
        self._delivery_known.set()
        if record is not None:
            self._settled(record)
        self._changed()

    def _settled(self, record: Record) -> None:
        """A pair's delivery has come further, whoever delivers."""
        self._show(record)
        self._say_delivered(record)
        if not _is_open(record):
            self._undelivered.pop(record.entry.id, None)
        self._changed()

    def _say_delivered(self, record: Record) -> None:
        """One `delivered` line each time the shown state of an entry becomes another."""
        entry, state = record.entry, record.state
        if state not in _DELIVERED or self._said.get(entry.id) is state:
            return
        self._said[entry.id] = state
        if len(self._said) > 10_000:
            # Only repeats of the same state are to be kept back, and those come soon after one another.
            del self._said[next(iter(self._said))]
        fields: dict[str, object] = {
            "entry": entry.id,
            "state": str(state),
            "lane": entry.lane,
            "uid": entry.uid.wire,
            "uid_api": entry.uid_api,
            "visual_number": entry.visual_number,
            "at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        if message := _message(record):
            fields["message"] = message
        if record.contract_id:
            fields["contract_id"] = record.contract_id
        self._listener(Event("delivered", fields))

    def _show(self, record: Record, *, new: bool = False) -> None:
        """Put a record among the last pairs, or bring the one that is there up to date."""
        entry = record.entry
        if entry.id not in self._pairs and not new:
            return
        self._pairs[entry.id] = PairView(
            entry=entry.id,
            lane=entry.lane,
            uid=entry.uid,
            visual_number=entry.visual_number,
            state=record.state,
            paired_at=entry.paired_at,
            warnings=entry.warnings,
            message=_message(record),
        )
        if len(self._pairs) > SHOWN_PAIRS:
            self._pairs.popitem(last=False)

    # --- the view -------------------------------------------------------------------------------------------------

    def _changed(self) -> None:
        """Have a new view made before the loop sleeps; many changes at once make one view."""
        if not self._publishing and self._loop is not None:
            self._publishing = True
            self._loop.call_soon(self._publish)

    def _publish(self) -> None:
        self._publishing = False
        self._view = self._make_view()
        if self._wake is not None and not self._wake_pending:
            self._wake_pending = True
            self._wake()

    def _make_view(self) -> StationView:
        bench, delivery = self._bench, self._delivery
        return StationView(
            station=self._settings.station.name,
            target=self._api.target,
            environment=str(self._api.environment),
            order=self._settings.uid.order,
            lanes=bench.views() if bench else (),
            delivery=delivery,
            pairs=tuple(reversed(self._pairs.values())),
            paired=bench.paired_count if bench else 0,
            rejected=bench.rejected_count if bench else 0,
            per_hour=bench.per_hour() if bench else 0,
            fatal=str(self.failure) if self.failure else "",
        )

    def _first_delivery(self) -> Delivery:
        return Delivery.HELD_BACK if _hold_back(self._settings, self._api) else Delivery.STANDBY

    def _ready_fields(self, bench: Bench) -> dict[str, object]:
        return {
            "station": self._settings.station.name,
            "lanes": list(self.lanes),
            "target": self._api.target,
            "environment": str(self._api.environment),
            "uid_order": str(self._settings.uid.order),
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


async def deliver(
    settings: Settings, *, once: bool, stop: asyncio.Event, listener: Callable[[Record | None, DeliveryView], None]
) -> int:
    """Delivery alone, without readers: until `stop`, or with `once` until nothing is left that can be sent now.

    Returns how many entries are left to send.

    Raises:
        ConfigError, JournalError: it cannot start.
    """
    api = resolve_api(settings)
    journal = await asyncio.to_thread(Journal.open, settings.journal.url, station=settings.station.name)
    try:
        async with _drive(settings, api) as drive:
            courier = _courier(journal, drive, settings, api, listener)
            work = courier.run_until_drained() if once else courier.run()
            working = asyncio.create_task(work, name="courier")
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            courier.request_stop(GRACE_S)
            await working
            return (await courier.pending()).waiting
    finally:
        await asyncio.to_thread(journal.close)


def _drive(settings: Settings, api: Api) -> DriveClient:
    return DriveClient(
        api.url,
        api.key.get_secret_value(),
        timeout_s=settings.api.timeout_s,
        concurrency=settings.courier.concurrency,
    )


def _courier(
    journal: Journal,
    drive: DriveClient,
    settings: Settings,
    api: Api,
    listener: Callable[[Record | None, DeliveryView], None],
) -> Courier:
    return Courier(
        journal,
        drive,
        api.target,
        hold_s=settings.courier.hold_s,
        concurrency=settings.courier.concurrency,
        requests_per_minute=settings.courier.requests_per_minute,
        hold_back=_hold_back(settings, api),
        listener=listener,
    )


def _hold_back(settings: Settings, api: Api) -> str:
    """Why nothing may be sent, if so: a UID in the wrong byte order is accepted by the API and never works."""
    if api.production and not settings.uid.confirmed:
        return (
            "the byte order of UIDs is not confirmed: pairs are kept, nothing is sent to production"
            " (set confirmed = true under [uid] once a key made in this order is known to work)"
        )
    return ""


def _is_open(record: Record) -> bool:
    """Whether delivery may still change what is shown for a pair without a person's doing."""
    under_way = (LegState.HELD, LegState.QUEUED, LegState.SENDING)
    reservation, activation = record.reservation, record.activation
    if record.mark is not None:
        return False
    if reservation.state is LegState.DONE:
        return activation.state in under_way or activation.repeat
    return reservation.state in under_way or reservation.repeat


def _message(record: Record) -> str:
    """What the API, or we, have to say about the last delivery of a pair."""
    return record.activation.message or record.reservation.message
