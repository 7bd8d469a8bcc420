"""What the name of a PC/SC reader says: which slot of a device it is, and which one a spec means. Pure.

One device shows several names: a dual reader has a contact slot beside the contactless one, many have a SAM slot
(a fixed chip inside the reader, which would be read as if it were a key). Only names tell them apart.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence


class Slot(enum.Enum):
    """What a reader name stands for."""

    CONTACTLESS = "contactless slot"
    """It says so: PICC, CL, contactless, NFC."""
    UNSAID = "reader"
    """It does not say; most contactless readers with one slot are of this kind."""
    CONTACT = "contact slot"
    """For cards with gold contacts."""
    SAM = "SAM slot"
    """For a security chip inside the reader."""


# Names of ccid and acsccid, as "ACS ACR1252 Dual Reader [ACR1252 Dual Reader SAM] 01 00",
# "HID Global OMNIKEY 5422 Smartcard Reader [OMNIKEY 5422CL Smartcard Reader] 00 00".
_SAM = re.compile(r"\bSAM\b", re.IGNORECASE)
_CONTACTLESS = re.compile(r"\bPICC\b|contactless|\bNFC\b|(\b|[0-9])CL\b|\bRFID\b", re.IGNORECASE)
_CONTACT = re.compile(r"\bICC\b|\bcontact(ed)?\b", re.IGNORECASE)


def slot_of(name: str) -> Slot:
    """Which slot a name stands for."""
    # What stands in brackets is the interface itself, the rest may speak of the whole device ("… CL Reader [… SAM]").
    for part in (*re.findall(r"\[([^\]]*)\]", name), name):
        if _SAM.search(part):
            return Slot.SAM
        if _CONTACTLESS.search(part):
            return Slot.CONTACTLESS
        if _CONTACT.search(part):
            return Slot.CONTACT
    return Slot.UNSAID


def choose(names: Sequence[str], wanted: str) -> list[str]:
    """The readers that `wanted` means, best first: a part of the name in any case, or nothing for any reader.

    Contact and SAM slots are left out unless `wanted` is their whole name. Slots that say they are contactless come
    before those that say nothing; otherwise the order is the service's.
    """
    exact = [name for name in names if name.casefold() == wanted.casefold()]
    if exact:
        return exact
    matches = [name for name in names if wanted.casefold() in name.casefold()]
    by_slot = {slot: [name for name in matches if slot_of(name) is slot] for slot in Slot}
    return by_slot[Slot.CONTACTLESS] + by_slot[Slot.UNSAID]
