"""Which keys of a user can prove the byte order: physical ones, in use, with an id that is a chip's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tagsmith.calibration.judgement import key_bytes
from tagsmith.drive.models import ChargingKey, KeyKind

_WITHOUT_CHIP = (KeyKind.VIRTUAL, KeyKind.PLUG_AND_CHARGE)


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A physical key as the API knows it. `data` are the bytes of its id, in the API's order.

    `problem` says in plain words why it cannot prove anything; empty for one that can.
    """

    key_id: str
    data: bytes
    name: str
    visual_number: str
    kind: str
    problem: str = ""

    @property
    def label(self) -> str:
        """What a person calls it: the printed number, or else its name, or its id."""
        return self.visual_number or self.name or self.key_id


def known_keys(keys: Iterable[ChargingKey], now: datetime) -> tuple[KnownKey, ...]:
    """The user's physical keys, in the API's order; virtual keys and vehicles' contracts are left out.

    `now` is aware; it decides what has expired.
    """
    return tuple(_known(key, now) for key in keys if key.type not in _WITHOUT_CHIP)


def _known(key: ChargingKey, now: datetime) -> KnownKey:
    data = key_bytes(key.key_id)
    return KnownKey(
        key_id=key.key_id,
        data=data or b"",
        name=key.name or "",
        visual_number=key.reference_id or "",
        kind=key.type.value,
        problem=_problem(key, data, now),
    )


def _problem(key: ChargingKey, data: bytes | None, now: datetime) -> str:
    if data is None:
        return "its id is not a chip's"
    if not key.enabled:
        return "disabled: it works at no charger now"
    if key.valid_to <= now:
        return f"expired on {key.valid_to:%Y-%m-%d}: it works at no charger now"
    if key.valid_from > now:
        return f"valid from {key.valid_from:%Y-%m-%d} only: it works at no charger yet"
    return ""
