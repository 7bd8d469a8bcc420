"""USB devices as sysfs tells them, from trees like the kernel's."""

from __future__ import annotations

from pathlib import Path

from support.sysfs import plug
from tagsmith.lines.usb import usb_devices


def test_a_device_is_told_with_ids_words_drivers_and_nodes(tmp_path: Path) -> None:
    """Ids are hexadecimal, numbers decimal; the node is the one that libusb opens."""
    plug(tmp_path, "1-1.2", 0x072F, 0x2200, bus=1, address=12, product="ACR122U PICC Interface", drivers=("pn533_usb",))
    (device,) = usb_devices(tmp_path / "sys", tmp_path / "dev")
    assert (device.vid, device.pid, device.ids) == (0x072F, 0x2200, "072f:2200")
    assert (device.bus, device.address, device.product) == (1, 12, "ACR122U PICC Interface")
    assert device.drivers == ("pn533_usb",)
    assert device.node == tmp_path / "dev/bus/usb/001/012"


def test_ports_are_what_kernel_drivers_made_of_it(tmp_path: Path) -> None:
    """A serial port and an input device of it, by the nodes that are opened."""
    plug(tmp_path, "1-1", 0x0403, 0x6001, address=2, drivers=("ftdi_sio",), ports=("ttyUSB0",))
    plug(tmp_path, "1-2", 0x09D8, 0x0410, address=3, drivers=("usbhid",), ports=("event5", "hidraw0"))
    plug(tmp_path, "1-3", 0x09D8, 0x0420, address=4, drivers=("cdc_acm",), ports=("ttyACM0",))
    dev = tmp_path / "dev"
    bridge, keyboard, acm = usb_devices(tmp_path / "sys", dev)
    assert bridge.ports == (dev / "ttyUSB0",)
    assert keyboard.ports == (dev / "input/event5", dev / "hidraw0")
    assert acm.ports == (dev / "ttyACM0",)


def test_a_driver_on_several_interfaces_is_named_once(tmp_path: Path) -> None:
    """Two keyboards in one device: one driver."""
    plug(tmp_path, "1-1", 0x1EAB, 0x0D00, drivers=("usbhid", "usbhid", "cdc_acm"))
    (device,) = usb_devices(tmp_path / "sys", tmp_path / "dev")
    assert device.drivers == ("usbhid", "cdc_acm")


def test_devices_come_in_the_order_of_bus_and_address(tmp_path: Path) -> None:
    """Not in the order of names, in which 1-10 stands before 1-2."""
    plug(tmp_path, "1-10", 1, 1, bus=1, address=10)
    plug(tmp_path, "1-2", 2, 2, bus=1, address=4)
    assert [device.address for device in usb_devices(tmp_path / "sys")] == [4, 10]


def test_what_a_device_says_of_itself_is_plain_text(tmp_path: Path) -> None:
    """A device may say anything; a terminal gets no commands from it."""
    plug(tmp_path, "1-1", 1, 2, product="ACR\x1b[2J122U", serial="\u0007A1")
    (device,) = usb_devices(tmp_path / "sys")
    assert (device.product, device.serial) == ("ACR[2J122U", "A1")


def test_a_device_that_is_pulled_meanwhile_is_left_out(tmp_path: Path) -> None:
    """A folder whose files went away, and one with nonsense in them."""
    plug(tmp_path, "1-1", 1, 2)
    (tmp_path / "sys/bus/usb/devices/1-1/idVendor").unlink()
    plug(tmp_path, "1-2", 1, 2)
    (tmp_path / "sys/bus/usb/devices/1-2/busnum").write_text("\n")
    assert usb_devices(tmp_path / "sys") == ()


def test_a_machine_without_usb_has_no_devices(tmp_path: Path) -> None:
    """A container, a virtual machine."""
    assert usb_devices(tmp_path) == ()


def test_a_smart_card_reader_is_known_by_its_interface(tmp_path: Path) -> None:
    """Class 0x0B, whatever the ids; a keyboard has none, and nonsense in that file counts for nothing."""
    plug(tmp_path, "1-1", 0xABCD, 1, address=1, drivers=("", "usbhid"), classes=(0x0B, 0x03))
    plug(tmp_path, "1-2", 0xABCD, 2, address=2, classes=(0x03,))
    plug(tmp_path, "1-3", 0xABCD, 3, address=3, classes=(0x0B,))
    (tmp_path / "sys/bus/usb/devices/1-3/1-3:1.0/bInterfaceClass").write_text("no class\n")
    reader, keyboard, strange = usb_devices(tmp_path / "sys")
    assert (reader.smart_card, reader.classes) == (True, (0x0B, 0x03))
    assert not keyboard.smart_card
    assert strange.classes == ()
