"""Stand-ins for nfcpy where there is no hardware to emulate: a frontend that plays a script, and USB devices."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tagsmith.lines.usb import UsbDevice
from tagsmith.readers.nfcpy_device import Library


def target(uid: str, sak: int = 0x20) -> SimpleNamespace:
    """What `sense` returns for a type A card."""
    return SimpleNamespace(
        sens_res=bytearray(b"\x44\x03"),
        sdd_res=bytearray.fromhex(uid),
        sel_res=bytearray([sak]),
        sensb_res=None,
        sensf_res=None,
    )


class FakeClock:
    """A clock that only `sleep` moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class FakeFrontend:
    """`ContactlessFrontend`: what lies there is `present`, an exception in `errors` comes first.

    `refuses` is what opening raises, or False for a device that nfcpy does not know; `takes_s` moves the clock.
    """

    def __init__(self) -> None:
        self.device: Any = None
        self.present: Any = None
        self.errors: list[Exception] = []
        self.refuses: Exception | bool | None = None
        self.opened: list[str] = []
        self.closed = 0
        self.looks = 0
        self.on_look: Callable[[], None] = lambda: None

    def open(self, path: str) -> bool:
        self.opened.append(path)
        if isinstance(self.refuses, Exception):
            raise self.refuses
        if self.refuses is not None:
            return False
        self.device = SimpleNamespace(vendor_name="Maker", product_name="Stick", chipset_name="RC9\x07", mute=lambda: 0)
        return True

    def sense(self, _: Any) -> Any:
        self.looks += 1
        self.on_look()
        if self.errors:
            raise self.errors.pop(0)
        return self.present

    def close(self) -> None:
        self.closed += 1


def library(frontend: FakeFrontend) -> Callable[[], Library]:
    """Loads an nfcpy whose every frontend is this one."""
    clf = SimpleNamespace(ContactlessFrontend=lambda: frontend, RemoteTarget=lambda brty: brty)
    return lambda: Library(clf, None, {})


def usb(vid: int, pid: int, node: Path, *drivers: str, address: int = 4, product: str = "Stick") -> UsbDevice:
    """A USB device on bus 1."""
    return UsbDevice(vid, pid, 1, address, product, "", drivers, node)
