"""What every backend gets from the base class: time, translation of errors, the lock, signals, one thread at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from readers.conformance import Waiting
from readers.scripted import INFO, After, Clock, Scripted, on
from tagsmith.errors import ReaderBusy, ReaderError, ReaderForbidden, ReaderLost
from tagsmith.model import Field, ReaderInfo, ReaderState, Signal
from tagsmith.readers import Reader, base
from tagsmith.readers.base import status_of


class Foreign(Exception):
    """An error of a backend's library."""


class Bare(Reader):
    """A backend that does what a test tells it."""

    def __init__(self) -> None:
        super().__init__("bare:")
        self.opening: Callable[[], None] = lambda: None
        self.waiting: Callable[[], Field] = lambda: self.block()
        self.closing: Callable[[], None] = lambda: None
        self.played: list[tuple[Signal, str]] = []
        self.changed = threading.Event()
        self.inside = threading.Event()

    def _open(self) -> ReaderInfo:
        self.opening()
        return ReaderInfo("bare", f"bare:{id(self)}", sees_two=False, sees_removal=False, sees_sak=False)

    def _wait(self, last: Field, timeout_s: float) -> Field:
        return self.waiting()

    def _close(self) -> None:
        self.closing()

    def _wake(self) -> None:
        self.changed.set()

    def _signal(self, pattern: Signal) -> None:
        self.played.append((pattern, threading.current_thread().name))

    def _translate(self, error: Exception) -> ReaderError | None:
        return ReaderForbidden("not allowed", "ask") if isinstance(error, Foreign) else None

    def block(self) -> Field:
        """Wait as a driver does: for a change, until somebody interrupts."""
        self.changed.clear()
        self.inside.set()
        while not self._interrupted and not self.changed.wait(0.01):
            pass
        return Field()


def raising(error: Exception) -> Callable[[], Field]:
    """A wait or opening that fails."""

    def fail() -> Field:
        raise error

    return fail


@pytest.fixture
def reader() -> Iterator[Bare]:
    """A backend that is not open yet; closed at the end."""
    reader = Bare()
    yield reader
    reader.closing = lambda: None
    reader.close()


def test_foreign_errors_become_ours(reader: Bare) -> None:
    """What the backend's table knows comes out typed, with the foreign error as its cause; from open and from wait."""
    foreign = Foreign("no")
    reader.opening = raising(foreign)
    with pytest.raises(ReaderForbidden) as caught:
        reader.open()
    assert caught.value.__cause__ is foreign
    reader.opening = lambda: None
    reader.open()
    reader.waiting = raising(foreign)
    with pytest.raises(ReaderForbidden):
        reader.wait(Field(), 1)


def test_our_errors_and_strange_ones_travel_on(reader: Bare) -> None:
    """Ours are not translated again; what nobody knows is not dressed up as something else."""
    reader.open()
    for error in (ReaderBusy("held"), ZeroDivisionError("defect")):
        reader.waiting = raising(error)
        with pytest.raises(type(error)) as caught:
            reader.wait(Field(), 1)
        assert caught.value is error
        assert caught.value.__cause__ is None


def test_failed_opening_leaves_nothing(reader: Bare) -> None:
    """Whatever fails while opening, the device is freed and the lock let go."""
    closed = []
    reader.closing = lambda: closed.append(1)
    reader.opening = raising(ZeroDivisionError("defect"))
    with pytest.raises(ZeroDivisionError):
        reader.open()
    assert closed == [1]
    assert reader.info is None
    reader.opening = lambda: None
    reader.open()
    reader.close()


def test_open_twice_is_once(reader: Bare) -> None:
    """An open reader just says what it is."""
    opened = []
    reader.opening = lambda: opened.append(1)
    assert reader.open() == reader.open()
    assert opened == [1]
    reader.close()


