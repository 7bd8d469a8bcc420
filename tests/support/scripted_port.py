"""A serial port that plays a script on a clock of its own, so that nothing here waits."""

from __future__ import annotations

from collections.abc import Callable, Iterable


class Clock:
    """Monotonic seconds that pass when somebody says so."""

    def __init__(self, now: float = 100.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class ScriptedPort:
    """Stands in for `lines.ports.Port`: gives what the script has for it, at its time, and moves the clock there.

    An item of the script is (seconds from now, bytes that come then), or an error that is raised then, or a callable
    that is called then and gives the bytes. `answers` maps what is written to what comes back, at once.
    """

    address = "/dev/ttyTEST0"
    identity = "/dev/pts/ttyTEST0"

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._script: list[tuple[float, bytes | Exception | Callable[[], bytes]]] = []
        self.answers: dict[bytes, bytes] = {}
        self.written: list[bytes] = []
        self.reads = 0
        self.is_open = False
        self.refuses: Exception | None = None

    def play(self, script: Iterable[tuple[float, bytes | Exception | Callable[[], bytes]]]) -> None:
        """Add to the script; times count from now."""
        self._script += [(self._clock.now + after_s, item) for after_s, item in script]
        self._script.sort(key=lambda entry: entry[0])

    def open(self) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.is_open = True

    def read(self, timeout_s: float) -> tuple[bytes, float]:
        assert timeout_s >= 0
        self.reads += 1
        until = self._clock.now + timeout_s
        if self._script and self._script[0][0] <= until:
            at, item = self._script.pop(0)
            self._clock.now = max(self._clock.now, at)
            if isinstance(item, Exception):
                raise item
            return (item if isinstance(item, bytes) else item()), self._clock.now
        self._clock.now = until
        return b"", until

    def write(self, data: bytes) -> None:
        self.written.append(data)
        if data in self.answers:
            self.play([(0.002, self.answers[data])])

    def wake(self) -> None:
        """Nobody waits here."""

    def close(self) -> None:
        self.is_open = False
