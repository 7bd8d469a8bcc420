"""The meaning of printed numbers: what may be one, contract ids and check digits, layout damage, comparison. Pure.

To the API a visual number is opaque text, so little is refused; but a mangled number pairs a key with nobody's or
somebody else's number, so whatever shows that damage is named. Nothing here changes what is sent: a number goes out
as it was scanned, trimmed only, and is *compared* by its key.

    judging      characters, the batch's rules, the verdict, and the mishaps that explain a bad number
    contract_id  the two kinds of contract id, their check characters, DIN → eMI3
    keyboards    which key gives what on which keyboard layout
"""

from tagsmith.visual_number.contract_id import Check, Format, din_check, iso_check
from tagsmith.visual_number.judging import (
    MAX_LENGTH,
    MAX_TEXT_LENGTH,
    CheckPolicy,
    NumberDecision,
    NumberReason,
    NumberVerdict,
    Rules,
    VisualNumber,
    judge,
)
from tagsmith.visual_number.keyboards import Layout, retype

__all__ = [
    "MAX_LENGTH",
    "MAX_TEXT_LENGTH",
    "Check",
    "CheckPolicy",
    "Format",
    "Layout",
    "NumberDecision",
    "NumberReason",
    "NumberVerdict",
    "Rules",
    "VisualNumber",
    "din_check",
    "iso_check",
    "judge",
    "retype",
]
