"""What may be a scanner: which devices are listed, with which spec, and what is in the way."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tagsmith.errors import DeviceUnsupported
from tagsmith.lines import libraries, nodes
from tagsmith.lines.inputs import InputInfo
from tagsmith.lines.ports import PortInfo
from tagsmith.model import ReaderState, ScannerStatus
from tagsmith.scanners.discovery import discover

HONEYWELL = 0x0C2E
FTDI = (0x0403, 0x6001)
TWN4_SERIAL, TWN4_KEYBOARD = (0x09D8, 0x0420), (0x09D8, 0x0410)


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """A file that this user may open, in a device's place."""
    path = tmp_path / "ttyUSB0"
    path.touch()
    return path


def found(ports: Sequence[PortInfo] = (), inputs: Sequence[InputInfo] = ()) -> list[ScannerStatus]:
    """What is discovered where these are there."""
    return discover(listed_ports=lambda: ports, listed_inputs=lambda: inputs)


def test_nothing_there() -> None:
    """No device: nothing to list."""
    assert found() == []


def test_ports(node: Path) -> None:
    """Known scanners, bridges and ports of no known device are listed by their stable names; known readers are not."""
    stable = Path("/dev/serial/by-id/usb-Honeywell")
    scanner, bridge, plain = found(
        [
            PortInfo(node, stable, "ttyACM0", HONEYWELL, 0x0206),
            PortInfo(node, node, "FT232R", *FTDI),
            PortInfo(node, node, "ttyS0"),
            PortInfo(node, node, "TWN4", *TWN4_SERIAL),
        ]
    )
    assert (scanner.spec, scanner.state, scanner.name) == (
        f"serial:{stable}",
        ReaderState.READY,
        "Honeywell scanner",
    )
    assert scanner.message == "a scanner"
    assert (bridge.spec, bridge.name) == (f"serial:{node}", "FTDI FT232")
    assert "perhaps" in bridge.message
    assert (plain.spec, plain.name) == (f"serial:{node}", "ttyS0")


def test_inputs(node: Path) -> None:
    """Known scanners say so, other keyboards are perhaps scanners with a warning; known readers are not listed."""
    scanner, keyboard = found(
        inputs=[
            InputInfo(node, "Honeywell", HONEYWELL, 0x0901, "usb-1/input0", readable=True),
            InputInfo(node, "A4Tech Keyboard", 0x09DA, 0x2267, "usb-2/input0", readable=True),
            InputInfo(node, "TWN4", *TWN4_KEYBOARD, "usb-3/input0", readable=True),
        ]
    )
    assert (scanner.spec, scanner.state, scanner.name) == ("evdev:0c2e:0901", ReaderState.READY, "Honeywell scanner")
    assert (keyboard.spec, keyboard.name) == ("evdev:09da:2267", "A4Tech Keyboard")
    assert "keyboard" in keyboard.message
    assert "leave it out" in keyboard.remedy


def test_two_like_scanners_have_two_specs(node: Path) -> None:
    """The spec selects just the one."""
    one, two = found(
        inputs=[
            InputInfo(node.with_name(f"event{n}"), "Honeywell", HONEYWELL, 0x0901, f"usb-{n}/input0", readable=True)
            for n in (1, 2)
        ]
    )
    assert one.spec != two.spec


def test_forbidden(node: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What this user may not open is listed, with the line to type."""
    monkeypatch.setattr(nodes, "allowed", lambda _: False)
    port, typing = found([PortInfo(node, node, "ttyUSB0")], [InputInfo(node, "Keyboard", 1, 2, readable=False)])
    for status in (port, typing):
        assert status.state is ReaderState.FORBIDDEN
        assert "may not open" in status.message
        assert "sudo" in status.remedy


def test_busy(node: Path) -> None:
    """A port that another process has open names that process."""
    code = "import sys; held = open(sys.argv[1]); print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(node)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        (status,) = found([PortInfo(node, node, "ttyUSB0")])
        assert holder.stdin is not None
        holder.stdin.close()
    assert status.state is ReaderState.BUSY
    assert f"process {holder.pid}" in status.message
    (status,) = found([PortInfo(node, node, "ttyUSB0")])
    assert status.state is ReaderState.READY


def test_missing_libraries(node: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line each, last, with what to install; the other kind is listed as ever."""

    def no_ports() -> Sequence[PortInfo]:
        raise DeviceUnsupported("pyserial is not installed", libraries.missing("serial"))

    keyboard = InputInfo(node, "Keyboard", 1, 2, readable=True)
    listed = discover(listed_ports=no_ports, listed_inputs=lambda: [keyboard])
    assert [status.spec for status in listed] == ["evdev:0001:0002", "serial:"]
    assert listed[-1].remedy == libraries.missing("serial")
    monkeypatch.setitem(sys.modules, "evdev", None)
    listed = discover(listed_ports=lambda: [PortInfo(node, node, "ttyS0")], listed_inputs=lambda: [keyboard])
    assert [status.spec for status in listed] == [f"serial:{node}", "evdev:"]
    assert listed[-1].remedy == libraries.missing("evdev")


def test_nothing_is_opened(node: Path) -> None:
    """Looking leaves no file open."""
    before = os.listdir("/proc/self/fd")
    found([PortInfo(node, node, "ttyUSB0")], [InputInfo(node, "Keyboard", 1, 2, readable=True)])
    assert len(os.listdir("/proc/self/fd")) == len(before)
