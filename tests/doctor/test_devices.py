"""What is plugged in: who may open it, what types, what reads other tags."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.machine import machine, only, patient, settings
from support.sysfs import plug
from tagsmith.doctor import Verdict
from tagsmith.doctor.devices import keyboards, low_frequency, permissions, plugged
from tagsmith.lines import nodes
from tagsmith.readers import create


def test_known_devices_are_named_with_what_is_to_be_known(tmp_path: Path) -> None:
    """Readers and scanners; a serial bridge says nothing about what hangs on it."""
    plug(tmp_path, "1-1", 0x072F, 0x223B, address=1)
    plug(tmp_path, "1-2", 0x0C2E, 0x0B81, address=2)
    plug(tmp_path, "1-3", 0x0403, 0x6001, address=3)
    plug(tmp_path, "1-4", 0x1D6B, 0x0002, address=4)
    said = [finding.what for finding in plugged(patient(machine(tmp_path)))]
    assert said == [
        "ACS ACR1252U (072f:223b) is plugged in: pick the PICC slot",
        "Honeywell scanner (0c2e:0b81) is plugged in: types, or is a serial port, as its configuration barcode says",
    ]
    only(plugged(patient(machine(tmp_path / "empty"))), Verdict.SKIPPED)


def test_a_libusb_reader_that_this_user_may_not_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Node of root alone: the udev rule, and the group that it gives the node to."""
    monkeypatch.setattr(nodes, "user_name", lambda: "station")
    node = plug(tmp_path, "1-1", 0x054C, 0x06C3, bus=1, address=4)
    node.chmod(0o600)
    finding = only(permissions(patient(machine(tmp_path, allowed=lambda path: path != node))), Verdict.BAD)
    assert finding.what == f"station may not open {node}, the Sony RC-S380 (054c:06c3)"
    assert finding.remedy.splitlines()[1:] == [
        "sudo udevadm control --reload",
        f"sudo udevadm trigger --name-match={node}",
        "sudo usermod -aG plugdev station",
        "# then log out and in again",
    ]
    assert finding.remedy.startswith('echo \'SUBSYSTEM=="usb", ATTR{idVendor}=="054c", ATTR{idProduct}=="06c3", ')


def test_readers_that_pcscd_opens_need_no_permission(tmp_path: Path) -> None:
    """pcscd runs as a user of its own."""
    plug(tmp_path, "1-1", 0x072F, 0x223B)
    only(permissions(patient(machine(tmp_path, allowed=lambda path: False))), Verdict.OK)


def test_a_serial_reader_is_opened_by_its_port(tmp_path: Path) -> None:
    """Not by its libusb node. Where other readers are chosen it is a warning only."""
    plug(tmp_path, "1-1", 0x09D8, 0x0420, drivers=("cdc_acm",), ports=("ttyACM0",))
    port = tmp_path / "dev/ttyACM0"
    port.chmod(0o600)
    chosen = settings(tmp_path, "pcsc:")
    finding = only(permissions(patient(machine(tmp_path, allowed=lambda path: path != port), chosen)), Verdict.WARN)
    assert 'KERNEL=="ttyACM[0-9]*"' in finding.remedy


def test_what_a_setting_leads_to_is_said_there(tmp_path: Path) -> None:
    """Not twice: the check of the reader itself has the same remedy."""
    plug(tmp_path, "1-1", 0x054C, 0x06C3)
    chosen = settings(tmp_path, "nfcpy:usb:054c:06c3")
    only(permissions(patient(machine(tmp_path, allowed=lambda path: False), chosen)), Verdict.OK)


def test_root_judges_no_permissions(tmp_path: Path) -> None:
    """Root may open everything, and would find nothing to mend."""
    finding = only(permissions(patient(machine(tmp_path, uid=0))), Verdict.SKIPPED)
    assert "as the station's user" in finding.what


def test_a_reader_in_keyboard_mode(tmp_path: Path) -> None:
    """What it types is never taken for a chip: use it by evdev, or switch it."""
    plug(tmp_path, "1-1", 0x09D8, 0x0410, drivers=("usbhid",), ports=("event5",))
    finding = only(keyboards(patient(machine(tmp_path))), Verdict.BAD)
    assert "Elatec TWN4 (keyboard) (09d8:0410) is in keyboard mode" in finding.what
    assert 'spec = "evdev:09d8:0410?length=4,7"' in finding.remedy
    create("evdev:09d8:0410?length=4,7")
    only(keyboards(patient(machine(tmp_path), settings(tmp_path, "pcsc:"))), Verdict.WARN)


@pytest.mark.parametrize(
    "spec", ["evdev:09d8:0410?length=7", "evdev:{dev}/input/event5?layout=de&length=7", "evdev:{dev}/rfid?length=7"]
)
def test_a_keyboard_that_is_read_as_a_reader_is_well(tmp_path: Path, spec: str) -> None:
    """By its ids, by its node, by a udev link."""
    plug(tmp_path, "1-1", 0x09D8, 0x0410, drivers=("usbhid",), ports=("event5",))
    (tmp_path / "dev/rfid").symlink_to(tmp_path / "dev/input/event5")
    chosen = settings(tmp_path, spec.format(dev=tmp_path / "dev"))
    only(keyboards(patient(machine(tmp_path), chosen)), Verdict.OK)


def test_a_reader_that_can_do_both_is_told_by_its_interface(tmp_path: Path) -> None:
    """OMNIKEY 5427CK: one id for both modes."""
    plug(tmp_path, "1-1", 0x076B, 0x5427, drivers=("usbhid",), classes=(0x03,))
    assert "OMNIKEY 5427CK" in only(keyboards(patient(machine(tmp_path))), Verdict.BAD).what
    plug(tmp_path / "ccid", "1-1", 0x076B, 0x5427, drivers=("usbfs", "usbhid"), classes=(0x0B, 0x03))
    only(keyboards(patient(machine(tmp_path / "ccid"))), Verdict.OK)


def test_a_125_khz_reader(tmp_path: Path) -> None:
    """No charging key is ever seen on it; a warning where another reader is chosen."""
    plug(tmp_path, "1-1", 0x08FF, 0x0009, drivers=("usbhid",), ports=("event3",))
    finding = only(low_frequency(patient(machine(tmp_path))), Verdict.BAD)
    assert "125 kHz" in finding.what
    assert "13.56 MHz" in finding.remedy
    only(low_frequency(patient(machine(tmp_path), settings(tmp_path, "pcsc:"))), Verdict.WARN)
    only(low_frequency(patient(machine(tmp_path), settings(tmp_path, "evdev:08ff:0009?length=5"))), Verdict.BAD)


def test_a_125_khz_module_on_a_serial_port(tmp_path: Path) -> None:
    """It has no ids: what is set for it tells."""
    chosen = settings(tmp_path, "serial:/dev/ttyUSB0?frame=stx-etx&baud=9600")
    assert "RDM6300" in only(low_frequency(patient(machine(tmp_path), chosen)), Verdict.WARN).what
    other = settings(tmp_path, "serial:/dev/ttyUSB0?frame=hex-line&length=7")
    only(low_frequency(patient(machine(tmp_path), other)), Verdict.OK)
