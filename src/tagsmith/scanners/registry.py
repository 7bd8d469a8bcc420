"""Which kind of scanner a spec means. Imports a kind only when it is chosen."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from tagsmith.errors import ConfigError

if TYPE_CHECKING:
    from tagsmith.scanners.base import ScannerDevice

_SPECS = {
    "serial": "serial:/dev/ttyACM0 (a scanner on a serial port)",
    "evdev": "evdev:/dev/input/by-id/… (a scanner that acts as a keyboard)",
}


def create(spec: str) -> ScannerDevice:
    """The scanner that `spec` means, not opened yet.

    Raises:
        ConfigError: no kind of scanner is called so, or an option is wrong.
    """
    spec = spec.strip()
    scheme, colon, _ = spec.partition(":")
    if scheme not in _SPECS or not colon:
        raise ConfigError(f"{spec!r} names no scanner", _did_you_mean(scheme))
    if scheme == "serial":
        from tagsmith.scanners.serial import SerialScanner

        return SerialScanner(spec)
    from tagsmith.scanners.evdev import EvdevScanner

    return EvdevScanner(spec)


def _did_you_mean(scheme: str) -> str:
    close = difflib.get_close_matches(scheme.lower(), _SPECS, n=1, cutoff=0.4)
    if close:
        return f"did you mean {_SPECS[close[0]]}?"
    return f"write {', or '.join(_SPECS.values())}"
