"""The colours: four themes, each with four strong states that stay apart for colour-blind eyes.

Dark, light and high contrast keep a colour distance (dE76) of 40 between every two states for normal, protan, deutan
and tritan sight; text has a contrast of 4.5 to 1 or more, in high contrast 7 to 1. The console of Linux has 8
backgrounds; the kernel and Rich pick the nearest, which makes navy black, so its theme uses exact VGA values: blue,
black, cyan and red are the four that stay apart best (36 or more; grey instead of black would be one colour with cyan
for one man in twelve).
"""

from __future__ import annotations

from tagsmith.i18n import N_

THEMES: dict[str, str] = {
    "dark": N_("dark"),
    "light": N_("light"),
    "high-contrast": N_("high contrast"),
    "console": N_("console, 16 colours"),
}
"""The themes by the name that settings have for them, with what a person reads."""

_DARK = {
    "ready": "#0a3d7a",
    "on-ready": "#ffffff",
    "half": "#f5c518",
    "on-half": "#000000",
    "paired": "#35c98a",
    "on-paired": "#000000",
    "error": "#d40000",
    "on-error": "#ffffff",
    "desk": "#101418",
    "on-desk": "#e8e8e8",
    "bar": "#28303a",
    "on-bar": "#ffffff",
    "note": "#000000",
    "on-note": "#f5c518",
    "severe": "#ffffff",
    "on-severe": "#b00000",
}

_LIGHT = {
    # As strong as in the dark: pastel states are one colour to many eyes.
    "ready": "#0b4f9e",
    "on-ready": "#ffffff",
    "half": "#ffcc00",
    "on-half": "#000000",
    "paired": "#3ad29f",
    "on-paired": "#000000",
    "error": "#c00000",
    "on-error": "#ffffff",
    "desk": "#f7f7f4",
    "on-desk": "#14181c",
    "bar": "#d5dbe2",
    "on-bar": "#000000",
    "note": "#fff1b8",
    "on-note": "#3d2c00",
    "severe": "#7a0000",
    "on-severe": "#ffffff",
}

_HIGH_CONTRAST = {
    "ready": "#001f6b",
    "on-ready": "#ffffff",
    "half": "#ffe000",
    "on-half": "#000000",
    "paired": "#5fe3b0",
    "on-paired": "#000000",
    "error": "#980000",
    "on-error": "#ffffff",
    "desk": "#000000",
    "on-desk": "#ffffff",
    # Not white: the white letters of a state stand right beside it.
    "bar": "#262626",
    "on-bar": "#ffffff",
    "note": "#000000",
    "on-note": "#ffe000",
    "severe": "#c8c8c8",
    "on-severe": "#000000",
}

_CONSOLE = {
    "ready": "#0000aa",
    "on-ready": "#ffffff",
    "half": "#000000",
    "on-half": "#ffff55",
    "paired": "#00aaaa",
    "on-paired": "#000000",
    "error": "#aa0000",
    "on-error": "#ffffff",
    "desk": "#000000",
    "on-desk": "#aaaaaa",
    "bar": "#000000",
    "on-bar": "#ffffff",
    "note": "#aaaaaa",
    "on-note": "#000000",
    "severe": "#aa00aa",
    "on-severe": "#ffffff",
}

_COLOURS = {"dark": _DARK, "light": _LIGHT, "high-contrast": _HIGH_CONTRAST, "console": _CONSOLE}
FAINT = frozenset({"dark", "light", "console"})
"""Themes in which text that may be overlooked is drawn fainter."""


def theme_for(color_system: str | None) -> str:
    """The theme for what the terminal can show, where nobody has chosen one.

    `color_system` is that of the console as Rich found it; `standard` is 16 colours, whatever TERM says.
    """
    return "console" if color_system in (None, "standard") else "dark"


def variables(theme: str) -> dict[str, str]:
    """The stylesheet's colour variables (`$tag-ready` and so on) of a theme."""
    return {f"tag-{name}": value for name, value in _COLOURS[theme].items()}
