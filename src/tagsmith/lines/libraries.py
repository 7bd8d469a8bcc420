"""The libraries that not every station needs, and the line that installs one that is missing.

It imports none of them and installs nothing.
"""

from __future__ import annotations

import shlex
import sys

_PACKAGES = {
    "pcsc": ("pyscard",),
    "nfcpy": ("nfcpy==1.0.4",),
    "serial": ("pyserial",),
    "evdev": ("evdev",),
    "gpio": ("gpiozero", "lgpio"),
    "postgresql": ("psycopg", "psycopg[binary]"),
    "xlsx": ("openpyxl",),
    "web": ("textual-serve==1.1.3", "aiohttp"),
}


def pip_line(*packages: str) -> str:
    """The line that installs packages for the Python that runs this, wherever tagsmith came from."""
    return shlex.join([sys.executable, "-m", "pip", "install", *packages])


def missing(extra: str) -> str:
    """The line that installs what one of tagsmith's extras brings: `pcsc`, `nfcpy`, `serial` and so on.

    It names the libraries, not the extra: tagsmith itself need not come from a place that pip knows.

    Raises:
        KeyError: no extra is called so.
    """
    return pip_line(*_PACKAGES[extra])
