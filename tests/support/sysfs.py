"""Trees like the kernel's /sys, with USB devices to plug and pull."""

from __future__ import annotations

import shutil
from pathlib import Path

_PLACES = {
    "ttyUSB": "{name}",
    "ttyACM": "tty/{name}",
    "event": "0003:0000:0000.0001/input/input1/{name}",
    "hidraw": "0003:0000:0000.0001/hidraw/{name}",
}


def plug(
    root: Path,
    place: str,
    vid: int,
    pid: int,
    *,
    bus: int = 1,
    address: int = 1,
    product: str = "",
    serial: str = "",
    drivers: tuple[str, ...] = (),
    ports: tuple[str, ...] = (),
    classes: tuple[int, ...] = (),
) -> Path:
    """Plug a device into `root`/sys, with one interface for each driver (at least one); the ports hang on the first.

    Its nodes are made as empty files under `root`/dev. Returns the libusb node.
    """
    devices = root / "sys" / "bus" / "usb" / "devices"
    folder = devices / place
    for number, driver in enumerate(drivers or ("",)):
        interface = folder / f"{place}:1.{number}"
        interface.mkdir(parents=True)
        if number < len(classes):
            (interface / "bInterfaceClass").write_text(f"{classes[number]:02x}\n")
        if driver:
            bound = root / "sys" / "bus" / "usb" / "drivers" / driver
            bound.mkdir(parents=True, exist_ok=True)
            (interface / "driver").symlink_to(bound)
    texts = {
        "idVendor": f"{vid:04x}",
        "idProduct": f"{pid:04x}",
        "busnum": str(bus),
        "devnum": str(address),
        "product": product,
        "serial": serial,
    }
    for name, text in texts.items():
        (folder / name).write_text(f"{text}\n", encoding="utf-8")
    for port in ports:
        form = next(form for prefix, form in _PLACES.items() if port.startswith(prefix))
        (folder / f"{place}:1.0" / form.format(name=port)).mkdir(parents=True)
        _touch(root / "dev" / ("input" if port.startswith("event") else "") / port)
    return _touch(root / "dev" / "bus" / "usb" / f"{bus:03d}" / f"{address:03d}")


def pull(root: Path, place: str) -> None:
    """Pull a device out again; its nodes stay."""
    shutil.rmtree(root / "sys" / "bus" / "usb" / "devices" / place)


def _touch(node: Path) -> Path:
    node.parent.mkdir(parents=True, exist_ok=True)
    node.touch()
    return node
