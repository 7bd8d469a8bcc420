"""What lies over the operator's screen: a page that scrolls, under a line that still tells how the lane stands."""

from __future__ import annotations

from abc import abstractmethod

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import Screen

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
        yield StripSheet.of(self._shown, id="lane")
        yield LineSheet(((self._title_line, Ink.BOLD),), id="title")
        with VerticalScroll():
            yield self.page()
        yield EntrySheet(id="entry")

    def on_mount(self) -> None:
        """Show what there is."""
        self.tell(self._shown)

    def tell(self, shown: Shown) -> None:
        """Show how the lanes stand and what is being typed."""
        self._shown = shown
        if not self.is_mounted:
            return
        self.query_one(StripSheet).tell_all(shown)
        self.query_one(EntrySheet).tell(shown.typed)
