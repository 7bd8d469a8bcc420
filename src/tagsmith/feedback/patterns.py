"""What each signal looks and sounds like: one table. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tagsmith.model import Signal


@dataclass(frozen=True, slots=True)
class Step:
    """What is on, and for how long."""

    lasts_s: float
    green: bool = False
    red: bool = False
    sound: bool = False


_GAP = Step(0.1)

PATTERNS: Mapping[Signal, tuple[Step, ...]] = {
    # One short tone; the light stays as long as it takes to look up.
    Signal.PAIRED: (Step(0.12, green=True, sound=True), Step(0.9, green=True)),
    # Three short tones: told from one by ear alone, over the noise of a packing line.
    Signal.REFUSED: (*3 * (Step(0.15, red=True, sound=True), _GAP), Step(0.9, red=True)),
    # Long tones, both lights: somebody has to come.
    Signal.ALARM: 3 * (Step(0.6, green=True, red=True, sound=True), Step(0.3)),
}
"""The steps of every signal. Everything is off between two patterns, and after the last."""
