"""Proving the byte order: a key that is known to work, as the API knows it, against what readers make of it.

Being wrong is silent otherwise: the API takes a UID in either order, and the key just never works.

    judgement   what bytes prove; pure
    keys        which keys of a user can prove something
    specs       which readers may decide, and what the spec of the others must say
    taps        keys laid on one reader
    session     asking for keys on readers, one after the other
    results     what that came to
    recording   the durable record, and what was made in another order
    telling     the words
"""

from tagsmith.calibration.keys import KnownKey, known_keys
from tagsmith.calibration.recording import Circumstances, Others, Report, obstacle, record
from tagsmith.calibration.results import Outcome, Proof, ReaderResult, SecondKey, Standing
from tagsmith.calibration.session import Person, Session

__all__ = [
    "Circumstances",
    "KnownKey",
    "Others",
    "Outcome",
    "Person",
    "Proof",
    "ReaderResult",
    "Report",
    "SecondKey",
    "Session",
    "Standing",
    "known_keys",
    "obstacle",
    "record",
]
