"""Which backend a spec means, and what readers are there. Imports a backend only when it is chosen.

It owns the words that specs begin with, and the list over all kinds. It knows no device.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tagsmith.errors import ConfigError, DeviceError, ReaderError
from tagsmith.lines import libraries
from tagsmith.model import ReaderState, ReaderStatus, ScannerStatus
from tagsmith.readers.base import status_of

if TYPE_CHECKING:
    from tagsmith.readers.base import Reader


@dataclass(frozen=True, slots=True)
class _Backend:
    """Where a kind of reader lives and how its specs are written."""

    module: str
    name: str
    usage: str
    library: str = ""
    """What its hardware cannot be used without; the extra to install is called like the scheme. Empty: no hardware."""

    def make(self, rest: str) -> Reader:
        """A reader of this kind, from what follows the scheme."""
        reader: Reader = getattr(importlib.import_module(self.module), self.name)(rest)
        return reader

    def discover(self) -> list[ReaderStatus]:
        """The readers of this kind that are there."""
        found: Callable[[], list[ReaderStatus]] = importlib.import_module(self.module).discover
        return found()


_BACKENDS = {
    "pcsc": _Backend(
        "tagsmith.readers.pcsc",
        "PcscReader",
        "pcsc: (the first contactless PC/SC reader) or pcsc:PART OF ITS NAME",
        "smartcard",
    ),
    "nfcpy": _Backend(
        "tagsmith.readers.nfcpy", "NfcpyReader", "nfcpy:usb:VENDOR:PRODUCT or nfcpy:tty:NAME:pn532", "nfc"
    ),
    "serial": _Backend(
        "tagsmith.readers.serial", "SerialReader", "serial:/dev/ttyUSB0?frame=hex-line&length=7", "serial"
    ),
    "evdev": _Backend(
        "tagsmith.readers.evdev", "EvdevReader", "evdev:/dev/input/by-id/…?length=7 (a reader that types)", "evdev"
    ),
    "sim": _Backend("tagsmith.readers.sim", "SimReader", "sim: (fed by the program) or sim:PATH of a scenario file"),
}


def backends() -> tuple[str, ...]:
    """The words a spec may begin with."""
    return tuple(_BACKENDS)


def create(spec: str, *, silent: bool = False) -> Reader:
    """The reader that `spec` means, not opened yet. A `silent` one never sounds its buzzer; its lights stay.

    Raises:
        ConfigError: no backend is called so, an option is wrong, or a scenario file is.
    """
    scheme, colon, rest = spec.strip().partition(":")
    if scheme not in _BACKENDS or not colon:
        raise ConfigError(f"{spec!r} names no reader", _did_you_mean(scheme))
    reader = _BACKENDS[scheme].make(rest)
    reader.silent = silent
    return reader


def discover() -> list[ReaderStatus]:
    """What hardware readers are there, each with the spec that selects just it, its state and what to do.

    First the readers, kind by kind. Then one line for every kind that can have none now, its spec the bare scheme: the
    service is not there, no reader is, and last of all what is not installed. Opens no reader and disturbs no station.
    The simulator, which is always there, is not listed.
    """
    found = [status for scheme, backend in _BACKENDS.items() if backend.library for status in _found(scheme, backend)]
    return sorted(found, key=_rank)  # stable: otherwise as they were found


def is_absence(status: ReaderStatus | ScannerStatus) -> bool:
    """Whether this is no reader but says why a kind has none."""
    return status.spec.endswith(":") and status.spec[:-1] in _BACKENDS


def _rank(status: ReaderStatus) -> int:
    return is_absence(status) + (is_absence(status) and status.state is ReaderState.UNSUPPORTED)


def _found(scheme: str, backend: _Backend) -> list[ReaderStatus]:
    """One kind's readers. What keeps one kind from being listed must not hide the others."""
    try:
        found = backend.discover()
    except ReaderError as error:
        found = [status_of(f"{scheme}:", error)]
    except DeviceError as error:
        found = [ReaderStatus(f"{scheme}:", ReaderState.UNSUPPORTED, error.message, error.remedy)]
    if importlib.util.find_spec(backend.library) is not None:
        return found
    remedy = libraries.missing(scheme)
    bare = ReaderStatus(f"{scheme}:", ReaderState.UNSUPPORTED, "not installed", remedy)
    # What is plugged in can be seen without the library, and not used.
    seen = [status for status in found if not is_absence(status)]
    return [replace(status, state=ReaderState.UNSUPPORTED, remedy=remedy) for status in seen] + [bare]


def _did_you_mean(scheme: str) -> str:
    close = difflib.get_close_matches(scheme.lower(), _BACKENDS, n=1, cutoff=0.4)
    if close:
        return f"did you mean {_BACKENDS[close[0]].usage}?"
    return f"write {', or '.join(backend.usage for backend in _BACKENDS.values())}"
