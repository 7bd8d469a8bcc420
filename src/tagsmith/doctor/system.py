"""The machine as the doctor sees it: everything that a check touches goes through here, so that a test can make it.

It owns no judgement. What it starts is ended; what it opens is closed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tagsmith import wall_clock
from tagsmith.lines import nodes
from tagsmith.lines.nodes import Holder
from tagsmith.lines.usb import UsbDevice, usb_devices
from tagsmith.model import ReaderStatus
from tagsmith.readers import Reader
from tagsmith.scanners.base import ScannerDevice
from tagsmith.wall_clock import WallClock

_STATIONS = ("run", "demo")
"""Our commands that are a station. `read` and `calibrate` hold readers, too, and keep a station from them."""
COMMAND_TIMEOUT_S = 5.0
"""How long a command of the system may take."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command did. `code` is None where it is not installed, or did not end in time."""

    code: int | None
    output: str = ""


def run_command(argv: list[str]) -> Ran:
    """Run a command without a shell and without input, in English."""
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=COMMAND_TIMEOUT_S,
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return Ran(None)
    return Ran(done.returncode, done.stdout.decode(errors="replace").strip())


def which(program: str) -> bool:
    """Whether a program is installed; also one that only root has on its PATH."""
    return shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin") is not None


def discover_pcsc() -> list[ReaderStatus]:
    """What pcscd says."""
    from tagsmith.readers.pcsc import discover

    return discover()


def create_reader(spec: str) -> Reader:
    """The reader that a spec means. It never sounds its buzzer: the doctor is no tap."""
    from tagsmith.readers import create

    return create(spec, silent=True)


def create_scanner(spec: str) -> ScannerDevice:
    """The scanner that a spec means."""
    from tagsmith.scanners.registry import create

    return create(spec)


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class System:
    """One machine: its folders, its commands, its devices, its clock, and who runs the doctor."""

    sys: Path = Path("/sys")
    proc: Path = Path("/proc")
    dev: Path = Path("/dev")
    etc: Path = Path("/etc")
    boot: Path = Path("/boot")
    usr: Path = Path("/usr")
    runtime: Path = Path("/run")
    uid: int = field(default_factory=os.geteuid)
    user: str = field(default_factory=nodes.user_name)
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    run: Callable[[list[str]], Ran] = run_command
    which: Callable[[str], bool] = which
    allowed: Callable[[Path], bool] = nodes.allowed
    writable: Callable[[Path], bool] = lambda folder: os.access(folder, os.W_OK | os.X_OK)
    statvfs: Callable[[Path], os.statvfs_result] = os.statvfs
    now_utc: Callable[[], datetime] = _utc_now
    synchronised: Callable[[Path], bool | None] = wall_clock.synchronised
    discover_pcsc: Callable[[], list[ReaderStatus]] = discover_pcsc
    create_reader: Callable[[str], Reader] = create_reader
    create_scanner: Callable[[str], ScannerDevice] = create_scanner

    def read(self, path: Path) -> str:
        """A small file of the kernel's or of the configuration; empty where it is not there or may not be read."""
        try:
            return path.read_bytes().decode(errors="replace").rstrip("\0\n")
        except OSError:
            return ""

    def clock(self) -> WallClock:
        """What the wall clock shows, and what that is worth."""
        return WallClock(self.now_utc(), self.synchronised(self.runtime))

    def usb_devices(self) -> tuple[UsbDevice, ...]:
        """What is plugged in."""
        return usb_devices(self.sys, self.dev)

    def holders(self, node: Path) -> tuple[Holder, ...]:
        """The other processes that have a node open, as far as this user may see them."""
        return nodes.holders(node, proc=self.proc)

    def is_station(self, pid: int) -> bool:
        """Whether a process is a running station: it holds readers by right."""
        words = self.read(self.proc / str(pid) / "cmdline").split("\0")
        for place, word in enumerate(words):
            if word.rpartition("/")[2] == "tagsmith":
                command = next((later for later in words[place + 1 :] if not later.startswith("-")), "")
                return command in _STATIONS
        return False

    @property
    def boot_folder(self) -> Path:
        """Where a Raspberry Pi keeps config.txt: /boot/firmware since Debian 12, /boot before."""
        firmware = self.boot / "firmware"
        return firmware if (firmware / "config.txt").exists() else self.boot
