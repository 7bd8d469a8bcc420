"""`tagsmith demo`: sandbox, simulated reader and station in one, with a journal of its own in a temporary folder.

It reads no configuration, so that it can neither spoil a real station nor be spoilt by one. Nothing heavy is
imported before the screen's first frame: sandbox and station are built by a thread that starts after it.
"""

from __future__ import annotations

import logging
import queue
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tagsmith.errors import StationError, TagsmithError
from tagsmith.i18n import Sentence, _, speak, spoken
from tagsmith.model import Delivery, DeliveryView, Event, Scan, State, StationView
from tagsmith.uid import ByteOrder

if TYPE_CHECKING:
    from tagsmith.readers.sim import SimReader
    from tagsmith.sandbox import Sandbox
    from tagsmith.station import Station

_log = logging.getLogger(__name__)

UNATTENDED_KEYS = 20
"""How many keys are played where there is no terminal and no number was given."""
_KEY = "demo"
_ANSWER_WITHIN_S = 15.0
_DRAIN_S = 120.0
_PER_MINUTE = 3000


@click.command()
@click.option("--auto", metavar="N", type=click.IntRange(1, 100_000), help="Play N keys without a screen, then end.")
def demo(auto: int | None) -> None:
    """Try everything without hardware or account: sandbox, simulated reader and screen in one.

    On the screen Shift+F4 lays a key on the reader; type or paste the number that its label shows and press Enter.
    Where there is no terminal, keys are played by themselves.
    """
    if auto is None and not (sys.stdin.isatty() and sys.stdout.isatty()):
        auto = UNATTENDED_KEYS
    sys.exit(_on_the_screen() if auto is None else play(auto))


# --- the simulated world ------------------------------------------------------------------------------------------


class Keys:
    """The stack of simulated keys beside the reader, and the label of the one that lies on it."""

    def __init__(self, reader: SimReader, rng: random.Random) -> None:
        self._feed = reader.feed
        self._rng = rng
        self._number = 0
        self._last = ""
        self._label = ""

    @property
    def label(self) -> str:
        """The number printed on the key that lies on the reader; empty when none does."""
        return self._label

    def good(self) -> None:
        """Lay the next good key on the reader."""
        self._number += 1
        self._last = _good_uid(self._rng)
        self._label = label(self._number)
        self._feed.put(self._last)

    def random(self) -> None:
        """Lay a phone on the reader: its chip makes a new UID at every tap."""
        self._label = ""
        self._feed.put("08" + self._rng.randbytes(3).hex())

    def duplicate(self) -> None:
        """Lay the last good key on the reader once more."""
        if not self._last:
            self.good()
            return
        self._feed.remove()
        self._feed.put(self._last)

    def two(self) -> None:
        """Lay two keys on the reader at once."""
        self._label = ""
        self._feed.put(_good_uid(self._rng), _good_uid(self._rng))

    def none(self) -> None:
        """Take everything off the reader."""
        self._label = ""
        self._feed.remove()


def _good_uid(rng: random.Random) -> str:
    """A 7-byte UID of a usual maker (04) in which nothing is odd: no cascade tag, and 04 not at its end."""
    middle = bytes(rng.choice([value for value in range(256) if value != 0x88]) for _ in range(5))
    return "04" + middle.hex() + "80"


def label(number: int) -> str:
    """The visual number of the n-th demonstration key: a DIN id with a right check digit."""
    from tagsmith.visual_number import VisualNumber

    body = f"DE*TSM*{number % 1_000_000:06d}"
    return f"{body}*{VisualNumber.parse(body).expected}"


@dataclass(frozen=True, slots=True)
class World:
    """A running sandbox, a station that delivers to it, and keys to lay on its reader."""

    sandbox: Sandbox
    station: Station
    keys: Keys
    journal_url: str


def build(listener: Callable[[Event], None], *, hold_s: float) -> World:
    """Start a sandbox and make a station for it. The station is not started yet.

    Raises:
        TagsmithError: the sandbox or the station cannot be made.
    """
    from tagsmith.config import settings_of
    from tagsmith.readers.sim import SimReader
    from tagsmith.sandbox import Sandbox
    from tagsmith.station import Station

    sandbox = Sandbox(key=_KEY)
    sandbox.start()
    folder = Path(tempfile.mkdtemp(prefix="tagsmith-demo-"))
    journal_url = f"sqlite:///{folder / 'journal.sqlite'}"
    reader = SimReader()
    settings = settings_of(
        api={"url": sandbox.url, "key": _KEY},
        journal={"url": journal_url},
        courier={"hold_s": hold_s, "requests_per_minute": _PER_MINUTE},
        station={"name": "demo"},
        reader=[{"spec": "sim:", "lane": "1"}],
    )
    station = Station(settings, listener=listener, readers={"sim:": reader})
    return World(sandbox, station, Keys(reader, random.Random()), journal_url)


# --- on the screen ------------------------------------------------------------------------------------------------


