"""The states in which the other pages of the screen are looked at: a view, and the keys that lead there."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from support.fake_station import NOW, STOP, UID, lane, view
from tagsmith.config import Explained
from tagsmith.model import Phase, ReaderState, ReaderStatus, ScannerStatus, StationView
from tagsmith.production import CheckView, Operator, Shift, ShiftReport, ShiftView
from tagsmith.tui.ring import LogRing

NUMBER = "DE*8PS*CD0C00*2"
WORKER, SUPERVISOR = Operator("Operator 2"), Operator("Operator 1", supervisor=True)
SHIFT = Shift("s", "packing-3", "Operator 1", NOW)
CHECKS = (
    CheckView("golden-key", None, "tap the golden key on lane 1"),
    CheckView("readers", True, "all ready"),
    CheckView("api", True, "no route to host: pairs are kept, and sent when it answers", warning=True),
    CheckView("disc", False, "the disc is nearly full: 120 MB free"),
    CheckView("clock", True, "synchronised"),
)
PASSED = tuple(replace(check, ok=True) for check in CHECKS)
REPORT = ShiftReport(
    title="Shift of Operator 1 at packing-3",
    operators=("Operator 1", "Operator 2"),
    started_at=NOW,
    ended_at=NOW.replace(hour=18),
    paired=412,
    undone=3,
    rejects=(("damaged-print", 4), ("dead-chip", 1)),
    first_pass_yield=0.967,
    median_cycle_s=6.4,
    per_hour=84,
    recoveries=1,
    waiting=3,
)
FORBIDDEN = ReaderStatus(
    "pcsc:ACS ACR1252",
    ReaderState.FORBIDDEN,
    "this user may not open /dev/bus/usb/001/004",
    "sudo usermod -aG tagsmith $USER, then sign in again",
)
SCANNERS = (
    ScannerStatus("evdev:/dev/input/event4", ReaderState.READY, "Honeywell 1450g", lane="1"),
    ScannerStatus("serial:/dev/ttyUSB0", ReaderState.MISSING, "", "there is no /dev/ttyUSB0", "Plug it in.", lane="2"),
)
SETTINGS = (
    Explained("api", "environment", "sandbox", "/etc/tagsmith/tagsmith.toml"),
    Explained("api", "key", "***", "TAGSMITH_API__KEY"),
    Explained("courier", "hold_s", "10"),
    Explained("courier", "requests_per_minute", "600"),
    Explained("journal", "url", "sqlite:////var/lib/tagsmith/journal.sqlite", "/home/line/.config/tagsmith.toml"),
    Explained("[reader] 1", "spec", "pcsc:ACS ACR1252", "the command line"),
    Explained("[reader] 1", "lane", "1", "the command line"),
)


def shift(**changes: object) -> StationView:
    """A station that requires shifts, and how its shift stands."""
    return view(shift=ShiftView(**{"required": True, **changes}))  # type: ignore[arg-type]


def full_ring() -> LogRing:
    """A log of a busy minute, the last line a warning."""
    ring = LogRing()
    for second in range(60):
        _emit(ring, 20, "tagsmith.bench", f"paired DE*8PS*CD0C{second:02}*2 with 04a1b2c3d4e5f6", second)
    _emit(ring, 30, "tagsmith.readers", "reader pcsc:ACS lost: it is taken again when it returns", 70)
    return ring


def _emit(ring: LogRing, level: int, name: str, message: str, second: int) -> None:
    record = logging.makeLogRecord({"msg": message, "levelno": level, "name": name})
    record.levelname = logging.getLevelName(level)
    record.created = NOW.timestamp() + second
    ring.emit(record)


@dataclass(frozen=True)
class Scene:
    """What the station shows, and which keys were pressed and what was typed then."""

    view: StationView
    keys: tuple[str, ...] = ()
    typed: str = ""


SCENES: dict[str, Scene] = {
    "log": Scene(view(), ("f8",)),
    "log-find": Scene(view(), ("f8", "ctrl+f"), "lost"),
    "readers": Scene(
        view(lane(), lane(lane="2", reader=FORBIDDEN), scanners=SCANNERS),
        ("ctrl+r",),
    ),
    "settings": Scene(view(), ("ctrl+t",)),
    "help": Scene(view(lane(Phase.REFUSED, notice=STOP, uid=UID, number=NUMBER)), ("f8", "f1")),
    "shift-nobody": Scene(shift()),
    "shift-signed-on": Scene(shift(operator=WORKER)),
    "shift-checks": Scene(
        replace(shift(operator=SUPERVISOR, shift=SHIFT, checks=CHECKS), lanes=(lane(Phase.GOLDEN, expects="golden"),))
    ),
    "shift-runs": Scene(shift(operator=SUPERVISOR, shift=SHIFT, checks=PASSED), ("f12",)),
    "shift-report": Scene(shift(operator=SUPERVISOR, report=REPORT)),
    "commands": Scene(view(shift=ShiftView(SUPERVISOR)), ("ctrl+p",)),
    "commands-no": Scene(view(shift=ShiftView(WORKER)), ("ctrl+p",)),
}
