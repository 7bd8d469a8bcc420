"""Kernel modules in the way, made in a tree like /sys and /proc."""

from __future__ import annotations

from pathlib import Path

from support.machine import machine, only, patient, write
from support.sysfs import plug
from tagsmith.doctor import Verdict
from tagsmith.doctor.kernel import modules


def test_a_module_that_holds_a_reader_is_bad(tmp_path: Path) -> None:
    """The ACR122U of every forum: unload in the right order, shut out for good, plug anew."""
    plug(tmp_path, "1-1", 0x072F, 0x2200, product="ACR122U PICC Interface", drivers=("pn533_usb",))
    write(
        tmp_path / "proc/modules", "pn533_usb 20480 0 - Live\npn533 32768 1 pn533_usb, Live\nnfc 151552 1 pn533, Live\n"
    )
    finding = only(modules(patient(machine(tmp_path))), Verdict.BAD)
    assert "pn533_usb holds the ACR122U PICC Interface (072f:2200)" in finding.what
    assert finding.remedy.splitlines() == [
        "sudo modprobe -r pn533_usb pn533 nfc",
        "printf 'install pn533_usb /bin/false\\ninstall port100 /bin/false\\ninstall pn533 /bin/false\\n"
        "install nfc /bin/false\\n' | sudo tee -a /etc/modprobe.d/tagsmith-nfc.conf",
        "# then unplug the reader and plug it in again",
    ]


def test_port100_holds_the_sony(tmp_path: Path) -> None:
    """Its own driver, which has nothing to do with pn533. A driver built into the kernel is named, too."""
    plug(tmp_path, "1-1", 0x054C, 0x06C3, product="RC-S380/P", drivers=("port100",))
    finding = only(modules(patient(machine(tmp_path))), Verdict.BAD)
    assert finding.remedy.startswith("sudo modprobe -r port100\n")


def test_a_module_that_is_only_loaded_is_a_warning(tmp_path: Path) -> None:
    """Nothing is held yet: no plug to pull."""
    write(tmp_path / "proc/modules", "usbcore 400000 2 - Live\nport100 20480 0 - Live\nnfc 151552 1 port100, Live\n")
    finding = only(modules(patient(machine(tmp_path))), Verdict.WARN)
    assert "port100 and nfc would take" in finding.what
    assert "plug" not in finding.remedy


def test_what_is_shut_out_already_is_not_shut_out_twice(tmp_path: Path) -> None:
    """After the first remedy and before the reboot: only unloading is left. A mere blacklist does not count."""
    write(tmp_path / "proc/modules", "pn533_usb 1 0 - Live\n")
    lines = "".join(f"install {name} /bin/false\n" for name in ("pn533_usb", "pn533", "nfc"))
    write(tmp_path / "etc/modprobe.d/nfc.conf", f"{lines}blacklist port100\n# install port100 /bin/false\n")
    finding = only(modules(patient(machine(tmp_path))), Verdict.WARN)
    assert finding.remedy.splitlines() == [
        "sudo modprobe -r pn533_usb",
        "printf 'install port100 /bin/false\\n' | sudo tee -a /etc/modprobe.d/tagsmith-nfc.conf",
    ]


def test_a_reader_under_another_driver_is_well(tmp_path: Path) -> None:
    """usbfs is libusb itself, and a machine without /proc/modules has none."""
    plug(tmp_path, "1-1", 0x072F, 0x2200, drivers=("usbfs",))
    only(modules(patient(machine(tmp_path))), Verdict.OK)
