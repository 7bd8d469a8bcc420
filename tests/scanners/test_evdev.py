"""Lines of an input device to scans, and a headless station with devices that type."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.headless import Headless, environment
from support.input_device import CONTROL, ENTER, ESCAPE, KEY, PRESSED, RELEASED, Inputs, PlayedDevice, stroke
from support.wire_server import WireServer
from tagsmith.errors import ConfigError, DeviceLost
from tagsmith.model import ReaderState, Scan, ScanFault, ScannerStatus
from tagsmith.scanners.base import ScannerPump
from tagsmith.scanners.buffer import LIMIT
from tagsmith.scanners.evdev import EvdevScanner

SPEC = "evdev:/dev/input/by-id/usb-Scanner-event-kbd"


def opened(device: PlayedDevice, spec: str = SPEC) -> EvdevScanner:
    scanner = EvdevScanner(spec, device=device, clock=device.clock)
    assert scanner.open() == "HID Keyboard Reader"
    return scanner


def test_a_line_is_a_scan() -> None:
    """A scan bears its text, the kernel's time of its first key, its source and its scanner's spec."""
    device = PlayedDevice()
    scanner = opened(device)
    began = device.now
    device.type("de-ABC-C12345678-9", after_s=2.0)
    (scan,) = scanner.read(60)
    assert scan == Scan("de-ABC-C12345678-9", scan.at, "scanner", None, SPEC)
    assert scan.at == pytest.approx(began + 2.001)
    assert scanner.read(0.5) == []


def test_several_lines_are_several_scans() -> None:
    """Lines that wait together come together, each with its own time."""
    device = PlayedDevice()
    scanner = opened(device)
    device.type("1")
    device.type("2", after_s=0.1)
    device.now += 1
    first, second = scanner.read(60)
    assert (first.text, second.text) == ("1", "2")
    assert first.at < second.at


def test_blanks_around_a_number_are_dropped() -> None:
    """Blanks at the ends do not count, and a line of nothing else is nothing."""
    device = PlayedDevice()
    scanner = opened(device)
    device.type("  ")
    device.type(" 1 2 ", after_s=0.5)
    assert [scan.text for scan in scanner.read(60) + scanner.read(60)] == ["1 2"]


def test_faults_are_those_of_the_line() -> None:
    """Control characters are dirty, half a line is partial, too much is an overflow; a fault without text is told."""
    device = PlayedDevice()
    scanner = opened(device)
    device.play([(KEY, CONTROL, PRESSED), *stroke(27), (KEY, CONTROL, RELEASED), *stroke(ENTER)])
    assert [(scan.text, scan.fault) for scan in scanner.read(60)] == [("", ScanFault.DIRTY)]
    device.type("12", None, after_s=0.5)
    device.play(stroke(ESCAPE), 1.0)
    device.play(stroke(ENTER), 1.1)
    assert [(scan.text, scan.fault) for scan in scanner.read(60)] == [("12", ScanFault.DIRTY)]
    device.type("1" * (LIMIT + 1))
    assert [(scan.text, scan.fault) for scan in scanner.read(60)] == [("1" * LIMIT, ScanFault.OVERFLOW)]
    device.type("12", None)
    assert [(scan.text, scan.fault) for scan in scanner.read(60)] == [("12", ScanFault.PARTIAL)]


def test_options_are_checked() -> None:
    """The options of the device are taken; another one is refused with what was perhaps meant."""
    device = PlayedDevice()
    scanner = opened(device, f"{SPEC}?layout=de&end=enter&silence=0.2")
    device.type("YZ", None)
    (scan,) = scanner.read(60)
    assert (scan.text, scan.scanner) == ("ZY", f"{SPEC}?layout=de&end=enter&silence=0.2")
    with pytest.raises(ConfigError, match="did you mean layout"):
        EvdevScanner(f"{SPEC}?layuot=de")


def test_its_pump_reports_a_loss_and_goes_on() -> None:
    """Behind a pump: ready, the scan, lost with a remedy, ready again; closing lets the device go."""
    device = PlayedDevice()
    scans: list[Scan] = []
    states: list[ScannerStatus] = []
    device.type("12", after_s=0.5)

    def take(scan: Scan) -> None:
        scans.append(scan)
        device.error = DeviceLost("it was unplugged", "plug it in again")
        if len(scans) == 2:
            pump.close()

    def pause(_: float) -> None:
        device.error = None
        device.type("34", after_s=0.5)

    scanner = EvdevScanner(SPEC, device=device, clock=device.clock)
    pump = ScannerPump(scanner, take, states.append, clock=device.clock, pause=pause)
    pump.run()
    assert [scan.text for scan in scans] == ["12", "34"]
    assert [status.state for status in states] == [ReaderState.READY, ReaderState.LOST, ReaderState.READY]
    assert not device.is_open


def test_a_headless_station_on_devices_that_type(tmp_path: Path) -> None:
    """A reader and a scanner that type, by the real python-evdev: taps and scans are paired, also after the scanner was
    pulled out and came back as another event number."""
    with Inputs() as inputs, WireServer(key="test-key") as server:
        reader = inputs.plug(3, link="usb-Reader-event-kbd")
        scanner = inputs.plug(4, vid=0x0C2E, pid=0x0901, link="usb-Scanner-event-kbd")
        env = inputs.environment | environment(
            tmp_path,
            server.url,
            TAGSMITH_READER=json.dumps([{"spec": f"evdev:{inputs.by_id}/usb-Reader-event-kbd?length=7"}]),
            TAGSMITH_SCANNER=json.dumps([{"spec": f"evdev:{inputs.by_id}/usb-Scanner-event-kbd", "lane": "1"}]),
        )
        with Headless(env=env) as station:
            for kind in ("reader", "scanner"):
                while not any(event["event"] == kind and event["state"] == "ready" for event in station.events):
                    station.expect_any("reader", "scanner")
            reader.type("04a1b2c3d4e5f6")
            station.expect("tapped", uid="04a1b2c3d4e5f6")
            scanner.type("N-1")
            assert station.expect("paired")["visual_number"] == "N-1"
            scanner.unplug()
            assert station.expect("scanner", state="lost")["remedy"]
            scanner = inputs.plug(9, vid=0x0C2E, pid=0x0901, link="usb-Scanner-event-kbd")
            station.expect("scanner", state="ready")
            reader.type("04a1b2c3d4e5f7")
            station.expect("tapped", uid="04a1b2c3d4e5f7")
            scanner.type("N-2")
            paired = station.expect("paired")
            assert (paired["uid"], paired["visual_number"]) == ("04a1b2c3d4e5f7", "N-2")
