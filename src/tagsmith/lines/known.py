"""Every device that tagsmith knows by its USB ids: the one table behind doctor, discovery, udev rules and hardware.md.

It owns ids, names, what a device is and how it is reached; it opens nothing. A row is here only where its `source`
says so. The sources:

- `usb.ids`: the USB ID repository, as systemd's hwdb carries it (20-usb-vendor-model.hwdb).
- `libccid`, `acsccid`: the list of supported readers of the two PC/SC drivers.
- `nfcpy`: `usb_device_map` in nfc/clf/device.py of nfcpy 1.0.4.
- `linux`: the device tables of the kernel's drivers.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Kind(enum.StrEnum):
    """What a device is to a station."""

    READER = "reader"
    """Reads charging keys (13.56 MHz)."""
    SCANNER = "scanner"
    """Reads barcodes."""
    BRIDGE = "bridge"
    """A USB serial port: anything may hang on it."""
    KEYBOARD_READER = "keyboard-reader"
    """A reader that types what it reads."""
    LOW_FREQUENCY = "low-frequency"
    """A 125 kHz reader: it never sees a charging key."""


class Access(enum.StrEnum):
    """How a device is reached, best first where there are several; the scheme of its spec, but for the keyboard."""

    PCSC = "pcsc"
    """By pcscd and a driver of its own."""
    NFCPY = "nfcpy"
    """By nfcpy on libusb."""
    SERIAL = "serial"
    """By a serial port."""
    KEYBOARD = "keyboard"
    """As an input device: evdev, or the terminal."""


class Role(enum.StrEnum):
    """What a station uses a node for; the word stands in the names of its links below /dev."""

    READER = "reader"
    """It brings keys."""
    SCANNER = "scanner"
    """It brings numbers."""


GROUP = "tagsmith"
"""The group that may open readers and scanners: the service's user, and whoever is to run tagsmith by hand."""

NFC_MODULES = ("pn533_usb", "port100", "pn533", "nfc")
"""The kernel modules that take NFC readers away from user space; each before those that it needs itself."""


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """One row. `pid` is None where the row means everything of that vendor.

    `driver` is the Debian package that makes pcscd see it, `module` the kernel module that may take it away from user
    space; both may be empty. Without `reopens`, nfcpy cannot open it again after it was closed, until it is plugged in
    anew.
    """

    vid: int
    pid: int | None
    name: str
    kind: Kind
    access: tuple[Access, ...]
    note: str = ""
    source: str = ""
    driver: str = ""
    module: str = ""
    reopens: bool = True

    def role(self, *ways: Access) -> Role | None:
        """What a station uses it for, reached in one of these ways; None where it is not used so."""
        if self.kind is Kind.LOW_FREQUENCY or not set(ways) & set(self.access):
            return None
        return Role.SCANNER if self.kind is Kind.SCANNER else Role.READER


_P, _N, _S, _K = Access.PCSC, Access.NFCPY, Access.SERIAL, Access.KEYBOARD
_CCID = "libccid"
_ACS = "libacsccid1"
_NEW = "pick the PICC slot; Debian 12's drivers do not know it: from libccid 1.5.3 and libacsccid1 1.1.10 on"

