"""What lies over the operator's screen: a page that scrolls, under a line that still tells how the lane stands."""

from __future__ import annotations

from abc import abstractmethod

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import Screen

from tagsmith.tui.face import faces
from tagsmith.tui.text import Safe
from tagsmith.tui.typeset import Ink
from tagsmith.tui.widgets import EntrySheet, LineSheet, PageSheet, Shown, StripSheet


class Overlay(Screen[None], inherit_bindings=False):
    """A page over the lanes. Scans that come meanwhile go where they always go, and the top line tells of them."""

    AUTO_FOCUS = "VerticalScroll"

    def __init__(self, shown: Shown, title: Safe) -> None:
        super().__init__()
        self._shown = shown
        self._title_line = title

    @abstractmethod
    def page(self) -> PageSheet:
        """What is to be read."""

    def compose(self) -> ComposeResult:
        """Lane, title, page, the number being typed."""
        yield StripSheet(faces(self._shown.view)[0][1], id="lane")
        yield LineSheet(((self._title_line, Ink.BOLD),), id="title")
        with VerticalScroll():
            yield self.page()
        yield EntrySheet(id="entry")

    def on_mount(self) -> None:
        """Show what there is."""
        self.tell(self._shown)

    def tell(self, shown: Shown) -> None:
        """Show how the first lane stands and what is being typed."""
        self._shown = shown
        if not self.is_mounted:
            return
        heading, face = faces(shown.view, settled=shown.settled, alarm_seen=shown.alarm_seen)[0]
        self.query_one(StripSheet).tell(face, heading)
        self.query_one(EntrySheet).tell(shown.typed)
