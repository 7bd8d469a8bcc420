"""Input devices: what is listed, and which one a spec means; one that is opened, in a process of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.input_device import KEYBOARD_KEYS, VOLUME_UP, Inputs, run_checks
from tagsmith.errors import ConfigError, DeviceMissing, DeviceUnsupported
from tagsmith.lines import inputs as room
from tagsmith.lines import libraries
from tagsmith.lines.inputs import Address, InputDevice, InputInfo, inputs, spec_of
from tagsmith.lines.spec import Spec


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Iterator[Inputs]:
    """A folder of devices, which takes the place of the machine's own."""
    with Inputs() as made:
        monkeypatch.setattr(room, "SYS", made.sys)
        monkeypatch.setattr(room, "DEV", made.dev)
        yield made


def find(spec: str) -> Path:
    return Address.of(Spec(spec)).find()


def test_the_real_library_on_a_wire() -> None:
    """Everything in wire_inputs.py holds for the real python-evdev."""
    run_checks(Path(__file__).with_name("wire_inputs.py"))


# --- what is there ------------------------------------------------------------------------------------------------


def test_devices_are_listed_with_what_they_say_of_themselves(there: Inputs) -> None:
    """A keyboard is listed with node, link, name, ids, socket and serial number, in the order of the nodes."""
    there.plug(11, name="Scanner", vid=0x0C2E, pid=0x0901, serial="S1", phys="usb-1/input0")
    there.plug(3, name="Reader \x1b[31m", link="usb-Reader-event-kbd")
    reader, scanner = inputs()
    assert reader == InputInfo(
        node=there.dev / "input" / "event3",
        name="Reader [31m",
        vid=0xFFFF,
        pid=0x0035,
        phys="usb-0000:00:14.0-1/input0",
        serial="",
        link=there.by_id / "usb-Reader-event-kbd",
        readable=True,
    )
    assert (scanner.ids, scanner.serial, scanner.link) == ("0c2e:0901", "S1", None)


def test_what_cannot_type_a_line_is_not_listed(there: Inputs) -> None:
    """Mice, knobs and power buttons have no Enter and digits; nor is anything listed that is pulled meanwhile."""
    there.plug(1, keys=(VOLUME_UP, 116))
    there.plug(2, keys=(*range(2, 12), 0x110))
    there.plug(3, keys=())
    torn = there.plug(4)
    (there.sys / "class" / "input" / "event4" / "device" / "id" / "vendor").unlink()
    assert inputs() == ()
    torn.unplug()


def test_nothing_is_listed_where_the_kernel_has_no_input(tmp_path: Path) -> None:
    """No /sys/class/input and no /dev/input is no error."""
    assert inputs(tmp_path, tmp_path) == ()


def test_what_may_not_be_opened_is_listed_as_such(there: Inputs) -> None:
    """Listing opens nothing: a node that is not readable, or not even there, is listed, and says so."""
    there.plug(1)
    (there.dev / "input" / "event1").unlink()
    (info,) = inputs()
    assert not info.readable


def test_bitmaps_are_read_in_words_of_this_process(there: Inputs) -> None:
    """Keys in the second word, and bitmaps with many words, are read right."""
    there.plug(1, keys=(*KEYBOARD_KEYS, 0x1FF, 0x2FE))
    assert len(inputs()) == 1


# --- which one a spec means ---------------------------------------------------------------------------------------


def test_a_path_means_itself(there: Inputs) -> None:
    """A node or link is taken as it is written, whether it is there or not."""
    assert find("evdev:/dev/input/by-id/usb-X-event-kbd?layout=de") == Path("/dev/input/by-id/usb-X-event-kbd")


def test_ids_mean_the_one_device_that_has_them(there: Inputs) -> None:
    """Hex of either case; none is missing, and comes later perhaps."""
    there.plug(1, vid=0x0C2E, pid=0x0901)
    there.plug(2, vid=0xABCD, pid=0x00EF)
    assert find("evdev:ABCD:00ef") == there.dev / "input" / "event2"
    with pytest.raises(DeviceMissing, match="1234:5678 is plugged in"):
        find("evdev:1234:5678")


