"""nfcpy readers on USB: which one is meant, what is in the way, and what `tagsmith readers` tells of them."""

from __future__ import annotations

import builtins
import errno
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import usb1

from support.fake_nfcpy import FakeFrontend, library, target, usb
from tagsmith.errors import ReaderBusy, ReaderForbidden, ReaderLost, ReaderMissing, ReaderUnsupported
from tagsmith.lines import libraries, nodes
from tagsmith.lines.usb import UsbDevice
from tagsmith.model import Field, ReaderState
from tagsmith.readers import nfcpy
from tagsmith.readers.lock import ReaderLock
from tagsmith.readers.nfcpy import NfcpyReader
from tagsmith.readers.nfcpy_usb import discover

ACR122U, RCS380, KEYBOARD = (0x072F, 0x2200), (0x054C, 0x06C3), (0x046D, 0xC31C)


@pytest.fixture
def stick(tmp_path: Path) -> UsbDevice:
    """An RC-S380 that is free."""
    return device(tmp_path, RCS380)


def device(folder: Path, ids: tuple[int, int], *drivers: str, address: int = 4) -> UsbDevice:
    """A device with a node of its own."""
    node = folder / "bus" / "usb" / "001" / f"{address:03d}"
    node.parent.mkdir(parents=True, exist_ok=True)
    node.touch()
    return usb(*ids, node, *drivers, address=address)


def reader(rest: str, frontend: FakeFrontend, *devices: UsbDevice) -> NfcpyReader:
    """A reader where these devices are plugged in."""
    return NfcpyReader(rest, library=library(frontend), devices=lambda: devices)


@pytest.mark.parametrize("rest", ["usb:054c:06c3", "usb:001:004", "usb"])
def test_it_is_opened_by_its_place(rest: str, stick: UsbDevice) -> None:
    """However a device is named, nfcpy is given its full place, with which it tells "forbidden" from "missing"."""
    frontend = FakeFrontend()
    frontend.present = target("04a1b2c3d4e5f6")
    it = reader(rest, frontend, stick)
    info = it.open()
    assert frontend.opened == ["usb:001:004"]
    assert info.spec == ("nfcpy:usb:001:004" if rest == "usb" else f"nfcpy:{rest}")
    assert info.name == "Maker Stick RC9 at 001:004"
    assert (info.sees_two, info.sees_sak) == (False, True)  # its chip lists nothing
    assert it.wait(Field(), 1.0).tags[0].uid.wire == "04a1b2c3d4e5f6"
    it.close()
    assert frontend.closed == 1


def test_of_two_alike_none_is_taken(tmp_path: Path) -> None:
    """Two readers that fit one spec are told by their places: whichever were taken, lanes could be mixed up."""
    two = (device(tmp_path, ACR122U, address=4), device(tmp_path, ACR122U, address=9))
    frontend = FakeFrontend()
    for rest in ("usb:072f:2200", "usb"):
        with pytest.raises(ReaderMissing) as caught:
            reader(rest, frontend, *two).open()
        assert "nfcpy:usb:001:004 or nfcpy:usb:001:009" in caught.value.remedy
    assert frontend.opened == []


@pytest.mark.parametrize("rest", ["usb:072f:2200", "usb:001:005", "usb:002:004"])
def test_what_is_there_is_offered(rest: str, stick: UsbDevice) -> None:
    """A reader that is not there is missing; the one that is there is named."""
    with pytest.raises(ReaderMissing) as caught:
        reader(rest, FakeFrontend(), stick).open()
    assert "nfcpy:usb:054c:06c3" in caught.value.remedy


def test_nothing_is_there(tmp_path: Path) -> None:
    """Without any, the bare `usb` says so; a keyboard is none."""
    with pytest.raises(ReaderMissing, match="no USB reader"):
        reader("usb", FakeFrontend(), device(tmp_path, KEYBOARD)).open()


