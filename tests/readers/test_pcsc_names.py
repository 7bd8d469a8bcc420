"""Reader names: which slot they stand for, and which one a spec means."""

from __future__ import annotations

import pytest

from tagsmith.readers.pcsc_names import Slot, choose, slot_of

ACR1252 = "ACS ACR1252 1S CL Reader [ACR1252 1S CL Reader PICC] 00 00"
ACR1252_SAM = "ACS ACR1252 1S CL Reader [ACR1252 1S CL Reader SAM] 01 00"
ACR122 = "ACS ACR122U PICC Interface 00 00"
OMNIKEY = "HID Global OMNIKEY 5422 Smartcard Reader [OMNIKEY 5422CL Smartcard Reader] 00 00"
OMNIKEY_CONTACT = "HID Global OMNIKEY 5422 Smartcard Reader [OMNIKEY 5422 Smartcard Reader] 01 00"
LAPTOP = "Broadcom Corp 5880 [Contacted SmartCard] 00 00"


@pytest.mark.parametrize(
    ("name", "slot"),
    [
        (ACR1252, Slot.CONTACTLESS),
        (ACR1252_SAM, Slot.SAM),
        (ACR122, Slot.CONTACTLESS),
        ("ACS ACR1281 1S Dual Reader [ACR1281U-C1 ICC] 00 00", Slot.CONTACT),
        ("ACS ACR1281 1S Dual Reader [ACR1281U-C1 PICC] 00 01", Slot.CONTACTLESS),
        ("ACS ACR1281 1S Dual Reader [ACR1281U-C1 SAM] 00 02", Slot.SAM),
        (OMNIKEY, Slot.CONTACTLESS),
        (OMNIKEY_CONTACT, Slot.UNSAID),
        ("Identiv uTrust 4701 F Dual Interface Reader [uTrust 4701 F Contact Reader] 00 00", Slot.CONTACT),
        ("Identiv uTrust 4701 F Dual Interface Reader [uTrust 4701 F Contactless Reader] 01 00", Slot.CONTACTLESS),
        ("HID Global OMNIKEY 5022 Smart Card Reader [OMNIKEY 5022 Smart Card Reader] 00 00", Slot.UNSAID),
        ("SONY FeliCa RC-S300/S NFC 00 00", Slot.CONTACTLESS),
        (LAPTOP, Slot.CONTACT),
        ("Samsung Reader 00 00", Slot.UNSAID),
    ],
)
def test_slot_of(name: str, slot: Slot) -> None:
    """The interface's own name in brackets decides, whatever the device calls itself."""
    assert slot_of(name) is slot


def test_any_reader() -> None:
    """Without a name: slots that say they are contactless, then those that say nothing; no contact or SAM slot."""
    names = [LAPTOP, OMNIKEY_CONTACT, ACR1252_SAM, ACR1252, ACR122]
    assert choose(names, "") == [ACR1252, ACR122, OMNIKEY_CONTACT]


def test_part_of_a_name() -> None:
    """In any case; the slots of one device are told apart as without a name."""
    names = [ACR1252_SAM, ACR1252, OMNIKEY_CONTACT, OMNIKEY]
    assert choose(names, "acr1252") == [ACR1252]
    assert choose(names, "omnikey 5422") == [OMNIKEY, OMNIKEY_CONTACT]
    assert choose(names, "rc-s380") == []
    assert choose(names, "SAM") == []
    assert choose([], "") == []


def test_whole_name() -> None:
    """Given in full, any slot is meant, and no other reader whose name merely contains it."""
    assert choose([ACR1252, ACR1252_SAM], ACR1252_SAM) == [ACR1252_SAM]
    assert choose(["Reader 00 00 long", "Reader 00 00"], "reader 00 00") == ["Reader 00 00"]
