"""What the screens that are picked from have in common: the lanes in one line, a list, what the station said."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.screen import Screen

from tagsmith.i18n import spoken
from tagsmith.tui.gate import Typing, Wanted
from tagsmith.tui.lists import Item
from tagsmith.tui.picking import PickSheet
from tagsmith.tui.port import Station
from tagsmith.tui.screens.overlay import TitleSheet
from tagsmith.tui.text import EMPTY, Safe, printable
from tagsmith.tui.widgets import EntrySheet, NoteSheet, Shown, StripSheet


class ListScreen(Screen[None], inherit_bindings=False):
    """A list over the lanes. Numbers that are scanned or typed meanwhile go where they always go.

    What the station said before it was opened is no news here.
    """

    AUTO_FOCUS = "PickSheet"
    TYPING = Typing.LIST
    ABOUT: ClassVar[tuple[tuple[str, str], ...]] = ()
    """What the help tells of it, as `Overlay.ABOUT`."""

    def __init__(self, shown: Shown, title: Safe, rest: str = "", empty: Safe = EMPTY) -> None:
        super().__init__()
        self._shown = shown
        self._old = shown.view.said
        # Kept here: a view may still come while the screen is being taken down, and nothing is found in it then.
        self._strip = StripSheet.of(shown, id="lane")
        self._title = TitleSheet(title, Safe(rest), id="title")
        self._list = PickSheet(empty)
        self._note = NoteSheet(id="note")
        self._said = NoteSheet(id="said")
        self._entry = EntrySheet(id="entry")

    @abstractmethod
    def items(self, shown: Shown) -> Sequence[Item]:
        """What can be picked."""

    @abstractmethod
    def picked(self, item: Item) -> None:
        """This one is wanted."""

    def compose(self) -> ComposeResult:
        """Lanes, title, list, what is said of the marked item, what the station said, the number being typed."""
        yield from (self._strip, self._title, self._list, self._note, self._said, self._entry)

    def on_mount(self) -> None:
        """Show what there is."""
        self.tell(self._shown)

    def on_resize(self) -> None:
        """What takes more lines on a narrow screen is measured anew."""
        self.tell(self._shown)

    def tell(self, shown: Shown) -> None:
        """Show this."""
        self._shown = shown
        if not self.is_mounted:
            return
        self._strip.tell_all(shown)
        self._list.tell(self.items(shown))
        self._told()
        said = shown.view.said
        if said != self._old:
            self._old = ""
        self._said.tell(printable(spoken(said)) if said and not self._old else EMPTY)
        self._entry.tell(shown.typed)

    def want(self, ask: Callable[[Station], None]) -> None:
        """Ask the station for something; whatever it says now is its answer."""
        self.expect_answer()
        self.post_message(Wanted(ask))

    def expect_answer(self) -> None:
        """Something was asked for just before: whatever the station says is its answer."""
        self._old = ""

    def _told(self) -> None:
        marked = self._list.marked
        self._note.tell(marked.below if marked else EMPTY)

    @on(PickSheet.Moved)
    def _moved(self) -> None:
        self._told()

    @on(PickSheet.Picked)
    def _picked(self, message: PickSheet.Picked) -> None:
        # A number that is half typed ends with Enter; a list must not take it for a choice.
        if self._shown.typed or not message.item.open:
            self.app.bell()
        else:
            self.picked(message.item)
