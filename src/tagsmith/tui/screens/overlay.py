"""What lies over the operator's screen: a page that scrolls, under a line that still tells how the lane stands."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import Screen

from tagsmith.tui import keys
from tagsmith.tui.text import EMPTY, Safe, joined, printable
from tagsmith.tui.typeset import Ink, Row, first_that_fits, padded, row, wrapped
from tagsmith.tui.widgets import EntrySheet, PageSheet, Sheet, Shown, StripSheet

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

    def __init__(self, shown: Shown, title: Safe, rest: str = "") -> None:
        super().__init__()
        self._shown = shown
        self._title_line = TitleSheet(title, Safe(rest), id="title")

    @abstractmethod
    def page(self) -> PageSheet:
        """What is to be read."""

    def below(self) -> ComposeResult:
        """What stands between the page and the number being typed."""
        yield from ()

    def compose(self) -> ComposeResult:
        """Lane, title, page, the number being typed."""
        yield StripSheet.of(self._shown, id="lane")
        yield self._title_line
        with VerticalScroll():
            yield self.page()
        yield from self.below()
        yield EntrySheet(id="entry")

    def on_mount(self) -> None:
        """Show what there is."""
        self.tell(self._shown)

    @property
    def is_there(self) -> bool:
        """Whether there is anything to show a view: one may come before the page is made, or while it is taken down."""
        return bool(self.query("#entry"))

    def tell(self, shown: Shown) -> None:
        """Show how the lanes stand and what is being typed."""
        self._shown = shown
        if not self.is_there:
            return
        self.query_one(StripSheet).tell_all(shown)
        entry = self.query_one(EntrySheet)
        entry.display = bool(shown.typed) or not self.takes_text
        entry.tell(shown.typed)


class TitleSheet(Sheet):
    """The line above a page; what the keys do besides going back is left out where there is no room for it."""

    def __init__(self, title: Safe, rest: Safe, id: str) -> None:
        super().__init__(id=id)
        self._variants = (joined([title, rest], "   "), title)

    def typeset(self, width: int, height: int) -> Sequence[Row]:
        """One line."""
        return [row(first_that_fits(width, self._variants), Ink.BOLD)]


def title(text: str, action: str) -> Safe:
    """What a page is, and the keys that go back from it."""
    return Safe(f"{text}   {keys.back([keys.name(action), keys.name('clear')])}")


def spread(label: str, text: str, at: int, width: int) -> list[Safe]:
    """A label and its text beside it, in a column that begins at `at`; below it where the page is too narrow."""
    if cell_len(label) >= at or (width < 2 * at and cell_len(text) > width - at):
        return [Safe(label), *(Safe(f"{'':{_BELOW}}{part}") for part in _parts(text, width - _BELOW))]
    first, *more = _parts(text, width - at) or [EMPTY]
    return [Safe(padded(label, at) + first), *(Safe(" " * at + part) for part in more)]


_BELOW = 5


def _parts(text: str, width: int) -> list[Safe]:
    return wrapped(printable(text), width, len(text) or 1)
