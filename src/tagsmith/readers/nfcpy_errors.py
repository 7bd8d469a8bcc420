"""What every error that nfcpy lets out means to tagsmith: one table, by the error's name and by errno.

It owns the meanings and the words for them. It imports nothing foreign, so that it can be read and tested without
nfcpy; errors are known by the qualified names of their classes, and by those of their bases. What nfcpy 1.0.4 raises
for which fault was measured with a PN532 on a terminal, and read in its drivers for the rest.
"""

from __future__ import annotations

import enum
import errno
import socket
from pathlib import Path

from tagsmith.errors import (
    DeviceBusy,
    DeviceForbidden,
    ReaderBusy,
    ReaderError,
    ReaderForbidden,
    ReaderLost,
    ReaderMissing,
    ReaderUnsupported,
)
from tagsmith.lines import nodes


class Meaning(enum.Enum):
    """What follows from an error."""

    GARBLED = enum.auto()
    """Something came that makes no sense: one bad frame, or the wrong device. Trying again may help."""
    SILENT = enum.auto()
    """Nothing came in time. Trying again may help."""
    REFUSED = enum.auto()
    """The chip said that it cannot do it now. Trying again may help."""
    GONE = enum.auto()
    """The device, or the host named in the spec, is not there, or went away."""
    FORBIDDEN = enum.auto()
    """This user may not open it."""
    BUSY = enum.auto()
    """Somebody else holds it: a process, or a driver of the kernel."""
    SANDBOXED = enum.auto()
    """libusb itself cannot start: the service is not let at USB at all."""
    UNSUPPORTED = enum.auto()
    """This reader cannot do what is asked."""
    DEFECT = enum.auto()
    """Something is wrong inside nfcpy or libusb: begin anew."""


PASSING = frozenset({Meaning.GARBLED, Meaning.SILENT, Meaning.REFUSED, Meaning.DEFECT})
"""What may be over at the next try, with the device held open: some readers cannot be opened a second time."""


class Garbled(Exception):
    """An answer that passed nfcpy and yet is none: lengths that do not add up. Nothing of it is used."""


MEANINGS: dict[str, Meaning] = {
    "tagsmith.readers.nfcpy_errors.Garbled": Meaning.GARBLED,
    # The chip's error frame, and status bytes that are none of a card's.
    "nfc.clf.pn53x.Chipset.Error": Meaning.REFUSED,
    "nfc.clf.rcs380.StatusError": Meaning.REFUSED,
    "nfc.clf.rcs380.CommunicationError": Meaning.REFUSED,
    # `sense` keeps these to itself; opening a device may not.
    "nfc.clf.UnsupportedTargetError": Meaning.UNSUPPORTED,
    "nfc.clf.TimeoutError": Meaning.SILENT,
    "nfc.clf.Error": Meaning.GARBLED,
    # A tty that went away, and again from closing it.
    "termios.error": Meaning.GONE,
    # Without an errno it says that the port is there to be read and gives nothing: unplugged.
    "serial.serialutil.SerialException": Meaning.GONE,
    "serial.serialutil.SerialTimeoutException": Meaning.SILENT,
    "serial.serialutil.PortNotOpenError": Meaning.GONE,
    # nfcpy maps some to OSError; what it does not expect comes as it is.
    "usb1.USBErrorAccess": Meaning.FORBIDDEN,
    "usb1.USBErrorBusy": Meaning.BUSY,
    "usb1.USBErrorNoDevice": Meaning.GONE,
    "usb1.USBErrorNotFound": Meaning.GONE,
    "usb1.USBErrorTimeout": Meaning.SILENT,
    "usb1.USBErrorIO": Meaning.GARBLED,
    "usb1.USBErrorPipe": Meaning.GARBLED,
    "usb1.USBErrorOverflow": Meaning.GARBLED,
    "usb1.USBErrorInterrupted": Meaning.GARBLED,
    "usb1.USBErrorNotSupported": Meaning.UNSUPPORTED,
    # What a service gets that may not use AF_NETLINK (measured).
    "usb1.USBErrorOther": Meaning.SANDBOXED,
    "usb1._libusb1.USBError": Meaning.DEFECT,
    # A host's name that nobody knows.
    "socket.gaierror": Meaning.GONE,
    # Frames that are too short are looked into all the same, hex is expected and something else comes: the drivers do
    # not check what they parse, so these are the wire's doing.
    "builtins.IndexError": Meaning.GARBLED,
    "builtins.KeyError": Meaning.GARBLED,
    "builtins.ValueError": Meaning.GARBLED,
    "binascii.Error": Meaning.GARBLED,
    "struct.error": Meaning.GARBLED,
    "builtins.AssertionError": Meaning.GARBLED,
    "builtins.TypeError": Meaning.GARBLED,
    # None where a string or a chipset is expected: a reader that does not say its name, one that is closed.
    "builtins.AttributeError": Meaning.DEFECT,
    "builtins.NotImplementedError": Meaning.UNSUPPORTED,
}

ERRNOS: dict[int, Meaning] = {
    # Bad checksum, garbage before a frame, a late acknowledgement, truncation; also a bridge that was pulled, which
    # the next try shows.
    errno.EIO: Meaning.GARBLED,
    errno.EPROTO: Meaning.GARBLED,
    errno.EPIPE: Meaning.GARBLED,
    errno.EMSGSIZE: Meaning.GARBLED,
    errno.ETIMEDOUT: Meaning.SILENT,
    errno.ENODEV: Meaning.GONE,
    errno.ENXIO: Meaning.GONE,
    errno.ENOENT: Meaning.GONE,
    errno.ENOTDIR: Meaning.GONE,
    errno.ESHUTDOWN: Meaning.GONE,
    errno.EBADF: Meaning.GONE,
    errno.EHOSTUNREACH: Meaning.GONE,
    errno.ENETUNREACH: Meaning.GONE,
    errno.ECONNREFUSED: Meaning.GONE,
    errno.EACCES: Meaning.FORBIDDEN,
    errno.EPERM: Meaning.FORBIDDEN,
    errno.EBUSY: Meaning.BUSY,
    errno.EAGAIN: Meaning.BUSY,
    errno.ENOTTY: Meaning.UNSUPPORTED,
    errno.EINVAL: Meaning.UNSUPPORTED,
}

