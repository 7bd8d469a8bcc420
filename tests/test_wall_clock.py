"""What a machine's clock is worth: told by the kernel and by systemd's mark, and by the time it shows."""

from __future__ import annotations

import ctypes
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tagsmith import wall_clock
from tagsmith.wall_clock import EARLIEST, WallClock


class Libc:
    """A C library whose kernel knows this error of its clock (µs), written where struct timex has it."""

    def __init__(self, error_us: int, code: int = 0) -> None:
        self._error_us, self._code = error_us, code

    def adjtimex(self, timex: Any) -> int:
        place = ctypes.cast(timex, ctypes.POINTER(ctypes.c_long))
        assert place[0] == 0  # modes: nothing is set
        place[3] = self._error_us
        return self._code


@pytest.mark.parametrize(
    ("library", "told"),
    [
        (Libc(250_000), True),
        (Libc(15_999_999), True),
        (Libc(16_000_000), False),
        (Libc(16_000_000, code=5), False),  # TIME_ERROR, as the kernel answers until it is set
        (Libc(0, code=-1), None),
        (object(), None),
    ],
)
def test_the_kernels_word(monkeypatch: pytest.MonkeyPatch, library: object, told: bool | None) -> None:
    """An error below 16 s is one that somebody looks after; a call that is refused or not there tells nothing."""
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: library)
    assert wall_clock.of_kernel() is told


def test_this_kernel_answers_as_timedatectl_would() -> None:
    """The real call, with the real layout: it is read as the tool of systemd reads it, where that can be asked."""
    told = wall_clock.of_kernel()
    assert told in (True, False, None)
    try:
        asked = subprocess.run(
            ["timedatectl", "show", "--property=NTPSynchronized", "--value"], capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return
    if asked.returncode == 0:
        assert told is (asked.stdout.strip() == "yes")


def test_systemds_mark_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was set since the start: also when the network is gone for hours, and the kernel no longer vouches for it."""
    monkeypatch.setattr(wall_clock, "of_kernel", lambda: False)
    assert wall_clock.synchronised(tmp_path) is False
    (tmp_path / "systemd" / "timesync").mkdir(parents=True)
    (tmp_path / "systemd" / "timesync" / "synchronized").touch()
    assert wall_clock.synchronised(tmp_path) is True


@pytest.mark.parametrize("told", [True, False, None])
def test_a_time_before_the_program_is_never_believed(told: bool | None) -> None:
    """Whoever says that it is synchronised; later ones are doubtful only if nobody keeps them."""
    before, after = EARLIEST - timedelta(seconds=1), EARLIEST
    assert (WallClock(before, told).impossible, WallClock(before, told).doubtful) == (True, True)
    assert (WallClock(after, told).impossible, WallClock(after, told).doubtful) == (False, told is False)


def test_now_is_now() -> None:
    """Aware, and shown in UTC."""
    found = wall_clock.look()
    assert abs(found.now - datetime.now(UTC)) < timedelta(minutes=5)
    assert str(WallClock(datetime(2024, 2, 29, 23, 59, tzinfo=UTC))) == "2024-02-29 23:59 UTC"
