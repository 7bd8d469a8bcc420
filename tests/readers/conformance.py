"""What every reader must do: one suite of checks that runs over every backend, real or simulated.

A backend brings a `Rig`: how to make its reader, and hands that lay keys on it and pull its cable. `CHECKS` is the
suite; each check takes a rig and says in its docstring what it pins. Hardware needs time to show things, so a check
waits for what must come (up to `PATIENCE_S`) and never measures how long it took.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.pcscd import Card, Pcscd
from tagsmith.errors import ReaderBusy, ReaderError, ReaderLost
from tagsmith.model import Field, Signal
from tagsmith.readers import Reader, create
from tagsmith.readers.pcsc import discover
from tagsmith.readers.sim import SimReader

PATIENCE_S = 15.0
BRIEF_S = 0.05
ABSENT = Field()
KEY = "04a1b2c3d4e5f6"
OTHER = "0499999999999a"


class Rig(ABC):
    """A device of one backend, and hands."""

    spec: str
    """Selects the device, also for another process."""
    sees_two: bool
    sees_removal: bool = True
    sees_sak: bool = False

    def __enter__(self) -> Rig:
        self._opened: list[Reader] = []
        return self

    def __exit__(self, *_: object) -> None:
        for reader in self._opened:
            reader.close()

    def reader(self) -> Reader:
        """A reader for the device, not opened; it is closed when the rig ends."""
        reader = self._make()
        self._opened.append(reader)
        return reader

    def opened(self) -> Reader:
        """A reader for the device, opened."""
        reader = self.reader()
        reader.open()
        return reader

    @property
    def environment(self) -> dict[str, str]:
        """The environment of another process that is to see the same device."""
        return dict(os.environ)

    @abstractmethod
    def _make(self) -> Reader: ...
    @abstractmethod
    def put(self, uid: str) -> None:
        """Lay a key on; what lay there is taken away."""

    @abstractmethod
    def remove(self) -> None:
        """Take it away."""

    @abstractmethod
    def lose(self) -> None:
        """Let the device go away."""

    @abstractmethod
    def restore(self) -> None:
        """Let it come back."""


class SimRig(Rig):
    """The simulator with an empty scenario, fed by hand."""

    sees_two = True

    def __init__(self, folder: Path) -> None:
        scenario = folder / "scenario.toml"
        scenario.write_text("")
        self.spec = f"sim:{scenario}"
        self._path = str(scenario)
        self._readers: list[SimReader] = []

    def _make(self) -> Reader:
        reader = SimReader(self._path)
        if self._readers:  # one device, whoever opens it
            reader.feed = self._readers[0].feed
        self._readers.append(reader)
        return reader

    @property
    def _feed(self) -> Any:
        if not self._readers:
            self.reader()
        return self._readers[0].feed

    def put(self, uid: str) -> None:
        self._feed.put(uid)

    def remove(self) -> None:
        self._feed.remove()

    def lose(self) -> None:
        self._feed.unplug()

    def restore(self) -> None:
        self._feed.plug()


class PcscRig(Rig):
    """A virtual reader behind a real pcscd. Where it cannot be unplugged, pcscd itself is killed and started."""

    sees_two = False

    def __init__(self, pcscd: Pcscd, name: str) -> None:
        self._pcscd = pcscd
        self._device = pcscd.reader(name)
        self.spec = f"pcsc:{name}"

    @property
    def environment(self) -> dict[str, str]:
        return self._pcscd.environment

    def _make(self) -> Reader:
        return create(self.spec)

    def put(self, uid: str) -> None:
        self._device.slot.insert(Card(uid=bytes.fromhex(uid)))

    def remove(self) -> None:
        self._device.slot.remove()

    def lose(self) -> None:
        if self._device.can_be_unplugged:
            self._device.unplug()
            # Its slots go one after the other: whoever opens the reader meanwhile would have one that is about to go.
            deadline = time.monotonic() + PATIENCE_S
            while any(status.spec.startswith(self.spec) for status in discover()):
                assert time.monotonic() < deadline, "a slot of the reader stays"
                time.sleep(0.02)
        else:
            self._pcscd.kill()

    def restore(self) -> None:
        if self._device.can_be_unplugged:
            self._device.plug()
        else:
            self._pcscd.start()


# --- helpers ------------------------------------------------------------------------------------------------------


def until(reader: Reader, wanted: Callable[[Field], bool], last: Field = ABSENT) -> Field:
    """Wait on the reader until a field is as wanted; `last` is what the caller knows."""
    deadline = time.monotonic() + PATIENCE_S
    field = last
    while not wanted(field):
        assert time.monotonic() < deadline, f"it stays at {field}"
        field = reader.wait(field, 1.0)
    return field


def shows(*uids: str) -> Callable[[Field], bool]:
    """Whether a field has just these tags."""
    return lambda field: sorted(tag.uid.wire for tag in field.tags) == sorted(uids)


def reopened(reader: Reader) -> None:
    """Open a reader that was lost, as soon as it is back."""
    reader.close()
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            reader.open()
        except ReaderError:
            assert time.monotonic() < deadline, "it does not come back"
            time.sleep(0.02)
        else:
            return


class Waiting:
    """A wait under way on a thread of its own; what came of it is in `outcome`."""

    def __init__(self, reader: Reader, last: Field = ABSENT, timeout_s: float = 60.0) -> None:
        self.outcome: Field | BaseException | None = None
        self._entered = threading.Event()
        self._thread = threading.Thread(target=self._wait, args=(reader, last, timeout_s), daemon=True)
        self._thread.start()
        assert self._entered.wait(PATIENCE_S)

    def _wait(self, reader: Reader, last: Field, timeout_s: float) -> None:
        self._entered.set()
        try:
            self.outcome = reader.wait(last, timeout_s)
        except BaseException as error:
            self.outcome = error

    def joined(self) -> Field | BaseException | None:
        """The outcome, once the wait has ended."""
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive(), "the wait does not end"
        return self.outcome


_HOLD = """
import sys
from tagsmith.errors import ReaderError
from tagsmith.readers import create
reader = create(sys.argv[1])
try:
    reader.open()