MODULES = {
    "pn533_usb": "pn533_usb pn533 nfc",
    "pn533": "pn533_usb pn533 nfc",
    "port100": "port100 nfc",
}
"""Drivers of the kernel that claim NFC readers for themselves, and what to unload, in that order (measured)."""

_AGAIN = "unplug the reader and plug it in again; it goes on by itself"
_WORDS: dict[Meaning, tuple[type[ReaderError], str, str]] = {
    Meaning.GARBLED: (ReaderLost, "the reader answers nonsense", _AGAIN),
    Meaning.SILENT: (ReaderLost, "the reader does not answer", _AGAIN),
    Meaning.REFUSED: (ReaderLost, "the reader's chip reports an error", _AGAIN),
    Meaning.GONE: (ReaderLost, "the reader was unplugged", "plug it in again; it goes on by itself"),
    Meaning.FORBIDDEN: (ReaderForbidden, "this user may not open the reader", "`tagsmith doctor` says what to type"),
    Meaning.BUSY: (ReaderBusy, "the reader is in use", "close the program that uses it: `tagsmith doctor` names it"),
    Meaning.SANDBOXED: (
        ReaderForbidden,
        "USB cannot be used here at all",
        "in the service's unit: add AF_NETLINK to RestrictAddressFamilies=, and DeviceAllow=char-usb_device rw",
    ),
    Meaning.UNSUPPORTED: (ReaderUnsupported, "the reader cannot do this", "choose another reader: `tagsmith readers`"),
    Meaning.DEFECT: (ReaderLost, "the reader's driver failed", _AGAIN),
}
_NO_CHIP = (
    "check the wires (TX to RX, RX to TX, ground, 3.3 V) and that the board is set to UART (HSU); `tagsmith doctor` "
    "looks for other users of the port"
)


def meaning(error: Exception) -> Meaning | None:
    """What an error means; None for one that no driver raises, which is then a defect of our own.

    The most special class that has a row decides. An OSError counts by its errno, and by its class where it has none.
    """
    if isinstance(error, OSError) and not isinstance(error, socket.gaierror) and error.errno is not None:
        return ERRNOS.get(error.errno, Meaning.DEFECT)
    for kind in type(error).__mro__:
        if (found := MEANINGS.get(f"{kind.__module__}.{kind.__qualname__}")) is not None:
            return found
    return Meaning.DEFECT if isinstance(error, OSError) else None


def failure(
    error: Exception, *, was_open: bool, name: str = "", node: Path | None = None, drivers: tuple[str, ...] = ()
) -> ReaderError | None:
    """Our error for it, None for one that stands in no table.

    `name` is the reader's, `node` the device node where there is one; `drivers` are the kernel's drivers that hold it.
    """
    what = meaning(error)
    if what is None:
        return None
    if what in PASSING and was_open and gone(node):
        what = Meaning.GONE  # a bridge that was pulled gives EIO, like a bad frame
    name = name or "the reader"
    if what in (Meaning.BUSY, Meaning.FORBIDDEN) and node is not None:
        return _of_node(what, node, drivers)
    kind, message, remedy = _WORDS[what]
    message = message.replace("the reader", name, 1)
    if not was_open:
        if what is Meaning.GONE:
            return ReaderMissing(f"{name} is not there", "plug it in; `tagsmith readers` lists what is there")
        if kind is ReaderLost:
            remedy = _NO_CHIP if node is not None and "usb" not in node.parts else _AGAIN
            return ReaderMissing(f"{message} ({said(error)})", remedy)
    if what is not Meaning.GONE:
        message = f"{message} ({said(error)})"
    return kind(message, remedy)


def gone(node: Path | None) -> bool:
    """Whether a device's node is no longer there."""
    return node is not None and not node.exists()


def busy(node: Path, drivers: tuple[str, ...] = ()) -> ReaderBusy:
    """The error for a device that somebody holds: which driver of the kernel, or which process, and what to type."""
    module = next((driver for driver in drivers if driver in MODULES), None)
    if module is not None:
        return ReaderBusy(
            f"the kernel's driver {module} holds the reader",
            f"`sudo modprobe -r {MODULES[module]}`, and blacklist it so that it stays away: `tagsmith doctor`",
        )
    error = nodes.busy(node)
    if any("pcscd" in holder.command for holder in nodes.holders(node)):
        remedy = "`sudo systemctl stop pcscd.socket pcscd.service`, or use it as a pcsc: reader"
        return ReaderBusy(error.message, remedy, holders=error.holders)
    return _as_reader(error)


def said(error: Exception) -> str:
    """What the foreign error says of itself, in one short line."""
    text = error.strerror or str(error) if isinstance(error, OSError) else str(error)
    line = "".join(character if character.isprintable() else " " for character in text).strip()
    return line[:120] or type(error).__name__


def _of_node(what: Meaning, node: Path, drivers: tuple[str, ...]) -> ReaderError:
    if what is Meaning.BUSY:
        return busy(node, drivers)
    error: DeviceForbidden = nodes.forbidden(node)
    return ReaderForbidden(error.message, error.remedy)


def _as_reader(error: DeviceBusy) -> ReaderBusy:
    return ReaderBusy(error.message, error.remedy, holders=error.holders)
