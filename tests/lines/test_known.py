"""The table of known devices: complete, without doubles, and each row with its source."""

from __future__ import annotations

from collections import Counter

import pytest
from nfc.clf import device as nfcpy

from tagsmith.lines.known import DEVICES, Access, Kind, find


def test_every_row_is_unique_and_has_a_name_and_a_source() -> None:
    """Two rows for the same ids would hide one of them; a row without a source is a rumour."""
    assert [ids for ids, count in Counter((row.vid, row.pid) for row in DEVICES).items() if count > 1] == []
    assert [row for row in DEVICES if not row.name or not row.source] == []
    assert all(0 < row.vid <= 0xFFFF and (row.pid is None or 0 <= row.pid <= 0xFFFF) for row in DEVICES)


@pytest.mark.parametrize("ids", sorted(nfcpy.usb_device_map))
def test_every_device_that_nfcpy_drives_is_known(ids: tuple[int, int]) -> None:
    """Discovery offers nfcpy for all of nfcpy's own map, and the name of its module would be no use without it."""
    row = find(*ids)
    assert row is not None
    assert row.kind is Kind.READER
    assert Access.NFCPY in row.access


def test_nfcpy_is_offered_for_nothing_else() -> None:
    """A reader that nfcpy does not know would fail at every start."""
    offered = {(row.vid, row.pid) for row in DEVICES if Access.NFCPY in row.access}
    assert offered == set(nfcpy.usb_device_map)


@pytest.mark.parametrize(
    "ids",
    [
        *[(0x072F, pid) for pid in (0x223B, 0x2303, 0x2308, 0x221A, 0x2229, 0x2224, 0x2200)],
        *[(0x076B, pid) for pid in (0x5022, 0x5422, 0x5427)],
        *[(0x04E6, pid) for pid in (0x5790, 0x5791)],
        *[(0x054C, pid) for pid in (0x0DC8, 0x0DC9)],
        *[(0x09D8, pid) for pid in (0x0427, 0x0428)],
    ],
)
def test_pcsc_readers_name_the_package_that_drives_them(ids: tuple[int, int]) -> None:
    """Where pcscd sees no reader though one is plugged, the remedy is a package."""
    row = find(*ids)
    assert row is not None
    assert Access.PCSC in row.access
    assert row.driver in {"libccid", "libacsccid1"}


def test_modules_of_the_kernel_are_named_where_they_grab_the_reader() -> None:
    """pn533_usb and port100, by the kernel's own device tables."""
    modules = {(row.vid, row.pid): row.module for row in DEVICES if row.module}
    assert modules == {
        (0x072F, 0x2200): "pn533_usb",
        (0x04E6, 0x5591): "pn533_usb",
        (0x04CC, 0x2533): "pn533_usb",
        (0x054C, 0x02E1): "pn533_usb",
        (0x054C, 0x06C1): "port100",
        (0x054C, 0x06C3): "port100",
    }


def test_a_row_of_its_own_comes_before_the_vendors() -> None:
    """Elatec's ids are one each; a scanner's vendor stands for all of its products; a stranger is unknown."""
    typing, serial = find(0x09D8, 0x0410), find(0x09D8, 0x0420)
    assert typing is not None
    assert serial is not None
    assert (typing.kind, serial.access) == (Kind.KEYBOARD_READER, (Access.SERIAL,))
    scanner = find(0x0C2E, 0x0B81)
    assert scanner is not None
    assert (scanner.kind, scanner.pid) == (Kind.SCANNER, None)
    assert find(0x1D6B, 0x0002) is None


def test_all_kinds_have_rows() -> None:
    """The doctor tells each of them."""
    assert {row.kind for row in DEVICES} == set(Kind)
