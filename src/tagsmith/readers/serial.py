"""Readers on a serial line: `serial:/dev/ttyUSB0?frame=hex-line&…` (all options: readers/serial_spec.py).

It owns what lies on such a reader as far as that can be heard. Most of them only speak when a key comes, so presence is
made of it: a key is there from its frame on for a short stay (`stay=`); with `mode=repeat`, while its frames go on.
A frame that is no UID (damaged, of another length, not hex, …) is shown as a key without one, for as long: a reader
that is set wrong shows at once, and a key that nobody could read never leaves the one before it in its place. Not shown
is what costs nothing: a frame that was under way when the port was opened; one between good ones of a reader that
repeats itself; a spoilt answer of a reader that is asked again. Bytes are cut into frames and UIDs are read elsewhere.

How it waits: in a read that blocks until bytes come. `seen_at` is the time right after the frame's last byte had been
read, which is known at once where a frame has an end mark; `frame=length-prefixed` has none and is known after a pause
(`quiet=`, 20 ms). An Elatec TWN4 in Simple Protocol (`frame=twn4`) has to be asked again and again (`poll=`).
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable

from tagsmith.errors import DeviceLost, DeviceUnsupported, UidError
from tagsmith.lines import nodes
from tagsmith.lines.framing import Fault, Frame
from tagsmith.lines.framing_twn4 import SEARCH_TAG
from tagsmith.lines.known import Kind, find
from tagsmith.lines.ports import Port, PortInfo, ports
from tagsmith.model import Field, ReaderInfo, ReaderState, ReaderStatus, Tag, Trouble
from tagsmith.readers.base import Reader
from tagsmith.readers.lock import ReaderLock
from tagsmith.readers.serial_spec import Plan, plan

_log = logging.getLogger(__name__)

ANSWER_S = 0.5
"""How long an answer is waited for before the question is asked again; looking for every kind of tag takes a while."""
DUMB = 6
"""Questions without a proper answer after which a reader is not one that can be asked."""
OPENING_S = 0.5
"""A torn frame that began so soon after the port was opened was under way before."""
NOISE = 200
"""Bytes without a frame among them after which that is said: no frame is as long."""


class SerialReader(Reader):
    """A reader on a serial line. `rest` is its spec behind `serial:`.

    Raises:
        ConfigError: the spec is wrong; says in what, and what to write.
    """

    def __init__(
        self,
        rest: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        port: Callable[[Plan], Port] | None = None,
    ) -> None:
        super().__init__(f"serial:{rest}", clock=clock)
        self._plan = plan(self.spec)
        make = port or (lambda plan: Port(plan.address, plan.settings, clock=clock))
        self._port = make(self._plan)
        self._count = 0
        self._forget()

    def _forget(self) -> None:
        """Nothing is known of what lies there."""
        self._field = Field()
        self._changed_at = 0.0
        self._leaves_at: float | None = None
        self._frames: deque[Frame] = deque()
        self._poll_at = 0.0
        self._has_answered = False
        self._unanswered = 0
        self._noise = 0
        self._opened_at = 0.0
        self._doubted_until: float | None = None
        self._grumbled = False

    # --- the backend's part ---------------------------------------------------------------------------------------

    def _open(self) -> ReaderInfo:
        self._claim(_identity(self._port.identity))
        self._port.open()
        self._forget()
        self._opened_at = self._poll_at = self._clock()
        self._plan.framing.start(self._opened_at)
        is_asked = self._plan.poll_s is not None
        return ReaderInfo(self._plan.address, self.spec, sees_two=False, sees_removal=is_asked, sees_sak=False)

    def _wait(self, last: Field, timeout_s: float) -> Field:
        deadline = self._clock() + timeout_s
        while True:
            now = self._clock()
            self._look(last, now)
            if self._field != last:
                self._first_seen = self._changed_at
                return self._field
            if self._interrupted or now >= deadline:
                return self._field
            self._ask(now)
            ends = (deadline, self._leaves_at, self._doubted_until, self._plan.framing.due, self._next_poll())
            until = min(end for end in ends if end is not None)
            data, at = self._port.read(max(0.0, until - now))
            self._hear(data, at)

    def _close(self) -> None:
        self._port.close()
        self._forget()

    def _wake(self) -> None:
        self._port.wake()

    # --- what lies there ------------------------------------------------------------------------------------------

    def _look(self, last: Field, now: float) -> None:
        """Bring the field up to date, one change at a time: each of two keys in one chunk is shown."""
        while self._frames and self._field == last:
            self._take(self._frames.popleft(), now)
        if self._frames or self._field != last:
            return
        if self._leaves_at is not None and now >= self._leaves_at:
            self._field = Field()
            self._changed_at, self._leaves_at = self._leaves_at, None
        elif self._doubted_until is not None and now >= self._doubted_until:
            self._doubted_until = None
            self._show(Trouble.NO_UID, now, now)

    def _take(self, frame: Frame, now: float) -> None:
        """One frame: a key comes, is still there, or comes again; or it is no UID."""
        if self._plan.poll_s is not None:
            self._poll_at = frame.at + self._plan.poll_s
        if frame.fault is not None:
            self._refuse(frame, f"{frame.payload!r}: {frame.fault}", now)
            return
        try:
            seen = self._plan.writing.read(frame.payload)
        except UidError as error:
            self._refuse(frame, error.message, now)
            return
        self._grumbled = False
        self._doubted_until = None
        self._has_answered, self._unanswered = True, 0
        if seen is not None:
            self._show(seen, frame.at, frame.at)

    def _refuse(self, frame: Frame, why: str, now: float) -> None:
        """A frame is no UID: shown, unless it costs nothing to wait for the next one."""
        if frame.fault is Fault.TORN and frame.began < self._opened_at + OPENING_S:
            _log.debug("%s: dropped the rest of what it sent before: %r", self.spec, frame.payload)
            return
        self._grumble(why)
        if self._plan.poll_s is not None:
            return
        if self._plan.repeats and self._doubted_until is None and self._field.trouble is None:
            self._doubted_until = now + self._plan.stay_s  # the next frame tells, or that none comes
            return
        self._doubted_until = None
        # What is torn is known late, and perhaps after the key before it was said to be gone.
        self._show(Trouble.NO_UID, max(frame.at, self._changed_at), now)

    def _show(self, seen: Tag | Trouble, at: float, stays_from: float) -> None:
        """Something lies there since `at`."""
        here = Field((seen,)) if isinstance(seen, Tag) else Field(trouble=seen)
        if not self._plan.repeats or (self._field.tags, self._field.trouble) != (here.tags, here.trouble):
            self._count += 1
            self._field = Field(here.tags, self._count, here.trouble)
            self._changed_at = at
        self._leaves_at = stays_from + self._plan.stay_s

    def _hear(self, data: bytes, at: float) -> None:
        """Bytes came, or nothing did."""
        frames = self._plan.framing.feed(data, at)
        self._frames.extend(frames)
        self._noise = 0 if frames else self._noise + len(data)
        if self._noise >= NOISE:
            self._noise = 0
            self._grumble("bytes come that make no frame")

    def _grumble(self, why: str) -> None:
        """Something is no UID. Said aloud once until a good one comes: a line may have much noise."""
        level = logging.DEBUG if self._grumbled else logging.WARNING
        self._grumbled = True
        _log.log(level, "%s: not taken for a key: %s (do frame=, baud= and length= fit this reader?)", self.spec, why)

    # --- asking ---------------------------------------------------------------------------------------------------

    def _next_poll(self) -> float | None:
        return None if self._plan.poll_s is None else self._poll_at

    def _ask(self, now: float) -> None:
        """Ask a reader that does not speak by itself.

        Raises:
            DeviceLost: it does not answer any more.
            DeviceUnsupported: it has never answered.
        """
        if self._plan.poll_s is None or now < self._poll_at:
            return
        if self._unanswered >= DUMB:
            remedy = "flash the Simple Protocol firmware, or write frame=hex-line&length=7 for one that sends by itself"
            if self._has_answered:
                raise DeviceLost(f"{self._plan.address} does not answer any more", "unplug it and plug it in again")
            raise DeviceUnsupported(f"{self._plan.address} does not answer as a TWN4 in Simple Protocol does", remedy)
        self._port.write(SEARCH_TAG)
        self._unanswered += 1
        self._poll_at = now + ANSWER_S


# --- finding readers ----------------------------------------------------------------------------------------------


def discover(listed: Callable[[], tuple[PortInfo, ...]] = ports) -> list[ReaderStatus]:
    """Every serial port that is there, with a spec to begin with. What hangs on a port does not show.

    Opens none and disturbs nobody.

    Raises:
        DeviceUnsupported: pyserial is not installed.
    """
    return [_status_of(info) for info in listed()]


def _status_of(info: PortInfo) -> ReaderStatus:
    spec = f"serial:{info.stable}?frame=hex-line&length=4,7"
    device = None if info.vid is None or info.pid is None else find(info.vid, info.pid)
    name = info.name if device is None else device.name
    if device is not None and device.kind is Kind.SCANNER:
        remedy = f'write it below [[scanner]]: spec = "serial:{info.stable}"'
        return ReaderStatus(spec, ReaderState.UNSUPPORTED, f"{name}: a barcode scanner, no reader", remedy)
    if device is not None and device.kind is Kind.LOW_FREQUENCY:
        remedy = "it reads no charging key: use a reader for 13.56 MHz"
        return ReaderStatus(spec, ReaderState.UNSUPPORTED, f"{name}: reads 125 kHz only", remedy)
    if not nodes.allowed(info.node):
        error = nodes.forbidden(info.node)
        return ReaderStatus(spec, ReaderState.FORBIDDEN, error.message, error.remedy)
    locked = ReaderLock(_identity(str(info.node.resolve()))).holder()
    holders = nodes.holders(info.node)
    if locked is not None or holders:
        message = f"{info.node} is in use by {holders[0] if holders else locked}"
        return ReaderStatus(spec, ReaderState.BUSY, message, "close that program, or leave it to it")
    return ReaderStatus(spec, ReaderState.READY, f"{name}: set frame=, baud= and length= as its manual says")


def _identity(device: str) -> str:
    """The name of a device for everyone on this machine who means it."""
    return f"serial:{device}"