class _LateStation:
    """What the screen sees of a station that is built only after the first frame."""

    def __init__(self) -> None:
        self._world: World | None = None
        self._failed = ""
        self._thread: threading.Thread | None = None
        self._ending = False

    @property
    def world(self) -> World | None:
        """The running world, once it is there."""
        return self._world

    def start(self, wake: Callable[[], None]) -> None:
        """Build and start everything in a thread of its own."""
        self._thread = threading.Thread(target=self._build, args=(wake,), name="tagsmith-demo", daemon=True)
        self._thread.start()

    def _build(self, wake: Callable[[], None]) -> None:
        try:
            world = build(lambda event: None, hold_s=5.0)
            world.station.start(wake)
            self._world = world
        except TagsmithError as error:
            self._failed = str(error)
        except Exception as error:  # noqa: BLE001 - the screen must be told, whatever it was
            _log.exception("the demo cannot start")
            self._failed = f"the demo cannot start: {type(error).__name__}"
        wake()

    def view(self) -> StationView:
        """The station's view, or an empty one until it is there."""
        if self._world is not None:
            return self._world.station.view()
        return StationView(
            station="demo",
            target="",
            environment="sandbox",
            order=ByteOrder.REVERSED,
            lanes=(),
            delivery=DeliveryView(Delivery.STANDBY),
            fatal=self._failed,
        )

    def scan(self, scan: Scan, lane: str | None = None) -> None:
        """See `Station.scan`."""
        if self._world is not None:
            self._world.station.scan(scan, lane)

    def undo(self, lane: str | None = None) -> None:
        """See `Station.undo`."""
        if self._world is not None:
            self._world.station.undo(lane)

    def clear(self, lane: str | None = None) -> None:
        """See `Station.clear`."""
        if self._world is not None:
            self._world.station.clear(lane)

    def retry(self, lane: str | None = None) -> None:
        """See `Station.retry`."""
        if self._world is not None:
            self._world.station.retry(lane)

    def acknowledge(self) -> None:
        """See `Station.acknowledge`."""
        if self._world is not None:
            self._world.station.acknowledge()

    def stop(self, timeout_s: float) -> None:
        """End the station, then the sandbox."""
        if self._thread is not None:
            self._thread.join(timeout_s)
        if self._world is not None:
            self._world.station.stop(timeout_s)
            self._world.sandbox.stop()


def _on_the_screen() -> int:
    speak()
    from tagsmith.tui import ExtraKey, run_screen

    station = _LateStation()

    def lay(which: Callable[[Keys], None]) -> Callable[[], None]:
        def action() -> None:
            if station.world is not None:
                which(station.world.keys)

        return action

    def hint() -> str:
        if station.world is None:
            return _("Starting the sandbox and the simulated reader …")
        if text := station.world.keys.label:
            return spoken(Sentence("The label of this key reads {text}", text=text))
        return _("Shift+F4 lays a key on the reader")

    extra = [
        ExtraKey("f15", _("again"), lay(Keys.duplicate)),
        ExtraKey("f16", _("key"), lay(Keys.good)),
        ExtraKey("f18", _("phone"), lay(Keys.random)),
        ExtraKey("f19", _("two"), lay(Keys.two)),
    ]
    # The keys that lay keys are the demo's own: the operator's give way to them.
    moved = {"batches": "ctrl+b", "pairs": "ctrl+l", "work": "ctrl+w", "reject": "ctrl+x"}
    code = run_screen(station, extra_keys=extra, hint=hint, keys=moved)
    if station.world is not None:
        click.echo(f"What you paired: TAGSMITH_JOURNAL__URL={station.world.journal_url} tagsmith journal list")
    return code


# --- by itself ----------------------------------------------------------------------------------------------------


def play(count: int) -> int:
    """Play `count` keys without a screen and print a summary; 0 when every one was paired and reserved."""
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    world = build(events.put, hold_s=0.0)
    started = time.monotonic()
    reserved = 0

    def until(*names: str) -> Event:
        nonlocal reserved
        deadline = time.monotonic() + _ANSWER_WITHIN_S
        while True:
            try:
                event = events.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise world.station.failure or StationError(f"no answer within {_ANSWER_WITHIN_S:.0f} s") from None
            reserved += _counts(event)
            if event.event in names:
                return event

    try:
        world.station.start()
        until("ready")
        paired = 0
        for number in range(1, count + 1):
            world.keys.good()
            until("tapped")
            world.station.scan(Scan(label(number), time.monotonic(), "demo"))
            outcome = until("paired", "rejected")
            paired += outcome.event == "paired"
            if outcome.event == "rejected":
                click.echo(f"key {number}: {outcome.fields['message']}", err=True)
        left = world.station.drain(_DRAIN_S + 60 * count / _PER_MINUTE).result()
        world.station.stop()
        while not events.empty():
            reserved += _counts(events.get())
    finally:
        world.station.stop()
        world.sandbox.stop()
    return _summary(world, count, paired, reserved, left, time.monotonic() - started)


def _counts(event: Event) -> int:
    return int(event.event == "delivered" and event.fields["state"] == str(State.RESERVED))


def _summary(world: World, count: int, paired: int, reserved: int, left: int, seconds: float) -> int:
    from tagsmith.journal import Journal

    journal = Journal.open(world.journal_url)
    try:
        check = journal.verify()
    finally:
        journal.close()
    lost = paired - reserved - left
    click.echo(f"{paired} paired, {reserved} reserved, {left} left, {lost} lost in {seconds:.1f} s")
    click.echo(f"journal: {'sound' if check.ok else 'NOT SOUND'}, {check.entries} entries, {check.events} events")
    click.echo(f"look at it: TAGSMITH_JOURNAL__URL={world.journal_url} tagsmith journal list")
    return 0 if check.ok and paired == reserved == count else 1
