"""What this machine's wall clock is worth: whether a time server keeps it right, and whether it can be right at all.

A Raspberry Pi has no clock that runs while it is off: until a time server was reached it shows the past. Durations are
none of this room's business; they come from the monotonic clock. It starts no process, changes nothing and never waits.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

EARLIEST: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""This version was written later: a clock that shows less is wrong."""
SET_IT: Final = "sudo timedatectl set-ntp true\ntimedatectl"
"""What to type so that the clock is set, and to see whether it is. (Two lines.)"""

_MARK: Final = "systemd/timesync/synchronized"
_MAX_ERROR_US: Final = 16_000_000
"""Source: NTP_PHASE_LIMIT of the kernel (include/linux/timex.h): the error it starts with, and comes back to when it is
not set for hours. systemd (timedated) judges by it, too, and not by STA_UNSYNC, which some set on purpose."""


@dataclass(frozen=True, slots=True)
class WallClock:
    """The wall clock at one moment. `now` is aware; `synchronised` is None where nothing tells."""

    now: datetime
    synchronised: bool | None = None

    @property
    def impossible(self) -> bool:
        """Whether it shows a time before this program was written."""
        return self.now < EARLIEST

    @property
    def doubtful(self) -> bool:
        """Whether it is likely wrong: impossible, or kept right by nobody."""
        return self.impossible or self.synchronised is False

    def __str__(self) -> str:
        return f"{self.now.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def look() -> WallClock:
    """The clock of this machine, now."""
    return WallClock(datetime.now(UTC), synchronised())


def synchronised(runtime: Path = Path("/run")) -> bool | None:
    """Whether the clock was set by a time server since the machine was started; None where nothing tells."""
    # systemd-timesyncd makes this file at the first synchronisation (systemd-timesyncd.service(8)).
    if (runtime / _MARK).exists():
        return True
    return of_kernel()


def of_kernel() -> bool | None:
    """Whether anybody, such as chrony or ntpd, keeps the kernel's clock right; None where the kernel does not say."""
    try:
        import ctypes

        class Timex(ctypes.Structure):
            """struct timex, adjtimex(2); as long as that of any kernel."""

            _fields_ = [
                ("modes", ctypes.c_uint),
                *((name, ctypes.c_long) for name in ("offset", "freq", "maxerror", "esterror")),
                ("rest", ctypes.c_byte * 256),
            ]

        found = Timex()
        # With no mode set it only reads, and anybody may.
        if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(found)) < 0:
            return None
        return bool(found.maxerror < _MAX_ERROR_US)
    except (ImportError, OSError, AttributeError):
        return None  # another system than Linux, or a Python without ctypes