def test_like_devices_are_told_apart_or_refused(there: Inputs) -> None:
    """Two like devices need a serial number or a socket; without, the error lists what to write."""
    first = there.plug(1, serial="A 1&2", phys="usb-1.1/input0").node
    second = there.plug(2, serial="B", phys="usb-1.2/input0").node
    with pytest.raises(DeviceUnsupported, match="2 input devices ffff:0035 are there") as refused:
        find("evdev:ffff:0035")
    assert "evdev:ffff:0035?serial=A 1%262" in refused.value.remedy
    assert "evdev:ffff:0035?serial=B" in refused.value.remedy
    with pytest.raises(DeviceUnsupported) as refused:
        find("evdev:ffff:0035?length=7&serial=&layout=de")
    assert "evdev:ffff:0035?serial=A 1%262&length=7&layout=de" in refused.value.remedy
    assert find("evdev:ffff:0035?serial=A 1%262") == first
    assert find("evdev:ffff:0035?phys=usb-1.2") == find("evdev:ffff:0035?phys=usb-1.2/input0") == second
    with pytest.raises(DeviceMissing, match="with this serial number"):
        find("evdev:ffff:0035?serial=C")
    with pytest.raises(DeviceMissing, match="with this phys"):
        find("evdev:ffff:0035?phys=usb-1")


def test_every_spec_that_is_offered_means_its_device(there: Inputs) -> None:
    """Twins, interfaces of one device, devices with and without links: the spec offered finds just the device."""
    there.plug(1, vid=1, pid=1)
    there.plug(2, vid=2, pid=2, link="usb-Two-event-kbd")
    there.plug(3, vid=3, pid=3, serial="A")
    there.plug(4, vid=3, pid=3, serial="B", phys="usb-4/input0")
    there.plug(5, vid=4, pid=4, phys="usb-5/input0", link="usb-Twin-event-kbd")
    there.plug(6, vid=4, pid=4, phys="usb-6/input0")
    there.plug(7, vid=5, pid=5, phys="usb-7/input0", link="usb-Both-event-kbd")
    there.plug(8, vid=5, pid=5, phys="usb-7/input1", link="usb-Both-if01-event-kbd")
    there.plug(9, vid=6, pid=6, phys="")
    there.plug(10, vid=6, pid=6, phys="")
    infos = inputs()
    specs = [spec_of(info, infos) for info in infos]
    assert [Path(os.path.realpath(find(spec))) for spec in specs] == [info.node for info in infos]
    assert specs == [
        "evdev:0001:0001",
        f"evdev:{there.by_id}/usb-Two-event-kbd",
        "evdev:0003:0003?serial=A",
        "evdev:0003:0003?serial=B",
        "evdev:0004:0004?phys=usb-5/input0",
        "evdev:0004:0004?phys=usb-6/input0",
        f"evdev:{there.by_id}/usb-Both-event-kbd",
        f"evdev:{there.by_id}/usb-Both-if01-event-kbd",
        f"evdev:{there.dev}/input/event9",
        f"evdev:{there.dev}/input/event10",
    ]


@pytest.mark.parametrize("address", ["", "event7", "ffff", "ffff:35", "0xffff:0x0035", "fffg:0035", "ffff:0035:1"])
def test_what_is_no_address_is_refused(address: str) -> None:
    """Neither a path nor two ids of four hex digits: a ConfigError with both forms."""
    with pytest.raises(ConfigError, match="by-id") as refused:
        Address.of(Spec(f"evdev:{address}"))
    assert "vvvv:pppp" in refused.value.remedy


def test_a_missing_library_is_a_plain_message(monkeypatch: pytest.MonkeyPatch, there: Inputs) -> None:
    """Without python-evdev, opening says what to install."""
    keyboard = there.plug()
    monkeypatch.setitem(sys.modules, "evdev", None)
    with pytest.raises(DeviceUnsupported, match="python-evdev") as missing:
        InputDevice(Address.of(Spec(f"evdev:{keyboard.node}"))).open()
    assert missing.value.remedy == libraries.missing("evdev")
