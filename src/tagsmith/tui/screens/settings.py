"""The settings' page (Ctrl+T): every setting in force, and the file, variable or flag that it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from tagsmith.i18n import N_, Sentence, _, spoken
from tagsmith.tui import palette
from tagsmith.tui.screens.overlay import Lines, Overlay, spread, title
from tagsmith.tui.text import EMPTY, Safe, printable
from tagsmith.tui.typeset import Ink
from tagsmith.tui.widgets import PageSheet, Shown

if TYPE_CHECKING:
    from tagsmith.config import Explained

_NAME = 21


def setting_lines(settings: Sequence[Explained], theme: str, width: int) -> Lines:
    """What the page says of these settings: section by section, those that somebody has set bold, with their place."""
    now = spoken(Sentence("The colours now: {theme}.", theme=palette.THEMES[theme]))
    lines: Lines = [(Safe(now), Ink.PLAIN)]
    if not settings:
        lines.append((Safe(_("This station has settings of its own, none of them from a file.")), Ink.PLAIN))
    lines.append((EMPTY, Ink.PLAIN))
    for section, members in groupby(settings, key=lambda one: one.section):
        lines.append((printable(section if section.startswith("[") else f"[{section}]"), Ink.REVERSE))
        for one in members:
            ink = Ink.BOLD if one.where else Ink.PLAIN
            lines += [(text, ink) for text in spread(one.name, one.value or _("not set"), _NAME, width)]
            if one.where:
                lines.append((printable("  " + _("from {place}").format(place=one.where)), Ink.DIM))
        lines.append((EMPTY, Ink.PLAIN))
    return lines


class SettingsScreen(Overlay):
    """The settings as they were at the start: those that hold. The same key, or Esc, goes back."""

    ABOUT = (
        (
            N_("This page"),
            N_("all settings; bold is what somebody has set, with where. It is read, not written, here."),
        ),
        ("***", N_("a secret, which no page shows.")),
        (N_("To change one"), N_("write it into the file that is named, and start the station again.")),
    )

    def __init__(self, shown: Shown, settings: Sequence[Explained], theme: str) -> None:
        super().__init__(shown, title(_("SETTINGS"), "settings"), _("arrows: scroll"))
        self._settings = settings
        self._theme = theme

    def page(self) -> PageSheet:
        """All of them."""
        return PageSheet(lambda width: setting_lines(self._settings, self._theme, width))
