"""A machine to examine: folders under a temporary one, and everything else as a test says."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tagsmith.config import Settings, resolve_api, settings_of
from tagsmith.doctor import Finding, Ran, System, Verdict
from tagsmith.doctor.patient import Patient
from tagsmith.model import ReaderState, ReaderStatus
from tagsmith.readers.pcsc import discover

NO_SERVICE, NO_READERS, FORBIDDEN = 0x8010001D, 0x8010002E, 0x8010006A
"""What pcscd, or the library in its place, answers (winscard.h)."""

FOLDERS = ("sys", "proc", "dev", "etc", "boot", "usr", "runtime")


def machine(root: Path, *, commands: dict[str, Ran] | None = None, **fields: Any) -> System:
    """A sound machine whose folders are all under `root`. `commands` answers command lines; others are not there."""
    folders = {name: root / name for name in FOLDERS}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    answers = commands or {}
    defaults: dict[str, Any] = {
        "uid": 1000,
        "user": "station",
        "environ": {},
        "run": lambda argv: answers.get(" ".join(argv), Ran(None)),
        "which": lambda program: True,
        "now_utc": lambda: datetime(2026, 11, 20, tzinfo=UTC),
        "synchronised": lambda runtime: True,
        "discover_pcsc": lambda: [ReaderStatus("pcsc:Virtual PICC 00 00", ReaderState.READY)],
    }
    return System(**{**folders, **defaults, **fields})


class Pcsclite:
    """The library, which answers with these codes: to the connection, then to the list of readers."""

    def __init__(self, connected: int = 0, listed: int = 0) -> None:
        self._codes = connected, listed

    def SCardEstablishContext(self, scope: int) -> tuple[int, int]:
        return self._codes[0], 1

    def SCardListReaders(self, context: int, groups: list[str]) -> tuple[int, list[str]]:
        return self._codes[1], []

    def SCardReleaseContext(self, context: int) -> int:
        return 0


def saying(root: Path, connected: int = 0, listed: int = 0, **fields: Any) -> System:
    """A machine whose pcscd says this."""
    library: Any = Pcsclite(connected, listed)
    return machine(root, discover_pcsc=lambda: discover(lambda: library), **fields)


def settings(root: Path, *readers: str, scanners: tuple[str, ...] = (), **sections: Any) -> Settings:
    """Settings with these readers and a journal under `root`."""
    given: dict[str, Any] = {
        "journal": {"url": f"sqlite:///{root}/state/journal.sqlite"},
        "reader": [{"spec": spec} for spec in readers],
        "scanner": [{"spec": spec} for spec in scanners],
    }
    return settings_of(**{**given, **sections})


def patient(system: System, chosen: Settings | None = None) -> Patient:
    """The machine with settings, and with the API they name, if they name one."""
    named = chosen is not None and (chosen.api.url is not None or chosen.api.environment is not None)
    return Patient(system, chosen, resolve_api(chosen) if chosen is not None and named else None)


def only(findings: list[Finding], verdict: Verdict) -> Finding:
    """The one finding there is, which must have this verdict."""
    assert len(findings) == 1, findings
    assert findings[0].verdict is verdict, findings[0]
    return findings[0]


def write(path: Path, text: str) -> Path:
    """A file with this text, its folder made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def filesystem(*, free: int, size: int, read_only: bool = False) -> os.statvfs_result:
    """What statvfs says of a disc of `size` bytes of which `free` are free."""
    block = 4096
    flags = os.ST_RDONLY if read_only else 0
    return os.statvfs_result((block, block, size // block, free // block, free // block, 0, 0, 0, flags, 255))
