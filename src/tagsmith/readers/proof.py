"""Which readers' byte order is a setting, and whether a calibration has found it right. Pure.

PC/SC and nfcpy give uid0 first by themselves. What a serial reader sends, or one that types, is in whatever order it
was set to, and its spec says which: a wrong one makes wrong UIDs of good keys, and nobody sees it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tagsmith.model import Calibration
from tagsmith.uid import ByteOrder

PROVING = ("pcsc", "nfcpy")
"""Backends that give what the chip sent, by APDU or by the anticollision itself: nobody can set their order wrong."""
SIMULATED = "sim"


def order_is_set(spec: str) -> bool:
    """Whether the order of this reader's UIDs is a setting, so that a key must show whether it is right."""
    return spec.strip().partition(":")[0] not in (*PROVING, SIMULATED)


def not_compared(specs: Sequence[str], order: ByteOrder, calibrations: Iterable[Calibration]) -> tuple[str, ...]:
    """Those of these readers whose order is a setting that no calibration has found right, as they are set now.

    `order` is the one in force: what was found right while another one was is no proof any more. Such a reader stands
    in a calibration by its whole spec.
    """
    agreed = {one.reader for one in calibrations if one.order is order}
    return tuple(spec for spec in dict.fromkeys(specs) if order_is_set(spec) and spec not in agreed)
