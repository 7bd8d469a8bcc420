"""The colours: four strong states that stay apart for colour-blind eyes, once in full and once in 16 colours.

The full set keeps a colour distance (dE76) of 40 or more between every two states for normal, protan, deutan and
tritan sight. The console of Linux has 8 backgrounds; the kernel and Rich pick the nearest, which makes navy black,
so the second set uses exact VGA values: blue, black, cyan and red are the four that stay apart best (36 or more; grey
instead of black would be one colour with cyan for one man in twelve).
"""

from __future__ import annotations

_FULL = {
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


def variables(color_system: str | None) -> dict[str, str]:
    """The stylesheet's colour variables (`$tag-ready` and so on) for what the terminal can show.

    `color_system` is that of the console as Rich found it; `standard` is 16 colours, whatever TERM says.
    """
    chosen = _CONSOLE if color_system in (None, "standard") else _FULL
    return {f"tag-{name}": value for name, value in chosen.items()}
