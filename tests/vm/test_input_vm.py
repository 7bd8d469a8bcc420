"""Scanners and readers that type, on a true kernel with true udev and USB: a virtual machine of the tests' own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.virtual_machine import VirtualMachine

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

LINK = "evdev:/dev/input/by-id/usb-QEMU_QEMU_USB_Keyboard_S1-event-kbd"
IDS = "evdev:0627:0001"
NUMBER = ["shift+d", "shift+e", "minus", "1", "2", "3", "ret"]


class Guest:
    """The program in the machine. What it says is taken by its first word, because several threads say it."""

    def __init__(self, machine: VirtualMachine) -> None:
        self.machine = machine
        self._said: list[list[Any]] = []

    def ask(self, *words: object) -> list[Any]:
        """Send a command and give what it says under the same word."""
        self.machine.say(*words)
        return self.told(str(words[0]))

    def told(self, kind: str) -> list[Any]:
        """The next of what it says under a word."""
        while (found := next((words for words in self._said if words[0] == kind), None)) is None:
            words = self.machine.hear()
            assert words[0] != "failed", words
            self._said.append(words)
        self._said.remove(found)
        return found[1:]


@pytest.fixture(scope="module")
def guest() -> Iterator[Guest]:
    """One machine for all of these; each plugs its own keyboard in."""
    with VirtualMachine(Path(__file__).with_name("guest_inputs.py")) as machine:
        guest = Guest(machine)
        guest.told("ready")
        yield guest


@pytest.fixture
def keyboard(guest: Guest) -> Iterator[str]:
    """A USB keyboard that is plugged in, and known to udev; gone afterwards."""

    def is_there() -> bool:
        return any(spec == LINK for _, spec, _ in guest.ask("inputs")[0])

    guest.machine.plug("first", "S1")
    while not is_there():
        pass
    yield "first"
    guest.machine.unplug("first")
    while is_there():
        pass


@pytest.mark.parametrize("spec", [LINK, IDS])
def test_a_scanner_is_grabbed_lost_and_found_again(guest: Guest, keyboard: str, spec: str) -> None:
    """By udev's link or by its USB ids: scans arrive with the kernel's time, nobody else hears a key, and after an
    unplug the scanner is taken again by itself."""
    machine = guest.machine
    machine.say("listen", spec)
    machine.say("scan", spec)
    assert guest.told("state")[:2] == ["ready", "QEMU QEMU USB Keyboard"]
    machine.press(NUMBER)
    assert guest.told("scan") == ["DE-123", None, True]
    machine.unplug(keyboard)
    assert guest.told("heard") == [0]
    assert guest.told("state")[0] == "lost"
    assert guest.told("state")[0] == "missing"
    machine.plug(keyboard, "S1")
    assert guest.told("state")[0] == "ready"
    machine.press(NUMBER)
    assert guest.told("scan") == ["DE-123", None, True]
    machine.say("stop")
    assert guest.told("stopped") == [True]


def test_who_holds_it_is_told(guest: Guest, keyboard: str) -> None:
    """A device that another process has grabbed is busy, and the process is named."""
    kind, named, message = guest.ask("held by another", LINK)
    assert (kind, named) == ("DeviceBusy", True), message


def test_an_overflow_of_the_kernels_buffer_makes_no_wrong_uid(guest: Guest) -> None:
    """A reader on uinput whose lane stalls until the kernel drops events: every UID that arrives was truly typed, and
    it reads on afterwards."""
    (arrived,) = guest.ask("wedge")
    typed = {"04a1b2c3d4e5f6", *(f"04a1b2c3d4e5{number:02x}" for number in range(40)), "0499999999999a"}
    assert arrived[0] == "04a1b2c3d4e5f6"
    assert arrived[-1] == "0499999999999a"
    assert typed.issuperset(arrived)
