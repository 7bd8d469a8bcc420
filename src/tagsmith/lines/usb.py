"""The USB devices that are plugged in, as sysfs tells them; nothing is opened, and no library is needed.

Source: the kernel's Documentation/ABI/stable/sysfs-bus-usb. Hubs are devices, too.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

# What an interface's driver made of it: usb-serial, CDC ACM, input devices behind HID, raw HID.
_PORTS = ("ttyUSB*", "tty/tty*", "*/input/input*/event*", "input/input*/event*", "*/hidraw/hidraw*")

_HEX = re.compile(r"[0-9a-f]{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class UsbDevice:
    """One plugged device. `drivers` are the kernel drivers bound to its interfaces, each once, in their order.

    `classes` are the USB classes of its interfaces. `node` is what libusb opens; `ports` are the nodes that kernel
    drivers made of it (ttyUSB0, input/event3, hidraw0).
    """

    vid: int
    pid: int
    bus: int
    address: int
    product: str
    serial: str
    drivers: tuple[str, ...]
    node: Path
    ports: tuple[Path, ...] = ()
    manufacturer: str = ""
    classes: tuple[int, ...] = ()

    @property
    def smart_card(self) -> bool:
        """Whether it has an interface for pcscd's CCID driver (class 0x0B, USB CCID specification 1.1, 4.3)."""
        return 0x0B in self.classes

    @property
    def ids(self) -> str:
        """As lsusb writes them: `072f:2200`."""
        return f"{self.vid:04x}:{self.pid:04x}"


def usb_devices(sys: Path = Path("/sys"), dev: Path = Path("/dev")) -> tuple[UsbDevice, ...]:
    """The devices that are plugged in, by bus and address; none where there is no USB at all.

    A device that is pulled while it is being looked at is left out.
    """
    try:
        names = sorted(os.listdir(sys / "bus" / "usb" / "devices"))
    except OSError:
        return ()
    found = [_device(sys / "bus" / "usb" / "devices" / name, dev) for name in names if ":" not in name]
    return tuple(sorted((device for device in found if device is not None), key=lambda it: (it.bus, it.address)))


def _device(folder: Path, dev: Path) -> UsbDevice | None:
    try:
        bus, address = int(_read(folder / "busnum")), int(_read(folder / "devnum"))
        vid, pid = int(_read(folder / "idVendor"), 16), int(_read(folder / "idProduct"), 16)
    except (OSError, ValueError):
        return None
    # An interface's folder stands in the device's: 1-1 holds 1-1:1.0.
    interfaces = sorted(folder.glob("*:*.*"))
    drivers = [os.path.basename(os.path.realpath(one / "driver")) for one in interfaces if (one / "driver").exists()]
    return UsbDevice(
        vid=vid,
        pid=pid,
        bus=bus,
        address=address,
        product=_text(folder / "product"),
        serial=_text(folder / "serial"),
        drivers=tuple(dict.fromkeys(drivers)),
        node=dev / "bus" / "usb" / f"{bus:03d}" / f"{address:03d}",
        ports=_ports(interfaces, dev),
        manufacturer=_text(folder / "manufacturer"),
        classes=tuple(int(text, 16) for one in interfaces if _HEX.fullmatch(text := _text(one / "bInterfaceClass"))),
    )


def _ports(interfaces: list[Path], dev: Path) -> tuple[Path, ...]:
    names = [port.name for one in interfaces for pattern in _PORTS for port in sorted(one.glob(pattern))]
    return tuple(dict.fromkeys(dev / "input" / name if name.startswith("event") else dev / name for name in names))


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace").strip()


def _text(path: Path) -> str:
    """What a device says of itself, as plain text: it may say anything."""
    try:
        return "".join(character for character in _read(path) if character.isprintable())
    except OSError:
        return ""
