"""The words with which a spec says how a reader writes a UID as text. Pure."""

from __future__ import annotations

import enum


class Base(enum.StrEnum):
    """In which digits a reader writes a UID."""

    HEX = "hex"
    """Two hex digits a byte."""
    DECIMAL = "decimal"
    """One decimal number, the most significant digit first."""
