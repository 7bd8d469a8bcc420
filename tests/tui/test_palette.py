"""The colours: readable, apart for every kind of eye, and what a console really has."""

from __future__ import annotations

import re
from importlib.resources import files
from itertools import combinations
from typing import get_args

import pytest
from rich._palettes import STANDARD_PALETTE
from rich.color import Color, ColorSystem

from support.screen import make
from tagsmith.config import ScreenSettings
from tagsmith.tui import palette
from tagsmith.tui.face import Tone

STATES = tuple(tone.value for tone in Tone)
GROUNDS = (*STATES, "desk", "bar", "note", "severe")

# Machado, Oliveira & Fernandes (2009), severity 1.0, on linear RGB.
SIGHTS = {
    "normal": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritan": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}


def linear(colour: str) -> tuple[float, float, float]:
    """Linear RGB of `#rrggbb`."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return r, g, b


def luminance(rgb: tuple[float, float, float]) -> float:
    """Relative luminance (WCAG)."""
    return 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio (WCAG)."""
    low, high = sorted(luminance(linear(colour)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def lab(colour: str, sight: str) -> tuple[float, float, float]:
    """CIE L*a*b* (D65) of a colour as this sight has it."""
    rgb = linear(colour)
    r, g, b = (min(max(sum(m * c for m, c in zip(row, rgb, strict=True)), 0), 1) for row in SIGHTS[sight])
    x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047
    y = 0.2126 * r + 0.7152 * g + 0.0722 * b
    z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883
    fx, fy, fz = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def distance(one: str, other: str, sight: str) -> float:
    """How far two colours are apart for this sight (dE76)."""
    return sum((p - q) ** 2 for p, q in zip(lab(one, sight), lab(other, sight), strict=True)) ** 0.5


@pytest.mark.parametrize("theme", palette.THEMES)
@pytest.mark.parametrize("ground", GROUNDS)
def test_text_can_be_read_on_its_ground(theme: str, ground: str) -> None:
    """At least 4.5 to 1 (WCAG AA for normal text), 7 to 1 (AAA) in high contrast; white on red is what VGA has."""
    colours = palette.variables(theme)
    least = 7 if theme == "high-contrast" else 4.5
    assert contrast(colours[f"tag-{ground}"], colours[f"tag-on-{ground}"]) >= least


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize(("theme", "least"), [("dark", 39.9), ("light", 40), ("high-contrast", 40), ("console", 35)])
def test_states_are_told_apart_by_every_sight(sight: str, theme: str, least: float) -> None:
    """Colour distance dE76 between every two states, also for colour-blind eyes; a common theme has 22."""
    colours = palette.variables(theme)
    for one, other in combinations(STATES, 2):
        assert distance(colours[f"tag-{one}"], colours[f"tag-{other}"], sight) >= least, (one, other)


def test_console_colours_are_exact() -> None:
    """Each is one of the sixteen, and each ground one of the eight that a console can draw behind text."""
    for name, value in palette.variables("console").items():
        number = Color.parse(value).downgrade(ColorSystem.STANDARD).number
        assert number is not None
        assert STANDARD_PALETTE[number].hex == value, name
        assert number < 8 or "-on-" in name, name


@pytest.mark.parametrize(
    ("system", "theme"), [("truecolor", "dark"), ("256", "dark"), ("standard", "console"), (None, "console")]
)
def test_without_a_choice_the_theme_is_what_the_terminal_can(system: str | None, theme: str) -> None:
    """Sixteen colours would turn navy black."""
    assert palette.theme_for(system) == theme


def test_the_settings_and_the_palette_know_the_same_themes() -> None:
    """The settings cannot see the screen, so both name them."""
    annotation = ScreenSettings.model_fields["theme"].annotation
    assert {theme for literal in get_args(annotation) for theme in get_args(literal)} == set(palette.THEMES)


def test_the_stylesheet_and_the_palette_know_the_same_colours() -> None:
    """A colour that is missing would end the screen at its start."""
    stylesheet = files("tagsmith.tui").joinpath("tagsmith.tcss").read_text(encoding="utf-8")
    used = set(re.findall(r"\$(tag-[a-z-]+)", stylesheet))
    for theme in palette.THEMES:
        assert used == set(palette.variables(theme))
    assert all(f".-{state} {{" in stylesheet for state in STATES)


async def test_the_theme_changes_while_the_screen_runs() -> None:
    """At once, for what is on the screen and for what is opened later."""
    app = make(look="light")
    async with app.run_test() as pilot:
        for theme in palette.THEMES:
            app.wear(theme)
            await pilot.pause()
            sheet = app.screen.query_one("#status")
            ground = sheet.rich_style.bgcolor
            assert ground is not None
            assert ground.get_truecolor().hex == palette.variables(theme)["tag-bar"]
