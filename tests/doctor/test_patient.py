"""Which nodes a spec leads to, as its backend would find them."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.machine import machine, patient
from support.sysfs import plug
from tagsmith.doctor.patient import Patient


@pytest.fixture
def bench(tmp_path: Path) -> Patient:
    """Three readers that nfcpy drives, one that it does not, and a keyboard."""
    plug(tmp_path, "1-1", 0x054C, 0x06C3, bus=1, address=4)
    plug(tmp_path, "1-2", 0x04E6, 0x5591, bus=1, address=12)
    plug(tmp_path, "1-3", 0x04E6, 0x5790, bus=1, address=13)
    plug(tmp_path, "1-4", 0x0C2E, 0x0B81, bus=2, address=4, ports=("event7", "hidraw0"))
    plug(tmp_path, "10-1", 0x054C, 0x06C1, bus=10, address=5)
    return patient(machine(tmp_path))


@pytest.mark.parametrize(
    ("spec", "nodes"),
    [
        ("nfcpy:usb", ["bus/usb/001/004", "bus/usb/001/012", "bus/usb/010/005"]),
        ("nfcpy:usb:054c:06c3", ["bus/usb/001/004"]),
        ("nfcpy:usb:054C:06C3?tech=106A,106B", ["bus/usb/001/004"]),
        ("nfcpy:usb:04e6", ["bus/usb/001/012"]),
        ("nfcpy:usb:001:012", ["bus/usb/001/012"]),
        ("nfcpy:usb:1:12", ["bus/usb/001/012"]),
        ("nfcpy:usb:010:005", ["bus/usb/010/005"]),
        ("nfcpy:usb:072f:2200", []),
        ("nfcpy:usb:nonsense", []),
        ("nfcpy:tty:AMA0:pn532", ["ttyAMA0"]),
        ("nfcpy:tty:USB1", ["ttyUSB1"]),
        ("nfcpy:tty:rfid-a:pn532?poll=0.1", ["rfid-a"]),
        ("evdev:0c2e:0b81", ["input/event7"]),
        ("evdev:0c2e:0b82", []),
        ("pcsc:ACR1252", []),
        ("nfcpy:udp", []),
        ("sim:", []),
        ("serial:socket://host:7", []),
    ],
)
def test_specs_and_their_nodes(bench: Patient, spec: str, nodes: list[str]) -> None:
    """nfcpy's own short names and ids, and only the devices that it drives; input devices by their ids."""
    assert bench.nodes(spec) == tuple(bench.system.dev / node for node in nodes)


def test_a_path_is_taken_as_it_stands(bench: Patient) -> None:
    """Also one that is not there, and one with a colon, as links by-path have them."""
    path = "/dev/serial/by-path/platform-1.usb-usb-0:1.2:1.0-port0"
    assert bench.nodes(f"serial:{path}?frame=hex-line&length=7") == (Path(path),)
    assert bench.nodes(f"nfcpy:tty:{path}:pn532") == (Path(path),)
    assert bench.nodes("evdev:/dev/input/by-id/usb-X-event-kbd?layout=de") == (
        Path("/dev/input/by-id/usb-X-event-kbd"),
    )


def test_the_device_behind_a_spec(bench: Patient) -> None:
    """By its libusb node, or by a port, whatever name that goes by."""
    reader = bench.device_of("nfcpy:usb:04e6:5591")
    assert reader is not None
    assert str(reader) == "Identiv/SCM SCL3711 (04e6:5591)"
    link = bench.system.dev / "scanner-a"
    link.symlink_to(bench.system.dev / "input/event7")
    scanner = bench.device_of(f"evdev:{link}")
    assert scanner is not None
    assert scanner.known.name == "Honeywell scanner"
    assert bench.device_of("pcsc:") is None
