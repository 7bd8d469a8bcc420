"""A reader that plays a script in a time of its own: no thread, no sleeping, no hardware."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tagsmith.model import Field, ReaderInfo, Tag, Trouble
from tagsmith.readers import Edge, Pump, Reader
from tagsmith.uid import Uid

INFO = ReaderInfo("scripted", "scripted:", sees_two=True, sees_removal=True, sees_sak=False)


class Clock:
    """A clock that only moves when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class After:
    """So many seconds later the reader shows this field, or raises this."""

    seconds: float
    outcome: Field | Exception


class Scripted(Reader):
    """Plays what happens while it is waited on; `openings` says what each opening does (None: it works).

    When both scripts have ended, `ended` is called: a test ends its pump there.
    """

    def __init__(
        self, clock: Clock, script: Iterable[After], openings: Iterable[Exception | None] = (), *, lag_s: float = 0.0
    ) -> None:
        super().__init__("scripted:", clock=clock)
        self._time = clock
        self._script = list(script)
        self._openings = list(openings)
        self._shown = Field()
        self._lag_s = lag_s
        self._left_s = self._script[0].seconds if self._script else 0.0
        self.info_given = INFO
        self.close_fails = False
        self.ended: Callable[[], None] = lambda: None
        self.opened = 0
        self.closed = 0
        self.woken = 0

    def _claim(self, identity: str) -> None:
        """A script is no device that another process could want."""

    def _open(self) -> ReaderInfo:
        self.opened += 1
        outcome = self._openings.pop(0) if self._openings else None
        if outcome is not None:
            raise outcome
        return self.info_given

    def _wait(self, last: Field, timeout_s: float) -> Field:
        if self._shown != last:
            return self._shown
        if not self._script:
            self._time.now += timeout_s
            self.ended()
            return last
        if self._left_s > timeout_s:
            self._left_s -= timeout_s
            self._time.now += timeout_s
            return last
        self._time.now += self._left_s
        outcome = self._script.pop(0).outcome
        self._left_s = self._script[0].seconds if self._script else 0.0
        self._first_seen = self._time.now
        self._time.now += self._lag_s
        if isinstance(outcome, Exception):
            self._shown = Field()
            raise outcome
        self._shown = outcome
        return outcome

    def _close(self) -> None:
        self.closed += 1
        if self.close_fails:
            raise ZeroDivisionError("the driver fell over")

    def _wake(self) -> None:
        self.woken += 1


def tag(name: str) -> Tag:
    """A tag with a UID made of one letter."""
    return Tag(Uid(name.encode() * 7))


def on(*names: str, count: int | None = None) -> Field:
    """A field with these tags."""
    return Field(tuple(tag(name) for name in names), count)


def unread(trouble: Trouble, count: int | None = None) -> Field:
    """A field with something in it that cannot be read."""
    return Field((), count, trouble)


def play(
    script: Iterable[After],
    openings: Iterable[Exception | None] = (),
    *,
    lag_s: float = 0.0,
    info: ReaderInfo = INFO,
    close_fails: bool = False,
    **options: float,
) -> tuple[list[Edge], Scripted, list[float]]:
    """Everything a pump makes of a script, the reader, and how long it paused before each opening after the first.

    Runs on the caller's thread and in the script's own time, until the script has ended (and a second more).
    """
    clock = Clock()
    edges: list[Edge] = []
    pauses: list[float] = []
    reader = Scripted(clock, script, openings, lag_s=lag_s)
    reader.info_given, reader.close_fails = info, close_fails

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        clock.now += seconds

    pump = Pump(reader, edges.append, clock=clock, pause=pause, **options)
    turns = iter(range(3))

    def ended() -> None:
        if next(turns, None) is None:
            pump.close()

    reader.ended = ended
    pump.run()
    return edges, reader, pauses
