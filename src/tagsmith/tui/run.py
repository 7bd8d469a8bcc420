"""The screen from the outside: whether it can be shown here, and its life from the first frame to the last."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from tagsmith.errors import StationError
from tagsmith.tui.port import ExtraKey, FieldStation, Station

if TYPE_CHECKING:
    from tagsmith.config import Explained
    from tagsmith.tui.app import TagsmithApp
    from tagsmith.tui.ring import LogRing

STOP_WITHIN_S = 10.0
"""How long the station may take to end after the screen has."""


_INSTEAD = "use `--plain` (sentences), `--headless` (JSON), or `tagsmith demo --auto N`"


def check_terminal() -> None:
    """See that there is a terminal the screen can be shown on.

    Raises:
        StationError: there is none, or it can do nothing but lines.
    """
    if os.environ.get("TEXTUAL_DRIVER"):
        return  # a server holds the other end, a browser the terminal
    streams = (sys.__stdin__, sys.__stdout__)
    if not all(stream is not None and stream.isatty() for stream in streams):
        raise StationError("the screen needs a terminal", _INSTEAD)
    if os.environ.get("TERM", "") in ("", "dumb"):
        raise StationError("this terminal cannot show a screen (TERM=dumb)", _INSTEAD)


def run_screen(
    station: Station,
    *,
    extra_keys: Sequence[ExtraKey] = (),
    hint: Callable[[], str] | None = None,
    silence_s: float | None = None,
    bell: bool = True,
    theme: str | None = None,
    keys: Mapping[str, str] | None = None,
    operators: bool = False,
    settings: Sequence[Explained] = (),
    stop_within_s: float = STOP_WITHIN_S,
) -> int:
    """Show the station until somebody leaves; the exit status. Starts the station after the first frame and ends it.

    `theme`, `keys`, `operators` and `settings` are as `TagsmithApp` has them.

    0 when asked to end (F10, SIGTERM, SIGINT), 1 when the terminal went away (SIGHUP, end of input) or the screen
    failed.

    Raises:
        StationError: there is no terminal for it.
        TagsmithError: the station could not be started.
    """
    check_terminal()
    from tagsmith.tui.app import TagsmithApp

    def make(ring: LogRing) -> TagsmithApp:
        return TagsmithApp(
            station,
            ring=ring,
            extra_keys=extra_keys,
            hint=hint,
            silence_s=silence_s,
            bell=bell,
            look=theme,
            keys=keys,
            operators=operators,
            settings=settings,
        )

    return _run(make, station, stop_within_s)


def run_form(
    station: FieldStation,
    *,
    user: str = "",
    silence_s: float | None = None,
    bell: bool = True,
    theme: str | None = None,
    keys: Mapping[str, str] | None = None,
    operators: bool = False,
    settings: Sequence[Explained] = (),
    stop_within_s: float = STOP_WITHIN_S,
) -> int:
    """Show the technician's form, as `run_screen` shows the station; `user` stands in it from the start.

    Raises:
        StationError: there is no terminal for it.
        TagsmithError: the station could not be started.
    """
    check_terminal()
    from tagsmith.tui.field import FieldApp

    def make(ring: LogRing) -> TagsmithApp:
        return FieldApp(
            station,
            user=user,
            ring=ring,
            silence_s=silence_s,
            bell=bell,
            look=theme,
            keys=keys,
            operators=operators,
            settings=settings,
        )

    return _run(make, station, stop_within_s)


def _run(make: Callable[[LogRing], TagsmithApp], station: Station, stop_within_s: float) -> int:
    from tagsmith.tui.ring import LogRing, log_off_the_terminal

    ring = LogRing()
    with log_off_the_terminal(ring):
        app = make(ring)
        try:
            # A console of Linux has no mouse that is told to programs. Elsewhere marking and copying needs Shift now.
            status = app.run(mouse=os.environ.get("TERM") != "linux")
        finally:
            station.stop(stop_within_s)
    if app.failure is not None:
        raise app.failure
    if app.last_words:
        sys.stderr.write(f"tagsmith: {app.last_words}\n")
    return app.return_code or status or 0
