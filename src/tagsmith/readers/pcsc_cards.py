"""What a PC/SC card says of itself: the UID in its answer, and its radio technology in its ATR. Pure."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from tagsmith.model import Tag, Trouble
from tagsmith.uid import MAX_LENGTH, Technology, Uid

GET_UID = bytes.fromhex("ffca000000")
"""GET DATA, PC/SC part 3 §3.2.2.1.3: the UID, uid0 first."""
_SUCCESS = b"\x90\x00"


@dataclass(frozen=True, slots=True)
class Unread:
    """Why there is no UID: the word for it, and what exactly happened, for the log."""

    trouble: Trouble
    why: str


def tag_of(answer: bytes, technology: Technology) -> Tag | Unread:
    """The tag in an answer to GET DATA, or why there is none in it.

    A driver may call a torn exchange a success and hand over a short answer, and some deliver an empty or overlong
    UID with 9000: length and status word are validated, nothing is repaired.
    """
    data, status = answer[:-2], answer[-2:]
    if status != _SUCCESS:
        return Unread(Trouble.NO_UID, f"the reader answered {status.hex() or 'nothing'}")
    if not 1 <= len(data) <= MAX_LENGTH:
        return Unread(Trouble.NO_UID, f"the reader answered a UID of {len(data)} bytes")
    raw = data.hex()
    if technology is Technology.ISO15693 and data[-1] == 0xE0 and data[0] != 0xE0:
        # ISO/IEC 15693-3: the most significant byte is E0; some readers deliver it last, as it goes over the air.
        data = data[::-1]
    return Tag(Uid(data, technology), raw=raw)


# SS, "standard", in the ATR of a storage card: PC/SC part 3 rev. 2.01, §3.1.3.2.3 and its supplemental document.
_STANDARDS = {
    **dict.fromkeys((0x01, 0x02, 0x03), Technology.ISO14443A),
    **dict.fromkeys((0x05, 0x06, 0x07), Technology.ISO14443B),
    **dict.fromkeys((0x09, 0x0A, 0x0B, 0x0C), Technology.ISO15693),
    0x11: Technology.FELICA,
}
# 3B, 15 historical bytes, T=0 and T=1; then 80 4F 0C: an application identifier of 12 bytes, whose provider is the
# PC/SC workgroup.
_STORAGE_CARD = bytes.fromhex("3b8f8001804f0ca000000306")


@functools.lru_cache
def technology_of(atr: bytes) -> Technology:
    """The radio interface that a storage card's ATR names; unknown for all others (a DESFire, say), which do not."""
    if not atr.startswith(_STORAGE_CARD) or len(atr) <= len(_STORAGE_CARD):
        return Technology.UNKNOWN
    return _STANDARDS.get(atr[len(_STORAGE_CARD)], Technology.UNKNOWN)
