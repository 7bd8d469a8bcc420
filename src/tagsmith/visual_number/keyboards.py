"""Which key gives what on which keyboard layout, so that a mix-up of two layouts can be told. Knows no numbers.

A scanner that types as a keyboard sends key positions, not characters: where its layout is not the computer's, other
characters arrive (`YZ-1234` from a US scanner arrives as `ZYß1234` on a German computer).
"""

from __future__ import annotations

import enum
import itertools


class Layout(enum.StrEnum):
    """A keyboard layout that a scanner may type in or a computer may be set to."""

    US = "us"
    """United States; what scanners leave the factory with."""
    DE = "de"
    """German."""
    FR = "fr"
    """French (AZERTY)."""
    ES = "es"
    """Spanish."""

    @property
    def label(self) -> str:
        """Its name in a sentence."""
        return _LABELS[self]


_LABELS = {Layout.US: "US", Layout.DE: "German", Layout.FR: "French", Layout.ES: "Spanish"}

# Unshifted and shifted, by place: the digit row, the three letter rows, the blank, and last the key beside the left
# shift that US keyboards lack. Spacing accents stand for dead keys; where such a key composes with the next character,
# nothing can be undone. As in xkeyboard-config.
_ROWS = {
    Layout.US: (
        ("`1234567890-=", "qwertyuiop[]", "asdfghjkl;'\\", "zxcvbnm,./", " "),
        ("~!@#$%^&*()_+", "QWERTYUIOP{}", 'ASDFGHJKL:"|', "ZXCVBNM<>?", " "),
    ),
    Layout.DE: (
        ("^1234567890ß´", "qwertzuiopü+", "asdfghjklöä#", "yxcvbnm,.-", " ", "<"),
        ('°!"§$%&/()=?`', "QWERTZUIOPÜ*", "ASDFGHJKLÖÄ'", "YXCVBNM;:_", " ", ">"),
    ),
    Layout.FR: (
        ("²&é\"'(-è_çà)=", "azertyuiop^$", "qsdfghjklmù*", "wxcvbn,;:!", " ", "<"),
        ("~1234567890°+", "AZERTYUIOP\u00a8£", "QSDFGHJKLM%µ", "WXCVBN?./§", " ", ">"),
    ),
    Layout.ES: (
        ("º1234567890'¡", "qwertyuiop`+", "asdfghjkl\u00f1´ç", "zxcvbnm,.-", " ", "<"),
        ('ª!"·$%&/()=?¿', "QWERTYUIOP^*", "ASDFGHJKL\u00d1\u00a8Ç", "ZXCVBNM;:_", " ", ">"),
    ),
}
_KEYS = {layout: ["".join(rows) for rows in both] for layout, both in _ROWS.items()}


def keys(layout: Layout) -> tuple[str, str]:
    """What the keys of a layout give, unshifted and shifted, one character a key.

    By place: the digit row from left to right, the three letter rows, the blank, and last the key beside the left
    shift, which the US layout has not. Spacing accents stand for dead keys.
    """
    unshifted, shifted = _KEYS[layout]
    return unshifted, shifted


PAIRS = tuple(itertools.permutations(Layout, 2))
"""Every two unlike layouts (scanner, computer), the likeliest first: scanners are US keyboards by default."""

# zip ends with the shorter: what only one of two keyboards has cannot be retyped.
_RETYPED = {
    (of, as_): {
        meant: arrives
        for row_of, row_as in zip(_KEYS[of], _KEYS[as_], strict=True)
        for meant, arrives in zip(row_of, row_as, strict=False)
    }
    for of, as_ in PAIRS
}


def retype(text: str, of: Layout, as_: Layout) -> str | None:
    """What arrives where a device types `text` in the layout `of` and the computer reads its keys as `as_`.

    With the layouts exchanged the same call undoes it. None where a character has no key of its own in `of`, or its
    key is missing in `as_` (AltGr characters, other scripts).
    """
    if of is as_:
        return text
    table = _RETYPED[of, as_]
    return "".join(table[character] for character in text) if table.keys() >= set(text) else None
