"""Elatec TWN4 in its Simple Protocol: what to ask, and what the answers say. Pure.

The host asks, the reader answers; each is a line of hex digits that ends with CR. `SearchTag` is API 05, function 00,
and takes the most bytes of an ID that are wanted. The answer begins with an error code (00: none) and the result (01:
a tag was found, 00: none); a tag's type, the number of its ID's bits, the number of its bytes, and these follow.
Source: Elatec, "TWN4 Simple Protocol" (function SearchTag, list of tag types).

A TWN4 with its standard firmware sends lines of hex by itself; that is no conversation, and none of this is needed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

SEARCH_TAG = b"050010\r"
"""Is a tag there? With at most 16 bytes of its ID."""
LOW_FREQUENCY = range(0x40, 0x80)
"""Tag types of 125 kHz."""
ISO14443A, ISO14443B, ISO15693, FELICA = 0x80, 0x81, 0x82, 0x85
"""Tag types of 13.56 MHz whose ID is a UID as others know it."""

_NOTHING = b"0000"
_FOUND = re.compile(rb"0001([0-9A-F]{2})([0-9A-F]{2})([0-9A-F]{2})((?:[0-9A-F]{2})+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """What SearchTag found: a tag's type and its ID. Without a tag, `tag_type` is 0 and the ID empty."""

    tag_type: int = 0
    tag_id: bytes = b""


def answer(line: bytes) -> Answer | None:
    """What a line answers to `SEARCH_TAG`; None for one that is none, is mangled, or contradicts itself."""
    if line == _NOTHING:
        return Answer()
    found = _FOUND.fullmatch(line)
    if found is None:
        return None
    tag_type, bits, length, tag_id = (bytes.fromhex(part.decode("ascii")) for part in found.groups())
    if not tag_type[0] or len(tag_id) != length[0] or (bits[0] + 7) // 8 != length[0]:
        return None
    return Answer(tag_type[0], tag_id)
