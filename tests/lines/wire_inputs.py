"""The real python-evdev on devices of the tests' own. Run by test_inputs.py in a process that has the shim."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import evdev
import pytest

from support.input_device import KEY, PRESSED, RELEASED, SYN, VOLUME_UP, Inputs
from tagsmith.errors import (
    DeviceBusy,
    DeviceError,
    DeviceForbidden,
    DeviceLost,
    DeviceMissing,
    DeviceUnsupported,
)
from tagsmith.lines import inputs as room
from tagsmith.lines.inputs import Address, InputDevice
from tagsmith.lines.spec import Spec
from tagsmith.lines.typist import Typist

PATIENCE_S = 10.0


@pytest.fixture
def inputs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Inputs]:
    """A folder of devices, which takes the place of the machine's own."""
    with Inputs() as made:
        monkeypatch.setattr(room, "SYS", made.sys)
        monkeypatch.setattr(room, "DEV", made.dev)
        yield made


def opened(address: Path | str) -> InputDevice:
    device = InputDevice(Address.of(Spec(f"evdev:{address}")))
    device.open()
    return device


def test_events_come_with_the_monotonic_time_of_capture(inputs: Inputs) -> None:
    """What the kernel captured is read as it is, with times of the clock that everything here is measured with."""
    keyboard = inputs.plug(name="Reader \x07 of keys")
    device = InputDevice(Address.of(Spec(f"evdev:{keyboard.node}")))
    assert device.open() == "Reader  of keys"
    at = time.monotonic() - 3.0
    keyboard.emit([(KEY, 30, PRESSED), (SYN, 0, 0)], at)
    events = device.read(PATIENCE_S)
    assert events is not None
    assert [(event.type, event.code, event.value) for event in events] == [(KEY, 30, PRESSED), (SYN, 0, 0)]
    assert events[0].at == pytest.approx(at, abs=0.001)
    device.close()


def test_without_a_monotonic_clock_times_are_converted(inputs: Inputs) -> None:
    """A kernel that stamps with the time of day only is good enough: the times are turned into monotonic ones."""
    keyboard = inputs.plug()
    keyboard.order("no-clock")
    device = opened(keyboard.node)
    at = time.monotonic() - 3.0
    keyboard.emit([(KEY, 30, PRESSED)], at)
    events = device.read(PATIENCE_S)
    assert events is not None
    assert events[0].at == pytest.approx(at, abs=0.05)
    device.close()


def test_nothing_comes_at_the_timeout(inputs: Inputs) -> None:
    """A silent device gives no events, and reading it returns at the timeout."""
    device = opened(inputs.plug().node)
    assert device.read(0.0) == []
    assert device.read(0.01) == []
    device.close()


def test_wake_ends_a_read(inputs: Inputs) -> None:
    """A wake from another thread ends a read under way, one without a read the next; closed, it is nothing."""
    device = opened(inputs.plug().node)
    threading.Timer(0.05, device.wake).start()
    assert device.read(PATIENCE_S) is None
    device.wake()
    assert device.read(PATIENCE_S) is None
    assert device.read(0.0) == []
    device.close()
    device.close()
    device.wake()


def test_the_grab_keeps_others_out(inputs: Inputs) -> None:
    """A second opener is told that it is busy, and the first goes on reading; after its close the second may."""
    keyboard = inputs.plug()
    device = opened(keyboard.node)
    with pytest.raises(DeviceBusy, match="held by another program") as busy:
        opened(keyboard.node)
    assert str(keyboard.node) in busy.value.remedy
    keyboard.type("1")
    assert device.read(PATIENCE_S)
    device.close()
    opened(keyboard.node).close()


def test_a_foreign_grab_is_busy(inputs: Inputs) -> None:
    """So is a device that a program grabbed which knows nothing of tagsmith."""
    keyboard = inputs.plug()
    other = evdev.InputDevice(str(keyboard.node))
    other.grab()
    with pytest.raises(DeviceBusy):
        opened(keyboard.node)
    other.close()
    opened(keyboard.node).close()


def test_an_unplugged_device_is_lost(inputs: Inputs) -> None:
    """Pulled out, it raises `DeviceLost` out of the read, even one that waits, and is missing at the next opening."""
    keyboard = inputs.plug(link="usb-Reader-event-kbd")
    device = opened(inputs.by_id / "usb-Reader-event-kbd")
    threading.Timer(0.05, keyboard.unplug).start()
    with pytest.raises(DeviceLost, match="was unplugged") as lost:
        device.read(PATIENCE_S)
    assert lost.value.remedy
    with pytest.raises(DeviceMissing, match="usb-Reader-event-kbd is not there"):
        device.open()