_READERS = (
    KnownDevice(0x072F, 0x223B, "ACS ACR1252U", Kind.READER, (_P,), "pick the PICC slot", "libccid", _CCID),
    KnownDevice(0x072F, 0x223E, "ACS ACR1252U", Kind.READER, (_P,), "pick the PICC slot", "libccid", _CCID),
    KnownDevice(0x072F, 0x2303, "ACS ACR1552U", Kind.READER, (_P,), _NEW, "acsccid; libccid", _ACS),
    KnownDevice(0x072F, 0x2308, "ACS ACR1552U", Kind.READER, (_P,), _NEW, "acsccid; libccid", _ACS),
    KnownDevice(0x072F, 0x221A, "ACS ACR1251U", Kind.READER, (_P,), "may stall until plugged anew", "libccid", _CCID),
    KnownDevice(0x072F, 0x2229, "ACS ACR1251U", Kind.READER, (_P,), "may stall until plugged anew", "acsccid", _ACS),
    KnownDevice(0x072F, 0x2224, "ACS ACR1281U-C1", Kind.READER, (_P,), "pick the PICC slot", "libccid", _ACS),
    KnownDevice(
        0x072F,
        0x2200,
        "ACS ACR122U",
        Kind.READER,
        (_P, _N),
        "libccid lists it as unsupported; may want a new plug after a reboot; cannot be opened twice by nfcpy's own"
        " close; tagsmith closes it otherwise, untried on a real one",
        "libccid, nfcpy; linux: drivers/nfc/pn533/usb.c",
        _ACS,
        "pn533_usb",
        reopens=False,
    ),
    KnownDevice(0x076B, 0x5022, "HID OMNIKEY 5022 CL", Kind.READER, (_P,), "", "libccid", _CCID),
    KnownDevice(0x076B, 0x5422, "HID OMNIKEY 5422", Kind.READER, (_P,), "pick the CL slot", "libccid", _CCID),
    KnownDevice(
        0x076B,
        0x5427,
        "HID OMNIKEY 5427CK",
        Kind.READER,
        (_P, _K),
        "types unless it is set to CCID mode on its web page",
        "libccid",
        _CCID,
    ),
    KnownDevice(0x04E6, 0x5790, "Identiv uTrust 3700 F", Kind.READER, (_P,), "", "libccid", _CCID),
    KnownDevice(0x04E6, 0x5791, "Identiv uTrust 3701 F", Kind.READER, (_P,), "", "libccid", _CCID),
    KnownDevice(
        0x04E6,
        0x5591,
        "Identiv/SCM SCL3711",
        Kind.READER,
        (_N,),
        "cannot be opened a second time without a new plug",
        "nfcpy; usb.ids; linux: drivers/nfc/pn533/usb.c",
        module="pn533_usb",
        reopens=False,
    ),
    KnownDevice(0x04E6, 0x5593, "SCM SCL3712", Kind.READER, (_N,), "", "nfcpy"),
    KnownDevice(
        0x04CC,
        0x2533,
        "NXP PN533 stick",
        Kind.READER,
        (_N,),
        "",
        "nfcpy; usb.ids; linux: drivers/nfc/pn533/usb.c",
        module="pn533_usb",
    ),
    KnownDevice(0x04CC, 0x0531, "NXP PN531, SCM SCL3710", Kind.READER, (_N,), "", "nfcpy"),
    KnownDevice(0x054C, 0x0193, "Sony PN531", Kind.READER, (_N,), "", "nfcpy"),
    KnownDevice(
        0x054C,
        0x02E1,
        "Sony RC-S330/360/370",
        Kind.READER,
        (_N,),
        "",
        "nfcpy; usb.ids; linux: drivers/nfc/pn533/usb.c",
        module="pn533_usb",
    ),
    KnownDevice(
        0x054C,
        0x06C1,
        "Sony RC-S380",
        Kind.READER,
        (_N,),
        "no PC/SC on Linux",
        "nfcpy; linux: drivers/nfc/port100.c",
        module="port100",
    ),
    KnownDevice(
        0x054C,
        0x06C3,
        "Sony RC-S380",
        Kind.READER,
        (_N,),
        "no PC/SC on Linux",
        "nfcpy; usb.ids; linux: drivers/nfc/port100.c",
        module="port100",
    ),
    KnownDevice(0x054C, 0x0DC8, "Sony RC-S300/S", Kind.READER, (_P,), "not by nfcpy", "libccid", _CCID),
    KnownDevice(0x054C, 0x0DC9, "Sony RC-S300/P", Kind.READER, (_P,), "not by nfcpy", "libccid", _CCID),
    KnownDevice(
        0x09D8, 0x0420, "Elatec TWN4 (serial)", Kind.READER, (_S,), "its firmware decides text and order", "usb.ids"
    ),
    KnownDevice(0x09D8, 0x0427, "Elatec TWN4 (CCID)", Kind.READER, (_P,), "up to eight slots", "libccid", _CCID),
    KnownDevice(0x09D8, 0x0428, "Elatec TWN4 (CCID)", Kind.READER, (_P,), "up to eight slots", "libccid", _CCID),
)

