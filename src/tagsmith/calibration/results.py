"""What a calibration came to: the values that go from the readers to the record and to whoever shows them."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from tagsmith.calibration.judgement import Finding
from tagsmith.calibration.keys import KnownKey
from tagsmith.uid import ByteOrder, Uid


class Standing(enum.StrEnum):
    """What was found of one reader."""

    PROVES = "proves"
    """It gave the key as its chip sends it, and with that the API's order."""
    AGREES = "agrees"
    """It is set right: what it gives is the chip's UID."""
    SET_OTHERWISE = "set-otherwise"
    """It needs other options, which are known."""
    TRUNCATED = "truncated"
    """It gives a part of the UID only."""
    MISMATCH = "mismatch"
    """It gave another UID than the key's, or a decimal number, or a UID that no chip has."""
    INCONCLUSIVE = "inconclusive"
    """The key's UID reads the same both ways, or nobody vouched for the key."""
    NO_TAP = "no-tap"
    """No key was laid on it in time, or nothing that can be understood came."""
    NOT_ASKED = "not-asked"
    """What it could have been compared with is not known."""


class SecondKey(enum.StrEnum):
    """What became of a second key that was asked for; it makes the proof stronger, and is not needed."""

    LAID = "laid"
    """A card came; `readers` says what of it."""
    NOT_LAID = "not-laid"
    """None came in time."""
    DECLINED = "declined"
    """The person has none at hand."""


WRONG = (Standing.SET_OTHERWISE, Standing.TRUNCATED, Standing.MISMATCH)
"""Standings of a reader that must not be used as it is."""


@dataclass(frozen=True, slots=True)
class Proof:
    """One key on one reader, and what it proves. `reader` is the reader's own name."""

    key: KnownKey
    uid: Uid
    finding: Finding
    spec: str
    reader: str


@dataclass(frozen=True, slots=True)
class ReaderResult:
    """What one key on one reader came to, in plain words.

    `key_id` is the API's for the key, where it was recognised; `wanted_spec` the spec to write, if another one.
    """

    spec: str
    reader: str
    standing: Standing
    message: str
    key_id: str = ""
    wanted_spec: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What all keys on all readers prove together. `proofs` hold what is to be recorded, the best one last.

    Without an `order` nothing is recorded; `message` says why, `remedy` what to do (may be empty).
    """

    finding: Finding
    order: ByteOrder | None
    proofs: tuple[Proof, ...]
    readers: tuple[ReaderResult, ...]
    uid: Uid | None = None
    """The last UID that was read, proof or not."""
    message: str = ""
    remedy: str = ""
    second_key: SecondKey | None = None
    """None where no second key was asked for."""
