"""scanners/base.py: the pump that keeps one scanner read, whatever happens to it. On a script, without waiting."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable

import pytest

from support.scripted_port import Clock
from tagsmith.errors import (
    DeviceBusy,
    DeviceError,
    DeviceForbidden,
    DeviceLost,
    DeviceMissing,
    DeviceUnsupported,
)
from tagsmith.model import ReaderState, Scan, ScannerStatus
from tagsmith.scanners.base import BACKOFF_S, ScannerDevice, ScannerPump

FIRST, SECOND = Scan("1", 1.0), Scan("2", 2.0)


class Scripted(ScannerDevice):
    """Opens and reads as its script says; an exception is raised, and a name or a list returned."""

    def __init__(self, openings: Iterable[str | Exception], reads: Iterable[list[Scan] | Exception]) -> None:
        super().__init__("scripted:")
        self._openings, self._reads = deque(openings), deque(reads)
        self.ended: Callable[[], object] = lambda: None
        self.opened = self.closed = self.woken = 0

    def open(self) -> str:
        self.opened += 1
        outcome = self._openings.popleft() if self._openings else "a scanner"
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def read(self, timeout_s: float) -> list[Scan]:
        if not self._reads:
            self.ended()
            return []
        outcome = self._reads.popleft()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def wake(self) -> None:
        self.woken += 1

    def close(self) -> None:
        self.closed += 1


class Run:
    """A pump that has run through a script: what it handed over, and how long it paused."""

    def __init__(
        self,
        openings: Iterable[str | Exception] = (),
        reads: Iterable[list[Scan] | Exception] = (),
        *,
        sink: Callable[[Scan], None] | None = None,
        changed: Callable[[ScannerStatus], None] | None = None,
        pauses: int = 100,
    ) -> None:
        self.device = Scripted(openings, reads)
        self.scans: list[Scan] = []
        self.statuses: list[ScannerStatus] = []
        self.pauses: list[float] = []
        self._most = pauses
        self.pump = ScannerPump(
            self.device,
            sink or self.scans.append,
            changed or self.statuses.append,
            lane="A",
            clock=Clock(),
            pause=self._pause,
        )
        self.device.ended = lambda: self.pump.close()
        self.pump.run()

    def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if len(self.pauses) >= self._most:
            self.pump.close()

    @property
    def states(self) -> list[ReaderState]:
        """The states that were reported."""
        return [status.state for status in self.statuses]


def test_scans_are_handed_over_in_their_order() -> None:
    """All of a read, one by one; a read without any is nothing."""
    run = Run(reads=[[FIRST], [], [SECOND, FIRST]])
    assert run.scans == [FIRST, SECOND, FIRST]
    assert run.statuses == [ScannerStatus("scripted:", ReaderState.READY, "a scanner", lane="A")]


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (DeviceMissing, ReaderState.MISSING),
        (DeviceForbidden, ReaderState.FORBIDDEN),
        (DeviceBusy, ReaderState.BUSY),
        (DeviceLost, ReaderState.LOST),
        (DeviceUnsupported, ReaderState.UNSUPPORTED),
        (DeviceError, ReaderState.LOST),
    ],
)
def test_each_error_is_a_state_with_its_words(error: type[DeviceError], state: ReaderState) -> None:
    """Message and remedy reach whoever shows them, with the lane; then it is tried again."""
    run = Run([error("what happened", "what to do")], [[FIRST]])
    assert run.statuses[0] == ScannerStatus("scripted:", state, "", "what happened", "what to do", "A")
    assert run.states == [state, ReaderState.READY]
    assert run.scans == [FIRST]


def test_a_loss_is_told_and_the_device_opened_again() -> None:
    """It is closed before it is opened anew; numbers go on."""
    run = Run(reads=[[FIRST], DeviceLost("gone"), [SECOND]])
    assert run.states == [ReaderState.READY, ReaderState.LOST, ReaderState.READY]
    assert run.scans == [FIRST, SECOND]
    assert run.device.opened == 2
    assert run.device.closed >= 2


def test_pauses_grow_to_their_limit_and_begin_anew() -> None:
    """A scanner that returns is back soon; one that stays away is not asked too often."""
    away = [DeviceMissing("away")] * 6
    run = Run([*away, "back"], [DeviceLost("gone"), [FIRST]])
    low, high = BACKOFF_S
    assert run.pauses == [low, 2 * low, 4 * low, 8 * low, high, high, low]
    assert high <= 2.0


def test_a_state_is_told_once() -> None:
    """Also when the same error comes again and again."""
    run = Run([DeviceMissing("away")] * 5, [[FIRST]])
    assert run.states == [ReaderState.MISSING, ReaderState.READY]


def test_a_defect_of_a_driver_silences_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """What nobody expected is logged with its traceback, shown as a loss, and tried again."""
    with caplog.at_level(logging.ERROR, "tagsmith.scanners.base"):
        run = Run([ZeroDivisionError("oops")], [KeyError("again"), [FIRST]])
    assert run.scans == [FIRST]
    assert run.states == [ReaderState.LOST, ReaderState.READY, ReaderState.LOST, ReaderState.READY]
    assert "ZeroDivisionError" in run.statuses[0].message
    assert run.statuses[0].remedy
    assert [record.exc_info is not None for record in caplog.records] == [True, True]


def test_what_listeners_raise_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Neither a scan nor a state that nobody takes ends the reading."""

    def fail(_: object) -> None:
        raise RuntimeError("not today")

    taken: list[Scan] = []

    def take_second(scan: Scan) -> None:
        if scan is FIRST:
            fail(scan)
        taken.append(scan)

    with caplog.at_level(logging.ERROR, "tagsmith.scanners.base"):
        Run(reads=[[FIRST, SECOND]], sink=take_second, changed=fail)
    assert taken == [SECOND]
    assert len(caplog.records) == 2


