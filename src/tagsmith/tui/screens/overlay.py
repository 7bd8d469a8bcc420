"""What lies over the operator's screen: a page that scrolls, under a line that still tells how the lane stands."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import Screen

from tagsmith.tui import keys
from tagsmith.tui.face import faces
from tagsmith.tui.text import Safe
from tagsmith.tui.typeset import Ink
from tagsmith.tui.widgets import EntrySheet, LineSheet, PageSheet, Shown, StripSheet

Lines = list[tuple[Safe, Ink]]


class Overlay(Screen[None], inherit_bindings=False):
    """A page over the lanes. Scans that come meanwhile go where they always go, and the top line tells of them.

    The help tells `ABOUT` where it was opened on this page: pairs of what is meant (a sentence with the ids of actions
    in braces, for their keys) and what it does.
    """

    AUTO_FOCUS = "VerticalScroll"
    ABOUT: ClassVar[tuple[tuple[str, str], ...]] = ()
    takes_text = False
    """Whether what is typed goes into a field of this page; scans go where they always go all the same."""

    def __init__(self, shown: Shown, title: Safe) -> None:
        super().__init__()
        self._shown = shown
        self._title_line = title

    @abstractmethod
    def page(self) -> PageSheet:
        """What is to be read."""

    def below(self) -> ComposeResult:
        """What stands between the page and the number being typed."""
        yield from ()

    def compose(self) -> ComposeResult:
        """Lane, title, page, the number being typed."""
        yield StripSheet(faces(self._shown.view)[0][1], id="lane")
        yield LineSheet(((self._title_line, Ink.BOLD),), id="title")
        with VerticalScroll():
            yield self.page()
        yield from self.below()
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
        entry = self.query_one(EntrySheet)
        entry.display = bool(shown.typed) or not self.takes_text
        entry.tell(shown.typed)


def title(text: str, action: str = "", rest: str = "") -> Safe:
    """The line above a page: what it is, how to go back, what else the keys do."""
    back = [keys.name(one) for one in (action, "clear") if one]
    return Safe("   ".join(part for part in (text, keys.back(back), rest) if part))
