"""How a station delivers: by which key and order, what holds it back, and delivery alone, without readers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tagsmith.config import DEFAULT_READER, Api, Settings, resolve_api
from tagsmith.courier import ApiClock, Courier
from tagsmith.drive import DriveClient
from tagsmith.journal import Journal
from tagsmith.model import DeliveryView, Record
from tagsmith.readers.proof import not_compared
from tagsmith.station.attending import Watch, delivery_line
from tagsmith.supervision.notify import Notifier
from tagsmith.uid import ByteOrder, OrderInForce, Uid, settle_order

GRACE_S = 2.0
"""How long requests under way may take to end when delivery stops."""


@dataclass(frozen=True, slots=True)
class Footing:
    """What pairs are made and sent by: the byte order in force, the keys that are never paired, and what holds back."""

    order: OrderInForce
    never: frozenset[Uid]
    hold_back: str
    """Why nothing may be sent; empty while it may."""


async def footing(journal: Journal, settings: Settings, api: Api) -> Footing:
    """The footing as settings and calibrations have it now.

    Raises:
        JournalError: the calibrations cannot be read.
    """
    calibrations = await journal.calibrations(api.target)
    order = settle_order(settings.uid.order, calibrations[-1].order if calibrations else None)
    given = [*settings.calibration.not_for_pairing]
    if settings.calibration.golden_key:
        given.append(settings.calibration.golden_key)
    given += [operator.badge for operator in settings.operator if operator.badge]
    never = {Uid.from_hex(text) for text in given} | {calibration.uid for calibration in calibrations}
    specs = [reader.spec for reader in settings.reader] or [DEFAULT_READER]
    unproved = not_compared(specs, order.order, calibrations)
    return Footing(order, frozenset(never), _hold_back(settings, api, order, unproved))


def first_order(settings: Settings) -> ByteOrder:
    """The order that is shown before the journal was asked."""
    return settings.uid.order or ByteOrder.REVERSED


def _hold_back(settings: Settings, api: Api, order: OrderInForce, unproved: Sequence[str]) -> str:
    """Why nothing may be sent, if so: a UID in the wrong byte order is accepted by the API and never works."""
    if order.conflict:
        return f"{order.conflict}: pairs are kept, nothing is sent (take `order` out of [uid], or calibrate again)"
    if api.production and not order.confirmed and not settings.uid.confirmed:
        return (
            "the byte order of UIDs is not confirmed: pairs are kept, nothing is sent to production"
            " (run `tagsmith calibrate` with a key that is known to work)"
        )
    # The golden key proves each of them at every start.
    if api.production and unproved and not settings.uid.confirmed and settings.calibration.golden_key is None:
        return (
            f"{unproved[0]} was never compared with a key that works: pairs are kept, nothing is sent to production"
            " (run `tagsmith calibrate`)"
        )
    return ""


def drive_of(settings: Settings, api: Api, api_clock: ApiClock) -> DriveClient:
    """The client for these settings, not connected yet; its answers tell the clock."""
    return DriveClient(
        api.url,
        api.key.get_secret_value(),
        timeout_s=settings.api.timeout_s,
        concurrency=settings.courier.concurrency,
        proxy=api.proxy,
        ca_file=api.ca_file,
        observer=api_clock.observe,
    )


def courier_of(
    journal: Journal,
    drive: DriveClient,
    api_clock: ApiClock,
    settings: Settings,
    api: Api,
    stands_on: Footing,
    listener: Callable[[Record | None, DeliveryView], None],
) -> Courier:
    """The courier for these settings, not running yet."""
    return Courier(
        journal,
        drive,
        api.target,
        hold_s=settings.courier.hold_s,
        concurrency=settings.courier.concurrency,
        requests_per_minute=settings.courier.requests_per_minute,
        requests_per_day=settings.courier.requests_per_day,
        api_clock=api_clock,
        hold_back=stands_on.hold_back,
        order=stands_on.order.order,
        listener=listener,
    )


async def deliver(
    settings: Settings, *, once: bool, stop: asyncio.Event, listener: Callable[[Record | None, DeliveryView], None]
) -> int:
    """Delivery alone, without readers: until `stop`, or with `once` until nothing is left that can be sent now.

    Returns how many entries are left to send.

    Raises:
        ConfigError, JournalError: it cannot start.
    """
    api = resolve_api(settings)
    notifier = Notifier()
    journal = await asyncio.to_thread(Journal.open, settings.journal.url, station=settings.station.name)
    shown = ""

    def listen(record: Record | None, view: DeliveryView) -> None:
        nonlocal shown
        shown = delivery_line(view)
        listener(record, view)

    try:
        api_clock = ApiClock()
        async with drive_of(settings, api, api_clock) as drive:
            courier = courier_of(
                journal, drive, api_clock, settings, api, await footing(journal, settings, api), listen
            )
            watching = asyncio.create_task(Watch(notifier, journal, status=lambda: shown).run(), name="watch")
            notifier.ready()
            work = courier.run_until_drained() if once else courier.run()
            working = asyncio.create_task(work, name="courier")
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            watching.cancel()
            notifier.stopping()
            courier.request_stop(GRACE_S)
            await working
            return (await courier.pending()).waiting
    finally:
        notifier.close()
        await asyncio.to_thread(journal.close)
