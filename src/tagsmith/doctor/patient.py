"""What is examined: a machine and, where they can be read, its settings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tagsmith.config import DEFAULT_READER, Api, Settings
from tagsmith.doctor.system import System
from tagsmith.lines.known import Access, KnownDevice, find
from tagsmith.lines.usb import UsbDevice

_TTY = re.compile(r"(S|ACM|AMA|USB)[0-9]+", re.ASCII)
_IDS = re.compile(r"([0-9a-f]{4})(?::([0-9a-f]{4}))?", re.ASCII | re.IGNORECASE)
_PLACE = re.compile(r"([0-9]{1,3}):([0-9]{1,3})", re.ASCII)


@dataclass(frozen=True)
class Plugged:
    """A USB device that is plugged in and known."""

    device: UsbDevice
    known: KnownDevice

    def __str__(self) -> str:
        return f"{self.known.name} ({self.device.ids})"


@dataclass(frozen=True)
class Patient:
    """The machine, its settings and the API that they name; None where there are none, or they are wrong."""

    system: System
    settings: Settings | None = None
    api: Api | None = None

    @property
    def readers(self) -> tuple[str, ...]:
        """The specs of the readers that a station would take; none are known where the settings are wrong."""
        if self.settings is None:
            return ()
        return tuple(reader.spec for reader in self.settings.reader) or (DEFAULT_READER,)

    @property
    def scanners(self) -> tuple[str, ...]:
        """The specs of the scanners that a station would take."""
        return () if self.settings is None else tuple(scanner.spec for scanner in self.settings.scanner)

    @property
    def chosen(self) -> bool:
        """Whether somebody chose readers, so that others that are plugged in do not matter much."""
        return self.settings is not None and bool(self.settings.reader)

    def plugged(self) -> list[Plugged]:
        """What is plugged in and known."""
        found = ((device, find(device.vid, device.pid)) for device in self.system.usb_devices())
        return [Plugged(device, known) for device, known in found if known is not None]

    def nodes(self, spec: str) -> tuple[Path, ...]:
        """The device nodes that a spec leads to: those it names, those of the devices that it means, or none.

        A node that a spec names need not be there.
        """
        scheme, _, rest = spec.strip().partition(":")
        address = rest.partition("?")[0]
        if scheme == "nfcpy" and address.startswith("tty:"):
            name = address.removeprefix("tty:").rpartition(":")[0] or address.removeprefix("tty:")
            if name.startswith("/"):
                return (Path(name),)
            return (self.system.dev / (f"tty{name}" if _TTY.fullmatch(name) else name),)
        if scheme == "nfcpy" and address.startswith("usb"):
            return tuple(device.node for device in self._usb(address[4:]) if self._by_nfcpy(device))
        if scheme in ("serial", "evdev") and address.startswith("/"):
            return (Path(address),)
        if scheme == "evdev" and _IDS.fullmatch(address):
            return tuple(port for device in self._usb(address) for port in device.ports if port.match("event*"))
        return ()

    def device_of(self, spec: str) -> Plugged | None:
        """The known USB device that a spec leads to, by one of its nodes."""
        wanted = {node.resolve() for node in self.nodes(spec)}
        for plugged in self.plugged():
            if wanted & {node.resolve() for node in (plugged.device.node, *plugged.device.ports)}:
                return plugged
        return None

    def uses(self, scheme: str) -> bool:
        """Whether a reader or a scanner of this kind is to be used."""
        return any(spec.strip().startswith(f"{scheme}:") for spec in (*self.readers, *self.scanners))

    def _usb(self, address: str) -> list[UsbDevice]:
        """The devices that `vvvv`, `vvvv:pppp`, `bus:dev` (decimal) or nothing selects, as nfcpy understands it."""
        devices = self.system.usb_devices()
        if ids := _IDS.fullmatch(address):
            vid, pid = int(ids[1], 16), int(ids[2], 16) if ids[2] else None
            return [device for device in devices if device.vid == vid and pid in (None, device.pid)]
        if place := _PLACE.fullmatch(address):
            return [device for device in devices if (device.bus, device.address) == (int(place[1]), int(place[2]))]
        return [] if address else list(devices)

    @staticmethod
    def _by_nfcpy(device: UsbDevice) -> bool:
        known = find(device.vid, device.pid)
        return known is not None and Access.NFCPY in known.access
