"""The serial port of a Raspberry Pi, in a tree like its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.machine import machine, only, patient, settings, write
from tagsmith.doctor import Ran, Verdict
from tagsmith.doctor.patient import Patient
from tagsmith.doctor.uart import uart

SPEC = "nfcpy:tty:AMA0:pn532"


@pytest.fixture
def pi(tmp_path: Path) -> Path:
    """A Raspberry Pi 4 as it comes: console on serial0, which is the mini UART; Bluetooth on the PL011."""
    write(tmp_path / "proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.5\0")
    write(tmp_path / "proc/cmdline", "console=tty1 root=PARTUUID=1 rootwait\n")
    write(tmp_path / "boot/firmware/config.txt", "enable_uart=1\n")
    for name in ("ttyAMA0", "ttyS0"):
        write(tmp_path / "dev" / name, "")
    (tmp_path / "dev/serial0").symlink_to("ttyS0")
    return tmp_path


def free(pi: Path) -> None:
    """The header's port is the PL011 now."""
    (pi / "dev/serial0").unlink()
    (pi / "dev/serial0").symlink_to("ttyAMA0")


def examined(pi: Path, spec: str = SPEC, **commands: Ran) -> Patient:
    active = {f"systemctl is-active serial-getty@{name}.service": ran for name, ran in commands.items()}
    return patient(machine(pi, commands=active), settings(pi, spec))


def test_bluetooth_has_the_port(pi: Path) -> None:
    """/dev/serial1 is Bluetooth's: the overlay is added, and its service ended."""
    (pi / "dev/serial1").symlink_to("ttyAMA0")
    finding = only(uart(examined(pi)), Verdict.BAD)
    assert "Bluetooth has" in finding.what
    assert finding.remedy.splitlines() == [
        f"printf '\\n[all]\\ndtoverlay=disable-bt\\n' | sudo tee -a {pi}/boot/firmware/config.txt",
        "sudo systemctl disable --now hciuart",
        "sudo reboot",
    ]


def test_an_overlay_that_waits_for_a_reboot_is_not_added_twice(pi: Path) -> None:
    """It stands in config.txt already; a comment does not count."""
    (pi / "dev/serial1").symlink_to("ttyAMA0")
    config = pi / "boot/firmware/config.txt"
    config.write_text("# dtoverlay=disable-bt\n")
    assert "tee" in only(uart(examined(pi)), Verdict.BAD).remedy
    config.write_text("enable_uart=1\n[all]\ndtoverlay=disable-bt\n")
    assert "tee" not in only(uart(examined(pi)), Verdict.BAD).remedy


def test_a_port_on_which_a_kernel_driver_sits_has_no_node(pi: Path) -> None:
    """Newer systems bind Bluetooth to the port itself: ttyAMA0 is not there, and yet it is not switched off."""
    (pi / "dev/ttyAMA0").unlink()
    (pi / "boot/firmware/config.txt").write_text("")
    for number, driver in ((0, "uart-pl011"), (1, "bcm2835-aux-uart")):
        port = pi / f"sys/devices/platform/soc/fe20{number}000.serial"
        (port / f"serial{number}/serial{number}-0").mkdir(parents=True)
        (pi / "sys/bus/platform/drivers" / driver).mkdir(parents=True)
        (port / "driver").symlink_to(pi / "sys/bus/platform/drivers" / driver)
    device = pi / "sys/devices/platform/soc/fe200000.serial/serial0/serial0-0"
    (pi / "sys/bus/serial/drivers/hci_uart_bcm").mkdir(parents=True)
    (device / "driver").symlink_to(pi / "sys/bus/serial/drivers/hci_uart_bcm")
    (pi / "sys/bus/serial/devices").mkdir()
    (pi / "sys/bus/serial/devices/serial0-0").symlink_to(device)
    assert "Bluetooth has" in only(uart(examined(pi)), Verdict.BAD).what
    only(uart(examined(pi, "nfcpy:tty:S0:pn532")), Verdict.OK)


def test_an_attached_bluetooth_adapter_tells_its_port(pi: Path) -> None:
    """Older systems attach it to the tty: the adapter hangs under it."""
    adapter = pi / "sys/devices/platform/soc/fe201000.serial/tty/ttyAMA0/hci0"
    adapter.mkdir(parents=True)
    (pi / "sys/class/bluetooth").mkdir(parents=True)
    (pi / "sys/class/bluetooth/hci0").mkdir()
    (pi / "sys/class/bluetooth/hci0/device").symlink_to(adapter.parent)
    assert "Bluetooth has" in only(uart(examined(pi)), Verdict.BAD).what


@pytest.mark.parametrize("console", ["console=serial0,115200", "console=ttyAMA0,115200"])
def test_the_kernel_console_is_on_the_port(pi: Path, console: str) -> None:
    """By the firmware's name or its own: taken out of cmdline.txt, whichever stands there."""
    free(pi)
    write(pi / "proc/cmdline", f"{console} console=tty1 root=PARTUUID=1\n")
    finding = only(uart(examined(pi)), Verdict.BAD)
    assert console in finding.what
    assert finding.remedy.splitlines() == [
        f"sudo sed -i -E 's/console=(serial0|ttyAMA0)[^ ]* ?//g' {pi}/boot/firmware/cmdline.txt",
        "sudo reboot",
    ]


def test_a_login_is_on_the_port(pi: Path) -> None:
    """A getty alone, without the kernel's console: no reboot needed."""
    free(pi)
    finding = only(uart(examined(pi, ttyAMA0=Ran(0, "active"))), Verdict.BAD)
    assert finding.remedy == "sudo systemctl disable --now serial-getty@ttyAMA0.service"


def test_a_console_on_another_port_is_no_fault(pi: Path) -> None:
    """serial0 is the mini UART here, and the reader is on the PL011."""
    write(pi / "proc/cmdline", "console=serial0,115200 console=tty1\n")
    only(uart(examined(pi, ttyS0=Ran(0, "active"))), Verdict.OK)
    only(uart(examined(pi, f"serial:{pi}/dev/serial0")), Verdict.BAD)


def test_the_port_is_switched_off(pi: Path) -> None:
    """No node, and enable_uart stands nowhere; before Debian 12 the file is /boot/config.txt."""
    (pi / "dev/ttyAMA0").unlink()
    only(uart(examined(pi)), Verdict.OK)
    (pi / "boot/firmware/config.txt").unlink()
    write(pi / "boot/config.txt", "#enable_uart=1\n")
    finding = only(uart(examined(pi)), Verdict.BAD)
    assert finding.remedy == f"printf '\\n[all]\\nenable_uart=1\\n' | sudo tee -a {pi}/boot/config.txt\nsudo reboot"
    write(pi / "proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0")
    assert "dtparam=uart0=on" in only(uart(examined(pi)), Verdict.BAD).remedy


def test_a_station_without_such_a_reader_does_not_mind(pi: Path) -> None:
    """Bluetooth may have the port then, and a console, too."""
    (pi / "dev/serial1").symlink_to("ttyAMA0")
    only(uart(examined(pi, "pcsc:")), Verdict.SKIPPED)
    only(uart(examined(pi, "nfcpy:tty:USB0:pn532")), Verdict.SKIPPED)


def test_a_free_port_is_well(pi: Path) -> None:
    """After all remedies."""
    free(pi)
    only(uart(examined(pi)), Verdict.OK)
