"""The sheets that are picked from: a list of any length, and a few choices in full."""

from __future__ import annotations

from collections.abc import Sequence

from textual.binding import Binding
from textual.events import Click
from textual.message import Message

from tagsmith.tui import lists
from tagsmith.tui.lists import Item
from tagsmith.tui.text import Safe
from tagsmith.tui.typeset import Row
from tagsmith.tui.widgets import Sheet


class PickSheet(Sheet, can_focus=True):
    """A list to pick from, by arrows and Enter or by the mouse. Only what is in sight is set.

    Letters and digits never come here: they are a number's. `at` is the place of the mark; without items there is none.
    """

    BINDINGS = [  # noqa: RUF012
        Binding("up", "move(-1)"),
        Binding("down", "move(1)"),
        Binding("pageup", "page(-1)"),
        Binding("pagedown", "page(1)"),
        Binding("home", "move(-1000000)"),
        Binding("end", "move(1000000)"),
        Binding("enter", "pick"),
    ]

    class Moved(Message):
        """Another item is marked."""

    class Picked(Message):
        """A person wants this item."""

        def __init__(self, item: Item) -> None:
            super().__init__()
            self.item = item

    def __init__(self, empty: Safe, id: str | None = None) -> None:
        super().__init__(id=id)
        self.items: Sequence[Item] = ()
        self.at = 0
        self._empty = empty
        self._first = 0

    @property
    def marked(self) -> Item | None:
        """The item with the mark."""
        return self.items[self.at] if 0 <= self.at < len(self.items) else None

    def tell(self, items: Sequence[Item]) -> None:
        """Show these. The mark stays on what it was on, however the list has changed; before the first (-1) is none."""
        marked = self.marked
        if marked is not None:
            self.at = next((place for place, item in enumerate(items) if item.key == marked.key), self.at)
        self.items = items
        if items:
            self.at = min(self.at, len(items) - 1)
        self.renew()

    def typeset(self, width: int, height: int) -> Sequence[Row]:
        """What is in sight, the marked item in exchanged colours."""
        self._first = lists.first_in_sight(self.at, self._first, len(self.items), height)
        return lists.pick_rows(self.items, self.at, self._first, width, height, self._empty)

    def action_move(self, by: int) -> None:
        """Mark another one."""
        self._mark(max(0, min(self.at + by, len(self.items) - 1)))

    def _mark(self, place: int) -> None:
        if place != self.at:
            self.at = place
            self.renew()
            self.post_message(self.Moved())

    def action_page(self, by: int) -> None:
        """Mark one that is a screenful away."""
        self.action_move(by * max(self.size.height - 1, 1))

    def action_pick(self) -> None:
        """This one."""
        if self.marked is not None:
            self.post_message(self.Picked(self.marked))

    def place_at(self, y: int) -> int | None:
        """The item on this row."""
        place = self._first + y
        return place if place < len(self.items) else None

    def on_click(self, event: Click) -> None:
        """The first click marks, a click on what is marked picks: a mouse that slipped does nothing."""
        offset = event.get_content_offset(self)
        place = None if offset is None else self.place_at(offset.y)
        if place is None:
            return
        if place == self.at:
            self.action_pick()
        else:
            self._mark(place)

    def on_mouse_scroll_up(self) -> None:
        """Back."""
        self.action_move(-1)

    def on_mouse_scroll_down(self) -> None:
        """On."""
        self.action_move(1)


class ChoiceSheet(PickSheet):
    """A few choices, each in full, on two lines where it needs them. All of them are in sight."""

    def typeset(self, width: int, height: int) -> Sequence[Row]:
        """The choices, the marked one in exchanged colours."""
        self._places, rows = lists.choice_rows(self.items, self.at, width, height)
        return rows

    def place_at(self, y: int) -> int | None:
        """The choice on this row."""
        return self._places[y] if y < len(self._places) else None
