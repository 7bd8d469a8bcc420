"""Whether the station stood still: a beat on the core loop that is missed by those who come late.

A process that is stopped, swapped out or suspended finds taps and scans of that time queued, and reads them in any
order: their times of capture are those of the reading. So whatever waits is dropped then, and so is what comes at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

BEAT_S = 0.2
"""How often the loop beats."""
STALL_S = 0.5
"""A beat that is so late means that the station stood still: less than a hand needs for a tap and a scan."""
GRACE_S = 0.5
"""So long after it what comes may still have been queued: a reader that is asked looks, a line ends by silence."""


def boot_time() -> float:
    """Seconds since the machine was started, the time it slept included (CLOCK_BOOTTIME)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Beat:
    """Beats on the loop it was started on; `stalled` is called once for each time the station stood still.

    `look` must be called before anything that comes in is taken: it may have been queued, and be handled before the
    loop has beaten again.
    """

    def __init__(self, stalled: Callable[[], None], *, clock: Callable[[], float] = boot_time) -> None:
        self._stalled = stalled
        self._clock = clock
        self._at: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to beat."""
        self._at = self._clock()
        self._timer = asyncio.get_running_loop().call_later(BEAT_S, self._beat)

    def stop(self) -> None:
        """Beat no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._at = None

    def look(self) -> None:
        """See whether the station stood still since the last beat."""
        if self._at is None:
            return
        now = self._clock()
        late = now - self._at >= STALL_S
        self._at = now if late else self._at
        if late:
            self._stalled()

    def _beat(self) -> None:
        self.look()
        self.start()
