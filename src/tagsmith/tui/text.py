"""Text that may be shown: nothing from outside reaches the terminal as anything but plain, visible characters. Pure.

Tags, scans, the API and settings hold whatever somebody put there: escape sequences, markup, text that runs backwards.
Whatever the screen shows is a `Safe`, and making one is what cleans it, so there is no way round.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

LIMIT = 512
"""Characters of one piece of foreign text that are kept; no line of a screen is longer."""

_CUT = ".."
# Cc controls, Cf invisible and bidi, Cs lone surrogates, Co private, Cn unassigned, Zl/Zp line breaks.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Drawn as nothing (or as a blank) although their category says letter, mark or symbol.
_BLANK = (
    (0x034F, 0x034F),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFFA0, 0xFFA0),
    (0xE0100, 0xE01EF),
)


class Safe(str):
    """Text without anything a terminal or a reader's eye could be fooled by.

    Controls, invisible characters and blanks other than the space are written as `<1D>`, `<202E>`: ASCII, because
    no picture of them is in every console's font. Making one cleans the text; a `Safe` stays as it is.
    """

    __slots__ = ()

    def __new__(cls, text: str = "") -> Safe:
        if type(text) is Safe:
            return text
        return super().__new__(cls, "".join(map(_visible, text)) if _suspicious(text) else text)


def printable(text: str, limit: int = LIMIT) -> Safe:
    """Foreign text as it may be shown, cut to `limit` characters of the original and marked with `..` if it was."""
    return Safe(text if len(text) <= limit else text[:limit] + _CUT)


def joined(parts: Iterable[Safe], between: str = "  ") -> Safe:
    """The parts that are not empty, in one line."""
    return Safe(between.join(part for part in parts if part))


def _suspicious(text: str) -> bool:
    # Nearly all that is shown is printable ASCII; looking each character up would cost more than the frame.
    return not (text.isascii() and text.isprintable())


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    hidden = category in _HIDDEN or (category == "Zs" and character != " ")
    if hidden or any(first <= ord(character) <= last for first, last in _BLANK):
        return f"<{ord(character):02X}>"
    return character


EMPTY = Safe()
"""Nothing."""