def test_forbidden_is_not_missing(stick: UsbDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node this user may not open is forbidden, with the rule to write, before libusb is even asked."""
    monkeypatch.setattr(nodes, "allowed", lambda _: False)
    monkeypatch.setattr(nodes, "usb_devices", lambda sys: (stick,))
    frontend = FakeFrontend()
    with pytest.raises(ReaderForbidden) as caught:
        reader("usb:054c:06c3", frontend, stick).open()
    assert "sudo" in caught.value.remedy
    assert frontend.opened == []


@pytest.mark.parametrize(
    ("ids", "driver", "line"),
    [
        (ACR122U, "pn533_usb", "sudo modprobe -r pn533_usb pn533 nfc"),
        (RCS380, "port100", "sudo modprobe -r port100 nfc"),
    ],
)
def test_a_driver_of_the_kernel_holds_it(tmp_path: Path, ids: tuple[int, int], driver: str, line: str) -> None:
    """The module is named, with what unloads it; nfcpy is not even asked."""
    frontend = FakeFrontend()
    with pytest.raises(ReaderBusy) as caught:
        reader("usb", frontend, device(tmp_path, ids, driver)).open()
    assert driver in caught.value.message
    assert line in caught.value.remedy
    assert frontend.opened == []


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(errno.EBUSY, "Device or resource busy"), ReaderBusy),
        (OSError(errno.EACCES, "Permission denied"), ReaderForbidden),
        (OSError(errno.ENODEV, "No such device"), ReaderMissing),
        (usb1.USBErrorOther(), ReaderForbidden),
        (AttributeError("'NoneType' object has no attribute 'split'"), ReaderMissing),
        (False, ReaderUnsupported),
    ],
    ids=str,
)
def test_what_nfcpy_says_at_opening(error: Exception | bool, kind: type[Exception], stick: UsbDevice) -> None:
    """Its errors become ours, and it can be tried again afterwards."""
    frontend = FakeFrontend()
    frontend.refuses = error
    it = reader("usb:054c:06c3", frontend, stick)
    with pytest.raises(kind) as caught:
        it.open()
    assert type(caught.value) is kind
    frontend.refuses = None
    it.open()
    it.close()


def test_pcscd_holds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pcscd keeps an ACR122U once anybody used it: how to stop it is said."""
    monkeypatch.setattr(nodes, "holders", lambda *_, **__: (nodes.Holder(7, "pcscd --foreground"),))
    frontend = FakeFrontend()
    frontend.refuses = OSError(errno.EBUSY, "Device or resource busy")
    with pytest.raises(ReaderBusy, match=r"process 7 \(pcscd --foreground\)") as caught:
        reader("usb", frontend, device(tmp_path, ACR122U, "usbfs")).open()
    assert "sudo systemctl stop pcscd.socket pcscd.service" in caught.value.remedy


def test_a_stick_that_was_pulled(stick: UsbDevice) -> None:
    """An error like that of a bad frame is not tried again where the device's node is gone: lost at once."""
    frontend = FakeFrontend()
    it = reader("usb:054c:06c3", frontend, stick)
    it.open()
    looks = frontend.looks
    frontend.errors = [OSError(errno.EIO, "Input/output error")] * 5
    stick.node.unlink()
    with pytest.raises(ReaderLost, match="unplugged"):
        it.wait(Field(), 1.0)
    assert frontend.looks == looks + 1
    it.close()


def test_a_second_lane_is_refused(stick: UsbDevice) -> None:
    """One reader serves one lane, by whichever name the second one calls it."""
    frontend = FakeFrontend()
    first = reader("usb:054c:06c3", frontend, stick)
    first.open()
    with pytest.raises(ReaderBusy, match="another lane of this station"):
        reader("usb:001:004", frontend, stick).open()
    first.close()


def test_without_nfcpy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing library is a plain message with what to install; the reason is only looked for when it is opened."""
    real = builtins.__import__

    def without(name: str, *rest: Any, **options: Any) -> Any:
        if name.startswith("nfc."):
            raise ModuleNotFoundError(f"No module named {name!r}", name="nfc")
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ReaderUnsupported) as caught:
        NfcpyReader("udp").open()
    assert caught.value.remedy == libraries.missing("nfcpy")


@pytest.mark.parametrize(
    ("error", "line"),
    [(OSError("libusb-1.0.so.0: cannot open"), "libusb"), (ImportError("missing usb1 module"), "nfcpy==1.0.4")],
)
def test_without_what_nfcpy_needs(error: Exception, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """libusb and its binding are named when they are what is missing."""
    real = builtins.__import__

    def broken(name: str, *rest: Any, **options: Any) -> Any:
        if name.startswith("nfc."):
            raise error
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", broken)
    with pytest.raises(ReaderUnsupported) as caught:
        nfcpy.load()
    assert line in caught.value.remedy


# --- discovery ----------------------------------------------------------------------------------------------------


def found(*devices: UsbDevice, installed: bool = True) -> list[tuple[str, ReaderState]]:
    """Spec and state of what is discovered."""
    return [(status.spec, status.state) for status in discover(lambda: devices, installed=installed)]


def test_what_is_listed(tmp_path: Path) -> None:
    """Only what nfcpy can use is listed, by ids where they tell it, by place where there are two of a kind."""
    devices: Sequence[UsbDevice] = (
        device(tmp_path, KEYBOARD, address=2),
        device(tmp_path, RCS380, address=4),
        device(tmp_path, ACR122U, address=5),
        device(tmp_path, ACR122U, address=6),
    )
    assert found(*devices) == [
        ("nfcpy:usb:054c:06c3", ReaderState.READY),
        ("nfcpy:usb:001:005", ReaderState.READY),
        ("nfcpy:usb:001:006", ReaderState.READY),
    ]
    assert found() == []


def test_what_is_in_the_way_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Held by the kernel, by a station, forbidden, not installed: each is told as such, and nothing is opened."""
    stick = device(tmp_path, RCS380)
    assert found(device(tmp_path, RCS380, "port100")) == [("nfcpy:usb:054c:06c3", ReaderState.BUSY)]
    assert found(stick, installed=False) == [("nfcpy:usb:054c:06c3", ReaderState.UNSUPPORTED)]
    lock = ReaderLock(str(stick.node))
    lock.acquire()
    assert found(stick) == [("nfcpy:usb:054c:06c3", ReaderState.BUSY)]
    lock.release()
    with monkeypatch.context() as patched:
        patched.setattr(nodes, "allowed", lambda _: False)
        assert found(stick) == [("nfcpy:usb:054c:06c3", ReaderState.FORBIDDEN)]
    assert found(stick) == [("nfcpy:usb:054c:06c3", ReaderState.READY)]
    stick.node.unlink()
    assert found(stick) == [("nfcpy:usb:054c:06c3", ReaderState.MISSING)]


def test_discovery_of_this_machine() -> None:
    """Whatever is plugged in here, looking for it raises nothing."""
    assert isinstance(nfcpy.discover(), list)