def test_after_the_end_nothing_is_handed_over() -> None:
    """Scans that were read when the pump was closed are dropped: nobody waits for them."""
    scans: list[Scan] = []

    class Closing(Scripted):
        def read(self, timeout_s: float) -> list[Scan]:
            self.ended()
            return [FIRST]

    device = Closing((), ())
    pump = ScannerPump(device, scans.append, lambda _: None, clock=Clock())
    device.ended = lambda: pump.close()
    pump.run()
    assert scans == []
    assert device.closed


def test_closing_ends_the_thread_and_wakes_the_device() -> None:
    """A read under way is woken; the device is let go; closing again is nothing."""
    reading = threading.Event()

    class Blocking(Scripted):
        def __init__(self) -> None:
            super().__init__((), ())
            self.is_woken = threading.Event()

        def read(self, timeout_s: float) -> list[Scan]:
            reading.set()
            self.is_woken.wait(10.0)
            return []

        def wake(self) -> None:
            self.is_woken.set()

    device = Blocking()
    pump = ScannerPump(device, lambda _: None, lambda _: None)
    assert pump.close()
    pump = ScannerPump(device, lambda _: None, lambda _: None)
    device.is_woken.clear()
    pump.start()
    pump.start()
    assert reading.wait(10.0)
    assert pump.close()
    assert pump.close()
    assert device.closed


def test_a_thread_that_does_not_obey_is_said() -> None:
    """`close` waits as long as it was told and then says that it is still busy."""
    release = threading.Event()

    class Stuck(Scripted):
        def read(self, timeout_s: float) -> list[Scan]:
            release.wait(10.0)
            return []

    pump = ScannerPump(Stuck((), ()), lambda _: None, lambda _: None)
    pump.start()
    assert not pump.close(0.01)
    release.set()
    assert pump.close()


def test_the_heartbeat_moves_while_it_lives() -> None:
    """A watchdog sees each turn, also while nothing can be opened."""
    clock = Clock()
    device = Scripted([DeviceMissing("away")], [])
    seen: list[float] = []

    def pause(seconds: float) -> None:
        seen.append(pump.alive_at)
        clock.now += seconds

    pump = ScannerPump(device, lambda _: None, lambda _: None, clock=clock, pause=pause)
    device.ended = lambda: pump.close()
    pump.run()
    assert seen == [100.0]
    assert pump.alive_at > 100.0