_TYPING = (
    KnownDevice(
        0x09D8,
        0x0410,
        "Elatec TWN4 (keyboard)",
        Kind.KEYBOARD_READER,
        (_K,),
        "its firmware decides text and order; AppBlaster makes it a serial or CCID reader",
        "usb.ids",
    ),
    KnownDevice(
        0x0C27,
        0x3BFA,
        "RFIDeas pcProx",
        Kind.KEYBOARD_READER,
        (_K,),
        "the classic pcProx models read 125 kHz only; pcProx Plus reads both",
        "usb.ids; rf IDEAS Reader Integration Kit, supported readers; micolous/pcprox protocol.md",
    ),
    KnownDevice(
        0xFFFF,
        0x0035,
        "Sycreader USB reader",
        Kind.KEYBOARD_READER,
        (_K,),
        "one id for 125 kHz and 13.56 MHz models, and no vendor's own",
        "charlysan/pyrfidhid; an lsusb listing at merbanan/rfid_app",
    ),
    KnownDevice(
        0x08FF,
        0x0009,
        "125 kHz keyboard reader",
        Kind.LOW_FREQUENCY,
        (_K,),
        "the black boxes and keyfob readers sold for EM4100; the vendor id is AuthenTec's",
        "Nunnes/attendance black_rfid_reader.py",
    ),
    KnownDevice(
        0x06C2,
        0x0031,
        "PhidgetRFID",
        Kind.LOW_FREQUENCY,
        (),
        "by a library of its own",
        "usb.ids; Phidgets 1024 user guide",
    ),
)

_KEYS_OR_PORT = "types, or is a serial port, as its configuration barcode says"
_SCANNERS = (
    KnownDevice(0x0C2E, None, "Honeywell scanner", Kind.SCANNER, (_K, _S), _KEYS_OR_PORT, "usb.ids (Metrologic)"),
    KnownDevice(
        0x0536, None, "Honeywell scanner", Kind.SCANNER, (_K, _S), _KEYS_OR_PORT, "usb.ids (Hand Held Products)"
    ),
    KnownDevice(0x05E0, None, "Zebra scanner", Kind.SCANNER, (_K, _S), _KEYS_OR_PORT, "usb.ids (Symbol Technologies)"),
    KnownDevice(
        0x05F9,
        None,
        "Datalogic scanner",
        Kind.SCANNER,
        (_K, _S),
        _KEYS_OR_PORT,
        "usb.ids (PSC Scanning, now Datalogic)",
    ),
    KnownDevice(
        0x1EAB,
        None,
        "Newland scanner",
        Kind.SCANNER,
        (_K, _S),
        _KEYS_OR_PORT,
        "usb.ids; Newland FM420 integration guide, VID and PID table",
    ),
)

_BRIDGES = (
    KnownDevice(0x0403, 0x6001, "FTDI FT232", Kind.BRIDGE, (_S,), "", "usb.ids"),
    KnownDevice(0x0403, 0x6010, "FTDI FT2232", Kind.BRIDGE, (_S,), "two ports", "usb.ids"),
    KnownDevice(0x0403, 0x6011, "FTDI FT4232H", Kind.BRIDGE, (_S,), "four ports", "usb.ids"),
    KnownDevice(0x0403, 0x6014, "FTDI FT232H", Kind.BRIDGE, (_S,), "", "usb.ids"),
    KnownDevice(0x0403, 0x6015, "FTDI FT-X", Kind.BRIDGE, (_S,), "", "usb.ids"),
    KnownDevice(0x10C4, 0xEA60, "Silicon Labs CP210x", Kind.BRIDGE, (_S,), "", "usb.ids"),
    KnownDevice(
        0x1A86, 0x7523, "WCH CH340", Kind.BRIDGE, (_S,), "has no serial number: use its by-path link", "usb.ids"
    ),
    KnownDevice(
        0x1A86, 0x5523, "WCH CH341", Kind.BRIDGE, (_S,), "has no serial number: use its by-path link", "usb.ids"
    ),
    KnownDevice(0x1A86, 0x55D4, "WCH CH9102", Kind.BRIDGE, (_S,), "", "WCH's driver for Linux, ch343.c"),
    KnownDevice(0x067B, 0x2303, "Prolific PL2303", Kind.BRIDGE, (_S,), "", "usb.ids"),
)

DEVICES: tuple[KnownDevice, ...] = _READERS + _TYPING + _SCANNERS + _BRIDGES
"""The table, in the order in which it is shown."""

_BY_IDS = {(device.vid, device.pid): device for device in DEVICES}


def find(vid: int, pid: int) -> KnownDevice | None:
    """What is known of a device: its own row, else its vendor's, else None."""
    return _BY_IDS.get((vid, pid)) or _BY_IDS.get((vid, None))