@pytest.mark.parametrize("by_link", [True, False])
def test_it_is_found_again_under_another_number(inputs: Inputs, by_link: bool) -> None:
    """By its link or by its ids, a device that comes back as another event number is opened as before."""
    keyboard = inputs.plug(7, link="usb-Reader-event-kbd")
    spec = f"evdev:{inputs.by_id}/usb-Reader-event-kbd" if by_link else "evdev:ffff:0035"
    device = InputDevice(Address.of(Spec(spec)))
    device.open()
    keyboard.unplug()
    with pytest.raises(DeviceMissing):
        device.open()
    again = inputs.plug(12, link="usb-Reader-event-kbd")
    device.open()
    again.type("1")
    assert device.read(PATIENCE_S)
    device.close()


def test_a_forbidden_device_says_which_group(inputs: Inputs) -> None:
    """A node that this user may not open is forbidden, with the line to type."""
    keyboard = inputs.plug()
    keyboard.order("forbidden")
    with pytest.raises(DeviceForbidden, match="may not open") as forbidden:
        opened(keyboard.node)
    assert "input" in forbidden.value.remedy


def test_what_is_no_keyboard_is_unsupported(inputs: Inputs, tmp_path: Path) -> None:
    """A mouse, a volume knob and a plain file are no devices to read lines from; nothing stays open or grabbed."""
    knob = inputs.plug(keys=(VOLUME_UP,))
    with pytest.raises(DeviceUnsupported, match="no keys to type a line with"):
        opened(knob.node)
    other = evdev.InputDevice(str(knob.node))
    other.grab()
    other.close()
    file = tmp_path / "event7"
    file.touch()
    with pytest.raises(DeviceUnsupported):
        opened(file)


def test_a_name_that_is_no_text_is_unsupported(inputs: Inputs) -> None:
    """python-evdev cannot open a device whose name is no UTF-8; that is said, not thrown."""
    keyboard = inputs.plug()
    description = keyboard.node.with_name("event7.device")
    description.write_bytes(description.read_bytes().replace(b"HID Keyboard Reader", b"L\xe9cteur"))
    with pytest.raises(DeviceUnsupported, match="no text"):
        opened(keyboard.node)


def test_descriptors_do_not_leak(inputs: Inputs) -> None:
    """However opening ends, and how often, nothing stays open."""
    keyboard = inputs.plug()
    knob = inputs.plug(8, keys=(VOLUME_UP,), vid=1, pid=1)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        device = opened(keyboard.node)
        with pytest.raises(DeviceBusy):
            opened(keyboard.node)
        device.close()
        for node in (knob.node, keyboard.node.with_name("event9")):
            with pytest.raises(DeviceError):
                opened(node)
    # The test's own side of the wire keeps what it accepted.
    keyboard.unplug()
    knob.unplug()
    assert len(os.listdir("/proc/self/fd")) <= before


def test_a_scan_under_way_at_the_opening_is_no_line(inputs: Inputs) -> None:
    """What a device types while it is being opened has no known beginning; the next line is good."""
    keyboard = inputs.plug()
    stop = threading.Event()

    def type_on() -> None:
        while not stop.wait(0.02):
            keyboard.emit([(KEY, 2, PRESSED), (SYN, 0, 0), (KEY, 2, RELEASED), (SYN, 0, 0)])

    thread = threading.Thread(target=type_on)
    thread.start()
    threading.Timer(0.3, stop.set).start()
    typist = Typist(Spec(f"evdev:{keyboard.node}"))
    typist.open()
    thread.join()
    keyboard.type("2")
    keyboard.type("345")
    lines = typist.read(PATIENCE_S)
    while len(lines) < 2:
        lines += typist.read(PATIENCE_S)
    assert lines[0].fault is not None
    assert (lines[1].text, lines[1].fault) == ("345", None)
    typist.close()


def test_other_errors_of_the_system_are_typed(inputs: Inputs, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that nobody expects at opening, at the grab or at reading is a DeviceError, too."""
    keyboard = inputs.plug()
    failing = OSError(errno.EIO, "Input/output error")

    def fail(*_: object) -> None:
        raise failing

    device = opened(keyboard.node)
    monkeypatch.setattr(evdev.InputDevice, "read", fail)
    keyboard.type("1")
    with pytest.raises(DeviceLost, match="Input/output error"):
        device.read(PATIENCE_S)
    device.close()
    monkeypatch.setattr(evdev.InputDevice, "grab", fail)
    with pytest.raises(DeviceLost, match="Input/output error"):
        opened(keyboard.node)
