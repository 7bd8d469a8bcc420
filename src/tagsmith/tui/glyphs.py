"""The few signs that are no letters, by what the terminal's font has. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Glyphs:
    """`block` is a full cell, `done` and `rest` are the two parts of a bar, `levels` rise from nothing to the most."""

    block: str
    done: str
    rest: str
    levels: str


FULL = Glyphs("█", "█", "░", "▁▂▃▄▅▆▇█")
CONSOLE = Glyphs("█", "█", "░", "_.:-=+*#")
"""The fonts of Linux consoles have full and light cells, but none of the eighths."""
ASCII = Glyphs("#", "#", "-", "_.:-=+*#")


def glyphs(*, is_unicode: bool, color_system: str | None) -> Glyphs:
    """What may be drawn. `color_system` is Rich's: one of 16 colours is a console's, whatever TERM says."""
    if not is_unicode:
        return ASCII
    return CONSOLE if color_system in (None, "standard") else FULL


def bar(share: float, width: int, signs: Glyphs) -> str:
    """A bar of so many cells. It is full only when all is done, and not empty once something is."""
    share = min(max(share, 0.0), 1.0)
    done = int(share * width)
    if share > 0.0 and done == 0 and width > 1:
        done = 1
    return signs.done * done + signs.rest * (width - done)


def sparkline(values: tuple[int, ...], signs: Glyphs) -> str:
    """One sign per value, the highest for the most. Something is never drawn as nothing."""
    most = max(values, default=0)
    top = len(signs.levels) - 1
    return "".join(signs.levels[0 if value <= 0 else max(1, round(value * top / most))] for value in values)
