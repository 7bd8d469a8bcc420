"""What the columns of a list of numbers may be called. Pure."""

from __future__ import annotations

import re
from typing import Final

NUMBER_NAMES: Final = (
    "visualNumber",
    "visual_number",
    "number",
    "card number",
    "key number",
    "printed number",
    "Nummer",
    "Kartennummer",
)
"""The column of numbers; case, blanks, `-` and `_` do not count."""
UID_NAMES: Final = ("uid", "chip uid", "rfid uid", "card uid", "tag uid")
"""The column of UIDs, likewise."""

_WITHOUT: Final = re.compile(r"[\s_-]+")


def _plain(name: str) -> str:
    return _WITHOUT.sub("", name).casefold()


_NUMBERS: Final = frozenset(map(_plain, NUMBER_NAMES))
_UIDS: Final = frozenset(map(_plain, UID_NAMES))


def names_numbers(title: str) -> bool:
    """Whether a column of this title is the one of the numbers."""
    return _plain(title) in _NUMBERS


def names_uids(title: str) -> bool:
    """Whether a column of this title is the one of the UIDs."""
    return _plain(title) in _UIDS
