"""The lines of a device that types, from its opening to its loss."""

from __future__ import annotations

import pytest

from support.input_device import SYN, SYN_DROPPED, TAB, PlayedDevice
from tagsmith.errors import ConfigError, DeviceLost
from tagsmith.lines.keymap import GAP_S, Line
from tagsmith.lines.spec import Spec
from tagsmith.lines.typist import QUIET_LIMIT_S, QUIET_S, Typist
from tagsmith.model import ScanFault

SPEC = "evdev:/dev/input/event7"


def typist(device: PlayedDevice, options: str = "") -> Typist:
    made = Typist(Spec(f"{SPEC}{options}"), device=device, clock=device.clock)
    made.open()
    return made


def texts(lines: list[Line]) -> list[tuple[str, ScanFault | None]]:
    return [(line.text, line.fault) for line in lines]


def test_lines_come_as_soon_as_they_end() -> None:
    """A read returns with the line that ends first, long before its timeout, and with the key's own times."""
    device = PlayedDevice()
    reading = typist(device)
    began = device.now
    device.type("ab", after_s=1.0)
    device.type("cd", after_s=1.5)
    (line,) = reading.read(60)
    assert (line.text, line.at) == ("ab", pytest.approx(began + 1.001))
    assert device.now == line.ended_at
    assert texts(reading.read(60)) == [("cd", None)]
    assert reading.read(0.5) == []
    assert device.now == pytest.approx(began + 2.0, abs=0.05)


def test_layout_and_end_are_those_of_the_options() -> None:
    """The device's own layout decides, and its own end key."""
    device = PlayedDevice()
    reading = typist(device, "?layout=fr&end=tab")
    device.type("!@#a", TAB)
    assert texts(reading.read(60)) == [("123q", None)]


def test_silence_ends_a_line_without_an_end() -> None:
    """With `silence` a read returns when the device has been silent that long, counted from its last key."""
    device = PlayedDevice()
    reading = typist(device, "?silence=0.3")
    device.type("ab", None, after_s=1.0)
    (line,) = reading.read(60)
    assert (line.text, line.fault) == ("ab", None)
    assert device.now == pytest.approx(line.ended_at + 0.3)


def test_events_that_wait_are_no_silence() -> None:
    """After a stall of this process, what the device typed meanwhile is read before silence is believed."""
    device = PlayedDevice()
    reading = typist(device, "?silence=0.3")
    device.type("ab", None)
    assert reading.read(0.001) == []
    device.type("c" * 50, None, after_s=0.02)
    device.now += 10
    assert texts(reading.read(60)) == [("ab" + "c" * 50, None)]


def test_half_a_line_is_told_without_waiting_for_more() -> None:
    """A line without its end comes as partial once it is given up, in the middle of a long read."""
    device = PlayedDevice()
    reading = typist(device)
    device.type("ab", None)
    (line,) = reading.read(60)
    assert line.fault is ScanFault.PARTIAL
    assert device.now == pytest.approx(line.ended_at + GAP_S)


def test_wake_ends_a_read() -> None:
    """A wake gives an empty answer, and a line under way goes on afterwards."""
    device = PlayedDevice()
    reading = typist(device)
    device.type("ab", None)
    reading.read(0.001)
    reading.wake()
    assert reading.read(60) == []
    device.type("cd", after_s=0.1)
    assert texts(reading.read(60)) == [("abcd", None)]


def test_dropped_events_spoil_the_line() -> None:
    """SYN_DROPPED from the kernel makes the line dirty."""
    device = PlayedDevice()
    reading = typist(device)
    device.type("12", None)
    device.play([(SYN, SYN_DROPPED, 0), (SYN, 0, 0)], 0.1)
    device.type("34", after_s=0.2)
    assert texts(reading.read(60)) == [("1234", ScanFault.DIRTY)]


def test_opening_waits_for_silence() -> None:
    """A silent device is open after `QUIET_S`, and its first line is good."""
    device = PlayedDevice()
    began = device.now
    reading = typist(device)
    assert device.now == pytest.approx(began + QUIET_S)
    device.type("ab")
    assert texts(reading.read(60)) == [("ab", None)]


def test_a_line_that_was_under_way_at_the_opening_is_dropped() -> None:
    """The rest of a line whose beginning nobody heard is no line, ended in time or not; what follows is good."""
    device = PlayedDevice()
    device.type("cd", after_s=0.05)
    reading = typist(device)
    device.type("ab")
    assert texts(reading.read(60)) == [("ab", None)]
    device = PlayedDevice()
    device.type("cd", None, after_s=0.05)
    reading = typist(device)
    device.type("ef")
    device.type("ab", after_s=0.5)
    assert texts(reading.read(60)) == [("cdef", ScanFault.PARTIAL)]
    assert texts(reading.read(60)) == [("ab", None)]


def test_a_device_that_is_never_silent_is_open_all_the_same() -> None:
    """Opening ends in time; then nothing is believed before an end."""
    device = PlayedDevice()
    began = device.now
    for place in range(100):
        device.type("1", None, after_s=place * 0.05)
    reading = typist(device)
    assert device.now <= began + QUIET_LIMIT_S + 0.2
    device.type("2", after_s=10)
    assert reading.read(60)[0].fault is ScanFault.PARTIAL


def test_a_loss_passes_through_and_the_next_opening_begins_anew() -> None:
    """A device that went away raises, and half a line of before is no part of what comes after."""
    device = PlayedDevice()
    reading = typist(device)
    device.type("ab", None)
    assert reading.read(0.1) == []
    device.error = DeviceLost("it was unplugged")
    with pytest.raises(DeviceLost):
        reading.read(60)
    reading.close()
    assert not device.is_open
    device.error = None
    reading.open()
    device.type("cd")
    assert texts(reading.read(60)) == [("cd", None)]


@pytest.mark.parametrize("option", ["layout=uk", "end=lf", "silence=0", "silence=5", "silence=x"])
def test_wrong_options_are_refused(option: str) -> None:
    """An option that is not understood is a ConfigError that names it."""
    with pytest.raises(ConfigError, match=option.partition("=")[0]):
        Typist(Spec(f"{SPEC}?{option}"))
