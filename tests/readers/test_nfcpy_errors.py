"""The one table of nfcpy's errors: complete, and its words of use to a worker."""

from __future__ import annotations

import binascii
import errno
import inspect
import socket
import struct
import termios
from pathlib import Path

import nfc.clf
import nfc.clf.pn53x
import nfc.clf.rcs380
import pytest
import serial
import usb1

from tagsmith.errors import (
    ReaderBusy,
    ReaderError,
    ReaderForbidden,
    ReaderLost,
    ReaderMissing,
    ReaderUnsupported,
)
from tagsmith.lines import nodes
from tagsmith.readers import nfcpy_errors
from tagsmith.readers.nfcpy_errors import ERRNOS, MEANINGS, Garbled, Meaning, failure, meaning, said


def classes(module: object) -> list[type[Exception]]:
    """The exceptions that a module defines or hands out."""
    return [value for _, value in inspect.getmembers(module, inspect.isclass) if issubclass(value, Exception)]


USB = [kind for kind in classes(usb1) if issubclass(kind, usb1.USBError)]
NFC = [kind for kind in classes(nfc.clf) if kind.__module__ == "nfc.clf"]
SERIAL = [kind for kind in classes(serial.serialutil) if issubclass(kind, serial.SerialException)]


def made(kind: type[Exception]) -> Exception:
    """One of that kind, whatever its constructor wants."""
    error = kind.__new__(kind)
    error.args = ("reason",)
    return error


FOREIGN: list[Exception] = [
    *map(made, [*USB, *NFC, *SERIAL]),
    nfc.clf.pn53x.Chipset.Error(0x7F, "syntax"),
    nfc.clf.rcs380.StatusError(1),
    nfc.clf.rcs380.CommunicationError(b"\x01\x00\x00\x00"),
    termios.error(errno.EIO, "Input/output error"),
    binascii.Error("Odd-length string"),
    struct.error("short"),
    socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
    TimeoutError(),
    IndexError("bytearray index out of range"),
    KeyError(3),
    ValueError("unsupported bitrate"),
    UnicodeDecodeError("ascii", b"\xff", 0, 1, "ordinal not in range"),
    TypeError("NoneType"),
    AttributeError("split"),
    AssertionError(),
    NotImplementedError("sense_tta"),
    Garbled("lengths"),
]


def test_the_lists_are_not_empty() -> None:
    """The classes are really found: a renamed module must not make this file vacuous."""
    assert len(USB) >= 12
    assert len(NFC) >= 7
    assert len(SERIAL) >= 3


@pytest.mark.parametrize("error", FOREIGN, ids=lambda error: type(error).__qualname__)
@pytest.mark.parametrize("was_open", [False, True])
def test_every_foreign_error_becomes_one_of_ours(error: Exception, was_open: bool) -> None:
    """Whatever nfcpy, libusb or pyserial can raise is a typed error with words; nothing is *missing* that was open."""
    ours = failure(error, was_open=was_open)
    assert isinstance(ours, ReaderError)
    assert ours.message
    assert ours.remedy
    assert not (was_open and isinstance(ours, ReaderMissing))
    assert not (not was_open and isinstance(ours, ReaderLost))


def test_every_errno_becomes_one_of_ours() -> None:
    """Any code of the operating system is a typed error, known or not."""
    for code in errno.errorcode:
        assert isinstance(failure(OSError(code, "said"), was_open=False), ReaderError)
        ours = failure(OSError(code, "said"), was_open=True)
        assert isinstance(ours, ReaderError)
        assert not isinstance(ours, ReaderMissing)


def test_what_nobody_raises_is_no_reader_error() -> None:
    """A defect of our own is not made to look like one of the reader's."""
    assert meaning(ZeroDivisionError()) is None
    assert failure(RuntimeError("ours"), was_open=True) is None


def test_no_row_is_a_stranger() -> None:
    """Every row names a class that exists, by the name that is looked up."""
    known = {f"{kind.__module__}.{kind.__qualname__}" for error in FOREIGN for kind in type(error).__mro__}
    assert set(MEANINGS) <= known
    assert set(ERRNOS) <= set(errno.errorcode)