except ReaderError as error:
    print(f"{type(error).__name__}: {error.message}", flush=True)
else:
    print("open", flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def other_process(rig: Rig) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process that opens the device and holds it; gives it and the line it printed."""
    command = [sys.executable, "-c", _HOLD, rig.spec]
    process = subprocess.Popen(command, env=rig.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


# --- the suite ----------------------------------------------------------------------------------------------------


def absence_is_a_value(rig: Rig) -> None:
    """Nothing on the reader is `Field()`: no error, and no news until the timeout."""
    reader = rig.opened()
    assert reader.wait(Field(), BRIEF_S) == Field()


def arrival_is_seen(rig: Rig) -> None:
    """A key that is laid on comes out of the wait under way, with its UID and the time it was first known."""
    reader = rig.opened()
    before = time.monotonic()
    waiting = Waiting(reader)
    rig.put(KEY)
    field = waiting.joined()
    assert isinstance(field, Field)
    assert shows(KEY)(field)
    assert field.tags[0].raw == KEY
    assert before <= reader.seen_at <= time.monotonic()


def removal_is_seen(rig: Rig) -> None:
    """Taking the key away gives back the very absence that was there before."""
    reader = rig.opened()
    rig.put(KEY)
    field = until(reader, shows(KEY))
    rig.remove()
    assert until(reader, shows(), field) == Field()


def no_news_until_the_timeout(rig: Rig) -> None:
    """While a key just lies there, a wait ends at its timeout and gives back the caller's own field."""
    reader = rig.opened()
    rig.put(KEY)
    field = until(reader, shows(KEY))
    for _ in range(3):
        assert reader.wait(field, BRIEF_S) is field


def what_lies_there_is_reported_once(rig: Rig) -> None:
    """A key that lay there before the reader was opened arrives like any other, and only once."""
    rig.put(KEY)
    reader = rig.opened()
    field = until(reader, shows(KEY))
    assert reader.wait(field, BRIEF_S) is field


def what_the_caller_does_not_know_is_news(rig: Rig) -> None:
    """The caller's `last` decides what is news: asked with an older field, the present one comes at once."""
    reader = rig.opened()
    rig.put(KEY)
    field = until(reader, shows(KEY))
    assert reader.wait(Field(), PATIENCE_S) == field


def swap_of_like_keys_is_seen(rig: Rig) -> None:
    """A key replaced by another of the same kind is never missed."""
    reader = rig.opened()
    rig.put(KEY)
    field = until(reader, shows(KEY))
    for uid in (OTHER, KEY, OTHER):
        rig.put(uid)
        field = until(reader, shows(uid), field)


def lifting_and_laying_the_same_key_is_seen(rig: Rig) -> None:
    """The same key laid again is another arrival, seen by its absence or by its count."""
    reader = rig.opened()
    rig.put(KEY)
    first = until(reader, shows(KEY))
    rig.put(KEY)
    again = until(reader, lambda field: field != first, first)
    until(reader, lambda field: shows(KEY)(field) and field != first, again)


def wake_ends_a_wait(rig: Rig) -> None:
    """A wake ends the wait under way, which gives back the caller's field; the next wait is not disturbed by it."""
    reader = rig.opened()
    waiting = Waiting(reader)
    time.sleep(BRIEF_S)  # inside the driver's own wait by now, most likely; both must do
    reader.wake()
    assert waiting.joined() == Field()
    rig.put(KEY)
    until(reader, shows(KEY))


def wake_before_a_wait_ends_it(rig: Rig) -> None:
    """A wake that found nobody waiting is not lost: the next wait returns at once."""
    reader = rig.opened()
    reader.wake()
    assert Waiting(reader).joined() == Field()


def wakes_are_never_lost(rig: Rig) -> None:
    """However a wake falls between two steps of a wait, that wait ends."""
    reader = rig.opened()
    for _ in range(30):
        waiting = Waiting(reader)
        reader.wake()
        assert waiting.joined() == Field()


def signals_do_not_end_a_wait(rig: Rig) -> None:
    """A signal is played or ignored; it is no news."""
    reader = rig.opened()
    waiting = Waiting(reader)
    for pattern in Signal:
        reader.signal(pattern)
    rig.put(KEY)
    field = waiting.joined()
    assert isinstance(field, Field)
    assert shows(KEY)(field)


def close_is_idempotent(rig: Rig) -> None:
    """Closing twice, or what was never open, is nothing; a closed reader says so, and can be opened again."""
    reader = rig.reader()
    reader.close()
    reader.open()
    reader.close()
    reader.close()
    assert reader.info is None
    with pytest.raises(ReaderLost):
        reader.wait(Field(), BRIEF_S)
    reader.open()
    rig.put(KEY)
    until(reader, shows(KEY))


def close_ends_a_wait(rig: Rig) -> None:
    """Closing from another thread ends the wait under way with `ReaderLost`, and frees the device."""
    reader = rig.opened()
    waiting = Waiting(reader)
    time.sleep(BRIEF_S)
    reader.close()
    assert isinstance(waiting.joined(), ReaderLost)
    rig.opened()


def loss_and_return(rig: Rig) -> None:
    """A reader that goes away raises `ReaderLost` out of the wait; while it is away opening fails; then it reads."""
    reader = rig.opened()
    waiting = Waiting(reader)
    rig.lose()
    lost = waiting.joined()
    assert isinstance(lost, ReaderLost)
    assert lost.remedy
    reader.close()
    with pytest.raises(ReaderError):
        reader.open()
    rig.restore()
    reopened(reader)
    rig.put(KEY)
    until(reader, shows(KEY))


def what_lay_there_during_a_loss_is_news_again(rig: Rig) -> None:
    """Opened again after a loss, a reader tells from the start what lies on it."""
    reader = rig.opened()
    rig.put(KEY)
    field = until(reader, shows(KEY))
    rig.lose()
    with pytest.raises(ReaderLost):
        until(reader, lambda _: False, field)
    rig.restore()
    reopened(reader)
    until(reader, shows(KEY))


def one_reader_object_at_a_time(rig: Rig) -> None:
    """A second reader on the same device within one process is refused, and told that it is a neighbour."""
    reader = rig.opened()
    with pytest.raises(ReaderBusy, match="another lane of this station"):
        rig.opened()
    reader.close()
    rig.opened()


def a_second_process_is_told_who_holds_it(rig: Rig) -> None:
    """Another process is refused with the holder's pid and command; what is held goes on reading."""
    reader = rig.opened()
    with other_process(rig) as (_, said):
        assert said.startswith("ReaderBusy:")
        assert f"process {os.getpid()} (" in said
    rig.put(KEY)
    until(reader, shows(KEY))


def a_killed_process_holds_nothing(rig: Rig) -> None:
    """A holder that is killed lets go at once: the kernel sees to it."""
    with other_process(rig) as (process, said):
        assert said == "open"
        with pytest.raises(ReaderBusy, match=f"process {process.pid} "):
            rig.opened()
        os.kill(process.pid, signal.SIGKILL)
        process.wait(PATIENCE_S)
        reader = rig.opened()
        rig.put(KEY)
        until(reader, shows(KEY))


def info_says_what_it_is(rig: Rig) -> None:
    """An open reader names itself, and a spec that selects just it; what it can is what was promised."""
    reader = rig.opened()
    info = reader.info
    assert info is not None
    assert info.name
    assert (info.sees_two, info.sees_removal, info.sees_sak) == (rig.sees_two, rig.sees_removal, rig.sees_sak)
    reader.close()
    again = create(info.spec)
    try:
        assert again.open().name == info.name
    finally:
        again.close()


CHECKS: tuple[Callable[[Rig], None], ...] = (
    absence_is_a_value,
    arrival_is_seen,
    removal_is_seen,
    no_news_until_the_timeout,
    what_lies_there_is_reported_once,
    what_the_caller_does_not_know_is_news,
    swap_of_like_keys_is_seen,
    lifting_and_laying_the_same_key_is_seen,
    wake_ends_a_wait,
    wake_before_a_wait_ends_it,
    wakes_are_never_lost,
    signals_do_not_end_a_wait,
    close_is_idempotent,
    close_ends_a_wait,
    loss_and_return,
    what_lay_there_during_a_loss_is_news_again,
    one_reader_object_at_a_time,
    a_second_process_is_told_who_holds_it,
    a_killed_process_holds_nothing,
    info_says_what_it_is,
)
