"""Which USB device a spec means, and what USB readers of nfcpy's are there. It looks into sysfs and opens nothing."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence

from tagsmith.errors import ReaderError, ReaderForbidden, ReaderMissing, ReaderUnsupported
from tagsmith.lines import libraries, nodes
from tagsmith.lines.known import Access, find
from tagsmith.lines.usb import UsbDevice, usb_devices
from tagsmith.model import ReaderState, ReaderStatus
from tagsmith.readers.base import status_of
from tagsmith.readers.lock import ReaderLock
from tagsmith.readers.lock import busy as locked
from tagsmith.readers.nfcpy_errors import MODULES, busy
from tagsmith.readers.nfcpy_spec import Usb

Devices = Callable[[], Sequence[UsbDevice]]


def not_installed() -> ReaderUnsupported:
    """The error where nfcpy is missing."""
    return ReaderUnsupported("nfcpy is not installed", libraries.missing("nfcpy"))


def choose(wanted: Usb, devices: Sequence[UsbDevice]) -> UsbDevice:
    """The one device that is meant. Of two that fit none is taken: lanes whose readers are mixed up make wrong pairs.

    Raises:
        ReaderMissing: it is not there, or there are several.
    """
    if wanted.place is not None:
        found = [device for device in devices if (device.bus, device.address) == wanted.place]
        what = f"USB device {wanted.place[1]:03d} on bus {wanted.place[0]:03d}"
    elif wanted.ids is not None:
        found = [device for device in devices if (device.vid, device.pid) == wanted.ids]
        what = f"USB device {wanted.ids[0]:04x}:{wanted.ids[1]:04x}"
    else:
        found = [device for device in devices if _usable(device)]
        what = "USB reader that nfcpy can use"
    if len(found) == 1:
        return found[0]
    if found:
        places = " or ".join(f"nfcpy:usb:{place(device)}" for device in found)
        raise ReaderMissing(f"which {what} is meant cannot be told: there are {len(found)}", f"name one: {places}")
    usable = [f"nfcpy:usb:{device.ids}" for device in devices if _usable(device)]
    raise ReaderMissing(f"no {what} is there", f"there is {', '.join(usable)}" if usable else "plug it in")


def place(device: UsbDevice) -> str:
    """Where it is just now, as nfcpy writes it."""
    return f"{device.bus:03d}:{device.address:03d}"


def discover(devices: Devices = usb_devices, *, installed: bool | None = None) -> list[ReaderStatus]:
    """Every USB reader that nfcpy can use, with the spec that selects just it; none is opened.

    Serial ports are not asked: to know what hangs on one, something must be written to it.
    """
    if installed is None:
        installed = importlib.util.find_spec("nfc") is not None
    found = [device for device in devices() if _usable(device)]
    return [_status(device, found, installed=installed) for device in found]


def _status(device: UsbDevice, found: Sequence[UsbDevice], *, installed: bool) -> ReaderStatus:
    alone = sum(1 for other in found if other.ids == device.ids) == 1
    spec = f"nfcpy:usb:{device.ids if alone else place(device)}"
    error = _obstacle(device) if installed else not_installed()
    known = find(device.vid, device.pid)
    name = known.name if known is not None else device.product
    return ReaderStatus(spec, ReaderState.READY, name) if error is None else status_of(spec, error)


def _obstacle(device: UsbDevice) -> ReaderError | None:
    """What would keep us from opening it."""
    if not device.node.exists():
        return ReaderMissing(f"{device.node} is not there", "unplug the reader and plug it in again")
    holder = ReaderLock(str(device.node)).holder()
    if holder is not None:
        return locked(str(device.node), holder)
    if nodes.holders(device.node) or any(driver in MODULES for driver in device.drivers):
        return busy(device.node, device.drivers)
    if not nodes.allowed(device.node):
        error = nodes.forbidden(device.node)
        return ReaderForbidden(error.message, error.remedy)
    return None


def _usable(device: UsbDevice) -> bool:
    known = find(device.vid, device.pid)
    return known is not None and Access.NFCPY in known.access