@pytest.mark.parametrize(
    ("error", "was_open", "kind", "word"),
    [
        (OSError(errno.ETIMEDOUT, "Connection timed out"), True, ReaderLost, "does not answer"),
        (OSError(errno.EIO, "Input/output error"), True, ReaderLost, "nonsense"),
        (OSError(errno.ENODEV, "No such device"), True, ReaderLost, "unplugged"),
        (OSError(errno.ENODEV, "No such device"), False, ReaderMissing, "not there"),
        (OSError(errno.EACCES, "Permission denied"), False, ReaderForbidden, "may not"),
        (OSError(errno.EBUSY, "Device or resource busy"), False, ReaderBusy, "in use"),
        (IndexError("index"), True, ReaderLost, "nonsense"),
        (nfc.clf.pn53x.Chipset.Error(0x7F, "syntax"), True, ReaderLost, "chip reports an error"),
        (termios.error(errno.EIO, "Input/output error"), True, ReaderLost, "unplugged"),
        (binascii.Error("Odd"), True, ReaderLost, "nonsense"),
        (serial.SerialException("readiness to read but returned no data"), True, ReaderLost, "unplugged"),
        (serial.SerialException(errno.EAGAIN, "Could not exclusively lock port"), False, ReaderBusy, "in use"),
        (usb1.USBErrorOther(), False, ReaderForbidden, "AF_NETLINK"),
        (usb1.USBErrorAccess(), False, ReaderForbidden, "may not"),
        (usb1.USBErrorBusy(), False, ReaderBusy, "in use"),
        (usb1.USBErrorNoDevice(), True, ReaderLost, "unplugged"),
        (nfc.clf.UnsupportedTargetError("106B"), False, ReaderUnsupported, "cannot do this"),
        (socket.gaierror(socket.EAI_NONAME, "unknown"), False, ReaderMissing, "not there"),
    ],
    ids=lambda value: type(value).__qualname__ if isinstance(value, Exception) else None,
)
def test_rows(error: Exception, was_open: bool, kind: type[ReaderError], word: str) -> None:
    """The faults of the field have the right type and the right words."""
    ours = failure(error, was_open=was_open)
    assert type(ours) is kind
    assert word in str(ours)


def test_a_bad_frame_of_what_was_pulled_is_a_loss(tmp_path: Path) -> None:
    """A serial bridge that was pulled gives the error of a bad frame: its node tells."""
    error = OSError(errno.EIO, "Input/output error")
    assert "unplugged" in str(failure(error, was_open=True, node=tmp_path / "gone"))
    there = tmp_path / "ttyUSB0"
    there.touch()
    assert "nonsense" in str(failure(error, was_open=True, node=there))


@pytest.mark.parametrize(
    ("driver", "line"),
    [("pn533_usb", "modprobe -r pn533_usb pn533 nfc"), ("port100", "modprobe -r port100 nfc")],
)
def test_the_kernel_took_it(tmp_path: Path, driver: str, line: str) -> None:
    """Where a driver of the kernel claimed the reader, it is named, with what unloads it."""
    error = OSError(errno.EBUSY, "Device or resource busy")
    ours = failure(error, was_open=False, node=tmp_path / "004", drivers=("usbhid", driver))
    assert type(ours) is ReaderBusy
    assert driver in ours.message
    assert f"sudo {line}" in ours.remedy


def test_a_process_holds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a process holds it, it is named; pcscd is stopped with its socket, or used."""
    found = [nodes.Holder(812, "pcscd --foreground")]
    monkeypatch.setattr(nodes, "holders", lambda *_, **__: tuple(found))
    node = tmp_path / "004"
    node.touch()
    ours = nfcpy_errors.busy(node, ("usbfs",))
    assert "process 812 (pcscd --foreground)" in ours.message
    assert "systemctl stop pcscd.socket pcscd.service" in ours.remedy
    assert ours.holders == tuple(found)
    found[:] = [nodes.Holder(813, "minicom")]
    ours = nfcpy_errors.busy(node)
    assert "process 813 (minicom)" in ours.message
    assert "kill 813" in ours.remedy
    assert ours.holders == tuple(found)


def test_permission_says_what_to_type(tmp_path: Path) -> None:
    """Where the node is known, the remedy is the line for its group."""
    node = tmp_path / "ttyUSB0"
    node.touch()
    ours = failure(PermissionError(errno.EACCES, "Permission denied"), was_open=False, node=node)
    assert type(ours) is ReaderForbidden
    assert str(node) in ours.message
    assert "sudo" in ours.remedy


def test_said_is_one_printable_line() -> None:
    """What a foreign error says of itself is shown, shortened and without control characters."""
    assert said(ValueError("a\nb\x1b[31m" + "x" * 300)).startswith("a b [31mx")
    assert len(said(ValueError("x" * 300))) == 120
    assert said(AssertionError()) == "AssertionError"
    assert said(OSError(errno.EIO, "Input/output error")) == "Input/output error"


def test_passing_faults_are_those_that_may_be_over() -> None:
    """Only what may be over at the next try is tried again; what is gone, held or forbidden is told at once."""
    assert {
        Meaning.GARBLED,
        Meaning.SILENT,
        Meaning.REFUSED,
        Meaning.DEFECT,
    } == nfcpy_errors.PASSING