def test_closing_always_frees_the_lock(reader: Bare) -> None:
    """A driver that fails while closing keeps neither the caller nor the next opener out."""
    reader.open()
    reader.closing = raising(Foreign("pulled out already"))
    reader.close()
    reader.open()
    reader.closing = raising(ZeroDivisionError("defect"))
    with pytest.raises(ZeroDivisionError):
        reader.close()
    assert reader.info is None
    reader.closing = lambda: None
    reader.open()
    reader.close()


def test_early_returns_are_not_passed_on() -> None:
    """A backend may return early with the same field as often as it likes; the caller sees the timeout only."""
    clock = Clock()
    turns = []

    class Early(Scripted):
        def _wait(self, last: Field, timeout_s: float) -> Field:
            turns.append(timeout_s)
            clock.now += 0.25
            return Field()

    reader = Early(clock, [])
    reader.open()
    last = Field()
    assert reader.wait(last, 1.0) is last
    assert turns == [1.0, 0.75, 0.5, 0.25]


def test_timeout_of_nothing_still_looks() -> None:
    """With no time at all a wait looks once."""
    reader = Scripted(Clock(), [After(0, on("a"))])
    reader.open()
    assert reader.wait(Field(), 0) == on("a")


def test_time_of_the_first_sight() -> None:
    """`seen_at` is what the backend noted; where it notes nothing, when the wait returned."""
    clock = Clock()
    reader = Scripted(clock, [After(2, on("a"))], lag_s=0.5)
    reader.open()
    reader.wait(Field(), 10)
    assert reader.seen_at == 102.0

    class Plain(Scripted):
        def _wait(self, last: Field, timeout_s: float) -> Field:
            clock.now += 1
            return on("b")

    plain = Plain(clock, [])
    plain.open()
    plain.wait(Field(), 10)
    assert plain.seen_at == clock.now


def test_signals_are_played_by_the_waiting_thread(reader: Bare) -> None:
    """A signal neither blocks its caller nor ends the wait; the waiting thread plays it, in order."""
    reader.open()
    waiting = Waiting(reader)
    assert reader.inside.wait(10)
    reader.signal(Signal.REFUSED)
    reader.signal(Signal.PAIRED)
    while len(reader.played) < 2:
        assert waiting.outcome is None
    reader.close()
    assert isinstance(waiting.joined(), ReaderLost)
    assert [pattern for pattern, _ in reader.played] == [Signal.REFUSED, Signal.PAIRED]
    assert {name for _, name in reader.played} != {threading.current_thread().name}


def test_a_reader_without_buzzer_ignores_signals() -> None:
    """Where a backend has none, a signal does not even wake it."""
    reader = Scripted(Clock(), [], [])
    reader.signal(Signal.ALARM)
    assert reader.woken == 0


def test_close_does_not_wait_for_ever(
    reader: Bare, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A driver that hangs cannot hold up who closes; the device is freed when the driver comes back."""
    monkeypatch.setattr(base, "CLOSE_PATIENCE_S", 0.01)
    gate, inside, closed = threading.Event(), threading.Event(), threading.Event()

    def hang() -> Field:
        inside.set()
        gate.wait(30)
        return Field()

    reader.open()
    reader.waiting = hang
    reader.closing = closed.set
    waiting = Waiting(reader)
    assert inside.wait(10)
    reader.close()
    assert "still busy" in caplog.text
    assert not closed.is_set()
    gate.set()
    assert isinstance(waiting.joined(), ReaderLost)
    assert closed.is_set()
    assert reader.info is None


@pytest.mark.parametrize("kind", ReaderError.__subclasses__())
def test_every_error_has_a_state(kind: type[ReaderError]) -> None:
    """No kind of reader error is without a state of its own."""
    status = status_of("x:", kind("what", "do"))
    assert (status.spec, status.message, status.remedy, status.info) == ("x:", "what", "do", None)
    assert status.state == ReaderState(kind.__name__.removeprefix("Reader").lower())


def test_info_is_the_backends() -> None:
    """What a backend says it can is handed on as it is, and forgotten at closing."""
    reader = Scripted(Clock(), [])
    assert reader.info is None
    assert reader.open() is INFO
    assert reader.info is INFO
    reader.close()
    assert reader.info is None
